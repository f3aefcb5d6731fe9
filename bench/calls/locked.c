/* SPDX-License-Identifier: Apache-2.0 */
/* No allocator, but each call has one atomic exchange on a word that nobody else wants: the least
 * that a call takes on this machine when it has a lock, or a bit that several CPUs may change. */
#include "bench.h"

static inline void work(uint64_t *word)
{
    __atomic_exchange_n((unsigned *)(void *)word, 1u, __ATOMIC_ACQUIRE);
}

#include "idle.h"

const struct bench_work bench_works_locked[BENCH_WORKLOADS] = {BENCH_WORKS_TOUCHED};
