/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <math.h>

static const char *const call_names[REPLAY_CALLS] = {"alloc", "free", "realloc", "page_alloc",
                                                     "page_free"};

const char *replay_call_name(enum replay_call call)
{
    return call_names[call];
}

void replay_measure_batch(struct replay_measure *measure, const struct replay_batch *batch)
{
    gint64 start = G_MAXINT64, end = 0;
    for (guint i = 0; i < batch->shared->terms.runners; i++) {
        const struct replay_runner *runner = &batch->runner[i];
        if (runner->count == 0)
            continue;
        start = MIN(start, runner->start_ns);
        end = MAX(end, runner->end_ns);
        measure->ops += runner->count;
    }
    measure->taken = TRUE;
    measure->batches++;
    if (end > start)
        measure->run_ns += end - start;
}

/* A table that is full loses every other sample, and takes half as many from then on. */
static void keep(struct replay_measure *measure, const struct replay_memory_sample *sample)
{
    measure->stride = MAX(measure->stride, 1);
    if ((measure->looks - 1) % measure->stride != 0)
        return;
    if (measure->samples == REPLAY_MEMORY_SAMPLES) {
        for (guint i = 0; i < REPLAY_MEMORY_SAMPLES / 2; i++)
            measure->sample[i] = measure->sample[2 * i];
        measure->samples = REPLAY_MEMORY_SAMPLES / 2;
        measure->stride *= 2;
    }
    measure->sample[measure->samples++] = *sample;
}

void replay_measure_memory(struct replay_measure *measure, const struct replay_execution *execution,
                           const struct replay_memory_now *now)
{
    if (!measure->memory_taken) {
        measure->memory_taken = TRUE;
        measure->before = *now;
        return;
    }
    const struct replay_memory_now *before = &measure->before;
    struct replay_memory_sample sample = {
        .event = execution->events,
        .time_ns = execution->time_ns,
        .requested = execution->account.requested,
        .used = now->anonymous > before->anonymous ? now->anonymous - before->anonymous : 0,
    };
    /* The most that was there at once is of all kinds; the other kinds hardly change. */
    guint64 most = now->peak > before->resident ? now->peak - before->resident : 0;
    measure->peak_bytes = MAX(MAX(measure->peak_bytes, most), sample.used);
    measure->minor_faults = now->minor_faults - before->minor_faults;
    measure->major_faults = now->major_faults - before->major_faults;
    measure->looks++;
    double looks = (double)measure->looks;
    measure->mean_bytes += ((double)sample.used - measure->mean_bytes) / looks;
    measure->mean_live += ((double)sample.requested - measure->mean_live) / looks;
    keep(measure, &sample);
}

static void quantiles(struct replay_quantiles *out, const struct replay_latency *latency,
                      double scale)
{
    *out = (struct replay_quantiles){
        .count = latency->count,
        .p50 = scale * (double)replay_latency_quantile(latency, 0.5),
        .p90 = scale * (double)replay_latency_quantile(latency, 0.9),
        .p99 = scale * (double)replay_latency_quantile(latency, 0.99),
        .p999 = scale * (double)replay_latency_quantile(latency, 0.999),
        .max = scale * (double)latency->max,
    };
}

double replay_measure_over_live(const struct replay_measure *measure)
{
    return measure->mean_live > 0.0 ? measure->mean_bytes / measure->mean_live : NAN;
}

void replay_measure_finish(struct replay_measure *measure, const struct replay_batch *batch)
{
    struct replay_latency *late = g_new0(struct replay_latency, 1);
    guint64 ticks = 0;
    gint64 ns = 0;
    measure->runners = batch->shared->terms.runners;
    for (guint i = 0; i < measure->runners; i++) {
        const struct replay_runner *runner = &batch->runner[i];
        measure->object_waits += runner->object_waits;
        measure->object_wait_ns += runner->object_wait_ns;
        measure->window_waits += runner->window_waits;
        measure->window_wait_ns += runner->window_wait_ns;
        ticks += runner->ticks;
        ns += runner->ticks_ns;
        replay_latency_merge(late, &runner->late);
        for (guint call = 0; call < REPLAY_CALLS; call++)
            replay_latency_merge(&measure->latency[call], &runner->latency[call]);
    }
    measure->ns_per_tick = ticks > 0 ? (double)ns / (double)ticks : 0.0;
    quantiles(&measure->late, late, 1.0);
    for (guint call = 0; call < REPLAY_CALLS; call++)
        quantiles(&measure->call[call], &measure->latency[call], measure->ns_per_tick);
    g_free(late);
}
