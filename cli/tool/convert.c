/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-trace convert: any trace as one of our files, or as text of other tools. */
#include <string.h>

#include "../common/arguments.h"
#include "../trace/export.h"
#include "../trace/hygiene.h"
#include "output.h"
#include "result.h"
#include "tool.h"

/* What --to names; behind TO_NATIVE in the order of enum trace_export_format. */
enum { TO_NATIVE, TO_EXPORT };
static const char *const to_names[] = {"native", "rep", "csv", "mtrace"};

struct convert {
    gboolean raw;
    char *to;
};

static void say_hygiene(const struct tool *tool, const struct trace_hygiene *hygiene)
{
    GString *text = g_string_new(NULL);
    trace_hygiene_text(hygiene, text);
    g_string_truncate(text, text->len - 1); /* the last line's end */
    tool_say(tool, "%s", text->str);
    g_string_free(text, TRUE);
}

static void add_meta(const struct tool *tool, struct result *result, const trace_reader *reader)
{
    result_meta_copy(result, trace_reader_meta(reader));
    result_meta_chain(result, &tool_convert);
    result_meta_hygiene(result, trace_hygiene(reader));
    if (trace_summary(reader)->first_ns != 0)
        trace_meta_set_number(result->meta, "zero-ns", trace_summary(reader)->first_ns);
    if (tool->addresses && trace_summary(reader)->direct_map != 0) {
        char *text =
            g_strdup_printf("0x%" G_GINT64_MODIFIER "x", trace_summary(reader)->direct_map);
        trace_meta_set_text(result->meta, TRACE_META_DIRECT_MAP, text);
        g_free(text);
    }
    if (trace_meta_get(result->meta, "source.format") == NULL)
        trace_meta_set_text(result->meta, "source.format", trace_summary(reader)->format);
}

static gboolean write_event(gpointer data, const struct trace_event *event, GError **error)
{
    return result_event(data, event, error);
}

static gboolean write_records(struct result *result, trace_reader *reader, GError **error)
{
    const struct trace_record *record;
    int got;
    while ((got = trace_next_record(reader, &record, error)) > 0) {
        if (!trace_writer_record(result->writer, record, error))
            return FALSE;
    }
    return got == 0;
}

static gboolean to_native(struct tool *tool, const struct convert *convert, trace_reader *reader,
                          GError **error)
{
    struct result result = {.writer = NULL};
    enum trace_level level = convert->raw ? TRACE_LEVEL_RAW : TRACE_LEVEL_REPLAYABLE;
    gboolean good =
        result_open(&result, tool, level, trace_summary(reader), trace_reader_names(reader),
                    error) &&
        (convert->raw ? write_records(&result, reader, error)
                      : tool_each(tool, reader, "writing", write_event, &result, error));
    if (good)
        add_meta(tool, &result, reader);
    return result_close(&result, good, error);
}

static gboolean to_text(struct tool *tool, enum trace_export_format format, trace_reader *reader,
                        GError **error)
{
    struct output output = {.file = NULL};
    gboolean good = output_allowed(tool, FALSE, error) &&
                    output_open(&output, tool->output, error) &&
                    trace_export(format, reader, output.file, error);
    return output_close(&output, good, error) && good;
}

static gboolean check_options(const struct tool *tool, const struct convert *convert, guint to,
                              GError **error)
{
    const char *option = convert->raw      ? "raw"
                         : tool->addresses ? "addresses"
                         : tool->level > 0 ? "level"
                                           : NULL;
    if (to == TO_NATIVE || option == NULL)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--%s is for --to=native; %s has no such thing", option, to_names[to]);
    return FALSE;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct convert convert = {.raw = FALSE};
    guint to = TO_NATIVE;
    trace_reader *reader = NULL;
    const GOptionEntry entries[] = {
        {"to", 0, 0, G_OPTION_ARG_STRING, &convert.to, "native (default), rep, csv or mtrace",
         "FORMAT"},
        {"raw", 0, 0, G_OPTION_ARG_NONE, &convert.raw,
         "keep records with addresses, give no identities", NULL},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_convert, entries, argc, argv, 1, 1, error) &&
                    parse_word("to", convert.to, to_names, G_N_ELEMENTS(to_names), &to, error) &&
                    check_options(tool, &convert, to, error) &&
                    output_allowed(tool, to == TO_NATIVE, error);
    if (good) {
        reader = convert.raw ? tool_open_records(tool, tool->traces[0], error)
                             : tool_open(tool, tool->traces[0], error);
        good = reader != NULL &&
               (to == TO_NATIVE
                    ? to_native(tool, &convert, reader, error)
                    : to_text(tool, (enum trace_export_format)(to - TO_EXPORT), reader, error));
    }
    if (good)
        say_hygiene(tool, trace_hygiene(reader));
    trace_close(reader);
    g_free(convert.to);
    return good;
}

const struct tool_command tool_convert = {
    .name = "convert",
    .arguments = "TRACE",
    .summary = "makes a native trace of any other, or text for other tools",
    .writes = TRUE,
    .run = run,
};
