/* SPDX-License-Identifier: Apache-2.0 */
/* Another size for what is live: what stays, what moves, and what is given back at once. */
#include "cpus.h"

/* A heap with or without handles, hooks around every call, and page lists. */
static void bed_with(struct bed *bed, int way, unsigned page_list_pages)
{
    struct bsa_heap_config config = config_of(way);
    config.page_list_pages = page_list_pages;
    bed_open(bed, way, config, 8 * MIB);
}

static enum bsa_status resize(struct bed *bed, void **p, size_t size, size_t align)
{
    return bed->handles ? bsa_cpu_realloc(bsa_heap_cpu(bed->heap, bed->m.cpu), p, size, align)
                        : bsa_heap_realloc(bed->heap, p, size, align);
}

/* The same size, or one of the same class or count of pages: nothing is taken or given. */
START_TEST(what_fits_stays)
{
    static const size_t sizes[][2] = {
        {1, 8}, {65, 128}, {1025, 2048}, {2 * PAGE + 1, 3 * PAGE}, {MIB - PAGE + 1, MIB}};
    struct bed bed;
    bed_with(&bed, _i, 0);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bsa_heap_stats before, after;
        void *p = heap_get(bed.heap, sizes[i][1], 1), *at = p;
        heap_stats(bed.heap, &before);
        for (size_t size = sizes[i][1]; size >= sizes[i][0]; size -= size < 2 * PAGE ? 1 : 500) {
            assert_ok(resize(&bed, &at, size, 8));
            ck_assert_ptr_eq(at, p);
        }
        heap_stats(bed.heap, &after);
        ck_assert(memcmp(&before, &after, sizeof before) == 0);
        assert_ok(bsa_heap_free(bed.heap, p));
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* A block's tail is free as soon as it is cut off, page by page. */
START_TEST(a_shrinking_block_gives_its_tail_back)
{
    enum { PAGES = 600 }; /* more than one tree of the buddy */
    struct bed bed;
    bed_with(&bed, _i, 0);
    void *p = heap_get_pages(bed.heap, PAGES, 1), *at = p;
    pattern_write(p, PAGES * PAGE, 7);
    size_t with = bsa_heap_allocated_bytes(bed.heap), pages = PAGES;
    for (size_t to = PAGES - 1; to >= 1; to -= to > 40 ? 37 : 1) {
        unsigned flags = 0;
        assert_ok(resize(&bed, &at, to * PAGE - (to > 2 ? 100 : 0), 8));
        ck_assert_ptr_eq(at, p);
        ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), with - (PAGES - to) * PAGE);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, p), to * PAGE);
        for (size_t page = to; page < pages; page++) {
            assert_ok(bsa_heap_page_flags(bed.heap, (char *)p + page * PAGE, &flags));
            ck_assert_uint_eq(flags & BSA_PAGE_FREE, BSA_PAGE_FREE);
        }
        for (size_t i = 0; i < to * PAGE; i += 61)
            ck_assert_uint_eq(((unsigned char *)p)[i], pattern_byte(7, i));
        check_heap_sums(bed.heap);
        pages = to;
    }
    assert_ok(bsa_heap_free_sized(bed.heap, p, PAGE, 8));
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* The rest of a free heap lies behind the block: it grows into it, until something is in the way.
 */
START_TEST(a_growing_block_takes_the_free_pages_behind_it)
{
    struct bed bed;
    bed_with(&bed, _i, BSA_NONE);
    unsigned char *all = heap_get_pages(bed.heap, 700, 1);
    void *rest = all;
    assert_ok(resize(&bed, &rest, PAGE, 1)); /* 699 pages behind it are free now */
    ck_assert_ptr_eq(rest, all);
    void *p = all;
    memset(p, 5, PAGE);
    size_t before = bsa_heap_allocated_bytes(bed.heap);
    for (size_t pages = 2; pages <= 650; pages += pages < 20 ? 1 : 63) {
        assert_ok(resize(&bed, &p, pages * PAGE - 9, 1));
        ck_assert_ptr_eq(p, all);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, p), pages * PAGE);
        ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), before + (pages - 1) * PAGE);
        check_heap_sums(bed.heap);
    }
    ck_assert_uint_eq(all[PAGE - 1], 5);

    /* Withdrawn pages are in the way: it moves, and takes its contents along. */
    assert_ok(resize(&bed, &p, 10 * PAGE, 1));
    ck_assert_ptr_eq(p, all);
    assert_ok(bsa_heap_reserve(bed.heap, all + 12 * PAGE, PAGE));
    pattern_write(all, 10 * PAGE, 3);
    assert_ok(resize(&bed, &p, 12 * PAGE, 1));
    ck_assert_ptr_eq(p, all);
    assert_ok(resize(&bed, &p, 13 * PAGE, 1));
    ck_assert_ptr_ne(p, all);
    for (size_t i = 0; i < 10 * PAGE; i += 61)
        ck_assert_uint_eq(((unsigned char *)p)[i], pattern_byte(3, i));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, all), 0);
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 13 * PAGE);
    assert_ok(bsa_heap_free_pages(bed.heap, p, 13));
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Larger and smaller classes, pages and back: one of old and new is live, and a free that tells the
 * size is right after each step. */
START_TEST(a_move_takes_the_contents_along)
{
    static const size_t sizes[] = {1,         20,   100,      40,       2000, 3 * PAGE, 64,
                                   20 * PAGE, 2048, PAGE - 1, 8 * PAGE, 0,    8,        2049};
    struct bed bed;
    bed_with(&bed, _i, 0);
    size_t size = 500;
    void *p = heap_get(bed.heap, size, 16);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t common = size < sizes[i] ? size : sizes[i];
        unsigned char *old = p;
        for (size_t k = 0; k < size; k++)
            old[k] = pattern_byte(i, k);
        bed.m.cpu = i % 2;
        assert_ok(resize(&bed, &p, sizes[i], 16));
        ck_assert(is_aligned(p, 16));
        for (size_t k = 0; k < common; k++)
            ck_assert_uint_eq(((unsigned char *)p)[k], pattern_byte(i, k));
        if (p != old)
            ck_assert_uint_eq(bsa_usable_size(bed.heap, old), 0);
        size = sizes[i];
        check_heap_sums(bed.heap);
        struct bsa_heap_stats s;
        heap_stats(bed.heap, &s);
        size_t live = s.blocks;
        for (unsigned c = 0; c < s.classes; c++)
            live += s.size_class[c].live;
        ck_assert_uint_eq(live, 1);
    }
    assert_ok(bsa_heap_free_sized(bed.heap, p, size, 16));
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* What is large enough moves all the same when it is not aligned enough. */
START_TEST(alignment_counts)
{
    struct bed bed;
    bed_with(&bed, _i, BSA_NONE);
    char *all = heap_get_pages(bed.heap, 16, 16 * PAGE);
    void *object = heap_get(bed.heap, 96, 8), *block = all;
    assert_ok(resize(&bed, &object, 96, 1024));
    ck_assert(is_aligned(object, 1024));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, object), 1024);
    assert_ok(resize(&bed, &object, 1024, 64 * 1024));
    ck_assert(is_aligned(object, 64 * 1024));

    assert_ok(resize(&bed, &block, 16 * PAGE, 16 * PAGE));
    ck_assert_ptr_eq(block, all);
    assert_ok(resize(&bed, &block, 5 * PAGE, 16 * PAGE));
    ck_assert_ptr_eq(block, all);
    assert_ok(resize(&bed, &block, 5 * PAGE, MIB));
    ck_assert(is_aligned(block, MIB));
    assert_ok(bsa_heap_free(bed.heap, block));
    assert_ok(bsa_heap_free(bed.heap, object));
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Not enough memory, or more than there is in the world: everything is as it was. */
START_TEST(a_failure_changes_nothing)
{
    static const size_t sizes[] = {16 * MIB, SIZE_MAX, SIZE_MAX - PAGE, SIZE_MAX / 2 + 1};
    struct bed bed;
    bed_with(&bed, _i, 0);
    void *object = heap_get(bed.heap, 1000, 8), *block = heap_get_pages(bed.heap, 5, 1);
    pattern_write(object, 1000, 1);
    pattern_write(block, 5 * PAGE, 2);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *p = object, *q = block;
        assert_status(resize(&bed, &p, sizes[i], 8), BSA_ERR_NO_MEMORY);
        assert_status(resize(&bed, &q, sizes[i], 8), BSA_ERR_NO_MEMORY);
        assert_status(resize(&bed, &q, 5 * PAGE, SIZE_MAX / 2 + 1), BSA_ERR_NO_MEMORY);
        ck_assert(p == object && q == block);
    }
    ck_assert(pattern_holds(object, 1000, 1) && pattern_holds(block, 5 * PAGE, 2));
    ck_assert_uint_eq(bed.m.faults.count, 0);
    assert_ok(bsa_heap_free_sized(bed.heap, object, 1000, 8));
    assert_ok(bsa_heap_free_pages(bed.heap, block, 5));
    check_heap_sums(bed.heap);
}
END_TEST

/* In a heap that is used up to the last page a block may still shrink, and grow by what it shrank.
 */
START_TEST(the_last_pages)
{
    struct bed bed;
    bed_with(&bed, _i, BSA_NONE);
    void *p, *more;
    assert_ok(bsa_heap_alloc_pages(bed.heap, 500, 1, &p));
    while (bsa_heap_alloc_pages(bed.heap, 1, 1, &more) == BSA_OK)
        ;
    void *at = p;
    assert_status(resize(&bed, &at, 501 * PAGE, 1), BSA_ERR_NO_MEMORY);
    assert_ok(resize(&bed, &at, 400 * PAGE, 1));
    assert_ok(resize(&bed, &at, 500 * PAGE, 1));
    ck_assert_ptr_eq(at, p);
    assert_status(resize(&bed, &at, 1, 1), BSA_ERR_NO_MEMORY); /* there is no slab for it */
    ck_assert_ptr_eq(at, p);
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 500 * PAGE);
    assert_ok(bsa_heap_free(bed.heap, at));
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* A block in low memory grows there as long as it can. */
START_TEST(low_memory)
{
    enum { LOW = 2 * MIB };
    struct machine m;
    machine_start(&m);
    char *region = region_new(LOW, (size_t)1 << 21, 0);
    machine_place_low(&m, region, LOW, (uint64_t)1 << 30);
    bsa_heap *heap = heap_new(&m, 4 * MIB, plain);
    assert_ok(bsa_heap_add_region(heap, region, LOW));
    void *p = NULL;
    assert_ok(bsa_heap_alloc_pages_lowmem(heap, 20, 1, &p));
    char *first = p;
    ck_assert_uint_lt((size_t)(first - region), LOW);
    assert_ok(bsa_heap_realloc(heap, &p, 3 * PAGE, 1));
    assert_ok(bsa_heap_realloc(heap, &p, 20 * PAGE, 1));
    ck_assert_ptr_eq(p, first);
    assert_ok(bsa_heap_free_pages(heap, p, 20));
    check_heap_sums(heap);
}
END_TEST

START_TEST(null_and_nothing)
{
    struct bed bed;
    bed_with(&bed, _i, 0);
    void *p = NULL, *none = NULL;
    assert_ok(resize(&bed, &p, 100, 8));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 128);
    assert_ok(resize(&bed, &p, 0, 8));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 8);
    assert_ok(bsa_heap_free(bed.heap, p));
    assert_status(resize(&bed, NULL, 100, 8), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_realloc(NULL, &p, 100, 8), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cpu_realloc(NULL, &p, 100, 8), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bed.m.faults.count, 0);
    assert_status(resize(&bed, &none, 100, 12), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(none);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "power of two");
    check_heap_sums(bed.heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("realloc");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, what_fits_stays, 0, WAYS);
    tcase_add_loop_test(all, a_shrinking_block_gives_its_tail_back, 0, WAYS);
    tcase_add_loop_test(all, a_growing_block_takes_the_free_pages_behind_it, 0, WAYS);
    tcase_add_loop_test(all, a_move_takes_the_contents_along, 0, WAYS);
    tcase_add_loop_test(all, alignment_counts, 0, WAYS);
    tcase_add_loop_test(all, a_failure_changes_nothing, 0, WAYS);
    tcase_add_loop_test(all, the_last_pages, 0, WAYS);
    tcase_add_test(all, low_memory);
    tcase_add_loop_test(all, null_and_nothing, 0, WAYS);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
