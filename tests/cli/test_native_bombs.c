/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files of a few bytes that would need any amount of memory. */
#include "native_support.h"

#include "trace/columns.h"

#include <zstd.h>

/* Content of a chunk, packed. */
static GByteArray *pack(const guint8 *content, gsize size)
{
    gsize room = ZSTD_compressBound(size);
    guint8 *packed = g_malloc(room);
    gsize length = ZSTD_compress(packed, room, content, size, 1);
    ck_assert(!ZSTD_isError(length));
    return g_byte_array_new_take(packed, length);
}

static void refuse(GByteArray *bytes, const char *expected)
{
    char *path = make_file(bytes->data, bytes->len), *message = NULL;
    ck_assert(read_records(path, NULL, &message) == NULL);
    ck_assert_msg(strstr(message, expected) != NULL, "%s", message);
    g_free(message);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
}

START_TEST(much_metadata)
{
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    guint8 *content = g_malloc0(TRACE_CHUNK_BYTES_MAX);
    for (guint8 i = 0; i < 8; i++) {
        guint32 length = GUINT32_TO_LE(TRACE_CHUNK_BYTES_MAX - 6);
        content[0] = (guint8)('a' + i);
        memcpy(content + 2, &length, sizeof length);
        GByteArray *packed = pack(content, TRACE_CHUNK_BYTES_MAX);
        struct trace_chunk_header header = {.type = TRACE_CHUNK_META,
                                            .flags = TRACE_CHUNK_ZSTD,
                                            .content_bytes = TRACE_CHUNK_BYTES_MAX};
        add_chunk(bytes, header, packed->data, packed->len);
        g_byte_array_free(packed, TRUE);
    }
    g_free(content);
    refuse(bytes, "more metadata than a trace may have");
}
END_TEST

/* A million events each, of columns that are all constant, side by side in time. */
START_TEST(many_events)
{
    static const struct trace_column columns[] = {
        {.id = TRACE_COLUMN_SHAPE_KIND, .count = 1, .bytes = 8},
        {.id = TRACE_COLUMN_TIME, .bytes = 8},
        {.id = TRACE_COLUMN_ADDRESS, .bytes = 8},
        {.id = TRACE_COLUMN_RUN, .bytes = 8},
    };
    const guint64 values[] = {TRACE_ALLOC, 1, 32, TRACE_COLUMNS_EVENTS_MAX};
    struct trace_columns_header start = {.columns = G_N_ELEMENTS(columns)};
    struct trace_chunk_header header = {.type = TRACE_CHUNK_COLUMNS,
                                        .events = TRACE_COLUMNS_EVENTS_MAX,
                                        .clock_ticks = 1,
                                        .clock_ns = TRACE_COLUMNS_EVENTS_MAX};
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW), *content = g_byte_array_new();
    g_byte_array_append(content, (const guint8 *)&start, sizeof start);
    g_byte_array_append(content, (const guint8 *)columns, sizeof columns);
    g_byte_array_append(content, (const guint8 *)values, sizeof values);
    for (guint i = 0; i < 40; i++) {
        add_chunk(bytes, header, content->data, content->len);
    }
    g_byte_array_free(content, TRUE);
    refuse(bytes, "too many chunks overlap with it in time");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("native-bombs");
    TCase *bombs = tcase_create("bombs");
    tcase_add_test(bombs, much_metadata);
    tcase_add_test(bombs, many_events);
    suite_add_tcase(suite, bombs);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
