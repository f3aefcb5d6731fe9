/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files. Their raw level is records as those of any format; of the replayable one nothing has
 * to be found out, and its events come straight from the file.
 */
#include "dictionary.h"
#include "error.h"
#include "import.h"
#include "merge.h"
#include "stream.h"

/* The records of a file, in order of time. */
struct records {
    trace_file *file;
    struct trace_dictionary dictionary;
    trace_merge *merge;
    const struct trace_options *options;
};

static struct records *open_records(const struct trace_import *import, trace_file *file)
{
    struct records *records = g_new0(struct records, 1);
    records->file = file;
    records->options = import->options;
    trace_dictionary_init(&records->dictionary, import->names, import->meta);
    records->merge = trace_merge_new(file, &records->dictionary);
    return records;
}

static void free_records(gpointer data)
{
    struct records *records = data;
    trace_merge_free(records->merge);
    trace_dictionary_destroy(&records->dictionary);
    trace_file_close(records->file);
    g_free(records);
}

static void rewind_records(gpointer data)
{
    struct records *records = data;
    trace_merge_rewind(records->merge);
}

static gboolean frees_null(const struct trace_record *record)
{
    return record->kind == TRACE_FREE && record->address == 0;
}

/* Those that note_record has taken. */
static gssize read_records(gpointer data, struct trace_record *to, gsize room, GError **error)
{
    struct records *records = data;
    const struct trace_record *record;
    gsize count = 0;
    while (count < room) {
        int got = trace_merge_next(records->merge, &record, error);
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        if (!frees_null(record) && !trace_import_leaves_out(records->options, record)) {
            to[count++] = *record;
        }
    }
    return (gssize)count;
}

static void note_record(struct trace_import *import, const struct trace_record *record)
{
    import->hygiene->lines++;
    if (import->kernel) {
        trace_import_seen(import, record->cpu, record->time_ns);
    }
    if (frees_null(record)) {
        import->hygiene->null_frees++;
    } else {
        trace_import_note(import, record);
    }
}

/* A recording is read again as fast as a copy of it would be, which is twice as large. */
static gboolean import_records(struct trace_import *import, trace_file *file, GError **error)
{
    struct records *records = open_records(import, file);
    const struct trace_source source = {records, read_records, rewind_records, free_records};
    const struct trace_record *record;
    int got = -1;
    if (trace_merge_scan(records->merge, error)) {
        while ((got = trace_merge_next(records->merge, &record, error)) > 0) {
            note_record(import, record);
            trace_import_progress(import);
        }
    }
    import->hygiene->cut_bytes = trace_file_cut_bytes(file);
    import->ended = trace_file_complete(file);
    trace_spool_use(import->spool, &source, import->records);
    return got == 0;
}

static void begin_stream(struct trace_import *import, trace_file *file)
{
    struct trace_dictionary dictionary;
    trace_dictionary_init(&dictionary, import->names, import->meta);
    import->stream = trace_stream_new(file, &dictionary, import->options);
}

static gboolean import_native(struct trace_import *import, GError **error)
{
    trace_file *file = trace_file_open(import->input, error);
    if (file == NULL) {
        return FALSE;
    }
    import->chunks = TRUE;
    import->kernel = trace_file_header(file)->kernel != 0;
    import->page_size = trace_file_header(file)->page_size;
    if (trace_file_header(file)->level == TRACE_LEVEL_REPLAYABLE) {
        begin_stream(import, file);
        import->ended = TRUE; /* a stream ends with its index, or is refused */
        return TRUE;
    }
    return import_records(import, file, error);
}

const struct trace_format trace_format_native = {
    .name = "bsa-trace",
    .probe = trace_file_probe,
    .import = import_native,
};
