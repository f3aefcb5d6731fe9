/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking runs of pages: which section serves.
 *
 * Sections above 4 GiB are asked first, in order of registration, then those below as far as the
 * reserve allows. The hint of a zone leads past its first sections that have no page left; it is
 * only a hint, so before memory is said to be missing the sections in front of it are asked as
 * well.
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
    bsai_poke(&s->free_pages, s->free_pages - n);
    if (s->zone == BSAI_ZONE_LOW)
        bsai_shared_uncount(&b->low_free, n);
}

/* One run, the section's lock held; NULL when the section has none. */
static void *take_locked(struct bsa_buddy *b, struct bsai_section *s, const struct request *r)
{
    size_t page = bsai_section_search(b, s, r->pages, r->align, r->use);
    if (page == BSAI_NO_PAGE)
        return NULL;
    bsai_group_make_ready(s, bsai_map_group(&s->map, page));
    bsai_poke(&s->map.hot[page], bsai_word_run(r->kind, r->pages));
    bsai_count_taken(b, s, r->pages);
    return (void *)bsai_map_addr(&s->map, page);
}

/* Up to n runs from one section; how many. */
static size_t take_from(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *s,
                        const struct request *r, bool spare_reserve, size_t n, void **out)
{
    size_t got = 0;
    bsai_steps(b, 1);
    if (bsai_peek(&s->free_pages) < r->pages)
        return 0;
    bsai_lock_take(&s->lock, BSAI_RANK_SECTION, call);
    while (got < n && s->free_pages >= r->pages &&
           (!spare_reserve || bsai_low_allowed(b, r->pages))) {
        void *p = take_locked(b, s, r);
        if (p == NULL)
            break;
        bsai_poke(&out[got], p); /* a CPU's page list: read anywhere */
        got++;
    }
    bsai_lock_drop(&s->lock, BSAI_RANK_SECTION, call);
    return got;
}

/* Asks the sections of a zone from `from` on, up to `until`. */
static size_t take_between(struct bsa_buddy *b, struct bsai_call *call, enum bsai_zone zone,
                           struct bsai_section *from, const struct bsai_section *until,
                           const struct request *r, bool spare_reserve, size_t n, void **out)
{
    size_t got = 0;
    bool all_full = true; /* so far */
    for (struct bsai_section *s = from; s != until && got < n; s = bsai_consume(&s->next)) {
        if (s->zone != zone)
            continue;
        if (all_full && bsai_peek(&s->free_pages) != 0) {
            all_full = false;
            if (s != from)
                bsai_publish(&b->hint[zone], s);
        }
        got += take_from(b, call, s, r, spare_reserve, n - got, out + got);
    }
    return got;
}

static size_t take_in_zone(struct bsa_buddy *b, struct bsai_call *call, enum bsai_zone zone,
                           const struct request *r, bool spare_reserve, size_t n, void **out)
{
    struct bsai_section *first = bsai_consume(&b->first);
    struct bsai_section *hint = bsai_consume(&b->hint[zone]);
    if (hint == NULL)
        return take_between(b, call, zone, first, NULL, r, spare_reserve, n, out);
    size_t got = take_between(b, call, zone, hint, NULL, r, spare_reserve, n, out);
    if (got == 0)
        got = take_between(b, call, zone, first, hint, r, spare_reserve, n, out);
    return got;
}

static size_t take(struct bsa_buddy *b, struct bsai_call *call, const struct request *r, bool low,
                   size_t n, void **out)
{
    size_t got = 0;
    if (!low && bsai_peek(&b->high_total) != 0)
        got = take_in_zone(b, call, BSAI_ZONE_HIGH, r, false, n, out);
    if (got == 0 && bsai_peek(&b->low_total) != 0 && (low || bsai_low_allowed(b, r->pages)))
        got = take_in_zone(b, call, BSAI_ZONE_LOW, r, !low, n, out);
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
    return take(b, call, &r, low, 1, &p) != 0 ? p : NULL;
}

size_t bsai_buddy_take_batch(struct bsa_buddy *b, struct bsai_call *call, unsigned order, size_t n,
                             enum bsai_use use, enum bsai_page_kind kind, void **out)
{
    struct request r = {.pages = (size_t)1 << order, .align = 0, .use = use, .kind = kind};
    bool low = bsai_peek(&b->high_total) == 0;
    enum bsai_zone zone = low ? BSAI_ZONE_LOW : BSAI_ZONE_HIGH;
    return take_in_zone(b, call, zone, &r, false, n, out);
}
