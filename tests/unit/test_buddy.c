/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buddy from inside: the search in a tree against a naive one, and random operations on whole
 * buddies against a map of pages, with every counter checked.
 */
#include <buddyslab/buddy.h>
#include <buddyslab/debug.h>

#include <stdlib.h>
#include <string.h>

#include "buddy/blocks.h"
#include "support.h"

/* Trees ----------------------------------------------------------------------------------------- */

enum { TREE = BSAI_GROUP_PAGES };

struct naive {
    bool free[TREE];
};

static void naive_random(struct naive *naive, struct bsai_tree *tree, struct rng *rng)
{
    memset(naive, 0, sizeof(*naive));
    memset(tree, 0, sizeof(*tree));
    bool state = rng_below(rng, 2) == 0;
    size_t longest = (size_t)1 << rng_below(rng, 10);
    for (unsigned at = 0; at < TREE;) {
        size_t n = rng_between(rng, 1, longest);
        if (n > TREE - at)
            n = TREE - at;
        if (state) {
            memset(&naive->free[at], 1, n);
            bsai_tree_set(tree, at, (unsigned)n);
        }
        state = !state;
        at += (unsigned)n;
    }
}

static bool naive_free(const struct naive *naive, unsigned page, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (page + i >= TREE || !naive->free[page + i])
            return false;
    }
    return true;
}

static int naive_largest(const struct naive *naive)
{
    for (unsigned order = BSAI_GROUP_SHIFT + 1; order-- > 0;) {
        for (unsigned page = 0; page < TREE; page += 1u << order) {
            if (naive_free(naive, page, 1u << order))
                return (int)order;
        }
    }
    return -1;
}

/* The order of the largest free aligned block that holds a free page. */
static unsigned naive_order_at(const struct naive *naive, unsigned page)
{
    unsigned order = 0;
    while (order < BSAI_GROUP_SHIFT && naive_free(naive, page & ~((2u << order) - 1), 2u << order))
        order++;
    return order;
}

START_TEST(tree_find_is_right)
{
    struct rng rng = rng_for("tree_find");
    for (size_t round = 0; round < scaled(2000); round++) {
        struct naive naive;
        struct bsai_tree tree;
        naive_random(&naive, &tree, &rng);
        int largest = naive_largest(&naive);
        ck_assert_int_eq(bsai_tree_largest(&tree, BSAI_GROUP_SHIFT), largest);
        for (int order = 0; order <= BSAI_GROUP_SHIFT; order++) {
            unsigned page = bsai_tree_find(&tree, (unsigned)order);
            ck_assert_int_eq(page != BSAI_TREE_NONE, order <= largest);
            if (page == BSAI_TREE_NONE)
                continue;
            ck_assert_uint_eq(page % (1u << order), 0);
            ck_assert(naive_free(&naive, page, 1u << order));
        }
    }
}
END_TEST

START_TEST(tree_find_spares_larger_blocks)
{
    struct rng rng = rng_for("tree_spares");
    for (unsigned order = 0; order < BSAI_TREE_TOP; order++) {
        for (unsigned round = 0; round < 100; round++) {
            struct bsai_tree tree;
            memset(&tree, 0, sizeof(tree));
            /* A larger block in front, a block of exactly the order in the same word or words behind. */
            unsigned span = order < 6 ? 64 : TREE;
            unsigned size = 1u << order;
            if (4 * size > span)
                continue;
            unsigned start = (unsigned)rng_below(&rng, TREE / span) * span;
            unsigned exact = 2 * size + (unsigned)rng_below(&rng, span / size - 2) * size;
            bsai_tree_set(&tree, start, 2 * size);
            bsai_tree_set(&tree, start + exact, size);
            ck_assert_uint_eq(bsai_tree_find(&tree, order), start + exact);
        }
    }
}
END_TEST

START_TEST(tree_find_run_is_first)
{
    struct rng rng = rng_for("tree_run");
    for (size_t round = 0; round < scaled(20000); round++) {
        struct naive naive;
        struct bsai_tree tree;
        naive_random(&naive, &tree, &rng);
        unsigned n = (unsigned)rng_between(&rng, 1, rng_below(&rng, 2) == 0 ? 9 : TREE);
        unsigned align = (unsigned)rng_below(&rng, BSAI_GROUP_SHIFT + 1);
        unsigned expected = 0;
        while (expected < TREE && !naive_free(&naive, expected, n))
            expected += 1u << align;
        ck_assert_uint_eq(bsai_tree_find_run(&tree, n, align), expected);
    }
}
END_TEST

START_TEST(tree_ranges_are_right)
{
    struct rng rng = rng_for("tree_ranges");
    for (size_t round = 0; round < scaled(20000); round++) {
        struct naive naive;
        struct bsai_tree tree;
        naive_random(&naive, &tree, &rng);
        unsigned page = (unsigned)rng_below(&rng, TREE);
        unsigned n = (unsigned)rng_between(&rng, 1, TREE - page);
        if (rng_below(&rng, 2) == 0 && n > 8)
            n = 8;
        bool all_taken = true;
        unsigned count = 0;
        for (unsigned i = 0; i < TREE; i++) {
            count += naive.free[i];
            if (i >= page && i < page + n)
                all_taken = all_taken && !naive.free[i];
            ck_assert_int_eq(bsai_tree_is_free(&tree, i), naive.free[i]);
        }
        ck_assert_uint_eq(bsai_tree_count(&tree), count);
        ck_assert_int_eq(bsai_tree_all_free(&tree, page, n), naive_free(&naive, page, n));
        ck_assert_int_eq(bsai_tree_all_taken(&tree, page, n), all_taken);
        if (naive.free[page]) {
            unsigned low, high, first = page, end = page;
            while (first > 0 && naive.free[first - 1])
                first--;
            while (end < TREE && naive.free[end])
                end++;
            bsai_tree_around(&tree, page, &low, &high);
            ck_assert_uint_eq(low, first);
            ck_assert_uint_eq(high, end);
        }
        bool set = rng_below(&rng, 2) == 0;
        if (set)
            bsai_tree_set(&tree, page, n);
        else
            bsai_tree_clear(&tree, page, n);
        memset(&naive.free[page], set, n);
        for (unsigned i = 0; i < TREE; i++)
            ck_assert_int_eq(bsai_tree_is_free(&tree, i), naive.free[i]);
    }
}
END_TEST

START_TEST(tree_grown_is_the_largest_around)
{
    struct rng rng = rng_for("tree_grown");
    for (size_t round = 0; round < scaled(20000); round++) {
        struct naive naive;
        struct bsai_tree tree;
        naive_random(&naive, &tree, &rng);
        unsigned page = (unsigned)rng_below(&rng, TREE);
        unsigned n = (unsigned)rng_between(&rng, 1, TREE - page);
        bsai_tree_clear(&tree, page, n);
        memset(&naive.free[page], 0, n);
        int before = naive_largest(&naive);
        bsai_tree_set(&tree, page, n);
        memset(&naive.free[page], 1, n);
        unsigned expected = before < 0 ? 0 : (unsigned)before;
        for (unsigned i = page; i < page + n; i++) {
            unsigned order = naive_order_at(&naive, i);
            if (order > BSAI_TREE_TOP)
                order = BSAI_TREE_TOP;
            if (order > expected)
                expected = order;
        }
        ck_assert_uint_eq(bsai_tree_grown(&tree, page, n, before < 0 ? 0 : (unsigned)before),
                          expected);
    }
}
END_TEST

START_TEST(tree_counts_maximal_blocks)
{
    struct rng rng = rng_for("tree_counts");
    for (size_t round = 0; round < scaled(2000); round++) {
        struct naive naive;
        struct bsai_tree tree;
        size_t counts[BSAI_TREE_LEVELS] = {0}, expected[BSAI_TREE_LEVELS] = {0};
        naive_random(&naive, &tree, &rng);
        for (unsigned page = 0; page < TREE;) {
            if (!naive.free[page]) {
                page++;
                continue;
            }
            unsigned order = naive_order_at(&naive, page);
            expected[order]++;
            page += 1u << order;
        }
        bsai_tree_count_blocks(&tree, counts);
        ck_assert_mem_eq(counts, expected, sizeof(counts));
    }
}
END_TEST

/* A buddy and what it should be ----------------------------------------------------------------- */

struct block {
    unsigned char *start;
    size_t pages;
};

struct model {
    bsa_buddy *buddy;
    struct faults faults;
    size_t page_size;
    struct region regions[4];
    size_t region_count;
    struct block *blocks;
    size_t block_count, block_room;
    size_t live_pages;
    size_t managed_pages;
};

static struct bsa_platform recording(struct faults *faults)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.ctx = faults;
    platform.fault = faults_record;
    return platform;
}

static void check_pages(const struct model *m, bool valid)
{
    ck_assert_uint_eq(bsa_buddy_managed_bytes(m->buddy), m->managed_pages * m->page_size);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(m->buddy), m->live_pages * m->page_size);
    if (valid)
        assert_status(bsa_buddy_validate(m->buddy), BSA_OK);
}

/* A block may overlap no other one and must lie within a section's pages. */
static void check_new(const struct model *m, const struct block *block)
{
    uintptr_t start = (uintptr_t)block->start;
    size_t bytes = block->pages * m->page_size;
    bool inside = false;
    for (size_t i = 0; i < bsa_buddy_section_count(m->buddy) && !inside; i++) {
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        assert_status(bsa_buddy_section(m->buddy, i, &info), BSA_OK);
        inside = start >= (uintptr_t)info.start &&
                 start - (uintptr_t)info.start <= info.bytes - bytes && bytes <= info.bytes;
    }
    ck_assert(inside);
    for (size_t i = 0; i < m->block_count; i++) {
        uintptr_t other = (uintptr_t)m->blocks[i].start;
        ck_assert(start + bytes <= other || other + m->blocks[i].pages * m->page_size <= start);
    }
}

static bool model_alloc(struct model *m, size_t pages, size_t align)
{
    void *p = &p;
    enum bsa_status status = bsa_buddy_alloc(m->buddy, pages, align, &p);
    if (status != BSA_OK) {
        ck_assert_int_eq((int)status, (int)BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(p);
        return false;
    }
    struct block block = {.start = p, .pages = pages};
    ck_assert_uint_eq((uintptr_t)p % align, 0);
    ck_assert_uint_eq((uintptr_t)p % m->page_size, 0);
    check_new(m, &block);
    /* The page is the caller's: what is written there disturbs nothing. */
    memset(p, 0xff, m->page_size < 64 ? m->page_size : 64);
    if (m->block_count == m->block_room) {
        m->block_room = m->block_room * 2 + 64;
        m->blocks = realloc(m->blocks, m->block_room * sizeof(m->blocks[0]));
        ck_assert_ptr_nonnull(m->blocks);
    }
    m->blocks[m->block_count++] = block;
    m->live_pages += pages;
    return true;
}

static void model_free(struct model *m, size_t i)
{
    struct block block = m->blocks[i];
    assert_status(bsa_buddy_free(m->buddy, block.start, block.pages), BSA_OK);
    m->live_pages -= block.pages;
    m->blocks[i] = m->blocks[--m->block_count];
}

static void model_begin(struct model *m, size_t page_size)
{
    memset(m, 0, sizeof(*m));
    m->page_size = page_size;
}

static void model_region(struct model *m, size_t bytes, size_t align, size_t offset)
{
    struct region region = region_make(bytes, align, offset);
    memset(region.start, 0xa5, bytes < 1 << 20 ? bytes : 1 << 20); /* memory is not zero */
    if (m->buddy == NULL) {
        struct bsa_platform platform = recording(&m->faults);
        struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
        config.page_size = m->page_size;
        config.platform = &platform;
        assert_status(bsa_buddy_init(&m->buddy, region.start, bytes, &config), BSA_OK);
    } else {
        assert_status(bsa_buddy_add_region(m->buddy, region.start, bytes), BSA_OK);
    }
    m->regions[m->region_count++] = region;
    m->managed_pages = bsa_buddy_managed_bytes(m->buddy) / m->page_size;
    check_pages(m, true);
}

static void model_end(struct model *m)
{
    while (m->block_count > 0)
        model_free(m, m->block_count - 1);
    check_pages(m, true);
    ck_assert_uint_eq(m->faults.count, 0);
    for (size_t i = 0; i < m->region_count; i++)
        region_free(&m->regions[i]);
    free(m->blocks);
}

static size_t random_count(struct rng *rng, size_t managed)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return rng_between(rng, 1, managed);
    case 1:
    case 2:
        return (size_t)1 << rng_below(rng, 11);
    case 3:
        return rng_between(rng, 1, 1200);
    default:
        return rng_between(rng, 1, 20);
    }
}

static void random_operations(struct model *m, struct rng *rng, size_t operations)
{
    size_t full = 0;
    for (size_t i = 0; i < operations; i++) {
        bool fill = (i / 500) % 2 == 0;
        if (m->block_count == 0 || rng_below(rng, 8) < (fill ? 6u : 2u)) {
            size_t pages = random_count(rng, m->managed_pages);
            size_t align = rng_below(rng, 3) != 0 ? 1 : m->page_size << rng_below(rng, 12);
            if (!model_alloc(m, pages, align))
                full++;
        } else {
            model_free(m, rng_below(rng, m->block_count));
        }
        check_pages(m, BSA_CHECKS >= 2 || i % 64 == 0);
    }
    ck_assert_uint_gt(full, 0);
}

static const struct shape {
    size_t page_size;
    struct {
        size_t bytes, align, offset;
    } region[3];
} shapes[] = {
    {4096, {{8 << 20, 2 << 20, 0}}},
    {4096, {{(8 << 20) + 5000, 1 << 20, 1}, {(3 << 20) - 77, 4096, 4095}, {40000, 4096, 8}}},
    {1024, {{3 << 20, 1024, 512}, {300000, 4096, 1}}},
    {16384, {{40 << 20, 4096, 4096}, {1 << 20, 4096, 100}}},
    {65536, {{100 << 20, 32 << 20, 12345}, {5 << 20, 65536, 1}, {1 << 20, 65536, 65535}}},
};

START_TEST(random_operations_are_exact)
{
    const struct shape *shape = &shapes[_i];
    struct rng rng = rng_for("random_operations");
    struct model m;
    model_begin(&m, shape->page_size);
    for (size_t i = 0; i < 3 && shape->region[i].bytes != 0; i++)
        model_region(&m, shape->region[i].bytes, shape->region[i].align, shape->region[i].offset);
    random_operations(&m, &rng, scaled(BSA_CHECKS >= 2 ? 6000 : 20000));
    model_end(&m);
}
END_TEST

static Suite *buddy_suite(void)
{
    Suite *suite = suite_create("buddy");
    TCase *trees = tcase_create("trees");
    tcase_add_test(trees, tree_find_is_right);
    tcase_add_test(trees, tree_find_spares_larger_blocks);
    tcase_add_test(trees, tree_find_run_is_first);
    tcase_add_test(trees, tree_ranges_are_right);
    tcase_add_test(trees, tree_grown_is_the_largest_around);
    tcase_add_test(trees, tree_counts_maximal_blocks);
    suite_add_tcase(suite, trees);

    TCase *model = tcase_create("model");
    tcase_add_loop_test(model, random_operations_are_exact, 0, sizeof(shapes) / sizeof(shapes[0]));
    suite_add_tcase(suite, model);
    return suite;
}

int main(void)
{
    return run_suite(buddy_suite());
}
