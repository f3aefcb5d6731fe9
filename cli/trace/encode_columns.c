/* SPDX-License-Identifier: Apache-2.0 */
#include "encode_columns.h"

#include <string.h>

#include "numbers.h"

void trace_columns_init(struct trace_columns *columns)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        columns->column[id].values = g_new(guint64, TRACE_COLUMNS_EVENTS);
        columns->column[id].count = 0;
    }
}

void trace_columns_destroy(struct trace_columns *columns)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        g_free(columns->column[id].values);
    }
}

void trace_columns_clear(struct trace_columns *columns)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        columns->column[id].count = 0;
    }
}

static gboolean has_numbers(const struct trace_column_values *column)
{
    guint32 i = 0;
    while (i < column->count && column->values[i] == 0) {
        i++;
    }
    return i < column->count;
}

/* The columns that are written, and bytes enough for all of it: those of zeros are left out. */
static guint choose_columns(const struct trace_columns *columns, guint8 *ids, gsize *bytes)
{
    guint count = 0;
    *bytes = sizeof(struct trace_columns_header);
    for (guint id = 1; id < TRACE_COLUMN_IDS; id++) {
        if (id == TRACE_COLUMN_SHAPE_KIND || has_numbers(&columns->column[id])) {
            ids[count++] = (guint8)id;
            *bytes += sizeof(struct trace_column) + trace_numbers_bound(columns->column[id].count);
        }
    }
    return count;
}

void trace_columns_append(const struct trace_columns *columns, guint64 time_ns, guint32 slots,
                          GByteArray *content)
{
    guint8 ids[TRACE_COLUMN_IDS];
    gsize bound, start = content->len;
    guint count = choose_columns(columns, ids, &bound);
    struct trace_columns_header header = {
        .time_ns = GUINT64_TO_LE(time_ns),
        .slots = GUINT32_TO_LE(slots),
        .columns = GUINT32_TO_LE(count),
    };
    g_byte_array_set_size(content, (guint)(start + bound));
    guint8 *at = content->data + start;
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    guint8 *bytes = at + count * sizeof(struct trace_column);
    for (guint i = 0; i < count; i++) {
        enum trace_encoding encoding;
        const struct trace_column_values *values = &columns->column[ids[i]];
        gsize packed =
            ids[i] == TRACE_COLUMN_ADDRESS
                ? trace_numbers_pack_steps(bytes, values->values, values->count, &encoding)
                : trace_numbers_pack(bytes, values->values, values->count, &encoding);
        struct trace_column column = {
            .id = ids[i],
            .encoding = (guint8)encoding,
            .count = GUINT32_TO_LE(values->count),
            .bytes = GUINT32_TO_LE((guint32)packed),
        };
        memcpy(at, &column, sizeof column);
        at += sizeof column;
        bytes += packed;
    }
    g_byte_array_set_size(content, (guint)(bytes - content->data));
}
