/* SPDX-License-Identifier: Apache-2.0 */
/* The random numbers that rows are made of: the same ones on each machine and run. */
#include <math.h>

#include "bench.h"

enum {
    PAIR_STEPS = 50000,
    THREADS_STEPS = 20000, /* shorter than a time slice: neighbours shall not show in the clock */
    CHURN_STEPS = 1 << 20, /* long, so that no branch predictor learns them */
    CHURN_PASSES = 8,
    SHORT_PASSES = 64, /* of threads, as above */
    BATCHES = 16,
    BATCHES_PER_PASS = 4,
    REALLOC_STEPS = 2048
};

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

static void set_steps(struct bench_plan *plan, size_t count, size_t passes)
{
    plan->step_count = count;
    plan->steps_per_pass = count / passes;
    plan->steps = bench_memory(count * sizeof(*plan->steps));
}

static void draw_churn(struct bench_plan *plan, uint64_t *state)
{
    const struct bench_row *row = plan->row;
    for (size_t i = 0; i < plan->step_count; i++) {
        struct bench_step *step = &plan->steps[i];
        step->slot = below(state, row->live);
        step->size = row->workload == BENCH_PAGE_CHURN
                         ? (uint32_t)row->low + below(state, row->high - row->low + 1)
                         : draw_size(state, row);
    }
}

/* Fisher and Yates. */
static void shuffle(struct bench_step *steps, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = below(state, i);
        uint32_t slot = steps[other].slot;
        steps[other].slot = steps[i - 1].slot;
        steps[i - 1].slot = slot;
    }
}

/* The slots in the row's order, for each batch anew. */
static void draw_batches(struct bench_plan *plan, uint64_t *state)
{
    size_t live = plan->row->live;
    for (size_t first = 0; first < plan->step_count; first += live) {
        struct bench_step *steps = plan->steps + first;
        for (size_t i = 0; i < live; i++)
            steps[i].slot = (uint32_t)(plan->row->order == BENCH_LAST_FIRST ? live - 1 - i : i);
        if (plan->row->order == BENCH_RANDOM)
            shuffle(steps, live, state);
    }
}

/* From low to high by doubling, or by so much each time; over and over. */
static void draw_growth(struct bench_plan *plan)
{
    const struct bench_row *row = plan->row;
    size_t size = row->low, cycle = 0;
    for (size_t s = row->low; s <= row->high; s = row->count == 0 ? 2 * s : s + row->count)
        cycle++;
    set_steps(plan, (REALLOC_STEPS + cycle - 1) / cycle * cycle, 1);
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->steps[i].size = (uint32_t)size;
        size = row->count == 0 ? 2 * size : size + row->count;
        size = size > row->high ? row->low : size;
    }
}

void bench_plan_make(struct bench_plan *plan, const struct bench_row *row)
{
    uint64_t state = 2026;
    *plan = (struct bench_plan){.row = row};
    switch (row->workload) {
    case BENCH_BATCH:
    case BENCH_SLABS:
    case BENCH_SECTIONS:
    case BENCH_ODD_PAGES:
        set_steps(plan, row->live * BATCHES, BATCHES / BATCHES_PER_PASS);
        draw_batches(plan, &state);
        break;
    case BENCH_CHURN:
    case BENCH_LARSON:
    case BENCH_PAGE_CHURN:
    case BENCH_OCCUPANCY:
        set_steps(plan, CHURN_STEPS, row->threads > 1 || row->scales ? SHORT_PASSES : CHURN_PASSES);
        draw_churn(plan, &state);
        break;
    case BENCH_REALLOC:
        draw_growth(plan);
        break;
    case BENCH_HAND_OVER:
        plan->step_count = plan->steps_per_pass = row->live;
        break;
    default:
        plan->step_count = row->threads == 1 && !row->scales ? PAIR_STEPS : THREADS_STEPS;
        plan->steps_per_pass = plan->step_count;
        break;
    }
}
