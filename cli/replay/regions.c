/* SPDX-License-Identifier: Apache-2.0 */
#include "regions.h"

#include <errno.h>
#include <string.h>

#include <sys/mman.h>

#include "error.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define DEFAULT_UNIT (2 * MIB)

static guint64 in_units(guint64 bytes)
{
    return (bytes + DEFAULT_UNIT - 1) / DEFAULT_UNIT * DEFAULT_UNIT;
}

/* Half as much again for rounding to classes and partly filled slabs, and what CPUs keep at hand
 * however small the trace is. */
static guint64 default_region(const struct trace_summary *summary, guint cpus)
{
    guint64 peak = summary->peak_live_bytes;
    return in_units(peak + peak / 2 + 6 * MIB + cpus * (MIB / 8));
}

/* In reserve: classes at most double what is asked for, and give at least 8 bytes; a named cache,
 * however few its objects are, has a slab or two of up to 16 pages. */
static guint64 spare_region(const struct replay_options *options,
                            const struct trace_summary *summary)
{
    guint64 caches = options->heap.caches == NULL ? 0 : options->heap.caches->count;
    return in_units(summary->peak_live_bytes + 8 * summary->peak_slots +
                    caches * 2 * 16 * options->page_size + 2 * MIB);
}

guint64 replay_regions_ample(const struct replay_options *options,
                             const struct trace_summary *summary, guint cpus)
{
    return default_region(summary, cpus) + spare_region(options, summary);
}

/* What the start of each region should be a multiple of: the largest block whose order is counted.
 * Less where the address space has no room for it. */
static guint64 best_alignment(guint page_size)
{
    guint64 alignment = (guint64)page_size << 20;
    return sizeof(void *) < 8 ? MIN(alignment, 64 * MIB) : alignment;
}

static guint64 round_up(guint64 bytes, guint64 alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

/* Bytes of address space that hold all regions, each at a multiple of alignment. */
static guint64 space_for(const struct replay_regions *regions, guint64 alignment)
{
    guint64 space = alignment;
    for (guint i = 0; i < regions->count; i++)
        space += round_up(regions->region[i].bytes, alignment);
    return space;
}

static void *map_space(guint64 bytes)
{
    if (bytes > G_MAXSIZE)
        return MAP_FAILED;
    return mmap(NULL, (gsize)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* The address space of all regions, without access: that costs nothing, however strictly the system
 * counts memory. The alignment that was possible, or 0. */
static guint64 reserve_space(struct replay_regions *regions, guint page_size)
{
    errno = ENOMEM;
    for (guint64 alignment = best_alignment(page_size); alignment >= 4 * MIB; alignment /= 2) {
        guint64 space = space_for(regions, alignment);
        void *map = map_space(space);
        if (map == MAP_FAILED)
            continue;
        regions->map = map;
        regions->map_bytes = (gsize)space;
        return alignment;
    }
    return 0;
}

static gboolean refuse(const struct replay_regions *regions, GError **error)
{
    int code = errno;
    guint64 wanted = 0;
    for (guint i = 0; i < regions->count; i++)
        wanted += regions->region[i].bytes;
    char *size = g_format_size_full(wanted, G_FORMAT_SIZE_IEC_UNITS);
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "cannot reserve %s of address space for the regions: %s; give smaller ones with "
                "--region",
                size, g_strerror(code));
    g_free(size);
    return FALSE;
}

/* Each region at the next multiple of alignment, open for reading and writing. */
static gboolean place(struct replay_regions *regions, guint64 alignment)
{
    guintptr mask = (guintptr)alignment - 1;
    guintptr start = ((guintptr)regions->map + mask) & ~mask;
    for (guint i = 0; i < regions->count; i++) {
        struct replay_region *region = &regions->region[i];
        region->start = (char *)start;
        if (mprotect(region->start, (gsize)region->bytes, PROT_READ | PROT_WRITE) != 0)
            return FALSE;
        start += (guintptr)round_up(region->bytes, alignment);
    }
    return TRUE;
}

gboolean replay_regions_reserve(struct replay_regions *regions,
                                const struct replay_options *options,
                                const struct trace_summary *summary, guint cpus, GError **error)
{
    memset(regions, 0, sizeof(*regions));
    regions->automatic = options->regions == 0;
    regions->low = options->heap.low;
    if (regions->automatic) {
        regions->count = 2;
        regions->region[0].bytes = default_region(summary, cpus);
        regions->region[1].bytes = spare_region(options, summary);
    } else {
        regions->count = options->regions;
        for (guint i = 0; i < regions->count; i++)
            regions->region[i] = (struct replay_region){.bytes = options->region[i],
                                                        .event = options->region_event[i]};
    }
    guint64 alignment = reserve_space(regions, options->page_size);
    return (alignment != 0 && place(regions, alignment)) || refuse(regions, error);
}

gboolean replay_regions_in_reserve(const struct replay_regions *regions, gboolean low)
{
    return regions->used < regions->count && regions->region[regions->used].event == 0 &&
           (!low || replay_regions_bytes(regions) < regions->low);
}

guint64 replay_regions_next_event(const struct replay_regions *regions)
{
    if (regions == NULL)
        return G_MAXUINT64;
    for (guint i = regions->used; i < regions->count; i++) {
        if (regions->region[i].event != 0)
            return regions->region[i].event;
    }
    return G_MAXUINT64;
}

enum replay_status replay_regions_hand_over(struct replay_regions *regions,
                                            struct replay_backend *backend, guint64 events)
{
    struct replay_region *region = &regions->region[regions->used];
    enum replay_status status = backend->ops->add_region(backend, region->start, region->bytes);
    if (status != REPLAY_OK)
        return status;
    region->added = events;
    regions->used++;
    return REPLAY_OK;
}

void replay_regions_release(struct replay_regions *regions)
{
    if (regions->map != NULL)
        munmap(regions->map, regions->map_bytes);
    regions->map = NULL;
}

guint64 replay_regions_bytes(const struct replay_regions *regions)
{
    guint64 bytes = 0;
    for (guint i = 0; i < regions->used; i++)
        bytes += regions->region[i].bytes;
    return bytes;
}

guint replay_regions_find(const struct replay_regions *regions, const void *address, guint64 bytes)
{
    for (guint i = 0; i < regions->used; i++) {
        const struct replay_region *region = &regions->region[i];
        guint64 offset = (guintptr)address - (guintptr)region->start;
        if ((guintptr)address >= (guintptr)region->start && offset < region->bytes)
            return bytes <= region->bytes - offset ? i : regions->used;
    }
    return regions->used;
}
