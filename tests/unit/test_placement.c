/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where pages are taken: the library's placement, and those that bench/placement/ has to compare it
 * with. This file is compiled for each; POLICY_LIFO and POLICY_WORST say for which.
 */
#include "buddy/internal.h"
#include "support.h"

enum { PAGE = 4096, TREE = 512, TREES = 4, PAGES = TREES * TREE };

/* Trees of which the first, where the metadata is, has been withdrawn. */
struct bed {
    struct region region;
    struct faults faults;
    bsa_buddy *buddy;
};

static unsigned char *page_at(const struct bed *bed, size_t tree, size_t page)
{
    return bed->region.start + (tree * TREE + page) * PAGE;
}

static void bed_make(struct bed *bed)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    *bed = (struct bed){.region = region_make((size_t)PAGES * PAGE, (size_t)TREE * PAGE, 0)};
    platform.ctx = &bed->faults;
    platform.fault = faults_record;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&bed->buddy, bed->region.start, bed->region.bytes, &config),
                  BSA_OK);
    assert_status(bsa_buddy_section(bed->buddy, 0, &info), BSA_OK);
    size_t first = (size_t)(page_at(bed, 1, 0) - (unsigned char *)info.start);
    assert_status(bsa_buddy_reserve(bed->buddy, info.start, first), BSA_OK);
}

static void bed_clear(struct bed *bed)
{
    assert_status(bsa_buddy_validate(bed->buddy), BSA_OK);
    ck_assert_uint_eq(bed->faults.count, 0);
    region_free(&bed->region);
}

static unsigned char *take(struct bed *bed, size_t pages, enum bsai_use use)
{
    struct bsai_call call;
    bsai_call_begin(&call, &bed->buddy->platform);
    return bsai_buddy_take(bed->buddy, &call, pages, pages * PAGE, false, use, BSAI_PAGE_BLOCK);
}

static void give(struct bed *bed, size_t tree, size_t page, size_t pages)
{
    assert_status(bsa_buddy_free(bed->buddy, page_at(bed, tree, page), pages), BSA_OK);
}

/* Every page is a block of its own; then these are free: a whole tree, the second; of the third
 * tree page 4; of the first pages 8 to 15, and page 0, which is the last to be freed. */
static void bed_make_broken(struct bed *bed)
{
    bed_make(bed);
    for (size_t i = 0; i < PAGES - TREE; i++)
        must(take(bed, 1, BSAI_USE_PAGES) != NULL);
    must(take(bed, 1, BSAI_USE_PAGES) == NULL);
    for (size_t page = 0; page < TREE; page++)
        give(bed, 2, page, 1);
    give(bed, 3, 4, 1);
    for (size_t page = 8; page < 16; page++)
        give(bed, 1, page, 1);
    give(bed, 1, 0, 1);
}

#if defined POLICY_LIFO
#define NAME "lifo"

START_TEST(policy_in_a_broken_heap)
{
    struct bed bed;
    bed_make_broken(&bed);
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 0)); /* freed last */
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 3, 4));
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 8)); /* splits the smallest */
    ck_assert_ptr_eq(take(&bed, 2, BSAI_USE_PAGES), page_at(&bed, 1, 10));
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 9)); /* left over from 8 */
    ck_assert_ptr_eq(take(&bed, 8, BSAI_USE_PAGES), page_at(&bed, 2, 0)); /* 12 to 15 are four */
    bed_clear(&bed);
}
END_TEST

START_TEST(policy_last_freed_is_first_taken)
{
    struct bed bed;
    bed_make_broken(&bed);
    while (take(&bed, 1, BSAI_USE_PAGES) != NULL) {
    }
    const size_t order[] = {40, 8, 300, 100, 2};
    for (size_t i = 0; i < 5; i++)
        give(&bed, 1 + i % 3, order[i], 1);
    for (size_t i = 5; i-- > 0;)
        ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_SLABS), page_at(&bed, 1 + i % 3, order[i]));
    bed_clear(&bed);
}
END_TEST

#elif defined POLICY_WORST
#define NAME "worst"

START_TEST(policy_in_a_broken_heap)
{
    struct bed bed;
    bed_make_broken(&bed);
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 2, 0));   /* of order 9 */
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 2, 256)); /* of order 8 */
    ck_assert_ptr_eq(take(&bed, 2, BSAI_USE_PAGES), page_at(&bed, 2, 128)); /* of order 7 */
    bed_clear(&bed);
}
END_TEST

START_TEST(policy_no_tree_stays_whole)
{
    struct bed bed;
    bed_make(&bed);
    for (size_t i = 0; i < TREES - 1; i++)
        must(take(&bed, 1, BSAI_USE_PAGES) != NULL);
    ck_assert_ptr_null(take(&bed, TREE, BSAI_USE_PAGES));
    bed_clear(&bed);
}
END_TEST

#else
#define NAME "placement"

START_TEST(policy_in_a_broken_heap)
{
    struct bed bed;
    bed_make_broken(&bed);
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 3, 4)); /* the fullest tree */
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 0)); /* page 8 has a buddy */
    ck_assert_ptr_eq(take(&bed, 2, BSAI_USE_PAGES), page_at(&bed, 1, 8));
    ck_assert_ptr_eq(take(&bed, 4, BSAI_USE_PAGES), page_at(&bed, 1, 12));
    ck_assert_ptr_eq(take(&bed, TREE, BSAI_USE_PAGES), page_at(&bed, 2, 0)); /* still whole */
    bed_clear(&bed);
}
END_TEST

/* A tree that was broken for one use serves the other before a whole one is broken. */
START_TEST(policy_whole_trees_outlast_uses)
{
    struct bed bed;
    bed_make_broken(&bed);
    for (size_t i = 0; i < 10; i++)
        ck_assert_ptr_ne(take(&bed, 1, BSAI_USE_SLABS), page_at(&bed, 2, 0));
    ck_assert_ptr_eq(take(&bed, TREE, BSAI_USE_SLABS), page_at(&bed, 2, 0));
    bed_clear(&bed);
}
END_TEST

/* Where both uses have broken trees, each takes from its own, although the other's are fuller. */
START_TEST(policy_own_use_first)
{
    struct bed bed;
    bed_make_broken(&bed);
    for (size_t i = 0; i < 10; i++)
        must(take(&bed, 1, BSAI_USE_SLABS) != NULL);
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_SLABS), page_at(&bed, 2, 0)); /* breaks it for slabs */
    give(&bed, 1, 100, 1);
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_SLABS), page_at(&bed, 2, 1));
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 100));
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 2, 2));
    bed_clear(&bed);
}
END_TEST

/* Without an alignment, which a count that is no power of two has not. */
static unsigned char *take_row(struct bed *bed, size_t pages, enum bsai_use use)
{
    struct bsai_call call;
    bsai_call_begin(&call, &bed->buddy->platform);
    return bsai_buddy_take(bed->buddy, &call, pages, PAGE, false, use, BSAI_PAGE_BLOCK);
}

/* Tree 2 is whole; all else is taken but for a row of five pages and one of seven. */
static void bed_make_rows(struct bed *bed)
{
    bed_make(bed);
    while (take(bed, 1, BSAI_USE_PAGES) != NULL) {
    }
    for (size_t page = 0; page < TREE; page++)
        give(bed, 2, page, 1);
    for (size_t page = 0; page < 5; page++)
        give(bed, 1, 9 + page, 1);
    for (size_t page = 0; page < 7; page++)
        give(bed, 3, 100 + page, 1);
}

/* A count that is no power of two takes the tightest row, although it is no block, and for either
 * use; a whole tree is broken when nothing else has room. */
START_TEST(policy_odd_counts_take_rows)
{
    struct bed bed;
    enum bsai_use use = _i == 0 ? BSAI_USE_PAGES : BSAI_USE_SLABS;
    bed_make_rows(&bed);
    ck_assert_ptr_eq(take_row(&bed, 5, use), page_at(&bed, 1, 9));
    ck_assert_ptr_eq(take_row(&bed, 3, use), page_at(&bed, 3, 100));
    ck_assert_ptr_eq(take_row(&bed, 3, use), page_at(&bed, 3, 103));
    assert_status(bsa_buddy_validate(bed.buddy), BSA_OK);
    ck_assert_ptr_eq(take_row(&bed, 3, use), page_at(&bed, 2, 0));
    ck_assert_ptr_eq(take_row(&bed, 6, use), page_at(&bed, 2, 3));
    give(&bed, 1, 9, 5);
    ck_assert_ptr_eq(take_row(&bed, 5, BSAI_USE_PAGES), page_at(&bed, 1, 9));
    bed_clear(&bed);
}
END_TEST

/* The bound of a tree's rows may be too high: it is found out once. */
START_TEST(policy_rows_are_bounds)
{
    struct bed bed;
    bed_make_rows(&bed);
    ck_assert_ptr_eq(take(&bed, TREE, BSAI_USE_PAGES), page_at(&bed, 2, 0));
    ck_assert_ptr_eq(take(&bed, 1, BSAI_USE_PAGES), page_at(&bed, 1, 9));
    ck_assert_ptr_eq(take(&bed, 4, BSAI_USE_PAGES), page_at(&bed, 3, 100));
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_null(take_row(&bed, 5, BSAI_USE_PAGES));
    assert_status(bsa_buddy_validate(bed.buddy), BSA_OK);
    ck_assert_ptr_nonnull(take_row(&bed, 3, BSAI_USE_PAGES));
    ck_assert_ptr_nonnull(take_row(&bed, 3, BSAI_USE_PAGES));
    ck_assert_ptr_null(take_row(&bed, 3, BSAI_USE_PAGES));
    bed_clear(&bed);
}
END_TEST
#endif

/* Whatever the policy: all that is free can be had, and comes together again. */
START_TEST(policy_uses_and_merges_everything)
{
    struct bed bed;
    bed_make(&bed);
    for (size_t i = 0; i < PAGES - TREE; i++)
        must(take(&bed, 1, i % 3 == 0 ? BSAI_USE_SLABS : BSAI_USE_PAGES) != NULL);
    ck_assert_ptr_null(take(&bed, 1, BSAI_USE_PAGES));
    for (size_t i = 0; i < PAGES - TREE; i++)
        give(&bed, 1, i * 7 % (PAGES - TREE), 1);
    for (size_t i = 0; i < TREES - 1; i++)
        ck_assert_ptr_nonnull(take(&bed, TREE, BSAI_USE_PAGES));
    bed_clear(&bed);
}
END_TEST

/* The bound of a tree may say that there is a block where there is none any more. */
START_TEST(policy_finds_no_block)
{
    struct bed bed;
    bed_make(&bed);
    while (take(&bed, 1, BSAI_USE_PAGES) != NULL) {
    }
    for (size_t page = 0; page < 16; page++)
        give(&bed, 1, page, 1);
    for (size_t i = 0; i < 8; i++)
        must(take(&bed, 1, BSAI_USE_PAGES) != NULL);
    ck_assert_ptr_null(take(&bed, 16, BSAI_USE_PAGES));
    ck_assert_ptr_null(take(&bed, TREE, BSAI_USE_SLABS));
    for (size_t i = 0; i < 8; i++)
        must(take(&bed, 1, BSAI_USE_SLABS) != NULL);
    ck_assert_ptr_null(take(&bed, 1, BSAI_USE_SLABS));
    bed_clear(&bed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create(NAME);
    TCase *tc = tcase_create(NAME);
    tcase_add_test(tc, policy_in_a_broken_heap);
#if defined POLICY_LIFO
    tcase_add_test(tc, policy_last_freed_is_first_taken);
#elif defined POLICY_WORST
    tcase_add_test(tc, policy_no_tree_stays_whole);
#else
    tcase_add_test(tc, policy_whole_trees_outlast_uses);
    tcase_add_test(tc, policy_own_use_first);
    tcase_add_loop_test(tc, policy_odd_counts_take_rows, 0, 2);
    tcase_add_test(tc, policy_rows_are_bounds);
#endif
    tcase_add_test(tc, policy_uses_and_merges_everything);
    tcase_add_test(tc, policy_finds_no_block);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
