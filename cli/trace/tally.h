/* SPDX-License-Identifier: Apache-2.0 */
/* Summary and hygiene of a trace whose events are there already, from one pass over them. */
#ifndef BSA_CLI_TRACE_TALLY_H
#define BSA_CLI_TRACE_TALLY_H

#include <glib.h>

#include "map.h"
#include "meta.h"
#include "reader.h"

struct trace_tally {
    struct trace_summary *summary;
    struct trace_hygiene *hygiene;
    guint64 page_size;
    guint64 first_ns; /* lowest time of an event */
    guint64 live_bytes, live_pages, live_objects;
    struct trace_map threads;
    guint32 last_thread;
};

void trace_tally_init(struct trace_tally *tally, struct trace_summary *summary,
                      struct trace_hygiene *hygiene, guint64 page_size);

/* former: size of an object before it is resized. */
void trace_tally_event(struct trace_tally *tally, const struct trace_event *event, guint64 former);

/* An event that is not of the layer. */
void trace_tally_left_out(struct trace_tally *tally, enum trace_layer layer,
                          const struct trace_event *event);

/* What is known at the end only. */
void trace_tally_finish(struct trace_tally *tally);

/* What the events cannot tell any more: counts of the import that made them, from the metadata. */
void trace_tally_meta(struct trace_hygiene *hygiene, const trace_meta *meta,
                      enum trace_layer layer);

void trace_tally_destroy(struct trace_tally *tally);

#endif
