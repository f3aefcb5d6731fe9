/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a section a run of pages is taken.
 *
 * A count that is no power of two is first looked for where it fits tightly (rows.c). Else a
 * naturally aligned block that holds the run: for less than a tree, from the broken trees of the
 * same use, the fullest that can serve first; then from those of the other use; then from the
 * smallest block of whole trees. Whole things stay whole as long as broken ones suffice
 * (LLFree, Wrenger et al. 2023). A tree's bound says how large a block it may have at most. It is
 * lowered when a search proves it wrong and raised by frees, so that each failing look at a tree is
 * paid for by an allocation that made the bound stale.
 *
 * Where there is no such block, a request may still be met: one aligned beyond its size by pages
 * that happen to lie right, one whose count is no power of two by a row of pages that is no block.
 * That is looked for tree by tree. What was not found is noted, so that asking again costs nothing:
 * broken trees that change for the better after that go on a list of their own ("odd"), and only
 * these are looked at until the memo is renewed.
 */
#include "blocks.h"

/* Orders up to which a run across the border of two trees is not looked for. */
enum { SHORT_ORDER = 8 };

static size_t take_broken(const struct bsa_buddy *b, struct bsai_section *s, unsigned use, size_t n,
                          unsigned order)
{
    for (;;) {
        uint32_t mask = s->partial_mask[use] >> order;
        if (mask == 0)
            return BSAI_NO_PAGE;
        size_t index = s->partial[use][order + bsai_ctz32(mask)];
        struct bsai_tree *tree = &s->trees[index];
        bsai_steps(b, 1);
        unsigned page = bsai_tree_find(tree, order);
        if (page != BSAI_TREE_NONE) {
            bsai_tree_claim(s, index, page, (unsigned)n);
            return bsai_page_of(s, index, page);
        }
        bsai_tree_lower_bound(s, index, (unsigned)bsai_tree_largest(tree, (int)order - 1));
    }
}

/* From the broken trees of a use, then from those of the other one. */
static size_t take_from_broken(const struct bsa_buddy *b, struct bsai_section *s, enum bsai_use use,
                               size_t n, unsigned order, bool row)
{
    enum bsai_use other = use == BSAI_USE_PAGES ? BSAI_USE_SLABS : BSAI_USE_PAGES;
    size_t page = BSAI_NO_PAGE;
    if (row)
        page = bsai_rows_take(b, s, use, (unsigned)n);
    if (page == BSAI_NO_PAGE && row)
        page = bsai_rows_take(b, s, other, (unsigned)n);
    if (page == BSAI_NO_PAGE)
        page = take_broken(b, s, use, n, order);
    return page != BSAI_NO_PAGE ? page : take_broken(b, s, other, n, order);
}

static size_t take_whole(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                         unsigned order, enum bsai_use use)
{
    unsigned upper = order > BSAI_GROUP_SHIFT ? order - BSAI_GROUP_SHIFT : 0;
    uint32_t mask = upper < BSAI_UPPER_ORDERS ? s->whole_mask >> upper : 0;
    if (mask == 0)
        return BSAI_NO_PAGE;
    bsai_steps(b, 1);
    size_t page = bsai_page_of(s, s->whole[upper + bsai_ctz32(mask)], 0);
    bsai_range_claim(s, page, n, use);
    return page;
}

/* A row within one tree ------------------------------------------------------------------------- */

static bool memo_covers(const struct bsai_section *s, unsigned n, unsigned align)
{
    /* What is not there at multiples of 2^a is not there at those of more. */
    for (uint32_t mask = s->missed_mask; mask != 0; mask &= mask - 1) {
        unsigned a = bsai_ctz32(mask);
        if (a <= align && s->missed[a] <= n)
            return true;
    }
    return false;
}

/* The tree may serve something that the memo says is missed elsewhere. */
static bool stays_odd(const struct bsai_section *s, const struct bsai_tree *tree)
{
    for (uint32_t mask = s->missed_mask; mask != 0; mask &= mask - 1) {
        unsigned a = bsai_ctz32(mask);
        if (bsai_tree_find_run(tree, s->missed[a], a) != BSAI_TREE_NONE)
            return true;
    }
    return false;
}

static size_t row_in_odd_trees(const struct bsa_buddy *b, struct bsai_section *s, unsigned n,
                               unsigned align)
{
    for (uint32_t index = s->odd; index != BSAI_NO_TREE;) {
        struct bsai_tree *tree = &s->trees[index];
        uint32_t next = bsai_next_tree(s, BSAI_TREES_ODD, index);
        bsai_steps(b, 1);
        unsigned page = bsai_tree_find_run(tree, n, align);
        if (page != BSAI_TREE_NONE) {
            bsai_tree_claim(s, index, page, n);
            return bsai_page_of(s, index, page);
        }
        if (!stays_odd(s, tree))
            bsai_odd_remove(s, index);
        index = next;
    }
    return BSAI_NO_PAGE;
}

static size_t row_in_tree(const struct bsa_buddy *b, struct bsai_section *s, size_t index,
                          unsigned n, unsigned align)
{
    bsai_steps(b, 1);
    unsigned page = bsai_tree_find_run(&s->trees[index], n, align);
    if (page == BSAI_TREE_NONE)
        return BSAI_NO_PAGE;
    bsai_tree_claim(s, index, page, n);
    s->row_tree = (uint32_t)index;
    return bsai_page_of(s, index, page);
}

static size_t row_in_broken_trees(const struct bsa_buddy *b, struct bsai_section *s, unsigned n,
                                  unsigned align)
{
    size_t page = BSAI_NO_PAGE;
    if (memo_covers(s, n, align))
        return row_in_odd_trees(b, s, n, align);
    /* What served the last such request may have more. */
    if (s->row_tree != BSAI_NO_TREE && bsai_group_code(s, s->row_tree) == BSAI_GROUP_BROKEN)
        page = row_in_tree(b, s, s->row_tree, n, align);
    if (page != BSAI_NO_PAGE)
        return page;
    for (unsigned use = 0; use < BSAI_USES; use++) {
        for (uint32_t mask = s->partial_mask[use]; mask != 0; mask &= mask - 1) {
            uint32_t index = s->partial[use][bsai_ctz32(mask)];
            for (; page == BSAI_NO_PAGE && index != BSAI_NO_TREE;
                 index = bsai_next_tree(s, BSAI_TREES_FREE, index))
                page = row_in_tree(b, s, index, n, align);
            if (page != BSAI_NO_PAGE)
                return page;
        }
    }
    s->missed[align] = (uint16_t)n;
    s->missed_mask |= 1u << align;
    return BSAI_NO_PAGE;
}

/* A row across trees ---------------------------------------------------------------------------- */

/* Free pages at the two ends of a broken tree. */
static void free_ends(const struct bsai_tree *tree, unsigned *front, unsigned *back)
{
    unsigned low, high;
    *front = *back = 0;
    if (bsai_tree_is_free(tree, 0))
        bsai_tree_around(tree, 0, &low, front);
    if (bsai_tree_is_free(tree, BSAI_GROUP_PAGES - 1)) {
        bsai_tree_around(tree, BSAI_GROUP_PAGES - 1, &low, &high);
        *back = BSAI_GROUP_PAGES - low;
    }
}

/* The first aligned page of a row of free pages that has n behind it; BSAI_NO_PAGE when none has.
 * Both are counted from tree 0. */
static size_t fit(const struct bsai_section *s, size_t at, size_t length, size_t n, unsigned align)
{
    size_t base = s->first_tree << BSAI_GROUP_SHIFT;
    size_t skip = (0 - (base + at)) & (((size_t)1 << align) - 1);
    return skip <= length && length - skip >= n ? at + skip : BSAI_NO_PAGE;
}

static size_t row_across_trees(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                               unsigned align, enum bsai_use use)
{
    if (s->missed_long != 0 && n >= s->missed_long && align >= s->missed_long_align)
        return BSAI_NO_PAGE;
    size_t trees = bsai_trees(s);
    size_t at = 0, length = 0, found = BSAI_NO_PAGE;
    for (size_t tree = 0; tree < trees && found == BSAI_NO_PAGE;) {
        size_t begin = tree << BSAI_GROUP_SHIFT;
        unsigned front = 0, back = 0;
        size_t step = 1;
        enum bsai_group_code code = bsai_group_code(s, tree);
        bsai_steps(b, 1);
        if (code == BSAI_GROUP_BROKEN) {
            free_ends(&s->trees[tree], &front, &back);
        } else if (code == BSAI_GROUP_FREE) {
            step = (size_t)1 << s->trees[tree].order;
        }
        if (length == 0)
            at = begin;
        length += code == BSAI_GROUP_FREE ? step << BSAI_GROUP_SHIFT : front;
        found = fit(s, at, length, n, align);
        if (code != BSAI_GROUP_FREE) {
            at = begin + BSAI_GROUP_PAGES - back;
            length = back;
        }
        tree += step;
    }
    if (found == BSAI_NO_PAGE) {
        s->missed_long = n;
        s->missed_long_align = align;
        return BSAI_NO_PAGE;
    }
    found -= s->map.lead;
    bsai_range_claim(s, found, n, use);
    return found;
}

unsigned bsai_block_order(size_t n, unsigned align)
{
    unsigned order = bsai_log2_up(n);
    return order > align ? order : align;
}

size_t bsai_section_search_block(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                                 unsigned align, enum bsai_use use)
{
    unsigned block = bsai_block_order(n, align);
    size_t page = BSAI_NO_PAGE;
    if (block < BSAI_GROUP_SHIFT)
        page = take_from_broken(b, s, use, n, block, align == 0 && !bsai_is_pow2(n));
    return page != BSAI_NO_PAGE ? page : take_whole(b, s, n, block, use);
}

size_t bsai_section_search_row(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                               unsigned align, enum bsai_use use)
{
    size_t page = BSAI_NO_PAGE;
    if (n < BSAI_GROUP_PAGES && align <= BSAI_GROUP_SHIFT)
        page = row_in_broken_trees(b, s, (unsigned)n, align);
    if (page == BSAI_NO_PAGE && bsai_block_order(n, align) > SHORT_ORDER)
        page = row_across_trees(b, s, n, align, use);
    return page;
}
