/* SPDX-License-Identifier: Apache-2.0 */
#include "backends.h"

#include <math.h>
#include <string.h>

#include "../replay/allocators.h"
#include "../replay/error.h"
#include "../replay/interrupt.h"
#include "../replay/jobs.h"
#include "recorded.h"

/* What one run of a process of its own leaves. */
struct trial {
    char missing[400];
    gboolean partial;
    guint64 events, failed, live_end;
    struct replay_measure measure;
};

struct trial_job {
    const struct replay_options *options;
    const char *name;
    trace_reader *reader;
};

/* An error is a result as well: what else there is goes on. */
static gboolean try_backend(gconstpointer data, guint index, gpointer result, GError **error)
{
    const struct trial_job *job = data;
    struct trial *trial = result;
    struct progress silent = {.mode = PROGRESS_NONE};
    struct replay_session session;
    GError *reason = NULL;
    (void)index;
    (void)error;
    gboolean ok = replay_run_process(&session, job->options, job->name, job->reader, &silent,
                                     &trial->measure, &reason);
    trial->partial = session.execution.partial;
    trial->events = session.execution.events;
    trial->failed = session.execution.failed;
    trial->live_end = session.execution.live_end;
    if (!ok)
        g_strlcpy(trial->missing, reason->message, sizeof(trial->missing));
    g_clear_error(&reason);
    replay_session_clear(&session);
    return TRUE;
}

static void add_row(struct backends *backends, const char *name)
{
    for (guint i = 0; i < backends->count; i++) {
        if (strcmp(backends->row[i].name, name) == 0)
            return;
    }
    if (backends->count < BACKENDS_MAX)
        backends->row[backends->count++].name = name;
}

static void add_rows(struct backends *backends, const struct replay_engine_options *engine)
{
    backends->row = g_new0(struct backend_row, BACKENDS_MAX);
    add_row(backends, engine->backend);
    if (engine->against == NULL)
        return;
    add_row(backends, "null");
    for (guint i = 0; engine->against[i] != NULL; i++)
        add_row(backends, engine->against[i]);
}

static int by_value(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void finish_row(struct backend_row *row, double *ns)
{
    if (row->rounds == 0 || row->recorded)
        return;
    qsort(ns, row->rounds, sizeof(*ns), by_value);
    guint middle = row->rounds / 2;
    row->median_ns = row->rounds % 2 == 1 ? ns[middle] : (ns[middle - 1] + ns[middle]) / 2;
    row->fastest_ns = ns[0];
    row->slowest_ns = ns[row->rounds - 1];
}

/* The calls' own times go into the row; the rest is of a round without them. */
static void take_latencies(struct backend_row *row, const struct trial *trial)
{
    memcpy(row->measure.call, trial->measure.call, sizeof(row->measure.call));
    memcpy(row->measure.latency, trial->measure.latency, sizeof(row->measure.latency));
    row->measure.ns_per_tick = trial->measure.ns_per_tick;
}

static void take_round(struct backend_row *row, const struct trial *trial, double *ns)
{
    row->events = trial->events;
    row->failed = trial->failed;
    row->live_end = trial->live_end;
    row->measure = trial->measure;
    ns[row->rounds++] = (double)trial->measure.run_ns;
}

/* Pages in use stand for memory; there are no calls to be timed. */
static void take_recorded(struct backend_row *row, const struct recorded *recorded)
{
    const struct replay_account *account = &recorded->account;
    struct replay_measure *measure = &row->measure;
    double events = (double)MAX(account->occupied.events, 1);
    guint count = recorded->samples->len;
    if (!recorded->figures) {
        g_strlcpy(row->missing, "the trace has no addresses", sizeof(row->missing));
        return;
    }
    row->recorded = TRUE;
    row->rounds = 1;
    row->events = recorded->events;
    row->live_end = recorded->end.live_objects + recorded->end.live_blocks;
    row->median_ns = row->fastest_ns = row->slowest_ns = NAN;
    measure->memory_taken = TRUE;
    measure->peak_bytes = account->occupied.max_size;
    measure->mean_bytes = account->occupied.sum_size / events;
    measure->mean_live = account->occupied.sum_live / events;
    measure->looks = account->occupied.events;
    measure->samples = MIN(count, REPLAY_MEMORY_SAMPLES);
    for (guint i = 0; i < measure->samples; i++) {
        guint at = (guint)((guint64)i * count / measure->samples);
        const struct recorded_sample *sample =
            &g_array_index(recorded->samples, struct recorded_sample, at);
        measure->sample[i] = (struct replay_memory_sample){
            .event = sample->event,
            .time_ns = sample->time_ns,
            .requested = sample->requested,
            .used = recorded_occupied(recorded, sample),
        };
    }
}

struct comparison {
    struct backends *backends;
    struct replay_options options; /* of a round */
    trace_reader *reader;
    double *ns; /* rounds for each row */
    struct trial *trial;
};

/* One round of one row; false when the first row's allocator cannot be had, or nothing can. */
static gboolean run_one(struct comparison *comparison, guint index, GError **error)
{
    struct backend_row *row = &comparison->backends->row[index];
    struct trial_job job = {&comparison->options, row->name, comparison->reader};
    struct trial *trial = comparison->trial;
    if (row->missing[0] != '\0' || row->recorded)
        return TRUE;
    if (!replay_jobs_run(try_backend, &job, 1, trial, sizeof(*trial), error))
        return FALSE;
    if (trial->missing[0] != '\0') {
        g_strlcpy(row->missing, trial->missing, sizeof(row->missing));
        if (index > 0)
            return TRUE;
        g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND, trial->missing);
        return FALSE;
    }
    comparison->backends->partial = comparison->backends->partial || trial->partial;
    if (comparison->options.engine.latency)
        take_latencies(row, trial);
    else
        take_round(row, trial, comparison->ns + index * comparison->options.engine.rounds);
    return TRUE;
}

gboolean backends_run(struct backends *backends, const struct replay_options *options,
                      trace_reader *reader, const struct recorded *recorded,
                      struct progress *progress, GError **error)
{
    struct comparison comparison = {.backends = backends, .options = *options, .reader = reader};
    guint rounds = options->engine.rounds;
    gboolean ok = TRUE;
    add_rows(backends, &options->engine);
    for (guint i = 0; i < backends->count; i++) {
        if (replay_allocator_is_recorded(backends->row[i].name))
            take_recorded(&backends->row[i], recorded);
    }
    comparison.ns = g_new0(double, (gsize)rounds *BACKENDS_MAX);
    comparison.trial = g_new0(struct trial, 1);
    progress_start(progress, "comparing backends", 0);
    for (guint round = 0; ok && round <= rounds; round++) {
        comparison.options.engine.latency = round == rounds;
        for (guint i = 0; ok && i < backends->count && !replay_interrupted(); i++) {
            ok = run_one(&comparison, i, error);
            progress_fraction(progress, trace_summary(reader)->events,
                              (double)(round * backends->count + i + 1) /
                                  (double)((rounds + 1) * backends->count));
        }
    }
    progress_stop(progress);
    for (guint i = 0; i < backends->count; i++)
        finish_row(&backends->row[i], comparison.ns + i * rounds);
    g_free(comparison.ns);
    g_free(comparison.trial);
    backends->partial = backends->partial || replay_interrupted();
    return ok;
}

void backends_clear(struct backends *backends)
{
    g_free(backends->row);
    backends->row = NULL;
}
