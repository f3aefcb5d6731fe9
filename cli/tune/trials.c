/* SPDX-License-Identifier: Apache-2.0 */
#include "trials.h"

#include "../replay/jobs.h"
#include "../replay/run.h"
#include "../replay/session.h"

static void take_figures(struct tune_figures *figures, const struct replay_session *session)
{
    const struct replay_execution *execution = &session->execution;
    const struct replay_account *account = &execution->account;
    double events = (double)MAX(account->occupied.events, 1);
    *figures = (struct tune_figures){
        .peak_requested = account->peak_requested,
        .peak_occupied = account->occupied.max_size,
        .mean_occupied = (guint64)(account->occupied.sum_size / events + 0.5),
        .failed = execution->failed,
    };
    for (guint cpu = 0; cpu < execution->cpus; cpu++) {
        const struct replay_cache_counters *counters = &session->counters[cpu];
        figures->slow +=
            counters->refills + counters->flushes + counters->blocks - counters->page_list_hits;
    }
}

/* demand may be NULL. */
static gboolean replay(const struct tune *tune, const struct tune_trial *trial,
                       struct demand *demand, struct tune_figures *figures, guint64 *region_bytes,
                       GError **error)
{
    const struct tune_trace *trace = &tune->trace[trial->trace];
    struct replay_options options = *tune->options;
    struct replay_observer nobody = {.next = G_MAXUINT64, .sample = replay_never_sample};
    struct progress silent = {.mode = PROGRESS_NONE};
    struct replay_session session;
    options.engine.order = REPLAY_STRICT; /* memory figures come from there */
    options.threads = FALSE;
    options.heap.caches = trace->caches.names > 0 ? &trace->caches : NULL;
    options.heap.class_count = trial->table.count;
    for (guint i = 0; i < trial->table.count; i++)
        options.heap.class_size[i] = trial->table.size[i];
    options.heap.magazine_objects = trial->magazine;
    options.heap.keep_empty = trial->keep_empty;
    gboolean ok = replay_session_open(&session, &options, trace->reader, &nobody, &silent, error);
    session.execution.demand = demand;
    ok = ok && replay_session_run(&session, &options, NULL, error);
    guint64 events = session.execution.events;
    *region_bytes = session.regions.region[0].bytes;
    ok = ok && replay_session_finish(&session, error);
    if (ok)
        take_figures(figures, &session);
    if (ok && demand != NULL)
        demand_finish(demand, events);
    replay_session_clear(&session);
    if (!ok)
        g_prefix_error(error, "%s: ", trace->name);
    return ok;
}

static struct tune_trial plain_trial(const struct tune *tune, guint trace)
{
    return (struct tune_trial){
        .trace = trace,
        .table = class_table_of(&tune->options->heap),
        .magazine = tune->options->heap.magazine_objects,
        .keep_empty = tune->options->heap.keep_empty,
    };
}

static gboolean count_one(gconstpointer data, guint index, gpointer result, GError **error)
{
    const struct tune *tune = data;
    struct tune_count *count = result;
    struct tune_trial trial = plain_trial(tune, index);
    struct tune_figures figures;
    return replay(tune, &trial, &count->demand, &figures, &count->region_bytes, error);
}

gboolean tune_count_all(const struct tune *tune, struct tune_count *count, GError **error)
{
    return replay_jobs_run(count_one, tune, tune->traces, count, sizeof(*count), error);
}

struct trials {
    const struct tune *tune;
    const struct tune_trial *trial;
};

static gboolean try_one(gconstpointer data, guint index, gpointer result, GError **error)
{
    const struct trials *trials = data;
    guint64 region_bytes;
    return replay(trials->tune, &trials->trial[index], NULL, result, &region_bytes, error);
}

gboolean tune_try_all(const struct tune *tune, const struct tune_trial *trial, guint count,
                      struct tune_figures *figures, GError **error)
{
    struct trials trials = {tune, trial};
    return replay_jobs_run(try_one, &trials, count, figures, sizeof(*figures), error);
}
