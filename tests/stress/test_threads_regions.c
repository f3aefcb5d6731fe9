/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions come and go while threads allocate and free. A region that went is unmapped at once, so
 * that whoever still looks into it ends the test.
 */
#include "threads.h"

enum { REGIONS = 10, HELD = 500, USED_BYTES = 8 << 20, FIRST_BYTES = 64 << 20 };

struct flux {
    struct place place;
    size_t rounds;
    size_t served;
    unsigned working; /* threads */
    size_t removed, kept;
};

/* Fills its hands, empties them, and again, so that regions are used and then free. */
static void work_tide(struct flux *flux, unsigned number)
{
    bsa_heap *heap = flux->place.heap;
    struct rng rng = rng_of("tide", number);
    void **held = calloc(HELD, sizeof *held);
    size_t served = 0;
    require(held != NULL);
    for (size_t round = 0; round < flux->rounds; round++) {
        size_t want = rng_between(&rng, 1, HELD);
        for (size_t i = 0; i < want; i++) {
            size_t bytes = rng_below(&rng, 16) == 0 ? rng_between(&rng, 4096, 300000)
                                                    : rng_between(&rng, 8, 4096);
            held[i] = tag_alloc(heap, bytes);
            served += held[i] != NULL;
            require(held[i] == NULL || bsa_usable_size(heap, held[i]) >= bytes);
        }
        for (size_t i = want; i > 1; i--) {
            size_t k = rng_below(&rng, i);
            void *p = held[k];
            held[k] = held[i - 1];
            held[i - 1] = p;
        }
        for (size_t i = 0; i < want; i++)
            tag_free(heap, held[i]);
    }
    free(held);
    __atomic_fetch_add(&flux->served, served, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&flux->working, 1, __ATOMIC_RELEASE);
}

/* Also asks what goes through all sections. */
static void work_keeper(struct flux *flux)
{
    bsa_heap *heap = flux->place.heap;
    struct rng rng = rng_of("keeper", 0);
    struct region region[REGIONS];
    memset(region, 0, sizeof region);
    for (size_t i = 0; __atomic_load_n(&flux->working, __ATOMIC_ACQUIRE) != 0; i++) {
        struct region *r = &region[rng_below(&rng, REGIONS)];
        if (r->start == NULL) {
            *r = region_make(rng_between(&rng, 200000, 4 << 20), 4096, rng_below(&rng, 4096));
            require(bsa_heap_add_region(heap, r->start, r->bytes) == BSA_OK);
        } else {
            enum bsa_status status = bsa_heap_remove_region(heap, r->start);
            require(status == BSA_OK || status == BSA_ERR_MEMORY_OVERLAP);
            if (status == BSA_OK) {
                region_free(r);
                r->start = NULL;
                flux->removed++;
            } else {
                flux->kept++;
            }
        }
        size_t counts[BSA_MAX_ORDER + 1];
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        bsa_heap_section(heap, rng_below(&rng, REGIONS), &info);
        require(bsa_heap_free_blocks(heap, counts, BSA_MAX_ORDER + 1) == BSA_OK);
        require(bsa_heap_allocated_bytes(heap) <= bsa_heap_managed_bytes(heap) + (64 << 20));
        if (i % 32 == 0 && flux->place.config.flags == 0)
            require(bsa_heap_validate(heap) == BSA_OK);
        sched_yield();
    }
    for (unsigned cpu = 0; cpu < flux->place.config.cpus; cpu++) {
        this_cpu = cpu; /* nobody else is any more */
        require(bsa_heap_drain(heap, cpu) == BSA_OK);
    }
    for (unsigned i = 0; i < REGIONS; i++) {
        if (region[i].start == NULL)
            continue;
        require(bsa_heap_remove_region(heap, region[i].start) == BSA_OK);
        region_free(&region[i]);
    }
}

static void work_flux(void *arg, unsigned number)
{
    if (number == 0)
        work_keeper(arg);
    else
        work_tide(arg, number);
}

static void run_flux(struct flux *flux)
{
    flux->place.platform.log = NULL; /* it is told of each region */
    /* Large enough for a table of all regions, which would keep another one; but not to be used. */
    place_open(&flux->place, FIRST_BYTES);
    unsigned char *unused = flux->place.region[0].start + USED_BYTES;
    assert_status(bsa_heap_reserve(flux->place.heap, unused, FIRST_BYTES - USED_BYTES), BSA_OK);
    flux->rounds = thread_steps(600);
    flux->working = THREADS - 1;
    crew_run(THREADS, work_flux, flux);
    printf("# %zu served; %zu regions left, %zu were in use\n", flux->served, flux->removed,
           flux->kept);
    ck_assert_uint_ne(flux->served, 0);
    ck_assert_uint_ne(flux->removed, 0);
    ck_assert_uint_eq(bsa_heap_section_count(flux->place.heap), 1);
    place_close(&flux->place);
}

START_TEST(shared)
{
    struct flux flux = {.place = place_of(THREADS)};
    run_flux(&flux);
}
END_TEST

START_TEST(exclusive)
{
    struct flux flux = {.place = place_of(THREADS)};
    flux.place.config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    run_flux(&flux);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads_regions");
    TCase *tcase = tcase_create("regions");
    tcase_add_test(tcase, shared);
    tcase_add_test(tcase, exclusive);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
