/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../common/arguments.h"
#include "../trace/hygiene.h"

static const char *const layer_names[] = {"slab", "page", "both", "all"};

GQuark tool_error_quark(void)
{
    return g_quark_from_static_string("bsa-trace");
}

const char *tool_layer_name(enum trace_layer layer)
{
    return layer_names[layer];
}

const char *tool_trace_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static void on_progress(gpointer data, guint64 events, double fraction)
{
    progress_fraction(data, events, fraction);
}

static gboolean take_traces(struct tool *tool, char **rest, guint low, guint high, GError **error)
{
    guint count = rest == NULL ? 0 : g_strv_length(rest), standard = 0;
    for (guint i = 0; i < count; i++)
        standard += strcmp(rest[i], "-") == 0;
    if (count >= low && count <= high && standard <= 1) {
        tool->traces = g_strdupv(rest);
        return parse_traces(rest, error);
    }
    if (standard > 1)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "standard input can be read once only");
    else if (count == 0)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "no TRACE given; name a file, or - for standard input");
    else if (count < low)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "one TRACE given; name two or more");
    else
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%u traces given; this command takes one (merge makes one of several)", count);
    return FALSE;
}

/* What GOption fills before the values are looked at. */
struct raw_options {
    char *layer, *page_size, *output, *level;
    char **rest;
};

static gboolean take_values(struct tool *tool, const struct raw_options *raw, guint low, guint high,
                            GError **error)
{
    guint layer = TRACE_LAYER_ALL;
    if (!parse_word("layer", raw->layer, layer_names, G_N_ELEMENTS(layer_names), &layer, error) ||
        !parse_page_size(raw->page_size, &tool->reading.page_size, error) ||
        !parse_count("level", raw->level, 1, 19, &tool->level, error) ||
        !take_traces(tool, raw->rest, low, high, error))
        return FALSE;
    if (raw->output != NULL && raw->output[0] == '\0') {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-o needs the name of a file, or - for standard output");
        return FALSE;
    }
    tool->reading.layer = (enum trace_layer)layer;
    tool->output = g_strdup(raw->output != NULL ? raw->output : "-");
    return TRUE;
}

gboolean tool_parse(struct tool *tool, const struct tool_command *command,
                    const GOptionEntry *entries, int argc, char **argv, guint low, guint high,
                    GError **error)
{
    struct raw_options raw = {.layer = NULL};
    const GOptionEntry common[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &raw.output,
         "where the result goes (default: standard output)", "FILE"},
        {"layer", 0, 0, G_OPTION_ARG_STRING, &raw.layer,
         "of a kernel's trace: slab, page, both or all (default)", "LAYER"},
        {"page-size", 0, 0, G_OPTION_ARG_STRING, &raw.page_size,
         "of the recorded machine, where the trace does not say", "SIZE"},
        {"strict", 0, 0, G_OPTION_ARG_NONE, &tool->strict,
         "what the trace lacks is an error (see hygiene)", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &tool->quiet, "say nothing but errors", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.rest, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(command->arguments);
    const GOptionEntry writing[] = {
        {"addresses", 0, 0, G_OPTION_ARG_NONE, &tool->addresses,
         "keep the recorded addresses beside the identities", NULL},
        {"level", 0, 0, G_OPTION_ARG_STRING, &raw.level, "of compression, 1 (fast) to 19 (small)",
         "N"},
        G_OPTION_ENTRY_NULL,
    };
    char *program = g_strconcat("bsa-trace ", command->name, NULL);
    g_set_prgname(program);
    g_option_context_set_summary(context, command->summary);
    g_option_context_set_description(context, "Manual: man bsa-trace");
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    if (command->writes)
        g_option_context_add_main_entries(context, writing, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    gboolean good = g_option_context_parse(context, &argc, &argv, error) &&
                    take_values(tool, &raw, low, high, error);
    g_option_context_free(context);
    g_free(program);
    g_free(raw.layer);
    g_free(raw.page_size);
    g_free(raw.output);
    g_free(raw.level);
    g_strfreev(raw.rest);
    signal(SIGPIPE, SIG_IGN); /* a reader that has had enough is told by write */
    progress_init(&tool->progress, tool->quiet);
    tool->reading.progress = on_progress;
    tool->reading.progress_data = &tool->progress;
    return good;
}

void tool_clear(struct tool *tool)
{
    g_strfreev(tool->traces);
    g_free(tool->output);
}

static trace_reader *open_with(struct tool *tool, const char *path,
                               trace_reader *(*open)(const char *, const struct trace_options *,
                                                     GError **),
                               GError **error)
{
    progress_start(&tool->progress, "reading", 0);
    trace_reader *reader = open(path, &tool->reading, error);
    progress_stop(&tool->progress);
    if (reader != NULL && tool->strict &&
        !trace_hygiene_clean(trace_hygiene(reader), tool_trace_name(path), error)) {
        trace_close(reader);
        return NULL;
    }
    return reader;
}

trace_reader *tool_open(struct tool *tool, const char *path, GError **error)
{
    return open_with(tool, path, trace_open, error);
}

trace_reader *tool_open_records(struct tool *tool, const char *path, GError **error)
{
    return open_with(tool, path, trace_open_records, error);
}

gboolean tool_each_block(struct tool *tool, trace_reader *reader, const char *what,
                         tool_take_block take, gpointer data, GError **error)
{
    const struct trace_event *events;
    guint32 count;
    guint64 done = 0, shown = 0;
    int got;
    progress_start(&tool->progress, what, trace_summary(reader)->events);
    while ((got = trace_next_events(reader, &events, &count, error)) > 0 &&
           take(data, events, count, error)) {
        done += count;
        if (done - shown >= 65536) {
            progress_update(&tool->progress, done);
            shown = done;
        }
    }
    progress_stop(&tool->progress);
    return got == 0;
}

/* What takes one event at a time. */
struct each {
    tool_take take;
    gpointer data;
};

static gboolean take_each(gpointer data, const struct trace_event *events, guint32 count,
                          GError **error)
{
    const struct each *each = data;
    for (guint32 i = 0; i < count; i++) {
        if (!each->take(each->data, &events[i], error))
            return FALSE;
    }
    return TRUE;
}

gboolean tool_each(struct tool *tool, trace_reader *reader, const char *what, tool_take take,
                   gpointer data, GError **error)
{
    struct each each = {take, data};
    return tool_each_block(tool, reader, what, take_each, &each, error);
}

void tool_say(const struct tool *tool, const char *format, ...)
{
    va_list arguments;
    if (tool->quiet)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
