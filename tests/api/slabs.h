/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-alone slab allocator with its range of pages, of which the test hands out one after
 * another. */
#ifndef BSA_TESTS_API_SLABS_H
#define BSA_TESTS_API_SLABS_H

#include "machine.h"

enum { SLABS_PAGES_MAX = 4096 };

struct slabs {
    struct machine m;
    bsa_slab *slab;
    size_t page_size;
    char *range;
    size_t pages;
    bool used[SLABS_PAGES_MAX]; /* page of the range is a slab's */
    size_t lent;                /* pages that the slabs have */
    struct bsa_slab_config config;
};

static inline void slabs_open(struct slabs *s, size_t pages, struct bsa_slab_config config)
{
    s->pages = pages;
    s->page_size = config.page_size == 0 ? 4096 : config.page_size;
    s->lent = 0;
    memset(s->used, 0, sizeof s->used);
    s->range = region_new(pages * s->page_size, 65536, 0);
    config.range = s->range;
    config.range_bytes = pages * s->page_size;
    config.platform = &s->m.platform;
    s->config = config;
    s->slab = NULL;
    size_t bytes = bsa_slab_storage_bytes(&config);
    ck_assert_uint_ne(bytes, 0);
    assert_ok(bsa_slab_init(&s->slab, region_new(bytes, 64, 0), bytes, &config));
    ck_assert_ptr_nonnull(s->slab);
}

static inline void slabs_start(struct slabs *s, size_t pages, struct bsa_slab_config config)
{
    machine_start(&s->m);
    slabs_open(s, pages, config);
}

/* Pages for a slab: the first ones that fit. NULL when there are none. */
static inline void *slabs_lend(struct slabs *s, size_t pages, size_t align)
{
    for (size_t at = 0; at + pages <= s->pages; at++) {
        size_t i = 0;
        while (i < pages && !s->used[at + i])
            i++;
        if (i < pages || !is_aligned(s->range + at * s->page_size, align))
            continue;
        memset(s->used + at, 1, pages);
        s->lent += pages;
        return s->range + at * s->page_size;
    }
    return NULL;
}

static inline void slabs_take_back(struct slabs *s, const struct bsa_slab_freed *freed)
{
    if (freed->base == NULL)
        return;
    size_t at = (size_t)((char *)freed->base - s->range) / s->page_size;
    ck_assert_uint_ge(freed->pages, 1);
    ck_assert_uint_le(at + freed->pages, s->pages);
    ck_assert(is_aligned(freed->base, s->page_size));
    for (size_t i = 0; i < freed->pages; i++) {
        ck_assert_msg(s->used[at + i], "a page came back twice");
        s->used[at + i] = false;
    }
    s->lent -= freed->pages;
}

/* An object, with a slab brought if need be; NULL when the range is used up. */
static inline void *slabs_try(struct slabs *s, unsigned cpu, size_t size, size_t align)
{
    struct bsa_slab_result result;
    assert_ok(bsa_slab_alloc(s->slab, cpu, size, align, &result));
    if (result.object == NULL) {
        ck_assert_uint_ge(result.needs_pages, 1);
        void *base = slabs_lend(s, result.needs_pages, result.needs_align);
        if (base == NULL)
            return NULL;
        assert_ok(bsa_slab_add(s->slab, cpu, result.needs_class, base, result.needs_pages));
        assert_ok(bsa_slab_alloc(s->slab, cpu, size, align, &result));
        ck_assert_ptr_nonnull(result.object);
    }
    ck_assert(is_aligned(result.object, align));
    return result.object;
}

static inline void *slabs_get(struct slabs *s, unsigned cpu, size_t size, size_t align)
{
    void *p = slabs_try(s, cpu, size, align);
    ck_assert_ptr_nonnull(p);
    return p;
}

static inline void slabs_put(struct slabs *s, unsigned cpu, void *object)
{
    struct bsa_slab_freed freed;
    assert_ok(bsa_slab_free(s->slab, cpu, object, &freed));
    slabs_take_back(s, &freed);
}

/* All empty slabs come back. */
static inline void slabs_reclaim(struct slabs *s)
{
    struct bsa_slab_freed freed;
    do {
        assert_ok(bsa_slab_reclaim(s->slab, &freed));
        slabs_take_back(s, &freed);
    } while (freed.base != NULL);
}

#endif
