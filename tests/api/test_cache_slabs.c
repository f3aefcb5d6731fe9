/* SPDX-License-Identifier: Apache-2.0 */
/* Named caches of a heap: their slabs, which are small at first, and the figures of all at once. */
#include "caches.h"

/* A cache with few objects has slabs of few pages, one with many loses little in larger ones, and
 * those that lie side by side are told apart. */
START_TEST(slabs_grow_with_their_cache)
{
    enum { N = 1000, SIZE = 1152 };
    static void *p[N];
    struct bed bed;
    bed_default(&bed, _i);
    bsa_cache *cache = cache_new(bed.heap, "grows", SIZE, 0);
    struct bsa_class_stats first = cache_stats(cache).objects;
    assert_ok(get(&bed, cache, &p[0]));
    ck_assert_uint_eq(cache_stats(cache).objects.slab_bytes, first.slab_pages * PAGE);
    ck_assert_uint_le(first.slab_pages, 2);
    for (unsigned i = 1; i < N; i++)
        assert_ok(get(&bed, cache, &p[i]));
    struct bsa_class_stats many = cache_stats(cache).objects;
    ck_assert_uint_gt(many.slab_pages, first.slab_pages);
    ck_assert_uint_gt(many.slabs * many.slab_pages * PAGE, many.slab_bytes);
    ck_assert_uint_lt(many.slabs * first.slab_pages * PAGE, many.slab_bytes);
    ck_assert_uint_le(many.slab_bytes * 100, N * SIZE * 105);
    for (unsigned i = 0; i < N; i++)
        pattern_write(p[i], SIZE, i);
    check_sums(bed.heap);
    for (unsigned i = 0; i < N; i++) {
        ck_assert(pattern_holds(p[i], SIZE, i));
        ck_assert_uint_eq(bsa_usable_size(bed.heap, (char *)p[i] + 8), 0);
        assert_ok(put(&bed, cache, p[i]));
    }
    bsa_heap_reclaim(bed.heap);
    check_sums(bed.heap);
    ck_assert_uint_eq(cache_stats(cache).objects.slab_pages, first.slab_pages);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Objects of a page in slabs of a page: as many empty ones are kept as a slab of eight would have.
 */
START_TEST(small_slabs_are_kept_by_their_pages)
{
    enum { N = 20, KEPT = 8 };
    void *p[N];
    struct bed bed;
    struct bsa_cache_config config = cache_config("page", PAGE, 0);
    bsa_cache *cache = NULL;
    bed_open(&bed, _i, config_of(_i), 8 * MIB);
    config.magazine_objects = BSA_NONE;
    assert_ok(bsa_cache_create(bed.heap, &config, &cache));
    for (unsigned i = 0; i < N; i++)
        assert_ok(get(&bed, cache, &p[i]));
    ck_assert_uint_eq(cache_stats(cache).objects.slabs, N);
    for (unsigned i = 0; i < N; i++) {
        assert_ok(put(&bed, cache, p[i]));
        struct bsa_class_stats now = cache_stats(cache).objects;
        ck_assert_uint_eq(now.empty_slabs, i < KEPT ? i + 1 : KEPT);
        ck_assert_uint_eq(now.empty_objects, now.empty_slabs);
    }
    bsa_heap_reclaim(bed.heap);
    ck_assert_uint_eq(cache_stats(cache).objects.slabs, 0);
    check_sums(bed.heap);
}
END_TEST

/* And where larger slabs are empty, small ones beside them are not kept. */
START_TEST(what_is_kept_is_a_slab_in_all)
{
    enum { N = 1000, SIZE = 328 };
    static void *p[N];
    struct bed bed;
    struct bsa_cache_config config = cache_config("both", SIZE, 0);
    bsa_cache *cache = NULL;
    bed_default(&bed, _i);
    config.magazine_objects = BSA_NONE;
    config.keep_empty = 1;
    assert_ok(bsa_cache_create(bed.heap, &config, &cache));
    size_t least = cache_stats(cache).objects.slab_pages;
    for (unsigned i = 0; i < N; i++)
        assert_ok(get(&bed, cache, &p[i]));
    size_t most = cache_stats(cache).objects.slab_pages;
    ck_assert_uint_gt(most, least);
    /* The first ones are in small slabs. */
    for (unsigned i = N; i-- > 0;)
        assert_ok(put(&bed, cache, p[i]));
    ck_assert_uint_gt(cache_stats(cache).objects.slab_bytes, 0);
    ck_assert_uint_le(cache_stats(cache).objects.slab_bytes, most * PAGE);
    check_sums(bed.heap);
}
END_TEST

/* Where no larger slab fits, a smaller one does. */
START_TEST(small_slabs_where_memory_is_short)
{
    enum { SIZE = 1152, OBJECTS = 256, BLOCKS = 4096 };
    static void *p[OBJECTS + 1], *block[BLOCKS];
    struct bed bed;
    bed_open(&bed, _i, config_of(_i), 8 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", SIZE, 0);
    unsigned n = 0, blocks = 0;
    for (; n < OBJECTS; n++)
        assert_ok(get(&bed, cache, &p[n]));
    while (bsa_heap_alloc_pages(bed.heap, 2, 2 * PAGE, &block[blocks]) == BSA_OK)
        blocks++;
    while (get(&bed, cache, &p[OBJECTS]) == BSA_OK)
        ;
    struct bsa_class_stats before = cache_stats(cache).objects;
    ck_assert_uint_gt(before.slab_pages, 4);
    assert_ok(bsa_heap_free(bed.heap, block[0]));
    assert_ok(bsa_heap_free(bed.heap, block[1])); /* one may be for records */
    assert_ok(get(&bed, cache, &p[n]));
    struct bsa_class_stats after = cache_stats(cache).objects;
    ck_assert_uint_eq(after.slabs, before.slabs + 1);
    ck_assert_uint_eq(after.slab_bytes, before.slab_bytes + 2 * PAGE);
    check_sums(bed.heap);
}
END_TEST

/* All caches at one moment, one that ended left out; an array that is too short has the first ones,
 * and nothing is written behind it, nor beyond the size of a structure. */
START_TEST(all_at_once)
{
    enum { N = 5 };
    struct bed bed;
    bsa_cache *cache[N];
    void *p;
    struct bsa_cache_stats all[N + 1];
    struct bsa_cache_stats zero = {0};
    size_t count = 9;
    bed_default(&bed, _i);
    assert_ok(bsa_heap_cache_stats(bed.heap, NULL, 0, &count));
    ck_assert_uint_eq(count, 0);
    for (unsigned i = 0; i < N; i++) {
        char name[] = "cache 0";
        name[6] = (char)('0' + i);
        cache[i] = cache_new(bed.heap, name, 100 * (i + 1), 0);
        for (unsigned k = 0; k < 10 * i; k++)
            assert_ok(get(&bed, cache[i], &p));
    }
    assert_ok(bsa_cache_destroy(&cache[0], NULL));
    memset(all, 0x5a, sizeof all);
    all[0].size = sizeof *all;
    assert_ok(bsa_heap_cache_stats(bed.heap, all, N + 1, &count));
    ck_assert_uint_eq(count, N - 1);
    for (unsigned i = 0; i < count; i++) {
        struct bsa_cache_stats one = cache_stats(bsa_heap_cache(bed.heap, i));
        ck_assert_mem_eq(&all[i], &one, sizeof one);
        ck_assert_uint_eq(all[i].objects.live, 10 * (i + 1));
    }
    ck_assert_uint_eq(all[count].align, (size_t)0x5a5a5a5a5a5a5a5aU);

    char before[sizeof *all];
    memset(before, 0x5a, sizeof before);
    memset(all, 0x5a, sizeof all);
    size_t step = offsetof(struct bsa_cache_stats, align);
    all[0].size = step;
    assert_ok(bsa_heap_cache_stats(bed.heap, all, 2, &count));
    ck_assert_uint_eq(count, N - 1);
    for (unsigned i = 0; i < 2; i++) {
        const char *name = (const char *)all + i * step + offsetof(struct bsa_cache_stats, name);
        ck_assert_str_eq(name, i == 0 ? "cache 1" : "cache 2");
    }
    ck_assert_mem_eq((char *)all + 2 * step, before, sizeof before);

    assert_status(bsa_heap_cache_stats(NULL, all, 1, &count), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_cache_stats(bed.heap, NULL, 1, &count), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_cache_stats(bed.heap, &zero, 1, &count), BSA_ERR_INVALID_PARAM);
    zero.size = sizeof(size_t) + 1;
    assert_status(bsa_heap_cache_stats(bed.heap, &zero, 1, &count), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_cache_stats(bed.heap, all, 1, NULL), BSA_ERR_INVALID_PARAM);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* A heap without room for any, and one that is asked for many. */
START_TEST(how_many)
{
    struct machine m;
    struct bsa_cache_config cache = cache_config("one", 8, 0);
    static bsa_cache *caches[BSA_MAX_CACHES + 1];
    struct bsa_heap_config config = plain;
    bsa_heap *none = NULL;
    machine_start(&m);
    config.caches = BSA_NONE;
    bsa_heap *heap = heap_new(&m, MIB, config);
    assert_status(bsa_cache_create(heap, &cache, &caches[0]), BSA_ERR_NO_MEMORY);
    ck_assert_ptr_null(bsa_heap_cache(heap, 0));

    config.caches = BSA_MAX_CACHES + 1;
    assert_status(bsa_heap_init(&none, region_new(MIB, PAGE, 0), MIB, &config),
                  BSA_ERR_INVALID_PARAM);
    config.caches = BSA_MAX_CACHES;
    heap = heap_new(&m, 64 * MIB, config);
    for (unsigned i = 0; i < BSA_MAX_CACHES; i++) {
        void *p;
        cache.object_size = i * 8 + 1;
        assert_ok(bsa_cache_create(heap, &cache, &caches[i]));
        assert_ok(bsa_cache_alloc(caches[i], &p));
        memset(p, 1, cache.object_size);
    }
    assert_status(bsa_cache_create(heap, &cache, &caches[BSA_MAX_CACHES]), BSA_ERR_NO_MEMORY);
    check_sums(heap);

    heap = heap_new(&m, 8 * MIB, plain);
    unsigned n = 0;
    caches[0] = NULL;
    while (bsa_cache_create(heap, &cache, &caches[0]) == BSA_OK) {
        caches[0] = NULL;
        n++;
    }
    ck_assert_uint_eq(n, 32);
}
END_TEST

/* A CPU whose magazine of a cache finds no memory for its slots does without. */
START_TEST(no_slots_where_memory_is_short)
{
    enum { N = 10, PAGES = MIB / PAGE };
    struct bed bed;
    void *p[N], *blocks[PAGES], *more = NULL;
    size_t n = 0;
    bed_open(&bed, _i, config_of(_i), MIB);
    bsa_cache *cache = cache_new(bed.heap, "late", 64, 0);
    for (unsigned i = 0; i < N; i++)
        assert_ok(get(&bed, cache, &p[i]));
    while (bsa_heap_alloc_pages(bed.heap, 1, PAGE, &blocks[n]) == BSA_OK)
        n++;
    bed.m.cpu = 1;
    for (unsigned i = 0; i < N; i++) {
        assert_ok(get(&bed, cache, &more));
        ck_assert_uint_eq(cache_stats(cache).objects.live, N + 1);
        assert_ok(put(&bed, cache, more));
        assert_status(put(&bed, cache, more), BSA_ERR_NOT_ALLOCATED);
    }
    ck_assert_uint_eq(stats_of(bed.heap, 1).objects_cached, 0);

    assert_ok(bsa_heap_free(bed.heap, blocks[--n]));
    assert_ok(bsa_heap_drain(bed.heap, 1)); /* the page itself may be on a list */
    assert_ok(put(&bed, cache, p[0]));
    ck_assert_uint_eq(stats_of(bed.heap, 1).objects_cached, 1);
    check_sums(bed.heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache slabs");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, slabs_grow_with_their_cache, 0, WAYS);
    tcase_add_loop_test(all, small_slabs_are_kept_by_their_pages, 0, WAYS);
    tcase_add_loop_test(all, what_is_kept_is_a_slab_in_all, 0, WAYS);
    tcase_add_loop_test(all, small_slabs_where_memory_is_short, 0, WAYS);
    tcase_add_loop_test(all, no_slots_where_memory_is_short, 0, WAYS);
    tcase_add_loop_test(all, all_at_once, 0, WAYS);
    tcase_add_test(all, how_many);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
