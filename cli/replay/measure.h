/* SPDX-License-Identifier: Apache-2.0 */
/* What the clock and the system say about a replay by batches; nothing of it is the same twice. */
#ifndef BSA_CLI_REPLAY_MEASURE_H
#define BSA_CLI_REPLAY_MEASURE_H

#include "execute.h"
#include "op.h"

#define REPLAY_MEMORY_SAMPLES 1024u

/* Of the process under test. */
struct replay_memory_now {
    guint64 anonymous; /* bytes of private memory that are there */
    guint64 peak;      /* most bytes of all kinds so far */
    guint64 resident;  /* bytes of all kinds now */
    guint64 minor_faults, major_faults;
};

/* One look, between two batches. */
struct replay_memory_sample {
    guint64 event, time_ns;
    guint64 requested; /* bytes alive */
    guint64 used;      /* bytes that the process has taken since before the first event */
};

struct replay_quantiles {
    guint64 count;
    double p50, p90, p99, p999, max; /* ns */
};

struct replay_measure {
    gboolean taken;
    guint runners;
    guint64 batches, ops;
    gint64 run_ns; /* sum over batches: from the first runner's start to the last one's end */
    guint64 object_waits, object_wait_ns; /* for objects of other runners, all runners together */
    guint64 window_waits, window_wait_ns; /* for the slowest */
    struct replay_quantiles late;         /* paced */
    struct replay_quantiles call[REPLAY_CALLS];
    /* Memory, where it is measured: less what was there before the first event. */
    gboolean memory_taken;
    struct replay_memory_now before;
    guint64 peak_bytes;
    double mean_bytes, mean_live; /* over looks */
    guint64 minor_faults, major_faults;
    guint64 looks;
    /* All looks, or one of so many, so that there is always room. */
    guint samples, stride;
    struct replay_memory_sample sample[REPLAY_MEMORY_SAMPLES];
    double ns_per_tick;
    struct replay_latency latency[REPLAY_CALLS]; /* in ticks */
};

/* All runners stand: their times. */
void replay_measure_batch(struct replay_measure *measure, const struct replay_batch *batch);
void replay_measure_memory(struct replay_measure *measure, const struct replay_execution *execution,
                           const struct replay_memory_now *now);
/* After the last batch: what the runners have added up. */
void replay_measure_finish(struct replay_measure *measure, const struct replay_batch *batch);

/* Mean memory over mean bytes alive; NaN where nothing was. */
double replay_measure_over_live(const struct replay_measure *measure);

/* "alloc", "free" ... */
const char *replay_call_name(enum replay_call call);

#endif
