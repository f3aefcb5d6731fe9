/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frees that a trace does not show happened somewhere between the last event of their object and
 * the next use of its address. Readers hand them out at the latest moment; here they move to the
 * earliest, so that both bounds can be had. All other events stay in their order, and as many.
 *
 * A first pass notes after which events an object ends so: memory is that of live objects, and 8
 * bytes for each such free.
 */
#ifndef BSA_CLI_TRACE_IMPLICIT_H
#define BSA_CLI_TRACE_IMPLICIT_H

#include <glib.h>

#include "event.h"

struct trace_implicit {
    GArray *slots; /* guint64, by slot: number of the object's last event; then its bytes */
    GArray *last;  /* guint64: after which events an object ends, ascending once settled */
    guint next;    /* of last */
    guint64 number;
    gboolean ends; /* an event is due: */
    struct trace_event end;
    guint64 live_bytes, live_pages, peak_bytes, peak_pages; /* with frees at their earliest */
    guint64 peak_event;                                     /* that reached peak_bytes */
};

void trace_implicit_init(struct trace_implicit *implicit);
void trace_implicit_destroy(struct trace_implicit *implicit);

/* The first pass: each event, and its end. */
void trace_implicit_note(struct trace_implicit *implicit, const struct trace_event *event);
void trace_implicit_settle(struct trace_implicit *implicit);

/* All events come once more. */
void trace_implicit_restart(struct trace_implicit *implicit);

/* An event that is due before the next one is read: FALSE when there is none. */
gboolean trace_implicit_due(struct trace_implicit *implicit, struct trace_event *event);
/* An event that was read: FALSE when it has been handed out already. */
gboolean trace_implicit_pass(struct trace_implicit *implicit, struct trace_event *event);

/* Adds an event of the new order to what is live. */
void trace_implicit_count(struct trace_implicit *implicit, const struct trace_event *event,
                          guint64 page_size);

#endif
