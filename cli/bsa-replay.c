/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay: a recorded memory trace on libbuddyslab, and a report of what it did. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/allocators.h"
#include "replay/caches.h"
#include "replay/error.h"
#include "replay/minimum.h"
#include "replay/options.h"
#include "common/figures.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/standard_output.h"
#include "replay/interrupt.h"
#include "replay/jobs.h"
#include "replay/process.h"
#include "report/backends.h"
#include "report/curve.h"
#include "report/observed.h"
#include "report/recorded_write.h"
#include "report/report.h"
#include "sweep/sweep.h"
#include "tune/tune.h"
#include "view/command.h"
#include "view/write.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* One run, from the open trace to the report. */
struct run {
    struct replay_options options;
    struct progress progress;
    trace_reader *reader;
    struct replay_caches caches;
    struct replay_minimum minimum;
    struct curve curve;
    struct recorded recorded;
    struct backends backends;
    struct observed observed;
    struct report report;
    struct tune tune;
    gboolean cut; /* by the user, before all was replayed */
};

static double seconds_since(gint64 start)
{
    return (double)(g_get_monotonic_time() - start) / 1e6;
}

static gboolean open_trace(struct run *run, GError **error)
{
    gint64 start = g_get_monotonic_time();
    run->reader = progress_open_trace(&run->progress, run->options.trace,
                                      replay_trace_options(&run->options), error);
    run->report.timing.read_seconds = seconds_since(start);
    return run->reader != NULL;
}

/* Has the allocator no figures of its own? Then there is nothing but what is measured of it. */
static gboolean is_foreign(const struct run *run)
{
    return strcmp(run->options.engine.backend, "buddyslab") != 0;
}

/* Which named caches the allocator has to have. */
static gboolean find_caches(struct run *run, GError **error)
{
    gint64 start = g_get_monotonic_time();
    gboolean ours = !is_foreign(run) || run->options.engine.against != NULL;
    if (!ours || !replay_wants_caches(&run->options, run->reader))
        return TRUE;
    if (!replay_caches_find(&run->caches, run->reader, error))
        return FALSE;
    run->options.heap.caches = &run->caches;
    run->report.timing.read_seconds += seconds_since(start);
    return TRUE;
}

/* Before anything that takes long, as a trace may not tell enough. */
static gboolean take_recorded(struct run *run, GError **error)
{
    guint64 events = run->reader == NULL ? 0 : trace_summary(run->reader)->events;
    return !run->options.engine.recorded ||
           recorded_take(&run->recorded, &run->options, events, &run->progress, error);
}

/* In processes of their own, before the reader moves on. */
static gboolean try_regions(struct run *run, GError **error)
{
    struct replay_search search = {
        .options = &run->options,
        .reader = run->reader,
        .progress = &run->progress,
    };
    gint64 start = g_get_monotonic_time();
    if (!run->options.minimum && !run->options.curve)
        return TRUE;
    gboolean ok = replay_minimum_ample(&run->minimum, &search, error) &&
                  (!run->options.minimum || replay_minimum_find(&run->minimum, &search, error)) &&
                  (!run->options.curve ||
                   curve_compute(&run->curve, &search, run->minimum.ample.peak_occupied, error));
    run->report.timing.regions_seconds = seconds_since(start);
    return ok;
}

/* What is shown is made from what was written, as bsa-replay show does it. */
static gboolean write_files(struct run *run, GError **error)
{
    const struct replay_options *options = &run->options;
    struct report_timing *timing = &run->report.timing;
    gint64 start = g_get_monotonic_time();
    if (!report_write(&run->report, error))
        return FALSE;
    timing->write_seconds = seconds_since(start);
    start = g_get_monotonic_time();
    gboolean made = view_make(options->directory, options->output.formats, options->plots, error);
    timing->draw_seconds = seconds_since(start);
    return report_write_timing(&run->report, made ? error : NULL) && made;
}

static gboolean write_report(struct run *run, GError **error)
{
    struct report *report = &run->report;
    report->options = &run->options;
    report->summary = trace_summary(run->reader);
    report->hygiene = trace_hygiene(run->reader);
    report->execution = &run->observed.session.execution;
    report->sampler = &run->observed.sampler;
    report->objects = &run->observed.objects;
    report->map = &run->observed.map;
    report->fit = &run->observed.fit;
    report->reader = run->reader;
    report->counters = run->observed.session.counters;
    report->allocator = run->observed.allocator;
    report->allocator_version = run->observed.allocator_version;
    report->page_size = run->options.page_size;
    report->minimum = &run->minimum;
    report->curve = &run->curve;
    report->recorded = &run->recorded;
    report->measure = &run->observed.measure;
    report->timing.replay_seconds = run->observed.seconds;
    return write_files(run, error);
}

static gboolean compare_backends(struct run *run, GError **error)
{
    return (!is_foreign(run) && run->options.engine.against == NULL) ||
           backends_run(&run->backends, &run->options, run->reader, &run->recorded, &run->progress,
                        error);
}

/* What the rest of the report rests on is not whole. */
static gboolean not_interrupted(GError **error)
{
    if (replay_interrupted() == 0)
        return TRUE;
    g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_INTERRUPTED,
                        "interrupted before the replay began; there is no report");
    return FALSE;
}

static gboolean write_backends(struct run *run, GError **error)
{
    return run->backends.count == 0 ||
           backends_write(&run->backends, &run->options, trace_summary(run->reader), error);
}

static gboolean replay(struct run *run, GError **error)
{
    const struct replay_options *options = &run->options;
    /* The table of backends is a report of its own. */
    run->cut = replay_interrupted() != 0;
    if (is_foreign(run) || (run->backends.count > 0 && run->cut))
        return write_backends(run, error) &&
               view_make(options->directory, options->output.formats, options->plots, error);
    gboolean ok =
        observed_replay(&run->observed, options, TRUE, run->reader, &run->progress, error);
    run->cut = replay_interrupted() != 0;
    return ok && write_backends(run, error) && write_report(run, error);
}

/* When there is something to write: what an earlier run left goes. */
static gboolean prepare_folder(const char *folder, GError **error)
{
    return files_make_folder(folder, error) && view_remove(folder, error) &&
           report_remove(folder, error) && tune_remove(folder, error);
}

/* Of the recorded allocator alone: nothing is replayed. */
static gboolean tell_recorded(struct run *run, GError **error)
{
    const struct replay_options *options = &run->options;
    gboolean ok = take_recorded(run, error);
    replay_interrupt_catch();
    return ok && prepare_folder(options->directory, error) &&
           recorded_write(&run->recorded, options, run->report.trace_name, error) &&
           view_make(options->directory, options->output.formats, options->plots, error);
}

/* A table of size classes, instead of a report. */
static gboolean do_tune(struct run *run, GError **error)
{
    const struct replay_options *options = &run->options;
    return tune_run(&run->tune, options, &run->progress, error) &&
           prepare_folder(options->directory, error) && tune_write(&run->tune, error) &&
           view_make(options->directory, options->output.formats, options->plots, error);
}

/* All that a run is made of, up to its files. */
static gboolean do_run(struct run *run, GError **error)
{
    const char *folder = run->options.directory, *name = run->options.trace;
    run->report.trace_name =
        strcmp(name, "-") == 0 ? g_strdup("standard input") : g_filename_display_basename(name);
    replay_interrupt_tell("interrupted while the trace was read; nothing is written");
    if (!files_try(folder, error))
        return FALSE;
    if (run->options.tune.classes != 0)
        return do_tune(run, error);
    if (replay_allocator_is_recorded(run->options.engine.backend))
        return tell_recorded(run, error);
    if (!open_trace(run, error) || !take_recorded(run, error))
        return FALSE;
    replay_interrupt_catch();
    return find_caches(run, error) && try_regions(run, error) && not_interrupted(error) &&
           compare_backends(run, error) && prepare_folder(folder, error) && replay(run, error);
}

/* What there is of a report has been written. */
static int status_of(const struct run *run)
{
    if (replay_interrupted() != 0) {
        fprintf(stderr, "bsa-replay: interrupted%s\n",
                run->cut ? "; the report is of what was done"
                         : " when all was replayed; what is written is complete");
        return 128 + replay_interrupted();
    }
    if (!run->observed.session.execution.partial && !run->backends.partial)
        return EXIT_DONE;
    fprintf(stderr, "bsa-replay: a request failed, and --on-failure=stop ends the replay there\n");
    return EXIT_FAILED;
}

static void print_summary(const struct run *run)
{
    if (run->backends.count > 0) {
        GString *table = g_string_new(NULL);
        backends_text(&run->backends, &run->options, table);
        printf("%s\n", table->str);
        g_string_free(table, TRUE);
    }
    if (run->options.tune.classes != 0) {
        GString *line = g_string_new(NULL);
        tune_option_string(&run->tune, line);
        printf("%s\n", line->str);
        g_string_free(line, TRUE);
    }
    if (is_foreign(run) && run->recorded.figures) {
        GString *line = g_string_new("recorded: ");
        append_bytes(line, run->recorded.account.peak_requested);
        g_string_append(line, " requested at peak, ");
        append_bytes(line, run->recorded.account.occupied.max_size);
        printf("%s of pages in use at most\n", line->str);
        g_string_free(line, TRUE);
    }
    if (is_foreign(run) || run->observed.session.execution.events == 0) {
        printf("report: %s\n", run->options.directory);
        return;
    }
    const struct replay_execution *execution = &run->observed.session.execution;
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%" G_GUINT64_FORMAT " events on %u CPU%s, ", execution->events,
                           execution->cpus, execution->cpus == 1 ? "" : "s");
    append_bytes(line, execution->account.peak_requested);
    g_string_append(line, " requested at peak, ");
    append_bytes(line, execution->account.occupied.max_size);
    g_string_append(line, " of pages");
    if (run->options.engine.order != REPLAY_STRICT)
        g_string_append_printf(line, " in %u looks", run->observed.sampler.count);
    g_string_append_printf(line, ", %" G_GUINT64_FORMAT " requests failed\n", execution->failed);
    if (run->minimum.searched) {
        g_string_append(line, "smallest region: ");
        append_bytes(line, run->minimum.smallest.region_bytes);
        g_string_append_printf(line, " (%" G_GUINT64_FORMAT " bytes)\n",
                               run->minimum.smallest.region_bytes);
    }
    g_string_append_printf(line, "report: %s", run->options.directory);
    printf("%s\n", line->str);
    g_string_free(line, TRUE);
}

/* What a reader of the figures has to know, and would not look for. */
static void warn(const struct run *run)
{
    const struct trace_hygiene *hygiene = run->reader != NULL ? trace_hygiene(run->reader) : NULL;
    if (hygiene != NULL && hygiene->cut_bytes > 0)
        fprintf(stderr,
                "bsa-replay: %s is cut off: its last %" G_GUINT64_FORMAT
                " bytes are no whole chunk, and what came after them is missing\n",
                run->report.trace_name, hygiene->cut_bytes);
}

static void run_clear(struct run *run)
{
    g_free(run->report.trace_name);
    recorded_clear(&run->recorded);
    backends_clear(&run->backends);
    observed_clear(&run->observed);
    tune_clear(&run->tune);
    replay_caches_clear(&run->caches);
    if (run->reader != NULL)
        trace_close(run->reader);
    replay_options_clear(&run->options);
}

/* A trace of that name is ./diff. */
static gboolean run_command(int argc, char **argv, int *status)
{
    if (argc >= 2 && strcmp(argv[1], "diff") == 0)
        *status = view_command_diff(argc - 1, argv + 1);
    else if (argc >= 2 && strcmp(argv[1], "show") == 0)
        *status = view_command_show(argc - 1, argv + 1);
    else
        return FALSE;
    return TRUE;
}

int main(int argc, char **argv)
{
    static struct run run; /* large */
    GError *error = NULL;
    if (argc > 1 && strcmp(argv[1], REPLAY_SUBJECT_ARGUMENT) == 0)
        return replay_subject_main(argc, argv);
    standard_output_guard("bsa-replay", EXIT_FAILED);
    setlocale(LC_CTYPE, "");  /* names in messages; numbers stay as they are in every language */
    signal(SIGXFSZ, SIG_IGN); /* too large a file is an error as others are */
    int status = EXIT_DONE;
    if (run_command(argc, argv, &status))
        return status;
    char **words = g_strdupv(argv);
    enum replay_parse parse = replay_options_parse(&run.options, &argc, &argv, &error);
    if (parse == REPLAY_PARSE_FAILED) {
        status = replay_options_refuse(error);
    } else if (parse == REPLAY_PARSE_SWEEP) {
        status = sweep_command(&run.options.sweep, words);
    } else if (parse == REPLAY_PARSE_RUN) {
        replay_jobs_limit(run.options.sweep.jobs);
        progress_init(&run.progress, run.options.quiet);
        if (run.options.output.progress_json)
            run.progress.mode = PROGRESS_JSON;
        if (!do_run(&run, &error)) {
            fprintf(stderr, "bsa-replay: %s\n", error->message);
            status = replay_interrupted() != 0 ? 128 + replay_interrupted() : EXIT_FAILED;
        } else {
            warn(&run);
            if (!run.options.quiet)
                print_summary(&run);
            status = status_of(&run);
            if (run.options.output.terminal && run.observed.session.execution.events > 0 &&
                !view_print_terminal(run.options.directory, &error)) {
                fprintf(stderr, "bsa-replay: %s\n", error->message);
                status = EXIT_FAILED;
            }
        }
    }
    g_clear_error(&error);
    g_strfreev(words);
    run_clear(&run);
    return status;
}
