/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "checksum.h"
#include "encode.h"
#include "error.h"
#include "output.h"
#include "slots.h"

#define DEFAULT_COMPRESSION 9

struct trace_writer {
    struct trace_writer_options options;
    trace_output *output;
    trace_encoder *encoder;   /* that gathers events */
    trace_encoder *finishing; /* trace_writer_use_thread: whose events become a chunk meanwhile, */
    GThread *thread;          /*   by this thread, and the output is its own; NULL: none now */
    GError *thread_error;     /*   and whether it could not, when the thread has ended */
    struct trace_slots slots;
    GByteArray *content; /* of the chunk that is being written */
    GByteArray *index;   /* struct trace_index_entry */
    trace_meta *meta;    /* as written so far */
    guint32 names;       /* how many of them are written */
    guint64 events;
    ZSTD_CCtx *zstd;
    guint8 *packed;
    gsize packed_size;
};

G_STATIC_ASSERT(TRACE_COLUMNS_EVENTS <= TRACE_COLUMNS_EVENTS_MAX);

static gboolean write_header(trace_writer *writer, GError **error)
{
    struct trace_file_header header = {
        .major = GUINT16_TO_LE(TRACE_FILE_MAJOR),
        .minor = GUINT16_TO_LE(TRACE_FILE_MINOR),
        .level = (guint8)writer->options.level,
        .kernel = writer->options.kernel != FALSE,
        .bytes = GUINT16_TO_LE(sizeof header),
        .page_size = GUINT32_TO_LE(writer->options.page_size),
    };
    memcpy(header.magic, TRACE_FILE_MAGIC, sizeof header.magic);
    header.checksum = GUINT64_TO_LE(trace_header_checksum(&header));
    return trace_output_write(writer->output, &header, sizeof header, error);
}

/* At level 1 the table of what came before stays in a processor's first cache, and matches may be
 * short: an eighth of the time and half a percent of the bytes less. */
static void set_compression(trace_writer *writer)
{
    gint level = writer->options.compression;
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel,
                           level != 0 ? level : DEFAULT_COMPRESSION);
    if (level == 1) {
        ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_hashLog, 12);
        ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_minMatch, 5);
    }
}

trace_writer *trace_writer_open(const char *path, const struct trace_writer_options *options,
                                GError **error)
{
    trace_output *output = trace_output_open(path, error);
    if (output == NULL) {
        return NULL;
    }
    trace_writer *writer = g_new0(trace_writer, 1);
    writer->options = *options;
    writer->output = output;
    writer->encoder = trace_encoder_new(options->level, options->addresses);
    writer->content = g_byte_array_new();
    writer->index = g_byte_array_new();
    writer->meta = trace_meta_new();
    writer->names = 1;
    writer->zstd = ZSTD_createCCtx();
    trace_slots_init(&writer->slots);
    if (writer->zstd == NULL) {
        g_error("out of memory");
    }
    set_compression(writer);
    if (!write_header(writer, error)) {
        trace_writer_abandon(writer);
        return NULL;
    }
    return writer;
}

/* The content if it becomes smaller; FALSE: it stays as it is. */
static gboolean compress(trace_writer *writer, gsize *stored)
{
    gsize bound = ZSTD_compressBound(writer->content->len);
    if (bound > writer->packed_size) {
        writer->packed = g_realloc(writer->packed, bound);
        writer->packed_size = bound;
    }
    *stored = ZSTD_compress2(writer->zstd, writer->packed, bound, writer->content->data,
                             writer->content->len);
    return !ZSTD_isError(*stored) && *stored < writer->content->len;
}

/* Writes the content as a chunk; what the header says beyond it stands there already. */
static gboolean write_chunk(trace_writer *writer, struct trace_chunk_header *header, GError **error)
{
    gsize stored;
    gboolean packed = compress(writer, &stored);
    const guint8 *data = packed ? writer->packed : writer->content->data;
    struct trace_index_entry entry = {
        .offset = GUINT64_TO_LE(trace_output_bytes(writer->output)),
        .lowest_ns = header->clock_ticks,
        .highest_ns = header->clock_ns,
        .events = header->events,
        .type = header->type,
    };
    stored = packed ? stored : writer->content->len;
    memcpy(header->magic, TRACE_CHUNK_MAGIC, sizeof header->magic);
    header->flags = GUINT16_TO_LE(packed ? TRACE_CHUNK_ZSTD : 0);
    header->stored_bytes = GUINT32_TO_LE((guint32)stored);
    header->content_bytes = GUINT32_TO_LE(writer->content->len);
    header->checksum = GUINT64_TO_LE(trace_chunk_checksum(header, data));
    g_byte_array_append(writer->index, (const guint8 *)&entry, sizeof entry);
    g_byte_array_set_size(writer->content, 0);
    return trace_output_write(writer->output, header, sizeof *header, error) &&
           trace_output_write(writer->output, data, stored, error);
}

/* The names that came since the last time; each ends with a zero. */
static gboolean write_names(trace_writer *writer, GError **error)
{
    const trace_names *names = writer->options.names;
    guint32 count = names == NULL ? 1 : trace_names_count(names);
    while (writer->names < count) {
        struct trace_chunk_header header = {.type = GUINT16_TO_LE(TRACE_CHUNK_NAMES)};
        while (writer->names < count && writer->content->len < TRACE_CHUNK_BYTES_MAX / 2) {
            const char *name = trace_names_get(names, writer->names++);
            g_byte_array_append(writer->content, (const guint8 *)name, (guint)strlen(name) + 1);
        }
        if (!write_chunk(writer, &header, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean fail(const trace_writer *writer, GError **error, const char *what)
{
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_DAMAGED, "%s: event %" G_GUINT64_FORMAT " %s",
                trace_output_name(writer->output), writer->events + 1, what);
    return FALSE;
}

static gboolean finish_events(trace_writer *writer, trace_encoder *encoder, GError **error)
{
    guint64 lowest_ns, highest_ns;
    struct trace_chunk_header header = {
        .type = GUINT16_TO_LE(TRACE_CHUNK_COLUMNS),
        .events = GUINT32_TO_LE(trace_encoder_count(encoder)),
    };
    trace_encoder_finish(encoder, writer->content, &lowest_ns, &highest_ns);
    header.clock_ticks = GUINT64_TO_LE(lowest_ns);
    header.clock_ns = GUINT64_TO_LE(highest_ns);
    return write_chunk(writer, &header, error);
}

static gpointer finish_apart(gpointer data)
{
    trace_writer *writer = data;
    finish_events(writer, writer->finishing, &writer->thread_error);
    return NULL;
}

static void wait_for_thread(trace_writer *writer)
{
    if (writer->thread != NULL) {
        g_thread_join(writer->thread);
        writer->thread = NULL;
    }
}

/* All that was handed to the thread is in the output, or it could not be. */
static gboolean end_thread(trace_writer *writer, GError **error)
{
    wait_for_thread(writer);
    if (writer->thread_error != NULL) {
        g_propagate_error(error, g_steal_pointer(&writer->thread_error));
        return FALSE;
    }
    return TRUE;
}

void trace_writer_use_thread(trace_writer *writer)
{
    if (writer->finishing == NULL && writer->options.level == TRACE_LEVEL_RAW) {
        writer->finishing = trace_encoder_new(TRACE_LEVEL_RAW, TRUE);
    }
}

/* The events become a chunk, or begin to: end_thread. */
static gboolean begin_events(trace_writer *writer, GError **error)
{
    if (!end_thread(writer, error)) {
        return FALSE;
    }
    if (trace_encoder_count(writer->encoder) == 0) {
        return TRUE;
    }
    if (!write_names(writer, error)) {
        return FALSE;
    }
    if (writer->finishing == NULL) {
        return finish_events(writer, writer->encoder, error);
    }
    trace_encoder *full = writer->encoder;
    writer->encoder = writer->finishing;
    writer->finishing = full;
    writer->thread = g_thread_try_new("chunk", finish_apart, writer, NULL);
    return writer->thread != NULL || finish_events(writer, full, error);
}

static gboolean write_events(trace_writer *writer, GError **error)
{
    return begin_events(writer, error) && end_thread(writer, error);
}

gboolean trace_writer_records(trace_writer *writer, const struct trace_record *records,
                              guint32 count, GError **error)
{
    while (count > 0) {
        guint32 taken = trace_encoder_records(writer->encoder, records, count);
        records += taken;
        count -= taken;
        writer->events += taken;
        if (count > 0 && !begin_events(writer, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean trace_writer_record(trace_writer *writer, const struct trace_record *record,
                             GError **error)
{
    return trace_writer_records(writer, record, 1, error);
}

/* The event's slot among those of the file, which are as small as can be. */
static gboolean find_slot(trace_writer *writer, const struct trace_event *event, guint32 *slot,
                          GError **error)
{
    *slot = TRACE_NO_SLOT;
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_NONE:
        return TRUE;
    case TRACE_REFERENCE_BEGINS:
        *slot = trace_slots_begin(&writer->slots, event->slot);
        return *slot != TRACE_NO_SLOT ||
               fail(writer, error, "begins an object in a slot that has one");
    case TRACE_REFERENCE_ENDS:
        *slot = trace_slots_end(&writer->slots, event->slot);
        return *slot != TRACE_NO_SLOT || fail(writer, error, "ends an object that does not live");
    case TRACE_REFERENCE_STAYS:
        *slot = trace_slots_find(&writer->slots, event->slot);
        return *slot != TRACE_NO_SLOT ||
               (event->slot == TRACE_NO_SLOT && (event->flags & TRACE_FAILED) != 0) ||
               fail(writer, error, "resizes an object that does not live");
    }
    return TRUE;
}

gboolean trace_writer_event(trace_writer *writer, const struct trace_event *event, GError **error)
{
    guint32 slot;
    if (event->kind >= TRACE_KINDS || event->kind == TRACE_REALLOC_BEGIN) {
        return fail(writer, error, "is of a kind that a replayable trace cannot have");
    }
    if (event->size > TRACE_SIZE_MAX && (event->flags & TRACE_FAILED) == 0 &&
        trace_kind_has_slot(event->kind)) {
        return fail(writer, error, "has a size that no machine's memory has");
    }
    if (!find_slot(writer, event, &slot, error)) {
        return FALSE;
    }
    const struct trace_record record = trace_record_of(event);
    trace_encoder_event(writer->encoder, &record, slot);
    writer->events++;
    return trace_encoder_count(writer->encoder) < TRACE_COLUMNS_EVENTS ||
           begin_events(writer, error);
}

/* Key, zero, length of the value in four bytes, value. */
static void append_entry(GByteArray *content, const char *key, gconstpointer value, gsize bytes)
{
    guint32 length = GUINT32_TO_LE((guint32)bytes);
    g_byte_array_append(content, (const guint8 *)key, (guint)strlen(key) + 1);
    g_byte_array_append(content, (const guint8 *)&length, sizeof length);
    g_byte_array_append(content, value, (guint)bytes);
}

gboolean trace_writer_meta(trace_writer *writer, const trace_meta *meta, GError **error)
{
    struct trace_chunk_header header = {.type = GUINT16_TO_LE(TRACE_CHUNK_META)};
    if (!write_events(writer, error)) {
        return FALSE;
    }
    for (guint i = 0; i < trace_meta_count(meta); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
        GBytes *known = trace_meta_get(writer->meta, entry->key);
        gsize bytes;
        gconstpointer value = g_bytes_get_data(entry->value, &bytes);
        if (known != NULL && g_bytes_equal(known, entry->value)) {
            continue;
        }
        if (bytes + strlen(entry->key) > TRACE_CHUNK_BYTES_MAX / 2) {
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_OPTION,
                        "%s: the metadata %s has %" G_GSIZE_FORMAT
                        " bytes, more than a trace file takes (%u)",
                        trace_output_name(writer->output), entry->key, bytes,
                        TRACE_CHUNK_BYTES_MAX / 2);
            return FALSE;
        }
        if (writer->content->len + bytes + strlen(entry->key) > TRACE_CHUNK_BYTES_MAX / 2 &&
            !write_chunk(writer, &header, error)) {
            return FALSE;
        }
        append_entry(writer->content, entry->key, value, bytes);
        trace_meta_set(writer->meta, entry->key, value, bytes);
    }
    return writer->content->len == 0 || write_chunk(writer, &header, error);
}

static gint by_value(gconstpointer a, gconstpointer b)
{
    guint64 first = *(const guint64 *)a, second = *(const guint64 *)b;
    return first < second ? -1 : first > second;
}

guint trace_writer_overlap(trace_writer *writer)
{
    wait_for_thread(writer);
    const struct trace_index_entry *entries = (gconstpointer)writer->index->data;
    gsize all = writer->index->len / sizeof *entries, count = 0, ended = 0, most = 0;
    guint64 *begins = g_new(guint64, all), *ends = g_new(guint64, all);
    for (gsize i = 0; i < all; i++) {
        if (entries[i].type == GUINT16_TO_LE(TRACE_CHUNK_COLUMNS)) {
            begins[count] = GUINT64_FROM_LE(entries[i].lowest_ns);
            ends[count++] = GUINT64_FROM_LE(entries[i].highest_ns);
        }
    }
    if (count > 0) {
        qsort(begins, count, sizeof *begins, by_value);
        qsort(ends, count, sizeof *ends, by_value);
    }
    for (gsize begun = 0; begun < count; begun++) {
        while (ends[ended] <= begins[begun] && ended < begun) {
            ended++;
        }
        most = MAX(most, begun + 1 - ended);
    }
    g_free(begins);
    g_free(ends);
    return (guint)most;
}

void trace_writer_move(trace_writer *writer, const char *path)
{
    trace_output_move(writer->output, path);
}

static gboolean write_end(trace_writer *writer, GError **error)
{
    struct trace_chunk_header header = {.type = GUINT16_TO_LE(TRACE_CHUNK_INDEX)};
    struct trace_trailer trailer = {
        .index_offset = GUINT64_TO_LE(trace_output_bytes(writer->output)),
    };
    g_byte_array_append(writer->content, writer->index->data, writer->index->len);
    trailer.checksum = GUINT64_TO_LE(trace_trailer_checksum(&trailer));
    memcpy(trailer.magic, TRACE_FILE_MAGIC, sizeof trailer.magic);
    return write_chunk(writer, &header, error) &&
           trace_output_write(writer->output, &trailer, sizeof trailer, error);
}

static void free_writer(trace_writer *writer)
{
    trace_encoder_free(writer->encoder);
    if (writer->finishing != NULL) {
        trace_encoder_free(writer->finishing);
    }
    trace_slots_destroy(&writer->slots);
    g_byte_array_free(writer->content, TRUE);
    g_byte_array_free(writer->index, TRUE);
    trace_meta_free(writer->meta);
    ZSTD_freeCCtx(writer->zstd);
    g_free(writer->packed);
    g_free(writer);
}

gboolean trace_writer_close(trace_writer *writer, GError **error)
{
    gboolean good = write_events(writer, error) && write_end(writer, error);
    if (!good) {
        trace_writer_abandon(writer);
        return FALSE;
    }
    good = trace_output_close(writer->output, error);
    free_writer(writer);
    return good;
}

void trace_writer_abandon(trace_writer *writer)
{
    if (writer != NULL) {
        wait_for_thread(writer);
        g_clear_error(&writer->thread_error);
        trace_output_abandon(writer->output);
        free_writer(writer);
    }
}
