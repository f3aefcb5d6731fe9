/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named caches: made, ended, looked at.
 *
 * Each is one of a fixed number of caches that follow those of the size classes, so that all that
 * goes over the caches finds them, and a free finds the magazine of any object in the same way. Of
 * a CPU's magazines for them only the heads are made in advance; slots are given when a CPU first
 * uses a cache, a piece of a page each, and stay with the head when the cache ends.
 */
#include "heap.h"

enum { SLOTS_BYTES = 1024 }; /* of one magazine */

/* A magazine's capacity: what its slots hold but for the two at its ends. */
static unsigned capacity_for(const struct bsa_heap *heap, const struct bsa_cache_config *config,
                             size_t object_size)
{
    size_t most = SLOTS_BYTES / sizeof(struct bsai_slot) - BSAI_SLOTS_EXTRA;
    size_t wanted = config->magazine_objects;
    /* What was set for all size classes is too much for what is larger than any of them. */
    if (wanted == 0 && (heap->shape.adapts || object_size > BSA_MAX_CLASS_SIZE))
        wanted = bsai_divide(heap->shape.object_bytes, object_size);
    else if (wanted == 0)
        wanted = heap->shape.magazine[0];
    if (wanted == BSA_NONE)
        return 0;
    return (unsigned)(wanted < most ? wanted : most);
}

/* Slots from the CPU's own page, or a new one; NULL when memory is short. */
static struct bsai_slot *carve(struct bsa_cpu *cpu, struct bsai_call *call)
{
    struct bsa_heap *heap = cpu->heap;
    if (cpu->spare == cpu->spare_end) {
        if (bsai_peek(&heap->cpu_pages) >= bsai_buddy_total_pages(&heap->buddy) / 16)
            return NULL;
        void *page = bsai_buddy_take(&heap->buddy, call, 1, heap->buddy.page_size, false,
                                     BSAI_USE_SLABS, BSAI_PAGE_META);
        if (page == NULL)
            return NULL;
        bsai_shared_count(&heap->cpu_pages, (size_t)1);
        cpu->spare = page;
        cpu->spare_end = cpu->spare + heap->buddy.page_size / sizeof(struct bsai_slot);
    }
    struct bsai_slot *slots = cpu->spare;
    cpu->spare += SLOTS_BYTES / sizeof(struct bsai_slot);
    return slots;
}

void bsai_named_open(struct bsa_cpu *cpu, struct bsai_call *call, unsigned number)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsai_magazine *m = &cpu->magazines[number];
    const struct bsa_cache *named = &heap->named[number - heap->classes.count - 1];
    unsigned capacity = named->magazine;
    struct bsai_slot *slots = m->own - 1;
    if (capacity == 0 || cpu == heap->common)
        return;
    if (slots == cpu->closed)
        slots = carve(cpu, call);
    if (slots == NULL)
        return;
    m->object_size = heap->caches[number].geometry.object_size;
    bsai_magazine_init(m, slots, capacity, named->adapts);
}

static bool read_config(struct bsa_cache_config *c, const struct bsa_cache_config *config)
{
    if (config == NULL || !bsai_copy_sized(c, sizeof(*c), config, config->size))
        return false;
    if (c->align == 0)
        c->align = 8;
    if (c->name == NULL || c->name[0] == '\0' || c->flags != 0 || c->object_size == 0 ||
        c->object_size > BSA_MAX_CACHE_OBJECT || !bsai_is_pow2(c->align) ||
        c->align > BSA_MAX_CACHE_OBJECT)
        return false;
    unsigned length = 1;
    while (length < BSA_CACHE_NAME_MAX && c->name[length] != '\0')
        length++;
    return length < BSA_CACHE_NAME_MAX;
}

static struct bsa_cache *find_unused(const struct bsa_heap *heap)
{
    for (unsigned i = 0; i < heap->shape.named; i++) {
        if (heap->named[i].used == 0)
            return &heap->named[i];
    }
    return NULL;
}

/* Empty slabs that are kept. Of single objects that are a large part of memory, none by default. */
static unsigned keep_for(const struct bsa_heap *heap, const struct bsa_cache_config *config,
                         const struct bsai_geometry *g)
{
    bool large = g->capacity == 1 && g->object_size > heap->slab_bytes;
    return config->keep_empty == 0 && large ? BSA_NONE : config->keep_empty;
}

/* The registry is locked. */
static void make(struct bsa_heap *heap, struct bsa_cache *cache,
                 const struct bsa_cache_config *config)
{
    struct bsai_geometry geometry;
    size_t page_size = heap->buddy.page_size;
    bsai_geometry_make(&geometry, config->object_size, config->align, page_size, heap->slab_bytes);
    cache->heap = heap;
    cache->number = heap->classes.count + 1 + (unsigned)(cache - heap->named);
    cache->magazine = capacity_for(heap, config, geometry.object_size);
    cache->adapts = config->magazine_objects == 0 && heap->shape.adapts;
    cache->object_size = config->object_size;
    cache->align = config->align;
    bsai_memset(cache->name, 0, sizeof(cache->name));
    for (unsigned i = 0; config->name[i] != '\0'; i++)
        cache->name[i] = config->name[i];
    bsai_cache_make(
        &heap->caches[cache->number], cache->number, &geometry, keep_for(heap, config, &geometry),
        bsai_records_of(heap->pools, &heap->pool_count, geometry.record_bytes, page_size));
    bsai_geometry_small(&heap->caches[cache->number].small, &geometry, page_size);
    bsai_publish(&cache->used, 1u);
}

enum bsa_status bsa_cache_create(bsa_heap *heap, const struct bsa_cache_config *config,
                                 bsa_cache **cache)
{
    struct bsa_cache_config own;
    struct bsai_call call;
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (cache == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (*cache != NULL)
        return BSA_ERR_ALREADY_INITIALIZED;
    if (!read_config(&own, config))
        return BSA_ERR_INVALID_PARAM;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_lock_take(&heap->registry, BSAI_RANK_REGISTRY, &call);
    *cache = find_unused(heap);
    if (*cache != NULL)
        make(heap, *cache, &own);
    bsai_lock_drop(&heap->registry, BSAI_RANK_REGISTRY, &call);
    bsai_leave(&call);
    return bsai_call_end(&call, *cache != NULL ? BSA_OK : BSA_ERR_NO_MEMORY);
}

/* Sends home what a CPU holds of a cache. Also in exclusive mode, where nobody else is in the heap.
 */
static void empty_magazine(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache)
{
    bsai_lock_take(&cpu->lock, BSAI_RANK_CPU, call);
    bsai_magazine_drain(cpu, call, cache, &cpu->heap->buddy);
    bsai_magazine_close(&cpu->magazines[cache->id]);
    bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, call);
}

/* No used cache has slabs with records of the pool: it may be given to records of another size. */
static bool is_idle(const struct bsa_heap *heap, const struct bsai_records *pool)
{
    for (unsigned c = 0; c < heap->cache_count; c++) {
        const struct bsai_cache *cache = bsai_heap_used_cache(heap, c);
        if (cache != NULL && cache->records == pool)
            return false;
    }
    return true;
}

static void retire_pool(struct bsa_heap *heap, struct bsai_call *call, struct bsai_records *pool)
{
    void *chunk;
    if (!is_idle(heap, pool))
        return;
    while ((chunk = bsai_records_reclaim(pool, call)) != NULL)
        bsai_heap_give_back(heap, call, chunk, 1);
    pool->record_bytes = 0;
}

/* How many objects are live; if none, the cache has no slab any more. Nobody looks at it by its
 * number meanwhile: whoever does holds a CPU's lock, that of `common` for what no CPU does. */
static size_t close(struct bsa_heap *heap, struct bsai_call *call, struct bsa_cache *handle)
{
    struct bsai_cache *cache = &heap->caches[handle->number];
    struct bsa_cpu *cpu;
    bsai_publish(&handle->used, 0u);
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        empty_magazine(cpu, call, cache);
    empty_magazine(heap->common, call, cache);
    bsai_heap_settle(heap, call, cache, 0);
    size_t live = cache->objects - bsai_peek(&cache->available);
    if (live != 0)
        bsai_publish(&handle->used, 1u);
    else
        retire_pool(heap, call, cache->records);
    return live;
}

enum bsa_status bsa_cache_destroy(bsa_cache **cache, size_t *live)
{
    if (cache == NULL || *cache == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsa_heap *heap = (*cache)->heap;
    enum bsa_status status = BSA_OK;
    struct bsai_call call;
    size_t left = 0;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_lock_take(&heap->registry, BSAI_RANK_REGISTRY, &call);
    if ((*cache)->used == 0)
        status = BSA_ERR_NOT_INITIALIZED;
    else
        left = close(heap, &call, *cache);
    bsai_lock_drop(&heap->registry, BSAI_RANK_REGISTRY, &call);
    bsai_leave(&call);
    if (left != 0)
        status = bsai_misuse(&call, BSA_ERR_INVALID_PARAM, *cache,
                             "end of a named cache whose objects are live");
    else
        *cache = NULL;
    if (live != NULL)
        *live = left;
    return bsai_call_end(&call, status);
}

bsa_cache *bsa_heap_cache(const bsa_heap *heap, size_t index)
{
    for (unsigned i = 0; heap != NULL && i < heap->shape.named; i++) {
        if (bsai_consume(&heap->named[i].used) != 0 && index-- == 0)
            return &heap->named[i];
    }
    return NULL;
}

/* Everything is locked. */
static void fill(struct bsa_cache_stats *stats, const struct bsa_cache *cache)
{
    struct bsa_cache_stats all;
    size_t size = stats->size < sizeof(all) ? stats->size : sizeof(all);
    bsai_memset(&all, 0, sizeof(all));
    all.size = stats->size;
    bsai_memcpy(all.name, cache->name, sizeof(all.name));
    all.object_size = cache->object_size;
    all.align = cache->align;
    bsai_heap_class_figures(cache->heap, cache->number, &all.objects);
    bsai_memcpy(stats, &all, size);
}

enum bsa_status bsa_cache_stats(bsa_cache *cache, struct bsa_cache_stats *stats)
{
    if (cache == NULL || bsai_consume(&cache->used) == 0)
        return BSA_ERR_NOT_INITIALIZED;
    if (stats == NULL || stats->size < sizeof(size_t))
        return BSA_ERR_INVALID_PARAM;
    struct bsai_call call;
    bsai_call_begin(&call, &cache->heap->buddy.platform);
    bsai_enter(&call);
    bsai_heap_lock_all(cache->heap, &call);
    fill(stats, cache);
    bsai_heap_unlock_all(cache->heap, &call);
    bsai_leave(&call);
    return BSA_OK;
}

enum bsa_status bsa_heap_cache_stats(bsa_heap *heap, struct bsa_cache_stats *stats, size_t room,
                                     size_t *count)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (count == NULL || (room != 0 && (stats == NULL || stats->size < sizeof(size_t) ||
                                        stats->size % sizeof(size_t) != 0)))
        return BSA_ERR_INVALID_PARAM;
    size_t step = room == 0 ? 0 : stats->size, n = 0;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_heap_lock_all(heap, &call);
    for (unsigned i = 0; i < heap->shape.named; i++) {
        if (heap->named[i].used == 0)
            continue;
        if (n < room) {
            struct bsa_cache_stats *one = (void *)((char *)stats + n * step);
            one->size = step;
            fill(one, &heap->named[i]);
        }
        n++;
    }
    bsai_heap_unlock_all(heap, &call);
    bsai_leave(&call);
    *count = n;
    return BSA_OK;
}
