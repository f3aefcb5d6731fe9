/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-trace dump: a line for each event, or for each record. */
#include <string.h>

#include "../common/arguments.h"
#include "../common/figures.h"
#include "../trace/export.h"
#include "../trace/kinds.h"
#include "output.h"
#include "tool.h"

static const char *const format_names[] = {"text", "csv"};

struct dump {
    struct output output;
    trace_reader *reader;
    GString *line;
    guint64 left; /* events still wanted */
};

/* What both kinds of line have: an event, or a record in the same words. */
static const char event_heading[] =
    "#number seconds thread cpu kind slot address size given align order cache site gfp node "
    "migratetype flags\n";
static const char record_heading[] =
    "#number seconds thread cpu kind address size given align order cache site gfp node "
    "migratetype flags\n";

/* A number that has a value for "not known". */
static void put_known(GString *line, guint64 value, guint64 unknown)
{
    if (value == unknown)
        g_string_append(line, " -");
    else
        g_string_append_printf(line, " %" G_GUINT64_FORMAT, value);
}

/* A name as one word: what would end it, and what no terminal should see, is written in octal. */
static void put_name(GString *line, const char *name)
{
    g_string_append_c(line, ' ');
    if (name[0] == '\0' || strcmp(name, "-") == 0)
        g_string_append(line, name[0] == '\0' ? "-" : "\\055");
    else
        for (const char *at = name; *at != '\0'; at++) {
            guchar byte = (guchar)*at;
            if (byte <= ' ' || byte == '\\' || byte == 0x7f)
                g_string_append_printf(line, "\\%03o", byte);
            else
                g_string_append_c(line, *at);
        }
}

static void put_flags(GString *line, guint flags)
{
    char separator = ' ';
    for (guint bit = 0; bit < 8; bit++) {
        const char *name = trace_flag_name(1u << bit);
        if ((flags & 1u << bit) == 0)
            continue;
        g_string_append_c(line, separator);
        if (name != NULL)
            g_string_append(line, name);
        else
            g_string_append_printf(line, "0x%x", 1u << bit);
        separator = '|';
    }
    if (separator == ' ')
        g_string_append(line, " -");
    g_string_append_c(line, '\n');
}

static void put_address(GString *line, guint64 address)
{
    if (address == 0)
        g_string_append(line, " -");
    else
        g_string_append_printf(line, " 0x%" G_GINT64_MODIFIER "x", address);
}

/* An event's line; a record is an event without a slot. */
static void put_line(struct dump *dump, const struct trace_event *event, gboolean slots)
{
    GString *line = dump->line;
    gboolean page = trace_kind_is_page(event->kind);
    g_string_truncate(line, 0);
    g_string_append_printf(line, "%" G_GUINT64_FORMAT " ", event->number);
    append_seconds(line, event->time_ns);
    g_string_append_printf(line, " %u %u %s", event->thread, event->cpu,
                           trace_kind_name(event->kind));
    if (slots)
        put_known(line, event->slot, TRACE_NO_SLOT);
    put_address(line, event->address);
    g_string_append_printf(line, " %" G_GUINT64_FORMAT, event->size);
    put_known(line, event->given, 0);
    put_known(line, event->align, 0);
    put_known(line, page ? event->order : G_MAXUINT64, G_MAXUINT64);
    put_name(line, trace_name(dump->reader, event->cache));
    put_name(line, trace_name(dump->reader, event->site));
    put_name(line, trace_name(dump->reader, event->gfp));
    put_known(line, event->node, TRACE_NO_NODE);
    put_known(line, event->migratetype, TRACE_NO_MIGRATETYPE);
    put_flags(line, event->flags);
}

static gboolean dump_event(gpointer data, const struct trace_event *event, GError **error)
{
    struct dump *dump = data;
    if (dump->left == 0)
        return FALSE;
    dump->left--;
    put_line(dump, event, TRUE);
    return output_write(&dump->output, dump->line->str, dump->line->len, error);
}

static gboolean dump_events(struct tool *tool, struct dump *dump, GError **error)
{
    GError *why = NULL;
    dump->reader = tool_open(tool, tool->traces[0], error);
    if (dump->reader == NULL ||
        !output_write(&dump->output, event_heading, sizeof event_heading - 1, error))
        return FALSE;
    if (!tool_each(tool, dump->reader, "printing", dump_event, dump, &why) && why != NULL) {
        g_propagate_error(error, why);
        return FALSE;
    }
    return TRUE;
}

static gboolean dump_records(struct tool *tool, struct dump *dump, GError **error)
{
    const struct trace_record *record;
    int got = 0;
    dump->reader = tool_open_records(tool, tool->traces[0], error);
    if (dump->reader == NULL ||
        !output_write(&dump->output, record_heading, sizeof record_heading - 1, error))
        return FALSE;
    for (guint64 number = 1; number <= dump->left; number++) {
        if ((got = trace_next_record(dump->reader, &record, error)) <= 0)
            break;
        struct trace_event event = trace_event_of(record);
        event.number = number;
        put_line(dump, &event, FALSE);
        if (!output_write(&dump->output, dump->line->str, dump->line->len, error))
            return FALSE;
    }
    return got >= 0;
}

/* The exporter's columns, whole. */
static gboolean dump_csv(struct tool *tool, struct dump *dump, GError **error)
{
    dump->reader = tool_open(tool, tool->traces[0], error);
    return dump->reader != NULL &&
           trace_export(TRACE_EXPORT_CSV, dump->reader, dump->output.file, error);
}

static gboolean check_options(gboolean csv, gboolean raw, const char *limit, GError **error)
{
    if (!csv || (!raw && limit == NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--format=csv is of all events; --%s goes with --format=text",
                raw ? "raw" : "limit");
    return FALSE;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    char *limit = NULL, *format = NULL;
    gboolean raw = FALSE;
    guint index = 0, count = 0;
    struct dump dump = {.left = G_MAXUINT64, .line = g_string_new(NULL)};
    const GOptionEntry entries[] = {
        {"raw", 0, 0, G_OPTION_ARG_NONE, &raw,
         "records as they were made, with addresses, not events", NULL},
        {"format", 0, 0, G_OPTION_ARG_STRING, &format, "text (default) or csv", "FORMAT"},
        {"limit", 0, 0, G_OPTION_ARG_STRING, &limit, "stop after so many", "N"},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good =
        tool_parse(tool, &tool_dump, entries, argc, argv, 1, 1, error) &&
        parse_word("format", format, format_names, G_N_ELEMENTS(format_names), &index, error) &&
        parse_count("limit", limit, 1, G_MAXUINT, &count, error) &&
        check_options(index == 1, raw, limit, error) && output_allowed(tool, FALSE, error) &&
        output_open(&dump.output, tool->output, error);
    if (limit != NULL)
        dump.left = count;
    if (good)
        good = index == 1 ? dump_csv(tool, &dump, error)
               : raw      ? dump_records(tool, &dump, error)
                          : dump_events(tool, &dump, error);
    good = output_close(&dump.output, good, error) && good;
    trace_close(dump.reader);
    g_string_free(dump.line, TRUE);
    g_free(limit);
    g_free(format);
    return good;
}

const struct tool_command tool_dump = {
    .name = "dump",
    .arguments = "TRACE",
    .summary = "prints a line for each event",
    .run = run,
};
