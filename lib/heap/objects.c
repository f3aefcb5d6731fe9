/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: the fast paths, and what happens when a magazine is empty or full. */
#include "fast_blocks.h"

/* A record for a new slab of the cache, from its pool, which may need a page for it. */
static struct bsai_slab *get_record(struct bsa_cpu *cpu, struct bsai_call *call,
                                    struct bsai_cache *cache)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsai_slab *record;
    while ((record = bsai_records_get(cache->records, call, cpu->id)) == NULL) {
        void *chunk = bsai_buddy_take(&heap->buddy, call, 1, heap->buddy.page_size, false,
                                      BSAI_USE_SLABS, BSAI_PAGE_META);
        if (chunk == NULL)
            return NULL;
        bsai_records_add(cache->records, call, chunk);
    }
    return record;
}

/* Pages for a slab. Who is about to give up sees that they were taken, and tries again: so none are
 * where there is no page besides for the record that it needs. */
static void *take_pages(struct bsa_heap *heap, struct bsai_call *call,
                        const struct bsai_cache *cache, const struct bsai_geometry *g)
{
    size_t more = bsai_peek(&cache->records->chunks) == NULL;
    if (bsai_buddy_open_pages(&heap->buddy) < g->slab_pages + more)
        return NULL;
    return bsai_buddy_take(&heap->buddy, call, g->slab_pages, g->slab_align, false, BSAI_USE_SLABS,
                           BSAI_PAGE_META);
}

/* A slab of this geometry. Its pages come first: an attempt for which there are none then holds
 * nothing, not for a moment, that others could need. */
static struct bsai_slab *try_slab(struct bsa_cpu *cpu, struct bsai_call *call,
                                  struct bsai_cache *cache, const struct bsai_geometry *g)
{
    struct bsa_heap *heap = cpu->heap;
    void *pages = take_pages(heap, call, cache, g);
    if (pages == NULL)
        return NULL;
    struct bsai_slab *record = get_record(cpu, call, cache);
    if (record == NULL) {
        bsai_heap_give_back(heap, call, pages, g->slab_pages);
        return NULL;
    }
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)pages, &page);
    bsai_slab_make(cache, g, record, &section->map, page);
    bsai_count(&cpu->counters.slabs_added, (size_t)1);
    return record;
}

/* A new slab, not yet known to its cache; NULL when pages are short. */
static struct bsai_slab *make_slab(struct bsa_cpu *cpu, struct bsai_call *call,
                                   struct bsai_cache *cache)
{
    const struct bsai_geometry *g = bsai_cache_next(cache), *small = &cache->small;
    struct bsai_slab *slab = try_slab(cpu, call, cache, g);
    return slab == NULL && small->slab_pages < g->slab_pages ? try_slab(cpu, call, cache, small)
                                                             : slab;
}

static void flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache)
{
    if (bsai_magazine_flush(cpu, call, cache, bsai_heap_depot(cpu, cache->id)))
        bsai_heap_settle(cpu->heap, call, cache, cache->keep_empty);
}

/* The magazine of a cache is bare: fills it, with everything short of other CPUs' private state.
 */
static bool refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_magazine *m,
                   struct bsai_cache *cache)
{
    struct bsai_depot *depot = bsai_heap_depot(cpu, cache->id);
    bsai_heap_meet_request(cpu, call);
    if (bsai_magazine_is_tight(m))
        flush(cpu, call, cache);
    if (bsai_magazine_refill(cpu, call, m, cache, depot, BSAI_TAKE_OWN, NULL))
        return true;
    struct bsai_slab *fresh = make_slab(cpu, call, cache);
    if (fresh != NULL)
        return bsai_magazine_refill(cpu, call, m, cache, depot, BSAI_TAKE_OWN, fresh);
    if (bsai_magazine_refill(cpu, call, m, cache, depot, BSAI_TAKE_ANY, NULL))
        return true;
    bool any = m->away != 0;
    m->away = 0; /* memory is short: they need not go home first */
    return any;
}

/* For the length of a call, where a named cache has no slots on a CPU. */
struct stand_in {
    struct bsai_magazine magazine;
    struct bsai_slot slots[1 + BSAI_SLOTS_EXTRA];
};

static struct bsai_magazine *stand_in(const struct bsai_cache *cache, struct stand_in *in)
{
    in->magazine.now = &cache->epoch;
    in->magazine.object_size = cache->geometry.object_size;
    bsai_magazine_init(&in->magazine, in->slots, 0, false);
    return &in->magazine;
}

/* The magazine to serve from; one on the stack where a named cache has no slots on the CPU. */
static struct bsai_magazine *open_magazine(struct bsa_cpu *cpu, struct bsai_call *call,
                                           unsigned number, struct stand_in *in)
{
    struct bsai_magazine *m = &cpu->magazines[number];
    if (BSAI_UNLIKELY(m->capacity == 0) && number > cpu->heap->classes.count) {
        bsai_named_open(cpu, call, number);
        if (m->capacity == 0)
            return stand_in(&cpu->heap->caches[number], in);
    }
    return m;
}

enum bsa_status bsai_heap_alloc_object(struct bsa_cpu *cpu, struct bsai_call *call, unsigned number,
                                       void **out)
{
    struct bsai_cache *cache = &cpu->heap->caches[number];
    struct bsai_pressure pressure = {.cache = cache};
    struct stand_in in;
    struct bsa_cpu *next;
    struct bsai_magazine *m = open_magazine(cpu, call, number, &in);
    void *twice = NULL;
    if (bsai_magazine_is_bare(m)) {
        bsai_count(&cpu->counters.refills, (size_t)1);
        bsai_magazine_widen(m);
    }
    for (;;) {
        *out = bsai_magazine_pop(m, &twice);
        if (*out == NULL && refill(cpu, call, m, cache))
            *out = bsai_magazine_pop(m, &twice);
        if (*out != NULL || cache->small.slab_pages > bsai_buddy_total_pages(&cpu->heap->buddy) ||
            (next = bsai_heap_relieve(cpu, call, &pressure)) == NULL)
            break;
        if (next != cpu)
            m = open_magazine(next, call, number, &in);
        cpu = next;
    }
    bsai_heap_relieved(cpu, call, &pressure);
    if (BSAI_UNLIKELY(twice != NULL))
        bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, twice, BSAI_FREED_TWICE);
    return *out != NULL ? BSA_OK : BSA_ERR_NO_MEMORY;
}

enum bsa_status bsai_heap_alloc_any(struct bsa_cpu *cpu, struct bsai_call *call, size_t size,
                                    size_t align, void **out)
{
    const struct bsa_heap *heap = cpu->heap;
    unsigned size_class = bsai_class_for(&heap->classes, size, align);
    if (size_class < heap->classes.count)
        return bsai_heap_alloc_object(cpu, call, size_class, out);
    size_t pages = bsai_heap_pages_for(heap, size);
    return bsai_heap_alloc_run(cpu, call, pages, align, false, out);
}

/* Everything but the fast path. cpu NULL: by the hook; own: as of bsai_attempt_continue. */
static BSAI_NOINLINE enum bsa_status alloc_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                struct bsa_cpu *own, uintptr_t state, size_t size,
                                                size_t align, void **out)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    *out = NULL;
    if (!bsai_is_pow2(align)) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, NULL, "an alignment that is not a power of two");
        return bsai_call_end(&call, status);
    }
    own = bsai_attempt_continue(heap, cpu, own, state, &call);
    if (own != NULL) {
        status = bsai_heap_alloc_any(own, &call, size, align, out);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

/* The fourth attempt: whatever is asked for, within enter and leave. cpu NULL: by the hook. */
static BSAI_NOINLINE enum bsa_status alloc_fourth(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                  size_t size, size_t align, void **out)
{
    uintptr_t state;
    if (BSAI_UNLIKELY(!bsai_is_pow2(align)))
        return alloc_slow(heap, cpu, NULL, 0, size, align, out);
    unsigned c = bsai_class_for(&heap->classes, size, align);
    struct bsa_cpu *own = bsai_attempt_enter(heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL) ||
        BSAI_UNLIKELY(!(BSAI_LIKELY(c < heap->classes.count)
                            ? bsai_take_object(own, &own->magazines[c], out)
                            : bsai_take_run(own, bsai_heap_pages_for(heap, size), align, out))))
        return alloc_slow(heap, cpu, own, state, size, align, out);
    bsai_attempt_leave(heap, own, state);
    return BSA_OK;
}

/* What is left over where the CPU is owned already. Functions of their own, so that what tails into
 * them has few arguments to keep, and no register to save. */
static BSAI_NOINLINE enum bsa_status alloc_held(struct bsa_cpu *own, size_t size, size_t align,
                                                void **out)
{
    return alloc_slow(own->heap, own, own, 0, size, align, out);
}

/* The third attempt: an object, from a CPU with a lock. It needs no call frame. */
BSAI_NOINLINE BSAI_HOT enum bsa_status bsai_cpu_alloc_other(struct bsa_cpu *cpu, size_t size,
                                                            size_t align, void **out)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsai_magazine *m = bsai_heap_magazine(heap, cpu, size, align);
    if (BSAI_UNLIKELY(!heap->caller.plain) || BSAI_UNLIKELY(m == NULL) ||
        BSAI_UNLIKELY(!bsai_is_pow2(align)))
        return alloc_fourth(heap, cpu, size, align, out);
    if (BSAI_UNLIKELY(!cpu->locked))
        return alloc_held(cpu, size, align, out);
    if (BSAI_UNLIKELY(!bsai_lock_try_word(&cpu->lock.word)))
        return alloc_fourth(cpu->heap, cpu, size, align, out);
    if (BSAI_UNLIKELY(!bsai_take_object(cpu, m, out)))
        return alloc_held(cpu, size, align, out);
    bsai_lock_clear_word(&cpu->lock.word);
    return BSA_OK;
}

/* The second attempt: blocks. Its parameters are where those of bsa_cpu_alloc are, which so need
 * not move them; nor does it save a register, as what else it needs is called last. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status alloc_block(struct bsa_cpu *cpu, size_t size,
                                                          size_t align, void **out)
{
    if (BSAI_LIKELY(align <= cpu->page_size) && size > cpu->fast_size && bsai_is_pow2(align) &&
        BSAI_LIKELY((*out = bsai_fast_alloc_run(cpu, bsai_heap_pages_for(cpu->heap, size))) !=
                    NULL))
        return BSA_OK;
    return bsai_cpu_alloc_other(cpu, size, align, out);
}

BSAI_HOT enum bsa_status bsa_heap_alloc(bsa_heap *heap, size_t size, size_t align, void **out)
{
    if (BSAI_UNLIKELY(out == NULL))
        return BSA_ERR_INVALID_PARAM;
    if (BSAI_UNLIKELY(heap == NULL)) {
        *out = NULL;
        return BSA_ERR_NOT_INITIALIZED;
    }
    struct bsa_cpu *cpu = bsai_fast_cpu(heap);
    if (BSAI_UNLIKELY(cpu == NULL))
        return alloc_fourth(heap, NULL, size, align, out);
    return BSAI_LIKELY(bsai_fast_alloc(cpu, size, align, out)) ? BSA_OK
                                                               : alloc_block(cpu, size, align, out);
}

static BSAI_NOINLINE enum bsa_status refuse_alloc(void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    return BSA_ERR_NOT_INITIALIZED;
}

BSAI_HOT enum bsa_status bsa_cpu_alloc(bsa_cpu *cpu, size_t size, size_t align, void **out)
{
    if (BSAI_UNLIKELY(cpu == NULL) || BSAI_UNLIKELY(out == NULL))
        return refuse_alloc(out);
    if (BSAI_LIKELY(bsai_fast_alloc(cpu, size, align, out)))
        return BSA_OK;
    return alloc_block(cpu, size, align, out);
}

/* Frees. */

/* An object that is dead now goes into the magazine; what overflows may empty slabs. */
static void stow(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_slot slot)
{
    unsigned number = slot.slab->cache;
    struct bsai_cache *cache = &cpu->heap->caches[number];
    struct bsai_magazine *m = &cpu->magazines[number];
    if (m->top >= m->limit || bsai_magazine_is_due(m)) {
        bsai_heap_meet_request(cpu, call);
        if (m->capacity == 0 && number > cpu->heap->classes.count)
            bsai_named_open(cpu, call, number);
        if (bsai_magazine_is_due(m) ||
            (m->capacity != 0 && m->top >= m->limit && !bsai_magazine_widen(m) &&
             !bsai_magazine_enlarge(cpu, call, &cpu->heap->buddy, m)))
            flush(cpu, call, cache);
    }
    if (m->capacity != 0)
        bsai_magazine_take_in(m, slot);
    else if (bsai_magazine_bypass(cpu, call, cache, slot))
        bsai_heap_settle(cpu->heap, call, cache, cache->keep_empty);
}

/* Exposes the slab of an object that was found there, LIVE. False where it is there no more: locks
 * were waited for, others may have freed it, and the slab's record be another slab's by now. */
static bool expose(struct bsa_cpu *cpu, struct bsai_call *call, const struct bsai_slot *slot)
{
    size_t index;
    bsai_heap_expose(cpu, call, slot);
    return bsai_slab_at(cpu->heap, (const void *)slot->addr) == slot->slab &&
           bsai_slab_locate(slot->slab, slot->addr, &index) && index == bsai_slot_index(slot);
}

static enum bsa_status free_object(struct bsa_cpu *cpu, struct bsai_call *call,
                                   struct bsai_slab *slab, void *p)
{
    size_t index;
    bool home;
    if (slab == NULL)
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, p, "free of an object whose slab is gone");
    if (!bsai_slab_locate(slab, (uintptr_t)p, &index))
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, p, "free of an address inside an object");
    struct bsai_slot slot = {(uintptr_t)p, slab, bsai_states_of(slab, index), bsai_bit(index)};
    /* What is dead needs no more than to be told. */
    bool exposes = cpu->atomic && !bsai_is_home(cpu, slab) && !bsai_slab_is_exposed(slab) &&
                   bsai_live(slot.states, slot.bit) != 0;
    if ((exposes && !expose(cpu, call, &slot)) ||
        !bsai_take_back_any(cpu, slab, slot.states, slot.bit, &home))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, p, "double free of an object");
    if (!home)
        slot.addr = BSAI_NO_ADDRESS;
    stow(cpu, call, slot);
    return BSA_OK;
}

enum bsa_status bsai_heap_free_any(struct bsa_cpu *cpu, struct bsai_call *call, void *p,
                                   size_t pages)
{
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    size_t page;
    struct bsai_section *section = bsai_section_find(buddy, (uintptr_t)p, &page);
    if (section == NULL)
        return bsai_misuse(call, BSA_ERR_NOT_FOUND, p,
                           "free of an address that is not in this heap");
    uint32_t word = bsai_map_word(&section->map, page);
    switch (bsai_word_kind(word)) {
    case BSAI_PAGE_SLAB:
        if (pages != 0)
            return bsai_misuse(call, BSA_ERR_INVALID_PARAM, p, "free of an object as pages");
        return free_object(cpu, call, bsai_consume(&section->map.cold[page]), p);
    case BSAI_PAGE_BLOCK:
        if (((uintptr_t)p & (buddy->page_size - 1)) != 0)
            return bsai_misuse(call, BSA_ERR_INVALID_PARAM, p, "free of an address inside a block");
        if (pages != 0 && pages != bsai_word_count(word))
            return bsai_misuse(call, BSA_ERR_INVALID_PARAM, p,
                               "free of a block with another count of pages");
        return bsai_heap_free_run(cpu, call, section, page);
    default:
        return bsai_buddy_blame(buddy, call, p);
    }
}

static BSAI_NOINLINE enum bsa_status free_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                               struct bsa_cpu *own, uintptr_t state, void *p)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    own = bsai_attempt_continue(heap, cpu, own, state, &call);
    if (own != NULL) {
        status = bsai_heap_free_any(own, &call, p, 0);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

/* The fourth attempt: whatever lies there, within enter and leave. cpu NULL: by the hook. */
static BSAI_NOINLINE enum bsa_status free_fourth(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                 void *p)
{
    uintptr_t state;
    struct bsai_spot spot;
    struct bsa_cpu *own = bsai_attempt_enter(heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL))
        return free_slow(heap, cpu, own, state, p);
    if (!bsai_put_lent(own, own->lent, p)) {
        bsai_spot_find(heap, p, &spot);
        if (BSAI_UNLIKELY(!(spot.slab != NULL ? bsai_put_back(own, spot.slab, p)
                                              : bsai_put_run(own, &spot, p, 0))))
            return free_slow(heap, cpu, own, state, p);
    }
    bsai_attempt_leave(heap, own, state);
    return BSA_OK;
}

/* As alloc_held. */
static BSAI_NOINLINE enum bsa_status free_held(struct bsa_cpu *own, void *p)
{
    return free_slow(own->heap, own, own, 0, p);
}

/* The third attempt of what is no private slab's. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status free_exposed(struct bsa_cpu *cpu, void *p,
                                                           struct bsai_slab *slab)
{
    struct bsai_target t;
    if (BSAI_UNLIKELY(!bsai_target_find(cpu, slab, p, &t)) || BSAI_UNLIKELY(!bsai_attempt_own(cpu)))
        return free_fourth(cpu->heap, cpu, p);
    if (BSAI_UNLIKELY(!bsai_put_exposed(cpu, &t)))
        return free_held(cpu, p);
    bsai_attempt_disown(cpu);
    return BSA_OK;
}

/* The third attempt: an object, to a CPU with a lock. It needs no call frame, and what is looked up
 * is looked up before the lock, which waits for nothing then. */
BSAI_NOINLINE BSAI_HOT enum bsa_status bsai_cpu_free_other(struct bsa_cpu *cpu, void *p)
{
    struct bsai_spot spot;
    struct bsai_target t;
    struct bsa_heap *heap = cpu->heap;
    if (BSAI_UNLIKELY(p == NULL))
        return BSA_OK;
    if (BSAI_UNLIKELY(!heap->caller.plain) || BSAI_UNLIKELY(!bsai_spot_near(heap, p, &spot)) ||
        BSAI_UNLIKELY(spot.slab == NULL))
        return free_fourth(heap, cpu, p);
    if (BSAI_UNLIKELY(!cpu->locked))
        return free_held(cpu, p);
    if (!bsai_is_private(cpu, spot.slab))
        return free_exposed(cpu, p, spot.slab);
    if (BSAI_UNLIKELY(!bsai_target_find(cpu, spot.slab, p, &t)) ||
        BSAI_UNLIKELY(!bsai_lock_try_word(&cpu->lock.word)))
        return free_fourth(cpu->heap, cpu, p);
    BSAI_KEEP(t.slot.bit);
    BSAI_KEEP(t.slot.states);
    if (BSAI_UNLIKELY(!bsai_put_private(cpu, &t)))
        return free_held(cpu, p);
    bsai_lock_clear_word(&cpu->lock.word);
    return BSA_OK;
}

/* The second attempt: an object of another CPU, or a block. Parameters as those of bsa_cpu_free. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status free_second(struct bsa_cpu *cpu, void *p)
{
    struct bsai_slab *slab = bsai_fast_slab(cpu, p);
    return BSAI_LIKELY(slab != NULL ? bsai_fast_free_away(cpu, slab, p)
                                    : bsai_fast_free_block(cpu, p, 0))
               ? BSA_OK
               : bsai_cpu_free_other(cpu, p);
}

/* What is in no slab, on a page that is known already. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status free_block(struct bsa_cpu *cpu, void *p, size_t page)
{
    return BSAI_LIKELY(bsai_fast_begins(cpu, p)) && BSAI_LIKELY(bsai_fast_put_block(cpu, p, page))
               ? BSA_OK
               : free_second(cpu, p);
}

static BSAI_ALWAYS_INLINE enum bsa_status free_first(struct bsa_cpu *cpu, void *p)
{
    const struct bsai_map *map = &cpu->first->map;
    size_t page;
    if (bsai_magazine_undo(cpu->last, p))
        return BSA_OK;
    if (BSAI_UNLIKELY(!bsai_map_has(map, page = bsai_map_page(map, (uintptr_t)p))))
        return bsai_cpu_free_other(cpu, p);
    struct bsai_slab *slab = bsai_consume(&map->cold[page]);
    if (BSAI_UNLIKELY(slab == NULL))
        return free_block(cpu, p, page);
    return BSAI_LIKELY(bsai_fast_put_home(cpu, slab, p)) ? BSA_OK : free_second(cpu, p);
}

BSAI_HOT enum bsa_status bsa_heap_free(bsa_heap *heap, void *p)
{
    if (BSAI_UNLIKELY(heap == NULL))
        return BSA_ERR_NOT_INITIALIZED;
    if (BSAI_UNLIKELY(p == NULL))
        return BSA_OK;
    struct bsa_cpu *cpu = bsai_fast_cpu(heap);
    if (BSAI_UNLIKELY(cpu == NULL))
        return free_fourth(heap, NULL, p);
    return free_first(cpu, p);
}

BSAI_HOT enum bsa_status bsa_cpu_free(bsa_cpu *cpu, void *p)
{
    if (BSAI_UNLIKELY(cpu == NULL))
        return BSA_ERR_NOT_INITIALIZED;
    return free_first(cpu, p);
}

enum bsa_status bsa_heap_free_sized(bsa_heap *heap, void *p, size_t size, size_t align)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (p == NULL)
        return BSA_OK;

    struct bsai_found found;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    if (!bsai_is_pow2(align)) {
        bsai_misuse(&call, BSA_ERR_INVALID_PARAM, p, "an alignment that is not a power of two");
        return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
    }
    /* What is not live is left to the free below, which says what is wrong with it. */
    if (bsai_heap_find(heap, p, &found) != 0) {
        unsigned size_class = bsai_class_for(&heap->classes, size, align);
        bool same;
        if (found.slab != NULL)
            same = size_class == found.slab->cache;
        else
            same = size_class == heap->classes.count && ((uintptr_t)p & (align - 1)) == 0 &&
                   bsai_word_count(found.word) == bsai_heap_pages_for(heap, size);
        if (!same) {
            bsai_misuse(&call, BSA_ERR_INVALID_PARAM, p,
                        "free with another size or alignment than allocated");
            return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
        }
    }
    return free_slow(heap, NULL, NULL, 0, p);
}
