/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of one cell: a row with a subject, in this process.
 *
 * One thread is timed by the CPU time that it used, so that other processes of the machine take
 * little part in it. Several threads are timed by the clock, from the first one's start to the last
 * one's end, for waiting for each other is a cost of theirs; so is one that is to be compared with
 * several.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"
#include "exchange.h"

enum { PASSES_MIN = 5, PASSES_MAX = 4096, WARM_UP_PART = 4 };

struct cell {
    struct bench_plan plan;
    const struct bench_subject *subject;
    const struct bench_work *work;
    struct bench_exchange *exchange;
    unsigned threads;
    double seconds;
    size_t passes_wanted; /* 0: as seconds says */
    _Alignas(2 * BENCH_CACHE_LINE) atomic_uint arrived;
    _Alignas(2 * BENCH_CACHE_LINE) atomic_bool over;
    double begin[BENCH_THREADS_MAX], end[BENCH_THREADS_MAX]; /* of the pass, of each thread */
    double passes[PASSES_MAX];                               /* nanoseconds */
    size_t pass_count;
    struct bench_thread thread[BENCH_THREADS_MAX];
};

void *bench_memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        bench_fail("no %zu MiB of address space: %s", bytes >> 20, strerror(errno));
    return p;
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Each thread on a CPU of its own where there are enough; else they stay where they are put. */
static void pin(unsigned index, unsigned threads)
{
    cpu_set_t mine, one;
    if (sched_getaffinity(0, sizeof(mine), &mine) != 0 || CPU_COUNT(&mine) < (int)threads)
        return;
    unsigned left = index;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &mine) && left-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
    }
}

/* All threads have come here for the round-th time. */
static void meet(struct cell *cell, unsigned round)
{
    atomic_fetch_add(&cell->arrived, 1);
    for (unsigned spins = 0; atomic_load(&cell->arrived) < cell->threads * round; spins++)
        if (spins % BENCH_SPINS == BENCH_SPINS - 1)
            sched_yield();
}

static void run_pass(struct cell *cell, struct bench_thread *thread)
{
    const struct bench_plan *plan = &cell->plan;
    const struct bench_row *row = plan->row;
    clockid_t clock =
        cell->threads == 1 && !row->scales ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    /* Threads are at different places of the plan, so that they do not do the same in step. */
    size_t first = (thread->pass + thread->index) * plan->steps_per_pass % plan->step_count;

    cell->begin[thread->index] = now(clock);
    cell->work->pass(thread, row, plan->steps == NULL ? NULL : plan->steps + first,
                     plan->steps_per_pass);
    cell->end[thread->index] = now(clock);
    thread->pass++;
}

static double pass_time(const struct cell *cell)
{
    double begin = cell->begin[0], end = cell->end[0];
    for (unsigned i = 1; i < cell->threads; i++) {
        begin = cell->begin[i] < begin ? cell->begin[i] : begin;
        end = cell->end[i] > end ? cell->end[i] : end;
    }
    return end - begin;
}

/* Runs passes until there were at least so many and so many seconds. */
static void run_passes(struct cell *cell, struct bench_thread *thread, size_t least, double seconds,
                       unsigned *round)
{
    double begin = now(CLOCK_MONOTONIC);
    size_t done = 0;
    if (thread->index == 0)
        atomic_store(&cell->over, false);
    do {
        meet(cell, ++*round);
        run_pass(cell, thread);
        meet(cell, ++*round);
        done++;
        if (thread->index == 0) {
            cell->passes[done - 1] = pass_time(cell);
            cell->pass_count = done;
            bool enough = done >= least && now(CLOCK_MONOTONIC) - begin >= seconds * 1e9;
            atomic_store(&cell->over, enough || done == PASSES_MAX);
        }
        meet(cell, ++*round);
    } while (!atomic_load(&cell->over));
    meet(cell, ++*round);
}

static void run_thread(struct cell *cell, struct bench_thread *thread)
{
    const struct bench_plan *plan = &cell->plan;
    const struct bench_row *row = plan->row;
    unsigned round = 0;

    pin(thread->index, cell->threads);
    if (cell->subject->attach != NULL)
        cell->subject->attach(thread);
    if (row->live != 0)
        thread->live = bench_memory(row->live * sizeof(*thread->live));
    thread->exchange = cell->exchange;
    thread->exchange->live[thread->index] = thread->live;
    if (cell->work->prepare != NULL)
        cell->work->prepare(thread, row, plan->steps, row->live);

    if (cell->passes_wanted != 0) {
        run_passes(cell, thread, cell->passes_wanted, 0, &round);
    } else {
        /* The warm-up goes through all steps once: memory has been touched, caches are as they
         * stay. */
        size_t whole = plan->step_count / plan->steps_per_pass;
        run_passes(cell, thread, whole, cell->seconds / (double)WARM_UP_PART, &round);
        run_passes(cell, thread, PASSES_MIN, cell->seconds, &round);
    }
    if (cell->work->finish != NULL)
        cell->work->finish(thread, row, NULL, row->live);
}

struct start {
    struct cell *cell;
    struct bench_thread *thread;
};

static void *start_thread(void *arg)
{
    struct start *start = arg;
    run_thread(start->cell, start->thread);
    return NULL;
}

double bench_cell_time(const struct bench_row *row, const struct bench_subject *subject,
                       const struct bench_options *options)
{
    struct cell *cell = bench_memory(sizeof(*cell));
    bsa_heap *heap = subject->layer == BENCH_HEAP ? bench_heap_open(subject, row) : NULL;
    bsa_buddy *buddy = subject->layer == BENCH_BUDDY ? bench_buddy_open() : NULL;
    pthread_t others[BENCH_THREADS_MAX];
    struct start starts[BENCH_THREADS_MAX];

    cell->subject = subject;
    cell->work = &subject->works[row->workload];
    cell->threads = row->threads;
    cell->seconds = options->seconds;
    cell->passes_wanted = options->passes;
    cell->exchange = bench_memory(sizeof(*cell->exchange));
    bench_plan_make(&cell->plan, row);
    for (unsigned i = 0; i < row->threads; i++) {
        cell->thread[i].index = i;
        cell->thread[i].heap = heap;
        cell->thread[i].buddy = buddy;
        starts[i] = (struct start){cell, &cell->thread[i]};
    }
    for (unsigned i = 1; i < row->threads; i++)
        if (pthread_create(&others[i], NULL, start_thread, &starts[i]) != 0)
            bench_fail("no thread number %u to be had", i + 1);
    run_thread(cell, &cell->thread[0]);
    for (unsigned i = 1; i < row->threads; i++)
        pthread_join(others[i], NULL);

    if (heap != NULL)
        bench_heap_close(heap);
    if (buddy != NULL)
        bench_buddy_close(buddy);
    double steps = (double)cell->plan.steps_per_pass;
    return options->passes != 0 ? steps * options->passes
                                : bench_median(cell->passes, cell->pass_count) / steps;
}

double bench_cell(const struct bench_row *row, const struct bench_subject *subject,
                  const struct bench_options *options)
{
    switch (row->workload) {
    case BENCH_OCCUPANCY:
        return bench_cell_occupancy(row, subject);
    case BENCH_USABLE:
    case BENCH_METADATA:
    case BENCH_CPU_BYTES:
        return bench_cell_layout(row, subject);
    default:
        return bench_cell_time(row, subject, options);
    }
}
