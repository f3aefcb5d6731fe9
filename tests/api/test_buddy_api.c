/* SPDX-License-Identifier: Apache-2.0 */
/* The page allocator alone, by its public interface: what it gives and takes. */
#include "buddies.h"

START_TEST(counts_and_alignments_are_exact)
{
    static const size_t counts[] = {1, 2, 3, 5, 8, 16, 31, 64, 100};
    enum { N = sizeof counts / sizeof *counts };
    size_t page = (size_t)1024 << _i % 7;
    size_t bytes = 1200 * page;
    char *region = region_new(bytes, 2 * MIB, (size_t)_i / 7 * (page + 24));
    bsa_buddy *buddy = buddy_new(region, bytes, page);
    size_t all = free_pages(buddy, page);
    size_t blocks[BSA_MAX_ORDER + 1], blocks_then[BSA_MAX_ORDER + 1];
    assert_ok(bsa_buddy_free_blocks(buddy, blocks, BSA_MAX_ORDER + 1));
    for (size_t align = 1; align <= 64 * page; align *= 4) {
        void *p[N];
        size_t taken = 0;
        for (unsigned i = 0; i < N; i++) {
            p[i] = buddy_get(buddy, counts[i], align);
            ck_assert(is_aligned(p[i], page));
            ck_assert(within(p[i], counts[i] * page, region, bytes));
            pattern_write(p[i], counts[i] * page, i);
            taken += counts[i];
            ck_assert_uint_eq(free_pages(buddy, page), all - taken);
        }
        assert_ok(bsa_buddy_validate(buddy));
        for (unsigned i = N; i-- > 0;) {
            ck_assert(pattern_holds(p[i], counts[i] * page, i));
            assert_ok(bsa_buddy_free(buddy, p[i], counts[i]));
            taken -= counts[i];
            ck_assert_uint_eq(free_pages(buddy, page), all - taken);
        }
        /* All is merged as it was. */
        assert_ok(bsa_buddy_validate(buddy));
        assert_ok(bsa_buddy_free_blocks(buddy, blocks_then, BSA_MAX_ORDER + 1));
        ck_assert_mem_eq(blocks, blocks_then, sizeof blocks);
    }
}
END_TEST

START_TEST(one_page_aligned_to_more)
{
    char *region = region_new(MIB, 2 * MIB, 3 * PAGE);
    bsa_buddy *buddy = buddy_new(region, MIB, PAGE);
    void *p = buddy_get(buddy, 1, 8 * KIB), *q = buddy_get(buddy, 1, 16 * KIB);
    void *r = buddy_get(buddy, 4, 64 * KIB);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 6 * PAGE);
    assert_ok(bsa_buddy_free(buddy, r, 4));
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 2 * PAGE);
    assert_ok(bsa_buddy_free(buddy, p, 1));
    assert_ok(bsa_buddy_free(buddy, q, 1));
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 0);
}
END_TEST

/* Enough pages in a row serve, a power of two of them as well, though no block of that size is
 * whole. */
START_TEST(rows_that_are_no_block_serve)
{
    char *region = region_new(3 * MIB, 2 * MIB, 0);
    bsa_buddy *buddy = buddy_new(region, 3 * MIB, PAGE);
    size_t all = free_pages(buddy, PAGE);
    ck_assert_uint_gt(all, 512);
    for (size_t pages = 1; pages <= all; pages++) {
        void *p = buddy_get(buddy, pages, PAGE);
        assert_ok(bsa_buddy_validate(buddy));
        assert_ok(bsa_buddy_free(buddy, p, pages));
    }
    void *aligned;
    assert_status(bsa_buddy_alloc(buddy, 512, 2 * MIB, &aligned), BSA_ERR_NO_MEMORY);
}
END_TEST

/* A start and an end at any byte; blocks are aligned all the same. */
START_TEST(ragged_regions)
{
    static const size_t ragged[] = {1, 63, 64, 4095, 4097, 6000, 12289};
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned j = 0; j < 7; j++) {
            size_t bytes = 6 * MIB + ragged[j];
            char *region = region_new(bytes, 2 * MIB, ragged[i]);
            bsa_buddy *buddy = buddy_new(region, bytes, PAGE);
            void *p = buddy_get(buddy, 512, 2 * MIB), *q = buddy_get(buddy, 1, 2 * MIB);
            ck_assert(within(p, 2 * MIB, region, bytes));
            ck_assert(within(q, PAGE, region, bytes));
            void *all[3000];
            size_t n = 0;
            while (bsa_buddy_alloc(buddy, 1, 1, &all[n]) == BSA_OK) {
                ck_assert(within(all[n], PAGE, region, bytes));
                ck_assert(is_aligned(all[n], PAGE));
                n++;
            }
            ck_assert_uint_eq(free_pages(buddy, PAGE), 0);
            ck_assert_uint_ge(n + 513, 6 * MIB / PAGE - 8);
            assert_ok(bsa_buddy_validate(buddy));
        }
    }
}
END_TEST

START_TEST(exhaust_and_recover)
{
    static void *p[MOST];
    size_t page = (size_t)1024 << _i;
    bsa_buddy *buddy = buddy_new(region_new(900 * page, PAGE, 77), 900 * page, page);
    void *none = &none;
    size_t n = take_all_pages(buddy, p);
    ck_assert_uint_eq(free_pages(buddy, page), 0);
    ck_assert_uint_eq(n * page, bsa_buddy_managed_bytes(buddy));
    assert_status(bsa_buddy_alloc(buddy, 1, 1, &none), BSA_ERR_NO_MEMORY);
    ck_assert_ptr_null(none);

    /* Every other page: no two are neighbours. */
    size_t freed = 0;
    for (size_t i = 0; i < n; i++) {
        if (((uintptr_t)p[i] / page) % 2 == 0)
            continue;
        assert_ok(bsa_buddy_free(buddy, p[i], 1));
        freed++;
    }
    ck_assert_uint_eq(free_pages(buddy, page), freed);
    assert_status(bsa_buddy_alloc(buddy, 2, 1, &none), BSA_ERR_NO_MEMORY);
    assert_ok(bsa_buddy_validate(buddy));
    for (size_t i = 0; i < freed; i++)
        buddy_get(buddy, 1, 1);
    assert_status(bsa_buddy_alloc(buddy, 1, 1, &none), BSA_ERR_NO_MEMORY);

    /* The same pages again, and the others: they merge. */
    for (size_t i = 0; i < n; i++)
        assert_ok(bsa_buddy_free(buddy, p[i], 1));
    ck_assert_uint_eq(free_pages(buddy, page), n);
    buddy_get(buddy, 8, 1);
    buddy_get(buddy, 256, 1);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* Several regions. */

START_TEST(regions_serve_in_order_of_registration)
{
    static void *p[MOST];
    char *region[3];
    bsa_buddy *buddy = NULL;
    size_t pages[3], managed = 0;
    for (unsigned i = 0; i < 3; i++)
        region[i] = region_new(MIB, 2 * MIB, i * PAGE);
    for (unsigned i = 0; i < 3; i++) {
        if (i == 0)
            buddy = buddy_new(region[i], MIB, PAGE);
        else
            assert_ok(bsa_buddy_add_region(buddy, region[i], MIB));
        ck_assert_uint_eq(bsa_buddy_section_count(buddy), i + 1);
        pages[i] = (bsa_buddy_managed_bytes(buddy) - managed) / PAGE;
        managed = bsa_buddy_managed_bytes(buddy);
    }
    size_t n = 0;
    for (unsigned i = 0; i < 3; i++) {
        for (size_t k = 0; k < pages[i]; k++, n++) {
            p[n] = buddy_get(buddy, 1, 1);
            ck_assert_msg(within(p[n], PAGE, region[i], MIB), "page %zu is not in region %u", k, i);
        }
    }
    void *none;
    assert_status(bsa_buddy_alloc(buddy, 1, 1, &none), BSA_ERR_NO_MEMORY);

    /* A free finds its section; totals are sums over sections after each step. */
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    for (size_t i = 0; i < n; i++) {
        size_t k = i * 7 % n; /* n is no multiple of 7: each once */
        if (n % 7 == 0)
            k = i;
        assert_ok(bsa_buddy_free(buddy, p[k], 1));
        size_t free = 0, total = 0;
        for (size_t s = 0; s < 3; s++) {
            assert_ok(bsa_buddy_section(buddy, s, &info));
            free += info.free_pages;
            total += info.total_pages;
            ck_assert_uint_eq(info.total_pages, pages[s]);
            ck_assert_uint_eq(info.bytes, pages[s] * PAGE);
            ck_assert(within(info.start, info.bytes, region[s], MIB));
        }
        ck_assert_uint_eq(free, i + 1);
        ck_assert_uint_eq(total * PAGE, bsa_buddy_managed_bytes(buddy));
        ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), (n - i - 1) * PAGE);
    }
    assert_status(bsa_buddy_section(buddy, 3, &info), BSA_ERR_NOT_FOUND);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* Regions that touch each other serve no block that crosses their border. */
START_TEST(blocks_do_not_cross_regions)
{
    static void *p[MOST];
    char *memory = region_new(4 * MIB, 4 * MIB, 0);
    bsa_buddy *buddy = buddy_new(memory + 2 * MIB, 2 * MIB, PAGE);
    assert_ok(bsa_buddy_add_region(buddy, memory, 2 * MIB));
    size_t largest = bsa_buddy_managed_bytes(buddy) / PAGE;
    void *q;
    while (bsa_buddy_alloc(buddy, largest, 1, &q) != BSA_OK)
        largest--;
    ck_assert_uint_lt(largest, 512);
    assert_ok(bsa_buddy_free(buddy, q, largest));
    size_t n = take_all_pages(buddy, p);
    for (size_t i = 0; i < n; i++)
        assert_ok(bsa_buddy_free(buddy, p[i], 1));
    assert_status(bsa_buddy_alloc(buddy, 512, 1, &q), BSA_ERR_NO_MEMORY);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* Memory below 4 GiB. */

static bsa_buddy *buddy_with_low(struct machine *m, char *low, uint64_t phys, char *high)
{
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    machine_start(m);
    machine_place_low(m, low, 4 * MIB, phys);
    config.platform = &m->platform;
    assert_ok(bsa_buddy_init(&buddy, high, 4 * MIB, &config));
    assert_ok(bsa_buddy_add_region(buddy, low, 4 * MIB));
    return buddy;
}

START_TEST(low_memory_is_found_behind_high_sections)
{
    struct machine m;
    char *low = region_new(4 * MIB, 2 * MIB, 0), *high = region_new(4 * MIB, 2 * MIB, 0);
    bsa_buddy *buddy = buddy_with_low(&m, low, 64 * MIB, high);
    static void *p[MOST];
    size_t n = 0;
    void *q;
    ck_assert(within(buddy_get(buddy, 1, 1), PAGE, high, 4 * MIB));
    while (bsa_buddy_alloc_lowmem(buddy, 3, 8 * KIB, &p[n]) == BSA_OK) {
        ck_assert(within(p[n], 3 * PAGE, low, 4 * MIB));
        ck_assert(is_aligned(p[n], 8 * KIB));
        n++;
    }
    ck_assert_uint_gt(n, 200);

    /* With holes in it, a larger block fails, and is there when the holes have merged. */
    for (size_t i = 0; i < n; i += 2)
        assert_ok(bsa_buddy_free(buddy, p[i], 3));
    assert_status(bsa_buddy_alloc_lowmem(buddy, 64, 1, &q), BSA_ERR_NO_MEMORY);
    for (size_t i = 1; i < n; i += 2)
        assert_ok(bsa_buddy_free(buddy, p[i], 3));
    assert_ok(bsa_buddy_alloc_lowmem(buddy, 64, 256 * KIB, &q));
    ck_assert(within(q, 64 * PAGE, low, 4 * MIB));
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* A region across 4 GiB: one section to see, and no low block ends above. */
START_TEST(a_region_across_4_gib)
{
    enum { BELOW = 2 * MIB + 5 * PAGE };
    struct machine m;
    char *low = region_new(4 * MIB, 2 * MIB, PAGE), *high = region_new(4 * MIB, 2 * MIB, 0);
    bsa_buddy *buddy = buddy_with_low(&m, low, ((uint64_t)1 << 32) - BELOW, high);
    ck_assert_uint_eq(bsa_buddy_section_count(buddy), 2);
    void *p;
    size_t n = 0;
    unsigned flags;
    while (bsa_buddy_alloc_lowmem(buddy, 1, 1, &p) == BSA_OK) {
        ck_assert(within(p, PAGE, low, BELOW));
        assert_ok(bsa_buddy_page_flags(buddy, p, &flags));
        ck_assert_uint_eq(flags, BSA_PAGE_HEAD | BSA_PAGE_LOW);
        n++;
    }
    ck_assert_uint_ge(n, 2 * MIB / PAGE - 8);
    while (bsa_buddy_alloc(buddy, 1, 1, &p) == BSA_OK) {
        ck_assert(!within(p, PAGE, low, BELOW));
        assert_ok(bsa_buddy_page_flags(buddy, p, &flags));
        ck_assert_uint_eq(flags, BSA_PAGE_HEAD);
    }
    ck_assert_uint_eq(free_pages(buddy, PAGE), 0);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

static Suite *buddy_suite(void)
{
    Suite *suite = suite_create("the page allocator: pages");
    TCase *giving = tcase_create("giving");
    tcase_add_loop_test(giving, counts_and_alignments_are_exact, 0, 21);
    tcase_add_test(giving, one_page_aligned_to_more);
    tcase_add_test(giving, ragged_regions);
    tcase_add_loop_test(giving, exhaust_and_recover, 0, 7);
    tcase_add_test(giving, regions_serve_in_order_of_registration);
    tcase_add_test(giving, blocks_do_not_cross_regions);
    tcase_add_test(giving, rows_that_are_no_block_serve);
    tcase_add_test(giving, low_memory_is_found_behind_high_sections);
    tcase_add_test(giving, a_region_across_4_gib);
    suite_add_tcase(suite, giving);
    return suite;
}

int main(void)
{
    return run_suite(buddy_suite());
}
