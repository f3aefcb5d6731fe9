/* SPDX-License-Identifier: Apache-2.0 */
/* No allocator, but each call has some arithmetic of its own to do: how far this machine lets
 * threads that share nothing run side by side. */
#include "bench.h"

enum { TURNS = 4 };

static union {
    uint64_t word;
    char bytes[2 * BENCH_CACHE_LINE];
} room[BENCH_THREADS_MAX];

/* Each turn waits for the one before it. Knuth's linear congruential generator. */
static inline void work(struct bench_thread *thread)
{
    uint64_t x = room[thread->index].word;
    for (int i = 0; i < TURNS; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    room[thread->index].word = x;
}

static inline void *get(struct bench_thread *thread, size_t size)
{
    (void)size;
    work(thread);
    return room[thread->index].bytes;
}

static inline void put(struct bench_thread *thread, void *p)
{
    (void)p;
    work(thread);
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

const struct bench_work bench_works_control[BENCH_WORKLOADS] = {BENCH_WORKS_TOUCHED};
