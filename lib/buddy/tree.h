/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bitmap of one tree: 512 pages, bit set where a page is free.
 *
 * There is no order structure inside a tree. That 2^k aligned pages are free is read off the words:
 * x & x >> 1 leaves a bit where two free pages begin, that & itself >> 2 where four do, and so on;
 * a mask keeps the aligned ones. To free is to set bits, and buddies merge by being set.
 */
#ifndef BSAI_TREE_H
#define BSAI_TREE_H

#include "../base/arith.h"
#include "../section/section.h"

enum {
    BSAI_TREE_WORDS = BSAI_GROUP_PAGES / 64,
    BSAI_TREE_NONE = BSAI_GROUP_PAGES,   /* no such page */
    BSAI_TREE_TOP = BSAI_TREE_LEVELS - 2 /* largest order in a tree that is not wholly free */
};

/* First page of a free block of 2^order pages, naturally aligned: the first one whose buddy is not
 * free in the first word that has such a one, else the first of all. BSAI_TREE_NONE: there is none.
 */
unsigned bsai_tree_find(const struct bsai_tree *tree, unsigned order);

/* First of n free pages in a row at a multiple of 2^align, wherever they lie; 1 <= n <= 512. */
unsigned bsai_tree_find_run(const struct bsai_tree *tree, unsigned n, unsigned align);

/* The largest order, at most `most`, of which there is a free block; -1 when not even a page. */
int bsai_tree_largest(const struct bsai_tree *tree, int most);

/* The largest order above `bound` of a free block that meets [page, page + n), or bound. */
unsigned bsai_tree_grown(const struct bsai_tree *tree, unsigned page, unsigned n, unsigned bound);

bool bsai_tree_all_free(const struct bsai_tree *tree, unsigned page, unsigned n);
bool bsai_tree_all_taken(const struct bsai_tree *tree, unsigned page, unsigned n);

/* The free pages [*low, *high) in a row around a free page. */
void bsai_tree_around(const struct bsai_tree *tree, unsigned page, unsigned *low, unsigned *high);

void bsai_tree_set(struct bsai_tree *tree, unsigned page, unsigned n);
void bsai_tree_clear(struct bsai_tree *tree, unsigned page, unsigned n);

/* Marks those of the pages that are free as released, and takes the mark from all: how many pages
 * changed. */
unsigned bsai_tree_set_idle(struct bsai_tree *tree, unsigned page, unsigned n);
unsigned bsai_tree_clear_idle(struct bsai_tree *tree, unsigned page, unsigned n);

/* The first row of at least n free pages from a page on that were not released: its first page and
 * the one behind it; false when there is none. */
bool bsai_tree_next_used(const struct bsai_tree *tree, unsigned page, unsigned n, unsigned *low,
                         unsigned *high);

unsigned bsai_tree_count(const struct bsai_tree *tree);

/* Adds to counts[0 .. BSAI_TREE_LEVELS) the free blocks of each order that lie in no larger one. */
void bsai_tree_count_blocks(const struct bsai_tree *tree, size_t *counts);

static inline bool bsai_tree_is_free(const struct bsai_tree *tree, unsigned page)
{
    return (tree->free[page / 64] >> (page % 64) & 1) != 0;
}

#endif
