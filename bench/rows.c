/* SPDX-License-Identifier: Apache-2.0 */
/* The rows, and the random numbers that they are made of: the same ones on each machine and run. */
#include <math.h>
#include <string.h>

#include "bench.h"

enum {
    PAIR_STEPS = 200000,
    THREADS_STEPS =
        20000, /* shorter than a time slice, for neighbours shall not show in the clock */
    CHURN_STEPS = 1 << 20, /* long, so that no branch predictor learns them */
    CHURN_PASSES = 8,
    BATCHES = 16,
    BATCHES_PER_PASS = 4
};

#define PAIR_ROW(bytes)                                                                            \
    {                                                                                              \
        .name = "pair-" #bytes, .group = "pair", .workload = BENCH_PAIR, .low = (bytes),           \
        .threads = 1, .limit = 3.7                                                                 \
    }

#define PAGE_PAIR_ROW(order)                                                                       \
    {                                                                                              \
        .name = "page-pair-" #order, .group = "page-pair", .workload = BENCH_PAGE_PAIR,            \
        .low = (order), .threads = 1, .limit = 1.9                                                 \
    }

const struct bench_row bench_rows[] = {
    PAIR_ROW(8),
    PAIR_ROW(16),
    PAIR_ROW(32),
    PAIR_ROW(64),
    PAIR_ROW(128),
    PAIR_ROW(256),
    PAIR_ROW(512),
    PAIR_ROW(1024),
    PAIR_ROW(2048),
    {.name = "batch-64",
     .workload = BENCH_BATCH,
     .low = 64,
     .live = 10000,
     .threads = 1,
     .limit = 2.6},
    {.name = "churn-2K",
     .workload = BENCH_CHURN,
     .low = 8,
     .high = 2048,
     .live = 10000,
     .threads = 1,
     .limit = 5.5},
    {.name = "churn-256K",
     .workload = BENCH_CHURN,
     .low = 8,
     .high = 256 * 1024,
     .live = 2000,
     .threads = 1,
     .limit = 3.1},
    PAGE_PAIR_ROW(0),
    PAGE_PAIR_ROW(3),
    PAGE_PAIR_ROW(6),
    {.name = "page-churn",
     .workload = BENCH_PAGE_CHURN,
     .low = 0,
     .high = 6,
     .live = 1000,
     .threads = 1,
     .limit = 1.8},
    {.name = "threads-64", .workload = BENCH_PAIR, .low = 64, .threads = 2, .limit = 11},
    {.name = "threads-page", .workload = BENCH_PAGE_PAIR, .low = 0, .threads = 2, .limit = 23},
};

const unsigned bench_row_count = sizeof(bench_rows) / sizeof(bench_rows[0]);
_Static_assert(sizeof(bench_rows) / sizeof(bench_rows[0]) <= BENCH_ROWS_MAX, "more rows than room");

const struct bench_row *bench_find_row(const char *name)
{
    for (unsigned i = 0; i < bench_row_count; i++)
        if (strcmp(bench_rows[i].name, name) == 0)
            return &bench_rows[i];
    return NULL;
}

bool bench_row_matches(const struct bench_row *row, const char *name)
{
    return strcmp(row->name, name) == 0 || (row->group != NULL && strcmp(row->group, name) == 0);
}

/* SplitMix64 (Steele, Lea and Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t below(uint64_t *state, size_t n)
{
    return (uint32_t)(next_random(state) % n);
}

/* Evenly by logarithm: each doubling gets as many. */
static uint32_t draw_size(uint64_t *state, const struct bench_row *row)
{
    double even = (double)(next_random(state) >> 11) * 0x1p-53;
    double low = log2((double)row->low), high = log2((double)row->high);
    return (uint32_t)exp2(low + even * (high - low));
}

static void draw_churn(struct bench_plan *plan, uint64_t *state)
{
    const struct bench_row *row = plan->row;
    for (size_t i = 0; i < plan->step_count; i++) {
        struct bench_step *step = &plan->steps[i];
        step->slot = below(state, row->live);
        step->size = row->workload == BENCH_CHURN
                         ? draw_size(state, row)
                         : (uint32_t)row->low + below(state, row->high - row->low + 1);
    }
}

/* Fisher and Yates, for each batch anew. */
static void draw_permutations(struct bench_plan *plan, uint64_t *state)
{
    size_t live = plan->row->live;
    for (size_t first = 0; first < plan->step_count; first += live) {
        struct bench_step *steps = plan->steps + first;
        for (uint32_t i = 0; i < live; i++)
            steps[i].slot = i;
        for (size_t i = live; i > 1; i--) {
            size_t other = below(state, i);
            uint32_t slot = steps[other].slot;
            steps[other].slot = steps[i - 1].slot;
            steps[i - 1].slot = slot;
        }
    }
}

void bench_plan_make(struct bench_plan *plan, const struct bench_row *row)
{
    uint64_t state = 2026;
    *plan = (struct bench_plan){.row = row};
    switch (row->workload) {
    case BENCH_BATCH:
        plan->step_count = row->live * BATCHES;
        plan->steps_per_pass = row->live * BATCHES_PER_PASS;
        plan->steps = bench_memory(plan->step_count * sizeof(*plan->steps));
        draw_permutations(plan, &state);
        break;
    case BENCH_CHURN:
    case BENCH_PAGE_CHURN:
        plan->step_count = CHURN_STEPS;
        plan->steps_per_pass = CHURN_STEPS / CHURN_PASSES;
        plan->steps = bench_memory(plan->step_count * sizeof(*plan->steps));
        draw_churn(plan, &state);
        break;
    default:
        plan->step_count = row->threads == 1 ? PAIR_STEPS : THREADS_STEPS;
        plan->steps_per_pass = plan->step_count;
        break;
    }
}
