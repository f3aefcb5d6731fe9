/* SPDX-License-Identifier: Apache-2.0 */
/* Named caches of a heap. */
#include "caches.h"

/* Every size and alignment: objects of their own, whole, in figures of their own; and then nothing
 * is left. */
START_TEST(objects_of_any_size)
{
    static const size_t sizes[][2] = {{1, 0},    {1, 1},     {8, 8},       {24, 0},     {100, 4},
                                      {100, 64}, {64, 4096}, {700, 0},     {2048, 256}, {2056, 0},
                                      {5000, 0}, {8192, 0},  {4097, 4096}, {8192, 8192}};
    enum { N = 300 };
    static void *p[N];
    static const size_t page_sizes[] = {4096, 1024, 65536};
    struct bed bed;
    struct bsa_heap_config config = config_of(_i % WAYS);
    config.page_size = page_sizes[_i / WAYS];
    bed_open(&bed, _i % WAYS, config, 32 * MIB);
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t size = sizes[k][0], align = sizes[k][1] == 0 ? 8 : sizes[k][1];
        size_t step = (size + align - 1) / align * align;
        step = (step + 7) / 8 * 8;
        bool small = step <= 2 * config.page_size && align <= config.page_size;
        bsa_cache *cache = cache_new(bed.heap, "things", size, sizes[k][1]);
        for (unsigned i = 0; i < N; i++) {
            bed.m.cpu = i % 2;
            assert_ok(get(&bed, cache, &p[i]));
            ck_assert(is_aligned(p[i], align));
            if (small)
                ck_assert_uint_eq(bsa_usable_size(bed.heap, p[i]), step);
            pattern_write(p[i], size, i);
        }
        for (unsigned i = 0; i < N; i++)
            ck_assert(pattern_holds(p[i], size, i));
        struct bsa_cache_stats s = cache_stats(cache);
        ck_assert_str_eq(s.name, "things");
        ck_assert_uint_eq(s.object_size, size);
        ck_assert_uint_eq(s.align, align);
        ck_assert_uint_eq(s.objects.object_size, bsa_usable_size(bed.heap, p[0]));
        ck_assert_uint_eq(s.objects.live, N);
        check_sums(bed.heap);
        for (unsigned i = 0; i < N; i++) {
            bed.m.cpu = i / 3 % 2;
            assert_ok(i % 3 == 0 ? bsa_heap_free(bed.heap, p[i]) : put(&bed, cache, p[i]));
            ck_assert_uint_eq(bsa_usable_size(bed.heap, p[i]), 0);
        }
        ck_assert_uint_eq(cache_stats(cache).objects.live, 0);
        check_sums(bed.heap);
        size_t live = 9;
        assert_ok(bsa_cache_destroy(&cache, &live));
        ck_assert_ptr_null(cache);
        ck_assert_uint_eq(live, 0);
        struct bsa_heap_stats after;
        heap_stats(bed.heap, &after);
        ck_assert_uint_eq(after.slab_bytes + after.cache_slab_bytes + after.caches, 0);
    }
    bed.m.cpu = 0;
    bsa_heap_reclaim(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
    struct bsa_heap_stats s;
    heap_stats(bed.heap, &s);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), s.cpu_bytes);
}
END_TEST

/* Caches of one size are told apart. */
START_TEST(another_caches_object_is_refused)
{
    struct bed bed;
    void *a, *b, *object, *block;
    bed_default(&bed, _i);
    bsa_cache *first = cache_new(bed.heap, "first", 64, 0);
    bsa_cache *second = cache_new(bed.heap, "second", 64, 0);
    assert_ok(get(&bed, first, &a));
    assert_ok(get(&bed, second, &b));
    object = heap_get(bed.heap, 64, 8);
    block = heap_get_pages(bed.heap, 2, 1);
    void *wrong[] = {b, object, block};
    for (unsigned i = 0; i < 3; i++) {
        assert_status(put(&bed, first, wrong[i]), BSA_ERR_INVALID_PARAM);
        faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, wrong[i], "not one of its objects");
    }
    assert_status(put(&bed, first, (char *)a + 8), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, (char *)a + 8, "inside an object");
    assert_status(put(&bed, first, &bed), BSA_ERR_NOT_FOUND);
    faults_expect(&bed.m.faults, BSA_ERR_NOT_FOUND, &bed, "not in this heap");
    assert_status(bsa_heap_free_sized(bed.heap, a, 64, 8), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, a, "another size");
    assert_status(bsa_heap_free_pages(bed.heap, a, 1), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, a, "");
    ck_assert_uint_eq(cache_stats(first).objects.live, 1);
    ck_assert_uint_eq(cache_stats(second).objects.live, 1);
    check_sums(bed.heap);

    assert_ok(put(&bed, first, a));
    assert_status(put(&bed, first, a), BSA_ERR_NOT_ALLOCATED);
    faults_expect(&bed.m.faults, BSA_ERR_NOT_ALLOCATED, a, "double free");
    assert_status(bsa_heap_free(bed.heap, a), BSA_ERR_NOT_ALLOCATED);
    faults_expect(&bed.m.faults, BSA_ERR_NOT_ALLOCATED, a, "double free");
    assert_ok(put(&bed, second, b));
    assert_ok(put(&bed, second, NULL));
    assert_ok(bsa_heap_free(bed.heap, object));
    assert_ok(bsa_heap_free(bed.heap, block));
    ck_assert_uint_eq(bed.m.faults.count, 0);
    check_sums(bed.heap);
}
END_TEST

/* What is live keeps its cache; the count is told, and everything goes on. */
START_TEST(a_cache_in_use_is_not_destroyed)
{
    struct bed bed;
    void *p[50], *one;
    bed_default(&bed, _i);
    bsa_cache *cache = cache_new(bed.heap, "busy", 200, 0);
    for (unsigned i = 0; i < 50; i++)
        assert_ok(get(&bed, cache, &p[i]));
    for (unsigned i = 0; i < 30; i++)
        assert_ok(put(&bed, cache, p[i]));
    bsa_cache *same = cache;
    size_t live = 0;
    assert_status(bsa_cache_destroy(&cache, &live), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, same, "objects are live");
    ck_assert_ptr_eq(cache, same);
    ck_assert_uint_eq(live, 20);
    ck_assert_uint_eq(cache_stats(cache).objects.live, 20);
    assert_ok(get(&bed, cache, &one));
    assert_ok(put(&bed, cache, one));
    for (unsigned i = 30; i < 50; i++)
        assert_ok(put(&bed, cache, p[i]));
    check_sums(bed.heap);
    assert_ok(bsa_cache_destroy(&cache, &live));
    ck_assert_uint_eq(live, 0);

    /* Ended: neither the handle nor an object of it is any good. */
    assert_status(bsa_cache_destroy(&same, NULL), BSA_ERR_NOT_INITIALIZED);
    assert_status(get(&bed, same, &one), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(one);
    struct bsa_cache_stats s = BSA_CACHE_STATS_INIT;
    assert_status(bsa_cache_stats(same, &s), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bed.m.faults.count, 0);
    assert_status(bsa_heap_free(bed.heap, p[0]), BSA_ERR_NOT_ALLOCATED);
    check_sums(bed.heap);
}
END_TEST

/* A place that is free again serves another size, also on CPUs that used it before. */
START_TEST(places_are_used_again)
{
    struct bed bed;
    struct bsa_heap_config config = config_of(_i);
    config.caches = 3;
    bed_open(&bed, _i, config, 8 * MIB);
    static const size_t sizes[] = {16, 3000, 40, 8192, 8};
    bsa_cache *cache[3] = {NULL}, *fourth = NULL;
    struct bsa_cache_config more = cache_config("more", 8, 0);
    void *p[100];
    size_t cpu_bytes = 0;
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 3; i++)
            cache[i] = cache_new(bed.heap, "again", sizes[(round + i) % 5], 0);
        assert_status(bsa_cache_create(bed.heap, &more, &fourth), BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(fourth);
        ck_assert_ptr_nonnull(bsa_heap_cache(bed.heap, 2));
        ck_assert_ptr_null(bsa_heap_cache(bed.heap, 3));
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned k = 0; k < 100; k++) {
                bed.m.cpu = k % 2;
                assert_ok(get(&bed, cache[i], &p[k]));
                pattern_write(p[k], sizes[(round + i) % 5], k);
            }
            for (unsigned k = 0; k < 100; k++) {
                bed.m.cpu = k / 2 % 2;
                ck_assert(pattern_holds(p[k], sizes[(round + i) % 5], k));
                assert_ok(put(&bed, cache[i], p[k]));
            }
        }
        check_sums(bed.heap);
        for (unsigned i = 0; i < 3; i++)
            assert_ok(bsa_cache_destroy(&cache[i], NULL));
        check_sums(bed.heap);
        struct bsa_heap_stats s;
        heap_stats(bed.heap, &s);
        if (round == 0)
            cpu_bytes = s.cpu_bytes;
        ck_assert_uint_eq(s.cpu_bytes, cpu_bytes); /* slots stay with the place */
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* One cache after the other, of sizes whose slabs' records are of many sizes: nothing of the ended
 * ones stays, and what lies beside it is whole. */
START_TEST(one_after_the_other)
{
    static const unsigned one_size[] = {512};
    static const struct bsa_class_table table = {sizeof table, 1, one_size};
    struct bed bed;
    void *p[64], *object;
    struct bsa_heap_config config = config_of(_i);
    config.caches = 1;
    config.classes = &table;
    bed_open(&bed, _i, config, 32 * MIB);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t size = 8; size <= 8192; size += size / 4 < 8 ? 8 : size / 4 & ~(size_t)7) {
            bsa_cache *cache = cache_new(bed.heap, "next", size, 0);
            object = heap_get(bed.heap, 512, 8);
            for (unsigned i = 0; i < 64; i++)
                assert_ok(get(&bed, cache, &p[i]));
            check_sums(bed.heap);
            assert_ok(bsa_heap_free(bed.heap, object));
            for (unsigned i = 0; i < 64; i++)
                assert_ok(put(&bed, cache, p[i]));
            assert_ok(bsa_cache_destroy(&cache, NULL));
            check_sums(bed.heap);
        }
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Magazines keep objects ready, drains and reclaims send them home. */
START_TEST(magazines_and_drains)
{
    struct bed bed;
    void *p[8];
    bed_default(&bed, _i);
    bsa_cache *cache = cache_new(bed.heap, "cached", 128, 0);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        bed.m.cpu = cpu;
        for (unsigned i = 0; i < 8; i++)
            assert_ok(get(&bed, cache, &p[i]));
        for (unsigned i = 0; i < 8; i++)
            assert_ok(put(&bed, cache, p[i]));
        ck_assert_uint_ge(stats_of(bed.heap, cpu).objects_cached, 8);
    }
    ck_assert_uint_ge(cache_stats(cache).objects.in_magazines, 16);
    check_sums(bed.heap);
    bed.m.cpu = 0;
    assert_ok(bsa_heap_drain(bed.heap, 0));
    ck_assert_uint_eq(stats_of(bed.heap, 0).objects_cached, 0);
    bed.m.cpu = 1;
    assert_ok(bsa_heap_drain(bed.heap, 1));
    ck_assert_uint_eq(cache_stats(cache).objects.in_magazines, 0);
    ck_assert_uint_gt(cache_stats(cache).objects.empty_slabs, 0);
    ck_assert_uint_gt(bsa_heap_reclaim(bed.heap), 0);
    ck_assert_uint_eq(cache_stats(cache).objects.slabs, 0);
    check_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* A cache's own settings. */
START_TEST(settings)
{
    struct bed bed;
    void *p[200];
    bed_default(&bed, _i);
    struct bsa_cache_config config = cache_config("bare", 64, 0);
    bsa_cache *bare = NULL, *small = NULL;
    config.magazine_objects = BSA_NONE;
    config.keep_empty = BSA_NONE;
    assert_ok(bsa_cache_create(bed.heap, &config, &bare));
    config.name = "small";
    config.magazine_objects = 4;
    config.keep_empty = 2;
    assert_ok(bsa_cache_create(bed.heap, &config, &small));
    bsa_cache *caches[] = {bare, small};
    for (unsigned c = 0; c < 2; c++) {
        for (unsigned i = 0; i < 200; i++) {
            assert_ok(get(&bed, caches[c], &p[i]));
            ck_assert_uint_le(cache_stats(caches[c]).objects.in_magazines, c == 0 ? 0 : 4);
        }
        for (unsigned i = 0; i < 200; i++) {
            assert_ok(put(&bed, caches[c], p[i]));
            ck_assert_uint_le(cache_stats(caches[c]).objects.in_magazines, c == 0 ? 0 : 4);
        }
    }
    ck_assert_uint_eq(cache_stats(bare).objects.slabs, 0);
    check_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Memory that a cache keeps ready serves others before anyone is refused, and the other way round.
 */
START_TEST(pressure)
{
    struct bed bed;
    static void *p[4096], *rest[64];
    void *one;
    bed_open(&bed, _i, config_of(_i), 2 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "greedy", 1500, 0);
    unsigned n = 0;
    while (get(&bed, cache, &p[n]) == BSA_OK)
        n++;
    ck_assert_uint_gt(n * 1500u, MIB);
    ck_assert_ptr_null(p[n]);
    assert_status(bsa_heap_alloc_pages(bed.heap, 16, 1, &one), BSA_ERR_NO_MEMORY);
    check_sums(bed.heap);
    for (unsigned i = 0; i < n; i++)
        assert_ok(put(&bed, cache, p[i]));
    unsigned blocks = 0;
    while (bsa_heap_alloc_pages(bed.heap, 16, 1, &p[blocks]) == BSA_OK)
        blocks++;
    ck_assert_uint_gt(blocks * 16 * PAGE, MIB);
    unsigned singles = 0;
    while (bsa_heap_alloc_pages(bed.heap, 1, 1, &rest[singles]) == BSA_OK)
        singles++;
    assert_status(get(&bed, cache, &one), BSA_ERR_NO_MEMORY);
    ck_assert_ptr_null(one);
    for (unsigned i = 0; i < blocks; i++)
        assert_ok(bsa_heap_free_pages(bed.heap, p[i], 16));
    for (unsigned i = 0; i < singles; i++)
        assert_ok(bsa_heap_free_pages(bed.heap, rest[i], 1));
    assert_ok(get(&bed, cache, &one));
    assert_ok(put(&bed, cache, one));
    assert_ok(bsa_cache_destroy(&cache, NULL));
    check_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

struct seen {
    unsigned named, others;
};

static int look(void *arg, const struct bsa_live_block *block)
{
    struct seen *seen = arg;
    if (block->cache == NULL) {
        seen->others++;
        return 0;
    }
    ck_assert_uint_eq(block->slab, 1);
    ck_assert_str_eq(block->cache, block->bytes == 48 ? "inode" : "dentry");
    seen->named++;
    return 0;
}

/* A walk tells the cache of what is live, and the heap's end counts it. */
START_TEST(walked_and_counted)
{
    struct bed bed;
    void *p;
    bed_default(&bed, _i);
    bsa_cache *inode = cache_new(bed.heap, "inode", 45, 0);
    bsa_cache *dentry = cache_new(bed.heap, "dentry", 192, 64);
    for (unsigned i = 0; i < 10; i++)
        assert_ok(get(&bed, inode, &p));
    for (unsigned i = 0; i < 5; i++)
        assert_ok(get(&bed, dentry, &p));
    heap_get(bed.heap, 48, 8);
    heap_get_pages(bed.heap, 3, 1);
    struct seen seen = {0, 0};
    ck_assert_int_eq(bsa_heap_walk(bed.heap, look, &seen), 0);
    ck_assert_uint_eq(seen.named, 15);
    ck_assert_uint_eq(seen.others, 2);
    size_t live = 0;
    assert_ok(bsa_heap_fini(&bed.heap, &live));
    ck_assert_uint_eq(live, 17);
}
END_TEST

/* A resize may take an object out of its cache, into a size class. */
START_TEST(realloc_leaves_the_cache)
{
    struct bed bed;
    void *p;
    bed_default(&bed, _i);
    bsa_cache *cache = cache_new(bed.heap, "strings", 100, 0);
    assert_ok(get(&bed, cache, &p));
    pattern_write(p, 100, 3);
    assert_ok(bsa_heap_realloc(bed.heap, &p, 100, 8));
    ck_assert(pattern_holds(p, 100, 3));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 128);
    ck_assert_uint_eq(cache_stats(cache).objects.live, 0);
    assert_ok(bsa_heap_free_sized(bed.heap, p, 100, 8));
    void *many[40];
    for (unsigned i = 0; i < 40; i++)
        assert_ok(get(&bed, cache, &many[i]));
    size_t freed = 0;
    assert_ok(bsa_heap_free_bulk(bed.heap, many, 40, &freed));
    ck_assert_uint_eq(freed, 40);
    assert_ok(bsa_cache_destroy(&cache, NULL));
    check_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

START_TEST(wrong_calls)
{
    static const char long_name[] = "a name that is one byte too long";
    struct bed bed, other;
    void *p = &bed;
    bed_default(&bed, _i);
    bed_default(&other, _i);
    const struct bsa_cache_config good = cache_config("good", 100, 16);
    struct bsa_cache_config bad[12];
    for (unsigned i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].name = NULL;
    bad[1].name = "";
    bad[2].name = long_name;
    ck_assert_uint_eq(sizeof long_name, BSA_CACHE_NAME_MAX + 1);
    bad[3].object_size = 0;
    bad[4].object_size = BSA_MAX_CACHE_OBJECT + 1;
    bad[5].object_size = SIZE_MAX;
    bad[6].align = 24;
    bad[7].align = 2 * BSA_MAX_CACHE_OBJECT;
    bad[8].align = SIZE_MAX / 2 + 1;
    bad[9].flags = 1;
    bad[10].size = 3;
    bad[11].align = 3;
    bsa_cache *cache = NULL;
    for (unsigned i = 0; i < 12; i++) {
        assert_status(bsa_cache_create(bed.heap, &bad[i], &cache), BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(cache);
    }
    assert_status(bsa_cache_create(bed.heap, NULL, &cache), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_cache_create(bed.heap, &good, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_cache_create(NULL, &good, &cache), BSA_ERR_NOT_INITIALIZED);
    assert_ok(bsa_cache_create(bed.heap, &good, &cache));
    assert_status(bsa_cache_create(bed.heap, &good, &cache), BSA_ERR_ALREADY_INITIALIZED);

    assert_status(get(&bed, cache, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(get(&bed, NULL, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    assert_status(put(&bed, NULL, p), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cpu_cache_alloc(NULL, cache, &p), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cpu_cache_free(NULL, cache, p), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cache_destroy(NULL, NULL), BSA_ERR_NOT_INITIALIZED);
    bsa_cache *none = NULL;
    struct bsa_cache_stats stats = {0};
    assert_status(bsa_cache_destroy(&none, NULL), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cache_stats(NULL, &stats), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cache_stats(cache, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_cache_stats(cache, &stats), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(bsa_heap_cache(NULL, 0));
    ck_assert_uint_eq(bed.m.faults.count, 0);

    /* A CPU of another heap. */
    assert_status(bsa_cpu_cache_alloc(bsa_heap_cpu(other.heap, 0), cache, &p),
                  BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(p);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, cache, "another heap");
    assert_ok(get(&bed, cache, &p));
    assert_status(bsa_cpu_cache_free(bsa_heap_cpu(other.heap, 0), cache, p), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, p, "another heap");
    bed.m.cpu = 2;
    void *q;
    assert_status(bsa_cache_alloc(cache, &q), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "out of range");
    assert_status(bsa_cache_free(cache, p), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "out of range");
    bed.m.cpu = 0;
    assert_ok(put(&bed, cache, p));
    check_sums(bed.heap);
    check_sums(other.heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("named caches");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, objects_of_any_size, 0, 3 * WAYS);
    tcase_add_loop_test(all, another_caches_object_is_refused, 0, WAYS);
    tcase_add_loop_test(all, a_cache_in_use_is_not_destroyed, 0, WAYS);
    tcase_add_loop_test(all, places_are_used_again, 0, WAYS);
    tcase_add_loop_test(all, one_after_the_other, 0, WAYS);
    tcase_add_loop_test(all, magazines_and_drains, 0, WAYS);
    tcase_add_loop_test(all, settings, 0, WAYS);
    tcase_add_loop_test(all, pressure, 0, WAYS);
    tcase_add_loop_test(all, walked_and_counted, 0, WAYS);
    tcase_add_loop_test(all, realloc_leaves_the_cache, 0, WAYS);
    tcase_add_loop_test(all, wrong_calls, 0, WAYS);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
