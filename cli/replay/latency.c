/* SPDX-License-Identifier: Apache-2.0 */
#include "latency.h"

#include <math.h>

guint64 replay_latency_value(guint bucket)
{
    const guint steps = 1u << LATENCY_STEP_BITS;
    if (bucket < steps)
        return bucket;
    guint shift = (bucket >> LATENCY_STEP_BITS) - 1;
    guint64 step = (bucket & (steps - 1)) + steps;
    return ((step + 1) << shift) - 1;
}

void replay_latency_merge(struct replay_latency *into, const struct replay_latency *from)
{
    if (from->count == 0)
        return;
    into->count += from->count;
    into->max = MAX(into->max, from->max);
    for (guint i = 0; i < LATENCY_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

guint64 replay_latency_quantile(const struct replay_latency *latency, double share)
{
    guint64 rank = (guint64)ceil(share * (double)latency->count);
    guint64 seen = 0;
    if (latency->count == 0)
        return 0;
    rank = CLAMP(rank, 1, latency->count);
    for (guint i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->bucket[i];
        if (seen >= rank)
            return MIN(replay_latency_value(i), latency->max);
    }
    return latency->max;
}
