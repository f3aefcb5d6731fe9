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

static gboolean add_record(struct trace_import *import, const struct trace_record *record,
                           GError **error)
{
    import->hygiene->lines++;
    if (import->kernel) {
        trace_import_seen(import, record->cpu, record->time_ns);
    }
    if (record->kind == TRACE_FREE && record->address == 0) {
        import->hygiene->null_frees++;
        return TRUE;
    }
    return trace_import_add(import, record, error);
}

static gboolean import_records(struct trace_import *import, trace_file *file, GError **error)
{
    struct trace_dictionary dictionary;
    const struct trace_record *record;
    int got = -1;
    trace_dictionary_init(&dictionary, import->names, import->meta);
    trace_merge *merge = trace_merge_new(file, &dictionary);
    if (trace_merge_scan(merge, error)) {
        while ((got = trace_merge_next(merge, &record, error)) > 0) {
            if (!add_record(import, record, error)) {
                got = -1;
                break;
            }
            trace_import_progress(import);
        }
    }
    import->hygiene->cut_bytes = trace_file_cut_bytes(file);
    trace_merge_free(merge);
    trace_dictionary_destroy(&dictionary);
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
    import->kernel = trace_file_header(file)->kernel != 0;
    import->page_size = trace_file_header(file)->page_size;
    if (trace_file_header(file)->level == TRACE_LEVEL_REPLAYABLE) {
        begin_stream(import, file);
        import->ended = TRUE; /* a stream ends with its index, or is refused */
        return TRUE;
    }
    gboolean good = import_records(import, file, error);
    import->ended = trace_file_complete(file);
    trace_file_close(file);
    return good;
}

const struct trace_format trace_format_native = {
    .name = "bsa-trace",
    .probe = trace_file_probe,
    .import = import_native,
};
