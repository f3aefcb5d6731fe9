/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a chunk: numbers gathered, then written as a chunk's content. */
#ifndef BSA_CLI_TRACE_ENCODE_COLUMNS_H
#define BSA_CLI_TRACE_ENCODE_COLUMNS_H

#include <glib.h>

#include "columns.h"

struct trace_column_values {
    guint64 *values; /* TRACE_COLUMNS_EVENTS */
    guint32 count;
};

struct trace_columns {
    struct trace_column_values column[TRACE_COLUMN_IDS];
};

void trace_columns_init(struct trace_columns *columns);
void trace_columns_destroy(struct trace_columns *columns);
void trace_columns_clear(struct trace_columns *columns);

/* A chunk's events are so many at most that there is room. */
static inline void trace_columns_put(struct trace_columns *columns, enum trace_column_id id,
                                     guint64 value)
{
    struct trace_column_values *column = &columns->column[id];
    column->values[column->count++] = value;
}

/* Appends header and columns, those of zeros left out. time_ns: what the first difference of times
 * is from; slots: ever used when the chunk began. */
void trace_columns_append(const struct trace_columns *columns, guint64 time_ns, guint32 slots,
                          GByteArray *content);

#endif
