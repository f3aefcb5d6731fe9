/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libbuddyslab under the replay: a heap, each simulated CPU through its own handle.
 *
 * A handle is asked for when its CPU first acts, so that a heap configured for many CPUs pays only
 * for those that the trace uses.
 */
#include <limits.h>
#include <stdint.h>

#include <buddyslab.h>

#include "backend.h"
#include "error.h"

#define LOW_END (G_GUINT64_CONSTANT(1) << 32)
#define LOW_RESERVE 32u /* the library's own: 1/32 of low memory is kept from ordinary requests */

struct region {
    const void *start;
    guint64 bytes;
    guint64 before; /* bytes of the regions that came earlier */
};

struct buddyslab {
    struct replay_backend base;
    bsa_heap *heap;
    bsa_cpu **handle;
    bsa_cache *cache[REPLAY_MAX_CACHES];
    struct bsa_cache_stats cache_stats[REPLAY_MAX_CACHES];
    guint cpus;
    guint64 region_bytes;
    guint64 low; /* the first so many bytes of the regions lie below 4 GiB; 0: addresses tell */
    struct region region[REPLAY_MAX_SECTIONS];
    guint regions;
    char fault[128]; /* what the fault hook heard last */
};

static struct buddyslab *self_of(struct replay_backend *backend)
{
    return (struct buddyslab *)backend;
}

/* The library found misuse. Kept for the message of the status that follows. */
static void on_fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    struct buddyslab *self = ctx;
    (void)status;
    (void)addr;
    g_strlcpy(self->fault, what, sizeof(self->fault));
}

/* The first contradiction that a validation finds arrives here. */
static void on_log(void *ctx, int level, const char *message)
{
    struct buddyslab *self = ctx;
    if (level == BSA_LOG_ERROR)
        g_strlcpy(self->fault, message, sizeof(self->fault));
}

static enum replay_status translate(struct buddyslab *self, enum bsa_status status,
                                    const char *call)
{
    if (status == BSA_OK)
        return REPLAY_OK;
    if (status == BSA_ERR_NO_MEMORY)
        return REPLAY_NO_MEMORY;
    g_snprintf(self->base.last_error, sizeof(self->base.last_error), "%s: %s%s%s", call,
               bsa_strerror(status), self->fault[0] != '\0' ? ": " : "", self->fault);
    return REPLAY_ERROR;
}

/* Regions follow each other, so that low memory ends at 4 GiB. */
static uint64_t virt_to_phys(void *ctx, const void *addr)
{
    const struct buddyslab *self = ctx;
    guint i = self->regions - 1;
    while (i > 0 && (guintptr)addr - (guintptr)self->region[i].start >= self->region[i].bytes)
        i--;
    guint64 place = (guintptr)addr - (guintptr)self->region[i].start + self->region[i].before;
    return LOW_END - self->low + place;
}

/* The library asks for physical addresses of a region while it is added. */
static void place_region(struct buddyslab *self, const void *start, guint64 bytes)
{
    self->region[self->regions++] = (struct region){start, bytes, self->region_bytes};
}

/* Exclusive mode: while nothing else is in flight, whoever asks may act for any CPU. Else the CPU
 * is asked to do it itself, which the library does when this fails. */
static int run_here(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    const struct buddyslab *self = ctx;
    (void)cpu;
    if (self->base.in_flight)
        return -1;
    fn(arg);
    return 0;
}

static bsa_cpu *handle_of(struct buddyslab *self, guint cpu)
{
    if (self->handle[cpu] == NULL)
        self->handle[cpu] = bsa_heap_cpu(self->heap, cpu);
    return self->handle[cpu];
}

static enum replay_status buddyslab_alloc(struct replay_backend *backend, guint cpu, guint64 size,
                                          guint64 align, void **out)
{
    struct buddyslab *self = self_of(backend);
    if (size > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return translate(self, bsa_cpu_alloc(handle_of(self, cpu), (size_t)size, (size_t)align, out),
                     "bsa_cpu_alloc");
}

static enum replay_status buddyslab_cache_alloc(struct replay_backend *backend, guint cpu,
                                                guint cache, void **out)
{
    struct buddyslab *self = self_of(backend);
    return translate(self, bsa_cpu_cache_alloc(handle_of(self, cpu), self->cache[cache], out),
                     "bsa_cpu_cache_alloc");
}

static enum replay_status buddyslab_free(struct replay_backend *backend, guint cpu, void *object)
{
    struct buddyslab *self = self_of(backend);
    return translate(self, bsa_cpu_free(handle_of(self, cpu), object), "bsa_cpu_free");
}

static enum replay_status buddyslab_realloc(struct replay_backend *backend, guint cpu,
                                            void **object, guint64 size, guint64 align)
{
    struct buddyslab *self = self_of(backend);
    if (size > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return translate(self,
                     bsa_cpu_realloc(handle_of(self, cpu), object, (size_t)size, (size_t)align),
                     "bsa_cpu_realloc");
}

static enum replay_status buddyslab_page_alloc(struct replay_backend *backend, guint cpu,
                                               guint order, void **out)
{
    struct buddyslab *self = self_of(backend);
    size_t page_size = (size_t)backend->page_size;
    if (order >= sizeof(size_t) * CHAR_BIT || (SIZE_MAX >> order) < page_size)
        return REPLAY_NO_MEMORY;
    size_t pages = (size_t)1 << order;
    return translate(self, bsa_cpu_alloc_pages(handle_of(self, cpu), pages, pages * page_size, out),
                     "bsa_cpu_alloc_pages");
}

static enum replay_status buddyslab_page_free(struct replay_backend *backend, guint cpu,
                                              void *block, guint order)
{
    struct buddyslab *self = self_of(backend);
    return translate(self, bsa_cpu_free_pages(handle_of(self, cpu), block, (size_t)1 << order),
                     "bsa_cpu_free_pages");
}

static enum replay_status buddyslab_low_alloc(struct replay_backend *backend, guint cpu,
                                              guint64 size, guint64 align, void **out)
{
    struct buddyslab *self = self_of(backend);
    guint64 pages = size / backend->page_size + (size % backend->page_size != 0 ? 1 : 0);
    if (pages > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return translate(
        self,
        bsa_cpu_alloc_pages_lowmem(handle_of(self, cpu), MAX((size_t)pages, 1), (size_t)align, out),
        "bsa_cpu_alloc_pages_lowmem");
}

static enum replay_status buddyslab_add_region(struct replay_backend *backend, void *start,
                                               guint64 bytes)
{
    struct buddyslab *self = self_of(backend);
    place_region(self, start, bytes);
    enum bsa_status status = bsa_heap_add_region(self->heap, start, (size_t)bytes);
    if (status == BSA_OK)
        self->region_bytes += bytes;
    else
        self->regions--;
    return translate(self, status, "bsa_heap_add_region");
}

/* Draining is part of going offline; what the CPU gets to do from then on goes elsewhere. */
static enum replay_status buddyslab_set_online(struct replay_backend *backend, guint cpu,
                                               gboolean online)
{
    struct buddyslab *self = self_of(backend);
    if (online)
        return translate(self, bsa_heap_cpu_online(self->heap, cpu), "bsa_heap_cpu_online");
    enum bsa_status status = bsa_heap_cpu_offline(self->heap, cpu);
    if (status != BSA_OK)
        return translate(self, status, "bsa_heap_cpu_offline");
    return translate(self, bsa_heap_drain(self->heap, cpu), "bsa_heap_drain");
}

static enum replay_status buddyslab_drain(struct replay_backend *backend)
{
    struct buddyslab *self = self_of(backend);
    for (guint cpu = 0; cpu < self->cpus; cpu++) {
        if (self->handle[cpu] == NULL)
            continue;
        enum bsa_status status = bsa_heap_drain(self->heap, cpu);
        if (status != BSA_OK)
            return translate(self, status, "bsa_heap_drain");
    }
    return REPLAY_OK;
}

static enum replay_status buddyslab_reclaim(struct replay_backend *backend, guint64 *bytes)
{
    *bytes = bsa_heap_reclaim(self_of(backend)->heap);
    return REPLAY_OK;
}

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
static enum bsa_status read_caches(struct buddyslab *self)
{
    size_t count;
    self->cache_stats[0].size = sizeof(self->cache_stats[0]);
    return bsa_heap_cache_stats(self->heap, self->cache_stats, REPLAY_MAX_CACHES, &count);
}

static enum bsa_status copy_classes(struct replay_snapshot *out, struct buddyslab *self,
                                    const struct bsa_heap_stats *stats)
{
    enum bsa_status status = read_caches(self);
    out->classes = stats->classes;
    out->caches = self->base.caches;
    for (guint i = 0; i < stats->classes; i++)
        copy_class(&out->size_class[i], &stats->size_class[i]);
    for (guint i = 0; i < out->caches; i++)
        copy_class(&out->size_class[out->classes + i], &self->cache_stats[i].objects);
    return status;
}

static enum replay_status buddyslab_free_blocks(struct replay_backend *backend, guint64 *counts)
{
    struct buddyslab *self = self_of(backend);
    size_t blocks[REPLAY_ORDERS];
    enum bsa_status status = bsa_heap_free_blocks(self->heap, blocks, REPLAY_ORDERS);
    for (guint order = 0; status == BSA_OK && order < REPLAY_ORDERS; order++)
        counts[order] = blocks[order];
    return translate(self, status, "bsa_heap_free_blocks");
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

static guint64 buddyslab_usable(struct replay_backend *backend, gboolean low)
{
    struct buddyslab *self = self_of(backend);
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

static enum replay_status buddyslab_snapshot(struct replay_backend *backend,
                                             struct replay_snapshot *out)
{
    struct buddyslab *self = self_of(backend);
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    enum bsa_status status = bsa_heap_stats(self->heap, &stats);
    if (status != BSA_OK)
        return translate(self, status, "bsa_heap_stats");
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
        return translate(self, status, "bsa_heap_cache_stats");
    return buddyslab_free_blocks(backend, out->free_blocks);
}

static enum replay_status buddyslab_counters(struct replay_backend *backend, guint cpu,
                                             struct replay_cache_counters *out)
{
    struct buddyslab *self = self_of(backend);
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    enum bsa_status status = bsa_heap_cpu_stats(self->heap, cpu, &stats);
    if (status != BSA_OK)
        return translate(self, status, "bsa_heap_cpu_stats");
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

static void buddyslab_walk_pages(struct replay_backend *backend, replay_page_visit visit,
                                 gpointer data)
{
    struct page_visitor visitor = {visit, data};
    bsa_heap_walk_pages(self_of(backend)->heap, visit_run, &visitor);
}

static enum replay_status buddyslab_validate(struct replay_backend *backend)
{
    struct buddyslab *self = self_of(backend);
    return translate(self, bsa_heap_validate(self->heap), "bsa_heap_validate");
}

static guint64 buddyslab_occupied(const struct replay_backend *backend)
{
    return bsa_heap_allocated_bytes(((const struct buddyslab *)backend)->heap);
}

static enum replay_status buddyslab_close(struct replay_backend *backend, guint64 *live)
{
    struct buddyslab *self = self_of(backend);
    size_t count = 0;
    enum bsa_status status = bsa_heap_fini(&self->heap, &count);
    *live = count;
    enum replay_status result = translate(self, status, "bsa_heap_fini");
    g_free(self->handle);
    g_free(self);
    return result;
}

static const struct replay_backend_ops buddyslab_ops = {
    .name = "libbuddyslab",
    .alloc = buddyslab_alloc,
    .cache_alloc = buddyslab_cache_alloc,
    .free = buddyslab_free,
    .realloc = buddyslab_realloc,
    .page_alloc = buddyslab_page_alloc,
    .page_free = buddyslab_page_free,
    .low_alloc = buddyslab_low_alloc,
    .add_region = buddyslab_add_region,
    .set_online = buddyslab_set_online,
    .drain = buddyslab_drain,
    .reclaim = buddyslab_reclaim,
    .snapshot = buddyslab_snapshot,
    .free_blocks = buddyslab_free_blocks,
    .usable = buddyslab_usable,
    .counters = buddyslab_counters,
    .walk_pages = buddyslab_walk_pages,
    .validate = buddyslab_validate,
    .occupied = buddyslab_occupied,
    .close = buddyslab_close,
};

/* The class table is the library's; the replay reads it from the first statistics. */
static gboolean read_classes(struct buddyslab *self, GError **error)
{
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    enum bsa_status status = bsa_heap_stats(self->heap, &stats);
    if (status != BSA_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "bsa_heap_stats: %s",
                    bsa_strerror(status));
        return FALSE;
    }
    self->base.classes = stats.classes;
    for (guint i = 0; i < stats.classes; i++) {
        self->base.class_size[i] = stats.size_class[i].object_size;
        self->base.class_pages[i] = stats.size_class[i].slab_pages;
    }
    return TRUE;
}

/* Those of the trace, with the limits that the classes have; what they take is read as well. */
static gboolean make_caches(struct buddyslab *self, const struct replay_heap_options *heap,
                            GError **error)
{
    guint count = heap->caches == NULL ? 0 : heap->caches->count;
    for (guint i = 0; i < count; i++) {
        const struct replay_cache *from = &heap->caches->cache[i];
        struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
        char name[BSA_CACHE_NAME_MAX];
        g_strlcpy(name, from->text, sizeof(name));
        config.name = name;
        config.object_size = (size_t)from->size;
        config.align = (size_t)from->align;
        config.magazine_objects = heap->magazine_objects;
        config.keep_empty = heap->keep_empty;
        enum bsa_status status = bsa_cache_create(self->heap, &config, &self->cache[i]);
        if (status != BSA_OK) {
            g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                        "named cache %s of %" G_GUINT64_FORMAT " bytes: %s", name, from->size,
                        bsa_strerror(status));
            return FALSE;
        }
    }
    enum bsa_status status = read_caches(self);
    if (status != BSA_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "bsa_heap_cache_stats: %s",
                    bsa_strerror(status));
        return FALSE;
    }
    for (guint i = 0; i < count; i++) {
        const struct bsa_class_stats *stats = &self->cache_stats[i].objects;
        self->base.class_size[self->base.classes + i] = stats->object_size;
        self->base.class_pages[self->base.classes + i] = stats->slab_pages;
    }
    self->base.caches = count;
    return TRUE;
}

struct replay_backend *replay_backend_buddyslab(void *region, guint64 bytes, guint cpus,
                                                const struct replay_heap_options *heap,
                                                guint64 page_size, gboolean exclusive,
                                                GError **error)
{
    struct buddyslab *self = g_new0(struct buddyslab, 1);
    self->base.ops = &buddyslab_ops;
    self->base.version = G_STRINGIFY(BSA_VERSION_MAJOR) "." G_STRINGIFY(
        BSA_VERSION_MINOR) "." G_STRINGIFY(BSA_VERSION_PATCH);
    self->base.page_size = page_size;
    self->cpus = cpus;
    place_region(self, region, bytes);
    self->region_bytes = bytes;
    self->low = heap->low;
    self->handle = g_new0(bsa_cpu *, cpus);

    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.ctx = self;
    platform.fault = on_fault;
    platform.log = on_log;
    if (self->low != 0)
        platform.virt_to_phys = virt_to_phys;
    if (exclusive)
        platform.run_on_cpu = run_here;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.page_size = (size_t)page_size;
    config.cpus = cpus;
    config.flags = exclusive ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    config.platform = &platform;
    struct bsa_class_table classes = {
        .size = sizeof(classes), .count = heap->class_count, .object_sizes = heap->class_size};
    config.classes = &classes;
    config.magazine_objects = heap->magazine_objects;
    config.page_list_pages = heap->page_list_pages;
    config.keep_empty = heap->keep_empty;
    config.caches =
        heap->caches == NULL || heap->caches->count == 0 ? BSA_NONE : heap->caches->count;
    enum bsa_status status = bsa_heap_init(&self->heap, region, (size_t)bytes, &config);
    if (status != BSA_OK) {
        char *size = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
        g_set_error(
            error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TOO_SMALL,
            "a region of %s cannot hold the allocator's metadata for %u CPUs and one page of "
            "%" G_GUINT64_FORMAT " bytes (%s); give a larger --region",
            size, cpus, page_size, bsa_strerror(status));
        g_free(size);
    } else if (read_classes(self, error) && make_caches(self, heap, error)) {
        return &self->base;
    } else {
        size_t live;
        bsa_heap_fini(&self->heap, &live);
    }
    g_free(self->handle);
    g_free(self);
    return NULL;
}
