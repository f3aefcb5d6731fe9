/* SPDX-License-Identifier: Apache-2.0 */
/* No allocator at all: what is left is the time of the loops. Not subtracted from anything. */
#include "bench.h"

/* One object for each thread; hence no rows that write to more than the first byte. */
static char room[BENCH_THREADS_MAX][2 * BENCH_CACHE_LINE];

static inline void *get(struct bench_thread *thread, size_t size)
{
    (void)size;
    return room[thread->index];
}

static inline void put(struct bench_thread *thread, void *p)
{
    (void)thread;
    (void)p;
}

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    return get(thread, order);
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    (void)order;
    put(thread, p);
}

#include "touched.h"

const struct bench_work bench_works_null[BENCH_WORKLOADS] = {BENCH_WORKS_TOUCHED};
