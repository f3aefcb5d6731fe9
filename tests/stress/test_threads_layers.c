/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on the layers alone: a buddy, and a slab allocator whose pages come from one. */
#include "threads.h"

enum { BLOCKS = 48, OBJECTS = 256 };

struct job {
    bsa_buddy *buddy;
    bsa_slab *slab;
    size_t steps, page_size;
    size_t failures;
    _Atomic(void *) slots[THREADS * OBJECTS];
    atomic_uint done;
};

static bsa_buddy *make_buddy(const struct region *region, size_t page_size)
{
    static struct bsa_platform platform;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;
    platform = stress_platform();
    config.page_size = page_size;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, region->start, region->bytes, &config), BSA_OK);
    return buddy;
}

/* Blocks of all sizes and alignments, some of them freed by the neighbour. */

static void work_blocks(void *arg, unsigned number)
{
    struct job *job = arg;
    struct rng rng = rng_of("blocks", number);
    struct {
        void *at;
        size_t pages;
    } own[BLOCKS] = {{NULL, 0}};
    for (size_t i = 0; i < job->steps + BLOCKS; i++) {
        unsigned k =
            i < job->steps ? (unsigned)rng_below(&rng, BLOCKS) : (unsigned)(i - job->steps);
        if (own[k].at != NULL) {
            require(tag_check(own[k].at) == own[k].pages * job->page_size);
            require(bsa_buddy_free(job->buddy, own[k].at, own[k].pages) == BSA_OK);
            own[k].at = NULL;
        } else if (i < job->steps) {
            size_t align = job->page_size << rng_below(&rng, 8);
            own[k].pages = rng_between(&rng, 1, (size_t)2 << rng_below(&rng, 8));
            enum bsa_status status =
                rng_below(&rng, 2) == 0
                    ? bsa_buddy_alloc(job->buddy, own[k].pages, align, &own[k].at)
                    : bsa_buddy_alloc(job->buddy, own[k].pages, 1, &own[k].at);
            require(status == BSA_OK || status == BSA_ERR_NO_MEMORY);
            if (status == BSA_OK)
                tag(own[k].at, own[k].pages * job->page_size);
            else
                __atomic_fetch_add(&job->failures, 1, __ATOMIC_RELAXED);
        }
    }
    atomic_fetch_add(&job->done, 1);
}

static void work_blocks_watched(void *arg, unsigned number)
{
    struct job *job = arg;
    size_t counts[BSA_MAX_ORDER + 1];
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags;
    if (number < THREADS) {
        work_blocks(arg, number);
        return;
    }
    while (atomic_load(&job->done) < THREADS) {
        require(bsa_buddy_validate(job->buddy) == BSA_OK);
        require(bsa_buddy_free_blocks(job->buddy, counts, BSA_MAX_ORDER + 1) == BSA_OK);
        require(bsa_buddy_section(job->buddy, 0, &info) == BSA_OK);
        require(info.free_pages <= info.total_pages);
        require(bsa_buddy_page_flags(job->buddy, info.start, &flags) == BSA_OK);
        require(bsa_buddy_allocated_bytes(job->buddy) <= bsa_buddy_managed_bytes(job->buddy));
        sched_yield();
    }
}

START_TEST(buddy_alone)
{
    struct region region = region_make(_i == 0 ? (size_t)64 << 20 : (size_t)8 << 20, 4096, 100);
    struct region second = region_make((size_t)4 << 20, 4096, 0);
    struct job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    job->page_size = _i == 2 ? 1024 : 4096;
    job->steps = thread_steps(150000);
    job->buddy = make_buddy(&region, job->page_size);
    assert_status(bsa_buddy_add_region(job->buddy, second.start, second.bytes), BSA_OK);
    crew_run(THREADS + 1, work_blocks_watched, job);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(job->buddy), 0);
    assert_status(bsa_buddy_validate(job->buddy), BSA_OK);
    if (_i == 1)
        ck_assert_uint_gt(job->failures, 0);
    free(job);
    region_free(&region);
    region_free(&second);
}
END_TEST

/* The slab allocator alone: whoever finds that a slab is needed brings it, and whoever empties one
 * takes its pages. Every object is freed by another thread than the one that allocated it. */

static void give_pages(struct job *job, const struct bsa_slab_freed *freed)
{
    if (freed->base != NULL)
        require(bsa_buddy_free(job->buddy, freed->base, freed->pages) == BSA_OK);
}

static void *slab_object(struct job *job, unsigned cpu, size_t size)
{
    struct bsa_slab_result result;
    for (;;) {
        require(bsa_slab_alloc(job->slab, cpu, size, 8, &result) == BSA_OK);
        if (result.object != NULL)
            return tag(result.object, size);
        void *pages;
        enum bsa_status status =
            bsa_buddy_alloc(job->buddy, result.needs_pages, result.needs_align, &pages);
        if (status != BSA_OK)
            return NULL;
        require(bsa_slab_add(job->slab, cpu, result.needs_class, pages, result.needs_pages) ==
                BSA_OK);
    }
}

static void slab_release(struct job *job, unsigned cpu, void *p)
{
    struct bsa_slab_freed freed;
    if (p == NULL)
        return;
    tag_check(p);
    require(bsa_slab_free(job->slab, cpu, p, &freed) == BSA_OK);
    give_pages(job, &freed);
}

static void work_objects(void *arg, unsigned number)
{
    struct job *job = arg;
    struct rng rng = rng_of("objects", number);
    for (size_t i = 0; i < job->steps; i++) {
        size_t size = rng_between(&rng, 8, (size_t)16 << rng_below(&rng, 8));
        void *p = slab_object(job, number, size);
        if (p == NULL)
            __atomic_fetch_add(&job->failures, 1, __ATOMIC_RELAXED);
        slab_release(job, number,
                     atomic_exchange(&job->slots[rng_below(&rng, THREADS * OBJECTS)], p));
        if (rng_below(&rng, 2000) == 0) {
            struct bsa_slab_freed freed;
            for (unsigned k = 0; k < OBJECTS; k++)
                slab_release(job, number, atomic_exchange(&job->slots[number * OBJECTS + k], NULL));
            require(bsa_slab_reclaim(job->slab, &freed) == BSA_OK);
            give_pages(job, &freed);
        }
    }
}

START_TEST(slab_alone)
{
    struct region region = region_make((size_t)16 << 20, 4096, 0);
    struct job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    job->page_size = _i == 1 ? 16384 : 4096;
    job->steps = thread_steps(200000);
    job->buddy = make_buddy(&region, job->page_size);

    struct bsa_platform platform = stress_platform();
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    config.page_size = job->page_size;
    config.platform = &platform;
    config.keep_empty = _i == 2 ? BSA_NONE : 0;
    config.range = region.start;
    config.range_bytes = region.bytes;
    size_t bytes = bsa_slab_storage_bytes(&config);
    ck_assert_uint_gt(bytes, 0);
    struct region storage = region_make(bytes, 64, 8);
    assert_status(bsa_slab_init(&job->slab, storage.start, bytes, &config), BSA_OK);

    crew_run(THREADS, work_objects, job);
    ck_assert_uint_eq(job->failures, 0);
    assert_status(bsa_slab_validate(job->slab), BSA_OK);
    for (size_t i = 0; i < THREADS * OBJECTS; i++)
        slab_release(job, 0, job->slots[i]);
    assert_status(bsa_slab_validate(job->slab), BSA_OK);
    struct bsa_slab_freed freed;
    do {
        assert_status(bsa_slab_reclaim(job->slab, &freed), BSA_OK);
        give_pages(job, &freed);
    } while (freed.base != NULL);
    assert_status(bsa_slab_validate(job->slab), BSA_OK);
    ck_assert_uint_eq(bsa_slab_pending(job->slab), 0);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(job->buddy), 0);
    assert_status(bsa_buddy_validate(job->buddy), BSA_OK);
    free(job);
    region_free(&storage);
    region_free(&region);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads on the layers");
    TCase *tcase = tcase_create("alone");
    tcase_add_loop_test(tcase, buddy_alone, 0, 3);
    tcase_add_loop_test(tcase, slab_alone, 0, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
