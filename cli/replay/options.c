/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include <buddyslab.h>

#include "../common/arguments.h"
#include "allocators.h"
#include "error.h"
#include "options_engine.h"
#include "options_heap.h"
#include "options_trace.h"

#define DEFAULT_SAMPLES 1000
#define MAX_SAMPLES 100000
#define DEFAULT_DIRECTORY "bsa-report"

static const char *const layer_names[] = {"slab", "page", "both"};
static const char *const cpu_map_names[] = {"recorded", "thread", "round-robin", "hash"};
static const char *const yes_no[] = {"no", "yes"};

GQuark replay_error_quark(void)
{
    return g_quark_from_static_string("bsa-replay");
}

const char *replay_layer_name(enum trace_layer layer)
{
    return layer_names[layer];
}

const char *replay_cpu_map_name(enum replay_cpu_map map)
{
    return cpu_map_names[map];
}

/* SIZE[@EVENT]; events of regions rise, and the first region is there from the start. */
static gboolean parse_region(const char *text, guint i, struct replay_options *options,
                             GError **error)
{
    const char *at = strchr(text, '@');
    char *size = at == NULL ? g_strdup(text) : g_strndup(text, (gsize)(at - text));
    gboolean good = parse_size(size, PARSE_SIZE_MOST, &options->region[i], error);
    g_free(size);
    if (!good || at == NULL)
        return good;
    guint64 least = 1;
    for (guint before = 0; before < i; before++)
        least = MAX(least, options->region_event[before]);
    if (i > 0 && g_ascii_string_to_unsigned(at + 1, 10, least, G_MAXUINT64 - 1,
                                            &options->region_event[i], NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                i == 0 ? "%s: the first region is there from the start; give its SIZE alone"
                       : "%s: give SIZE@EVENT with the number of an event, from 1 on and not "
                         "before that of a region that was named earlier",
                text);
    return FALSE;
}

static gboolean parse_regions(char **texts, struct replay_options *options, GError **error)
{
    for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (i == REPLAY_MAX_REGIONS) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "more than %u regions; give fewer, larger ones", REPLAY_MAX_REGIONS);
            return FALSE;
        }
        if (!parse_region(texts[i], i, options, error)) {
            g_prefix_error(error, "--region: ");
            return FALSE;
        }
        options->regions = i + 1;
    }
    return TRUE;
}

/* What GOption fills before the values are looked at. */
struct raw_options {
    char *layer, *cpus, *cpu_map, *threads, *samples, *page_size, *directory;
    char **regions, **rest;
    gboolean minimum, curve, no_plots, quiet, version;
    struct replay_engine_raw engine;
    struct replay_heap_raw heap;
    struct replay_trace_raw trace;
    struct replay_output_raw output;
    struct replay_sweep_raw sweep;
    struct replay_tune_raw tune;
};

static void raw_clear(struct raw_options *raw)
{
    g_free(raw->layer);
    g_free(raw->cpus);
    g_free(raw->cpu_map);
    g_free(raw->threads);
    g_free(raw->samples);
    g_free(raw->page_size);
    g_free(raw->directory);
    g_strfreev(raw->regions);
    g_strfreev(raw->rest);
    replay_engine_raw_clear(&raw->engine);
    replay_heap_raw_clear(&raw->heap);
    replay_trace_raw_clear(&raw->trace);
    replay_output_raw_clear(&raw->output);
    replay_sweep_raw_clear(&raw->sweep);
    replay_tune_raw_clear(&raw->tune);
}

static gboolean take_trace(struct raw_options *raw, struct replay_options *options, GError **error)
{
    guint count = raw->rest == NULL ? 0 : g_strv_length(raw->rest);
    if (count == 1 || (count > 1 && raw->tune.classes != NULL)) {
        options->trace = g_strdup(raw->rest[0]);
        return parse_traces(raw->rest, error);
    }
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                count == 0 ? "no TRACE given; name a file, or - for standard input"
                           : "%u traces given; one run replays one trace, or makes a table of size "
                             "classes for several by --tune",
                count);
    return FALSE;
}

/* What only libbuddyslab in this process has is not asked of others. */
static gboolean check_backend(const struct raw_options *raw, const struct replay_options *options,
                              GError **error)
{
    const struct replay_engine_options *engine = &options->engine;
    const char *option = raw->minimum                         ? "--find-min-region"
                         : raw->curve                         ? "--curve"
                         : raw->regions != NULL               ? "--region"
                         : raw->threads != NULL               ? "--threads"
                         : engine->control.reclaim_every != 0 ? "--reclaim-every"
                                                              : replay_heap_given(&raw->heap);
    if (option != NULL && strcmp(engine->backend, "buddyslab") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s is for --backend=buddyslab, which can be compared with others by --against",
                    option);
        return FALSE;
    }
    return TRUE;
}

/* The recorded allocator has no simulated CPUs, and beside another one a reading of its own. */
static gboolean check_recorded(const struct raw_options *raw, const struct replay_options *options,
                               GError **error)
{
    const struct replay_engine_options *engine = &options->engine;
    gboolean alone = replay_allocator_is_recorded(engine->backend);
    const char *option = raw->cpus != NULL ? "--cpus" : raw->cpu_map != NULL ? "--cpu-map" : NULL;
    if (alone && option != NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s is not for --backend=recorded, which runs nothing; leave it out", option);
        return FALSE;
    }
    if (engine->recorded && !alone && strcmp(options->trace, "-") == 0) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--against=recorded reads the trace twice, which standard input does "
                            "not allow; name a file");
        return FALSE;
    }
    return TRUE;
}

/* A table is tried on libbuddyslab, in the strict schedule. */
static gboolean check_tune(const struct raw_options *raw, const struct replay_options *options,
                           GError **error)
{
    const char *option = raw->heap.classes != NULL ? "--classes"
                         : raw->minimum            ? "--find-min-region"
                         : raw->curve              ? "--curve"
                         : options->engine.against != NULL || options->engine.recorded ? "--against"
                         : options->output.terminal                                    ? "--term"
                         : strcmp(options->engine.backend, "buddyslab") != 0           ? "--backend"
                         : options->engine.order != REPLAY_STRICT ? "--schedule"
                                                                  : NULL;
    if (option == NULL || raw->tune.classes == NULL)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "%s does not go with --tune, which replays strictly on libbuddyslab with tables of "
                "its own choice; give it in a run with the table that is made",
                option);
    return FALSE;
}

static gboolean convert(struct raw_options *raw, struct replay_options *options, GError **error)
{
    guint layer = TRACE_LAYER_BOTH, map = REPLAY_CPU_RECORDED, threads = 0;
    if (!parse_word("layer", raw->layer, layer_names, G_N_ELEMENTS(layer_names), &layer, error) ||
        !parse_word("cpu-map", raw->cpu_map, cpu_map_names, G_N_ELEMENTS(cpu_map_names), &map,
                    error) ||
        !parse_word("threads", raw->threads, yes_no, G_N_ELEMENTS(yes_no), &threads, error) ||
        !parse_count("cpus", raw->cpus, 1, BSA_MAX_CPUS, &options->cpus, error) ||
        !parse_count("samples", raw->samples, 2, MAX_SAMPLES, &options->samples, error) ||
        !parse_page_size(raw->page_size, &options->page_size, error) ||
        !parse_regions(raw->regions, options, error) ||
        !replay_engine_convert(&raw->engine, &options->engine, error) ||
        !replay_heap_convert(&raw->heap, options->page_size, &options->heap, error) ||
        !replay_trace_convert(&raw->trace, options, error) || !check_backend(raw, options, error) ||
        !replay_output_convert(&raw->output, &options->output, error) ||
        !take_trace(raw, options, error) || !check_recorded(raw, options, error) ||
        !check_tune(raw, options, error) ||
        !replay_tune_convert(&raw->tune, raw->rest, &options->tune, error))
        return FALSE;
    if (raw->directory != NULL && raw->directory[0] == '\0') {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-o needs the name of a folder");
        return FALSE;
    }
    options->layer = (enum trace_layer)layer;
    options->cpu_map = (enum replay_cpu_map)map;
    options->threads = threads == 1;
    options->minimum = raw->minimum;
    options->curve = raw->curve;
    options->plots = !raw->no_plots;
    options->quiet = raw->quiet;
    options->directory = g_strdup(raw->directory != NULL ? raw->directory : DEFAULT_DIRECTORY);
    return TRUE;
}

static GOptionContext *make_context(struct raw_options *raw)
{
    const GOptionEntry entries[] = {
        {"layer", 0, 0, G_OPTION_ARG_STRING, &raw->layer, "slab, page or both (default)", "LAYER"},
        {"cpus", 0, 0, G_OPTION_ARG_STRING, &raw->cpus,
         "simulated CPUs, 1 to 4096 (default: recorded)", "N"},
        {"cpu-map", 0, 0, G_OPTION_ARG_STRING, &raw->cpu_map,
         "recorded (default), thread, round-robin or hash", "MAP"},
        {"region", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->regions,
         "memory; again: more, where it runs out or at EVENT", "SIZE[@EVENT]"},
        {"find-min-region", 0, 0, G_OPTION_ARG_NONE, &raw->minimum,
         "find the smallest region that is enough", NULL},
        {"curve", 0, 0, G_OPTION_ARG_NONE, &raw->curve,
         "fragmentation in regions of 1.02 to 2 peaks", NULL},
        {"page-size", 0, 0, G_OPTION_ARG_STRING, &raw->page_size,
         "of a page, 1K to 64K (default: 4K)", "SIZE"},
        {"threads", 0, 0, G_OPTION_ARG_STRING, &raw->threads,
         "one thread per CPU: yes or no (default)", "YES|NO"},
        {"samples", 0, 0, G_OPTION_ARG_STRING, &raw->samples,
         "points of the time line (default: 1000)", "N"},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &raw->directory,
         "of the report (default: " DEFAULT_DIRECTORY ")", "DIR"},
        {"no-plots", 0, 0, G_OPTION_ARG_NONE, &raw->no_plots,
         "write gnuplot scripts, draw no pictures", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &raw->quiet, "say nothing but errors", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &raw->version, "print the version and exit", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->rest, NULL, "TRACE"},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_set_summary(
        context, "Replays a recorded memory trace on libbuddyslab with simulated CPUs, and\n"
                 "writes a report with pictures. TRACE is a file of bsa-record, or of perf\n"
                 "script, trace-cmd, tracefs, mtrace, MallocLab, heaptrack or valgrind, plain or\n"
                 "compressed; - reads standard input.");
    g_option_context_set_description(
        context, "NAME: " REPLAY_ALLOCATORS_HELP "\n"
                 "SIZE is a number with an optional K, M, G or T (powers of 1024).\n"
                 "Without --region, it is 1.5 times the most that the trace has alive, and more.\n"
                 "Exit status: 0 done, 1 failed, 2 wrong usage. Manual: man bsa-replay");
    g_option_context_add_main_entries(context, entries, NULL);
    replay_engine_entries(&raw->engine, context);
    replay_heap_entries(&raw->heap, context);
    replay_trace_entries(&raw->trace, context);
    replay_output_entries(&raw->output, context);
    replay_sweep_entries(&raw->sweep, context);
    replay_tune_entries(&raw->tune, context);
    return context;
}

enum replay_parse replay_options_parse(struct replay_options *options, int *argc, char ***argv,
                                       GError **error)
{
    struct raw_options raw = {0};
    *options = (struct replay_options){.samples = DEFAULT_SAMPLES, .page_size = 4096};
    /* GOption exits by itself after --help, before values are checked. */
    GOptionContext *context = make_context(&raw);
    replay_tune_default(*argc, *argv);
    enum replay_parse result = REPLAY_PARSE_FAILED;
    if (g_option_context_parse(context, argc, argv, error)) {
        if (raw.version) {
            printf("bsa-replay %d.%d.%d\n", BSA_VERSION_MAJOR, BSA_VERSION_MINOR,
                   BSA_VERSION_PATCH);
            result = REPLAY_PARSE_DONE;
        } else if (replay_sweep_convert(&raw.sweep, &options->sweep, error)) {
            if (raw.sweep.grid != NULL && raw.tune.classes != NULL)
                g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                                    "--sweep does not go with --tune; give one of them");
            else if (raw.sweep.grid != NULL)
                result = REPLAY_PARSE_SWEEP;
            else if (convert(&raw, options, error))
                result = REPLAY_PARSE_RUN;
        }
    }
    g_option_context_free(context);
    raw_clear(&raw);
    return result;
}

int replay_options_refuse(const GError *error)
{
    gboolean file = error->domain == G_FILE_ERROR || error->domain == REPLAY_ERROR_DOMAIN;
    fprintf(stderr, "bsa-replay: %s\n%s", error->message, file ? "" : "Try 'bsa-replay --help'.\n");
    return file ? 1 : 2;
}

/* GOption tells its tables only in the text of --help, a line for each option. */
char **replay_options_names(void)
{
    struct raw_options raw = {0};
    GOptionContext *context = make_context(&raw);
    char *help = g_option_context_get_help(context, TRUE, NULL);
    GRegex *line = g_regex_new("^ .*--([a-z-]+)=", G_REGEX_MULTILINE | G_REGEX_UNGREEDY, 0, NULL);
    GStrvBuilder *names = g_strv_builder_new();
    GMatchInfo *match;
    for (g_regex_match(line, help, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        char *name = g_match_info_fetch(match, 1);
        g_strv_builder_add(names, name);
        g_free(name);
    }
    char **list = g_strv_builder_end(names);
    g_match_info_free(match);
    g_strv_builder_unref(names);
    g_regex_unref(line);
    g_free(help);
    g_option_context_free(context);
    return list;
}

void replay_options_clear(struct replay_options *options)
{
    g_free(options->trace);
    g_free(options->directory);
    replay_engine_options_clear(&options->engine);
    g_free(options->heap.classes);
    replay_sweep_options_clear(&options->sweep);
    replay_tune_options_clear(&options->tune);
}
