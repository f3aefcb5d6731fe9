/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full cross-check of each section: what its bitmaps, words and state bytes say page by page,
 * against what its lists, masks, bounds, counters and memo say fast.
 */
#include "blocks.h"

/* What a scan of all pages has seen so far. */
struct scan {
    size_t free_pages;
    size_t reserved_pages;           /* withdrawn, and the look-up table's */
    size_t broken[BSAI_USES];        /* broken trees with a free page, by use */
    size_t odd;                      /* those on the list of that name */
    size_t whole[BSAI_UPPER_ORDERS]; /* free blocks by order */
    size_t run_end;                  /* end of the run that the scan is in */
};

static const char *check_word(const struct bsai_section *s, struct scan *scan, size_t page,
                              bool is_free)
{
    uint32_t word = bsai_map_word(&s->map, page);
    enum bsai_page_kind kind = bsai_word_kind(word);
    if (is_free) {
        if (page < scan->run_end)
            return "a page of a run is free";
        if (kind != BSAI_PAGE_NONE)
            return "a free page has a word";
        return NULL;
    }
    if (page < scan->run_end)
        return kind == BSAI_PAGE_NONE ? NULL : "a run begins inside another";
    if (kind == BSAI_PAGE_NONE)
        return "a page is taken, but by no run";
    size_t n = bsai_run_pages(word);
    if (n == 0 || n > s->map.pages - page)
        return "a run has no pages or reaches beyond its section";
    scan->run_end = page + n;
    if (kind == BSAI_PAGE_RESERVED)
        scan->reserved_pages += n;
    return NULL;
}

static const char *check_memo(const struct bsai_section *s, const struct bsai_tree *tree)
{
    for (uint32_t mask = s->missed_mask; mask != 0; mask &= mask - 1) {
        unsigned align = bsai_ctz32(mask);
        if (bsai_tree_find_run(tree, s->missed[align], align) != BSAI_TREE_NONE)
            return "the memo says that pages are missed which are there";
    }
    return NULL;
}

static bool idle_is_right(const struct bsai_tree *tree)
{
    unsigned idle = 0;
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++) {
        if ((tree->idle[w] & ~tree->free[w]) != 0)
            return false;
        idle += bsai_popcount64(tree->idle[w]);
    }
    return idle == tree->idle_pages;
}

static const char *check_broken(const struct bsai_section *s, struct scan *scan, size_t index)
{
    const struct bsai_tree *tree = &s->trees[index];
    unsigned low, high;
    const char *wrong = NULL;
    bsai_tree_span(s, index, &low, &high);
    if (!bsai_tree_all_taken(tree, 0, low) ||
        !bsai_tree_all_taken(tree, high, BSAI_GROUP_PAGES - high))
        return "a page beyond the section is free";
    if ((bsai_peek(&s->map.state[index]) & BSAI_GROUP_READY) == 0)
        return "a broken tree has no words";
    unsigned count = bsai_tree_count(tree);
    if (count != tree->free_pages)
        return "a tree's count of free pages is wrong";
    if (count == BSAI_GROUP_PAGES)
        return "a tree that is wholly free is still broken";
    if (!idle_is_right(tree))
        return "the marks of released pages, their count and the free pages differ";
    scan->free_pages += count;
    for (unsigned page = low; page < high && wrong == NULL; page++) {
        wrong = check_word(s, scan, bsai_page_of(s, index, page), bsai_tree_is_free(tree, page));
    }
    if (wrong != NULL)
        return wrong;
    if (tree->odd)
        scan->odd++;
    if (count == 0)
        return tree->odd ? "a full tree is on the list of odd ones" : NULL;
    if (tree->use >= BSAI_USES || tree->bound > BSAI_TREE_TOP)
        return "a tree's use or bound is impossible";
    scan->broken[tree->use]++;
    if (bsai_tree_largest(tree, BSAI_TREE_TOP) > (int)tree->bound)
        return "a tree has a larger free block than its bound says";
    if (tree->row == 0 || (tree->row < BSAI_GROUP_PAGES &&
                           bsai_tree_find_run(tree, tree->row + 1u, 0) != BSAI_TREE_NONE))
        return "a tree has a longer row of free pages than its bound says";
    return tree->odd ? NULL : check_memo(s, tree);
}

static const char *check_free_block(const struct bsai_section *s, struct scan *scan, size_t head)
{
    unsigned order = s->trees[head].order;
    size_t trees = bsai_trees(s);
    if (order >= BSAI_UPPER_ORDERS || trees - head < (size_t)1 << order)
        return "a free block of whole trees reaches beyond its section";
    size_t size = (size_t)1 << order;
    if (((s->first_tree + head) & (size - 1)) != 0)
        return "a free block of whole trees is not aligned";
    for (size_t i = 1; i < size; i++) {
        if (bsai_group_code(s, head + i) != BSAI_GROUP_INSIDE)
            return "a tree inside a free block is marked";
    }
    size_t buddy = ((s->first_tree + head) ^ size) - s->first_tree;
    if (order < BSAI_UPPER_ORDERS - 1 && buddy < trees &&
        bsai_group_code(s, buddy) == BSAI_GROUP_FREE && s->trees[buddy].order == order)
        return "two free buddies are not merged";
    if (scan->run_end > bsai_page_of(s, head, 0))
        return "a run reaches into a free block of whole trees";
    scan->whole[order]++;
    scan->free_pages += size << BSAI_GROUP_SHIFT;
    return NULL;
}

/* A tree that is taken as a whole: a run goes on through it, or begins where it begins. */
static const char *check_taken(const struct bsai_section *s, struct scan *scan, size_t index)
{
    size_t page = bsai_page_of(s, index, 0);
    const char *wrong = check_word(s, scan, page, false);
    if (wrong != NULL)
        return wrong;
    if (bsai_group_released(s, index))
        return "a tree that is not free counts as released";
    if (scan->run_end < page + BSAI_GROUP_PAGES)
        return "a tree is taken as a whole, but its run ends inside it";
    for (size_t i = 1; i < BSAI_GROUP_PAGES; i++) {
        if (bsai_map_word(&s->map, page + i) != BSAI_PAGE_NONE)
            return "a run begins inside another";
    }
    return NULL;
}

static const char *scan_trees(const struct bsai_section *s, struct scan *scan)
{
    size_t trees = bsai_trees(s);
    const char *wrong = NULL;
    for (size_t index = 0; index < trees && wrong == NULL;) {
        unsigned low, high;
        size_t step = 1;
        enum bsai_group_code code = bsai_group_code(s, index);
        bsai_tree_span(s, index, &low, &high);
        if (code == BSAI_GROUP_BROKEN) {
            wrong = check_broken(s, scan, index);
        } else if (high - low != BSAI_GROUP_PAGES) {
            wrong = "a tree cut by the section's border is not broken";
        } else if (code == BSAI_GROUP_FREE) {
            step = (size_t)1 << s->trees[index].order;
            wrong = check_free_block(s, scan, index);
        } else {
            wrong = check_taken(s, scan, index);
        }
        index += step;
    }
    return wrong;
}

/* Lists against the scan: that as many are on them, and each where it should be. */

static const char *check_whole_lists(const struct bsai_section *s, const struct scan *scan)
{
    for (unsigned order = 0; order < BSAI_UPPER_ORDERS; order++) {
        uint32_t prev = BSAI_NO_TREE, i = s->whole[order];
        size_t listed = 0;
        if (((s->whole_mask >> order & 1) != 0) != (i != BSAI_NO_TREE))
            return "the mask of the lists of free blocks is wrong";
        for (; i != BSAI_NO_TREE; prev = i, i = bsai_next_tree(s, BSAI_TREES_FREE, i)) {
            const struct bsai_tree *tree = &s->trees[i];
            if (++listed > scan->whole[order] || tree->link[BSAI_TREES_FREE].prev != prev ||
                tree->order != order || bsai_group_code(s, i) != BSAI_GROUP_FREE)
                return "a list of free blocks is wrong";
        }
        if (listed != scan->whole[order])
            return "a free block is on no list";
    }
    return NULL;
}

static const char *check_row_lists(const struct bsai_section *s, const struct scan *scan)
{
    for (unsigned use = 0; use < BSAI_USES; use++) {
        size_t listed = 0;
        for (unsigned list = 0; list < BSAI_ROW_LISTS; list++) {
            uint32_t prev = BSAI_NO_TREE, i = s->rows[use][list];
            if (((s->rows_mask[use] >> list & 1) != 0) != (i != BSAI_NO_TREE))
                return "the mask of the lists of trees by their rows is wrong";
            for (; i != BSAI_NO_TREE; prev = i, i = bsai_next_tree(s, BSAI_TREES_BY_ROW, i)) {
                const struct bsai_tree *tree = &s->trees[i];
                if (++listed > scan->broken[use] || tree->link[BSAI_TREES_BY_ROW].prev != prev ||
                    tree->use != use || bsai_rows_list(tree->row) != list ||
                    bsai_group_code(s, i) != BSAI_GROUP_BROKEN || tree->free_pages == 0)
                    return "a list of trees by their rows is wrong";
            }
        }
        if (listed != scan->broken[use])
            return "a broken tree is on no list by its rows";
    }
    return NULL;
}

static const char *check_lists(const struct bsai_section *s, const struct scan *scan)
{
    for (unsigned use = 0; use < BSAI_USES; use++) {
        size_t listed = 0;
        for (unsigned bound = 0; bound < BSAI_TREE_LEVELS; bound++) {
            uint32_t prev = BSAI_NO_TREE, i = s->partial[use][bound];
            if (((s->partial_mask[use] >> bound & 1) != 0) != (i != BSAI_NO_TREE))
                return "the mask of the lists of broken trees is wrong";
            for (; i != BSAI_NO_TREE; prev = i, i = bsai_next_tree(s, BSAI_TREES_FREE, i)) {
                const struct bsai_tree *tree = &s->trees[i];
                if (++listed > scan->broken[use] || tree->link[BSAI_TREES_FREE].prev != prev ||
                    tree->use != use || tree->bound != bound ||
                    bsai_group_code(s, i) != BSAI_GROUP_BROKEN || tree->free_pages == 0)
                    return "a list of broken trees is wrong";
            }
        }
        if (listed != scan->broken[use])
            return "a broken tree is on no list";
    }
    return check_whole_lists(s, scan);
}

static const char *check_odd(const struct bsai_section *s, const struct scan *scan)
{
    size_t listed = 0;
    uint32_t prev = BSAI_NO_TREE;
    for (uint32_t i = s->odd; i != BSAI_NO_TREE;
         prev = i, i = bsai_next_tree(s, BSAI_TREES_ODD, i)) {
        if (++listed > scan->odd || s->trees[i].link[BSAI_TREES_ODD].prev != prev ||
            !s->trees[i].odd)
            return "the list of odd trees is wrong";
    }
    return listed == scan->odd ? NULL : "an odd tree is not on the list";
}

static const char *check_section(const struct bsai_section *section)
{
    struct scan scan;
    bsai_memset(&scan, 0, sizeof(scan));
    const char *wrong = scan_trees(section, &scan);
    if (wrong == NULL)
        wrong = check_lists(section, &scan);
    if (wrong == NULL)
        wrong = check_row_lists(section, &scan);
    if (wrong == NULL)
        wrong = check_odd(section, &scan);
    if (wrong == NULL && scan.run_end > section->map.pages)
        wrong = "a run reaches beyond its section";
    if (wrong == NULL && scan.free_pages != section->free_pages)
        wrong = "the section's count of free pages is wrong";
    if (wrong == NULL && section->total_pages != section->map.pages - scan.reserved_pages)
        wrong = "the section's count of managed pages is wrong";
    return wrong;
}

const char *bsai_buddy_check(const struct bsa_buddy *b)
{
    size_t total[BSAI_ZONES] = {0}, free[BSAI_ZONES] = {0}, sections = 0, shown = 0;
    const char *wrong = NULL;
    for (const struct bsai_section *s = b->first; s != NULL && wrong == NULL; s = s->next) {
        size_t page;
        wrong = check_section(s);
        if (wrong == NULL && (bsai_section_find(b, s->map.start, &page) != s || page != 0))
            wrong = "a section is not found by its first address";
        total[s->zone] += s->total_pages;
        if (wrong == NULL && bsai_section_bound(s) > s->bound)
            wrong = "a section has a larger free block than its bound says";
        if (wrong == NULL && b->roster[s->zone].slot[s->slot] != s)
            wrong = "a section is not in the roster of its zone";
        free[s->zone] += s->free_pages;
        shown += s->second_part ? 0 : 1;
        sections++;
    }
    for (unsigned zone = 0; zone < BSAI_ZONES && wrong == NULL; zone++)
        wrong = bsai_roster_validate(&b->roster[zone]);
    if (wrong != NULL)
        return wrong;
    if (sections != b->count || shown != b->shown)
        return "the count of sections is wrong";
    for (unsigned zone = 0; zone < BSAI_ZONES; zone++) {
        if (total[zone] != b->total_pages[zone] || free[zone] != b->free_pages[zone])
            return "the sums over low and high memory are wrong";
    }
    return NULL;
}
