/* SPDX-License-Identifier: Apache-2.0 */
/* What threads hand each other. */
#ifndef BENCH_WORKLOADS_EXCHANGE_H
#define BENCH_WORKLOADS_EXCHANGE_H

#include <sched.h>
#include <stdatomic.h>

#include "bench.h"

enum {
    BENCH_RING = 1024,  /* places between a producer and a consumer */
    BENCH_HANDFUL = 32, /* objects that are announced at once: the ring itself shall cost little */
    BENCH_SPINS = 50000 /* before others may have the CPU: they keep it for long */
};

/* One allocates, one frees: each writes one counter, on a cache line of its own. */
struct bench_exchange {
    _Alignas(2 * BENCH_CACHE_LINE) atomic_size_t filled;  /* objects put into the ring, ever */
    _Alignas(2 * BENCH_CACHE_LINE) atomic_size_t emptied; /*   and taken out */
    _Alignas(2 * BENCH_CACHE_LINE) void *ring[BENCH_RING];
    struct bench_live *live[BENCH_THREADS_MAX]; /* of each thread */
};

/* Waits until counter - from is at least so much; both may wrap. */
static inline void bench_await(atomic_size_t *counter, size_t from, size_t least)
{
    for (unsigned spins = 1; atomic_load_explicit(counter, memory_order_acquire) - from < least;
         spins++)
        if (spins % BENCH_SPINS == 0)
            sched_yield();
}

#endif
