/* SPDX-License-Identifier: Apache-2.0 */
/* A reader from inside: reader.c opens it, reader_passes.c goes over all of the trace before the
 * first event is handed out, reader_events.c hands out. */
#ifndef BSA_CLI_TRACE_READER_STATE_H
#define BSA_CLI_TRACE_READER_STATE_H

#include "implicit.h"
#include "input.h"
#include "reader.h"
#include "resolve.h"
#include "stream.h"

/* Records are resolved so many events at a time. */
#define RESOLVED_EVENTS 128u

struct trace_reader {
    struct trace_options options;
    trace_input *input;
    struct trace_summary summary;
    struct trace_hygiene hygiene;
    /* While events are handed out the same things are counted again, here. */
    struct trace_summary second_summary;
    struct trace_hygiene second_hygiene;
    trace_names *names;
    trace_meta *meta;
    trace_spool *spool;
    trace_stream *stream; /* NULL: there are records */
    trace_page_marks *marks;
    struct trace_resolver resolver;
    struct trace_event resolved[RESOLVED_EVENTS];
    const struct trace_event *events; /* that are handed out, of the stream or in resolved */
    guint32 next, ready;              /* of them */
    struct trace_event made[RESOLVED_EVENTS]; /* of the prelude, or in another order than read */
    const struct trace_event *late;           /* events that are to be brought into it */
    guint32 late_next, late_ready;            /* of them */
    trace_prelude *prelude;
    guint placed; /* of the prelude */
    struct trace_implicit implicit;
    gboolean early;  /* implicit frees are */
    gboolean pages;  /* some record is of a page block */
    guint64 late_ns; /* the latest first time stamp among the CPUs, since first_ns */
};

/* The records come from the first on, and nothing is live but the prelude. */
gboolean trace_reader_restart(trace_reader *reader, struct trace_hygiene *hygiene,
                              struct trace_summary *summary, GError **error);

/* All events once more. */
gboolean trace_reader_rewind(trace_reader *reader, GError **error);

/* Of records: what they come to, and the prelude. */
gboolean trace_reader_summarise(trace_reader *reader, GError **error);

/* Both bounds of the peak; and which of them the events are to have. */
gboolean trace_reader_find_bounds(trace_reader *reader, GError **error);

#endif
