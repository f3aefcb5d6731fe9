/* SPDX-License-Identifier: Apache-2.0 */
/* The loops over objects; see works.h. */
#ifndef BENCH_WORKLOADS_OBJECTS_H
#define BENCH_WORKLOADS_OBJECTS_H

#include "bench.h"
#include "touch.h"

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

static inline void churn(struct bench_thread *thread, struct bench_live *all,
                         const struct bench_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(&steps[i + 32]);
        struct bench_live *live = &all[steps[i].slot];
        put(thread, live->p);
        live->p = get(thread, steps[i].size);
        touch(live->p);
    }
}

static void run_churn(struct bench_thread *thread, const struct bench_row *row,
                      const struct bench_step *steps, size_t count)
{
    (void)row;
    churn(thread, thread->live, steps, count);
}

/* Fills all slots, with the sizes of the first steps. */
static void fill(struct bench_thread *thread, const struct bench_row *row,
                 const struct bench_step *steps, size_t count)
{
    (void)row;
    for (size_t i = 0; i < count; i++) {
        thread->live[i].p = get(thread, steps[i].size);
        touch(thread->live[i].p);
    }
}

static void empty(struct bench_thread *thread, const struct bench_row *row,
                  const struct bench_step *steps, size_t count)
{
    (void)row, (void)steps;
    for (size_t i = 0; i < count; i++)
        put(thread, thread->live[i].p);
}

#endif
