/* SPDX-License-Identifier: Apache-2.0 */
/* Summary and hygiene of a trace whose events are there already, from one pass over them. */
#ifndef BSA_CLI_TRACE_TALLY_H
#define BSA_CLI_TRACE_TALLY_H

#include <glib.h>

#include "map.h"
#include "meta.h"
#include "reader.h"

#define TRACE_TALLY_KINDS 64u

struct trace_tally {
    struct trace_summary *summary;
    struct trace_hygiene *hygiene;
    guint64 page_size;
    guint64 first_ns; /* lowest time of an event */
    guint64 live_bytes, live_page_bytes;
    guint64 peak_page_bytes;
    guint64 kind[TRACE_TALLY_KINDS];     /* events by kind and flags, see tally.c */
    guint64 left_out[TRACE_TALLY_KINDS]; /* the same, of those that are not of the layer */
    guint64 lost;                        /* events, by the word of TRACE_LOST */
    struct trace_map threads;
    guint32 last_thread;
};

void trace_tally_init(struct trace_tally *tally, struct trace_summary *summary,
                      struct trace_hygiene *hygiene, guint64 page_size);

/* former: by event, the size of an object before it is resized. */
void trace_tally_events(struct trace_tally *tally, const struct trace_event *events,
                        const guint64 *former, guint32 count);

/* An event that is not of the layer. */
void trace_tally_left_out(struct trace_tally *tally, const struct trace_event *event);

/* Objects and blocks of pages that have begun. */
guint64 trace_tally_begun(const struct trace_tally *tally);

/* Events of objects, and of blocks of pages, those that are left out as well. */
guint64 trace_tally_of_objects(const struct trace_tally *tally);
guint64 trace_tally_of_pages(const struct trace_tally *tally);

/* Summary and hygiene. layer: what has not been left out. */
void trace_tally_finish(struct trace_tally *tally, enum trace_layer layer);

/* What the events cannot tell any more: counts of the import that made them, from the metadata. */
void trace_tally_meta(struct trace_hygiene *hygiene, const trace_meta *meta,
                      enum trace_layer layer);

void trace_tally_destroy(struct trace_tally *tally);

#endif
