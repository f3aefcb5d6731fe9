/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking runs of pages: which section serves.
 *
 * Sections above 4 GiB are asked first, then those below as far as the reserve allows. Among those
 * of a zone the first one registered that has a naturally aligned block serves, which its roster
 * tells at once. A row of pages that is no block is looked for only when no section has one.
 */
#include "blocks.h"

struct request {
    size_t pages;
    unsigned align; /* log2, in pages */
    enum bsai_use use;
    uint32_t kind;
};

bool bsai_low_allowed(const struct bsa_buddy *b, size_t n)
{
    size_t free = bsai_peek(&b->free_pages[BSAI_ZONE_LOW]);
    return free >= n && free - n >= bsai_peek(&b->low_reserve);
}

void bsai_count_taken(struct bsa_buddy *b, struct bsai_section *s, size_t n)
{
    size_t *free = &b->free_pages[s->zone];
    s->free_pages -= n;
    bsai_poke(free, *free - n);
    bsai_section_rebound(b, s);
}

/* The run that begins at a page, which has been claimed, gets its word. */
static bool found(struct bsa_buddy *b, struct bsai_section *s, const struct request *r, size_t page,
                  struct bsai_block *out)
{
    bsai_group_make_ready(s, bsai_map_group(&s->map, page));
    uint32_t *word = &s->map.hot[page];
    bsai_poke(word, bsai_word_run(r->kind, r->pages));
    bsai_count_taken(b, s, r->pages);
    bsai_poke(&out->start,
              (void *)bsai_map_addr(&s->map, page)); /* a CPU's page list: read anywhere */
    out->word = word;
    bsai_count(&b->taken, (size_t)1);
    return true;
}

static bool take_block(struct bsa_buddy *b, struct bsai_section *s, const struct request *r,
                       struct bsai_block *out)
{
    size_t page = bsai_section_search_block(b, s, r->pages, r->align, r->use);
    if (page != BSAI_NO_PAGE)
        return found(b, s, r, page, out);
    bsai_section_rebound(b, s); /* the search has found bounds that were too high */
    return false;
}

static bool take_row(struct bsa_buddy *b, struct bsai_section *s, const struct request *r,
                     struct bsai_block *out)
{
    size_t page = bsai_section_search_row(b, s, r->pages, r->align, r->use);
    return page != BSAI_NO_PAGE && found(b, s, r, page, out);
}

void *bsai_take_in(struct bsa_buddy *b, struct bsai_section *s, size_t n, enum bsai_page_kind kind)
{
    struct request r = {.pages = n, .align = 0, .use = BSAI_USE_PAGES, .kind = kind};
    struct bsai_block block;
    return take_block(b, s, &r, &block) || take_row(b, s, &r, &block) ? block.start : NULL;
}

/* The first section at or behind a slot that may have a block of an order; NULL: there is none. */
static struct bsai_section *next_section(const struct bsa_buddy *b, enum bsai_zone zone,
                                         size_t from, unsigned order)
{
    size_t slot = bsai_roster_next(&b->roster[zone], from, order + 1);
    bsai_steps(b, 1);
    return slot == BSAI_NO_SLOT ? NULL : b->roster[zone].slot[slot];
}

static size_t take_blocks(struct bsa_buddy *b, enum bsai_zone zone, const struct request *r,
                          bool spare_reserve, size_t n, struct bsai_block *out)
{
    unsigned order = bsai_block_order(r->pages, r->align);
    struct bsai_section *s = NULL;
    size_t got = 0;
    while (got < n && (!spare_reserve || bsai_low_allowed(b, r->pages))) {
        if (s == NULL && (s = next_section(b, zone, 0, order)) == NULL)
            break;
        if (take_block(b, s, r, &out[got]))
            got++;
        else
            s = NULL; /* its bound has been lowered: another one is next */
    }
    return got;
}

/* n pages in a row are no less than two blocks of this order and a page. */
static unsigned order_within(size_t n)
{
    return bsai_log2(n + 1) - 1;
}

static bool take_any_row(struct bsa_buddy *b, enum bsai_zone zone, const struct request *r,
                         bool spare_reserve, struct bsai_block *out)
{
    bool taken = false;
    if (bsai_block_order(r->pages, r->align) == 0 ||
        (spare_reserve && !bsai_low_allowed(b, r->pages)))
        return false;
    struct bsai_section *s = next_section(b, zone, 0, order_within(r->pages));
    for (; s != NULL && !taken; s = next_section(b, zone, s->slot + 1, order_within(r->pages)))
        taken = s->free_pages >= r->pages && take_row(b, s, r, out);
    return taken;
}

static size_t take_in_zone(struct bsa_buddy *b, enum bsai_zone zone, const struct request *r,
                           bool spare_reserve, size_t n, struct bsai_block *out)
{
    size_t got = take_blocks(b, zone, r, spare_reserve, n, out);
    while (got < n && take_any_row(b, zone, r, spare_reserve, &out[got]))
        got++;
    return got;
}

static size_t take(struct bsa_buddy *b, const struct request *r, bool low, size_t n,
                   struct bsai_block *out)
{
    size_t got = 0;
    if (!low && bsai_buddy_has_high(b))
        got = take_in_zone(b, BSAI_ZONE_HIGH, r, false, n, out);
    if (got == 0 && (low || bsai_low_allowed(b, r->pages)))
        got = take_in_zone(b, BSAI_ZONE_LOW, r, !low, n, out);
    return got;
}

void *bsai_buddy_take(struct bsa_buddy *b, struct bsai_call *call, size_t pages, size_t align,
                      bool low, enum bsai_use use, uint32_t kind)
{
    struct bsai_block block = {NULL, NULL};
    if (pages == 0 || pages > BSAI_COUNT_MAX)
        return NULL;
    unsigned shift = bsai_log2(align);
    struct request r = {
        .pages = pages,
        .align = shift > b->page_shift ? shift - b->page_shift : 0,
        .use = use,
        .kind = kind,
    };
    bsai_buddy_lock(b, call);
    take(b, &r, low, 1, &block);
    bsai_buddy_unlock(b, call);
    return block.start;
}

size_t bsai_buddy_take_batch(struct bsa_buddy *b, struct bsai_call *call, unsigned order, size_t n,
                             enum bsai_use use, uint32_t kind, struct bsai_block *out)
{
    struct request r = {.pages = (size_t)1 << order, .align = 0, .use = use, .kind = kind};
    enum bsai_zone zone = bsai_buddy_has_high(b) ? BSAI_ZONE_HIGH : BSAI_ZONE_LOW;
    bsai_buddy_lock(b, call);
    size_t got = take_in_zone(b, zone, &r, false, n, out);
    bsai_buddy_unlock(b, call);
    return got;
}
