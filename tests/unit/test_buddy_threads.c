/* SPDX-License-Identifier: Apache-2.0 */
/* One buddy in the hands of several threads. */
#include <buddyslab/debug.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "buddy/internal.h"
#include "support.h"

enum { MIB = 1 << 20, PAGE = 4096, THREADS = 4 };

static void yield(void *ctx)
{
    (void)ctx;
    sched_yield();
}

static uintptr_t self(void *ctx)
{
    (void)ctx;
    return (uintptr_t)pthread_self();
}

static bsa_buddy *make(const struct region *region)
{
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    bsa_buddy *buddy = NULL;
    platform.relax = yield;
    platform.context_id = self;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, region->start, region->bytes, &config), BSA_OK);
    return buddy;
}

static void run_all(void *(*body)(void *), void *arg, size_t arg_bytes, int n)
{
    pthread_t threads[8];
    for (int i = 0; i < n; i++)
        must(pthread_create(&threads[i], NULL, body, (char *)arg + (size_t)i * arg_bytes) == 0);
    for (int i = 0; i < n; i++)
        must(pthread_join(threads[i], NULL) == 0);
}

/* Racing frees ---------------------------------------------------------------------------------- */

enum { ROUNDS = 1000, BLOCKS = 16 };

struct race {
    bsa_buddy *buddy;
    pthread_barrier_t barrier;
    void *block[BLOCKS];
    size_t count[BLOCKS];
    unsigned freed, refused; /* atomic */
};

static void *racer(void *arg)
{
    struct race *race = arg;
    for (size_t round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&race->barrier);
        for (size_t i = 0; i < BLOCKS; i++) {
            enum bsa_status status = bsa_buddy_free(race->buddy, race->block[i], race->count[i]);
            if (status == BSA_OK)
                __atomic_fetch_add(&race->freed, 1, __ATOMIC_RELAXED);
            else if (status == BSA_ERR_NOT_ALLOCATED)
                __atomic_fetch_add(&race->refused, 1, __ATOMIC_RELAXED);
        }
        if (pthread_barrier_wait(&race->barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            for (size_t i = 0; i < BLOCKS; i++)
                assert_status(bsa_buddy_alloc(race->buddy, race->count[i], 1, &race->block[i]),
                              BSA_OK);
        }
        pthread_barrier_wait(&race->barrier);
    }
    return NULL;
}

/* Of several frees of one block at the same time one is right, and the others are told so. */
START_TEST(racing_frees_have_one_winner)
{
    struct region region = region_make(32 * MIB, PAGE, 0);
    struct race race;
    memset(&race, 0, sizeof(race));
    race.buddy = make(&region);
    must(pthread_barrier_init(&race.barrier, NULL, THREADS) == 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        race.count[i] = i % 4 == 3 ? 600 : i % 4 + 1;
        assert_status(bsa_buddy_alloc(race.buddy, race.count[i], 1, &race.block[i]), BSA_OK);
    }
    run_all(racer, &race, 0, THREADS);
    must(race.freed == ROUNDS * BLOCKS);
    must(race.refused == ROUNDS * BLOCKS * (THREADS - 1));
    assert_status(bsa_buddy_validate(race.buddy), BSA_OK);
    region_free(&region);
}
END_TEST

/* Everything at once ---------------------------------------------------------------------------- */

enum { LIVE = 64, MORE_REGIONS = 40 };

struct worker {
    bsa_buddy *buddy;
    struct rng rng;
    struct region *regions; /* to be added */
    unsigned id;
    size_t operations;
    unsigned *running; /* atomic: workers that have not finished */
    size_t served;
};

struct owned {
    unsigned char *start;
    size_t pages;
};

/* Marks a block at both ends, and finds the marks again. */
static void sign(const struct owned *block, unsigned id)
{
    memset(block->start, (int)id, 16);
    memset(block->start + block->pages * PAGE - 16, (int)id, 16);
}

static void check_sign(const struct owned *block, unsigned id)
{
    for (int i = 0; i < 16; i++) {
        must(block->start[i] == id);
        must(block->start[block->pages * PAGE - 16 + (size_t)i] == id);
    }
}

static void *worker(void *arg)
{
    struct worker *w = arg;
    struct owned live[LIVE] = {{0}};
    for (size_t i = 0; i < w->operations + LIVE; i++) {
        struct owned *block =
            &live[i < w->operations ? rng_below(&w->rng, LIVE) : i - w->operations];
        if (block->start != NULL) {
            check_sign(block, w->id);
            assert_status(bsa_buddy_free(w->buddy, block->start, block->pages), BSA_OK);
            block->start = NULL;
        } else if (i < w->operations) {
            void *p = NULL;
            size_t most = rng_below(&w->rng, 8) == 0 ? 1500 : 20;
            size_t align = (size_t)PAGE
                           << (rng_below(&w->rng, 4) == 0 ? rng_below(&w->rng, 11) : 0);
            block->pages = rng_between(&w->rng, 1, most);
            if (bsa_buddy_alloc(w->buddy, block->pages, align, &p) != BSA_OK)
                continue;
            must((uintptr_t)p % align == 0);
            block->start = p;
            sign(block, w->id);
            w->served++;
        }
    }
    __atomic_fetch_sub(w->running, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Asks and adds while the others work. */
static void *bystander(void *arg)
{
    struct worker *w = arg;
    size_t counts[BSA_MAX_ORDER + 1];
    size_t added = 0;
    while (__atomic_load_n(w->running, __ATOMIC_ACQUIRE) != 0 || added < MORE_REGIONS) {
        assert_status(bsa_buddy_validate(w->buddy), BSA_OK);
        assert_status(bsa_buddy_free_blocks(w->buddy, counts, BSA_MAX_ORDER + 1), BSA_OK);
        must(bsa_buddy_allocated_bytes(w->buddy) <= SIZE_MAX / 2);
        for (size_t i = 0; i < bsa_buddy_section_count(w->buddy); i++) {
            struct bsa_section_info info = BSA_SECTION_INFO_INIT;
            unsigned flags = 0;
            assert_status(bsa_buddy_section(w->buddy, i, &info), BSA_OK);
            must(info.free_pages <= info.total_pages);
            unsigned char *p = (unsigned char *)info.start + rng_below(&w->rng, info.bytes);
            assert_status(bsa_buddy_page_flags(w->buddy, p, &flags), BSA_OK);
            must((flags & ~(unsigned)(BSA_PAGE_FREE | BSA_PAGE_HEAD | BSA_PAGE_TAIL |
                                      BSA_PAGE_RESERVED | BSA_PAGE_LOW)) == 0);
        }
        if (added < MORE_REGIONS) {
            const struct region *region = &w->regions[added++];
            assert_status(bsa_buddy_add_region(w->buddy, region->start, region->bytes), BSA_OK);
        }
    }
    return NULL;
}

static void *any_worker(void *arg)
{
    struct worker *w = arg;
    return w->id == 0 ? bystander(w) : worker(w);
}

START_TEST(everything_at_once)
{
    struct rng rng = rng_for("everything_at_once");
    struct region first = region_make(8 * MIB, PAGE, 77), more[MORE_REGIONS];
    struct worker workers[THREADS];
    unsigned running = THREADS - 1;
    bsa_buddy *buddy = make(&first);
    for (size_t i = 0; i < MORE_REGIONS; i++)
        more[i] = region_make(rng_between(&rng, MIB / 4, 2 * MIB), PAGE, rng_below(&rng, PAGE));
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.buddy = buddy,
                                     .rng = rng,
                                     .regions = more,
                                     .id = i,
                                     .operations = scaled(20000),
                                     .running = &running};
        rng_next(&rng);
    }
    run_all(any_worker, workers, sizeof(workers[0]), THREADS);
    must(bsa_buddy_section_count(buddy) == MORE_REGIONS + 1);
    must(bsa_buddy_allocated_bytes(buddy) == 0);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    for (unsigned i = 1; i < THREADS; i++)
        must(workers[i].served > workers[i].operations / 4);
    region_free(&first);
    for (size_t i = 0; i < MORE_REGIONS; i++)
        region_free(&more[i]);
}
END_TEST

static Suite *threads_suite(void)
{
    Suite *suite = suite_create("buddy_threads");
    TCase *tests = tcase_create("threads");
    tcase_add_test(tests, racing_frees_have_one_winner);
    tcase_add_test(tests, everything_at_once);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(threads_suite());
}
