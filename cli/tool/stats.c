/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-trace stats: what is in a trace, counted. */
#include "stats.h"

#include <string.h>

#include "output.h"
#include "tool.h"

static gboolean take(gpointer data, const struct trace_event *event, GError **error)
{
    (void)error;
    stats_take(data, event);
    return TRUE;
}

static gboolean print(const struct stats_report *report, gboolean json, struct output *output,
                      GError **error)
{
    GString *text = g_string_new(NULL);
    if (json) {
        char *body = stats_json(report);
        g_string_append(text, body);
        g_free(body);
    } else {
        stats_text(report, text);
    }
    gboolean good = output_write(output, text->str, text->len, error);
    g_string_free(text, TRUE);
    return good;
}

static gboolean report(struct tool *tool, gboolean json, struct output *output, GError **error)
{
    struct stats stats;
    trace_reader *reader = tool_open(tool, tool->traces[0], error);
    if (reader == NULL)
        return FALSE;
    char *name = strcmp(tool->traces[0], "-") == 0 ? g_strdup("standard input")
                                                   : g_filename_display_basename(tool->traces[0]);
    stats_init(&stats);
    gboolean good = tool_each(tool, reader, "counting", take, &stats, error);
    if (good) {
        struct stats_report what = {&stats, reader, name, tool->reading.layer};
        stats_sort(&stats);
        good = print(&what, json, output, error);
    }
    stats_clear(&stats);
    g_free(name);
    trace_close(reader);
    return good;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct output output = {.file = NULL};
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs", NULL},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_stats, entries, argc, argv, 1, 1, error) &&
                    output_allowed(tool, FALSE, error) &&
                    output_open(&output, tool->output, error) && report(tool, json, &output, error);
    return output_close(&output, good, error) && good;
}

const struct tool_command tool_stats = {
    .name = "stats",
    .arguments = "TRACE",
    .summary = "counts kinds, sizes, lifetimes, threads, CPUs, what is live",
    .run = run,
};
