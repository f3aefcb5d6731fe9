/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain LIFO: the binary buddy of the textbooks (Knuth, TAOCP 1, 2.5). Of the smallest order that
 * suffices the block is taken that came last to its free list. Blocks come to a list when they
 * are freed, merged, or left over from one that was split.
 *
 * There are no lists, only the times when blocks came; a search looks at all blocks. Slow, and for
 * one section and one thread at a time, as bsa-replay has them.
 */
#include <stdlib.h>

#include "policy.h"

enum { MOST_PAGES = 1 << 22 };

/* When the free block that begins at a page, counted from tree 0, came about. */
static uint64_t came[MOST_PAGES];
static uint64_t now;

/* A free block as a binary buddy has it: naturally aligned, and its buddy is not free. */
struct block {
    size_t page;
    unsigned order;
};

typedef void (*visit)(const struct block *block, void *data);

/* A row of free pages of a broken tree is cut where its addresses are aligned. */
static void visit_broken(const struct bsai_tree *tree, size_t first, visit look, void *data)
{
    unsigned page = 0, low, high;
    while (page < BSAI_GROUP_PAGES) {
        if (!bsai_tree_is_free(tree, page)) {
            page++;
            continue;
        }
        for (bsai_tree_around(tree, page, &low, &high); page < high;) {
            unsigned most = bsai_log2(high - page);
            unsigned aligned = page == 0 ? most : bsai_ctz32(page);
            struct block block = {first + page, aligned < most ? aligned : most};
            look(&block, data);
            page += 1u << block.order;
        }
    }
}

static void visit_trees(const struct bsai_section *s, size_t from, size_t to, visit look,
                        void *data)
{
    for (size_t index = from; index < to;) {
        size_t step = 1;
        enum bsai_group_code code = bsai_group_code(s, index);
        if (code == BSAI_GROUP_FREE) {
            struct block block = {index << BSAI_GROUP_SHIFT,
                                  BSAI_GROUP_SHIFT + s->trees[index].order};
            step = (size_t)1 << s->trees[index].order;
            look(&block, data);
        } else if (code == BSAI_GROUP_BROKEN && s->trees[index].free_pages != 0) {
            visit_broken(&s->trees[index], index << BSAI_GROUP_SHIFT, look, data);
        }
        index += step;
    }
}

struct choice {
    unsigned least; /* order asked for */
    bool found;
    struct block block;
};

static void consider(const struct block *block, void *data)
{
    struct choice *best = data;
    bool better = !best->found || block->order < best->block.order ||
                  (block->order == best->block.order && came[block->page] > came[best->block.page]);
    if (block->order >= best->least && better) {
        best->found = true;
        best->block = *block;
    }
}

struct range {
    size_t from, to;
};

static void note(const struct block *block, void *data)
{
    const struct range *range = data;
    if (block->page < range->to && block->page + ((size_t)1 << block->order) > range->from)
        came[block->page] = ++now;
}

/* Blocks that touch [from, to) have come about just now. */
static void note_range(const struct bsai_section *s, size_t from, size_t to)
{
    struct range range = {from, to};
    size_t first = from >> BSAI_GROUP_SHIFT;
    size_t head =
        bsai_group_code(s, first) == BSAI_GROUP_INSIDE ? bsai_upper_head(s, first) : first;
    if (head != BSAI_NO_TREE)
        first = head;
    visit_trees(s, first, ((to - 1) >> BSAI_GROUP_SHIFT) + 1, note, &range);
}

size_t bsai_section_search_block(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                                 unsigned align, enum bsai_use use)
{
    struct choice best = {.least = bsai_block_order(n, align)};
    if (s->map.lead + s->map.pages > MOST_PAGES || s->next != s->prev)
        abort();
    visit_trees(s, 0, bsai_trees(s), consider, &best);
    if (!best.found)
        return policy_library_search_block(b, s, n, align, use);
    size_t first = best.block.page, end = first + ((size_t)1 << best.block.order);
    bsai_range_claim(s, first - s->map.lead, n, use);
    if (first + n < end)
        note_range(s, first + n, end);
    return first - s->map.lead;
}

/* The linker's --wrap sends frees this way. */
void __real_bsai_range_release(struct bsai_section *s, size_t page, size_t n);
void __wrap_bsai_range_release(struct bsai_section *s, size_t page, size_t n);

void __wrap_bsai_range_release(struct bsai_section *s, size_t page, size_t n)
{
    __real_bsai_range_release(s, page, n);
    note_range(s, bsai_tree_index(s, page), bsai_tree_index(s, page) + n);
}
