/* SPDX-License-Identifier: Apache-2.0 */
/* Withdrawing pages for good. */
#include "blocks.h"

void bsai_count_withdrawn(struct bsa_buddy *b, struct bsai_section *s, size_t n)
{
    size_t *total = &b->total_pages[s->zone];
    s->total_pages -= n;
    bsai_poke(total, *total - n);
    bsai_set_low_reserve(b);
}

void bsai_count_returned(struct bsa_buddy *b, struct bsai_section *s, size_t n)
{
    bsai_count_withdrawn(b, s, 0 - n);
}

/* The pages of an address range that lie in one section. */
struct part {
    struct bsai_section *section;
    size_t page;
    size_t n;
};

static void withdraw_locked(struct bsa_buddy *b, const struct part *part)
{
    struct bsai_section *s = part->section;
    bsai_range_claim(s, part->page, part->n, BSAI_USE_PAGES);
    bsai_count_taken(b, s, part->n);
    bsai_count_withdrawn(b, s, part->n);
    for (size_t done = 0; done < part->n;) {
        /* Heads lie where a tree begins, as far as the range does not end before. */
        size_t page = part->page + done;
        size_t left = part->n - done;
        size_t most = BSAI_COUNT_MAX & ~(size_t)(BSAI_GROUP_PAGES - 1);
        size_t n = left <= most ? left : most - (bsai_tree_index(s, page) & (BSAI_GROUP_PAGES - 1));
        bsai_group_make_ready(s, bsai_map_group(&s->map, page));
        bsai_poke(&s->map.hot[page], bsai_word_run(BSAI_PAGE_RESERVED, n));
        done += n;
    }
}

/* Cuts pages [first, last], absolute numbers, at the border of a straddling region's two sections.
 */
static size_t find_parts(const struct bsa_buddy *b, size_t first, size_t last, struct part parts[2])
{
    size_t n = 0;
    size_t page = 0;
    for (size_t from = first; from <= last;) {
        struct bsai_section *s = bsai_section_find(b, (uintptr_t)from << b->page_shift, &page);
        if (s == NULL || (n == 1 && parts[0].section->other_part != s))
            return 0;
        size_t here = s->map.pages - page;
        if (here > last - from + 1)
            here = last - from + 1;
        parts[n++] = (struct part){.section = s, .page = page, .n = here};
        from += here;
        if (n == 2 && from <= last)
            return 0;
    }
    return n;
}

enum bsa_status bsai_buddy_withdraw(struct bsa_buddy *b, struct bsai_call *call, void *addr,
                                    size_t bytes)
{
    uintptr_t start = (uintptr_t)addr;
    uintptr_t end_byte;
    struct part parts[2];
    if (bytes == 0)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, addr, "reserve of no bytes");
    if (!bsai_add(start, bytes - 1, &end_byte))
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, addr,
                           "reserve of a range beyond the end of the address space");
    bsai_buddy_lock(b, call);
    size_t n = find_parts(b, start >> b->page_shift, end_byte >> b->page_shift, parts);
    bool all_free = true;
    for (size_t i = 0; i < n; i++)
        all_free = all_free && bsai_range_is_free(parts[i].section, parts[i].page, parts[i].n);
    for (size_t i = 0; all_free && i < n; i++)
        withdraw_locked(b, &parts[i]);
    bsai_buddy_unlock(b, call);
    return n == 0 ? BSA_ERR_NOT_FOUND : all_free ? BSA_OK : BSA_ERR_MEMORY_OVERLAP;
}
