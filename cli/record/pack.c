/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <errno.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "../trace/merge.h"
#include "../trace/writer.h"
#include "command.h"
#include "record.h"

enum { RECORDS_BETWEEN_LOOKS = 65536 };

/* A file that is read, and what is known of it on the way. */
struct source {
    trace_input *input;
    trace_file *file;
    trace_names *names;
    trace_meta *meta;
    struct trace_dictionary dictionary;
    trace_merge *merge;
    GHashTable *threads;
    guint32 last_thread; /* most records come from the thread of the one before */
};

static gboolean source_open(struct source *source, const char *path, GError **error)
{
    *source = (struct source){.input = trace_input_open(path, error)};
    source->file = source->input != NULL ? trace_file_open(source->input, error) : NULL;
    if (source->file == NULL)
        return FALSE;
    source->names = trace_names_new();
    source->meta = trace_meta_new();
    source->threads = g_hash_table_new(NULL, NULL);
    trace_dictionary_init(&source->dictionary, source->names, source->meta);
    source->merge = trace_merge_new(source->file, &source->dictionary);
    return trace_merge_scan(source->merge, error);
}

static void source_close(struct source *source)
{
    if (source->file != NULL) {
        trace_merge_free(source->merge);
        trace_dictionary_destroy(&source->dictionary);
        g_hash_table_destroy(source->threads);
        trace_meta_free(source->meta);
        trace_names_free(source->names);
        trace_file_close(source->file);
    }
    if (source->input != NULL)
        trace_input_close(source->input);
}

/* FALSE: the record is the recorder's own, and nothing to a reader. */
static gboolean count(struct source *source, const struct trace_record *record,
                      struct record_counts *counts)
{
    if (record->kind == TRACE_MARKER) {
        counts->whole = counts->whole || record->size != 0;
        return FALSE;
    }
    if (record->kind == TRACE_LOST)
        counts->lost += record->size;
    else
        counts->events++;
    if (record->thread != source->last_thread && record->thread != 0) {
        source->last_thread = record->thread;
        g_hash_table_add(source->threads, GUINT_TO_POINTER(record->thread));
    }
    return TRUE;
}

static gboolean copy(struct source *source, trace_writer *writer, struct record_counts *counts,
                     GError **error)
{
    const struct trace_record *record;
    int got;
    while ((got = trace_merge_next(source->merge, &record, error)) > 0) {
        if (counts->events % RECORDS_BETWEEN_LOOKS == 0 && record_interrupted()) {
            g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                        "interrupted; the file stays as it was recorded");
            return FALSE;
        }
        if (count(source, record, counts) && writer != NULL &&
            !trace_writer_record(writer, record, error))
            return FALSE;
    }
    counts->threads = g_hash_table_size(source->threads);
    return got == 0;
}

/* What the recorder said of its own process is in meta, and counts. */
static void add_meta(trace_meta *meta, const trace_meta *about)
{
    for (guint i = 0; i < trace_meta_count(about); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(about, i);
        gsize bytes;
        gconstpointer value = g_bytes_get_data(entry->value, &bytes);
        if (trace_meta_get(meta, entry->key) == NULL)
            trace_meta_set(meta, entry->key, value, bytes);
    }
    /* Times are nanoseconds from now on. */
    trace_meta_set_text(meta, "clock", "monotonic");
}

static gboolean write_all(struct source *source, const char *path, const trace_meta *about,
                          struct record_counts *counts, GError **error)
{
    const struct trace_writer_options options = {
        .level = TRACE_LEVEL_RAW,
        .page_size = trace_file_header(source->file)->page_size,
        .names = source->names,
    };
    trace_writer *writer = trace_writer_open(path, &options, error);
    if (writer == NULL)
        return FALSE;
    add_meta(source->meta, about);
    if (!trace_writer_meta(writer, source->meta, error) || !copy(source, writer, counts, error)) {
        trace_writer_abandon(writer);
        return FALSE;
    }
    trace_meta_set_number(source->meta, "dropped", counts->lost);
    trace_meta_set_text(source->meta, "end", counts->whole ? "whole" : "cut");
    if (!trace_writer_meta(writer, source->meta, error)) {
        trace_writer_abandon(writer);
        return FALSE;
    }
    return trace_writer_close(writer, error);
}

gboolean record_rename(const char *from, const char *to, GError **error)
{
    if (g_rename(from, to) == 0)
        return TRUE;
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED, "cannot rename %s to %s: %s", from, to,
                g_strerror(errno));
    return FALSE;
}

gboolean record_pack(const char *raw, const char *target, const trace_meta *about,
                     struct record_counts *counts, GError **error)
{
    struct source source;
    struct stat written;
    *counts = (struct record_counts){0};
    gboolean ok =
        source_open(&source, raw, error) && write_all(&source, target, about, counts, error);
    source_close(&source);
    if (ok && g_strcmp0(raw, target) != 0)
        g_unlink(raw);
    if (ok && g_stat(target, &written) == 0)
        counts->bytes = (guint64)written.st_size;
    if (!ok)
        g_prefix_error(error, "%s stays as it was recorded: ", raw);
    return ok;
}

gboolean record_count(const char *raw, struct record_counts *counts, GError **error)
{
    struct source source;
    *counts = (struct record_counts){0};
    gboolean ok = source_open(&source, raw, error) && copy(&source, NULL, counts, error);
    if (ok)
        counts->bytes = trace_file_bytes(source.file);
    source_close(&source);
    return ok;
}
