/* SPDX-License-Identifier: Apache-2.0 */
/* Named caches of objects that have pages of their own: all that holds for small ones. */
#include "caches.h"

/* Bytes and alignment. More than 16 pages, less, not a multiple of a page, whole trees, and an
 * alignment beyond the size. */
static const size_t sizes[][2] = {
    {3 * PAGE, 0},          {12 * PAGE + 1, 0},    {16 * PAGE, 16 * PAGE},
    {16 * PAGE + 8, 0},     {100000, 64},          {MIB, MIB},
    {MIB + 1, 16 * PAGE},   {2 * MIB, 8},          {2 * MIB + PAGE, MIB},
    {5 * MIB - 3, 2 * MIB}, {100, 16 * PAGE},      {5000, 4 * PAGE},
    {PAGE + 1, 64 * PAGE},  {17 * PAGE, 8 * PAGE},
};
enum { SIZES = sizeof sizes / sizeof *sizes, N = 5 };

static size_t pages_for(size_t size)
{
    return (size + PAGE - 1) / PAGE;
}

static unsigned flags_at(bsa_heap *heap, const void *p)
{
    unsigned flags = 0;
    assert_ok(bsa_heap_page_flags(heap, p, &flags));
    return flags & ~(unsigned)BSA_PAGE_LOW;
}

/* No other way than by its first byte. */
static void check_inside(struct bed *bed, bsa_cache *cache, unsigned char *p, size_t bytes)
{
    const size_t offsets[] = {1, 8, PAGE, PAGE + 1, 16 * PAGE, bytes / 2, bytes - PAGE, bytes - 1};
    for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        unsigned char *inside = p + offsets[i];
        if (offsets[i] == 0 || offsets[i] >= bytes)
            continue;
        ck_assert_uint_eq(bsa_usable_size(bed->heap, inside), 0);
        ck_assert_uint_eq(flags_at(bed->heap, inside), BSA_PAGE_SLAB);
        assert_status(put(bed, cache, inside), BSA_ERR_INVALID_PARAM);
        faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, inside, "inside an object");
        assert_status(bsa_heap_free(bed->heap, inside), BSA_ERR_INVALID_PARAM);
        faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, inside, "inside an object");
        assert_status(bsa_heap_free_pages(bed->heap, inside, 1), BSA_ERR_INVALID_PARAM);
        faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, inside, "");
    }
}

/* What is not an object of the cache, and an object as what it is not. */
static void check_strangers(struct bed *bed, bsa_cache *cache, void *p, size_t size)
{
    bsa_cache *twin = cache_new(bed->heap, "twin", size, 0);
    void *other, *block = heap_get_pages(bed->heap, pages_for(size), 1);
    assert_ok(get(bed, twin, &other));
    void *wrong[] = {other, block};
    for (unsigned i = 0; i < 2; i++) {
        assert_status(put(bed, cache, wrong[i]), BSA_ERR_INVALID_PARAM);
        faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, wrong[i], "not one of its objects");
    }
    assert_status(bsa_heap_free_pages(bed->heap, p, pages_for(size)), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, p, "as pages");
    assert_status(bsa_heap_free_sized(bed->heap, p, size, 1), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed->m.faults, BSA_ERR_INVALID_PARAM, p, "another size");
    assert_ok(put(bed, twin, other));
    assert_ok(bsa_heap_free(bed->heap, block));
    assert_ok(bsa_cache_destroy(&twin, NULL));
}

struct seen {
    size_t objects, bytes, runs, pages, live;
};

static int look(void *arg, const struct bsa_live_block *block)
{
    struct seen *seen = arg;
    ck_assert_uint_eq(block->slab, 1);
    ck_assert_str_eq(block->cache, "large");
    seen->objects++;
    seen->bytes += block->bytes;
    return 0;
}

static int look_at_pages(void *arg, const struct bsa_page_run *run)
{
    struct seen *seen = arg;
    if (run->flags != BSA_PAGE_SLAB)
        return 0;
    ck_assert_str_eq(run->cache, "large");
    seen->runs++;
    seen->pages += run->pages;
    seen->live += run->live;
    return 0;
}

static void check_walks(struct bed *bed, bsa_cache *cache, size_t live)
{
    const struct bsa_class_stats k = cache_stats(cache).objects;
    struct seen seen = {0, 0, 0, 0, 0};
    ck_assert_int_eq(bsa_heap_walk(bed->heap, look, &seen), 0);
    ck_assert_int_eq(bsa_heap_walk_pages(bed->heap, look_at_pages, &seen), 0);
    ck_assert_uint_eq(k.live, live);
    ck_assert_uint_eq(seen.objects, live);
    ck_assert_uint_eq(seen.bytes, live * k.object_size);
    ck_assert_uint_eq(seen.runs, k.slabs);
    ck_assert_uint_eq(seen.pages * PAGE, k.slab_bytes);
    ck_assert_uint_eq(seen.live, live);
    check_sums(bed->heap);
}

static void free_one(struct bed *bed, bsa_cache *cache, void *p, unsigned i)
{
    size_t freed = 0;
    if (i % 3 == 0)
        assert_ok(put(bed, cache, p));
    else if (i % 3 == 1)
        assert_ok(bsa_heap_free(bed->heap, p));
    else
        assert_ok(bsa_heap_free_bulk(bed->heap, &p, 1, &freed));
    ck_assert_uint_eq(bsa_usable_size(bed->heap, p), 0);
    assert_status(put(bed, cache, p), BSA_ERR_NOT_ALLOCATED);
    faults_expect(&bed->m.faults, BSA_ERR_NOT_ALLOCATED, p, "double free");
    assert_status(bsa_heap_free(bed->heap, p), BSA_ERR_NOT_ALLOCATED);
    faults_expect(&bed->m.faults, BSA_ERR_NOT_ALLOCATED, p, "double free");
}

/* Whole, aligned, of no more pages than they need, told apart, and gone when they are free. */
START_TEST(objects_of_their_own)
{
    struct bed bed;
    unsigned char *p[N];
    size_t size = sizes[_i / WAYS][0], align = sizes[_i / WAYS][1], live = 0;
    bed_open(&bed, _i % WAYS, config_of(_i % WAYS), 64 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", size, align);
    for (unsigned i = 0; i < N; i++) {
        void *one;
        bed.m.cpu = i % 2;
        assert_ok(get(&bed, cache, &one));
        p[i] = one;
        ck_assert(is_aligned(one, align != 0 ? align : 8));
        ck_assert_uint_eq(bsa_usable_size(bed.heap, one), cache_stats(cache).objects.object_size);
        ck_assert_uint_ge(bsa_usable_size(bed.heap, one), size);
        pattern_write(one, size, i);
    }
    struct bsa_cache_stats s = cache_stats(cache);
    ck_assert_uint_eq(s.object_size, size);
    ck_assert_uint_eq(s.objects.slab_bytes, N * pages_for(size) * PAGE);
    check_walks(&bed, cache, N);
    bed.m.cpu = 0;
    check_inside(&bed, cache, p[2], pages_for(size) * PAGE);
    check_strangers(&bed, cache, p[3], size);
    assert_status(bsa_cache_destroy(&cache, &live), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, cache, "objects are live");
    ck_assert_uint_eq(live, N);
    for (unsigned i = 0; i < N; i++) {
        ck_assert(pattern_holds(p[i], size, i));
        bed.m.cpu = i / 2 % 2;
        free_one(&bed, cache, p[i], i);
        check_walks(&bed, cache, N - 1 - i);
    }
    bed.m.cpu = 0;
    bsa_heap_reclaim(bed.heap);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        bed.m.cpu = cpu;
        assert_ok(bsa_heap_drain(bed.heap, cpu));
    }
    bsa_heap_reclaim(bed.heap);
    ck_assert_uint_eq(cache_stats(cache).objects.slabs, 0);
    assert_ok(bsa_cache_destroy(&cache, &live));
    struct bsa_heap_stats after;
    heap_stats(bed.heap, &after);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), after.cpu_bytes);
    ck_assert_uint_eq(bed.m.faults.count, 0);
    check_sums(bed.heap);
}
END_TEST

/* Where pages of its own would lose much, several objects share a slab. */
START_TEST(several_in_a_slab)
{
    struct bed bed;
    void *p[60];
    bed_open(&bed, _i, config_of(_i), 64 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", 2 * PAGE + 1808, 0);
    for (unsigned i = 0; i < 60; i++)
        assert_ok(get(&bed, cache, &p[i]));
    const struct bsa_class_stats k = cache_stats(cache).objects;
    ck_assert_uint_eq(k.object_size, 2 * PAGE + 1808);
    ck_assert_uint_gt(k.objects_per_slab, 1);
    ck_assert_uint_lt(k.slab_bytes, 60 * 3 * PAGE);
    check_walks(&bed, cache, 60);
    for (unsigned i = 0; i < 60; i++)
        free_one(&bed, cache, p[i], i);
    assert_ok(bsa_cache_destroy(&cache, NULL));
    check_sums(bed.heap);
}
END_TEST

/* All memory can be one cache's, comes back for others, and what cannot be is said at once. */
START_TEST(pressure)
{
    struct bed bed;
    static void *p[64];
    void *one;
    unsigned n = 0;
    bed_open(&bed, _i, config_of(_i), 16 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", 300000, 0);
    bsa_cache *small = cache_new(bed.heap, "small", 64, 0);
    bsa_cache *huge = cache_new(bed.heap, "huge", BSA_MAX_CACHE_OBJECT, 0);
    bsa_cache *distant = cache_new(bed.heap, "distant", 1, BSA_MAX_CACHE_OBJECT);
    assert_ok(get(&bed, small, &one));
    assert_ok(put(&bed, small, one));
    size_t ready = cache_stats(small).objects.in_magazines;
    assert_status(get(&bed, huge, &p[0]), BSA_ERR_NO_MEMORY);
    ck_assert_uint_eq(cache_stats(small).objects.in_magazines, ready); /* nothing was asked back */
    if (get(&bed, distant, &one) == BSA_OK)                            /* chance has aligned it */
        assert_ok(put(&bed, distant, one));
    while (get(&bed, cache, &p[n]) == BSA_OK)
        n++;
    ck_assert_uint_gt(n * 300000u, 13 * MIB);
    ck_assert_ptr_null(p[n]);
    assert_status(bsa_heap_alloc_pages(bed.heap, 74, 1, &one), BSA_ERR_NO_MEMORY);
    for (unsigned i = 0; i < n; i++)
        assert_ok(put(&bed, cache, p[i]));
    one = heap_get_pages(bed.heap, 12 * MIB / PAGE, 1);
    assert_ok(bsa_heap_free(bed.heap, one));
    assert_ok(get(&bed, cache, &one));
    assert_ok(put(&bed, cache, one));
    ck_assert_uint_eq(bed.m.faults.count, 0);
    check_sums(bed.heap);
}
END_TEST

/* An empty one is kept, but none that is a large part of memory, unless it is asked for. */
START_TEST(settings)
{
    struct bed bed;
    void *p[6];
    static const struct {
        size_t size;
        unsigned keep, magazine, kept, ready;
    } cases[] = {{200000, 0, 0, 1, 0},        {300000, 0, 0, 0, 0},
                 {300000, 1, 0, 1, 0},        {200000, BSA_NONE, BSA_NONE, 0, 0},
                 {200000, 3, BSA_NONE, 3, 0}, {200000, BSA_NONE, 2, 0, 2}};
    bed_open(&bed, _i, config_of(_i), 64 * MIB);
    for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct bsa_cache_config config = cache_config("set", cases[c].size, 0);
        bsa_cache *cache = NULL;
        config.keep_empty = cases[c].keep;
        config.magazine_objects = cases[c].magazine;
        assert_ok(bsa_cache_create(bed.heap, &config, &cache));
        for (unsigned i = 0; i < 6; i++)
            assert_ok(get(&bed, cache, &p[i]));
        for (unsigned i = 0; i < 6; i++)
            assert_ok(put(&bed, cache, p[i]));
        const struct bsa_class_stats k = cache_stats(cache).objects;
        ck_assert_uint_eq(k.empty_slabs, cases[c].kept);
        ck_assert_uint_le(k.in_magazines, cases[c].ready);
        ck_assert_uint_eq(k.slabs, k.empty_slabs + k.in_magazines);
        assert_ok(bsa_cache_destroy(&cache, NULL));
        check_sums(bed.heap);
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* A resize takes it out of its cache, with its contents. */
START_TEST(realloc_leaves_the_cache)
{
    struct bed bed;
    void *p;
    bed_open(&bed, _i, config_of(_i), 16 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", 100000, 0);
    for (unsigned size = 10; size <= 1000000; size *= 10) {
        assert_ok(get(&bed, cache, &p));
        pattern_write(p, size < 100000 ? size : 100000, 3);
        assert_ok(bsa_heap_realloc(bed.heap, &p, size, 8));
        ck_assert(pattern_holds(p, size < 100000 ? size : 100000, 3));
        ck_assert_uint_eq(cache_stats(cache).objects.live, 0);
        assert_ok(bsa_heap_free_sized(bed.heap, p, size, 8));
    }
    assert_ok(bsa_cache_destroy(&cache, NULL));
    check_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Objects in a region that comes later, and the region leaves when they are gone. */
START_TEST(regions)
{
    struct bed bed;
    void *p[20];
    unsigned n = 0;
    bed_open(&bed, _i, config_of(_i), 4 * MIB);
    bsa_cache *cache = cache_new(bed.heap, "large", MIB, 0);
    while (get(&bed, cache, &p[n]) == BSA_OK)
        n++;
    ck_assert_uint_le(n, 3);
    unsigned before = n;
    void *more = region_new(8 * MIB, 2 * MIB, 0);
    assert_ok(bsa_heap_add_region(bed.heap, more, 8 * MIB));
    while (get(&bed, cache, &p[n]) == BSA_OK)
        n++;
    ck_assert_uint_ge(n, before + 7);
    check_walks(&bed, cache, n);
    check_inside(&bed, cache, p[n - 1], MIB);
    for (unsigned i = 0; i < n; i++)
        free_one(&bed, cache, p[i], i);
    assert_ok(bsa_cache_destroy(&cache, NULL));
    bsa_heap_reclaim(bed.heap);
    assert_ok(bsa_heap_remove_region(bed.heap, more));
    check_sums(bed.heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("named caches of large objects");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, objects_of_their_own, 0, SIZES * WAYS);
    tcase_add_loop_test(all, several_in_a_slab, 0, WAYS);
    tcase_add_loop_test(all, pressure, 0, WAYS);
    tcase_add_loop_test(all, settings, 0, WAYS);
    tcase_add_loop_test(all, realloc_leaves_the_cache, 0, WAYS);
    tcase_add_loop_test(all, regions, 0, WAYS);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
