/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of named caches: the fast paths, with no look at a size, and what they leave. */
#include "fast.h"

/* A CPU's handle, which is NULL by the hook, is of another heap than the cache. */
static bool is_foreign(const struct bsa_cpu *cpu, const struct bsa_cache *cache)
{
    return cpu != NULL && cpu->heap != cache->heap;
}

static enum bsa_status refuse_handle(const struct bsa_cache *cache, const void *p)
{
    struct bsai_call call;
    bsai_call_begin(&call, &cache->heap->buddy.platform);
    bsai_misuse(&call, BSA_ERR_INVALID_PARAM, p, "a named cache of another heap than the CPU's");
    return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
}

/* The slab of the object at p, if it is one of the cache's. */
static BSAI_ALWAYS_INLINE struct bsai_slab *slab_of(const struct bsa_cache *cache, const void *p)
{
    struct bsai_slab *slab = bsai_slab_at(cache->heap, p);
    return slab != NULL && slab->cache == cache->number ? slab : NULL;
}

/* With the CPU owned, as the next: whatever there is to do. */
static enum bsa_status get_any(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_cache *cache,
                               void **out)
{
    *out = NULL;
    return bsai_consume(&cache->used) == 0 ? BSA_ERR_NOT_INITIALIZED
                                           : bsai_heap_alloc_object(cpu, call, cache->number, out);
}

static enum bsa_status put_any(struct bsa_cpu *cpu, struct bsai_call *call,
                               const struct bsa_cache *cache, void *p)
{
    struct bsai_found found;
    /* What is not live is left to the free, which says what is wrong with it. */
    if (bsai_heap_find(cache->heap, p, &found) != 0 && slab_of(cache, p) == NULL)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, p,
                           "free to a named cache of what is not one of its objects");
    return bsai_consume(&cache->used) == 0 ? BSA_ERR_NOT_INITIALIZED
                                           : bsai_heap_free_any(cpu, call, p, 0);
}

/* Everything but the fast paths; own: as of bsai_attempt_continue. */
static BSAI_NOINLINE enum bsa_status alloc_slow(struct bsa_cpu *cpu, struct bsa_cpu *own,
                                                uintptr_t state, struct bsa_cache *cache,
                                                void **out)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    *out = NULL;
    own = bsai_attempt_continue(cache->heap, cpu, own, state, &call);
    if (own != NULL) {
        status = get_any(own, &call, cache, out);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

static BSAI_NOINLINE enum bsa_status free_slow(struct bsa_cpu *cpu, struct bsa_cpu *own,
                                               uintptr_t state, const struct bsa_cache *cache,
                                               void *p)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    own = bsai_attempt_continue(cache->heap, cpu, own, state, &call);
    if (own != NULL) {
        status = put_any(own, &call, cache, p);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

/* CPUs with a lock, and heaps with enter and leave; cpu NULL: by the hook. */
static BSAI_NOINLINE enum bsa_status alloc_second(struct bsa_cpu *cpu, struct bsa_cache *cache,
                                                  void **out)
{
    uintptr_t state;
    if (BSAI_UNLIKELY(is_foreign(cpu, cache))) {
        *out = NULL;
        return refuse_handle(cache, cache);
    }
    struct bsa_cpu *own = bsai_attempt_enter(cache->heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL) ||
        BSAI_UNLIKELY(!bsai_take_object(own, &own->magazines[cache->number], out)))
        return alloc_slow(cpu, own, state, cache, out);
    bsai_attempt_leave(cache->heap, own, state);
    return BSA_OK;
}

static BSAI_NOINLINE enum bsa_status free_second(struct bsa_cpu *cpu, const struct bsa_cache *cache,
                                                 void *p)
{
    uintptr_t state;
    struct bsai_spot spot;
    if (BSAI_UNLIKELY(is_foreign(cpu, cache)))
        return refuse_handle(cache, p);
    struct bsa_cpu *own = bsai_attempt_enter(cache->heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL))
        return free_slow(cpu, own, state, cache, p);
    if (!bsai_put_lent(own, &own->magazines[cache->number], p)) {
        bsai_spot_find(cache->heap, p, &spot);
        if (BSAI_UNLIKELY(spot.slab == NULL) || BSAI_UNLIKELY(spot.slab->cache != cache->number) ||
            BSAI_UNLIKELY(!bsai_put_back(own, spot.slab, p)))
            return free_slow(cpu, own, state, cache, p);
    }
    bsai_attempt_leave(cache->heap, own, state);
    return BSA_OK;
}

static BSAI_ALWAYS_INLINE enum bsa_status alloc(struct bsa_cpu *cpu, struct bsa_cache *cache,
                                                void **out)
{
    if (BSAI_LIKELY(cpu != NULL && cpu->plain && cpu->heap == cache->heap)) {
        struct bsai_magazine *m = &cpu->magazines[cache->number];
        if (BSAI_LIKELY(bsai_magazine_pop_home(m, out))) {
            cpu->last = m; /* a free of any object looks there */
            return BSA_OK;
        }
    }
    return alloc_second(cpu, cache, out);
}

static BSAI_ALWAYS_INLINE enum bsa_status put(struct bsa_cpu *cpu, struct bsa_cache *cache, void *p)
{
    if (BSAI_UNLIKELY(p == NULL))
        return BSA_OK;
    if (BSAI_LIKELY(cpu != NULL && cpu->plain && cpu->heap == cache->heap)) {
        if (bsai_magazine_undo(&cpu->magazines[cache->number], p))
            return BSA_OK;
        struct bsai_slab *slab = slab_of(cache, p);
        if (BSAI_LIKELY(slab != NULL) && BSAI_LIKELY(bsai_put_back(cpu, slab, p)))
            return BSA_OK;
    }
    return free_second(cpu, cache, p);
}

static enum bsa_status refuse(void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    return BSA_ERR_NOT_INITIALIZED;
}

enum bsa_status bsa_cache_alloc(bsa_cache *cache, void **out)
{
    if (BSAI_UNLIKELY(out == NULL || cache == NULL))
        return refuse(out);
    return alloc(bsai_fast_cpu(cache->heap), cache, out);
}

enum bsa_status bsa_cpu_cache_alloc(bsa_cpu *cpu, bsa_cache *cache, void **out)
{
    if (BSAI_UNLIKELY(out == NULL || cache == NULL || cpu == NULL))
        return refuse(out);
    return alloc(cpu, cache, out);
}

enum bsa_status bsa_cache_free(bsa_cache *cache, void *p)
{
    return cache == NULL ? BSA_ERR_NOT_INITIALIZED : put(bsai_fast_cpu(cache->heap), cache, p);
}

enum bsa_status bsa_cpu_cache_free(bsa_cpu *cpu, bsa_cache *cache, void *p)
{
    return cache == NULL || cpu == NULL ? BSA_ERR_NOT_INITIALIZED : put(cpu, cache, p);
}
