/* SPDX-License-Identifier: Apache-2.0 */
/* The fast paths of blocks. An exclusive CPU looks at a block's word twice, to find the list, where
 * it is not told the pages, and right before it claims the block by a plain store. */
#ifndef BSAI_FAST_BLOCKS_H
#define BSAI_FAST_BLOCKS_H

#include "fast.h"

/* Low memory goes home at once where there is high memory: a list would hand it to anybody. */
static BSAI_ALWAYS_INLINE bool bsai_may_be_listed(const struct bsa_heap *heap,
                                                  const struct bsai_section *section)
{
    return BSAI_LIKELY(section->zone != BSAI_ZONE_LOW) || !bsai_buddy_has_high(&heap->buddy);
}

/* A block from the exclusive CPU's list, of pages aligned as such; NULL where there is none. */
static BSAI_ALWAYS_INLINE void *bsai_fast_alloc_run(struct bsa_cpu *cpu, size_t pages)
{
    if (BSAI_UNLIKELY(pages - 1 >= bsai_peek(&cpu->lists.fast)))
        return NULL;
    return bsai_page_list_pop(&cpu->lists, &cpu->lists.list[pages - 1], pages);
}

/* The same for a free that is not told how many pages come back: the list is remembered. */
static BSAI_ALWAYS_INLINE void *bsai_fast_lend(struct bsa_cpu *cpu, struct bsai_page_list *list,
                                               size_t pages)
{
    cpu->lists.last = list;
    return bsai_page_list_pop(&cpu->lists, list, pages);
}

static BSAI_ALWAYS_INLINE void *bsai_fast_lend_run(struct bsa_cpu *cpu, size_t pages)
{
    if (BSAI_UNLIKELY(pages - 1 >= bsai_peek(&cpu->lists.fast)))
        return NULL;
    return bsai_fast_lend(cpu, &cpu->lists.list[pages - 1], pages);
}

/* As lend_run, of more pages than there are lists for each count. */
static BSAI_ALWAYS_INLINE void *bsai_fast_lend_large(struct bsa_cpu *cpu, size_t pages)
{
    unsigned i = bsai_list_of(pages);
    if (BSAI_UNLIKELY(i >= cpu->lists.count) || BSAI_UNLIKELY(bsai_peek(&cpu->lists.fast) == 0))
        return NULL;
    return bsai_fast_lend(cpu, &cpu->lists.list[i], pages);
}

static BSAI_ALWAYS_INLINE bool bsai_fast_undo_lent(struct bsa_cpu *cpu, void *p)
{
    struct bsai_page_list *list = cpu->lists.last;
    return BSAI_LIKELY(bsai_peek(&cpu->lists.fast) != 0) &&
           bsai_page_list_undo(&cpu->lists, list, bsai_lent_pages(&cpu->lists, list->lent), p);
}

/* Lists a live block of the owned CPU, whose word was read as `word`, the one of a block of so many
 * pages; false when there is no room, or somebody else has freed it. */
static BSAI_ALWAYS_INLINE bool bsai_list_block(struct bsa_cpu *cpu,
                                               const struct bsai_section *section, uint32_t *at,
                                               uint32_t word, size_t pages, void *start,
                                               bool atomic)
{
    unsigned i = bsai_list_of(pages);
    if (BSAI_UNLIKELY(i >= cpu->lists.count) ||
        BSAI_UNLIKELY(!bsai_may_be_listed(cpu->heap, section)))
        return false;
    struct bsai_page_list *list = &cpu->lists.list[i];
    if (BSAI_UNLIKELY(!bsai_page_list_has_room(&cpu->lists, list, pages)) ||
        BSAI_UNLIKELY(!bsai_block_reclaim(&cpu->lists, at, word, atomic)))
        return false;
    bsai_page_list_push(&cpu->lists, list, pages, start, at);
    return true;
}

/* Whether a page begins at p. */
static BSAI_ALWAYS_INLINE bool bsai_fast_begins(const struct bsa_cpu *cpu, const void *p)
{
    return ((uintptr_t)p & (cpu->page_size - 1)) == 0;
}

/* The page that begins at p, for the exclusive CPU's fast paths: false where there is none, or it
 * is another section's. */
static BSAI_ALWAYS_INLINE bool bsai_fast_page(const struct bsa_cpu *cpu, const void *p,
                                              size_t *page)
{
    const struct bsai_map *map = &cpu->first->map;
    *page = bsai_map_page(map, (uintptr_t)p);
    return BSAI_LIKELY(bsai_map_has(map, *page)) && BSAI_LIKELY(bsai_fast_begins(cpu, p));
}

/* True when the block at p, a page of the first section, was live and the exclusive CPU had handed
 * it out, and is on its list for so many pages now. */
static BSAI_ALWAYS_INLINE bool bsai_fast_list(struct bsa_cpu *cpu, struct bsai_page_list *list,
                                              size_t pages, size_t page, void *p)
{
    uint32_t *at = &cpu->first->map.hot[page];
    if (BSAI_UNLIKELY(!bsai_may_be_listed(cpu->heap, cpu->first)) ||
        BSAI_UNLIKELY(!bsai_page_list_has_room(&cpu->lists, list, pages)) ||
        BSAI_UNLIKELY(bsai_peek(at) != list->lent))
        return false;
    bsai_poke(bsai_word_lower(at), (bsai_half)list->kept);
    bsai_page_list_push(&cpu->lists, list, pages, p, at);
    return true;
}

/* The same of whatever count of pages has a list for itself. */
static BSAI_ALWAYS_INLINE bool bsai_fast_put_block(struct bsa_cpu *cpu, void *p, size_t page)
{
    size_t pages = bsai_lent_pages(&cpu->lists, bsai_peek(&cpu->first->map.hot[page]));
    return BSAI_LIKELY(pages - 1 < bsai_peek(&cpu->lists.fast)) &&
           bsai_fast_list(cpu, &cpu->lists.list[pages - 1], pages, page, p);
}

/* True when p was the block of so many pages that the exclusive CPU handed out last, and is back.
 */
static BSAI_ALWAYS_INLINE bool bsai_fast_undo_run(struct bsa_cpu *cpu, void *p, size_t pages)
{
    return BSAI_LIKELY(pages - 1 < bsai_peek(&cpu->lists.fast)) &&
           bsai_page_list_undo(&cpu->lists, &cpu->lists.list[pages - 1], pages, p);
}

/* The same of whatever block of so many pages. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free_run(struct bsa_cpu *cpu, void *p, size_t pages)
{
    size_t page;
    return BSAI_LIKELY(pages - 1 < bsai_peek(&cpu->lists.fast)) &&
           BSAI_LIKELY(bsai_fast_page(cpu, p, &page)) &&
           bsai_fast_list(cpu, &cpu->lists.list[pages - 1], pages, page, p);
}

/* The same of any count of pages, or so many: also those that few blocks have. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free_block(struct bsa_cpu *cpu, void *p, size_t pages)
{
    size_t page;
    if (BSAI_UNLIKELY(!bsai_fast_page(cpu, p, &page)))
        return false;
    uint32_t *at = &cpu->first->map.hot[page], word = bsai_peek(at);
    size_t count = bsai_lent_pages(&cpu->lists, word);
    return BSAI_LIKELY(pages == 0 || pages == count) &&
           bsai_list_block(cpu, cpu->first, at, word, count, p, false);
}

/* What further attempts do with the CPU owned: a block from its list, aligned to a power of two,
 * and the one at p, of so many pages or any (0), to it. */
static BSAI_ALWAYS_INLINE bool bsai_take_run(struct bsa_cpu *cpu, size_t pages, size_t align,
                                             void **out)
{
    unsigned i = bsai_list_of(pages);
    if (BSAI_UNLIKELY(i >= cpu->lists.count) || BSAI_UNLIKELY(align > cpu->heap->buddy.page_size) ||
        BSAI_UNLIKELY(bsai_peek(&cpu->lists.fast) != cpu->lists.fast_most))
        return false;
    *out = bsai_page_list_pop(&cpu->lists, &cpu->lists.list[i], pages);
    return *out != NULL;
}

static BSAI_ALWAYS_INLINE bool bsai_put_run(struct bsa_cpu *cpu, const struct bsai_spot *spot,
                                            void *p, size_t pages)
{
    const struct bsai_section *section = spot->section;
    if (BSAI_UNLIKELY(section == NULL) ||
        BSAI_UNLIKELY(bsai_map_addr(&section->map, spot->page) != (uintptr_t)p))
        return false;
    uint32_t *at = &section->map.hot[spot->page], word = bsai_peek(at);
    size_t count = bsai_lent_pages(&cpu->lists, word);
    return (pages == 0 || BSAI_LIKELY(pages == count)) &&
           bsai_list_block(cpu, section, at, word, count, p, cpu->lists.atomic);
}

#endif
