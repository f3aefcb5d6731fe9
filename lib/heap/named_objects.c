/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of named caches: the fast paths, with no look at a size, and what they leave. */
#include "fast.h"

/* NULL, or why a cache cannot be used by a CPU's handle, which is NULL by the hook. */
static const char *check(const struct bsa_cpu *cpu, const struct bsa_cache *cache)
{
    return cpu != NULL && cpu->heap != cache->heap ? "a named cache of another heap than the CPU's"
                                                   : NULL;
}

static BSAI_NOINLINE enum bsa_status alloc_slow(struct bsa_cpu *cpu, struct bsa_cache *cache,
                                                void **out)
{
    struct bsa_heap *heap = cache->heap;
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    const char *wrong = check(cpu, cache);
    *out = NULL;
    if (wrong != NULL) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, cache, wrong);
        return bsai_call_end(&call, status);
    }
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu != NULL) {
        status = bsai_consume(&cache->used) == 0
                     ? BSA_ERR_NOT_INITIALIZED
                     : bsai_heap_alloc_object(cpu, &call, cache->number, out);
        bsai_heap_end(cpu, &call);
    }
    return bsai_call_end(&call, status);
}

/* The slab of the object at p, if it is one of the cache's. */
static BSAI_ALWAYS_INLINE struct bsai_slab *slab_of(const struct bsa_cache *cache, const void *p)
{
    struct bsai_slab *slab = bsai_slab_at(cache->heap, p);
    return slab != NULL && slab->cache == cache->number ? slab : NULL;
}

static BSAI_NOINLINE enum bsa_status free_slow(struct bsa_cpu *cpu, struct bsa_cache *cache,
                                               void *p)
{
    struct bsa_heap *heap = cache->heap;
    struct bsai_call call;
    struct bsai_found found;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    const char *wrong = check(cpu, cache);
    if (wrong == NULL && bsai_heap_find(heap, p, &found) != 0 && slab_of(cache, p) == NULL)
        wrong = "free to a named cache of what is not one of its objects";
    if (wrong != NULL) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, p, wrong);
        return bsai_call_end(&call, status);
    }
    /* What is not live is left to the free, which says what is wrong with it. */
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu != NULL) {
        status = bsai_consume(&cache->used) == 0 ? BSA_ERR_NOT_INITIALIZED
                                                 : bsai_heap_free_any(cpu, &call, p, 0);
        bsai_heap_end(cpu, &call);
    }
    return bsai_call_end(&call, status);
}

static BSAI_ALWAYS_INLINE enum bsa_status alloc(struct bsa_cpu *cpu, struct bsa_cache *cache,
                                                void **out)
{
    if (BSAI_LIKELY(cpu != NULL && cpu->plain && cpu->heap == cache->heap) &&
        BSAI_LIKELY(bsai_fast_own(cpu))) {
        struct bsai_magazine *m = &cpu->magazines[cache->number];
        bool done = bsai_magazine_pop_home(m, out);
        if (!cpu->locked)
            cpu->last = m; /* a free of any object looks there */
        bsai_fast_disown(cpu);
        if (BSAI_LIKELY(done))
            return BSA_OK;
    }
    return alloc_slow(cpu, cache, out);
}

static BSAI_ALWAYS_INLINE enum bsa_status put(struct bsa_cpu *cpu, struct bsa_cache *cache, void *p)
{
    if (BSAI_UNLIKELY(p == NULL))
        return BSA_OK;
    if (BSAI_LIKELY(cpu != NULL && cpu->plain && cpu->heap == cache->heap)) {
        if (!cpu->locked && bsai_magazine_undo(&cpu->magazines[cache->number], p))
            return BSA_OK;
        struct bsai_slab *slab = slab_of(cache, p);
        if (BSAI_LIKELY(slab != NULL) && BSAI_LIKELY(bsai_fast_own(cpu))) {
            bool done = bsai_put_back(cpu, slab, (uintptr_t)p);
            bsai_fast_disown(cpu);
            if (BSAI_LIKELY(done))
                return BSA_OK;
        }
    }
    return free_slow(cpu, cache, p);
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
