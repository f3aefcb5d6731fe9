/* SPDX-License-Identifier: Apache-2.0 */
#include "tune.h"

#include <string.h>

#include "../replay/error.h"
#include "../replay/interrupt.h"
#include "trials.h"

static const guint tried_classes[] = {1, 2, 4, 6, 9, 12, 16, 20, 28, 40, 64};
static const unsigned magazines[] = {0, 64, 16, 4};
static const unsigned keep_empties[] = {0, BSA_NONE, 4};

G_STATIC_ASSERT(G_N_ELEMENTS(tried_classes) < TUNE_TRIED);
G_STATIC_ASSERT(G_N_ELEMENTS(magazines) * G_N_ELEMENTS(keep_empties) <= TUNE_LIMITS);

const char *tune_table_name(enum tune_table table)
{
    static const char *const names[] = {"nine", "kmalloc", "fine", "tuned", "left out", "own best"};
    return names[table];
}

static gboolean open_trace(struct tune *tune, struct tune_trace *trace, const char *path,
                           GError **error)
{
    const struct replay_options *options = tune->options;
    struct trace_options how = replay_trace_options(options);
    trace->path = g_strdup(path);
    trace->name =
        strcmp(path, "-") == 0 ? g_strdup("standard input") : g_filename_display_basename(path);
    trace->reader = trace_open(path, &how, error);
    return trace->reader != NULL && (!replay_wants_caches(options, trace->reader) ||
                                     replay_caches_find(&trace->caches, trace->reader, error));
}

static gboolean open_traces(struct tune *tune, GError **error)
{
    const struct replay_tune_options *options = &tune->options->tune;
    guint made_for = g_strv_length(options->traces);
    guint checks = options->checks == NULL ? 0 : g_strv_length(options->checks);
    tune->trace = g_new0(struct tune_trace, made_for + checks);
    for (guint i = 0; i < made_for + checks; i++) {
        struct tune_trace *trace = &tune->trace[tune->traces++];
        trace->check = i >= made_for;
        const char *path = trace->check ? options->checks[i - made_for] : options->traces[i];
        if (!open_trace(tune, trace, path, error))
            return FALSE;
    }
    return TRUE;
}

/* The sum of the loads, each of which weighs the same, and all of them together as much as they
 * do. */
static void sum_loads(const struct tune *tune, guint without, struct demand_load *sum)
{
    double all = 0.0;
    guint loads = 0;
    memset(sum, 0, sizeof(*sum));
    for (guint i = 0; i < tune->traces; i++) {
        double bytes = demand_load_bytes(&tune->trace[i].load);
        if (tune->trace[i].check || i == without || bytes <= 0.0)
            continue;
        all += bytes;
        loads++;
    }
    for (guint i = 0; i < tune->traces; i++) {
        const struct demand_load *load = &tune->trace[i].load;
        double bytes = demand_load_bytes(load);
        double weight = loads == 1 ? 1.0 : all / (bytes * loads);
        if (tune->trace[i].check || i == without || bytes <= 0.0)
            continue;
        for (guint level = 0; level < DEMAND_LEVELS; level++) {
            for (guint units = 0; units < DEMAND_SIZES; units++) {
                sum->objects[level][units] += weight * load->objects[level][units];
                sum->bytes[level][units] += weight * load->bytes[level][units];
            }
        }
    }
}

static gboolean count(struct tune *tune, GError **error)
{
    struct tune_count *counts = g_new0(struct tune_count, tune->traces);
    guint64 region_bytes = 0;
    gboolean ok = tune_count_all(tune, counts, error);
    for (guint i = 0; ok && i < tune->traces; i++) {
        demand_load_add(&tune->trace[i].load, &counts[i].demand, tune->options->tune.when, 1.0);
        region_bytes = MAX(region_bytes, tune->trace[i].check ? 0 : counts[i].region_bytes);
    }
    g_free(counts);
    if (!ok || !class_cost_ask(&tune->cost, tune->options->page_size, region_bytes, error))
        return FALSE;
    sum_loads(tune, G_MAXUINT, &tune->load);
    if (demand_load_bytes(&tune->load) > 0.0)
        return TRUE;
    g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE,
                        "no trace asks for an object that a size class could serve: there is "
                        "nothing to make a table for");
    return FALSE;
}

static void put_row(struct tune *tune, struct tune_trace *trace, enum tune_table which,
                    const struct class_table *table)
{
    trace->row[which] = (struct tune_row){
        .there = TRUE,
        .table = *table,
        .waste = class_waste_of(&trace->load, &tune->cost, table),
    };
}

static void fill_rows(struct tune *tune, guint made_for)
{
    guint classes = tune->options->tune.classes;
    struct optimum *optimum = g_new(struct optimum, 1);
    struct demand_load *others = g_new(struct demand_load, 1);
    for (guint i = 0; i < tune->traces; i++) {
        struct tune_trace *trace = &tune->trace[i];
        for (guint set = BSA_CLASSES_NINE; set <= BSA_CLASSES_FINE; set++) {
            struct class_table standard = class_table_standard((enum bsa_class_set)set);
            put_row(tune, trace, TUNE_NINE + set, &standard);
        }
        put_row(tune, trace, TUNE_TUNED, tune_made(tune));
        optimum_find(optimum, &trace->load, &tune->cost, classes, TRUE);
        put_row(tune, trace, TUNE_OWN, &optimum->table[classes]);
        if (trace->check || made_for < 2)
            continue;
        sum_loads(tune, i, others);
        optimum_find(optimum, others, &tune->cost, classes, TRUE);
        put_row(tune, trace, TUNE_LEFT_OUT, &optimum->table[classes]);
    }
    g_free(others);
    g_free(optimum);
}

static void find_tables(struct tune *tune)
{
    optimum_find(&tune->best, &tune->load, &tune->cost, BSA_MAX_CLASSES, TRUE);
    for (guint k = 1; k <= BSA_MAX_CLASSES; k++)
        tune->waste[k] = class_waste_of(&tune->load, &tune->cost, &tune->best.table[k]);
    fill_rows(tune, g_strv_length(tune->options->tune.traces));
}

static gboolean same_trial(const struct tune_trial *a, const struct tune_trial *b)
{
    return a->trace == b->trace && a->magazine == b->magazine && a->keep_empty == b->keep_empty &&
           a->table.count == b->table.count &&
           memcmp(a->table.size, b->table.size, a->table.count * sizeof(a->table.size[0])) == 0;
}

/* The number of a trial; what is to be tried again is the one that there is. */
static guint add_trial(GArray *trials, guint trace, const struct class_table *table,
                       unsigned magazine, unsigned keep_empty)
{
    struct tune_trial trial = {
        .trace = trace, .table = *table, .magazine = magazine, .keep_empty = keep_empty};
    guint i = 0;
    while (i < trials->len && !same_trial(&g_array_index(trials, struct tune_trial, i), &trial))
        i++;
    if (i == trials->len)
        g_array_append_val(trials, trial);
    return i;
}

/* Numbers of classes, ascending, the one that was asked for among them. */
static void choose_tried(struct tune *tune)
{
    guint asked = tune->options->tune.classes;
    for (guint i = 0; i < G_N_ELEMENTS(tried_classes); i++) {
        guint before = tune->tried == 0 ? 0 : tune->tried_classes[tune->tried - 1];
        if (asked > before && asked < tried_classes[i])
            tune->tried_classes[tune->tried++] = asked;
        tune->tried_classes[tune->tried++] = tried_classes[i];
    }
}

/* What was given on the command line is not varied. */
static void choose_limits(struct tune *tune)
{
    const struct replay_heap_options *heap = &tune->options->heap;
    guint most_magazines = heap->magazine_objects == 0 ? G_N_ELEMENTS(magazines) : 1;
    guint most_empties = heap->keep_empty == 0 ? G_N_ELEMENTS(keep_empties) : 1;
    for (guint m = 0; m < most_magazines; m++) {
        for (guint e = 0; e < most_empties; e++)
            tune->limit[tune->limits++] = (struct tune_limits){
                .magazine = most_magazines > 1 ? magazines[m] : heap->magazine_objects,
                .keep_empty = most_empties > 1 ? keep_empties[e] : heap->keep_empty,
            };
    }
}

/* What a figure is added to when its trial is done. */
struct target {
    guint trial;
    struct tune_figures *figures;
    guint64 *occupied, *slow;
};

/* All replays that remain, and where their figures go. */
static void plan(struct tune *tune, GArray *trials, GArray *targets)
{
    unsigned magazine = tune->options->heap.magazine_objects;
    unsigned keep_empty = tune->options->heap.keep_empty;
    for (guint i = 0; i < tune->traces; i++) {
        struct tune_trace *trace = &tune->trace[i];
        for (guint table = 0; table < TUNE_TABLES; table++) {
            struct target target = {.figures = &trace->row[table].figures};
            if (!trace->row[table].there)
                continue;
            target.trial = add_trial(trials, i, &trace->row[table].table, magazine, keep_empty);
            g_array_append_val(targets, target);
        }
        for (guint k = 0; k < tune->tried && !trace->check; k++) {
            struct target target = {.occupied = &tune->tried_occupied[k]};
            target.trial = add_trial(trials, i, &tune->best.table[tune->tried_classes[k]], magazine,
                                     keep_empty);
            g_array_append_val(targets, target);
        }
        for (guint k = 0; k < tune->limits && !trace->check; k++) {
            struct tune_limits *limit = &tune->limit[k];
            struct target target = {.occupied = &limit->peak_occupied, .slow = &limit->slow};
            target.trial =
                add_trial(trials, i, tune_made(tune), limit->magazine, limit->keep_empty);
            g_array_append_val(targets, target);
        }
    }
}

static void take(const struct target *target, const struct tune_figures *tried)
{
    const struct tune_figures *figures = &tried[target->trial];
    if (target->figures != NULL)
        *target->figures = *figures;
    if (target->occupied != NULL)
        *target->occupied += figures->peak_occupied;
    if (target->slow != NULL)
        *target->slow += figures->slow;
}

/* The least memory of those that are not much slower than what was given; it has to be less. */
static void choose_best_limits(struct tune *tune)
{
    const struct tune_limits *limit = tune->limit;
    double most = TUNE_SLOW_LIMIT * (double)limit[0].slow;
    for (guint i = 1; i < tune->limits; i++) {
        if (limit[i].peak_occupied < limit[tune->limits_best].peak_occupied &&
            (double)limit[i].slow <= most)
            tune->limits_best = i;
    }
}

static gboolean try_tables(struct tune *tune, GError **error)
{
    GArray *trials = g_array_new(FALSE, TRUE, sizeof(struct tune_trial));
    GArray *targets = g_array_new(FALSE, TRUE, sizeof(struct target));
    choose_tried(tune);
    choose_limits(tune);
    plan(tune, trials, targets);
    struct tune_figures *figures = g_new0(struct tune_figures, trials->len);
    gboolean ok = tune_try_all(tune, (struct tune_trial *)(gpointer)trials->data, trials->len,
                               figures, error);
    for (guint i = 0; ok && i < targets->len; i++)
        take(&g_array_index(targets, struct target, i), figures);
    choose_best_limits(tune);
    g_free(figures);
    g_array_unref(targets);
    g_array_unref(trials);
    return ok;
}

/* A replay that the user ended is whole for the process that ran it. */
static gboolean not_interrupted(GError **error)
{
    if (replay_interrupted() == 0)
        return TRUE;
    g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_INTERRUPTED,
                        "interrupted before the table was tried; nothing is written");
    return FALSE;
}

gboolean tune_run(struct tune *tune, const struct replay_options *options,
                  struct progress *progress, GError **error)
{
    *tune = (struct tune){.options = options};
    progress_start(progress, "counting", 0);
    gboolean ok = open_traces(tune, error);
    replay_interrupt_catch();
    ok = ok && count(tune, error) && not_interrupted(error);
    progress_stop(progress);
    if (!ok)
        return FALSE;
    progress_start(progress, "trying tables", 0);
    find_tables(tune);
    ok = try_tables(tune, error) && not_interrupted(error);
    progress_stop(progress);
    return ok;
}

void tune_clear(struct tune *tune)
{
    for (guint i = 0; i < tune->traces; i++) {
        struct tune_trace *trace = &tune->trace[i];
        replay_caches_clear(&trace->caches);
        if (trace->reader != NULL)
            trace_close(trace->reader);
        g_free(trace->path);
        g_free(trace->name);
    }
    g_free(tune->trace);
    *tune = (struct tune){.traces = 0};
}
