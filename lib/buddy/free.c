/* SPDX-License-Identifier: Apache-2.0 */
/* Giving runs of pages back, whole or in part, and letting them grow where they are. */
#include "blocks.h"

void bsai_count_freed(struct bsa_buddy *b, struct bsai_section *s, size_t n)
{
    size_t *free = &b->free_pages[s->zone];
    s->free_pages += n;
    bsai_poke(free, *free + n);
    bsai_section_rebound(b, s);
}

static void give_locked(struct bsa_buddy *b, struct bsai_section *s, size_t page, size_t count)
{
    bsai_poke(&s->map.hot[page], (uint32_t)BSAI_PAGE_NONE);
    bsai_range_release(s, page, count);
    bsai_count_freed(b, s, count);
}

void bsai_buddy_give(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, size_t count)
{
    bsai_buddy_lock(b, call);
    give_locked(b, section, page, count);
    bsai_buddy_unlock(b, call);
}

bool bsai_buddy_give_block(struct bsa_buddy *b, struct bsai_call *call,
                           struct bsai_section *section, size_t page, size_t count)
{
    bsai_buddy_lock(b, call);
    bool live = bsai_peek(&section->map.hot[page]) == bsai_word_run(BSAI_PAGE_BLOCK, count);
    if (live)
        give_locked(b, section, page, count);
    bsai_buddy_unlock(b, call);
    return live;
}

void bsai_buddy_give_batch(struct bsa_buddy *b, struct bsai_call *call,
                           const struct bsai_block *blocks, size_t n, size_t pages)
{
    struct bsai_section *s = NULL;
    bsai_buddy_lock(b, call);
    for (size_t i = 0; i < n; i++) {
        size_t page;
        s = bsai_section_near(b, s, (uintptr_t)blocks[i].start, &page);
        bsai_assert(s != NULL);
        give_locked(b, s, page, pages);
    }
    bsai_buddy_unlock(b, call);
}

/* Pages of a block, by its word. */
static size_t pages_of(uint32_t word)
{
    return bsai_word_count(bsai_word_unheld(word));
}

/* A live block's word is another one now; false when it is not what it was any more. */
static bool recount(struct bsai_section *s, size_t page, uint32_t from, uint32_t to)
{
    return bsai_word_claim(&s->map.hot[page], &from, to);
}

bool bsai_buddy_shrink(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                       size_t page, uint32_t from, uint32_t to)
{
    size_t kept = pages_of(to), less = pages_of(from) - kept;
    bsai_assert(kept > 0 && kept < pages_of(from));
    bsai_buddy_lock(b, call);
    bool shrunk = recount(section, page, from, to);
    if (shrunk) {
        bsai_range_release(section, page + kept, less);
        bsai_count_freed(b, section, less);
    }
    bsai_buddy_unlock(b, call);
    return shrunk;
}

bool bsai_buddy_grow(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, uint32_t from, uint32_t to)
{
    size_t had = pages_of(from), more = pages_of(to) - had;
    bsai_assert(pages_of(to) > had);
    if (pages_of(to) > section->map.pages - page)
        return false;
    bsai_buddy_lock(b, call);
    bool grown = (section->zone == BSAI_ZONE_HIGH || bsai_low_allowed(b, more)) &&
                 bsai_range_is_free(section, page + had, more) && recount(section, page, from, to);
    if (grown) {
        bsai_range_claim(section, page + had, more, BSAI_USE_PAGES);
        bsai_count_taken(b, section, more);
    }
    bsai_buddy_unlock(b, call);
    return grown;
}
