/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that an encoder has gathered, in order of time. They come as runs that are in order,
 * one for each chunk of a thread, and there are few; so they are not moved, but told of in
 * stretches: as many events of one run as there are before the next event of any other.
 */
#ifndef BSA_CLI_TRACE_ORDER_H
#define BSA_CLI_TRACE_ORDER_H

#include <glib.h>

/* An event, without what its shape has. */
struct trace_gathered {
    guint64 time_ns;
    guint64 address;
    guint32 slot;
    guint32 shape;
    guint32 place;
    guint32 begins; /* 1: frees of others at the same time go before it */
};

struct trace_order {
    const struct trace_gathered *events;
    const guint64 *threads; /* by place */
    GArray *runs;           /* struct run, see order.c */
    GArray *heap;           /* guint32: runs by their next event */
};

void trace_order_init(struct trace_order *order);
void trace_order_destroy(struct trace_order *order);

/* No event is there. */
void trace_order_clear(struct trace_order *order);

/* A run begins with this event; the first one does with event 0. */
void trace_order_begin_run(struct trace_order *order, guint32 event);

/* All events are there. threads: by place. */
void trace_order_ready(struct trace_order *order, const struct trace_gathered *events,
                       guint32 count, const guint64 *threads);

/* How many events come next, 0 at the end, and the first of them. */
guint32 trace_order_next(struct trace_order *order, const struct trace_gathered **first);

#endif
