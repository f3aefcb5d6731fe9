/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes.h"

#include <string.h>

#include "checksum.h"

#define NONE G_MAXUINT32

/* A chunk's events have a shape each, and another one where its size is not worth one. */
#define TABLE_SIZE ((gsize)4 * TRACE_COLUMNS_EVENTS)

void trace_shapes_init(struct trace_shapes *shapes)
{
    *shapes = (struct trace_shapes){.held = 1024};
    shapes->use = g_new(struct trace_shape_use, shapes->held);
    shapes->table = g_new(guint32, TABLE_SIZE);
    memset(shapes->table, 0xff, TABLE_SIZE * sizeof *shapes->table);
}

void trace_shapes_destroy(struct trace_shapes *shapes)
{
    g_free(shapes->use);
    g_free(shapes->table);
}

void trace_shapes_clear(struct trace_shapes *shapes)
{
    for (guint32 i = 0; i < shapes->count; i++) {
        shapes->table[shapes->use[i].home] = NONE;
    }
    shapes->count = 0;
    memset(shapes->last, 0, sizeof shapes->last);
}

static guint32 add(struct trace_shapes *shapes, const struct trace_shape *shape, gsize home)
{
    if (shapes->count == shapes->held) {
        shapes->held *= 2;
        shapes->use = g_renew(struct trace_shape_use, shapes->use, shapes->held);
    }
    shapes->use[shapes->count] =
        (struct trace_shape_use){.shape = *shape, .number = NONE, .home = (guint32)home};
    shapes->table[home] = shapes->count;
    return shapes->count++;
}

guint32 trace_shapes_find(struct trace_shapes *shapes, const struct trace_shape *shape)
{
    gsize at = (gsize)XXH3_64bits(shape, sizeof *shape) % TABLE_SIZE;
    for (; shapes->table[at] != NONE; at = (at + 1) % TABLE_SIZE) {
        if (trace_shape_is(&shapes->use[shapes->table[at]].shape, shape)) {
            return shapes->table[at];
        }
    }
    return add(shapes, shape, at);
}

static gint by_use(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct trace_shapes *shapes = data;
    guint32 first = *(const guint32 *)a, second = *(const guint32 *)b;
    guint32 x = shapes->use[first].events, y = shapes->use[second].events;
    if (x != y) {
        return x > y ? -1 : 1;
    }
    return first < second ? -1 : first > second;
}

guint32 *trace_shapes_number(struct trace_shapes *shapes, guint32 *count)
{
    GArray *order = g_array_sized_new(FALSE, FALSE, sizeof(guint32), shapes->count);
    for (guint32 i = 0; i < shapes->count; i++) {
        if (shapes->use[i].events > 0) {
            g_array_append_val(order, i);
        }
    }
    g_array_sort_with_data(order, by_use, shapes);
    for (guint32 i = 0; i < order->len; i++) {
        shapes->use[g_array_index(order, guint32, i)].number = i;
    }
    *count = order->len;
    return (guint32 *)(void *)g_array_free(order, FALSE);
}
