/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simple model of a heap: what is live, where, how large and with which contents.
 *
 * Every address that the heap hands out is entered and must lie in a region, be aligned, and
 * overlap nothing that is live; every free first finds the contents as they were left.
 */
#ifndef BSA_TESTS_HEAP_MODEL_H
#define BSA_TESTS_HEAP_MODEL_H

#include "stress.h"

#include <string.h>

enum { MODEL_REGIONS = 5, MODEL_LIVE_MAX = 6000, MODEL_GRANULE = 8 };

struct live {
    unsigned char *at;
    size_t bytes;  /* asked for */
    size_t usable; /* object size or pages in bytes */
    size_t align;
    size_t pages;     /* 0: an object */
    bsa_cache *cache; /* NULL: of a size class, or a block */
    uint64_t serial;
};

struct model {
    struct region region[MODEL_REGIONS];
    uint64_t physical[MODEL_REGIONS];    /* of the region's first byte */
    unsigned char *taken[MODEL_REGIONS]; /* a byte per granule: is it live? */
    unsigned regions;                    /* that the heap has */
    struct live live[MODEL_LIVE_MAX];
    size_t count;
    uint64_t serial;
    size_t block_bytes, blocks;
    size_t object_bytes;
    size_t withdrawn; /* bytes */
};

static inline void model_make_region(struct model *m, unsigned i, size_t bytes, size_t align,
                                     size_t offset, uint64_t physical)
{
    m->region[i] = region_make(bytes, align, offset);
    m->physical[i] = physical;
    m->taken[i] = calloc(bytes / MODEL_GRANULE + 2, 1);
    expect(m->taken[i] != NULL);
}

static inline void model_free(struct model *m)
{
    for (unsigned i = 0; i < MODEL_REGIONS; i++) {
        if (m->taken[i] != NULL)
            region_free(&m->region[i]);
        free(m->taken[i]);
    }
    free(m);
}

/* The region that holds [at, at + bytes); the test fails when none does. */
static inline unsigned model_region_of(const struct model *m, const unsigned char *at, size_t bytes)
{
    for (unsigned i = 0; i < m->regions; i++) {
        size_t offset = (size_t)((uintptr_t)at - (uintptr_t)m->region[i].start);
        if (offset < m->region[i].bytes) {
            expect(bytes <= m->region[i].bytes - offset);
            return i;
        }
    }
    ck_abort_msg("%p is in no region", (const void *)at);
    return 0;
}

static inline uint64_t model_physical(const struct model *m, const void *addr)
{
    for (unsigned i = 0; i < MODEL_REGIONS; i++) {
        size_t offset = (size_t)((uintptr_t)addr - (uintptr_t)m->region[i].start);
        if (m->taken[i] != NULL && offset < m->region[i].bytes)
            return m->physical[i] + offset;
    }
    return (uint64_t)(uintptr_t)addr;
}

static inline void model_mark(struct model *m, const unsigned char *at, size_t bytes, bool live)
{
    unsigned i = model_region_of(m, at, bytes);
    /* Granules of the machine's addresses, not of the region, which may begin anywhere. */
    size_t base = (uintptr_t)m->region[i].start / MODEL_GRANULE;
    unsigned char *taken = m->taken[i] + ((uintptr_t)at / MODEL_GRANULE - base);
    size_t n = bytes / MODEL_GRANULE;
    const unsigned char *wrong = memchr(taken, live ? 1 : 0, n);
    if (wrong != NULL)
        ck_abort_msg("%p: %zu bytes overlap something that is live", (const void *)at, bytes);
    memset(taken, live ? 1 : 0, n);
}

static inline bool model_is_live(const struct model *m, const unsigned char *at)
{
    unsigned i = model_region_of(m, at, 1);
    size_t base = (uintptr_t)m->region[i].start / MODEL_GRANULE;
    return m->taken[i][(uintptr_t)at / MODEL_GRANULE - base] != 0;
}

/* Enters what the heap handed out. */
static inline struct live *model_add(struct model *m, bsa_heap *heap, void *p, size_t bytes,
                                     size_t align, size_t pages, size_t page_size)
{
    expect(p != NULL);
    expect(m->count < MODEL_LIVE_MAX);
    expect_eq((uintptr_t)p & (align - 1), 0);
    size_t usable = bsa_usable_size(heap, p);
    expect(usable >= bytes);
    if (pages != 0)
        expect_eq(usable, pages * page_size);
    model_mark(m, p, usable, true);
    struct live *entry = &m->live[m->count++];
    *entry = (struct live){p, bytes, usable, align, pages, NULL, ++m->serial};
    stamp(p, usable, entry->serial);
    m->blocks += pages != 0;
    *(pages != 0 ? &m->block_bytes : &m->object_bytes) += usable;
    return entry;
}

/* Takes an entry out and returns it. */
static inline struct live model_forget(struct model *m, size_t index)
{
    struct live entry = m->live[index];
    model_mark(m, entry.at, entry.usable, false);
    m->live[index] = m->live[--m->count];
    m->blocks -= entry.pages != 0;
    *(entry.pages != 0 ? &m->block_bytes : &m->object_bytes) -= entry.usable;
    return entry;
}

/* The same before a free: the contents are whole. */
static inline struct live model_remove(struct model *m, size_t index)
{
    const struct live *entry = &m->live[index];
    if (!stamp_is_whole(entry->at, entry->usable, entry->serial))
        ck_abort_msg("%p: the contents of %zu bytes have changed", (void *)entry->at,
                     entry->usable);
    return model_forget(m, index);
}

/* After a reallocation to size bytes at p: the contents moved along, and tell the old address. */
static inline void model_check_moved(const struct live *old, const unsigned char *p, size_t size)
{
    size_t kept = size < old->usable ? size : old->usable;
    for (size_t at = 0; at + 8 <= kept; at += stamp_step(old->usable, at)) {
        uint64_t value;
        memcpy(&value, p + at, 8);
        expect_eq(value, stamp_at(old->at + at, old->serial));
    }
}

struct model_walk {
    const struct model *model;
    size_t blocks, objects, bytes;
};

static inline int model_visit(void *arg, const struct bsa_live_block *block)
{
    struct model_walk *walk = arg;
    expect(model_is_live(walk->model, block->address));
    walk->blocks += !block->slab;
    walk->objects += block->slab;
    walk->bytes += block->bytes;
    return 0;
}

/* Adds what a cache has live, and returns its slabs' bytes. */
static inline size_t model_add_class(const struct bsa_class_stats *k, size_t *live,
                                     size_t *live_bytes)
{
    *live += k->live;
    *live_bytes += k->live * k->object_size;
    expect_eq(k->objects, k->live + k->in_magazines + k->in_depot + k->free + k->remote_pending);
    return k->slab_bytes;
}

/* The heap's figures are those of the model, and add up; the heap finds nothing wrong with itself.
 */
static inline void model_compare(const struct model *m, bsa_heap *heap)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    size_t live = 0, live_bytes = 0, slab_bytes = 0;
    expect_status(bsa_heap_validate(heap), BSA_OK);
    expect_status(bsa_heap_stats(heap, &s), BSA_OK);
    for (unsigned c = 0; c < s.classes; c++)
        slab_bytes += model_add_class(&s.size_class[c], &live, &live_bytes);
    bsa_cache *cache;
    size_t caches = 0, cache_slab_bytes = 0;
    for (; (cache = bsa_heap_cache(heap, caches)) != NULL; caches++) {
        struct bsa_cache_stats k = BSA_CACHE_STATS_INIT;
        expect_status(bsa_cache_stats(cache, &k), BSA_OK);
        cache_slab_bytes += model_add_class(&k.objects, &live, &live_bytes);
    }
    expect_eq(s.caches, caches);
    expect_eq(s.cache_slab_bytes, cache_slab_bytes);
    slab_bytes += cache_slab_bytes;
    expect_eq(live, m->count - m->blocks);
    expect_eq(live_bytes, m->object_bytes);
    expect_eq(slab_bytes, s.slab_bytes);
    expect_eq(s.blocks, m->blocks);
    expect_eq(s.block_bytes, m->block_bytes);
    expect_eq(s.managed_bytes,
              s.free_bytes + s.block_bytes + s.slab_bytes + s.record_bytes + s.cpu_bytes);
    expect_eq(bsa_heap_managed_bytes(heap), s.managed_bytes);
    expect_eq(bsa_heap_allocated_bytes(heap), s.managed_bytes - s.free_bytes);
    expect_eq(s.sections, m->regions);

    size_t free_bytes = 0, total_bytes = 0;
    for (size_t i = 0; i < s.sections; i++) {
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        expect_status(bsa_heap_section(heap, i, &info), BSA_OK);
        free_bytes += info.free_pages * s.page_size;
        total_bytes += info.total_pages * s.page_size;
    }
    expect_eq(free_bytes, s.free_bytes);
    expect_eq(total_bytes, s.managed_bytes);

    struct model_walk walk = {.model = m};
    expect_eq(bsa_heap_walk(heap, model_visit, &walk), 0);
    expect_eq(walk.blocks, m->blocks);
    expect_eq(walk.objects, m->count - m->blocks);
    expect_eq(walk.bytes, m->block_bytes + m->object_bytes);
}

#endif
