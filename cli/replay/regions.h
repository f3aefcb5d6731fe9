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
    guint64 event; /* from which on it is there, 1, 2, ...; 0: from when memory is short */
    guint64 added; /* events done when the allocator got it */
};

struct replay_regions {
    guint64 low; /* the first so many bytes of all lie below 4 GiB */
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
guint64 replay_regions_ample(const struct replay_options *options,
                             const struct trace_summary *summary, guint cpus);

/* Whether there is one to hand over when memory is short, or low memory; a later one's turn is its
 * event's. */
gboolean replay_regions_in_reserve(const struct replay_regions *regions, gboolean low);

/* Event of the next region that has one, and those before it; G_MAXUINT64: none. regions NULL: of
 * an allocator that brings its own. */
guint64 replay_regions_next_event(const struct replay_regions *regions);

/* Hands the next region to the allocator, which knows of those before it. */
struct replay_backend;
enum replay_status replay_regions_hand_over(struct replay_regions *regions,
                                            struct replay_backend *backend, guint64 events);

void replay_regions_release(struct replay_regions *regions);

/* Which of those handed over so far has all of these bytes; regions->used: none. */
guint replay_regions_find(const struct replay_regions *regions, const void *address, guint64 bytes);

/* Bytes of the regions handed over so far. */
guint64 replay_regions_bytes(const struct replay_regions *regions);

#endif
