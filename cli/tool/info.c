/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsa-trace info: what a trace is and says of itself. Of a file of the native format the chunks'
 * headers and the metadata tell most, so that its events are read only when that is asked for.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/figures.h"
#include "../common/json.h"
#include "../trace/dictionary.h"
#include "../trace/file.h"
#include "../trace/hygiene.h"
#include "output.h"
#include "result.h"
#include "tool.h"

/* Version of the JSON; it grows when a member changes its meaning or goes. */
#define INFO_SCHEMA 1
#define VALUE_COLUMNS 58

struct info {
    const char *format;
    const char *level;  /* NULL: not a file of the native format */
    guint major, minor; /* of the native format */
    gboolean kernel;
    gboolean complete; /* index and trailer are there */
    guint64 page_size, chunks, cut_bytes;
    guint64 bytes;  /* of the file, 0: not known */
    guint64 stored; /* events or records in the file, 0: not known */
    struct trace_summary summary;
    gboolean known; /* the summary is; else events and duration alone */
    trace_meta *meta;
    trace_names *names;
    trace_reader *reader; /* where the events were read */
};

/* What a converted file says of its events. */
static gboolean take_summary(struct info *info)
{
    struct trace_summary *summary = &info->summary;
    guint64 cpus = 0, threads = 0;
    gboolean known =
        result_meta_number(info->meta, "summary.cpus", &cpus) &&
        result_meta_number(info->meta, "summary.threads", &threads) &&
        result_meta_number(info->meta, "summary.peak_slots", &summary->peak_slots) &&
        result_meta_number(info->meta, "summary.peak_live_bytes", &summary->peak_live_bytes) &&
        result_meta_number(info->meta, "summary.peak_live_pages", &summary->peak_live_pages) &&
        result_meta_number(info->meta, "summary.max_size", &summary->max_size);
    summary->cpus = (guint32)cpus;
    summary->threads = (guint32)threads;
    return known;
}

static void take_header(struct info *info, const struct trace_file_header *header)
{
    info->format = "bsa-trace";
    info->level = header->level == TRACE_LEVEL_RAW ? "raw" : "replayable";
    info->major = header->major;
    info->minor = header->minor;
    info->kernel = header->kernel != 0;
    info->page_size = header->page_size;
}

static gboolean scan(struct info *info, trace_file *file, GError **error)
{
    struct trace_dictionary dictionary;
    struct trace_content content = {.bytes = NULL};
    struct trace_chunk chunk;
    guint64 lowest = G_MAXUINT64, highest = 0;
    int got;
    trace_dictionary_init(&dictionary, info->names, info->meta);
    while ((got = trace_file_next(file, &chunk, error)) > 0) {
        info->chunks++;
        info->stored += chunk.header.events;
        if (chunk.header.type == TRACE_CHUNK_COLUMNS) {
            lowest = MIN(lowest, chunk.header.clock_ticks);
            highest = MAX(highest, chunk.header.clock_ns);
        } else if (chunk.header.type == TRACE_CHUNK_META &&
                   !trace_dictionary_take(&dictionary, file, &chunk, &content, error)) {
            got = -1;
            break;
        }
    }
    trace_content_free(&content);
    trace_dictionary_destroy(&dictionary);
    info->summary.duration_ns = highest > lowest ? highest - lowest : 0;
    info->complete = trace_file_complete(file);
    info->cut_bytes = trace_file_cut_bytes(file);
    info->bytes = trace_file_bytes(file);
    info->summary.events = info->stored;
    info->known = take_summary(info);
    return got == 0;
}

/* A file of the native format, by its chunks. *native: it is one. */
static gboolean look_at_file(struct info *info, const char *path, gboolean *native, GError **error)
{
    const char *bytes;
    gsize length;
    trace_input *input = trace_input_open(path, error);
    if (input == NULL)
        return FALSE;
    gboolean good = trace_input_peek(input, &bytes, &length, error);
    *native = good && trace_file_probe(bytes, length);
    if (*native) {
        trace_file *file = trace_file_open(input, error);
        good = file != NULL;
        if (good) {
            take_header(info, trace_file_header(file));
            good = scan(info, file, error);
            trace_file_close(file);
        }
    }
    trace_input_close(input);
    return good;
}

/* Everything else, and what only the events tell. */
static gboolean read_events(struct tool *tool, struct info *info, GError **error)
{
    info->reader = tool_open(tool, tool->traces[0], error);
    if (info->reader == NULL)
        return FALSE;
    info->summary = *trace_summary(info->reader);
    info->known = TRUE;
    info->kernel = info->summary.kernel;
    if (info->level == NULL)
        info->format = info->summary.format;
    return TRUE;
}

static gboolean gather(struct tool *tool, struct info *info, gboolean full, GError **error)
{
    const char *path = tool->traces[0];
    gboolean native = FALSE;
    struct stat status;
    /* Standard input can be read once only, and the reader takes all there is. */
    if (strcmp(path, "-") != 0) {
        if (!look_at_file(info, path, &native, error))
            return FALSE;
        if (info->bytes == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode))
            info->bytes = (guint64)status.st_size;
    }
    /* --strict asks about all of it. */
    return (native && !full && !tool->strict) || read_events(tool, info, error);
}

static const trace_meta *meta_of(const struct info *info)
{
    return info->reader != NULL ? trace_reader_meta(info->reader) : info->meta;
}

/* --- For people -------------------------------------------------------------------------------- */

static void line(GString *out, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void line(GString *out, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_string_append_printf(out, "%-20s ", key);
    g_string_append_vprintf(out, format, arguments);
    g_string_append_c(out, '\n');
    va_end(arguments);
}

static void count(GString *out, const char *key, guint64 value)
{
    line(out, key, "%" G_GUINT64_FORMAT, value);
}

static void bytes(GString *out, const char *key, guint64 value)
{
    GString *text = g_string_new(NULL);
    append_bytes(text, value);
    line(out, key, "%s", text->str);
    g_string_free(text, TRUE);
}

static void ratio(GString *out, const char *key, double value, int decimals)
{
    GString *text = g_string_new(NULL);
    append_fixed(text, 0, value, decimals);
    line(out, key, "%s", text->str);
    g_string_free(text, TRUE);
}

/* What a file says of itself, for a terminal: nothing in it is a command. */
static char *printable(const char *data, gsize length)
{
    char *valid = g_utf8_make_valid(data == NULL ? "" : data, (gssize)length);
    GString *text = g_string_new(NULL);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        g_string_append_unichar(text, g_unichar_isprint(character) ? character : ' ');
    }
    g_free(valid);
    return g_string_free(text, FALSE);
}

/* The value's first line, as far as there is room. */
static void put_value(GString *out, const char *key, GBytes *value)
{
    gsize length;
    const char *data = g_bytes_get_data(value, &length);
    gsize shown = 0;
    while (shown < length && shown < VALUE_COLUMNS && data[shown] != '\n')
        shown++;
    char *name = printable(key, strlen(key)), *text = printable(data, shown);
    if (shown < length)
        line(out, name, "%s ... (%" G_GSIZE_FORMAT " bytes)", text, length);
    else
        line(out, name, "%s", text);
    g_free(name);
    g_free(text);
}

static void put_meta(GString *out, const trace_meta *meta)
{
    if (trace_meta_count(meta) == 0)
        return;
    append_heading(out, "Metadata (--meta=KEY prints a value)");
    for (guint i = 0; i < trace_meta_count(meta); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
        put_value(out, entry->key, entry->value);
    }
}

static void put_summary(GString *out, const struct info *info)
{
    const struct trace_summary *summary = &info->summary;
    if (!info->known) {
        line(out, "threads, peak", "not known without reading all; use --full");
        return;
    }
    count(out, "threads", summary->threads);
    if (summary->cpus > 0)
        count(out, "highest CPU", summary->cpus - 1);
    bytes(out, "peak live", summary->peak_live_bytes);
    if (info->kernel)
        count(out, "  in pages", summary->peak_live_pages);
    count(out, "peak objects", summary->peak_slots);
    bytes(out, "largest request", summary->max_size);
}

static void info_text(const struct info *info, const char *name, GString *out)
{
    guint64 stored = info->stored > 0 ? info->stored : info->summary.events;
    line(out, "trace", "%s", name);
    line(out, "format", "%s", info->format);
    if (info->level != NULL) {
        line(out, "version", "%u.%u", info->major, info->minor);
        line(out, "level", "%s", info->level);
        count(out, "page size", info->page_size);
        count(out, "chunks", info->chunks);
        line(out, "index", "%s", info->complete ? "yes" : "no: not packed, or cut off");
        if (info->cut_bytes > 0)
            count(out, "bytes cut off", info->cut_bytes);
    }
    line(out, "recorded", "%s", info->kernel ? "a kernel" : "a program");
    if (info->bytes > 0)
        bytes(out, "size", info->bytes);
    if (info->stored > 0 && strcmp(info->level, "raw") == 0)
        count(out, "records", info->stored);
    if (info->known || info->level == NULL || strcmp(info->level, "raw") != 0)
        count(out, "events", info->summary.events);
    if (info->bytes > 0 && stored > 0)
        ratio(out, "bytes per event", (double)info->bytes / (double)stored, 2);
    if (info->summary.duration_ns > 0)
        ratio(out, "seconds", (double)info->summary.duration_ns / 1e9, 9);
    put_summary(out, info);
    put_meta(out, meta_of(info));
    if (info->reader != NULL) {
        append_heading(out, "Hygiene");
        trace_hygiene_text(trace_hygiene(info->reader), out);
    }
}

/* --- For programs ------------------------------------------------------------------------------ */

static void put_json_meta(JsonBuilder *json, const trace_meta *meta)
{
    begin_object(json, "meta");
    for (guint i = 0; i < trace_meta_count(meta); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
        gsize length;
        const char *data = g_bytes_get_data(entry->value, &length);
        char *text = g_utf8_make_valid(data == NULL ? "" : data, (gssize)length);
        char *key = g_utf8_make_valid(entry->key, -1);
        put_text(json, key, text);
        g_free(text);
        g_free(key);
    }
    json_builder_end_object(json);
}

static void put_json_file(JsonBuilder *json, const struct info *info)
{
    begin_object(json, "file");
    put_text(json, "level", info->level);
    put_count(json, "major", info->major);
    put_count(json, "minor", info->minor);
    put_count(json, "page_size", info->page_size);
    put_count(json, "chunks", info->chunks);
    put_count(json, "stored_events", info->stored);
    put_flag(json, "index", info->complete);
    put_count(json, "cut_bytes", info->cut_bytes);
    json_builder_end_object(json);
}

static void info_json(const struct info *info, const char *name, GString *out)
{
    const struct trace_summary *summary = &info->summary;
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-trace info");
    put_count(json, "schema", INFO_SCHEMA);
    put_text(json, "trace", name);
    put_text(json, "format", info->format);
    put_flag(json, "kernel", info->kernel);
    if (info->bytes > 0)
        put_count(json, "bytes", info->bytes);
    if (info->level != NULL)
        put_json_file(json, info);
    put_count(json, "events", summary->events);
    put_count(json, "duration_ns", summary->duration_ns);
    if (info->known) {
        put_count(json, "threads", summary->threads);
        put_count(json, "cpus", summary->cpus);
        put_count(json, "peak_live_bytes", summary->peak_live_bytes);
        put_count(json, "peak_live_pages", summary->peak_live_pages);
        put_count(json, "peak_slots", summary->peak_slots);
        put_count(json, "max_size", summary->max_size);
    }
    put_json_meta(json, meta_of(info));
    if (info->reader != NULL)
        put_hygiene(json, trace_hygiene(info->reader));
    json_builder_end_object(json);
    char *text = finish_json(json);
    g_string_append(out, text);
    g_free(text);
}

/* --- The command ------------------------------------------------------------------------------- */

static gboolean print_meta(const struct info *info, const char *key, struct output *output,
                           GError **error)
{
    GBytes *value = trace_meta_get(meta_of(info), key);
    if (value == NULL) {
        g_set_error(error, TOOL_ERROR, TOOL_ERROR_INPUTS,
                    "the trace says nothing of '%s'; without --meta all keys are listed", key);
        return FALSE;
    }
    gsize length;
    const char *data = g_bytes_get_data(value, &length);
    return length == 0 || (output_write(output, data, length, error) &&
                           (data[length - 1] == '\n' || output_write(output, "\n", 1, error)));
}

static gboolean print(const struct info *info, const char *path, gboolean as_json,
                      struct output *output, GError **error)
{
    GString *text = g_string_new(NULL);
    char *name = g_filename_display_name(strcmp(path, "-") == 0 ? "standard input" : path);
    if (as_json)
        info_json(info, name, text);
    else
        info_text(info, name, text);
    gboolean good = output_write(output, text->str, text->len, error);
    g_free(name);
    g_string_free(text, TRUE);
    return good;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct output output = {.file = NULL};
    struct info info = {.meta = trace_meta_new(), .names = trace_names_new()};
    gboolean json = FALSE, full = FALSE;
    char *key = NULL;
    const GOptionEntry entries[] = {
        {"full", 0, 0, G_OPTION_ARG_NONE, &full, "read all events, and tell what they tell", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs", NULL},
        {"meta", 0, 0, G_OPTION_ARG_STRING, &key, "print the value of one key, whole", "KEY"},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_info, entries, argc, argv, 1, 1, error) &&
                    output_allowed(tool, FALSE, error) && gather(tool, &info, full, error) &&
                    output_open(&output, tool->output, error) &&
                    (key != NULL ? print_meta(&info, key, &output, error)
                                 : print(&info, tool->traces[0], json, &output, error));
    good = output_close(&output, good, error) && good;
    trace_close(info.reader);
    trace_meta_free(info.meta);
    trace_names_free(info.names);
    g_free(key);
    return good;
}

const struct tool_command tool_info = {
    .name = "info",
    .arguments = "TRACE",
    .summary = "tells what a trace is and says of itself",
    .run = run,
};
