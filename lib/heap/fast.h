/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast paths: a magazine or page list that can serve. They need no call frame, report nothing
 * and change nothing unless they finish the job; all else, misuse included, is left to the slow
 * path, which looks at everything again.
 *
 * bsai_fast_... are for exclusive CPUs of a heap without enter and leave, and inlined into their
 * callers; objects.c has the second attempt, for blocks and for objects of other CPUs, the third,
 * for objects and CPUs with a lock, and the fourth, for heaps with enter and leave, other
 * alignments and other sections.
 */
#ifndef BSAI_FAST_H
#define BSAI_FAST_H

#include "heap.h"

/* The calling CPU, by the hook, within enter; NULL where its id is out of range. */
static BSAI_ALWAYS_INLINE struct bsa_cpu *bsai_caller_cpu(struct bsa_heap *heap)
{
#ifdef BSA_CPU_ID
    unsigned id = BSA_CPU_ID(heap->caller.ctx);
#else
    unsigned id = heap->caller.cpu_id(heap->caller.ctx);
#endif
    struct bsa_cpu *cpu;
    if (BSAI_UNLIKELY(id >= heap->caller.cpus) ||
        BSAI_UNLIKELY((cpu = bsai_consume(&heap->caller.leaf.cpus[id])) == NULL))
        return bsai_heap_far_cpu(heap, id);
    return cpu;
}

/* The same outside of enter; NULL also where there is one, as the hook must not be asked yet, and
 * where a call is to know that its CPU is the hook's. */
static BSAI_ALWAYS_INLINE struct bsa_cpu *bsai_fast_cpu(struct bsa_heap *heap)
{
    return BSAI_LIKELY(heap->caller.stays) ? bsai_caller_cpu(heap) : NULL;
}

/* Owns a CPU for an attempt, unless somebody else does. */
static BSAI_ALWAYS_INLINE bool bsai_attempt_own(struct bsa_cpu *cpu)
{
    return BSA_CHECKS == 0 && /* with checks, locks and owners are noted in calls only */
           (!cpu->locked || BSAI_LIKELY(bsai_lock_try_word(&cpu->lock.word)));
}

static BSAI_ALWAYS_INLINE void bsai_attempt_disown(struct bsa_cpu *own)
{
    if (own->locked)
        bsai_lock_clear_word(&own->lock.word);
}

/*
 * The same within enter and leave, where there are any: enters, finds the CPU (by the hook when cpu
 * is NULL) and owns it. NULL: it has left again. *state is what enter returned, for the way back,
 * or for bsai_attempt_continue, which makes a call of what the attempt has begun.
 */
static BSAI_ALWAYS_INLINE struct bsa_cpu *bsai_attempt_enter(struct bsa_heap *heap,
                                                             struct bsa_cpu *cpu, uintptr_t *state)
{
    *state = 0;
    if (BSA_CHECKS != 0)
        return NULL;
    *state = bsai_platform_enter(&heap->buddy.platform);
    if (cpu == NULL)
        cpu = bsai_caller_cpu(heap);
    if (BSAI_LIKELY(cpu != NULL) && bsai_attempt_own(cpu))
        return cpu;
    bsai_platform_leave(&heap->buddy.platform, *state);
    return NULL;
}

static BSAI_ALWAYS_INLINE void bsai_attempt_leave(const struct bsa_heap *heap, struct bsa_cpu *own,
                                                  uintptr_t state)
{
    bsai_attempt_disown(own);
    bsai_platform_leave(&heap->buddy.platform, state);
}

/* What an address lies in: a section with valid words, or NULL; its page there; slab or NULL. */
struct bsai_spot {
    const struct bsai_section *section;
    size_t page;
    struct bsai_slab *slab;
};

/* In the first section; false where it may be in another one. */
static BSAI_ALWAYS_INLINE bool bsai_spot_near(const struct bsa_heap *heap, const void *p,
                                              struct bsai_spot *spot)
{
    spot->section = heap->buddy.first;
    const struct bsai_map *map = &spot->section->map;
    spot->page = bsai_map_page(map, (uintptr_t)p);
    if (BSAI_UNLIKELY(spot->page >= bsai_consume(&map->ready)))
        return false;
    spot->slab = bsai_consume(&map->cold[spot->page]);
    return true;
}

static BSAI_ALWAYS_INLINE void bsai_spot_find(const struct bsa_heap *heap, const void *p,
                                              struct bsai_spot *spot)
{
    if (BSAI_LIKELY(bsai_spot_near(heap, p, spot)))
        return;
    spot->slab = NULL;
    spot->section = bsai_section_find(&heap->buddy, (uintptr_t)p, &spot->page);
    if (spot->section == NULL)
        return;
    if (BSAI_LIKELY(bsai_map_is_ready(&spot->section->map, spot->page)))
        spot->slab = bsai_consume(&spot->section->map.cold[spot->page]);
    else
        spot->section = NULL;
}

/* The call of a slow path: of what an attempt has begun as `own`, or from the start where it has
 * not (own NULL). The CPU that is owned then; NULL as of bsai_heap_begin. */
static inline struct bsa_cpu *bsai_attempt_continue(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                    struct bsa_cpu *own, uintptr_t state,
                                                    struct bsai_call *call)
{
    if (own == NULL)
        return bsai_heap_begin(heap, call, cpu);
    bsai_call_begin(call, &heap->buddy.platform);
    call->cpu = own;
    call->by_hook = cpu == NULL;
    call->state = state;
    return own;
}

/* The slab that an address lies in; NULL where there is none. */
static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_slab_at(const struct bsa_heap *heap, const void *p)
{
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)p, &page);
    return section != NULL ? bsai_map_slab(&section->map, page) : NULL;
}

/* The magazine of a class that a CPU serves a request from, by table, where that has the size and
 * the alignment, which is a power of two; else NULL. */
static BSAI_ALWAYS_INLINE struct bsai_magazine *
bsai_heap_magazine(const struct bsa_heap *heap, struct bsa_cpu *cpu, size_t size, size_t align)
{
    if (BSAI_UNLIKELY(size - 1 >= heap->classes.largest) || BSAI_UNLIKELY(align > 16))
        return NULL;
    return bsai_magazine_at(cpu, heap->fast.place[align / 16][(size - 1) / 8] *
                                     sizeof(struct bsai_magazine));
}

/* True when *out is an object from the owned CPU's magazine. */
static BSAI_ALWAYS_INLINE bool bsai_take_object(struct bsa_cpu *own, struct bsai_magazine *m,
                                                void **out)
{
    if (BSAI_UNLIKELY(!bsai_magazine_pop_home(m, out)))
        return false;
    own->lent = m;
    return true;
}

/* True when p was handed out last from the magazine of the owned CPU, and is back now. */
static BSAI_ALWAYS_INLINE bool bsai_put_lent(const struct bsa_cpu *own, struct bsai_magazine *m,
                                             const void *p)
{
    return own->atomic ? bsai_magazine_undo_private(m, p, own->id) : bsai_magazine_undo(m, p);
}

/* True when *out is an object from the exclusive CPU's magazine at that place. */
static BSAI_ALWAYS_INLINE bool bsai_fast_pop(struct bsa_cpu *cpu, uint8_t place, void **out)
{
    struct bsai_magazine *m = bsai_magazine_at(cpu, place * sizeof(struct bsai_magazine));
    if (BSAI_UNLIKELY(!bsai_magazine_pop_home(m, out)))
        return false;
    cpu->last = m;
    return true;
}

/* The same by size; row: of bsai_fast_tables. */
static BSAI_ALWAYS_INLINE bool bsai_fast_take(struct bsa_cpu *cpu, size_t size, size_t row,
                                              void **out)
{
    return BSAI_LIKELY(size - 1 < cpu->fast_size) &&
           bsai_fast_pop(cpu, cpu->fast[row][(size - 1) / 8], out);
}

/* The same at an alignment. */
static BSAI_ALWAYS_INLINE bool bsai_fast_alloc(struct bsa_cpu *cpu, size_t size, size_t align,
                                               void **out)
{
    return BSAI_LIKELY(align - 1 <= 15) && BSAI_LIKELY((align & (align - 1)) == 0) &&
           bsai_fast_take(cpu, size, align / 16, out);
}

/* The slab that an address lies in, for the exclusive CPU's fast paths; NULL where there is none,
 * or it is another section's. */
static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_fast_slab(const struct bsa_cpu *cpu, const void *p)
{
    const struct bsai_map *map = &cpu->first->map;
    return bsai_map_slab(map, bsai_map_page(map, (uintptr_t)p));
}

/* What a free of p is about: its place in a slab, and the magazine that it is for. All of it is
 * known before the CPU is owned. */
struct bsai_target {
    struct bsai_slot slot;
    struct bsai_magazine *m;
};

/* False when p is no object's first byte. */
static BSAI_ALWAYS_INLINE bool bsai_target_find(struct bsa_cpu *cpu, struct bsai_slab *slab,
                                                const void *p, struct bsai_target *t)
{
    size_t index;
    if (BSAI_UNLIKELY(!bsai_slab_index(slab, (uintptr_t)p, &index)))
        return false;
    t->m = bsai_magazine_at(cpu, slab->tag);
    t->slot = (struct bsai_slot){(uintptr_t)p, slab, bsai_states_of(slab, index), bsai_bit(index)};
    return true;
}

static BSAI_ALWAYS_INLINE bool bsai_is_home(const struct bsa_cpu *cpu, const struct bsai_slab *slab)
{
    return bsai_peek(&slab->home) == cpu->id;
}

/* True when it was live and is in the magazine of the CPU, which is owned and its home. Room is
 * looked for first: an object that is dead already must not need the slow path. */
static BSAI_ALWAYS_INLINE bool bsai_put_home(const struct bsai_target *t)
{
    if (BSAI_UNLIKELY(t->m->top >= t->m->limit) ||
        BSAI_UNLIKELY(!bsai_take_back(t->slot.states, t->slot.bit)))
        return false;
    bsai_magazine_push(t->m, t->slot);
    return true;
}

/* The same where another CPU is its home. */
static BSAI_ALWAYS_INLINE bool bsai_put_away(const struct bsai_target *t)
{
    struct bsai_slot slot = t->slot;
    if (BSAI_UNLIKELY(t->m->top >= t->m->limit) || BSAI_UNLIKELY(bsai_magazine_is_due(t->m)) ||
        BSAI_UNLIKELY(!bsai_take_back_away(slot.states, slot.bit)))
        return false;
    slot.addr = BSAI_NO_ADDRESS;
    bsai_magazine_push_away(t->m, slot);
    return true;
}

/* Whether a slab is private to the CPU; what is not LIVE in it may be so no more at any moment. */
static BSAI_ALWAYS_INLINE bool bsai_is_private(const struct bsa_cpu *cpu,
                                               const struct bsai_slab *slab)
{
    return bsai_is_home(cpu, slab) && !bsai_slab_is_exposed(slab);
}

/* Objects of any CPU's slab, whose states are in the same words: LIVE to CACHED where *home is true
 * then, else to AWAY; false leaves them as they were. */
static BSAI_ALWAYS_INLINE bool bsai_take_back_any(const struct bsa_cpu *own,
                                                  const struct bsai_slab *slab,
                                                  struct bsai_states *states, bsai_word bits,
                                                  bool *home)
{
    *home = bsai_is_home(own, slab);
    if (!own->atomic)
        return *home ? bsai_take_back(states, bits) : bsai_take_back_away(states, bits);
    if (bsai_is_private(own, slab))
        return bsai_take_back_private(slab, states, bits, own->id);
    if (!bsai_take_back_exposed(slab, states, bits))
        return false;
    *home = bsai_is_home(own, slab); /* which stays now */
    return true;
}

/* As put_home, by a CPU with a lock. */
static BSAI_ALWAYS_INLINE bool bsai_put_private(const struct bsa_cpu *own,
                                                const struct bsai_target *t)
{
    if (BSAI_UNLIKELY(t->m->top >= t->m->limit) ||
        BSAI_UNLIKELY(!bsai_take_back_private(t->slot.slab, t->slot.states, t->slot.bit, own->id)))
        return false;
    bsai_magazine_push(t->m, t->slot);
    return true;
}

/* The same of an exposed slab, whosever it is. */
static BSAI_ALWAYS_INLINE bool bsai_put_exposed(const struct bsa_cpu *own,
                                                const struct bsai_target *t)
{
    struct bsai_slot slot = t->slot;
    if (BSAI_UNLIKELY(t->m->top >= t->m->limit) || BSAI_UNLIKELY(bsai_magazine_is_due(t->m)) ||
        BSAI_UNLIKELY(!bsai_take_back_exposed(slot.slab, slot.states, slot.bit)))
        return false;
    if (!bsai_is_home(own, slot.slab))
        slot.addr = BSAI_NO_ADDRESS;
    bsai_magazine_take_in(t->m, slot);
    return true;
}

/* Any of these, as it has to be. */
static BSAI_ALWAYS_INLINE bool bsai_put_target(const struct bsa_cpu *own,
                                               const struct bsai_target *t)
{
    if (!own->atomic)
        return BSAI_LIKELY(bsai_is_home(own, t->slot.slab)) ? bsai_put_home(t) : bsai_put_away(t);
    return BSAI_LIKELY(bsai_is_private(own, t->slot.slab)) ? bsai_put_private(own, t)
                                                           : bsai_put_exposed(own, t);
}

/* True when p was a live object of the slab, which is at home here, and is in the exclusive CPU's
 * magazine. */
static BSAI_ALWAYS_INLINE bool bsai_fast_put_home(struct bsa_cpu *cpu, struct bsai_slab *slab,
                                                  void *p)
{
    struct bsai_target t;
    return BSAI_LIKELY(bsai_target_find(cpu, slab, p, &t)) &&
           BSAI_LIKELY(bsai_is_home(cpu, slab)) && bsai_put_home(&t);
}

/* The same of a slab that is another CPU's. */
static BSAI_ALWAYS_INLINE bool bsai_fast_free_away(struct bsa_cpu *cpu, struct bsai_slab *slab,
                                                   void *p)
{
    struct bsai_target t;
    return BSAI_LIKELY(!bsai_is_home(cpu, slab)) &&
           BSAI_LIKELY(bsai_target_find(cpu, slab, p, &t)) && bsai_put_away(&t);
}

/* True when p was a live object of the slab, whosever it is, and is in the owned CPU's magazine. */
static BSAI_ALWAYS_INLINE bool bsai_put_back(struct bsa_cpu *own, struct bsai_slab *slab,
                                             const void *p)
{
    struct bsai_target t;
    return BSAI_LIKELY(bsai_target_find(own, slab, p, &t)) && bsai_put_target(own, &t);
}

/* Bytes that may be used at p, for anybody; 0 where it is not live, or not in the first pages of
 * the first section. */
static BSAI_ALWAYS_INLINE size_t bsai_fast_usable(const struct bsa_heap *heap, const void *p)
{
    const struct bsai_map *map = &heap->buddy.first->map;
    size_t page = bsai_map_page(map, (uintptr_t)p), index;
    if (BSAI_UNLIKELY(page >= bsai_consume(&map->ready)))
        return 0;
    const struct bsai_slab *slab = bsai_consume(&map->cold[page]);
    if (slab != NULL)
        return BSAI_LIKELY(bsai_slab_index(slab, (uintptr_t)p, &index) &&
                           bsai_object_is_live(slab, index))
                   ? heap->caches[slab->cache].geometry.object_size
                   : 0;
    uint32_t word = bsai_word_unheld(bsai_consume(&map->hot[page]));
    return BSAI_LIKELY(bsai_word_kind(word) == BSAI_PAGE_BLOCK) &&
                   BSAI_LIKELY(bsai_map_addr(map, page) == (uintptr_t)p)
               ? bsai_word_count(word) << map->page_shift
               : 0;
}

/* What is left over by all of these: whatever else bsa_cpu_alloc and bsa_cpu_free do. */
enum bsa_status bsai_cpu_alloc_other(struct bsa_cpu *cpu, size_t size, size_t align, void **out);
enum bsa_status bsai_cpu_free_other(struct bsa_cpu *cpu, void *p);

#endif
