/* SPDX-License-Identifier: Apache-2.0 */
/* What libbuddyslab tells of itself, as the replay counts it. */
#include "backend_buddyslab.h"

#define LOW_RESERVE 32u /* the library's own: 1/32 of low memory is kept from ordinary requests */

static void copy_class(struct replay_class *out, const struct bsa_class_stats *from)
{
    *out = (struct replay_class){
        .object_size = from->object_size,
        .slab_pages = from->slab_pages,
        .objects_per_slab = from->objects_per_slab,
        .slabs = from->slabs,
        .slab_bytes = from->slab_bytes,
        .slots = from->objects,
        .empty_slabs = from->empty_slabs,
        .empty_slots = from->empty_objects,
        .live = from->live,
        .in_magazines = from->in_magazines,
        .in_depot = from->in_depot,
        .free = from->free,
        .remote_pending = from->remote_pending,
    };
}

/* Of the named caches, which are never destroyed and so stand in the order of their creation. */
enum bsa_status buddyslab_read_caches(struct buddyslab *self)
{
    size_t count;
    self->cache_stats[0].size = sizeof(self->cache_stats[0]);
    return bsa_heap_cache_stats(self->heap, self->cache_stats, REPLAY_MAX_CACHES, &count);
}

static enum bsa_status copy_classes(struct replay_snapshot *out, struct buddyslab *self,
                                    const struct bsa_heap_stats *stats)
{
    enum bsa_status status = buddyslab_read_caches(self);
    out->classes = stats->classes;
    out->caches = self->base.caches;
    for (guint i = 0; i < stats->classes; i++)
        copy_class(&out->size_class[i], &stats->size_class[i]);
    for (guint i = 0; i < out->caches; i++)
        copy_class(&out->size_class[out->classes + i], &self->cache_stats[i].objects);
    return status;
}

enum replay_status buddyslab_free_blocks(struct replay_backend *backend, guint64 *counts)
{
    struct buddyslab *self = buddyslab_of(backend);
    size_t blocks[REPLAY_ORDERS];
    enum bsa_status status = bsa_heap_free_blocks(self->heap, blocks, REPLAY_ORDERS);
    for (guint order = 0; status == BSA_OK && order < REPLAY_ORDERS; order++)
        counts[order] = blocks[order];
    return buddyslab_status(self, status, "bsa_heap_free_blocks");
}

static void copy_sections(struct replay_snapshot *out, bsa_heap *heap)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    while (out->sections < REPLAY_MAX_SECTIONS &&
           bsa_heap_section(heap, out->sections, &info) == BSA_OK) {
        out->section[out->sections++] = (struct replay_section){
            .start = info.start, .pages = info.total_pages, .free_pages = info.free_pages};
        out->low_managed += info.low_bytes;
        out->low_free += info.low_free_pages * out->page_size;
    }
}

guint64 buddyslab_usable(struct replay_backend *backend, gboolean low)
{
    struct buddyslab *self = buddyslab_of(backend);
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    guint64 free = 0, low_free = 0, low_pages = 0, pages = 0;
    for (size_t i = 0; bsa_heap_section(self->heap, i, &info) == BSA_OK; i++) {
        free += info.free_pages;
        pages += info.total_pages;
        low_free += info.low_free_pages;
        low_pages += info.low_bytes / backend->page_size;
    }
    if (low)
        return low_free;
    guint64 reserve = pages > low_pages ? low_pages / LOW_RESERVE : 0;
    return free - MIN(low_free, reserve);
}

enum replay_status buddyslab_snapshot(struct replay_backend *backend, struct replay_snapshot *out)
{
    struct buddyslab *self = buddyslab_of(backend);
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    enum bsa_status status = bsa_heap_stats(self->heap, &stats);
    if (status != BSA_OK)
        return buddyslab_status(self, status, "bsa_heap_stats");
    *out = (struct replay_snapshot){
        .page_size = stats.page_size,
        .region_bytes = self->region_bytes,
        .regions = stats.sections,
        .managed = stats.managed_bytes,
        .free = stats.free_bytes,
        .listed = stats.pages_listed_bytes,
        .blocks = stats.blocks,
        .block_bytes = stats.block_bytes,
        .slab_bytes = stats.slab_bytes,
        .record_bytes = stats.record_bytes,
        .cpu_bytes = stats.cpu_bytes,
        .metadata = stats.metadata_bytes,
        .cpus_used = stats.cpus_used,
    };
    copy_sections(out, self->heap);
    status = copy_classes(out, self, &stats);
    if (status != BSA_OK)
        return buddyslab_status(self, status, "bsa_heap_cache_stats");
    return buddyslab_free_blocks(backend, out->free_blocks);
}

enum replay_status buddyslab_counters(struct replay_backend *backend, guint cpu,
                                      struct replay_cache_counters *out)
{
    struct buddyslab *self = buddyslab_of(backend);
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    enum bsa_status status = bsa_heap_cpu_stats(self->heap, cpu, &stats);
    if (status != BSA_OK)
        return buddyslab_status(self, status, "bsa_heap_cpu_stats");
    *out = (struct replay_cache_counters){
        .refills = stats.magazine_refills,
        .flushes = stats.magazine_flushes,
        .depot_gets = stats.depot_gets,
        .depot_puts = stats.depot_puts,
        .sent_home = stats.objects_sent_home,
        .blocks = stats.page_allocs,
        .page_list_hits = stats.page_list_hits,
        .slabs_added = stats.slabs_added,
    };
    return REPLAY_OK;
}

struct page_visitor {
    replay_page_visit visit;
    gpointer data;
};

static int visit_run(void *arg, const struct bsa_page_run *from)
{
    const struct page_visitor *visitor = arg;
    struct replay_page_run run = {
        .address = from->address,
        .pages = from->pages,
        .use = from->flags == BSA_PAGE_HEAD     ? REPLAY_PAGE_BLOCK
               : from->flags == BSA_PAGE_SLAB   ? REPLAY_PAGE_SLAB
               : from->flags == BSA_PAGE_CACHED ? REPLAY_PAGE_LISTED
                                                : REPLAY_PAGE_META,
        .object_size = from->object_size,
        .objects = from->objects,
        .live = from->live,
    };
    visitor->visit(visitor->data, &run);
    return 0;
}

void buddyslab_walk_pages(struct replay_backend *backend, replay_page_visit visit, gpointer data)
{
    struct page_visitor visitor = {visit, data};
    bsa_heap_walk_pages(buddyslab_of(backend)->heap, visit_run, &visitor);
}

guint64 buddyslab_occupied(const struct replay_backend *backend)
{
    return bsa_heap_allocated_bytes(((const struct buddyslab *)backend)->heap);
}
