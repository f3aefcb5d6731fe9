/* SPDX-License-Identifier: Apache-2.0 */
/* No allocator, but each call has some arithmetic of its own to do: how far this machine lets
 * threads that share nothing run side by side. */
#include "bench.h"

enum { TURNS = 4 };

/* Each turn waits for the one before it. Knuth's linear congruential generator. */
static inline void work(uint64_t *word)
{
    uint64_t x = *word;
    for (int i = 0; i < TURNS; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    *word = x;
}

#include "idle.h"

const struct bench_work bench_works_control[BENCH_WORKLOADS] = {BENCH_WORKS_TOUCHED};
