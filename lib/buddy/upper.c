/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buddy of whole trees (Knowlton 1965). Blocks are aligned by absolute tree number; the buddy
 * of a block differs in one bit of that. Only the first tree of a free block is written, so that a
 * block of any size costs the same; a tree's membership follows from alignment.
 */
#include "blocks.h"

static void push(struct bsai_section *s, size_t head, unsigned order)
{
    s->trees[head].order = (uint8_t)order;
    bsai_tree_enlist(s, BSAI_TREES_FREE, &s->whole[order], head);
    s->whole_mask |= 1u << order;
    bsai_group_set_code(s, head, BSAI_GROUP_FREE);
}

static void pull(struct bsai_section *s, size_t head)
{
    unsigned order = s->trees[head].order;
    bsai_tree_unlist(s, BSAI_TREES_FREE, &s->whole[order], head);
    if (s->whole[order] == BSAI_NO_TREE)
        s->whole_mask &= ~(1u << order);
    bsai_group_set_code(s, head, BSAI_GROUP_INSIDE);
}

/* The tree where the buddy of a block would begin, or a number beyond the section. */
static size_t buddy_of(const struct bsai_section *s, size_t head, unsigned order)
{
    return ((s->first_tree + head) ^ (size_t)1 << order) - s->first_tree;
}

static void merge_in(struct bsai_section *s, size_t head, unsigned order)
{
    size_t trees = bsai_trees(s);
    while (order < BSAI_UPPER_ORDERS - 1) {
        size_t buddy = buddy_of(s, head, order);
        if (buddy >= trees || bsai_group_code(s, buddy) != BSAI_GROUP_FREE ||
            s->trees[buddy].order != order)
            break;
        pull(s, buddy);
        head = buddy < head ? buddy : head;
        order++;
    }
    push(s, head, order);
}

void bsai_upper_release(struct bsai_section *s, size_t first, size_t n)
{
    while (n > 0) {
        size_t number = s->first_tree + first;
        unsigned order = bsai_log2(n);
        if (order > BSAI_UPPER_ORDERS - 1)
            order = BSAI_UPPER_ORDERS - 1;
        if (number != 0 && bsai_ctz64(number) < order)
            order = bsai_ctz64(number);
        merge_in(s, first, order);
        first += (size_t)1 << order;
        n -= (size_t)1 << order;
    }
}

size_t bsai_upper_head(const struct bsai_section *s, size_t tree)
{
    size_t number = s->first_tree + tree;
    for (unsigned order = 0; order < BSAI_UPPER_ORDERS; order++) {
        size_t head = number & ~(((size_t)1 << order) - 1);
        if (head < s->first_tree)
            break;
        head -= s->first_tree;
        if (bsai_group_code(s, head) == BSAI_GROUP_FREE)
            return s->trees[head].order >= order ? head : BSAI_NO_TREE;
    }
    return BSAI_NO_TREE;
}

void bsai_upper_claim(struct bsai_section *s, size_t first, size_t n)
{
    while (n > 0) {
        size_t head = bsai_upper_head(s, first);
        bsai_assert(head != BSAI_NO_TREE);
        size_t end = head + ((size_t)1 << s->trees[head].order);
        size_t part = n < end - first ? n : end - first;
        pull(s, head);
        bsai_upper_release(s, head, first - head);
        bsai_upper_release(s, first + part, end - first - part);
        first += part;
        n -= part;
    }
}
