/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control that is bad on purpose: worst fit. The largest free block serves, so that what is whole
 * is broken before what is broken is used up.
 */
#include "policy.h"

/* The first page of the largest block of the broken trees, if it is large enough. */
static size_t largest_broken(struct bsai_section *s, unsigned least)
{
    for (unsigned bound = BSAI_TREE_TOP + 1; bound-- > least;) {
        for (unsigned use = 0; use < BSAI_USES; use++) {
            while ((s->partial_mask[use] >> bound & 1) != 0) {
                size_t index = s->partial[use][bound];
                unsigned page = bsai_tree_find(&s->trees[index], bound);
                if (page != BSAI_TREE_NONE)
                    return bsai_page_of(s, index, page);
                int less = bsai_tree_largest(&s->trees[index], (int)bound - 1);
                bsai_tree_lower_bound(s, index, (unsigned)less);
            }
        }
    }
    return BSAI_NO_PAGE;
}

size_t bsai_section_search_block(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                                 unsigned align, enum bsai_use use)
{
    unsigned order = bsai_block_order(n, align), whole = bsai_log2(s->whole_mask | 1);
    size_t page = BSAI_NO_PAGE;
    if (s->whole_mask != 0 && BSAI_GROUP_SHIFT + whole >= order)
        page = bsai_page_of(s, s->whole[whole], 0);
    else if (order < BSAI_GROUP_SHIFT)
        page = largest_broken(s, order);
    if (page == BSAI_NO_PAGE)
        return policy_library_search_block(b, s, n, align, use);
    bsai_range_claim(s, page, n, use);
    return page;
}
