/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All threads free the same thing at once: one of them is right, and the others are told. With
 * exclusive CPUs an object's home, or the CPU that handed a block out, and one other may both be
 * let through; that is told when it would be used again, or goes home.
 */
#include "threads.h"

struct race {
    struct place *place;
    size_t rounds, wrong, late;
    void *volatile target;
    atomic_uint arrived[3], won, refused;
    unsigned threads;
    bool pages, late_allowed;
};

static atomic_uint freed_twice; /* found later */

static void note_freed_twice(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx, (void)addr;
    if (status == BSA_ERR_NOT_ALLOCATED && strstr(what, ", at once from two CPUs") != NULL)
        atomic_fetch_add(&freed_twice, 1);
}

/* Spins, so that all leave at the same moment. */
static void meet(struct race *race, unsigned which)
{
    atomic_fetch_add(&race->arrived[which], 1);
    for (unsigned spins = 0; atomic_load(&race->arrived[which]) % race->threads != 0; spins++) {
        if (spins % 256 == 255)
            sched_yield();
    }
}

static enum bsa_status free_target(struct race *race, unsigned number)
{
    bsa_heap *heap = race->place->heap;
    bsa_cpu *cpu = bsa_heap_cpu(heap, this_cpu);
    void *target = race->target;
    if (race->pages)
        return number % 2 == 0 ? bsa_heap_free_pages(heap, target, 1)
                               : bsa_cpu_free_pages(cpu, target, 1);
    return number % 2 == 0 ? bsa_heap_free(heap, target) : bsa_cpu_free(cpu, target);
}

static void work_race(void *arg, unsigned number)
{
    struct race *race = arg;
    this_cpu = number % race->place->config.cpus;
    for (size_t i = 0; i < race->rounds; i++) {
        if (number == i % race->threads) {
            void *p = NULL;
            require((race->pages ? bsa_heap_alloc_pages(race->place->heap, 1, 1, &p)
                                 : bsa_heap_alloc(race->place->heap, 64, 8, &p)) == BSA_OK);
            race->target = p;
        }
        meet(race, 0);
        enum bsa_status status = free_target(race, number);
        atomic_fetch_add(&race->won, status == BSA_OK);
        atomic_fetch_add(&race->refused, status == BSA_ERR_NOT_ALLOCATED);
        meet(race, 1);
        if (number == 0) {
            unsigned won = race->won;
            race->wrong += won + race->refused != race->threads || won == 0 ||
                           (won > 1 && !race->late_allowed);
            race->late += won - 1;
            race->won = race->refused = 0;
        }
        if (i % 64 == 63) /* then slabs are private again */
            require(bsa_heap_drain(race->place->heap, this_cpu) == BSA_OK);
        meet(race, 2);
    }
}

START_TEST(racing_frees)
{
    bool exclusive = _i >= 8, pages = _i % 2 == 1;
    unsigned threads = exclusive ? 2 : THREADS;
    struct place place = place_of(_i / 4 == 1 ? 1 : threads);
    place.platform.fault = note_freed_twice;
    place.config.flags = exclusive ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    place.config.magazine_objects = _i % 4 >= 2 ? BSA_NONE : 0;
    place.config.page_list_pages = _i % 4 >= 2 ? BSA_NONE : 0;
    freed_twice = 0;
    place_open(&place, (size_t)4 << 20);
    struct race race = {.place = &place,
                        .rounds = thread_steps(exclusive ? 5000 : 15000),
                        .threads = threads,
                        .pages = pages,
                        .late_allowed = exclusive && (!pages || _i % 4 < 2)};
    crew_run(threads, work_race, &race);
    ck_assert_uint_eq(race.wrong, 0);
    for (unsigned cpu = 0; cpu < place.config.cpus; cpu++) {
        this_cpu = cpu;
        assert_status(bsa_heap_drain(place.heap, cpu), BSA_OK);
    }
    /* Told once for each of the two, or once for all that go home together. */
    ck_assert_uint_le(freed_twice, 2 * race.late);
    ck_assert((freed_twice != 0) == (race.late != 0));
    if (race.late == 0 || pages) /* else an object is live, and nobody's */
        place_close(&place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads that race");
    TCase *tcase = tcase_create("frees");
    tcase_add_loop_test(tcase, racing_frees, 0, 12);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
