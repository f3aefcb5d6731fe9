/* SPDX-License-Identifier: Apache-2.0 */
/* Address space for the allocator under test. */
#ifndef BSA_CLI_REPLAY_REGIONS_H
#define BSA_CLI_REPLAY_REGIONS_H

#include <glib.h>

#include "../trace/reader.h"
#include "options.h"

struct replay_region {
    char *start;
    guint64 bytes;
    guint64 added; /* events done when the allocator got it */
};

struct replay_regions {
    guint count;
    guint used;         /* the first so many have been handed to the allocator */
    gboolean automatic; /* the sizes were taken from the trace */
    struct replay_region region[REPLAY_MAX_REGIONS];
    void *map;
    gsize map_bytes;
};

/*
 * Reserves the regions of options; or one of a size in which the trace should run, and another in
 * reserve. They lie at the same places relative to each other, and to every power of two up to the
 * largest block, in every run: an allocator that
 * aligns blocks by address then does the same in each. Memory is not touched, so that a region may
 * be larger than the machine.
 */
gboolean replay_regions_reserve(struct replay_regions *regions,
                                const struct replay_options *options,
                                const struct trace_summary *summary, guint cpus, GError **error);
/* Bytes of both together where they are chosen for the trace. */
guint64 replay_regions_ample(const struct trace_summary *summary, guint cpus);

void replay_regions_release(struct replay_regions *regions);

/* Which of those handed over so far has all of these bytes; regions->used: none. */
guint replay_regions_find(const struct replay_regions *regions, const void *address, guint64 bytes);

/* Bytes of the regions handed over so far. */
guint64 replay_regions_bytes(const struct replay_regions *regions);

#endif
