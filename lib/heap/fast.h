/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast paths: a magazine or page list that can serve, in a heap without enter and leave hooks.
 * They need no call frame, report nothing and change nothing unless they finish the job; all else,
 * misuse included, is left to the slow path, which looks at everything again.
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

/* The same for requests beyond the classes and for blocks, by the page lists; not inlined. */
uintptr_t bsai_fast_alloc_large(struct bsa_cpu *cpu, size_t size, size_t align);
bool bsai_fast_free_large(struct bsa_cpu *cpu, struct bsai_section *section, size_t page,
                          uint32_t word, void *p);

/* An object, or 0. */
static BSAI_ALWAYS_INLINE uintptr_t bsai_fast_alloc(struct bsa_cpu *cpu, size_t size, size_t align)
{
    const struct bsai_classes *classes = &cpu->heap->classes;
    if (BSAI_UNLIKELY(!cpu->plain || !bsai_is_pow2(align)))
        return 0;
    unsigned size_class = bsai_class_for(classes, size, align);
    if (BSAI_UNLIKELY(size_class >= classes->count))
        return bsai_fast_alloc_large(cpu, size, align);
    if (BSAI_UNLIKELY(!bsai_fast_own(cpu)))
        return 0;
    uintptr_t object = bsai_magazine_pop(cpu, &cpu->magazines[size_class]);
    bsai_fast_disown(cpu);
    return object;
}

/* True when p was a live object and is in the magazine now. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free(struct bsa_cpu *cpu, void *p)
{
    struct bsa_heap *heap = cpu->heap;
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)p, &page);
    if (BSAI_UNLIKELY(section == NULL || !cpu->plain))
        return false;
    uint32_t word = bsai_map_word(&section->map, page);
    struct bsai_slab *slab;
    unsigned index;
    if (BSAI_UNLIKELY(bsai_word_kind(word) != BSAI_PAGE_SLAB))
        return bsai_fast_free_large(cpu, section, page, word, p);
    if (BSAI_UNLIKELY(!bsai_slab_locate(heap->caches, &section->map, page, word, (uintptr_t)p,
                                        &slab, &index) ||
                      !bsai_fast_own(cpu)))
        return false;
    /* Room is looked for first: an object that is dead already must not need the slow path. */
    struct bsai_magazine *m = &cpu->magazines[bsai_word_class(word)];
    bool done = bsai_peek(&m->count) < m->capacity && bsai_object_retire(slab, index, cpu->alone);
    if (BSAI_LIKELY(done))
        bsai_magazine_push(m, (struct bsai_slot){(uintptr_t)p, bsai_object_make(slab, index)});
    bsai_fast_disown(cpu);
    return done;
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
    void *block = bsai_page_list_pop(cpu, pages);
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
    bool done = bsai_page_list_has_room(cpu, pages) && bsai_list_claim(hot, word, cpu->alone);
    if (BSAI_LIKELY(done))
        bsai_page_list_push(cpu, pages, addr, hot);
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
