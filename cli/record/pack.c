/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks are packed as they come, many to one; the writer brings each into order of time, and a
 * reader merges those that overlap. Where that would not do, all is merged when the process has
 * ended: the recorder's clock may stand still between two events, so that it does not tell which
 * was first, or so many threads write so slowly that more chunks overlap than a reader can hold.
 */
#include "pack.h"

#include <errno.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "../trace/fixed.h"
#include "../trace/merge.h"
#include "../trace/writer.h"
#include "command.h"
#include "record.h"

#define STAYS "%s stays as it was recorded: "

enum { OVERLAP_MAX = 64, RECORDS_BETWEEN_LOOKS = 65536, BLOCK = 64 };

struct record_packer {
    char *raw;
    trace_input *input;
    trace_file *file;
    trace_names *names;
    trace_meta *meta;
    struct trace_dictionary dictionary;
    struct trace_clock clock;
    struct trace_content content;
    trace_writer *writer; /* NULL: it only counts, or all is to be merged in the end */
    gboolean counting;
    gboolean begun; /* there were records */
    GHashTable *threads;
    guint32 last_thread; /* most records come from the thread of the one before */
    struct record_counts counts;
};

static gboolean open_writer(record_packer *packer, GError **error)
{
    const struct trace_writer_options options = {
        .level = TRACE_LEVEL_RAW,
        .page_size = trace_file_header(packer->file)->page_size,
        .compression = RECORD_COMPRESSION,
        .names = packer->names,
    };
    packer->writer = trace_writer_open(packer->raw, &options, error);
    return packer->writer != NULL;
}

/* The target has ended and the processors are free. */
static void hurry(record_packer *packer)
{
    if (packer->writer != NULL)
        trace_writer_use_thread(packer->writer);
}

record_packer *record_packer_new(const char *raw, gboolean counting, GError **error)
{
    record_packer *packer = g_new0(record_packer, 1);
    packer->raw = g_strdup(raw);
    packer->counting = counting;
    packer->names = trace_names_new();
    packer->meta = trace_meta_new();
    packer->threads = g_hash_table_new(NULL, NULL);
    trace_dictionary_init(&packer->dictionary, packer->names, packer->meta);
    trace_clock_init(&packer->clock);
    packer->input = trace_input_open(raw, error);
    packer->file = packer->input != NULL ? trace_file_open(packer->input, error) : NULL;
    if (packer->file == NULL || (!counting && !open_writer(packer, error))) {
        if (!counting)
            g_prefix_error(error, STAYS, raw);
        record_packer_free(packer);
        return NULL;
    }
    return packer;
}

void record_packer_free(record_packer *packer)
{
    trace_writer_abandon(packer->writer);
    trace_file_close(packer->file);
    if (packer->input != NULL)
        trace_input_close(packer->input);
    trace_content_free(&packer->content);
    trace_clock_destroy(&packer->clock);
    trace_dictionary_destroy(&packer->dictionary);
    g_hash_table_destroy(packer->threads);
    trace_meta_free(packer->meta);
    trace_names_free(packer->names);
    g_free(packer->raw);
    g_free(packer);
}

/* Records ----------------------------------------------------------------------------------------- */

/* FALSE: the record is the recorder's own, and nothing to a reader. */
static inline gboolean count(record_packer *packer, guint kind, guint64 size, guint32 thread)
{
    struct record_counts *counts = &packer->counts;
    if (kind == TRACE_MARKER) {
        counts->end = (enum record_end)CLAMP(size, counts->end, RECORD_END_LIMIT);
        return FALSE;
    }
    if (kind == TRACE_LOST)
        counts->lost += size;
    else
        counts->events++;
    if (thread != packer->last_thread && thread != 0) {
        packer->last_thread = thread;
        g_hash_table_add(packer->threads, GUINT_TO_POINTER(thread));
    }
    return TRUE;
}

static gboolean take_record(record_packer *packer, const struct trace_record *record,
                            GError **error)
{
    return !count(packer, record->kind, record->size, record->thread) ||
           trace_writer_record(packer->writer, record, error);
}

/* Nothing else of the records is looked at. */
static gboolean count_records(record_packer *packer, const struct trace_chunk *chunk,
                              GError **error)
{
    struct trace_fixed_reader reader = {.type = chunk->header.type};
    struct trace_fixed fixed;
    trace_fixed_read(&reader, packer->content.bytes, chunk->header.content_bytes);
    while (trace_fixed_next(&reader, &fixed))
        count(packer, fixed.kind, fixed.size, chunk->header.thread);
    const char *wrong = trace_fixed_wrong(&reader, chunk->header.events);
    return wrong == NULL || trace_file_spoilt(packer->file, chunk, 0, wrong, error);
}

static gboolean take_records(record_packer *packer, const struct trace_chunk *chunk, GError **error)
{
    struct trace_fixed_reader reader = {.type = chunk->header.type};
    struct trace_record block[BLOCK];
    struct trace_fixed fixed;
    guint32 taken = 0;
    trace_fixed_read(&reader, packer->content.bytes, chunk->header.content_bytes);
    while (trace_fixed_next(&reader, &fixed)) {
        trace_fixed_record(&fixed, chunk->header.thread, &packer->clock, &block[taken]);
        const char *wrong = trace_record_wrong(&block[taken], FALSE);
        if (wrong != NULL)
            return trace_file_spoilt(packer->file, chunk, reader.events, wrong, error);
        if (count(packer, fixed.kind, fixed.size, chunk->header.thread))
            taken++;
        if (taken == BLOCK && !trace_writer_records(packer->writer, block, taken, error))
            return FALSE;
        taken %= BLOCK;
    }
    const char *wrong = trace_fixed_wrong(&reader, chunk->header.events);
    return wrong == NULL ? trace_writer_records(packer->writer, block, taken, error)
                         : trace_file_spoilt(packer->file, chunk, 0, wrong, error);
}

/* Where all is merged in the end they are counted then. */
static gboolean take_content(record_packer *packer, const struct trace_chunk *chunk, GError **error)
{
    if (packer->writer == NULL && !packer->counting)
        return TRUE;
    return trace_file_content(packer->file, chunk, &packer->content, error) &&
           (packer->counting ? count_records(packer, chunk, error)
                             : take_records(packer, chunk, error));
}

static void merge_in_the_end(record_packer *packer)
{
    trace_writer_abandon(packer->writer);
    packer->writer = NULL;
}

/* Before the first records: what the file says of itself is known then. */
static gboolean begin(record_packer *packer, GError **error)
{
    trace_clock_ready(&packer->clock, packer->meta);
    packer->begun = TRUE;
    if (packer->writer == NULL)
        return TRUE;
    if (packer->clock.is_ns) {
        merge_in_the_end(packer);
        return TRUE;
    }
    trace_meta_set_text(packer->meta, "clock", "monotonic"); /* times are nanoseconds from now on */
    return trace_writer_meta(packer->writer, packer->meta, error);
}

/* The recorder's own chunk, of no thread, may change until its process has ended. */
static gboolean is_own(const struct trace_chunk *chunk)
{
    return chunk->header.thread == 0;
}

static gboolean take_chunk(record_packer *packer, const struct trace_chunk *chunk, GError **error)
{
    if (trace_fixed_bytes(chunk->header.type) == 0)
        return trace_dictionary_take(&packer->dictionary, packer->file, chunk, &packer->content,
                                     error);
    if (!packer->begun && !begin(packer, error))
        return FALSE;
    /* It was made after its records: their times are between moments that stay as they are. */
    trace_clock_extend(&packer->clock, chunk->header.clock_ticks, chunk->header.clock_ns);
    /* A chunk that was made before the file began has the first moment, behind the file's own. */
    if (!is_own(chunk) && packer->clock.moments->len < 2)
        merge_in_the_end(packer);
    return is_own(chunk) || take_content(packer, chunk, error);
}

int record_packer_step(record_packer *packer, GError **error)
{
    struct trace_chunk chunk;
    int got = trace_file_next(packer->file, &chunk, error);
    if (got == 0 && trace_file_grow(packer->file, error))
        got = trace_file_next(packer->file, &chunk, error);
    return got > 0 && !take_chunk(packer, &chunk, error) ? -1 : got;
}

/* The end ----------------------------------------------------------------------------------------- */

static gboolean interrupted(GError **error)
{
    if (!record_interrupted())
        return FALSE;
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                "interrupted; the file stays as it was recorded");
    return TRUE;
}

static gboolean take_own(record_packer *packer, GError **error)
{
    struct trace_chunk chunk;
    int got;
    trace_file_rewind(packer->file);
    do {
        got = trace_file_next(packer->file, &chunk, error);
    } while (got > 0 && trace_fixed_bytes(chunk.header.type) == 0);
    return got == 0 || (got > 0 && (!is_own(&chunk) || take_content(packer, &chunk, error)));
}

static gboolean take_rest(record_packer *packer, GError **error)
{
    int got;
    do {
        got = interrupted(error) ? -1 : record_packer_step(packer, error);
    } while (got > 0);
    return got == 0 && take_own(packer, error);
}

/* All that was done is done again, in order of time. */
static gboolean merge_all(record_packer *packer, GError **error)
{
    const struct trace_record *record;
    guint64 number = 0;
    int got = -1;
    trace_writer_abandon(packer->writer);
    packer->counts = (struct record_counts){0};
    trace_file_rewind(packer->file);
    trace_merge *merge = trace_merge_new(packer->file, &packer->dictionary);
    if (open_writer(packer, error) && trace_merge_scan(merge, error)) {
        hurry(packer);
        trace_meta_set_text(packer->meta, "clock", "monotonic");
        gboolean good = trace_writer_meta(packer->writer, packer->meta, error);
        while (good && (got = trace_merge_next(merge, &record, error)) > 0) {
            gboolean look = number++ % RECORDS_BETWEEN_LOOKS == 0;
            good = !(look && interrupted(error)) && take_record(packer, record, error);
        }
        got = good ? got : -1;
    }
    trace_merge_free(merge);
    return got == 0;
}

/* What the recorder said of its own process is in the metadata already, and counts. */
static void add_meta(trace_meta *meta, const trace_meta *about)
{
    for (guint i = 0; i < trace_meta_count(about); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(about, i);
        gsize bytes;
        gconstpointer value = g_bytes_get_data(entry->value, &bytes);
        if (trace_meta_get(meta, entry->key) == NULL)
            trace_meta_set(meta, entry->key, value, bytes);
    }
}

static const char *const ends[] = {
    [RECORD_END_CUT] = "cut", [RECORD_END_WHOLE] = "whole", [RECORD_END_LIMIT] = "limit"};

static gboolean write_end(record_packer *packer, const char *target, const trace_meta *about,
                          GError **error)
{
    if ((packer->writer == NULL || trace_writer_overlap(packer->writer) > OVERLAP_MAX) &&
        !merge_all(packer, error))
        return FALSE;
    add_meta(packer->meta, about);
    trace_meta_set_number(packer->meta, "dropped", packer->counts.lost);
    trace_meta_set_text(packer->meta, "end", ends[packer->counts.end]);
    if (!trace_writer_meta(packer->writer, packer->meta, error))
        return FALSE;
    trace_writer_move(packer->writer, target);
    gboolean ok = trace_writer_close(packer->writer, error);
    packer->writer = NULL;
    return ok;
}

gboolean record_packer_finish(record_packer *packer, const char *target, const trace_meta *about,
                              struct record_counts *counts, GError **error)
{
    struct stat written;
    hurry(packer);
    gboolean ok =
        take_rest(packer, error) && (packer->counting || write_end(packer, target, about, error));
    packer->counts.threads = g_hash_table_size(packer->threads);
    packer->counts.bytes = trace_file_bytes(packer->file);
    if (ok && !packer->counting && g_strcmp0(packer->raw, target) != 0)
        g_unlink(packer->raw);
    if (ok && !packer->counting && g_stat(target, &written) == 0)
        packer->counts.bytes = (guint64)written.st_size;
    if (!ok && !packer->counting)
        g_prefix_error(error, STAYS, packer->raw);
    *counts = packer->counts;
    record_packer_free(packer);
    return ok;
}

gboolean record_rename(const char *from, const char *to, GError **error)
{
    if (g_rename(from, to) == 0)
        return TRUE;
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED, "cannot rename %s to %s: %s", from, to,
                g_strerror(errno));
    return FALSE;
}
