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
 *   NONE      free, or a page that the word of a page before it stands for (the section's bitmap
 *             knows which)
 *   BLOCK     first page of a live block; the count of its pages
 *   LISTED    first page of a block on a CPU's page list; the count
 *   SLAB      a page of a slab. Its first one: the count of pages that have no word of their own
 *             beside it, itself included; a further one: 0. All pages of a slab have words, but for
 *             one of more than 16, which is a single object: only its first page has.
 *   META      first page of a run that holds slab records or CPU state; the count
 *   RESERVED  withdrawn
 *
 * In exclusive mode a block that a page list could hold has a CPU in the upper half of its word,
 * its holder, and the kind says whether it is live:
 *
 *   LENT      handed out by the holder; or, where the holder has the AWAY bit, freed by it after
 *             another CPU had handed it out, and on its list
 *   KEPT      on the list of the holder, which had handed it out itself
 *
 * The holder alone writes the lower half, and plainly: a free by it costs no locked instruction.
 * Any other CPU exchanges the whole word, for one with itself as holder. Should both free the block
 * at the same moment, it is on two lists, as KEPT with another holder that has the AWAY bit;
 * whoever takes it off its list sees that, and it is then one CPU's again (cpu/page_list.c).
 *
 * Words are made group by group (512 pages, a "tree" of the buddy) when a group is first broken, so
 * that a terabyte costs nothing until it is used: a descriptor is valid only where the group's
 * state byte has BSAI_GROUP_READY, or the region was zero when it came.
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

/* Further kinds, which bsai_map_word tells as BLOCK and LISTED. */
enum { BSAI_PAGE_LENT = BSAI_PAGE_RESERVED + 1, BSAI_PAGE_KEPT };

enum {
    BSAI_KIND_BITS = 3,
    BSAI_SLAB_PAGES_MAX = 16, /* of slabs of more than one object */
    BSAI_GROUP_SHIFT = 9,
    BSAI_GROUP_PAGES = 1 << BSAI_GROUP_SHIFT,
    BSAI_GROUP_READY = 0x80,   /* in a group's state byte: its descriptors are valid */
    BSAI_GROUP_RELEASED = 0x40 /* the same: all free, and released since it was last used */
};

/* Most pages that one block can count, and one that has a holder. */
#define BSAI_COUNT_MAX ((UINT32_C(1) << (32 - BSAI_KIND_BITS)) - 1)
#define BSAI_HELD_MAX ((1u << (16 - BSAI_KIND_BITS)) - 1)

static inline enum bsai_page_kind bsai_word_kind(uint32_t word)
{
    return (enum bsai_page_kind)(word & ((1u << BSAI_KIND_BITS) - 1));
}

/* `kind` may also be one with a holder. */
static inline uint32_t bsai_word_run(uint32_t kind, size_t pages)
{
    return kind | (uint32_t)pages << BSAI_KIND_BITS;
}

static inline size_t bsai_word_count(uint32_t word)
{
    return word >> BSAI_KIND_BITS;
}

/* The word of a slab's first page. */
static inline bool bsai_word_is_slab(uint32_t word)
{
    return bsai_word_kind(word) == BSAI_PAGE_SLAB && bsai_word_count(word) != 0;
}

/* The pages of a slab that have words, from the first one on. */
static inline size_t bsai_slab_marks(size_t pages)
{
    return pages <= BSAI_SLAB_PAGES_MAX ? pages : 1;
}

/* Holders. Not 0, which a page has that was given back. */
#define BSAI_HOLDER(cpu) ((uint32_t)(cpu) + 1)
#define BSAI_HOLDER_AWAY UINT32_C(0x8000)

static inline uint32_t bsai_word_held(unsigned kind, uint32_t holder)
{
    return kind | holder << 16;
}

static inline uint32_t bsai_word_holder(uint32_t word)
{
    return word >> 16;
}

static inline bool bsai_word_is_held(uint32_t word)
{
    return (word & BSAI_PAGE_LENT) == BSAI_PAGE_LENT;
}

/* Freed by its holder, but not by who had handed it out. AWAY alone is nobody, see page_list.c. */
static inline bool bsai_word_is_away(uint32_t word)
{
    return bsai_word_holder(word) > BSAI_HOLDER_AWAY;
}

/* The same with the holder left out: BLOCK or LISTED. */
static inline uint32_t bsai_word_unheld(uint32_t word)
{
    if (!bsai_word_is_held(word))
        return word;
    bool live = (word & BSAI_PAGE_KEPT) == BSAI_PAGE_LENT && !bsai_word_is_away(word);
    return bsai_word_run(live ? BSAI_PAGE_BLOCK : BSAI_PAGE_LISTED,
                         (uint16_t)word >> BSAI_KIND_BITS);
}

/* The halves of a word in memory. */
typedef uint16_t __attribute__((may_alias)) bsai_half;

enum { BSAI_LOWER = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

static BSAI_ALWAYS_INLINE bsai_half *bsai_word_lower(uint32_t *word)
{
    return (bsai_half *)word + BSAI_LOWER;
}

static BSAI_ALWAYS_INLINE bsai_half *bsai_word_upper(uint32_t *word)
{
    return (bsai_half *)word + !BSAI_LOWER;
}

/* Whether a word is what another, constant one is. By halves, each of which comes straight from the
 * store that wrote it last: a load of the word after a store of its lower half would have to wait.
 */
static BSAI_ALWAYS_INLINE bool bsai_word_is(uint32_t *word, uint32_t *value)
{
    return BSAI_LIKELY(bsai_peek(bsai_word_lower(word)) == *bsai_word_lower(value)) &&
           BSAI_LIKELY(bsai_peek(bsai_word_upper(word)) == *bsai_word_upper(value));
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
    size_t ready; /* first pages whose words and pointers are valid: of groups that are READY, or
                     were zero from the start; grows, read anywhere */
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

/* The word of a page in the map, without a holder; NONE where the group was never used. Acquire: a
 * word that says SLAB is published after the cold pointer. */
static inline uint32_t bsai_map_word(const struct bsai_map *map, size_t page)
{
    if (BSAI_UNLIKELY((bsai_peek(&map->state[bsai_map_group(map, page)]) & BSAI_GROUP_READY) == 0))
        return BSAI_PAGE_NONE;
    return bsai_word_unheld(bsai_consume(&map->hot[page]));
}

static BSAI_ALWAYS_INLINE bool bsai_map_is_ready(const struct bsai_map *map, size_t page)
{
    return (bsai_consume(&map->state[bsai_map_group(map, page)]) & BSAI_GROUP_READY) != 0;
}

/* Whether a page's word and pointer are valid; not where it is none of the map. */
static BSAI_ALWAYS_INLINE bool bsai_map_has(const struct bsai_map *map, size_t page)
{
    return BSAI_LIKELY(page < bsai_consume(&map->ready)) ||
           (page < map->pages && bsai_map_is_ready(map, page));
}

/* The record of the slab that a page belongs to; NULL where there is none, or the page is not in
 * the map. */
static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_map_slab(const struct bsai_map *map, size_t page)
{
    return bsai_map_has(map, page) ? bsai_consume(&map->cold[page]) : NULL;
}

#endif
