/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking runs of pages: which section serves.
 *
 * Sections above 4 GiB are asked first, in order of registration, then those below as far as the
 * reserve allows. The hint of a zone leads past its first sections that have no page left.
 */
#include "blocks.h"

struct request {
    size_t pages;
    unsigned align; /* log2, in pages */
    enum bsai_use use;
    enum bsai_page_kind kind;
};

bool bsai_low_allowed(const struct bsa_buddy *b, size_t n)
{
    size_t free = bsai_peek(&b->low_free);
    return free >= n && free - n >= bsai_peek(&b->low_reserve);
}

void bsai_count_taken(struct bsa_buddy *b, struct bsai_section *s, size_t n)
{
    size_t *free = s->zone == BSAI_ZONE_LOW ? &b->low_free : &b->high_free;
    s->free_pages -= n;
    bsai_poke(free, *free - n);
    if (s->free_pages == 0 && b->hint[s->zone] == s) {
        struct bsai_section *next = s->next;
        while (next != NULL && (next->zone != s->zone || next->free_pages == 0))
            next = next->next;
        b->hint[s->zone] = next;
    }
}

/* One run; NULL when the section has none. */
static void *take_one(struct bsa_buddy *b, struct bsai_section *s, const struct request *r)
{
    size_t page = bsai_section_search(b, s, r->pages, r->align, r->use);
    if (page == BSAI_NO_PAGE)
        return NULL;
    bsai_group_make_ready(s, bsai_map_group(&s->map, page));
    bsai_poke(&s->map.hot[page], bsai_word_run(r->kind, r->pages));
    bsai_count_taken(b, s, r->pages);
    return (void *)bsai_map_addr(&s->map, page);
}

void *bsai_take_in(struct bsa_buddy *b, struct bsai_section *s, size_t n, unsigned align,
                   enum bsai_page_kind kind)
{
    struct request r = {.pages = n, .align = align, .use = BSAI_USE_PAGES, .kind = kind};
    return s->free_pages < n ? NULL : take_one(b, s, &r);
}

/* Up to n runs from one section; how many. */
static size_t take_from(struct bsa_buddy *b, struct bsai_section *s, const struct request *r,
                        bool spare_reserve, size_t n, void **out)
{
    size_t got = 0;
    bsai_steps(b, 1);
    while (got < n && s->free_pages >= r->pages &&
           (!spare_reserve || bsai_low_allowed(b, r->pages))) {
        void *p = take_one(b, s, r);
        if (p == NULL)
            break;
        bsai_poke(&out[got], p); /* a CPU's page list: read anywhere */
        got++;
    }
    return got;
}

static size_t take_in_zone(struct bsa_buddy *b, enum bsai_zone zone, const struct request *r,
                           bool spare_reserve, size_t n, void **out)
{
    size_t got = 0;
    for (struct bsai_section *s = b->hint[zone]; s != NULL && got < n; s = s->next) {
        if (s->zone == zone)
            got += take_from(b, s, r, spare_reserve, n - got, out + got);
    }
    return got;
}

static size_t take(struct bsa_buddy *b, const struct request *r, bool low, size_t n, void **out)
{
    size_t got = 0;
    if (!low && bsai_peek(&b->high_total) != 0)
        got = take_in_zone(b, BSAI_ZONE_HIGH, r, false, n, out);
    if (got == 0 && bsai_peek(&b->low_total) != 0 && (low || bsai_low_allowed(b, r->pages)))
        got = take_in_zone(b, BSAI_ZONE_LOW, r, !low, n, out);
    return got;
}

void *bsai_buddy_take(struct bsa_buddy *b, struct bsai_call *call, size_t pages, size_t align,
                      bool low, enum bsai_use use, enum bsai_page_kind kind)
{
    void *p = NULL;
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
    take(b, &r, low, 1, &p);
    bsai_buddy_unlock(b, call);
    return p;
}

size_t bsai_buddy_take_batch(struct bsa_buddy *b, struct bsai_call *call, unsigned order, size_t n,
                             enum bsai_use use, enum bsai_page_kind kind, void **out)
{
    struct request r = {.pages = (size_t)1 << order, .align = 0, .use = use, .kind = kind};
    bool low = bsai_peek(&b->high_total) == 0;
    enum bsai_zone zone = low ? BSAI_ZONE_LOW : BSAI_ZONE_HIGH;
    bsai_buddy_lock(b, call);
    size_t got = take_in_zone(b, zone, &r, false, n, out);
    bsai_buddy_unlock(b, call);
    return got;
}
