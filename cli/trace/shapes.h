/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of a chunk's events: what an event has besides its time, place and object. */
#ifndef BSA_CLI_TRACE_SHAPES_H
#define BSA_CLI_TRACE_SHAPES_H

#include <glib.h>

#include "columns.h"
#include "spool.h"

/* In words, so that making one and comparing two is quick. */
struct trace_shape {
    guint64 size, given, align;
    guint64 names; /* cache, and site in the lower half */
    guint64 gfp;
    guint64 rest; /* bytes, from the lowest: kind, flags, own, order, migrate type + 1; above them
                     node + 1 */
};

static inline guint trace_shape_byte(const struct trace_shape *shape, guint number)
{
    return shape->rest >> 8 * number & 0xff;
}

static inline guint trace_shape_kind(const struct trace_shape *shape)
{
    return trace_shape_byte(shape, 0);
}

static inline guint trace_shape_flags(const struct trace_shape *shape)
{
    return trace_shape_byte(shape, 1);
}

static inline guint trace_shape_own(const struct trace_shape *shape)
{
    return trace_shape_byte(shape, 2);
}

/* What of a record its shape has; of an object that ends the reader of events knows the size and
 * the order, and the size of a block of pages. */
static inline struct trace_shape trace_shape_of(const struct trace_record *record,
                                                enum trace_level level)
{
    gboolean failed = (record->flags & TRACE_FAILED) != 0, known = level != TRACE_LEVEL_RAW;
    gboolean ends = known && trace_kind_is_free(record->kind);
    gboolean sized = ends || (known && record->kind == TRACE_PAGE_ALLOC && !failed);
    guint64 order = ends ? 0 : record->order;
    return (struct trace_shape){
        .size = sized ? 0 : record->size,
        .given = record->given,
        .align = record->align,
        .names = (guint64)record->cache << 32 | record->site,
        .gfp = record->gfp,
        .rest = record->kind | (guint64)record->flags << 8 | order << 24 |
                (guint64)(guint8)(record->migratetype + 1u) << 32 |
                (guint64)(guint16)(record->node + 1u) << 40,
    };
}

static inline gboolean trace_shape_is(const struct trace_shape *a, const struct trace_shape *b)
{
    return ((a->size ^ b->size) | (a->given ^ b->given) | (a->align ^ b->align) |
            (a->names ^ b->names) | (a->gfp ^ b->gfp) | (a->rest ^ b->rest)) == 0;
}

struct trace_shape_use {
    struct trace_shape shape;
    guint32 events;
    guint32 number; /* in the chunk, when they are numbered */
    gsize home;     /* in the table */
};

#define TRACE_SHAPES_LAST 1024u

struct trace_shapes {
    struct trace_shape_use *use; /* in the order of their coming */
    guint32 count, held;
    guint32 *table;                  /* by hash: index into use */
    guint32 last[TRACE_SHAPES_LAST]; /* what an event with such a kind and size had last */
};

void trace_shapes_init(struct trace_shapes *shapes);
void trace_shapes_destroy(struct trace_shapes *shapes);
void trace_shapes_clear(struct trace_shapes *shapes);

/* Its index. */
guint32 trace_shapes_find(struct trace_shapes *shapes, const struct trace_shape *shape);

/* Where the index of the last such shape is kept. */
static inline guint32 *trace_shapes_last(struct trace_shapes *shapes,
                                         const struct trace_shape *shape)
{
    guint64 key = shape->size + shape->rest * 61u + shape->names * 13u;
    return &shapes->last[key % TRACE_SHAPES_LAST];
}

/* Whether it has this index. */
static inline gboolean trace_shapes_at(const struct trace_shapes *shapes, guint32 index,
                                       const struct trace_shape *shape)
{
    return index < shapes->count && trace_shape_is(&shapes->use[index].shape, shape);
}

/* The most frequent get the smallest numbers: the indexes of all that have events by their number,
 * for the caller to free. */
guint32 *trace_shapes_number(struct trace_shapes *shapes, guint32 *count);

#endif
