/* SPDX-License-Identifier: Apache-2.0 */
/* Everything locked at once, for statistics, validation and walks. */
#include "heap.h"

void bsai_heap_lock_cpus(struct bsa_heap *heap, struct bsai_call *call)
{
    struct bsa_cpu *cpu;
    bsai_lock_take(&heap->registry, BSAI_RANK_REGISTRY, call);
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++) {
        if (cpu->locked)
            bsai_lock_also(&cpu->lock, BSAI_RANK_CPU, call);
    }
    bsai_lock_also(&heap->common->lock, BSAI_RANK_CPU, call);
}

void bsai_heap_unlock_cpus(struct bsa_heap *heap, struct bsai_call *call)
{
    struct bsa_cpu *cpu;
    bsai_lock_drop(&heap->common->lock, BSAI_RANK_CPU, call);
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++) {
        if (cpu->locked)
            bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, call);
    }
    bsai_lock_drop(&heap->registry, BSAI_RANK_REGISTRY, call);
}

void bsai_heap_lock_all(struct bsa_heap *heap, struct bsai_call *call)
{
    bsai_heap_lock_cpus(heap, call);
    for (unsigned c = 0; heap->depots != NULL && c < heap->classes.count; c++)
        bsai_lock_also(&heap->depots[c].lock, BSAI_RANK_DEPOT, call);
    for (unsigned c = 0; c < heap->cache_count; c++)
        bsai_lock_also(&heap->caches[c].lock, BSAI_RANK_CACHE, call);
    for (unsigned i = 0; i < heap->pool_count; i++)
        bsai_lock_also(&heap->pools[i].lock, BSAI_RANK_RECORDS, call);
    bsai_buddy_lock(&heap->buddy, call);
}

void bsai_heap_unlock_all(struct bsa_heap *heap, struct bsai_call *call)
{
    bsai_buddy_unlock(&heap->buddy, call);
    for (unsigned i = 0; i < heap->pool_count; i++)
        bsai_lock_drop(&heap->pools[i].lock, BSAI_RANK_RECORDS, call);
    for (unsigned c = 0; c < heap->cache_count; c++)
        bsai_lock_drop(&heap->caches[c].lock, BSAI_RANK_CACHE, call);
    for (unsigned c = 0; heap->depots != NULL && c < heap->classes.count; c++)
        bsai_lock_drop(&heap->depots[c].lock, BSAI_RANK_DEPOT, call);
    bsai_heap_unlock_cpus(heap, call);
}

void bsai_heap_class_stats(const struct bsa_heap *heap, unsigned number,
                           struct bsa_class_stats *stats)
{
    const struct bsai_cache *cache = &heap->caches[number];
    const struct bsai_geometry *next = bsai_cache_next(cache);
    const struct bsa_cpu *cpu;
    bsai_memset(stats, 0, sizeof(*stats));
    stats->object_size = cache->geometry.object_size;
    stats->slab_pages = next->slab_pages;
    stats->objects_per_slab = next->capacity;
    stats->record_bytes = cache->geometry.record_bytes;
    stats->slabs = cache->slabs;
    stats->slab_bytes = cache->pages << heap->buddy.page_shift;
    stats->objects = cache->objects;
    stats->empty_slabs = cache->empty_slabs;
    for (const struct bsai_slab *slab = cache->empty; slab != NULL; slab = slab->next)
        stats->empty_objects += slab->capacity;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        stats->in_magazines += bsai_magazine_count(&cpu->magazines[number]);
    if (heap->depots != NULL && number < heap->classes.count)
        stats->in_depot = bsai_depot_objects(&heap->depots[number]);
    stats->remote_pending = bsai_peek(&cache->remote);
    stats->free = bsai_peek(&cache->available) - stats->remote_pending;
    stats->live = stats->objects - stats->free - stats->remote_pending - stats->in_magazines -
                  stats->in_depot;
}

/* What exclusive CPUs at work move may be seen twice: as if a CPU had more than there is. Then it
 * has what is left over, so that the parts add up and none is less than nothing. */
static size_t at_most(size_t seen, size_t rest)
{
    return seen < rest ? seen : rest;
}

void bsai_heap_class_figures(const struct bsa_heap *heap, unsigned number,
                             struct bsa_class_stats *stats)
{
    bsai_heap_class_stats(heap, number, stats);
    size_t rest = stats->live + stats->in_magazines;
    stats->in_magazines = at_most(stats->in_magazines, rest);
    stats->live = rest - stats->in_magazines;
}

/* Blocks that a CPU took from the buddy and neither gave back nor has on a list. */
static size_t blocks_of(const struct bsa_cpu *cpu)
{
    return bsai_peek(&cpu->lists.taken) - bsai_peek(&cpu->lists.given) -
           bsai_blocks_listed(&cpu->lists);
}

size_t bsai_heap_blocks(const struct bsa_heap *heap)
{
    size_t blocks = blocks_of(heap->common);
    const struct bsa_cpu *cpu;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        blocks += blocks_of(cpu);
    return blocks;
}

static void fill(const struct bsa_heap *heap, struct bsa_heap_stats *s)
{
    unsigned shift = heap->buddy.page_shift;
    s->page_size = heap->buddy.page_size;
    s->sections = bsa_buddy_section_count(&heap->buddy);
    s->cpus_used = heap->cpus_used;
    s->cpu_state_bytes = heap->shape.bytes;
    s->managed_bytes = bsai_buddy_total_pages(&heap->buddy) << shift;
    s->cpu_bytes = bsai_heap_cpu_pages(heap) << shift;
    for (const struct bsai_section *part = heap->buddy.first; part != NULL; part = part->next)
        s->metadata_bytes += part->metadata_bytes;
    for (unsigned i = 0; i < heap->pool_count; i++)
        s->record_bytes += heap->pools[i].chunk_count << shift;
    s->classes = heap->classes.count;
    for (unsigned c = 0; c < s->classes; c++) {
        bsai_heap_class_figures(heap, c, &s->size_class[c]);
        s->slab_bytes += s->size_class[c].slab_bytes;
    }
    for (unsigned c = s->classes + 1; c < heap->cache_count; c++) {
        const struct bsai_cache *cache = &heap->caches[c];
        s->caches += heap->named[c - s->classes - 1].used;
        s->cache_slab_bytes += cache->pages << shift;
    }
    s->slab_bytes += s->cache_slab_bytes;
    size_t free_bytes = bsai_buddy_free_pages(&heap->buddy) << shift;
    size_t rest = s->managed_bytes - free_bytes - s->slab_bytes - s->record_bytes - s->cpu_bytes;
    s->pages_listed_bytes = at_most(bsai_heap_listed_pages(heap) << shift, rest);
    s->free_bytes = free_bytes + s->pages_listed_bytes;
    s->block_bytes = rest - s->pages_listed_bytes;
    s->blocks = at_most(bsai_heap_blocks(heap), s->block_bytes >> shift);
}

enum bsa_status bsa_heap_stats(bsa_heap *heap, struct bsa_heap_stats *stats)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (stats == NULL || stats->size < sizeof(size_t))
        return BSA_ERR_INVALID_PARAM;
    struct bsa_heap_stats all;
    struct bsai_call call;
    size_t size = stats->size < sizeof(all) ? stats->size : sizeof(all);

    bsai_memset(&all, 0, sizeof(all));
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_heap_lock_all(heap, &call);
    fill(heap, &all);
    bsai_heap_unlock_all(heap, &call);
    bsai_leave(&call);
    all.size = stats->size;
    bsai_memcpy(stats, &all, size);
    return BSA_OK;
}

enum bsa_status bsa_heap_cpu_stats(bsa_heap *heap, unsigned id, struct bsa_cpu_stats *stats)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (stats == NULL || stats->size < sizeof(size_t) || id >= heap->cpus)
        return BSA_ERR_INVALID_PARAM;
    struct bsa_cpu_stats all;
    size_t size = stats->size < sizeof(all) ? stats->size : sizeof(all);
    bsai_memset(&all, 0, sizeof(all));

    const struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, id);
    if (cpu != NULL && cpu != heap->common) {
        const struct bsai_cpu_counters *n = &cpu->counters;
        for (unsigned c = 0; c < heap->cache_count; c++)
            all.objects_cached += bsai_magazine_count(&cpu->magazines[c]);
        all.magazine_refills = bsai_peek(&n->refills);
        all.magazine_flushes = bsai_peek(&n->flushes);
        all.depot_gets = bsai_peek(&n->depot_gets);
        all.depot_puts = bsai_peek(&n->depot_puts);
        all.objects_sent_home = bsai_peek(&n->sent_home);
        all.slabs_added = bsai_peek(&n->slabs_added);
        all.page_allocs = bsai_peek(&cpu->lists.allocs);
        all.page_list_hits =
            all.page_allocs - at_most(bsai_peek(&cpu->lists.misses), all.page_allocs);
        all.pages_listed = bsai_peek(&cpu->lists.listed);
    }
    all.size = stats->size;
    bsai_memcpy(stats, &all, size);
    return BSA_OK;
}
