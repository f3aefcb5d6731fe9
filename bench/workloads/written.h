/* SPDX-License-Identifier: Apache-2.0 */
/* The loops that write to every page of what they get; see works.h. */
#ifndef BENCH_WORKLOADS_WRITTEN_H
#define BENCH_WORKLOADS_WRITTEN_H

#include "bench.h"
#include "touch.h"

/* A churn; what it occupies is seen from outside. */
static void run_occupancy(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    (void)row;
    for (size_t i = 0; i < count; i++) {
        struct bench_live *live = &thread->live[steps[i].slot];
        if (live->p != NULL)
            put(thread, live->p);
        live->p = get(thread, steps[i].size);
        touch_pages(live->p, 0, steps[i].size);
    }
}

/* Sizes go up, in each step with what has been written; a fall to less than half begins anew. */
static void run_realloc(struct bench_thread *thread, const struct bench_row *row,
                        const struct bench_step *steps, size_t count)
{
    struct bench_live *live = &thread->live[0];
    (void)row;
    for (size_t i = 0; i < count; i++) {
        size_t size = steps[i].size;
        if (size < live->order / 2) {
            put(thread, live->p);
            live->p = get(thread, size);
            live->order = 0;
        } else {
            live->p = resize(thread, live->p, size);
        }
        touch_pages(live->p, live->order, size);
        live->order = size;
    }
}

static void prepare_realloc(struct bench_thread *thread, const struct bench_row *row,
                            const struct bench_step *steps, size_t count)
{
    (void)row, (void)count;
    thread->live[0] = (struct bench_live){get(thread, steps[0].size), steps[0].size};
    touch_pages(thread->live[0].p, 0, steps[0].size);
}

#endif
