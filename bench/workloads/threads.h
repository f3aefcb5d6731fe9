/* SPDX-License-Identifier: Apache-2.0 */
/* The loops in which one thread frees what another has allocated; see works.h. */
#ifndef BENCH_WORKLOADS_THREADS_H
#define BENCH_WORKLOADS_THREADS_H

#include "bench.h"
#include "exchange.h"
#include "objects.h"
#include "touch.h"

/* The threads' sets of objects go round, a place further in each pass. */
static void run_larson(struct bench_thread *thread, const struct bench_row *row,
                       const struct bench_step *steps, size_t count)
{
    size_t whose = (thread->index + thread->pass) % row->threads;
    churn(thread, thread->exchange->live[whose], steps, count);
}

static inline void produce(struct bench_thread *thread, size_t size, size_t count)
{
    struct bench_exchange *exchange = thread->exchange;
    size_t filled = atomic_load_explicit(&exchange->filled, memory_order_relaxed);
    for (size_t done = 0; done < count; done += BENCH_HANDFUL) {
        bench_await(&exchange->emptied, filled - BENCH_RING, BENCH_HANDFUL);
        for (size_t i = 0; i < BENCH_HANDFUL; i++) {
            void *p = get(thread, size);
            touch(p);
            exchange->ring[(filled + i) % BENCH_RING] = p;
        }
        filled += BENCH_HANDFUL;
        atomic_store_explicit(&exchange->filled, filled, memory_order_release);
    }
}

/* It reads what it is given, as a consumer would. */
static inline void consume(struct bench_thread *thread, size_t count)
{
    struct bench_exchange *exchange = thread->exchange;
    size_t emptied = atomic_load_explicit(&exchange->emptied, memory_order_relaxed);
    for (size_t done = 0; done < count; done += BENCH_HANDFUL) {
        bench_await(&exchange->filled, emptied, BENCH_HANDFUL);
        for (size_t i = 0; i < BENCH_HANDFUL; i++) {
            void *p = exchange->ring[(emptied + i) % BENCH_RING];
            look(p);
            put(thread, p);
        }
        emptied += BENCH_HANDFUL;
        atomic_store_explicit(&exchange->emptied, emptied, memory_order_release);
    }
}

/* count is a multiple of BENCH_HANDFUL. */
static void run_produce(struct bench_thread *thread, const struct bench_row *row,
                        const struct bench_step *steps, size_t count)
{
    (void)steps;
    if (thread->index == 0)
        produce(thread, row->low, count);
    else
        consume(thread, count);
}

/* The second thread begins when the first has done. */
static void run_hand_over(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    struct bench_exchange *exchange = thread->exchange;
    struct bench_live *live = exchange->live[0];
    (void)steps;
    if (thread->index == 0) {
        for (size_t i = 0; i < count; i++) {
            live[i].p = get(thread, row->low);
            touch(live[i].p);
        }
        atomic_fetch_add_explicit(&exchange->filled, count, memory_order_release);
    } else {
        bench_await(&exchange->filled, thread->pass * count, count);
        for (size_t i = 0; i < count; i++) {
            look(live[i].p);
            put(thread, live[i].p);
        }
    }
}

#endif
