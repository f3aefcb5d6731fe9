/* SPDX-License-Identifier: Apache-2.0 */
/* No allocator at all: what is left is the time of the loops. Not subtracted from anything. */
#include "bench.h"

static inline void work(uint64_t *word)
{
    (void)word;
}

#include "idle.h"

const struct bench_work bench_works_null[BENCH_WORKLOADS] = {BENCH_WORKS_TOUCHED};
