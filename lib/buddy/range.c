/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of pages, taken and given back wherever they lie.
 *
 * A run may begin and end in the middle of trees and cover any number of them between. Whole trees
 * of it go to and come from the upper buddy untouched; the trees at its ends are broken, and what
 * the run leaves of them stays free.
 */
#include "blocks.h"

void bsai_tree_span(const struct bsai_section *s, size_t tree, unsigned *low, unsigned *high)
{
    size_t begin = tree << BSAI_GROUP_SHIFT;
    size_t left = s->map.lead + s->map.pages - begin;
    *low = tree == 0 ? s->map.lead : 0;
    *high = left < BSAI_GROUP_PAGES ? (unsigned)left : (unsigned)BSAI_GROUP_PAGES;
}

void bsai_group_make_ready(struct bsai_section *s, size_t tree)
{
    uint8_t state = bsai_peek(&s->map.state[tree]);
    if ((state & BSAI_GROUP_READY) != 0)
        return;
    unsigned low, high;
    bsai_tree_span(s, tree, &low, &high);
    size_t first = bsai_page_of(s, tree, low);
    bool valid = first < bsai_peek(&s->map.ready);
    if (!valid)
        bsai_memset(&s->map.hot[first], 0, (high - low) * sizeof(s->map.hot[0]));
    if (!valid && s->map.cold != NULL)
        bsai_memset(&s->map.cold[first], 0, (high - low) * sizeof(s->map.cold[0]));
    bsai_publish(&s->map.state[tree], (uint8_t)(state | BSAI_GROUP_READY));
    bsai_map_advance(&s->map);
}

/* Lists of broken trees ------------------------------------------------------------------------- */

static void list(struct bsai_section *s, size_t index)
{
    const struct bsai_tree *tree = &s->trees[index];
    bsai_tree_enlist(s, BSAI_TREES_FREE, &s->partial[tree->use][tree->bound], index);
    s->partial_mask[tree->use] |= 1u << tree->bound;
}

static void unlist(struct bsai_section *s, size_t index)
{
    const struct bsai_tree *tree = &s->trees[index];
    uint32_t *head = &s->partial[tree->use][tree->bound];
    bsai_tree_unlist(s, BSAI_TREES_FREE, head, index);
    if (*head == BSAI_NO_TREE)
        s->partial_mask[tree->use] &= ~(1u << tree->bound);
}

void bsai_tree_lower_bound(struct bsai_section *s, size_t tree, unsigned bound)
{
    unlist(s, tree);
    s->trees[tree].bound = (uint8_t)bound;
    list(s, tree);
}

static void odd_add(struct bsai_section *s, size_t index)
{
    struct bsai_tree *tree = &s->trees[index];
    if (!tree->odd)
        bsai_tree_enlist(s, BSAI_TREES_ODD, &s->odd, index);
    tree->odd = true;
}

void bsai_odd_remove(struct bsai_section *s, size_t index)
{
    struct bsai_tree *tree = &s->trees[index];
    if (tree->odd)
        bsai_tree_unlist(s, BSAI_TREES_ODD, &s->odd, index);
    tree->odd = false;
}

/* What the memo said was missed may be there now that [low, high) is free. */
static void remember(struct bsai_section *s, size_t index, unsigned low, unsigned high)
{
    if (low == 0 || high == BSAI_GROUP_PAGES)
        s->missed_long = 0;
    for (uint32_t mask = s->missed_mask; mask != 0; mask &= mask - 1) {
        unsigned align = bsai_ctz32(mask);
        unsigned first = (low + (1u << align) - 1) & ~((1u << align) - 1);
        if (first + s->missed[align] <= high) {
            odd_add(s, index);
            return;
        }
    }
}

/* Broken trees ---------------------------------------------------------------------------------- */

/* A tree that is taken as a whole becomes a broken one without a free page. */
static struct bsai_tree *break_taken(struct bsai_section *s, size_t index, enum bsai_use use)
{
    struct bsai_tree *tree = &s->trees[index];
    bsai_group_make_ready(s, index);
    bsai_group_set_code(s, index, BSAI_GROUP_BROKEN);
    bsai_group_set_released(s, index, false);
    bsai_memset(tree, 0, sizeof(*tree));
    tree->use = (uint8_t)use;
    return tree;
}

/* The same, but for one run of it that stays taken all its pages become free. */
static void break_around(struct bsai_section *s, size_t index, unsigned page, unsigned n,
                         enum bsai_use use)
{
    bool released = bsai_group_released(s, index);
    struct bsai_tree *tree = break_taken(s, index, use);
    bsai_tree_set(tree, 0, page);
    bsai_tree_set(tree, page + n, BSAI_GROUP_PAGES - page - n);
    if (released)
        tree->idle_pages = (uint16_t)bsai_tree_set_idle(tree, 0, BSAI_GROUP_PAGES);
    tree->free_pages = (uint16_t)(BSAI_GROUP_PAGES - n);
    tree->bound = (uint8_t)bsai_tree_largest(tree, BSAI_TREE_TOP);
    list(s, index);
    bsai_rows_enter(s, index,
                    page > BSAI_GROUP_PAGES - page - n ? page : BSAI_GROUP_PAGES - page - n);
    if (s->missed_mask != 0)
        odd_add(s, index);
}

void bsai_tree_claim(struct bsai_section *s, size_t index, unsigned page, unsigned n)
{
    struct bsai_tree *tree = &s->trees[index];
    bsai_assert_full(bsai_tree_all_free(tree, page, n));
    bsai_tree_clear(tree, page, n);
    if (BSAI_UNLIKELY(tree->idle_pages != 0))
        tree->idle_pages = (uint16_t)(tree->idle_pages - bsai_tree_clear_idle(tree, page, n));
    tree->free_pages = (uint16_t)(tree->free_pages - n);
    if (tree->free_pages == 0) {
        unlist(s, index);
        bsai_rows_leave(s, index);
        bsai_odd_remove(s, index);
    }
}

static void tree_release(struct bsai_section *s, size_t index, unsigned page, unsigned n, bool idle)
{
    struct bsai_tree *tree = &s->trees[index];
    bool listed = tree->free_pages != 0;
    bsai_assert_full(bsai_tree_all_taken(tree, page, n));
    bsai_tree_set(tree, page, n);
    if (BSAI_UNLIKELY(idle))
        tree->idle_pages = (uint16_t)(tree->idle_pages + bsai_tree_set_idle(tree, page, n));
    tree->free_pages = (uint16_t)(tree->free_pages + n);
    if (tree->free_pages == BSAI_GROUP_PAGES) {
        if (listed) {
            unlist(s, index);
            bsai_rows_leave(s, index);
        }
        bsai_odd_remove(s, index);
        bsai_group_set_code(s, index, BSAI_GROUP_INSIDE);
        bsai_group_set_released(s, index, tree->idle_pages == BSAI_GROUP_PAGES);
        s->missed_long = 0;
        bsai_upper_release(s, index, 1);
        return;
    }
    unsigned bound = bsai_tree_grown(tree, page, n, listed ? tree->bound : 0);
    if (!listed || bound != tree->bound) {
        if (listed)
            unlist(s, index);
        tree->bound = (uint8_t)bound;
        list(s, index);
    }
    unsigned low, high;
    bsai_tree_around(tree, page, &low, &high);
    if (listed)
        bsai_rows_grown(s, index, high - low);
    else
        bsai_rows_enter(s, index, high - low);
    if (BSAI_UNLIKELY(s->missed_mask != 0 || s->missed_long != 0))
        remember(s, index, low, high);
}

/* Runs ------------------------------------------------------------------------------------------ */

/* Trees from one on, up to the end of a run, that the run covers and that are not broken. */
static size_t covered(const struct bsai_section *s, size_t index, size_t pages)
{
    size_t n = 0;
    while (pages >> BSAI_GROUP_SHIFT > n && bsai_group_code(s, index + n) != BSAI_GROUP_BROKEN)
        n++;
    return n;
}

static unsigned part_in_tree(unsigned page, size_t pages)
{
    unsigned left = BSAI_GROUP_PAGES - page;
    return pages < left ? (unsigned)pages : left;
}

void bsai_range_claim(struct bsai_section *s, size_t page, size_t n, enum bsai_use use)
{
    for (size_t at = bsai_tree_index(s, page); n > 0;) {
        size_t tree = at >> BSAI_GROUP_SHIFT;
        unsigned first = at & (BSAI_GROUP_PAGES - 1);
        size_t part = part_in_tree(first, n);
        size_t whole = first == 0 ? covered(s, tree, n) : 0;
        if (whole > 0) {
            bsai_upper_claim(s, tree, whole);
            for (size_t i = 0; i < whole; i++)
                bsai_group_set_released(s, tree + i, false);
            part = whole << BSAI_GROUP_SHIFT;
        } else if (bsai_group_code(s, tree) == BSAI_GROUP_BROKEN) {
            bsai_tree_claim(s, tree, first, (unsigned)part);
        } else {
            bsai_upper_claim(s, tree, 1);
            break_around(s, tree, first, (unsigned)part, use);
        }
        at += part;
        n -= part;
    }
}

static void release(struct bsai_section *s, size_t page, size_t n, bool idle)
{
    for (size_t at = bsai_tree_index(s, page); n > 0;) {
        size_t tree = at >> BSAI_GROUP_SHIFT;
        unsigned first = at & (BSAI_GROUP_PAGES - 1);
        size_t part = part_in_tree(first, n);
        size_t whole = first == 0 ? covered(s, tree, n) : 0;
        if (whole > 0) {
            s->missed_long = 0;
            for (size_t i = 0; idle && i < whole; i++)
                bsai_group_set_released(s, tree + i, true);
            bsai_upper_release(s, tree, whole);
            part = whole << BSAI_GROUP_SHIFT;
        } else {
            if (bsai_group_code(s, tree) != BSAI_GROUP_BROKEN)
                break_taken(s, tree, BSAI_USE_PAGES);
            tree_release(s, tree, first, (unsigned)part, idle);
        }
        at += part;
        n -= part;
    }
}

void bsai_range_release(struct bsai_section *s, size_t page, size_t n)
{
    release(s, page, n, false);
}

void bsai_range_release_idle(struct bsai_section *s, size_t page, size_t n)
{
    release(s, page, n, true);
}

bool bsai_range_is_free(const struct bsai_section *s, size_t page, size_t n)
{
    for (size_t at = bsai_tree_index(s, page); n > 0;) {
        size_t tree = at >> BSAI_GROUP_SHIFT;
        unsigned first = at & (BSAI_GROUP_PAGES - 1);
        size_t part = part_in_tree(first, n);
        if (bsai_group_code(s, tree) == BSAI_GROUP_BROKEN) {
            if (!bsai_tree_all_free(&s->trees[tree], first, (unsigned)part))
                return false;
        } else {
            size_t head = bsai_upper_head(s, tree);
            if (head == BSAI_NO_TREE)
                return false;
            size_t end = (head + ((size_t)1 << s->trees[head].order)) << BSAI_GROUP_SHIFT;
            part = n < end - at ? n : end - at;
        }
        at += part;
        n -= part;
    }
    return true;
}
