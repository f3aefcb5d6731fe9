/* SPDX-License-Identifier: Apache-2.0 */
/* Shared mode: a free that waits for locks, to expose a slab, while its object is freed by others.
 */
#include "support.h"

#include <buddyslab.h>

#include "heap/fast.h"

enum { HOME, OTHER, CPUS };

/* What happens while CPU OTHER, which frees p, waits: first for the lock of p's home, then for its
 * own again. */
struct race {
    bsa_heap *heap;
    bsa_cpu *cpu[CPUS];
    bsa_cache *first, *second; /* each object a slab, and records of one size */
    unsigned waits;
    void *p, *block, *q;
};

static void race_goes_on(void *ctx)
{
    struct race *race = ctx;
    if (++race->waits == 1) {
        ck_assert(bsai_lock_try_word(&race->cpu[OTHER]->lock.word));
        bsai_lock_clear_word(&race->cpu[HOME]->lock.word);
        return;
    }
    bsai_lock_clear_word(&race->cpu[OTHER]->lock.word);
    assert_status(bsa_cpu_cache_free(race->cpu[HOME], race->first, race->p), BSA_OK);
    assert_status(bsa_cpu_alloc_pages(race->cpu[HOME], 3, 1, &race->block), BSA_OK);
    assert_status(bsa_cpu_cache_alloc(race->cpu[OTHER], race->second, &race->q), BSA_OK);
}

static bsa_cache *make_cache(bsa_heap *heap, size_t object_size)
{
    struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
    bsa_cache *cache = NULL;
    config.name = "one a slab";
    config.object_size = object_size;
    config.magazine_objects = BSA_NONE;
    config.keep_empty = BSA_NONE;
    assert_status(bsa_cache_create(heap, &config, &cache), BSA_OK);
    return cache;
}

/* The object's slab goes, and its record becomes that of another live object: this one stays live,
 * and the free is told to be the second. */
START_TEST(a_record_that_is_anothers)
{
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct race race = {.heap = NULL};
    platform.ctx = &race;
    platform.relax = race_goes_on;
    config.platform = &platform;
    config.cpus = CPUS;
    assert_status(bsa_heap_init(&race.heap, region.start, region.bytes, &config), BSA_OK);
    for (unsigned id = 0; id < CPUS; id++)
        race.cpu[id] = bsa_heap_cpu(race.heap, id);
    race.first = make_cache(race.heap, (size_t)3 * 4096);
    race.second = make_cache(race.heap, (size_t)5 * 4096);
    assert_status(bsa_cpu_cache_alloc(race.cpu[HOME], race.first, &race.p), BSA_OK);
    struct bsai_slab *slab = bsai_slab_at(race.heap, race.p);

    ck_assert(bsai_lock_try_word(&race.cpu[HOME]->lock.word));
    enum bsa_status status = bsa_cpu_free(race.cpu[OTHER], race.p);
    ck_assert_uint_eq(race.waits, 2);
    assert_status(status, BSA_ERR_NOT_ALLOCATED);
    ck_assert_ptr_eq(bsai_slab_at(race.heap, race.q), slab);
    ck_assert_uint_eq(bsa_usable_size(race.heap, race.q), (size_t)5 * 4096);
    assert_status(bsa_heap_validate(race.heap), BSA_OK);
    assert_status(bsa_cache_free(race.second, race.q), BSA_OK);
    assert_status(bsa_heap_free_pages(race.heap, race.block, 3), BSA_OK);
    assert_status(bsa_heap_validate(race.heap), BSA_OK);
    region_free(&region);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exposed");
    TCase *tcase = tcase_create("while a free waits");
    tcase_add_test(tcase, a_record_that_is_anothers);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
