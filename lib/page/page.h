/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page descriptors, outside the pages, and the map from an address to one.
 *
 * A descriptor is split, so that a look-up touches few cache lines: a pointer that leads a free of
 * an object to its slab's record, and a hot word of 4 bytes for all else.
 *
 * The hot word is the truth about a page, and the pointer is not NULL if and only if it says SLAB;
 * nothing else, least of all the page's contents, is asked.
 *
 *   NONE      free, or a further page of a block (the section's bitmap knows which)
 *   BLOCK     first page of a live block; the count of its pages
 *   LISTED    first page of a block on a CPU's page list; the count
 *   SLAB      a page of a slab; its offset from the slab's first page, and the class
 *   META      first page of a run that holds slab records or CPU state; the count
 *   RESERVED  withdrawn
 *
 * Words are made group by group (512 pages, a "tree" of the buddy) when a group is first broken, so
 * that a terabyte costs nothing until it is used: a descriptor is valid only where the group's
 * state byte has BSAI_GROUP_READY.
 */
#ifndef BSAI_PAGE_H
#define BSAI_PAGE_H

#include "../base/atomic.h"
#include "../base/config.h"

enum bsai_page_kind {
    BSAI_PAGE_NONE,
    BSAI_PAGE_BLOCK,
    BSAI_PAGE_LISTED,
    BSAI_PAGE_SLAB,
    BSAI_PAGE_META,
    BSAI_PAGE_RESERVED
};

enum {
    BSAI_KIND_BITS = 3,
    BSAI_OFFSET_BITS = 4, /* slabs have at most 16 pages */
    BSAI_SLAB_PAGES_MAX = 16,
    BSAI_GROUP_SHIFT = 9,
    BSAI_GROUP_PAGES = 1 << BSAI_GROUP_SHIFT,
    BSAI_GROUP_READY = 0x80,   /* in a group's state byte: its descriptors are valid */
    BSAI_GROUP_RELEASED = 0x40 /* the same: all free, and released since it was last used */
};

/* Most pages that one block can count. */
#define BSAI_COUNT_MAX ((UINT32_C(1) << (32 - BSAI_KIND_BITS)) - 1)

static inline enum bsai_page_kind bsai_word_kind(uint32_t word)
{
    return (enum bsai_page_kind)(word & ((1u << BSAI_KIND_BITS) - 1));
}

static inline uint32_t bsai_word_run(enum bsai_page_kind kind, size_t pages)
{
    return (uint32_t)kind | (uint32_t)pages << BSAI_KIND_BITS;
}

static inline size_t bsai_word_count(uint32_t word)
{
    return word >> BSAI_KIND_BITS;
}

static inline uint32_t bsai_word_slab(unsigned size_class, unsigned offset)
{
    return (uint32_t)BSAI_PAGE_SLAB | offset << BSAI_KIND_BITS |
           size_class << (BSAI_KIND_BITS + BSAI_OFFSET_BITS);
}

static inline unsigned bsai_word_offset(uint32_t word)
{
    return (word >> BSAI_KIND_BITS) & ((1u << BSAI_OFFSET_BITS) - 1);
}

static inline unsigned bsai_word_class(uint32_t word)
{
    return word >> (BSAI_KIND_BITS + BSAI_OFFSET_BITS);
}

struct bsai_slab; /* a slab's record */

/* The pages of one contiguous range. Everything but what the pointers lead to is constant once
 * made. */
struct bsai_map {
    uintptr_t start; /* address of page 0 */
    size_t pages;
    unsigned page_shift;
    unsigned lead;           /* pages between the group boundary at or below start, and start */
    uint8_t *state;          /* a byte per group */
    uint32_t *hot;           /* a word per page */
    struct bsai_slab **cold; /* a pointer per page: the record of its slab, else NULL */
    size_t ready; /* pages of the first groups, all of which are READY; grows, read anywhere */
};

/* Page number of addr; at least map->pages when it is not in the map. */
static inline size_t bsai_map_page(const struct bsai_map *map, uintptr_t addr)
{
    return (addr - map->start) >> map->page_shift;
}

static inline uintptr_t bsai_map_addr(const struct bsai_map *map, size_t page)
{
    return map->start + (page << map->page_shift);
}

static inline size_t bsai_map_group(const struct bsai_map *map, size_t page)
{
    return (page + map->lead) >> BSAI_GROUP_SHIFT;
}

static inline size_t bsai_map_groups(const struct bsai_map *map)
{
    return bsai_map_group(map, map->pages - 1) + 1;
}

/* After a group was made READY, by whom does that; looks how many first groups are. */
static inline void bsai_map_advance(struct bsai_map *map)
{
    size_t ready = bsai_peek(&map->ready);
    while (ready < map->pages &&
           (bsai_peek(&map->state[bsai_map_group(map, ready)]) & BSAI_GROUP_READY) != 0)
        ready = ((bsai_map_group(map, ready) + 1) << BSAI_GROUP_SHIFT) - map->lead;
    bsai_publish(&map->ready, ready < map->pages ? ready : map->pages);
}

/* The word of a page in the map; NONE where the group was never used. Acquire: a word that says
 * SLAB is published after the cold pointer. */
static inline uint32_t bsai_map_word(const struct bsai_map *map, size_t page)
{
    if (BSAI_UNLIKELY((bsai_peek(&map->state[bsai_map_group(map, page)]) & BSAI_GROUP_READY) == 0))
        return BSAI_PAGE_NONE;
    return bsai_consume(&map->hot[page]);
}

static BSAI_ALWAYS_INLINE bool bsai_map_is_ready(const struct bsai_map *map, size_t page)
{
    return (bsai_consume(&map->state[bsai_map_group(map, page)]) & BSAI_GROUP_READY) != 0;
}

/* The record of the slab that a page belongs to; NULL where there is none, or the page is not in
 * the map. */
static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_map_slab(const struct bsai_map *map, size_t page)
{
    if (BSAI_UNLIKELY(page >= bsai_consume(&map->ready)) &&
        BSAI_UNLIKELY(page >= map->pages || !bsai_map_is_ready(map, page)))
        return NULL;
    return bsai_consume(&map->cold[page]);
}

#endif
