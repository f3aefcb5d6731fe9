/* SPDX-License-Identifier: Apache-2.0 */
/* Size classes: the geometry of slabs, and the way from a request to a class, against plain
 * arithmetic. */
#include <buddyslab/cache.h>

#include "support.h"

#include "slab/classes.h"

/* Of slabs, in bytes, one for each page size in turn. */
static const size_t limits[] = {SIZE_MAX, 0, 32768};
static const size_t page_sizes[] = {1024, 2048, 4096, 8192, 16384, 32768, 65536};

static size_t natural_of(size_t size)
{
    return size & (0 - size);
}

/* Every size that a class may have, with every page size. */
START_TEST(geometry)
{
    size_t page = page_sizes[_i];
    for (size_t size = 8; size <= BSA_MAX_CLASS_SIZE; size += 8) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, size, natural_of(size), page, limits[_i % 3]);
        size_t bytes = g.slab_pages * page;
        ck_assert_uint_ge(g.slab_pages, 1);
        ck_assert_uint_le(g.slab_pages, BSAI_SLAB_PAGES_MAX);
        ck_assert_uint_eq(g.capacity, bytes / size);
        ck_assert_uint_ge(g.capacity, 1);
        ck_assert_uint_le(g.capacity, BSAI_CAPACITY_MAX);
        ck_assert_uint_ge(g.words * BSAI_WORD_BITS, g.capacity);
        ck_assert_uint_le((g.words - 1) * BSAI_WORD_BITS, g.capacity);
        ck_assert_uint_eq(g.record_bytes % BSAI_RECORD_ALIGN, 0);
        /* At least 8 objects, where 16 pages are enough for them, and beyond the limit no page more
         * than they need. */
        size_t for_eight = (8 * size + page - 1) / page;
        while ((size & (size - 1)) == 0 && (for_eight & (for_eight - 1)) != 0)
            for_eight++;
        if (for_eight <= BSAI_SLAB_PAGES_MAX)
            ck_assert_uint_ge(g.capacity, 8);
        ck_assert_uint_eq(g.object_size, size);
        if (bytes > limits[_i % 3])
            ck_assert_uint_le(g.slab_pages, for_eight);
        /* Objects have their natural alignment if the slab has its own. */
        ck_assert_uint_ge(g.slab_align, natural_of(size));
        ck_assert_uint_eq(g.slab_align % page, 0);
    }
}
END_TEST

/* Thousandths of so many pages and their record that are not objects of so many bytes. */
static size_t loss(const struct bsai_geometry *g, size_t pages, size_t page, size_t objects,
                   size_t size)
{
    size_t all = pages * page + g->record_bytes;
    return (all - objects * size) * 1000 / all;
}

static void check_large(size_t size, size_t align, size_t page, size_t limit)
{
    struct bsai_geometry g;
    bsai_geometry_make(&g, size, align, page, limit);
    size_t step = (size + align - 1) / align * align, own = (size - 1) / page + 1;
    size_t most = limit < 16 * page ? limit : 16 * page;
    ck_assert_uint_eq(g.slab_align, align > page ? align : page);
    if (g.capacity == 1) {
        ck_assert_uint_eq(g.slab_pages, own);
        ck_assert_uint_eq(g.object_size, own * page);
    } else {
        ck_assert_uint_eq(g.object_size, step);
        ck_assert_uint_eq(g.capacity, g.slab_pages * page / step);
        ck_assert_uint_le(g.slab_pages * page, most);
        ck_assert_uint_lt(loss(&g, g.slab_pages, page, g.capacity, size),
                          loss(&g, own, page, 1, size));
    }
    ck_assert_uint_eq(g.words, 1);
    if (own * page > most)
        return;
    /* As far as a multiplication divides. */
    size_t lost = loss(&g, g.slab_pages, page, g.capacity, size);
    for (size_t n = 2; lost > 20 && n * step <= most; n++) {
        size_t pages = (n * step + page - 1) / page;
        if (pages * page <= most && pages * page + step <= UINT32_MAX / step)
            ck_assert_uint_le(lost, loss(&g, pages, page, n, size));
    }
    ck_assert_uint_le(lost, loss(&g, own, page, 1, size));
}

/* Objects larger than any class, of which 16 pages hold less than 8: pages of their own, or several
 * in a slab where that loses less. */
START_TEST(large_geometry)
{
    size_t page = page_sizes[_i];
    size_t first = 2 * page < BSA_MAX_CLASS_SIZE ? BSA_MAX_CLASS_SIZE : 2 * page;
    for (size_t size = first + 8; size <= first + 20 * page; size += 104) {
        for (size_t align = 8; align <= 32 * page; align *= 4)
            check_large(size, align, page, limits[_i % 3]);
    }
    for (size_t size = 16 * first; size <= BSA_MAX_CACHE_OBJECT; size *= 2) {
        check_large(size - 1, 8, page, limits[_i % 3]);
        check_large(size, size, page, limits[_i % 3]);
        check_large(size / 2 + 1, BSA_MAX_CACHE_OBJECT, page, limits[_i % 3]);
    }
    check_large(100, 4 * page, page, limits[_i % 3]);
}
END_TEST

/* The end of a slab and its record are at most 125 thousandths of both. */
static bool loses_little(size_t pages, size_t page, size_t size, const struct bsai_geometry *g)
{
    size_t all = pages * page + g->record_bytes;
    return pages * page >= size && (all - pages * page / size * size) * 1000 / all <= 125;
}

/* Slabs of small caches: no larger than others, and the smallest that lose at most an eighth. */
START_TEST(small_geometry)
{
    size_t page = page_sizes[_i];
    for (size_t bytes = 8; bytes <= 20 * page; bytes += 8) {
        struct bsai_geometry full, g;
        bsai_geometry_make(&full, bytes, 8, page, limits[_i % 3]);
        size_t size = full.object_size;
        bsai_geometry_small(&g, &full, page);
        ck_assert_uint_le(g.slab_pages, full.slab_pages);
        ck_assert_uint_ge(g.capacity, 1);
        ck_assert_uint_eq(g.capacity, g.slab_pages * page / size);
        ck_assert_uint_ge(g.words * BSAI_WORD_BITS, g.capacity);
        ck_assert_uint_le(g.words, full.words);
        ck_assert_uint_eq(g.magic, full.magic);
        ck_assert_uint_eq(g.object_size, size);
        ck_assert_uint_eq(g.slab_align, full.slab_align);
        ck_assert_uint_eq(g.record_bytes, full.record_bytes);
        if (g.slab_pages != full.slab_pages)
            ck_assert(loses_little(g.slab_pages, page, size, &g));
        for (size_t fewer = 1; fewer < g.slab_pages; fewer++) {
            if ((size & (size - 1)) != 0 || (fewer & (fewer - 1)) == 0)
                ck_assert(!loses_little(fewer, page, size, &g));
        }
    }
}
END_TEST

/* The parts of a slab and its record that are objects, at least, in thousandths. */
START_TEST(usable_share)
{
    static const struct {
        unsigned size, share;
    } wanted[] = {{8, 951},   {16, 970},  {32, 980},  {64, 980},   {96, 980},  {128, 980},
                  {192, 980}, {256, 980}, {512, 980}, {1024, 980}, {2048, 980}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, wanted[i].size, 8, 4096, SIZE_MAX);
        size_t all = g.slab_pages * 4096 + g.record_bytes;
        ck_assert_uint_ge(g.capacity * wanted[i].size * 1000 / all, wanted[i].share);
    }
}
END_TEST

/* The multiplication that replaces a division and its remainder, at every byte of a slab. */
START_TEST(index_of)
{
    for (size_t asked = 8; asked <= BSA_MAX_CLASS_SIZE + 9000; asked += asked < 8192 ? 8 : 1160) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, asked, 8, page_sizes[_i], SIZE_MAX);
        struct bsai_slab slab = {.base = 0x7fff0000, .magic = g.magic};
        size_t size = g.object_size, bytes = g.slab_pages * page_sizes[_i], wrong = 0;
        for (uint32_t offset = 0; offset < bytes; offset++) {
            size_t index;
            bool first = bsai_slab_index(&slab, slab.base + offset, &index);
            wrong += index != offset / size || first != (offset % size == 0);
        }
        ck_assert_msg(wrong == 0, "%zu bytes: %zu wrong indices", size, wrong);
    }
}
END_TEST

static const unsigned odd_sizes[] = {24, 40, 72, 1000, 1736, 2040};
static const unsigned one_size[] = {128};

static const struct bsa_class_table odd_table = {sizeof(odd_table), 6, odd_sizes};
static const struct bsa_class_table one_table = {sizeof(one_table), 1, one_size};

enum { TABLES = 6 };

/* NULL stands for the nine. */
static const struct bsa_class_table *table_of(int i)
{
    const struct bsa_class_table *all[TABLES] = {
        NULL,
        bsa_standard_classes(BSA_CLASSES_NINE),
        bsa_standard_classes(BSA_CLASSES_KMALLOC),
        bsa_standard_classes(BSA_CLASSES_FINE),
        &odd_table,
        &one_table,
    };
    return all[i];
}

/* The smallest class whose size and natural alignment suffice, for every request. */
START_TEST(class_for)
{
    struct bsai_classes classes;
    const struct bsa_class_table *table = table_of(_i);
    ck_assert(bsai_classes_make(&classes, table));
    ck_assert_uint_eq(classes.count, table != NULL ? table->count : 9);
    for (size_t size = 0; size <= 2100; size++) {
        for (size_t align = 1; align <= 8192; align *= 2) {
            unsigned expected = 0;
            while (expected < classes.count &&
                   (classes.size[expected] < size ||
                    (classes.size[expected] & (0u - classes.size[expected])) < align))
                expected++;
            if (bsai_class_for(&classes, size, align) != expected)
                ck_abort_msg("%zu bytes at %zu: class %u, expected %u", size, align,
                             bsai_class_for(&classes, size, align), expected);
        }
    }
    ck_assert_uint_eq(bsai_class_for(&classes, SIZE_MAX, 1), classes.count);
    ck_assert_uint_eq(bsai_class_for(&classes, 8, SIZE_MAX / 2 + 1), classes.count);
}
END_TEST

static bool accepts(const unsigned *sizes, unsigned count)
{
    struct bsai_classes classes;
    struct bsa_class_table table = {sizeof(table), count, sizes};
    return bsai_classes_make(&classes, &table);
}

START_TEST(malformed_tables)
{
    unsigned sizes[BSA_MAX_CLASSES + 1];
    for (unsigned i = 0; i <= BSA_MAX_CLASSES; i++)
        sizes[i] = 8 * (i + 1);
    ck_assert(accepts(sizes, BSA_MAX_CLASSES));
    ck_assert(!accepts(sizes, BSA_MAX_CLASSES + 1));
    ck_assert(!accepts(sizes, 0));
    ck_assert(!accepts(NULL, 3));
    sizes[1] = 8; /* not ascending */
    ck_assert(!accepts(sizes, 2));
    sizes[1] = 12; /* no multiple of 8 */
    ck_assert(!accepts(sizes, 2));
    sizes[0] = 0;
    ck_assert(!accepts(sizes, 1));
    sizes[0] = BSA_MAX_CLASS_SIZE + 8;
    ck_assert(!accepts(sizes, 1));
    sizes[0] = BSA_MAX_CLASS_SIZE;
    ck_assert(accepts(sizes, 1));

    /* A table from a later version: accepted while its tail is zero. */
    struct {
        struct bsa_class_table table;
        size_t later;
    } longer = {{sizeof(longer), 1, one_size}, 0};
    struct bsai_classes classes;
    ck_assert(bsai_classes_make(&classes, &longer.table));
    longer.later = 1;
    ck_assert(!bsai_classes_make(&classes, &longer.table));
    longer.table.size = 1;
    ck_assert(!bsai_classes_make(&classes, &longer.table));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classes");
    TCase *tcase = tcase_create("classes");
    int page_count = (int)(sizeof(page_sizes) / sizeof(page_sizes[0]));
    tcase_add_loop_test(tcase, geometry, 0, page_count);
    tcase_add_loop_test(tcase, large_geometry, 0, page_count);
    tcase_add_loop_test(tcase, small_geometry, 0, page_count);
    tcase_add_test(tcase, usable_share);
    tcase_add_loop_test(tcase, index_of, 0, page_count);
    tcase_add_loop_test(tcase, class_for, 0, TABLES);
    tcase_add_test(tcase, malformed_tables);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
