/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of no allocator, each of which does some work instead: whoever includes this has defined
 * it, on a word that is its thread's alone.
 *
 *   static inline void work(uint64_t *word);
 *
 * A thread has one object only; hence no rows that write to more than the first byte.
 */
#ifndef BENCH_CALLS_IDLE_H
#define BENCH_CALLS_IDLE_H

#include "bench.h"

static union {
    uint64_t word;
    char bytes[2 * BENCH_CACHE_LINE];
} words[BENCH_THREADS_MAX], objects[BENCH_THREADS_MAX];

static inline void *get(struct bench_thread *thread, size_t size)
{
    (void)size;
    work(&words[thread->index].word);
    return objects[thread->index].bytes;
}

static inline void put(struct bench_thread *thread, void *p)
{
    (void)p;
    work(&words[thread->index].word);
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

#endif
