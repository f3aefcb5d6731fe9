/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How values of very different size are distributed, in a table of fixed size: 32 steps for each
 * power of two, so that a value is known to 3 %. Without a lock: whoever adds owns it.
 */
#ifndef BSA_CLI_REPLAY_LATENCY_H
#define BSA_CLI_REPLAY_LATENCY_H

#include <glib.h>

#define LATENCY_STEP_BITS 5u
#define LATENCY_MAX_BITS 44u /* larger values count as the largest; max is exact */
#define LATENCY_BUCKETS ((LATENCY_MAX_BITS - LATENCY_STEP_BITS + 1u) << LATENCY_STEP_BITS)

struct replay_latency {
    guint64 count, max;
    guint64 bucket[LATENCY_BUCKETS];
};

static inline guint replay_latency_bucket(guint64 value)
{
    const guint64 steps = 1u << LATENCY_STEP_BITS;
    if (value < steps)
        return (guint)value;
    if (value >> LATENCY_MAX_BITS != 0)
        return LATENCY_BUCKETS - 1;
    guint shift = 63u - (guint)__builtin_clzll(value) - LATENCY_STEP_BITS;
    return (shift << LATENCY_STEP_BITS) + (guint)(value >> shift);
}

static inline void replay_latency_add(struct replay_latency *latency, guint64 value)
{
    latency->count++;
    latency->max = MAX(latency->max, value);
    latency->bucket[replay_latency_bucket(value)]++;
}

/* The largest value that a bucket stands for. */
guint64 replay_latency_value(guint bucket);
void replay_latency_merge(struct replay_latency *into, const struct replay_latency *from);

/* The value that a share of all, 0 to 1, is not above; 0 where there is none. */
guint64 replay_latency_quantile(const struct replay_latency *latency, double share);

#endif
