/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of a chunk's events: what an event has besides its time, place and object. */
#ifndef BSA_CLI_TRACE_SHAPES_H
#define BSA_CLI_TRACE_SHAPES_H

#include <glib.h>

#include "columns.h"

/* Compared as bytes: no padding. */
struct trace_shape {
    guint64 size, given, align;
    guint32 cache, site, gfp;
    guint16 node;
    guint8 own, kind;
    guint8 flags, order, migratetype;
    guint8 zero[5];
};

#define TRACE_SHAPE_WORDS (sizeof(struct trace_shape) / sizeof(guint64))
G_STATIC_ASSERT(sizeof(struct trace_shape) == 3 * 8 + 3 * 4 + 2 + 5 + 5);
G_STATIC_ASSERT(sizeof(struct trace_shape) % sizeof(guint64) == 0);

struct trace_shape_use {
    struct trace_shape shape;
    guint32 events;
    guint32 number; /* in the chunk, when they are numbered */
    gsize home;     /* in the table */
};

struct trace_shapes {
    struct trace_shape_use *use; /* in the order of their coming */
    guint32 count, held;
    guint32 *table;            /* by hash: index into use */
    guint32 last[TRACE_KINDS]; /* what an event of the kind had last */
};

void trace_shapes_init(struct trace_shapes *shapes);
void trace_shapes_destroy(struct trace_shapes *shapes);
void trace_shapes_clear(struct trace_shapes *shapes);

/* Its index; the shape is used once more. */
guint32 trace_shapes_count(struct trace_shapes *shapes, const struct trace_shape *shape);

/* The most frequent get the smallest numbers: the indexes of all that have events by their number,
 * for the caller to free. */
guint32 *trace_shapes_number(struct trace_shapes *shapes, guint32 *count);

#endif
