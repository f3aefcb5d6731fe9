/* SPDX-License-Identifier: Apache-2.0 */
/* The bitmap of a tree against an array of bools. */
#include <string.h>

#include "buddy/tree.h"
#include "support.h"

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
        must(bsai_tree_largest(&tree, BSAI_GROUP_SHIFT) == largest);
        for (int order = 0; order <= BSAI_GROUP_SHIFT; order++) {
            unsigned page = bsai_tree_find(&tree, (unsigned)order);
            must((page != BSAI_TREE_NONE) == (order <= largest));
            if (page == BSAI_TREE_NONE)
                continue;
            must((page % (1u << order)) == 0);
            must(naive_free(&naive, page, 1u << order));
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
            /* A larger block in front, a block of exactly the order in the same word or words
             * behind. */
            unsigned span = order < 6 ? 64 : TREE;
            unsigned size = 1u << order;
            if (4 * size > span)
                continue;
            unsigned start = (unsigned)rng_below(&rng, TREE / span) * span;
            unsigned exact = 2 * size + (unsigned)rng_below(&rng, span / size - 2) * size;
            bsai_tree_set(&tree, start, 2 * size);
            bsai_tree_set(&tree, start + exact, size);
            must(bsai_tree_find(&tree, order) == start + exact);
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
        must(bsai_tree_find_run(&tree, n, align) == expected);
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
            must((bsai_tree_is_free(&tree, i)) == naive.free[i]);
        }
        must((bsai_tree_count(&tree)) == count);
        must((bsai_tree_all_free(&tree, page, n)) == (naive_free(&naive, page, n)));
        must((bsai_tree_all_taken(&tree, page, n)) == all_taken);
        if (naive.free[page]) {
            unsigned low, high, first = page, end = page;
            while (first > 0 && naive.free[first - 1])
                first--;
            while (end < TREE && naive.free[end])
                end++;
            bsai_tree_around(&tree, page, &low, &high);
            must(low == first);
            must(high == end);
        }
        bool set = rng_below(&rng, 2) == 0;
        if (set)
            bsai_tree_set(&tree, page, n);
        else
            bsai_tree_clear(&tree, page, n);
        memset(&naive.free[page], set, n);
        for (unsigned i = 0; i < TREE; i++)
            must((bsai_tree_is_free(&tree, i)) == naive.free[i]);
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
        must((bsai_tree_grown(&tree, page, n, before < 0 ? 0 : (unsigned)before)) == expected);
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

static Suite *tree_suite(void)
{
    Suite *suite = suite_create("tree");
    TCase *tests = tcase_create("tree");
    tcase_add_test(tests, tree_find_is_right);
    tcase_add_test(tests, tree_find_spares_larger_blocks);
    tcase_add_test(tests, tree_find_run_is_first);
    tcase_add_test(tests, tree_ranges_are_right);
    tcase_add_test(tests, tree_grown_is_the_largest_around);
    tcase_add_test(tests, tree_counts_maximal_blocks);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(tree_suite());
}
