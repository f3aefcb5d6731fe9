/* SPDX-License-Identifier: Apache-2.0 */
#include "regions.h"

#include <errno.h>
#include <string.h>

#include <sys/mman.h>

#include "error.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define DEFAULT_UNIT (2 * MIB)

/* Half as much again for rounding to classes and partly filled slabs, and what CPUs keep at hand
 * however small the trace is. */
guint64 replay_default_region(const struct trace_summary *summary, guint cpus)
{
    guint64 peak = summary->peak_live_bytes;
    guint64 bytes = peak + peak / 2 + 6 * MIB + cpus * (MIB / 8);
    return (bytes + DEFAULT_UNIT - 1) / DEFAULT_UNIT * DEFAULT_UNIT;
}

/* What the start of each region is a multiple of: the largest block whose order is counted. */
static guint64 region_alignment(guint page_size)
{
    guint64 alignment = (guint64)page_size << 20;
    if (sizeof(void *) < 8)
        alignment = MIN(alignment, 64 * MIB); /* a 32-bit address space has no room for more */
    return alignment;
}

static gboolean map_address_space(struct replay_regions *regions, guint64 bytes, guint64 wanted,
                                  GError **error)
{
    void *map = MAP_FAILED;
    errno = ENOMEM;
    if (bytes <= G_MAXSIZE)
        map = mmap(NULL, (gsize)bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        char *size = g_format_size_full(wanted, G_FORMAT_SIZE_IEC_UNITS);
        g_set_error(
            error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
            "cannot reserve %s of address space for the regions: %s; give smaller ones with "
            "--region",
            size, g_strerror(errno));
        g_free(size);
        return FALSE;
    }
    regions->map = map;
    regions->map_bytes = (gsize)bytes;
    return TRUE;
}

gboolean replay_regions_reserve(struct replay_regions *regions,
                                const struct replay_options *options,
                                const struct trace_summary *summary, guint cpus, GError **error)
{
    memset(regions, 0, sizeof(*regions));
    regions->automatic = options->regions == 0;
    regions->count = MAX(options->regions, 1);
    guint64 alignment = region_alignment(options->page_size);
    guint64 space = alignment, wanted = 0;
    for (guint i = 0; i < regions->count; i++) {
        guint64 bytes =
            regions->automatic ? replay_default_region(summary, cpus) : options->region[i];
        regions->region[i].bytes = bytes;
        wanted += bytes;
        space += (bytes + alignment - 1) / alignment * alignment;
    }
    if (!map_address_space(regions, space, wanted, error))
        return FALSE;
    guintptr start =
        ((guintptr)regions->map + (guintptr)alignment - 1) & ~((guintptr)alignment - 1);
    for (guint i = 0; i < regions->count; i++) {
        guint64 bytes = regions->region[i].bytes;
        regions->region[i].start = (char *)start; /* an address made of the map's own */
        start += (guintptr)((bytes + alignment - 1) / alignment * alignment);
    }
    return TRUE;
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
