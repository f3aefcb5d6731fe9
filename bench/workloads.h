/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops. Each allocator's file defines the four functions below and includes this, so that the
 * compiler sees them whole: nothing but the allocator's own call is added to a step.
 *
 *   static inline void *get(struct bench_thread *, size_t size);
 *   static inline void put(struct bench_thread *, void *p);
 *   static inline void *get_pages(struct bench_thread *, size_t order);
 *   static inline void put_pages(struct bench_thread *, void *p, size_t order);
 *
 * They end the process on failure. The first byte of all that is allocated is written.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "bench.h"

/* volatile: the compiler may not drop the write, nor with it the allocation. */
static inline void touch(void *p)
{
    *(volatile char *)p = 1;
}

static void run_pair(struct bench_thread *thread, const struct bench_row *row,
                     const struct bench_step *steps, size_t count)
{
    (void)steps;
    for (size_t i = 0; i < count; i++) {
        void *p = get(thread, row->low);
        touch(p);
        put(thread, p);
    }
}

/* count is a multiple of row->live; the slots of each run of so many steps are a permutation. */
static void run_batch(struct bench_thread *thread, const struct bench_row *row,
                      const struct bench_step *steps, size_t count)
{
    struct bench_live *live = thread->live;
    for (size_t done = 0; done < count; done += row->live) {
        for (size_t i = 0; i < row->live; i++) {
            live[i].p = get(thread, row->low);
            touch(live[i].p);
        }
        for (size_t i = 0; i < row->live; i++)
            put(thread, live[steps[done + i].slot].p);
    }
}

static void run_churn(struct bench_thread *thread, const struct bench_row *row,
                      const struct bench_step *steps, size_t count)
{
    (void)row;
    for (size_t i = 0; i < count; i++) {
        struct bench_live *live = &thread->live[steps[i].slot];
        put(thread, live->p);
        live->p = get(thread, steps[i].size);
        touch(live->p);
    }
}

static void run_page_pair(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    (void)steps;
    for (size_t i = 0; i < count; i++) {
        void *p = get_pages(thread, row->low);
        touch(p);
        put_pages(thread, p, row->low);
    }
}

static void run_page_churn(struct bench_thread *thread, const struct bench_row *row,
                           const struct bench_step *steps, size_t count)
{
    (void)row;
    for (size_t i = 0; i < count; i++) {
        struct bench_live *live = &thread->live[steps[i].slot];
        put_pages(thread, live->p, live->order);
        live->order = steps[i].size;
        live->p = get_pages(thread, live->order);
        touch(live->p);
    }
}

/* Fills all slots, with the sizes of the first steps. */
static void run_fill(struct bench_thread *thread, const struct bench_row *row,
                     const struct bench_step *steps, size_t count)
{
    (void)count;
    for (size_t i = 0; i < row->live; i++) {
        thread->live[i].p = get(thread, steps[i].size);
        touch(thread->live[i].p);
    }
}

static void run_page_fill(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    (void)count;
    for (size_t i = 0; i < row->live; i++) {
        thread->live[i].order = steps[i].size;
        thread->live[i].p = get_pages(thread, steps[i].size);
        touch(thread->live[i].p);
    }
}

static void run_empty(struct bench_thread *thread, const struct bench_row *row,
                      const struct bench_step *steps, size_t count)
{
    (void)steps, (void)count;
    for (size_t i = 0; i < row->live; i++)
        put(thread, thread->live[i].p);
}

static void run_page_empty(struct bench_thread *thread, const struct bench_row *row,
                           const struct bench_step *steps, size_t count)
{
    (void)steps, (void)count;
    for (size_t i = 0; i < row->live; i++)
        put_pages(thread, thread->live[i].p, thread->live[i].order);
}

#define BENCH_LOOPS                                                                                \
    {                                                                                              \
        [BENCH_PAIR] = run_pair, [BENCH_BATCH] = run_batch, [BENCH_CHURN] = run_churn,             \
        [BENCH_PAGE_PAIR] = run_page_pair, [BENCH_PAGE_CHURN] = run_page_churn,                    \
        [BENCH_FILL] = run_fill, [BENCH_PAGE_FILL] = run_page_fill, [BENCH_EMPTY] = run_empty,     \
        [BENCH_PAGE_EMPTY] = run_page_empty                                                        \
    }

#endif
