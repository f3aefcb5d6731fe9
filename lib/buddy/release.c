/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up the contents of free pages, so that whoever lent the memory can use it for something
 * else until it is touched again: a program's operating system, a guest's hypervisor.
 *
 * A row of free pages is withdrawn while the hook has it, with no lock held, and comes back marked.
 * A row lies in one broken tree or is made of whole trees. How fine the marks are is in blocks.h.
 */
#include "blocks.h"

/* Most trees in a row: what others cannot have while the hook works. */
enum { TREES_MAX = 16 };

/* Free pages that were not released since they were last used. */
struct row {
    struct bsai_section *section;
    size_t page;
    size_t n;
};

/* Free trees from one on that were not released, up to `most`. */
static size_t used_trees(const struct bsai_section *s, size_t tree, size_t most)
{
    size_t n = 0, end = tree; /* of the free block that tree + n is in */
    while (n < most && tree + n < bsai_trees(s) && !bsai_group_released(s, tree + n)) {
        if (tree + n == end) {
            size_t head = bsai_upper_head(s, end);
            if (head == BSAI_NO_TREE)
                break;
            end = head + ((size_t)1 << s->trees[head].order);
        }
        n++;
    }
    return n;
}

/* The next row of at least n pages at or behind row->page in its section. */
static bool next_in_section(const struct bsa_buddy *b, struct row *row, size_t n)
{
    const struct bsai_section *s = row->section;
    size_t tree = bsai_tree_index(s, row->page) >> BSAI_GROUP_SHIFT;
    unsigned from = bsai_tree_index(s, row->page) & (BSAI_GROUP_PAGES - 1);
    while (tree < bsai_trees(s)) {
        size_t begin = tree << BSAI_GROUP_SHIFT;
        size_t whole = 0;
        unsigned low, high;
        bsai_steps(b, 1);
        if (bsai_group_code(s, tree) != BSAI_GROUP_BROKEN) {
            whole = used_trees(s, tree, TREES_MAX);
            row->page = begin - s->map.lead;
            row->n = whole << BSAI_GROUP_SHIFT;
            if (whole != 0 && row->n >= n)
                return true;
        } else if (bsai_tree_next_used(&s->trees[tree], from, (unsigned)n, &low, &high)) {
            row->page = begin + low - s->map.lead;
            row->n = high - low;
            return true;
        }
        tree += whole != 0 ? whole : 1;
        from = 0;
    }
    return false;
}

static bool next_row(const struct bsa_buddy *b, struct row *row, size_t n)
{
    while (!next_in_section(b, row, n)) {
        row->section = row->section->next;
        row->page = 0;
        if (row->section == NULL)
            return false;
    }
    return true;
}

static void withdraw(struct bsa_buddy *b, const struct row *row)
{
    struct bsai_section *s = row->section;
    bsai_range_claim(s, row->page, row->n, BSAI_USE_PAGES);
    bsai_count_taken(b, s, row->n);
    bsai_count_withdrawn(b, s, row->n);
    bsai_group_make_ready(s, bsai_map_group(&s->map, row->page));
    bsai_poke(&s->map.hot[row->page], bsai_word_run(BSAI_PAGE_RESERVED, row->n));
    s->lent_pages += row->n; /* so the section stays */
}

static void put_back(struct bsa_buddy *b, const struct row *row)
{
    struct bsai_section *s = row->section;
    s->lent_pages -= row->n;
    bsai_poke(&s->map.hot[row->page], (uint32_t)BSAI_PAGE_NONE);
    bsai_count_returned(b, s, row->n);
    bsai_range_release_idle(s, row->page, row->n);
    bsai_count_freed(b, s, row->n);
}

size_t bsai_buddy_release(struct bsa_buddy *b, size_t min_bytes,
                          void (*release)(void *ctx, void *addr, size_t bytes), void *ctx)
{
    const size_t most = (size_t)TREES_MAX << BSAI_GROUP_SHIFT;
    struct bsai_call call;
    size_t pages = min_bytes == 0 ? 1 : ((min_bytes - 1) >> b->page_shift) + 1;
    size_t released = 0;
    bsai_call_begin(&call, &b->platform);
    bsai_enter(&call);
    bsai_buddy_lock(b, &call);
    struct row row = {.section = b->first};
    while (next_row(b, &row, pages < most ? pages : most)) {
        withdraw(b, &row);
        bsai_buddy_unlock(b, &call);
        bsai_leave(&call);
        release(ctx, (void *)bsai_map_addr(&row.section->map, row.page), row.n << b->page_shift);
        released += row.n;
        bsai_enter(&call);
        bsai_buddy_lock(b, &call);
        put_back(b, &row);
        row.page += row.n;
    }
    bsai_buddy_unlock(b, &call);
    bsai_leave(&call);
    return released << b->page_shift;
}
