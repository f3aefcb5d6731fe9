/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-trace check: whether a trace is whole and makes sense. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "output.h"
#include "tool.h"

void check_problem(struct check_problems *problems, const char *format, ...)
{
    va_list arguments;
    if (problems->count++ >= CHECK_PROBLEMS_SHOWN)
        return;
    va_start(arguments, format);
    g_string_append(problems->text, "  ");
    g_string_append_vprintf(problems->text, format, arguments);
    g_string_append_c(problems->text, '\n');
    va_end(arguments);
}

/* One trace of those that are named. */
struct check {
    struct tool *tool;
    const char *path;
    gboolean timing;
    gboolean native;
    struct check_problems problems;
    guint64 events;
};

/* In CPU time, which does not depend on what else the machine does. */
static void say_timing(const struct check *check, guint64 events, clock_t first, clock_t second)
{
    double seconds = (double)MAX(second, 1) / CLOCKS_PER_SEC;
    fprintf(stderr,
            "%s: %" G_GUINT64_FORMAT " events; CPU time: first reading %.3f s, second %.3f s, "
            "%.1f million events/s\n",
            tool_trace_name(check->path), events, (double)first / CLOCKS_PER_SEC, seconds,
            (double)events / seconds / 1e6);
}

static gboolean take_events(gpointer data, const struct trace_event *events, guint32 count,
                            GError **error)
{
    (void)error;
    check_events_take(data, events, count);
    return TRUE;
}

static gboolean check_stream(struct check *check, GError **error)
{
    struct check_events events;
    clock_t start = clock();
    trace_reader *reader = tool_open(check->tool, check->path, error);
    clock_t opened = clock();
    if (reader == NULL)
        return FALSE;
    check_events_init(&events, trace_summary(reader), &check->problems);
    gboolean good = tool_each_block(check->tool, reader, "checking", take_events, &events, error);
    if (good && check->timing)
        say_timing(check, events.events, opened - start, clock() - opened);
    check->events = events.events;
    check_events_finish(&events, trace_summary(reader), trace_hygiene(reader));
    trace_close(reader);
    return good;
}

/* A trace that cannot be read to its end has a problem more, and that is all. */
static void check_trace(struct check *check)
{
    GError *why = NULL;
    gboolean standard = strcmp(check->path, "-") == 0;
    check->problems.text = g_string_new(NULL);
    /* Standard input is read once: what is wrong with a chunk is found as its events are read. */
    if ((!standard && !check_file(check->path, &check->native, &check->problems, &why)) ||
        (check->problems.count == 0 && !check_stream(check, &why))) {
        check_problem(&check->problems, "%s", why->message);
        g_error_free(why);
    }
}

static gboolean report(struct check *check, struct output *output, GError **error)
{
    GString *text = g_string_new(NULL);
    const char *name = tool_trace_name(check->path);
    guint64 count = check->problems.count;
    if (count == 0) {
        g_string_printf(text, "%s: good, %" G_GUINT64_FORMAT " events\n", name, check->events);
    } else {
        g_string_printf(text, "%s: %" G_GUINT64_FORMAT " problem%s\n%s", name, count,
                        count == 1 ? "" : "s", check->problems.text->str);
        if (count > CHECK_PROBLEMS_SHOWN)
            g_string_append_printf(text, "  and %" G_GUINT64_FORMAT " more\n",
                                   count - CHECK_PROBLEMS_SHOWN);
    }
    gboolean good =
        (check->tool->quiet && count == 0) || output_write(output, text->str, text->len, error);
    g_string_free(text, TRUE);
    return good;
}

static gboolean check_all(struct tool *tool, gboolean timing, struct output *output, guint *bad,
                          GError **error)
{
    gboolean good = TRUE;
    for (char **path = tool->traces; *path != NULL && good; path++) {
        struct check check = {.tool = tool, .path = *path, .timing = timing};
        check_trace(&check);
        *bad += check.problems.count > 0;
        good = report(&check, output, error);
        g_string_free(check.problems.text, TRUE);
    }
    return good;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct output output = {.file = NULL};
    gboolean timing = FALSE;
    guint bad = 0;
    const GOptionEntry entries[] = {
        {"timing", 0, 0, G_OPTION_ARG_NONE, &timing, "tell how fast it was read", NULL},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_check, entries, argc, argv, 1, G_MAXUINT, error) &&
                    output_allowed(tool, FALSE, error) &&
                    output_open(&output, tool->output, error) &&
                    check_all(tool, timing, &output, &bad, error);
    good = output_close(&output, good, error) && good;
    if (good && bad > 0) {
        g_set_error(error, TOOL_ERROR, TOOL_ERROR_CHECK, "%u of %u trace%s bad", bad,
                    g_strv_length(tool->traces),
                    g_strv_length(tool->traces) == 1 ? " is" : "s are");
        return FALSE;
    }
    return good;
}

const struct tool_command tool_check = {
    .name = "check",
    .arguments = "TRACE...",
    .summary = "tells whether traces are whole and make sense",
    .run = run,
};
