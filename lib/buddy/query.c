/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and counts over all sections. */
#include "blocks.h"

size_t bsai_buddy_free_pages(const struct bsa_buddy *b)
{
    size_t sum = 0;
    for (const struct bsai_section *s = bsai_consume(&b->first); s != NULL;
         s = bsai_consume(&s->next))
        sum += bsai_peek(&s->free_pages);
    return sum;
}

size_t bsai_buddy_total_pages(const struct bsa_buddy *b)
{
    size_t sum = 0;
    for (const struct bsai_section *s = bsai_consume(&b->first); s != NULL;
         s = bsai_consume(&s->next))
        sum += bsai_peek(&s->total_pages);
    return sum;
}

const struct bsai_section *bsai_buddy_shown(const struct bsa_buddy *b, size_t index)
{
    const struct bsai_section *s = bsai_consume(&b->first);
    for (; s != NULL; s = bsai_consume(&s->next)) {
        if (s->second_part)
            continue;
        if (index == 0)
            return s;
        index--;
    }
    return NULL;
}

void bsai_section_describe(const struct bsai_section *section, struct bsa_section_info *info)
{
    const struct bsai_section *high = section->other_part;
    size_t pages = section->map.pages + (high != NULL ? high->map.pages : 0);
    info->size = sizeof(*info);
    info->start = (void *)section->map.start;
    info->bytes = pages << section->map.page_shift;
    info->free_pages = bsai_peek(&section->free_pages);
    info->total_pages = bsai_peek(&section->total_pages);
    if (high != NULL) {
        info->free_pages += bsai_peek(&high->free_pages);
        info->total_pages += bsai_peek(&high->total_pages);
    }
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
            for (; tree != BSAI_NO_TREE; tree = s->trees[tree].next)
                bsai_tree_count_blocks(&s->trees[tree], small);
        }
    }
    for (unsigned order = 0; order < BSAI_TREE_LEVELS; order++)
        add_blocks(counts, count, order, small[order]);
    for (unsigned order = 0; order < BSAI_UPPER_ORDERS; order++) {
        size_t n = 0;
        uint32_t tree = s->whole[order];
        for (; tree != BSAI_NO_TREE; tree = s->trees[tree].next)
            n++;
        add_blocks(counts, count, BSAI_GROUP_SHIFT + order, n);
    }
}

void bsai_buddy_count_blocks(const struct bsa_buddy *b, struct bsai_call *call, size_t *counts,
                             size_t count)
{
    bsai_memset(counts, 0, count * sizeof(counts[0]));
    if (count == 0)
        return;
    for (struct bsai_section *s = bsai_consume(&b->first); s != NULL; s = bsai_consume(&s->next)) {
        bsai_lock_take(&s->lock, BSAI_RANK_SECTION, call);
        count_section(s, counts, count);
        bsai_lock_drop(&s->lock, BSAI_RANK_SECTION, call);
    }
}

void bsai_buddy_lock_all(struct bsa_buddy *b, struct bsai_call *call)
{
    struct bsai_section *s = bsai_consume(&b->first);
    struct bsai_section *last = s;
    bsai_lock_take(&s->lock, BSAI_RANK_SECTION, call);
    while ((s = bsai_consume(&s->next)) != NULL) {
        bsai_lock_also(&s->lock, BSAI_RANK_SECTION, call);
        last = s;
    }
    b->locked_last = last; /* a region added from here on is not among them */
}

void bsai_buddy_unlock_all(struct bsa_buddy *b, struct bsai_call *call)
{
    const struct bsai_section *last = b->locked_last;
    struct bsai_section *first = bsai_consume(&b->first);
    for (struct bsai_section *s = first; s != last;) {
        s = bsai_consume(&s->next);
        bsai_lock_drop(&s->lock, BSAI_RANK_SECTION, call);
    }
    bsai_lock_drop(&first->lock, BSAI_RANK_SECTION, call);
}
