/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken trees by the length of their longest row of free pages, for requests whose count is no
 * power of two. Such a request takes no aligned block, of which it would leave a piece, but goes to
 * the tree whose longest row is the shortest that suffices, and breaks a whole tree only where no
 * broken one has room: best fit, tree by tree (Wilson et al. 1995), keeps long rows long.
 *
 * The length is a bound, as a tree's order is: lowered when a look proves it wrong and raised by
 * frees, so that a look in vain is paid for by an allocation that made the bound stale.
 */
#include "blocks.h"

/* Trees of a list that are looked at: in the first one all rows may be a little too short. */
enum { LOOKS = 8 };

void bsai_rows_enter(struct bsai_section *s, size_t index, unsigned row)
{
    struct bsai_tree *tree = &s->trees[index];
    unsigned list = bsai_rows_list(row);
    tree->row = (uint16_t)row;
    bsai_tree_enlist(s, BSAI_TREES_BY_ROW, &s->rows[tree->use][list], index);
    s->rows_mask[tree->use] |= 1u << list;
}

void bsai_rows_leave(struct bsai_section *s, size_t index)
{
    const struct bsai_tree *tree = &s->trees[index];
    unsigned list = bsai_rows_list(tree->row);
    uint32_t *head = &s->rows[tree->use][list];
    bsai_tree_unlist(s, BSAI_TREES_BY_ROW, head, index);
    if (*head == BSAI_NO_TREE)
        s->rows_mask[tree->use] &= ~(1u << list);
}

static void set_row(struct bsai_section *s, size_t index, unsigned row)
{
    struct bsai_tree *tree = &s->trees[index];
    if (bsai_rows_list(row) == bsai_rows_list(tree->row)) {
        tree->row = (uint16_t)row;
        return;
    }
    bsai_rows_leave(s, index);
    bsai_rows_enter(s, index, row);
}

void bsai_rows_grown(struct bsai_section *s, size_t index, unsigned row)
{
    if (row > s->trees[index].row)
        set_row(s, index, row);
}

size_t bsai_rows_take(const struct bsa_buddy *b, struct bsai_section *s, unsigned use, unsigned n)
{
    unsigned first = bsai_rows_list(n);
    for (uint32_t mask = s->rows_mask[use] >> first << first; mask != 0; mask &= mask - 1) {
        uint32_t next, index = s->rows[use][bsai_ctz32(mask)];
        for (unsigned looks = LOOKS; index != BSAI_NO_TREE && looks > 0; looks--, index = next) {
            next = bsai_next_tree(s, BSAI_TREES_BY_ROW, index);
            bsai_steps(b, 1);
            if (s->trees[index].row < n)
                continue;
            unsigned page = bsai_tree_find_run(&s->trees[index], n, 0);
            if (page != BSAI_TREE_NONE) {
                bsai_tree_claim(s, index, page, n);
                return bsai_page_of(s, index, page);
            }
            set_row(s, index, n - 1);
        }
    }
    return BSAI_NO_PAGE;
}
