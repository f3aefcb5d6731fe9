/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The free pages of one section: broken trees by use and bound, whole trees by order. The buddy's
 * lock is held by the caller throughout.
 *
 * A group of 512 pages is, by its state byte,
 *
 *   BROKEN   told by its bitmap; on a list of its use and bound while a page of it is free
 *   FREE     the first of 2^order trees that are wholly free, on the list of that order
 *   INSIDE   a further one of these, or taken as a whole: no struct bsai_tree is valid, nothing was
 *            written for it
 *
 * A tree that is cut by the section's start or end is BROKEN for ever, so that only whole trees are
 * ever FREE or INSIDE. A tree becomes BROKEN when a part of it is claimed or released, and ceases
 * to be when its last page becomes free: then it merges with its buddies.
 *
 * What has been released to whom the memory belongs, and not been used since, is known page by page
 * in a broken tree, else tree by tree: a tree of which some pages were released is, when it becomes
 * wholly free, one that was not.
 *
 * Page numbers are the map's; "tree" is an index into section->trees.
 */
#ifndef BSAI_BLOCKS_H
#define BSAI_BLOCKS_H

#include "internal.h"
#include "tree.h"

#define BSAI_NO_PAGE SIZE_MAX

static inline enum bsai_group_code bsai_group_code(const struct bsai_section *s, size_t tree)
{
    unsigned flags = BSAI_GROUP_READY | BSAI_GROUP_RELEASED;
    return (enum bsai_group_code)(bsai_peek(&s->map.state[tree]) & ~flags);
}

static inline void bsai_group_set_code(struct bsai_section *s, size_t tree,
                                       enum bsai_group_code code)
{
    unsigned flags = BSAI_GROUP_READY | BSAI_GROUP_RELEASED;
    unsigned kept = bsai_peek(&s->map.state[tree]) & flags;
    bsai_poke(&s->map.state[tree], (uint8_t)(kept | code));
}

static inline bool bsai_group_released(const struct bsai_section *s, size_t tree)
{
    return (bsai_peek(&s->map.state[tree]) & BSAI_GROUP_RELEASED) != 0;
}

static inline void bsai_group_set_released(struct bsai_section *s, size_t tree, bool released)
{
    unsigned state = bsai_peek(&s->map.state[tree]) & ~(unsigned)BSAI_GROUP_RELEASED;
    bsai_poke(&s->map.state[tree], (uint8_t)(released ? state | BSAI_GROUP_RELEASED : state));
}

/* Number of a page counted from the start of tree 0, which may lie before the section. */
static inline size_t bsai_tree_index(const struct bsai_section *s, size_t page)
{
    return page + s->map.lead;
}

static inline size_t bsai_trees(const struct bsai_section *s)
{
    return bsai_map_groups(&s->map);
}

/* Number of a tree's page. */
static inline size_t bsai_page_of(const struct bsai_section *s, size_t tree, unsigned page)
{
    return (tree << BSAI_GROUP_SHIFT) + page - s->map.lead;
}

/* The pages of a tree that are the section's: [*low, *high) within the tree. */
void bsai_tree_span(const struct bsai_section *s, size_t tree, unsigned *low, unsigned *high);

/* Makes the hot words of a group valid. */
void bsai_group_make_ready(struct bsai_section *s, size_t tree);

/* Lists of trees. Each is known by its first tree, `head`. */

static inline uint32_t bsai_next_tree(const struct bsai_section *s, enum bsai_tree_list list,
                                      size_t tree)
{
    return s->trees[tree].link[list].next;
}

static inline void bsai_tree_enlist(struct bsai_section *s, enum bsai_tree_list list,
                                    uint32_t *head, size_t tree)
{
    s->trees[tree].link[list] = (struct bsai_tree_link){.next = *head, .prev = BSAI_NO_TREE};
    if (*head != BSAI_NO_TREE)
        s->trees[*head].link[list].prev = (uint32_t)tree;
    *head = (uint32_t)tree;
}

static inline void bsai_tree_unlist(struct bsai_section *s, enum bsai_tree_list list,
                                    uint32_t *head, size_t tree)
{
    struct bsai_tree_link link = s->trees[tree].link[list];
    if (link.next != BSAI_NO_TREE)
        s->trees[link.next].link[list].prev = link.prev;
    if (link.prev != BSAI_NO_TREE)
        s->trees[link.prev].link[list].next = link.next;
    else
        *head = link.next;
}

/* upper.c: whole trees -------------------------------------------------------------------------- */

/* Trees [first, first + n), all INSIDE and taken, become free. */
void bsai_upper_release(struct bsai_section *s, size_t first, size_t n);
/* Trees [first, first + n), all in free blocks, become INSIDE and taken. */
void bsai_upper_claim(struct bsai_section *s, size_t first, size_t n);
/* First tree of the free block that holds a tree; BSAI_NO_TREE when it is in none. */
size_t bsai_upper_head(const struct bsai_section *s, size_t tree);

/* range.c: runs of pages ------------------------------------------------------------------------ */

void bsai_range_claim(struct bsai_section *s, size_t page, size_t n, enum bsai_use use);
void bsai_range_release(struct bsai_section *s, size_t page, size_t n);
bool bsai_range_is_free(const struct bsai_section *s, size_t page, size_t n);
/* The same as bsai_range_release for pages whose contents have been given up meanwhile. */
void bsai_range_release_idle(struct bsai_section *s, size_t page, size_t n);
/* The same for pages within one broken tree. */
void bsai_tree_claim(struct bsai_section *s, size_t tree, unsigned page, unsigned n);
/* The tree's largest order was found to be less than it was thought to be. */
void bsai_tree_lower_bound(struct bsai_section *s, size_t tree, unsigned bound);
/* Takes a tree off the list of those that the memo does not speak of. */
void bsai_odd_remove(struct bsai_section *s, size_t tree);

/* A section's bound, as follows from its lists; and after whatever changes them. */
static inline unsigned bsai_section_bound(const struct bsai_section *s)
{
    uint32_t broken = s->partial_mask[BSAI_USE_PAGES] | s->partial_mask[BSAI_USE_SLABS];
    if (s->whole_mask != 0)
        return BSAI_GROUP_SHIFT + 32 - bsai_clz32(s->whole_mask);
    return broken != 0 ? 32 - bsai_clz32(broken) : 0;
}

static inline void bsai_section_rebound(struct bsa_buddy *b, struct bsai_section *s)
{
    unsigned bound = bsai_section_bound(s);
    if (bound != s->bound) {
        s->bound = bound;
        bsai_roster_set(&b->roster[s->zone], s->slot, bound);
    }
}

/* rows.c: broken trees by the length of their longest row --------------------------------------- */

/* The list of trees whose longest row has so many pages: two lists per doubling. */
static inline unsigned bsai_rows_list(unsigned row)
{
    unsigned log = bsai_log2(row);
    return log == 0 ? 0 : 2 * log + (row >> (log - 1) & 1);
}

/* A tree gets its first free pages, of which so many lie in a row; or its last one is taken. */
void bsai_rows_enter(struct bsai_section *s, size_t tree, unsigned row);
void bsai_rows_leave(struct bsai_section *s, size_t tree);
/* Pages of a tree have become free: so many lie in a row there now. */
void bsai_rows_grown(struct bsai_section *s, size_t tree, unsigned row);
/* Claims n pages of the tree of a use where they fit most tightly, n > 2; the first one's number,
 * or BSAI_NO_PAGE, which does not say that there are none: only so many trees are looked at. */
size_t bsai_rows_take(const struct bsa_buddy *b, struct bsai_section *s, unsigned use, unsigned n);

/* search.c -------------------------------------------------------------------------------------- */

/* Each claims n pages at a multiple of 2^align pages and returns the first one's number, or
 * BSAI_NO_PAGE: from a naturally aligned block, and where there is none, from any other row. */
size_t bsai_section_search_block(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                                 unsigned align, enum bsai_use use);
size_t bsai_section_search_row(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                               unsigned align, enum bsai_use use);
/* The order of such a block. */
unsigned bsai_block_order(size_t n, unsigned align);

/* owner.c --------------------------------------------------------------------------------------- */

/* The first page of the run that holds a page; BSAI_NO_PAGE when the page is in no run. */
size_t bsai_run_head(const struct bsa_buddy *b, const struct bsai_section *s, size_t page);
/* Pages from a run's head, whose word is given, that the head accounts for. */
size_t bsai_run_pages(uint32_t word);

/* alloc.c, free.c: the counters of a section and of the buddy. */
void bsai_count_taken(struct bsa_buddy *b, struct bsai_section *s, size_t n);
void bsai_count_freed(struct bsa_buddy *b, struct bsai_section *s, size_t n);
/* A run of n pages from a section, for the allocator's own use; NULL when it has none. */
void *bsai_take_in(struct bsa_buddy *b, struct bsai_section *s, size_t n, enum bsai_page_kind kind);
/* Ordinary requests may take n pages of low memory. */
bool bsai_low_allowed(const struct bsa_buddy *b, size_t n);
/* Pages that are no longer managed, and that are again. */
void bsai_count_withdrawn(struct bsa_buddy *b, struct bsai_section *s, size_t n);
void bsai_count_returned(struct bsa_buddy *b, struct bsai_section *s, size_t n);
/* After total_pages has changed. */
void bsai_set_low_reserve(struct bsa_buddy *b);

#endif
