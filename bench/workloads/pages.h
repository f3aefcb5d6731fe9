/* SPDX-License-Identifier: Apache-2.0 */
/* The loops over blocks of pages; see works.h. */
#ifndef BENCH_WORKLOADS_PAGES_H
#define BENCH_WORKLOADS_PAGES_H

#include "bench.h"
#include "touch.h"

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

/* Every other one of the blocks stays live: between them there are free ones of the order. */
static void prepare_page_pair(struct bench_thread *thread, const struct bench_row *row,
                              const struct bench_step *steps, size_t count)
{
    (void)steps;
    for (size_t i = 0; i < count; i++)
        thread->live[i].p = get_pages(thread, row->low);
    for (size_t i = 1; i < count; i += 2)
        put_pages(thread, thread->live[i].p, row->low);
}

static void finish_page_pair(struct bench_thread *thread, const struct bench_row *row,
                             const struct bench_step *steps, size_t count)
{
    (void)steps;
    for (size_t i = 0; i < count; i += 2)
        put_pages(thread, thread->live[i].p, row->low);
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

static void fill_pages(struct bench_thread *thread, const struct bench_row *row,
                       const struct bench_step *steps, size_t count)
{
    (void)row;
    for (size_t i = 0; i < count; i++) {
        thread->live[i].order = steps[i].size;
        thread->live[i].p = get_pages(thread, steps[i].size);
        touch(thread->live[i].p);
    }
}

static void empty_pages(struct bench_thread *thread, const struct bench_row *row,
                        const struct bench_step *steps, size_t count)
{
    (void)row, (void)steps;
    for (size_t i = 0; i < count; i++)
        put_pages(thread, thread->live[i].p, thread->live[i].order);
}

#define BENCH_WORKS_OF_PAGES                                                                       \
    [BENCH_PAGE_PAIR] = {prepare_page_pair, run_page_pair, finish_page_pair}, [BENCH_PAGE_CHURN] = \
                                                                                  {fill_pages,     \
                                                                                   run_page_churn, \
                                                                                   empty_pages}

/* For allocators that begin with a heap of their own. */
#define BENCH_WORKS_MERGED [BENCH_PAGE_PAIR_MERGED] = {NULL, run_page_pair, NULL}

#endif
