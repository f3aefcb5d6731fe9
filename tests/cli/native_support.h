/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files for tests: made by the writer, or byte by byte as a recorder writes them. */
#ifndef BSA_TESTS_CLI_NATIVE_SUPPORT_H
#define BSA_TESTS_CLI_NATIVE_SUPPORT_H

#include "seed.h"
#include "trace_support.h"

#include "trace/checksum.h"
#include "trace/short.h"
#include "trace/writer.h"

static inline guint64 random_word(GRand *random)
{
    return (guint64)g_rand_int(random) << 32 | g_rand_int(random);
}

/* Of any length, short ones as often as long ones. */
static inline guint64 random_number(GRand *random)
{
    return random_word(random) >> g_rand_int_range(random, 0, 64);
}

static inline trace_writer *open_writer(const char *path, enum trace_level level,
                                        const trace_names *names)
{
    struct trace_writer_options options = {
        .level = level, .kernel = TRUE, .page_size = 4096, .addresses = TRUE, .names = names};
    GError *error = NULL;
    trace_writer *writer = trace_writer_open(path, &options, &error);
    ck_assert_msg(writer != NULL, "%s", error != NULL ? error->message : "");
    return writer;
}

static inline void write_event(trace_writer *writer, const struct trace_event *event)
{
    GError *error = NULL;
    ck_assert_msg(trace_writer_event(writer, event, &error), "%s",
                  error != NULL ? error->message : "");
}

static inline void write_record(trace_writer *writer, const struct trace_record *record)
{
    GError *error = NULL;
    ck_assert_msg(trace_writer_record(writer, record, &error), "%s",
                  error != NULL ? error->message : "");
}

static inline void close_writer(trace_writer *writer)
{
    GError *error = NULL;
    ck_assert_msg(trace_writer_close(writer, &error), "%s", error != NULL ? error->message : "");
}

/* A name for a file that is not there yet. */
static inline char *new_path(void)
{
    char *path = make_file("", 0);
    g_unlink(path);
    return path;
}

/* What is in a file; the file goes. */
static inline GByteArray *take_file(char *path)
{
    char *bytes;
    gsize length;
    ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
    drop_file(path);
    return g_byte_array_new_take((guint8 *)bytes, length);
}

/* All records of a raw file; NULL and the message where it is refused. */
static inline GArray *read_records(const char *path, struct trace_hygiene *hygiene, char **message)
{
    struct trace_options options = {.layer = TRACE_LAYER_ALL};
    const struct trace_record *record;
    GError *error = NULL;
    GArray *records = g_array_new(FALSE, FALSE, sizeof *record);
    int got = -1;
    trace_reader *reader = trace_open_records(path, &options, &error);
    while (reader != NULL && (got = trace_next_record(reader, &record, &error)) > 0) {
        g_array_append_vals(records, record, 1);
    }
    if (reader != NULL && hygiene != NULL) {
        *hygiene = *trace_hygiene(reader);
    }
    trace_close(reader);
    if (got < 0) {
        ck_assert(error != NULL);
        *message = g_strdup(error->message);
        g_error_free(error);
        g_array_free(records, TRUE);
        return NULL;
    }
    return records;
}

/* The same, which must be good. */
static inline GArray *all_records(const char *path, struct trace_hygiene *hygiene)
{
    char *message = NULL;
    GArray *records = read_records(path, hygiene, &message);
    ck_assert_msg(records != NULL, "%s", message != NULL ? message : "");
    return records;
}

/* Byte by byte. */
static inline GByteArray *begin_file(enum trace_level level)
{
    struct trace_file_header header = {
        .major = TRACE_FILE_MAJOR,
        .minor = TRACE_FILE_MINOR,
        .level = (guint8)level,
        .bytes = sizeof header,
        .page_size = 4096,
    };
    GByteArray *bytes = g_byte_array_new();
    memcpy(header.magic, TRACE_FILE_MAGIC, sizeof header.magic);
    header.checksum = trace_header_checksum(&header);
    g_byte_array_append(bytes, (const guint8 *)&header, sizeof header);
    return bytes;
}

/* header: type, flags, events, thread and the clock; the rest is found out. */
static inline void add_chunk(GByteArray *bytes, struct trace_chunk_header header,
                             gconstpointer stored, guint stored_bytes)
{
    memcpy(header.magic, TRACE_CHUNK_MAGIC, sizeof header.magic);
    header.stored_bytes = stored_bytes;
    if ((header.flags & TRACE_CHUNK_ZSTD) == 0) {
        header.content_bytes = stored_bytes;
    }
    header.checksum = trace_chunk_checksum(&header, stored);
    g_byte_array_append(bytes, (const guint8 *)&header, sizeof header);
    g_byte_array_append(bytes, stored, stored_bytes);
}

static inline struct trace_chunk_header recorders_header(enum trace_chunk_type type, guint32 thread,
                                                         guint64 ticks, guint64 ns, guint32 events)
{
    return (struct trace_chunk_header){
        .type = (guint16)type,
        .events = events,
        .thread = thread,
        .clock_ticks = ticks,
        .clock_ns = ns,
    };
}

static inline void add_fixed(GByteArray *bytes, guint32 thread, guint64 ticks, guint64 ns,
                             const struct trace_fixed *records, guint32 count)
{
    add_chunk(bytes, recorders_header(TRACE_CHUNK_FIXED, thread, ticks, ns, count), records,
              count * (guint)sizeof *records);
}

static inline void put_short(GByteArray *content, struct trace_short record)
{
    g_byte_array_append(content, (const guint8 *)&record, sizeof record);
}

/* The content of a chunk of short records, with extensions where they have to be. */
static inline GByteArray *short_records(const struct trace_fixed *records, guint32 count)
{
    GByteArray *content = g_byte_array_new();
    guint64 ticks = 0;
    for (guint32 i = 0; i < count; i++) {
        if (!trace_short_holds(&records[i], ticks)) {
            put_short(content, trace_short_extension(&records[i]));
            ticks = records[i].ticks;
        }
        put_short(content, trace_short_of(&records[i]));
    }
    return content;
}

static inline void add_short(GByteArray *bytes, guint32 thread, guint64 ticks, guint64 ns,
                             const struct trace_fixed *records, guint32 count)
{
    GByteArray *content = short_records(records, count);
    add_chunk(bytes, recorders_header(TRACE_CHUNK_SHORT, thread, ticks, ns, count), content->data,
              content->len);
    g_byte_array_free(content, TRUE);
}

static inline void add_meta(GByteArray *bytes, const char *key, const char *value)
{
    struct trace_chunk_header header = {.type = TRACE_CHUNK_META};
    GByteArray *content = g_byte_array_new();
    guint32 length = (guint32)strlen(value);
    g_byte_array_append(content, (const guint8 *)key, (guint)strlen(key) + 1);
    g_byte_array_append(content, (const guint8 *)&length, sizeof length);
    g_byte_array_append(content, (const guint8 *)value, length);
    add_chunk(bytes, header, content->data, content->len);
    g_byte_array_free(content, TRUE);
}

static inline struct trace_fixed fixed(guint64 ticks, enum trace_kind kind, guint64 address,
                                       guint64 size)
{
    return (struct trace_fixed){ticks, address, size, 0, 1, (guint8)kind, 0};
}

#endif
