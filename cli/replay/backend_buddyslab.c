/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libbuddyslab under the replay: a heap, each simulated CPU through its own handle.
 *
 * A handle is asked for when its CPU first acts, so that a heap configured for many CPUs pays only
 * for those that the trace uses.
 */
#include "backend_buddyslab.h"

#include <limits.h>
#include <stdint.h>

#include "error.h"

#define LOW_END (G_GUINT64_CONSTANT(1) << 32)

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

enum replay_status buddyslab_status(struct buddyslab *self, enum bsa_status status,
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
    self->region[self->regions++] = (struct buddyslab_region){start, bytes, self->region_bytes};
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
    struct buddyslab *self = buddyslab_of(backend);
    if (size > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return buddyslab_status(self,
                            bsa_cpu_alloc(handle_of(self, cpu), (size_t)size, (size_t)align, out),
                            "bsa_cpu_alloc");
}

static enum replay_status buddyslab_cache_alloc(struct replay_backend *backend, guint cpu,
                                                guint cache, void **out)
{
    struct buddyslab *self = buddyslab_of(backend);
    return buddyslab_status(self,
                            bsa_cpu_cache_alloc(handle_of(self, cpu), self->cache[cache], out),
                            "bsa_cpu_cache_alloc");
}

static enum replay_status buddyslab_free(struct replay_backend *backend, guint cpu, void *object)
{
    struct buddyslab *self = buddyslab_of(backend);
    return buddyslab_status(self, bsa_cpu_free(handle_of(self, cpu), object), "bsa_cpu_free");
}

static enum replay_status buddyslab_realloc(struct replay_backend *backend, guint cpu,
                                            void **object, guint64 size, guint64 align)
{
    struct buddyslab *self = buddyslab_of(backend);
    if (size > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return buddyslab_status(
        self, bsa_cpu_realloc(handle_of(self, cpu), object, (size_t)size, (size_t)align),
        "bsa_cpu_realloc");
}

static enum replay_status buddyslab_page_alloc(struct replay_backend *backend, guint cpu,
                                               guint order, void **out)
{
    struct buddyslab *self = buddyslab_of(backend);
    size_t page_size = (size_t)backend->page_size;
    if (order >= sizeof(size_t) * CHAR_BIT || (SIZE_MAX >> order) < page_size)
        return REPLAY_NO_MEMORY;
    size_t pages = (size_t)1 << order;
    return buddyslab_status(
        self, bsa_cpu_alloc_pages(handle_of(self, cpu), pages, pages * page_size, out),
        "bsa_cpu_alloc_pages");
}

static enum replay_status buddyslab_page_free(struct replay_backend *backend, guint cpu,
                                              void *block, guint order)
{
    struct buddyslab *self = buddyslab_of(backend);
    return buddyslab_status(self,
                            bsa_cpu_free_pages(handle_of(self, cpu), block, (size_t)1 << order),
                            "bsa_cpu_free_pages");
}

static enum replay_status buddyslab_low_alloc(struct replay_backend *backend, guint cpu,
                                              guint64 size, guint64 align, void **out)
{
    struct buddyslab *self = buddyslab_of(backend);
    guint64 pages = size / backend->page_size + (size % backend->page_size != 0 ? 1 : 0);
    if (pages > SIZE_MAX || align > SIZE_MAX)
        return REPLAY_NO_MEMORY;
    return buddyslab_status(
        self,
        bsa_cpu_alloc_pages_lowmem(handle_of(self, cpu), MAX((size_t)pages, 1), (size_t)align, out),
        "bsa_cpu_alloc_pages_lowmem");
}

static enum replay_status buddyslab_add_region(struct replay_backend *backend, void *start,
                                               guint64 bytes)
{
    struct buddyslab *self = buddyslab_of(backend);
    place_region(self, start, bytes);
    enum bsa_status status = bsa_heap_add_region(self->heap, start, (size_t)bytes);
    if (status == BSA_OK)
        self->region_bytes += bytes;
    else
        self->regions--;
    return buddyslab_status(self, status, "bsa_heap_add_region");
}

/* Draining is part of going offline; what the CPU gets to do from then on goes elsewhere. */
static enum replay_status buddyslab_set_online(struct replay_backend *backend, guint cpu,
                                               gboolean online)
{
    struct buddyslab *self = buddyslab_of(backend);
    if (online)
        return buddyslab_status(self, bsa_heap_cpu_online(self->heap, cpu), "bsa_heap_cpu_online");
    enum bsa_status status = bsa_heap_cpu_offline(self->heap, cpu);
    if (status != BSA_OK)
        return buddyslab_status(self, status, "bsa_heap_cpu_offline");
    return buddyslab_status(self, bsa_heap_drain(self->heap, cpu), "bsa_heap_drain");
}

static enum replay_status buddyslab_drain(struct replay_backend *backend)
{
    struct buddyslab *self = buddyslab_of(backend);
    for (guint cpu = 0; cpu < self->cpus; cpu++) {
        if (self->handle[cpu] == NULL)
            continue;
        enum bsa_status status = bsa_heap_drain(self->heap, cpu);
        if (status != BSA_OK)
            return buddyslab_status(self, status, "bsa_heap_drain");
    }
    return REPLAY_OK;
}

static enum replay_status buddyslab_reclaim(struct replay_backend *backend, guint64 *bytes)
{
    *bytes = bsa_heap_reclaim(buddyslab_of(backend)->heap);
    return REPLAY_OK;
}

static enum replay_status buddyslab_validate(struct replay_backend *backend)
{
    struct buddyslab *self = buddyslab_of(backend);
    return buddyslab_status(self, bsa_heap_validate(self->heap), "bsa_heap_validate");
}

static enum replay_status buddyslab_close(struct replay_backend *backend, guint64 *live)
{
    struct buddyslab *self = buddyslab_of(backend);
    size_t count = 0;
    enum bsa_status status = bsa_heap_fini(&self->heap, &count);
    *live = count;
    enum replay_status result = buddyslab_status(self, status, "bsa_heap_fini");
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
    enum bsa_status status = buddyslab_read_caches(self);
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

static enum bsa_status make_heap(struct buddyslab *self, void *region, guint64 bytes,
                                 const struct replay_heap_options *heap, gboolean exclusive)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.ctx = self;
    platform.fault = on_fault;
    platform.log = on_log;
    if (self->low != 0)
        platform.virt_to_phys = virt_to_phys;
    if (exclusive)
        platform.run_on_cpu = run_here;
    struct bsa_class_table classes = {
        .size = sizeof(classes), .count = heap->class_count, .object_sizes = heap->class_size};
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.page_size = (size_t)self->base.page_size;
    config.cpus = self->cpus;
    config.flags = exclusive ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    config.platform = &platform;
    config.classes = &classes;
    config.magazine_objects = heap->magazine_objects;
    config.page_list_pages = heap->page_list_pages;
    config.keep_empty = heap->keep_empty;
    config.caches =
        heap->caches == NULL || heap->caches->count == 0 ? BSA_NONE : heap->caches->count;
    return bsa_heap_init(&self->heap, region, (size_t)bytes, &config);
}

static void say_too_small(const struct buddyslab *self, guint64 bytes, enum bsa_status status,
                          GError **error)
{
    char *size = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TOO_SMALL,
                "a region of %s cannot hold the allocator's metadata for %u CPUs and one page of "
                "%" G_GUINT64_FORMAT " bytes (%s); give a larger --region",
                size, self->cpus, self->base.page_size, bsa_strerror(status));
    g_free(size);
}

/* Its tables lie where the first region begins. */
static gboolean check_low(struct buddyslab *self, GError **error)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    if (self->low == 0 || (bsa_heap_section(self->heap, 0, &info) == BSA_OK && info.low_bytes > 0))
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "--low: the allocator's own tables take all %" G_GUINT64_FORMAT
                " bytes below 4 GiB, and no page is left there; give more",
                self->low);
    return FALSE;
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
    enum bsa_status status = make_heap(self, region, bytes, heap, exclusive);
    if (status == BSA_OK && check_low(self, error) && read_classes(self, error) &&
        make_caches(self, heap, error))
        return &self->base;
    if (status == BSA_OK)
        bsa_heap_fini(&self->heap, NULL);
    else
        say_too_small(self, bytes, status, error);
    g_free(self->handle);
    g_free(self);
    return NULL;
}
