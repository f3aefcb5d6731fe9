/* SPDX-License-Identifier: Apache-2.0 */
/* What the user can ask about sections and free blocks. */
#include "blocks.h"

static const struct bsai_section *shown(const struct bsa_buddy *b, size_t index)
{
    for (const struct bsai_section *s = b->first; s != NULL; s = s->next) {
        if (!s->second_part && index-- == 0)
            return s;
    }
    return NULL;
}

bool bsai_buddy_describe(const struct bsa_buddy *b, struct bsai_call *call, size_t index,
                         struct bsa_section_info *info)
{
    bsai_buddy_lock(b, call);
    const struct bsai_section *s = shown(b, index);
    if (s != NULL) {
        info->start = (void *)s->map.start;
        info->bytes = s->map.pages << b->page_shift;
        info->free_pages = s->free_pages;
        info->total_pages = s->total_pages;
        info->low_bytes = s->zone == BSAI_ZONE_LOW ? info->bytes : 0;
        info->low_free_pages = s->zone == BSAI_ZONE_LOW ? s->free_pages : 0;
        if (s->other_part != NULL) { /* it lies above 4 GiB */
            info->bytes += s->other_part->map.pages << b->page_shift;
            info->free_pages += s->other_part->free_pages;
            info->total_pages += s->other_part->total_pages;
        }
    }
    bsai_buddy_unlock(b, call);
    return s != NULL;
}

/* Adds n blocks of an order to counts, as several smaller ones where that ends before. */
static void add_blocks(size_t *counts, size_t count, unsigned order, size_t n)
{
    size_t top = count - 1 < BSA_MAX_ORDER ? count - 1 : BSA_MAX_ORDER;
    if (order > top)
        counts[top] += n << (order - top);
    else
        counts[order] += n;
}

static void count_section(const struct bsai_section *s, size_t *counts, size_t count)
{
    size_t small[BSAI_TREE_LEVELS] = {0};
    for (unsigned use = 0; use < BSAI_USES; use++) {
        for (unsigned bound = 0; bound < BSAI_TREE_LEVELS; bound++) {
            uint32_t tree = s->partial[use][bound];
            for (; tree != BSAI_NO_TREE; tree = bsai_next_tree(s, BSAI_TREES_FREE, tree))
                bsai_tree_count_blocks(&s->trees[tree], small);
        }
    }
    for (unsigned order = 0; order < BSAI_TREE_LEVELS; order++)
        add_blocks(counts, count, order, small[order]);
    for (unsigned order = 0; order < BSAI_UPPER_ORDERS; order++) {
        size_t n = 0;
        uint32_t tree = s->whole[order];
        for (; tree != BSAI_NO_TREE; tree = bsai_next_tree(s, BSAI_TREES_FREE, tree))
            n++;
        add_blocks(counts, count, BSAI_GROUP_SHIFT + order, n);
    }
}

void bsai_buddy_count_blocks(const struct bsa_buddy *b, struct bsai_call *call, size_t *counts,
                             size_t count)
{
    bsai_memset(counts, 0, count * sizeof(counts[0]));
    bsai_buddy_lock(b, call);
    for (const struct bsai_section *s = b->first; s != NULL; s = s->next)
        count_section(s, counts, count);
    bsai_buddy_unlock(b, call);
}
