/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of a chunk's events: what an event has besides its time, place and object. */
#ifndef BSA_CLI_TRACE_SHAPES_H
#define BSA_CLI_TRACE_SHAPES_H

#include <glib.h>

#include "columns.h"
#include "spool.h"

/* In words, each of fields that lie side by side in a record, so that making one and comparing two
 * is quick. */
struct trace_shape {
    guint64 size, given, align;
    guint64 names; /* cache, and site in the upper half */
    guint64 gfp;
    guint64 rest; /* bytes, from the lowest: kind, flags, order, migrate type, two of node, own */
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
    return trace_shape_byte(shape, 6);
}

static inline void trace_shape_add_own(struct trace_shape *shape, enum trace_shape_own own)
{
    shape->rest |= (guint64)own << 48;
}

/* What of a record its shape has; of an object that ends the reader of events knows the size and
 * the order, and the size of a block of pages. */
static inline struct trace_shape trace_shape_of(const struct trace_record *record,
                                                enum trace_level level)
{
    struct trace_shape shape = {
        .size = record->size,
        .given = record->given,
        .align = record->align,
        .names = record->cache | (guint64)record->site << 32,
        .gfp = record->gfp,
        .rest = (record->kind | (guint32)record->flags << 8 | (guint32)record->order << 16 |
                 (guint32)record->migratetype << 24) |
                (guint64)record->node << 32,
    };
    if (level != TRACE_LEVEL_RAW) {
        gboolean failed = (record->flags & TRACE_FAILED) != 0;
        gboolean ends = trace_kind_is_free(record->kind);
        shape.size = ends || (record->kind == TRACE_PAGE_ALLOC && !failed) ? 0 : shape.size;
        shape.rest = ends ? shape.rest & ~((guint64)0xff << 16) : shape.rest;
    }
    return shape;
}

static inline gboolean trace_shape_is(const struct trace_shape *a, const struct trace_shape *b)
{
    return ((a->size ^ b->size) | (a->given ^ b->given) | (a->align ^ b->align) |
            (a->names ^ b->names) | (a->gfp ^ b->gfp) | (a->rest ^ b->rest)) == 0;
}

struct trace_shape_use {
    struct trace_shape shape;
    guint32 events;
    guint32 number;   /* in the chunk, when they are numbered */
    guint32 home;     /* in the table */
    guint8 reference; /* enum trace_reference of its events */
    guint8 page;      /* they are of blocks of pages */
};

#define TRACE_SHAPES_LAST_BITS 10u

struct trace_shapes {
    struct trace_shape_use *use; /* in the order of their coming */
    guint32 count, held;
    guint32 *table; /* by hash: index into use */
    guint32
        last[1u << TRACE_SHAPES_LAST_BITS]; /* what an event with such a kind and size had last */
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
    guint64 key =
        (shape->size + shape->rest + shape->names) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return &shapes->last[key >> (64 - TRACE_SHAPES_LAST_BITS)];
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
