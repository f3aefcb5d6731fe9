/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator that was recorded, by the addresses that it gave: what the replay's figures say
 * of ours, of the kernel's own or of the program's own.
 *
 * Nothing is allocated here. The trace is read once more; each live object and block covers the
 * pages of its addresses (footprint.h). A kernel's page blocks count by page frame, its slab
 * objects by the frame that their address in the direct map names, so that a slab and the objects
 * in it are on the same pages. Slabs' page blocks, which the replay of both layers leaves out, are
 * pages in use here, as the slabs of the replayed allocator are there; they are no events.
 *
 * Free pages are those that were in use before and are not now: of them the trace tells for certain
 * that they can be had. What the recorded allocator had beside them, nobody has told.
 */
#ifndef BSA_CLI_REPORT_RECORDED_H
#define BSA_CLI_REPORT_RECORDED_H

#include <glib.h>

#include "../common/progress.h"
#include "../replay/account.h"
#include "../replay/options.h"
#include "buddyinfo.h"
#include "footprint.h"

struct recorded_sample {
    guint64 event, time_ns;
    guint64 requested, given;
    guint64 live_objects, live_blocks;
    guint64 pages[FOOTPRINT_KINDS];
    guint64 free_bytes[FOOTPRINT_KINDS]; /* inside these */
    guint64 seen;                        /* pages in use at any time so far */
    guint64 span;                        /* pages from lowest to highest so far */
    guint64 free_blocks[REPLAY_ORDERS];
};

struct recorded {
    gboolean taken;
    gboolean figures; /* else the trace has no addresses, and there is the kernel's count alone */
    gboolean kernel;
    enum trace_layer layer;
    const char *format;
    guint64 page_size;
    guint64 direct_map; /* 0: objects are counted where their addresses are, apart from blocks */
    guint64 duration_ns;
    guint64 allocs;                /* of objects and blocks; of them */
    guint64 unplaced;              /*   those that tell no address, or are larger than any heap, */
    guint64 given_told;            /*   and those that tell what was given */
    struct replay_account account; /* span is in whole pages */
    guint64 events;                /* of the layer that is replayed */
    struct recorded_sample peak, end;
    GArray *samples;                   /* struct recorded_sample, by event, the peak among them */
    guint64 all_blocks[REPLAY_ORDERS]; /* all pages seen, as if they were free */
    struct buddyinfo buddyinfo;
    struct trace_hygiene hygiene;
};

/*
 * Reads the options' trace. events: how many the replay has, for samples at the same ones; 0: as
 * many as there are. FALSE and error when it cannot be read, or tells nothing to go by. Cleared by
 * the caller, whatever is returned.
 */
gboolean recorded_take(struct recorded *recorded, const struct replay_options *options,
                       guint64 events, struct progress *progress, GError **error);
void recorded_clear(struct recorded *recorded);

/* Bytes of pages in use. */
guint64 recorded_occupied(const struct recorded *recorded, const struct recorded_sample *sample);
/* The sample after so many events; NULL: there is none. */
const struct recorded_sample *recorded_at(const struct recorded *recorded, guint64 event);

#endif
