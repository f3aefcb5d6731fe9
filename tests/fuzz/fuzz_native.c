/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a trace file: whatever they are, they are refused or read to their end; and what was
 * read, written and read again, is the same.
 */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "trace/checksum.h"
#include "trace/columns.h"
#include "trace/slots.h"
#include "trace/writer.h"

/* A file may have its slots as it likes; the writer has its own way. */
static guint32 plain_slot(struct trace_slots *slots, const struct trace_event *event)
{
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_BEGINS:
        return trace_slots_begin(slots, event->slot);
    case TRACE_REFERENCE_ENDS:
        return trace_slots_end(slots, event->slot);
    case TRACE_REFERENCE_STAYS:
        return trace_slots_find(slots, event->slot);
    case TRACE_REFERENCE_NONE:
        break;
    }
    return TRACE_NO_SLOT;
}

/* All as the writer makes them, so that two can be compared as bytes. */
static void put_event(GByteArray *bytes, struct trace_slots *slots, const trace_reader *reader,
                      const struct trace_event *event)
{
    struct trace_event plain = *event;
    plain.slot = plain_slot(slots, event);
    const char *names[] = {trace_name(reader, event->cache), trace_name(reader, event->site),
                           trace_name(reader, event->gfp)};
    plain.cache = plain.site = plain.gfp = 0;
    plain.line = 0;
    if (!trace_kind_has_slot(plain.kind) || (plain.flags & TRACE_FAILED) != 0) {
        plain.address = 0;
    }
    g_byte_array_append(bytes, (const guint8 *)&plain, sizeof plain);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_byte_array_append(bytes, (const guint8 *)names[i], (guint)strlen(names[i]) + 1);
    }
}

/* All events, and to the writer where there is one. */
static GByteArray *take_events(const char *path, trace_writer *writer, trace_reader *reader)
{
    struct trace_options options = {.layer = TRACE_LAYER_ALL};
    GByteArray *bytes = g_byte_array_new();
    struct trace_slots slots;
    struct trace_event event;
    GError *error = NULL;
    trace_slots_init(&slots);
    trace_reader *own = reader == NULL ? trace_open(path, &options, &error) : NULL;
    reader = reader == NULL ? own : reader;
    CHECK(reader != NULL);
    while (trace_next(reader, &event, &error) > 0) {
        put_event(bytes, &slots, reader, &event);
        CHECK(writer == NULL || trace_writer_event(writer, &event, &error));
    }
    CHECK(error == NULL);
    trace_slots_destroy(&slots);
    trace_close(own);
    return bytes;
}

static void check_again(const char *path)
{
    struct trace_options options = {.layer = TRACE_LAYER_ALL};
    GError *error = NULL;
    trace_reader *reader = trace_open(path, &options, &error);
    CHECK(reader != NULL);
    struct trace_writer_options how = {
        .level = TRACE_LEVEL_REPLAYABLE,
        .kernel = trace_summary(reader)->kernel,
        .page_size = trace_summary(reader)->page_size,
        .addresses = TRUE,
        .compression = 1,
        .names = trace_reader_names(reader),
    };
    char *name = g_strdup_printf("%s/bsa-fuzz-%d", g_get_tmp_dir(), (int)getpid());
    trace_writer *writer = trace_writer_open(name, &how, &error);
    CHECK(writer != NULL);
    CHECK(trace_writer_meta(writer, trace_reader_meta(reader), &error));
    GByteArray *first = take_events(path, writer, reader);
    CHECK(trace_writer_close(writer, &error));
    trace_close(reader);
    GByteArray *second = take_events(name, NULL, NULL);
    unlink(name);
    g_free(name);
    CHECK(first->len == second->len);
    CHECK(first->len == 0 || memcmp(first->data, second->data, first->len) == 0);
    g_byte_array_free(first, TRUE);
    g_byte_array_free(second, TRUE);
}

/* Reads the bytes as they are, in one layer and in all. */
static gboolean read_bytes(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    int fd = fuzz_file(data, size, path);
    gboolean taken = FALSE;
    for (guint i = 0; i < 2; i++) {
        guint layer = i == 0 ? (guint)(size % TRACE_LAYER_ALL) : TRACE_LAYER_ALL;
        struct trace_options options = {.layer = (enum trace_layer)layer};
        GError *error = NULL;
        trace_reader *reader = trace_open(path, &options, &error);
        CHECK(reader != NULL || g_utf8_validate(error->message, -1, NULL));
        if (reader != NULL) {
            fuzz_read_events(reader);
            taken = layer == TRACE_LAYER_ALL;
        }
        g_clear_error(&error);
        trace_close(reader);
    }
    if (taken) {
        check_again(path);
    }
    close(fd);
    return taken;
}

static guint64 little(const uint8_t *bytes, guint count)
{
    guint64 value = 0;
    for (guint i = count; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

/* Sets the checksums right, as far as there are chunks; FALSE: there is no header. */
static gboolean mend(uint8_t *data, size_t size)
{
    struct trace_file_header header;
    struct trace_chunk_header chunk;
    if (size < sizeof header || memcmp(data, TRACE_FILE_MAGIC, 8) != 0) {
        return FALSE;
    }
    memcpy(&header, data, sizeof header);
    header.checksum = trace_header_checksum(&header);
    memcpy(data, &header, sizeof header);
    size_t at = MAX(little(data + 14, 2), sizeof header);
    while (at < size && size - at >= sizeof chunk) {
        memcpy(&chunk, data + at, sizeof chunk);
        guint64 stored = little(data + at + 8, 4);
        if (stored > size - at - sizeof chunk) {
            break;
        }
        chunk.checksum = trace_chunk_checksum(&chunk, data + at + sizeof chunk);
        memcpy(data + at, &chunk, sizeof chunk);
        at += sizeof chunk + stored;
    }
    return TRUE;
}

gboolean fuzz_one(const uint8_t *data, size_t size)
{
    gboolean taken = read_bytes(data, size);
    uint8_t *mended = g_memdup2(data, size);
    if (!taken && mend(mended, size)) {
        read_bytes(mended, size);
    }
    g_free(mended);
    return taken;
}
