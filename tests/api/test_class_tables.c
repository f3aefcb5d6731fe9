/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of size classes that a heap can be given. */
#include "machine.h"

enum { LARGEST = 2048 };

static const enum bsa_class_set sets[] = {BSA_CLASSES_NINE, BSA_CLASSES_KMALLOC, BSA_CLASSES_FINE};
static const unsigned counts[] = {9, 11, 28};

static bsa_heap *heap_with(struct machine *m, const struct bsa_class_table *classes)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.classes = classes;
    machine_start(m);
    return heap_new(m, 8 * MIB, config);
}

/* From 8 to 2048, without a gap that wastes more than its set promises. */
START_TEST(sizes_of_the_sets)
{
    const struct bsa_class_table *table = bsa_standard_classes(sets[_i]);
    ck_assert_uint_eq(table->size, sizeof *table);
    ck_assert_uint_eq(table->count, counts[_i]);
    ck_assert_uint_eq(table->object_sizes[0], 8);
    ck_assert_uint_eq(table->object_sizes[table->count - 1], LARGEST);
    for (unsigned c = 1; c < table->count; c++) {
        unsigned size = table->object_sizes[c], before = table->object_sizes[c - 1];
        ck_assert_uint_gt(size, before);
        ck_assert_uint_le(size, 2 * before);
        if (sets[_i] == BSA_CLASSES_FINE && size > 64)
            ck_assert_uint_le(4 * size, 5 * before);
        if (sets[_i] == BSA_CLASSES_FINE && size <= 64)
            ck_assert_uint_eq(size, before + 8);
    }
}
END_TEST

/* The smallest class that is large enough and aligned enough, never a page. */
START_TEST(malloc_takes_the_next_class_that_is_aligned)
{
    const struct bsa_class_table *table = bsa_standard_classes(sets[_i]);
    struct machine m;
    bsa_heap *heap = heap_with(&m, table);
    for (size_t size = 0; size <= LARGEST; size++) {
        size_t align = size >= 16 ? 16 : size >= 8 ? 8 : 1;
        unsigned c = 0;
        while (table->object_sizes[c] < size || table->object_sizes[c] % align != 0)
            c++;
        void *p = bsa_malloc(heap, size);
        ck_assert_ptr_nonnull(p);
        ck_assert(is_aligned(p, align));
        ck_assert_uint_eq(bsa_usable_size(heap, p), table->object_sizes[c]);
        assert_ok(bsa_heap_free_sized(heap, p, size, align));
    }
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.classes, table->count);
    ck_assert_uint_eq(s.blocks, 0);
    for (unsigned c = 0; c < s.classes; c++)
        ck_assert_uint_eq(s.size_class[c].object_size, table->object_sizes[c]);
    check_heap_sums(heap);
}
END_TEST

START_TEST(the_default_is_the_nine)
{
    struct machine m;
    bsa_heap *heap = heap_with(&m, NULL);
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.classes, 9);
    for (unsigned c = 0; c < s.classes; c++)
        ck_assert_uint_eq(s.size_class[c].object_size, (size_t)8 << c);
}
END_TEST

/* One's own: classes that are no multiple of 16 serve what asks for less alignment. */
START_TEST(a_table_of_ones_own)
{
    static const unsigned sizes[] = {24, 32, 40, 104, 144};
    const struct bsa_class_table table = {sizeof table, 5, sizes};
    static const struct {
        size_t size, align, usable;
    } requests[] = {
        {1, 1, 24},    {20, 8, 24},   {20, 16, 32},   {33, 8, 40},
        {33, 16, 144}, {100, 8, 104}, {100, 16, 144}, {145, 1, PAGE},
    };
    struct machine m;
    bsa_heap *heap = heap_with(&m, &table);
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        void *p = heap_get(heap, requests[i].size, requests[i].align);
        ck_assert_uint_eq(bsa_usable_size(heap, p), requests[i].usable);
        assert_ok(bsa_heap_free(heap, p));
    }
    ck_assert_uint_eq(bsa_usable_size(heap, bsa_malloc(heap, 40)), 144);
    check_heap_sums(heap);
}
END_TEST

/* Objects of more than a page lie one behind the other, too. */
START_TEST(classes_beyond_a_page)
{
    static const unsigned sizes[] = {2560, 3072, 5120, 7168, BSA_MAX_CLASS_SIZE};
    const struct bsa_class_table table = {sizeof table, 5, sizes};
    struct machine m;
    bsa_heap *heap = heap_with(&m, &table);
    unsigned char *p[5][10];
    for (unsigned i = 0; i < 50; i++) {
        size_t size = sizes[i % 5];
        p[i % 5][i / 5] = heap_get(heap, size, 16);
        ck_assert_uint_eq(bsa_usable_size(heap, p[i % 5][i / 5]), size);
        memset(p[i % 5][i / 5], (int)i, size);
    }
    for (unsigned i = 0; i < 50; i++) {
        unsigned char *at = p[i % 5][i / 5];
        for (size_t k = 0; k < sizes[i % 5]; k++)
            must(at[k] == i);
        assert_status(bsa_heap_free(heap, at + 2048), BSA_ERR_INVALID_PARAM);
        assert_ok(bsa_heap_free(heap, at));
        assert_status(bsa_heap_free(heap, at), BSA_ERR_NOT_ALLOCATED);
    }
    check_heap_sums(heap);
    assert_ok(bsa_heap_validate(heap));
}
END_TEST

/* What cannot be used is refused, and nothing is left behind. */
START_TEST(unusable_tables_are_refused)
{
    static const unsigned falling[] = {8, 32, 16}, twice[] = {8, 8}, crooked[] = {8, 12},
                          zero[] = {0, 8}, large[] = {8, BSA_MAX_CLASS_SIZE + 8}, good[] = {8, 64};
    const struct bsa_class_table bad[] = {
        {sizeof *bad, 3, falling}, {sizeof *bad, 2, twice},
        {sizeof *bad, 2, crooked}, {sizeof *bad, 2, zero},
        {sizeof *bad, 2, large},   {sizeof *bad, 0, good},
        {sizeof *bad, 2, NULL},    {3, 2, good},
    };
    void *region = region_new(MIB, PAGE, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        config.classes = &bad[i];
        assert_status(bsa_heap_init(&heap, region, MIB, &config), BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(heap);
    }
    config.classes = bsa_standard_classes((enum bsa_class_set)3);
    ck_assert_ptr_nonnull(config.classes);
    assert_status(bsa_heap_init(&heap, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    config.classes = bsa_standard_classes((enum bsa_class_set) - 1);
    assert_status(bsa_heap_init(&heap, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    const struct bsa_class_table table = {sizeof table, 2, good};
    config.classes = &table;
    assert_ok(bsa_heap_init(&heap, region, MIB, &config));
}
END_TEST

/* A slab allocator of its own takes the same tables. */
START_TEST(a_slab_takes_them_too)
{
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    config.range = region_new(MIB, PAGE, 0);
    config.range_bytes = MIB;
    config.classes = bsa_standard_classes(BSA_CLASSES_FINE);
    size_t bytes = bsa_slab_storage_bytes(&config);
    ck_assert_uint_gt(bytes, 0);
    bsa_slab *slab = NULL;
    assert_ok(bsa_slab_init(&slab, region_new(bytes, PAGE, 0), bytes, &config));
    struct bsa_slab_result result;
    assert_ok(bsa_slab_alloc(slab, 0, 1200, 16, &result));
    ck_assert_uint_eq(result.needs_class, 24);
    config.classes = bsa_standard_classes((enum bsa_class_set)3);
    ck_assert_uint_eq(bsa_slab_storage_bytes(&config), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("class tables");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, sizes_of_the_sets, 0, 3);
    tcase_add_loop_test(all, malloc_takes_the_next_class_that_is_aligned, 0, 3);
    tcase_add_test(all, the_default_is_the_nine);
    tcase_add_test(all, a_table_of_ones_own);
    tcase_add_test(all, classes_beyond_a_page);
    tcase_add_test(all, unusable_tables_are_refused);
    tcase_add_test(all, a_slab_takes_them_too);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
