/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that resize what they hold, side by side; and frees that meet a resize of the same block.
 */
#include "threads.h"

enum { SLOTS = 32 };

static void work_sizes(void *arg, unsigned number)
{
    bsa_heap *heap = ((struct place *)arg)->heap;
    struct rng rng = rng_of("sizes", number);
    void *own[SLOTS] = {NULL};
    size_t steps = thread_steps(100000);
    for (size_t i = 0; i < steps; i++) {
        void **p = &own[rng_below(&rng, SLOTS)];
        size_t bytes = rng_below(&rng, 3) == 0 ? rng_between(&rng, 8, 40000) : tag_size(&rng);
        if (*p != NULL)
            tag_check(*p);
        enum bsa_status status = rng_below(&rng, 2) == 0
                                     ? bsa_heap_realloc(heap, p, bytes, 8)
                                     : bsa_cpu_realloc(bsa_heap_cpu(heap, this_cpu), p, bytes, 8);
        if (status == BSA_OK)
            tag(*p, bytes);
        require(status == BSA_OK || status == BSA_ERR_NO_MEMORY);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        tag_free(heap, own[i]);
}

START_TEST(sizes)
{
    struct place place = place_of(THREADS);
    place.config.flags = _i == 1 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    place.config.page_list_pages = _i == 2 ? BSA_NONE : 0;
    place_open(&place, _i == 3 ? (size_t)1 << 20 : (size_t)32 << 20);
    crew_run(THREADS, work_sizes, &place);
    place_close(&place);
}
END_TEST

/* A thread shrinks a block, the others free it: one free is right, and no page is lost or given
 * back twice. What is freed stays on a CPU's list, so that nobody gets it again in the same round.
 */

struct race {
    struct place *place;
    size_t rounds, wrong;
    void *volatile target;
    atomic_uint arrived[2], freed;
};

static void meet(struct race *race, unsigned which)
{
    atomic_fetch_add(&race->arrived[which], 1);
    for (unsigned spins = 0; atomic_load(&race->arrived[which]) % THREADS != 0; spins++) {
        if (spins % 1024 == 1023)
            sched_yield();
    }
}

/* A free that meets the shrink half-way is refused, and so may all be. */
static void end_round(struct race *race)
{
    if (race->freed == 0 && race->target != NULL)
        require(bsa_heap_free(race->place->heap, race->target) == BSA_OK);
    race->wrong += race->freed > 1;
}

static void work_race(void *arg, unsigned number)
{
    struct race *race = arg;
    bsa_heap *heap = race->place->heap;
    this_cpu = number % race->place->config.cpus;
    for (size_t i = 0; i < race->rounds; i++) {
        if (number == i % THREADS) {
            void *p = NULL;
            end_round(race);
            require(bsa_heap_alloc_pages(heap, 8, 1, &p) == BSA_OK);
            race->target = p;
            atomic_store(&race->freed, 0);
        }
        meet(race, 0);
        void *target = race->target, *p = target;
        enum bsa_status status;
        if (number == 0) {
            status = bsa_heap_realloc(heap, &p, 4 * 4096, 1);
            require(p == target);
        } else {
            status = bsa_heap_free(heap, p);
            atomic_fetch_add(&race->freed, status == BSA_OK);
        }
        require(status == BSA_OK || status == BSA_ERR_NOT_ALLOCATED);
        meet(race, 1);
    }
}

START_TEST(shrinks_that_meet_frees)
{
    struct place place = place_of(THREADS);
    place.platform.fault = NULL;
    place.config.page_list_pages = 1024;
    place_open(&place, (size_t)64 << 20);
    struct race race = {.place = &place, .rounds = thread_steps(20000)};
    crew_run(THREADS, work_race, &race);
    end_round(&race);
    ck_assert_uint_eq(race.wrong, 0);
    place_close(&place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads that resize");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, sizes, 0, 4);
    tcase_add_test(tcase, shrinks_that_meet_frees);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
