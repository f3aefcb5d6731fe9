/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: the format reads the input once and writes records to the spool;
 * for both layers the blocks that held slab objects are marked; then the
 * records are resolved once without anybody listening, which gives the summary
 * and the hygiene, and once more as the caller asks for events. So a text
 * is read once, be it a file or a pipe; of a recording the spool has the records
 * from the file again. A file that has events instead of records needs none of
 * this: its stream is read twice.
 * These passes are in reader_passes.c, and what is handed out in reader_events.c.
 */
#include "reader_state.h"

#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "import.h"
#include "scan.h"

static const struct trace_format *const formats[] = {
    &trace_format_native, &trace_format_perf_script, &trace_format_trace_cmd, &trace_format_tracefs,
    &trace_format_mtrace, &trace_format_heaptrack,   &trace_format_valgrind,  &trace_format_rep,
};

/* What is read, for messages. */
static char *format_names(void)
{
    GString *names = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        const char *between = i == 0 ? "" : i + 1 < G_N_ELEMENTS(formats) ? ", " : " or ";
        g_string_append_printf(names, "%s%s", between, formats[i]->name);
    }
    return g_string_free(names, FALSE);
}

static void fail_format(const trace_input *input, const char *bytes, gsize length, GError **error)
{
    char *names = format_names();
    if (length == 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_EMPTY, "%s: is empty%s; expected %s",
                    trace_input_name(input),
                    trace_input_compressed(input) ? " when decompressed" : "", names);
    } else {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_FORMAT,
                    "%s: is no trace that can be read: %s; expected %s, plain or compressed",
                    trace_input_name(input), trace_describe_foreign(bytes, length), names);
    }
    g_free(names);
}

static const struct trace_format *find_format(trace_input *input, GError **error)
{
    const char *bytes;
    gsize length;
    if (!trace_input_peek(input, &bytes, &length, error)) {
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (length > 0 && formats[i]->probe(bytes, length)) {
            return formats[i];
        }
    }
    fail_format(input, bytes, length, error);
    return NULL;
}

/* A trace file that nobody ended. */
static void fail_unfinished(const char *name, const struct trace_hygiene *hygiene, GError **error)
{
    char *why = hygiene->cut_bytes == 0
                    ? g_strdup("no end: the recorder was killed, or the file is cut off")
                    : g_strdup_printf("is cut off: the %" G_GUINT64_FORMAT
                                      " bytes at its end are no whole chunk",
                                      hygiene->cut_bytes);
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_EMPTY,
                "%s: has no allocation and no free (events of other kinds: %" G_GUINT64_FORMAT
                "), and %s; copy or record it again",
                name, hygiene->lines, why);
    g_free(why);
}

/* No event can be replayed. */
static gboolean fail_empty(const trace_reader *reader, const struct trace_import *import,
                           GError **error)
{
    const char *name = trace_input_name(import->input);
    const struct trace_hygiene *hygiene = &reader->hygiene;
    if (import->ended) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_EMPTY,
                    "%s: what was recorded neither allocated nor freed; there is nothing to replay",
                    name);
    } else if (import->chunks) {
        fail_unfinished(name, hygiene, error);
    } else {
        g_set_error(
            error, TRACE_ERROR, TRACE_ERROR_EMPTY,
            "%s: no allocation and no free in its %" G_GUINT64_FORMAT " lines (%" G_GUINT64_FORMAT
            " events of other kinds, %" G_GUINT64_FORMAT " lines not understood); record with %s",
            name, hygiene->lines, hygiene->other_events, hygiene->ignored_lines,
            import->kernel ? "bsa-record --kernel, or perf record -a -e 'kmem:*'" : "bsa-record");
    }
    return FALSE;
}

/* The trace has events, but none of those that were asked for. */
static gboolean check_layer(const trace_reader *reader, const struct trace_import *import,
                            GError **error)
{
    const char *name = trace_input_name(import->input);
    guint64 slab = import->slab_records, page = import->page_records;
    enum trace_layer layer = reader->options.layer;
    if (slab + page == 0) {
        /* A recording of a program that did nothing can be looked into, and not replayed. */
        return (import->ended && layer == TRACE_LAYER_ALL) || fail_empty(reader, import, error);
    }
    if ((layer == TRACE_LAYER_SLAB && slab == 0) || (layer == TRACE_LAYER_PAGE && page == 0)) {
        gboolean wants_slab = layer == TRACE_LAYER_SLAB;
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_EMPTY,
                    "%s: holds %" G_GUINT64_FORMAT " %s events and no %s event; use --layer=%s",
                    name, slab + page, wants_slab ? "page" : "slab", wants_slab ? "slab" : "page",
                    wants_slab ? "page" : "slab");
        return FALSE;
    }
    return TRUE;
}

static void prefix_name(GError **error, const trace_input *input)
{
    if (error != NULL && *error != NULL &&
        !g_str_has_prefix((*error)->message, trace_input_name(input))) {
        g_prefix_error(error, "%s: ", trace_input_name(input));
    }
}

/* The latest of the CPUs' first time stamps. */
static guint64 latest_first(const GArray *cpu_first)
{
    guint64 latest = 0;
    for (guint i = 0; i < cpu_first->len; i++) {
        guint64 first = g_array_index(cpu_first, guint64, i);
        if (first != G_MAXUINT64) {
            latest = MAX(latest, first);
        }
    }
    return latest;
}

/* A file that was made of a format that numbers objects has their numbers for addresses, too. */
static gboolean has_addresses(const trace_reader *reader, const struct trace_format *format)
{
    char *source = trace_meta_text(reader->meta, "source.format");
    gboolean numbered = format->numbered || g_strcmp0(source, trace_format_rep.name) == 0;
    g_free(source);
    return !numbered && (reader->stream == NULL || trace_stream_has_addresses(reader->stream));
}

/* A file says where the direct map begins where it was known when the file was made. */
static guint64 told_direct_map(const trace_meta *meta)
{
    char *text = trace_meta_text(meta, TRACE_META_DIRECT_MAP);
    guint64 base = 0;
    if (text != NULL)
        trace_scan_pointer(text, text + strlen(text), &base);
    g_free(text);
    return base;
}

static void take_import(trace_reader *reader, const struct trace_format *format,
                        const struct trace_import *import)
{
    guint64 latest = latest_first(import->cpu_first);
    reader->resolver.first_ns = import->first_ns;
    reader->pages = import->page_records > 0;
    reader->late_ns = latest > import->first_ns ? latest - import->first_ns : 0;
    reader->summary.format = format->name;
    reader->summary.kernel = import->kernel;
    reader->summary.addresses = has_addresses(reader, format);
    reader->summary.direct_map = told_direct_map(reader->meta);
    if (reader->stream == NULL) {
        reader->summary.cpus = import->cpus;
        reader->summary.threads = (guint32)import->threads.count;
        reader->summary.first_ns = import->first_ns;
    }
    if (import->page_size != 0) {
        reader->options.page_size = import->page_size;
        reader->resolver.page_size = import->page_size;
    }
    reader->summary.page_size = reader->options.page_size;
}

static gboolean import_input(trace_reader *reader, GError **error)
{
    struct trace_import import;
    const struct trace_format *format = find_format(reader->input, error);
    if (format == NULL) {
        return FALSE;
    }
    trace_import_init(&import);
    import.input = reader->input;
    import.names = reader->names;
    import.meta = reader->meta;
    import.spool = reader->spool;
    import.hygiene = &reader->hygiene;
    import.options = &reader->options;
    import.kernel = format->kernel;
    gboolean good = format->import(&import, error);
    reader->stream = import.stream;
    if (good && reader->stream != NULL) {
        good = trace_stream_summarise(reader->stream, &import, &reader->summary, error);
    }
    good = good && check_layer(reader, &import, error);
    if (good) {
        take_import(reader, format, &import);
    }
    trace_import_destroy(&import);
    return good;
}

static gboolean prepare_records(trace_reader *reader, GError **error)
{
    if (!import_input(reader, error)) {
        return FALSE;
    }
    if (reader->stream != NULL) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_FORMAT,
                    "%s: has events, not records: it is replayable, and what was recorded is not "
                    "there any more; use the raw file that it was made of",
                    trace_input_name(reader->input));
        return FALSE;
    }
    return trace_spool_rewind(reader->spool, error);
}

/* A replayable file has lost the frees of what is older. */
static gboolean check_orphans(const trace_reader *reader, GError **error)
{
    const struct trace_hygiene *hygiene = &reader->hygiene;
    guint64 orphans = hygiene->orphan_frees + hygiene->orphan_page_frees + hygiene->orphan_reallocs;
    if (orphans == 0) {
        return TRUE;
    }
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_OPTION,
                "%s: is replayable, and the %" G_GUINT64_FORMAT
                " frees of what is older than the trace are not in it; for a prelude, give the "
                "file that it was made of, or the text of perf script",
                trace_input_name(reader->input), orphans);
    return FALSE;
}

static gboolean open_events(trace_reader *reader, GError **error)
{
    enum trace_layer layer = reader->options.layer;
    if (!import_input(reader, error)) {
        return FALSE;
    }
    if (reader->stream != NULL) {
        return !reader->options.prelude || check_orphans(reader, error);
    }
    if (reader->pages && (layer == TRACE_LAYER_BOTH || layer == TRACE_LAYER_ALL)) {
        reader->marks = trace_page_marks_new(reader->spool, reader->options.page_size,
                                             trace_input_name(reader->input), error);
        if (reader->marks == NULL) {
            return FALSE;
        }
        reader->resolver.marks = reader->marks;
        reader->summary.direct_map = trace_page_marks_base(reader->marks);
        reader->resolver.keep_marked = layer == TRACE_LAYER_ALL;
    }
    return trace_reader_summarise(reader, error);
}

static gboolean prepare_events(trace_reader *reader, GError **error)
{
    struct trace_summary *summary = &reader->summary;
    if (!open_events(reader, error)) {
        return FALSE;
    }
    summary->peak_late_bytes = summary->peak_early_bytes = summary->peak_live_bytes;
    return (!reader->options.bounds && reader->options.implicit == TRACE_BOUND_LATE) ||
           trace_reader_find_bounds(reader, error);
}

static trace_reader *open_with(const char *path, const struct trace_options *options,
                               gboolean (*prepare)(trace_reader *, GError **), GError **error)
{
    guint page_size = options->page_size == 0 ? 4096 : options->page_size;
    if ((page_size & (page_size - 1)) != 0 || page_size < 1024 || page_size > 1u << 20) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_OPTION,
                    "a page size of %u bytes: expected a power of two from 1024 to 1048576",
                    page_size);
        return NULL;
    }
    trace_input *input = trace_input_open(path, error);
    if (input == NULL) {
        return NULL;
    }
    trace_reader *reader = g_new0(trace_reader, 1);
    reader->options = *options;
    reader->input = input;
    reader->options.page_size = page_size;
    reader->names = trace_names_new();
    reader->meta = trace_meta_new();
    reader->spool = trace_spool_new(0);
    trace_resolver_init(&reader->resolver);
    reader->resolver.page_size = page_size;
    trace_implicit_init(&reader->implicit);
    if (!prepare(reader, error)) {
        prefix_name(error, input);
        trace_close(reader);
        return NULL;
    }
    return reader;
}

trace_reader *trace_open(const char *path, const struct trace_options *options, GError **error)
{
    return open_with(path, options, prepare_events, error);
}

gboolean trace_probe(const char *path, GError **error)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        return TRUE;
    }
    trace_input *input = trace_input_open(path, error);
    gboolean known = input != NULL && find_format(input, error) != NULL;
    trace_input_close(input);
    return known;
}

trace_reader *trace_open_records(const char *path, const struct trace_options *options,
                                 GError **error)
{
    return open_with(path, options, prepare_records, error);
}

int trace_next_record(trace_reader *reader, const struct trace_record **record, GError **error)
{
    return trace_spool_next(reader->spool, record, error);
}

const trace_prelude *trace_reader_prelude(const trace_reader *reader)
{
    return reader->prelude;
}

const struct trace_summary *trace_summary(const trace_reader *reader)
{
    return &reader->summary;
}

const struct trace_hygiene *trace_hygiene(const trace_reader *reader)
{
    return &reader->hygiene;
}

const char *trace_name(const trace_reader *reader, guint32 index)
{
    return trace_names_get(reader->names, index);
}

guint32 trace_name_count(const trace_reader *reader)
{
    return trace_names_count(reader->names);
}

const trace_names *trace_reader_names(const trace_reader *reader)
{
    return reader->names;
}

const trace_meta *trace_reader_meta(const trace_reader *reader)
{
    return reader->meta;
}

void trace_close(trace_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    trace_resolver_destroy(&reader->resolver);
    trace_page_marks_free(reader->marks);
    trace_prelude_free(reader->prelude);
    trace_implicit_destroy(&reader->implicit);
    trace_stream_free(reader->stream);
    trace_spool_free(reader->spool);
    trace_input_close(reader->input);
    trace_names_free(reader->names);
    trace_meta_free(reader->meta);
    g_free(reader);
}
