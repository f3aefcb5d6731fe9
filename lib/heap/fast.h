/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast paths: a magazine or page list that can serve, in a heap without enter and leave hooks.
 * They need no call frame, report nothing and change nothing unless they finish the job; all else,
 * misuse included, is left to the slow path, which looks at everything again.
 *
 * bsai_fast_alloc and bsai_fast_free are for exclusive CPUs and inlined into their callers;
 * objects.c has the second attempt, for CPUs with a lock, for other alignments, and for objects of
 * other CPUs.
 */
#ifndef BSAI_FAST_H
#define BSAI_FAST_H

#include "heap.h"

/* The calling CPU, by the hook; NULL where the slow path has to ask, or the id is out of range. */
static BSAI_ALWAYS_INLINE struct bsa_cpu *bsai_fast_cpu(struct bsa_heap *heap)
{
    const struct bsa_platform *platform = &heap->buddy.platform;
    if (BSAI_UNLIKELY(!heap->plain))
        return NULL;
    unsigned id = platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0;
    if (BSAI_UNLIKELY(id >= heap->cpus))
        return NULL;
    struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, id);
    return BSAI_LIKELY(cpu != NULL) ? cpu : bsa_heap_cpu(heap, id);
}

/* Owns a CPU whose fast path is allowed; false when somebody else has it. */
static BSAI_ALWAYS_INLINE bool bsai_fast_own(struct bsa_cpu *cpu)
{
    return !cpu->locked || bsai_lock_try_word(&cpu->lock.word);
}

static BSAI_ALWAYS_INLINE void bsai_fast_disown(struct bsa_cpu *cpu)
{
    if (cpu->locked)
        bsai_lock_clear_word(&cpu->lock.word);
}

/* The slab that an address lies in; NULL where there is none. */
static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_slab_at(const struct bsa_heap *heap, const void *p)
{
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)p, &page);
    return section != NULL ? bsai_map_slab(&section->map, page) : NULL;
}

/* Requests beyond the classes, and blocks, by the page lists; not inlined. */
bool bsai_fast_alloc_large(struct bsa_cpu *cpu, size_t size, size_t align, void **out);
bool bsai_fast_free_large(struct bsa_cpu *cpu, struct bsai_section *section, size_t page, void *p);

/* True when *out is an object from the exclusive CPU's magazine. */
static BSAI_ALWAYS_INLINE bool bsai_fast_alloc(struct bsa_cpu *cpu, size_t size, size_t align,
                                               void **out)
{
    if (BSAI_UNLIKELY(align - 1 > 15) || BSAI_UNLIKELY((align & (align - 1)) != 0) ||
        BSAI_UNLIKELY(size - 1 >= cpu->fast_size))
        return false;
    struct bsai_magazine *m =
        bsai_magazine_at(cpu, cpu->fast[align / 16][(size - 1) / 8] * sizeof(struct bsai_magazine));
    if (BSAI_UNLIKELY(!bsai_magazine_pop_home(m, out)))
        return false;
    cpu->last = m;
    return true;
}

/* True when p was a live object of a slab at home here and is in the exclusive CPU's magazine. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free(struct bsa_cpu *cpu, void *p)
{
    if (bsai_magazine_undo(cpu->last, p))
        return true;
    const struct bsai_map *map = cpu->map;
    struct bsai_slab *slab = bsai_map_slab(map, bsai_map_page(map, (uintptr_t)p));
    size_t index;
    if (BSAI_UNLIKELY(slab == NULL) ||
        BSAI_UNLIKELY(!bsai_slab_index(slab, (uintptr_t)p, &index)) ||
        BSAI_UNLIKELY(bsai_peek(&slab->home) != cpu->id))
        return false;
    /* Room is looked for first: an object that is dead already must not need the slow path. */
    struct bsai_magazine *m = bsai_magazine_at(cpu, slab->tag);
    struct bsai_states *states = bsai_states_of(slab, index);
    bsai_word bit = bsai_bit(index);
    if (BSAI_UNLIKELY(m->top >= m->limit) || BSAI_UNLIKELY(!bsai_take_back(states, bit)))
        return false;
    bsai_magazine_push(m, (struct bsai_slot){(uintptr_t)p, slab, states, bit});
    return true;
}

/* An object of any CPU's slab: LIVE to CACHED or AWAY; false is a double free. */
static BSAI_ALWAYS_INLINE bool bsai_retire(const struct bsa_cpu *cpu, struct bsai_slab *slab,
                                           size_t index, uintptr_t addr, struct bsai_slot *slot)
{
    struct bsai_states *states = bsai_states_of(slab, index);
    bsai_word bit = bsai_bit(index);
    bool home = bsai_peek(&slab->home) == cpu->id;
    *slot = (struct bsai_slot){home ? addr : BSAI_NO_ADDRESS, slab, states, bit};
    return home && !cpu->atomic ? bsai_take_back(states, bit) : bsai_take_back_away(states, bit);
}

/* True when p was an object in use of the slab, whosever it is, and is in the owned CPU's magazine
 * now. */
static BSAI_ALWAYS_INLINE bool bsai_put_back(struct bsa_cpu *cpu, struct bsai_slab *slab,
                                             uintptr_t p)
{
    size_t index;
    struct bsai_slot slot;
    struct bsai_magazine *m = bsai_magazine_at(cpu, slab->tag);
    if (BSAI_UNLIKELY(m->top >= m->limit) || BSAI_UNLIKELY(!bsai_slab_index(slab, p, &index)) ||
        BSAI_UNLIKELY(!bsai_retire(cpu, slab, index, p, &slot)))
        return false;
    bsai_magazine_take_in(m, slot);
    return true;
}

/* Low memory goes home at once where there is high memory: a list would hand it to anybody. */
static BSAI_ALWAYS_INLINE bool bsai_may_be_listed(const struct bsa_heap *heap,
                                                  const struct bsai_section *section)
{
    return BSAI_LIKELY(section->zone != BSAI_ZONE_LOW) || bsai_peek(&heap->buddy.high_total) == 0;
}

/* Marks a live block, whose word was read as `word`, as listed; false when somebody else has freed
 * it. */
static BSAI_ALWAYS_INLINE bool bsai_list_claim(uint32_t *hot, uint32_t word, bool alone)
{
    uint32_t listed = word ^ (BSAI_PAGE_BLOCK ^ BSAI_PAGE_LISTED);
    if (!alone)
        return bsai_word_claim(hot, &word, listed);
    /* The CPU is owned now: its last owner may have been a free of this block. */
    if (BSAI_UNLIKELY(bsai_peek(hot) != word))
        return false;
    bsai_poke(hot, listed);
    return true;
}

/* A block from the list, or NULL. */
static BSAI_ALWAYS_INLINE void *bsai_fast_alloc_pages(struct bsa_cpu *cpu, size_t pages,
                                                      size_t align)
{
    const struct bsa_buddy *buddy = &cpu->heap->buddy;
    if (BSAI_UNLIKELY(pages - 1 >= cpu->fast_max))
        return NULL;
    /* Blocks on lists are aligned to a page, whatever their count. */
    if (BSAI_UNLIKELY(align != buddy->page_size &&
                      (!bsai_is_pow2(align) || align > buddy->page_size)))
        return NULL;
    if (BSAI_UNLIKELY(!bsai_fast_own(cpu)))
        return NULL;
    void *block = bsai_page_list_pop(&cpu->lists[pages - 1], pages);
    if (BSAI_LIKELY(block != NULL))
        bsai_count(&cpu->counters.page_allocs, (size_t)1);
    bsai_fast_disown(cpu);
    return block;
}

/* Lists a live block; false when there is no room, or somebody else has freed it. */
static BSAI_ALWAYS_INLINE bool bsai_fast_list(struct bsa_cpu *cpu, struct bsai_section *section,
                                              uint32_t *hot, uint32_t word, size_t pages,
                                              void *addr)
{
    if (BSAI_UNLIKELY(pages > cpu->fast_max || !bsai_may_be_listed(cpu->heap, section) ||
                      !bsai_fast_own(cpu)))
        return false;
    struct bsai_page_list *list = &cpu->lists[pages - 1];
    bool done = bsai_page_list_has_room(list) && bsai_list_claim(hot, word, cpu->alone);
    if (BSAI_LIKELY(done))
        bsai_page_list_push(list, addr, hot);
    bsai_fast_disown(cpu);
    return done;
}

/* True when addr was a live block of so many pages and is on the list now. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free_pages(struct bsa_cpu *cpu, void *addr, size_t pages)
{
    struct bsa_heap *heap = cpu->heap;
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)addr, &page);
    if (BSAI_UNLIKELY(section == NULL || ((uintptr_t)addr & (heap->buddy.page_size - 1)) != 0))
        return false;
    uint32_t word = bsai_word_run(BSAI_PAGE_BLOCK, pages);
    if (BSAI_UNLIKELY(bsai_map_word(&section->map, page) != word))
        return false;
    return bsai_fast_list(cpu, section, &section->map.hot[page], word, pages, addr);
}

#endif
