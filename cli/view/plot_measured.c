/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of what was measured: how long calls take, and memory as the system counts it. */
#include <string.h>

#include "plot.h"

/* No title with regions: other allocators have none. */
static void title(JsonObject *report, GString *out, const char *what)
{
    if (view_has(report, "trace"))
        view_plot_title(report, out, what, FALSE);
    else
        g_string_append_printf(out, "set title \"{/:Bold %s}\"\n", what);
}

/* The kind of call of which there are most, of those that begin a life or of those that end one. */
static const char *most_frequent(JsonObject *report, const char *one, const char *other)
{
    guint64 counts[2] = {0, 0};
    for (guint i = 0; i < view_length(report, "measured.latency"); i++) {
        JsonObject *group = view_row(report, "measured.latency", i);
        counts[0] += strcmp(view_text(group, "call"), one) == 0 ? view_count(group, "count") : 0;
        counts[1] += strcmp(view_text(group, "call"), other) == 0 ? view_count(group, "count") : 0;
    }
    return counts[1] > counts[0] ? other : one;
}

/* A colour for each backend, in order of their appearance. */
static guint colour_of(JsonObject *report, const char *list, guint index)
{
    guint colour = 0;
    const char *backend = view_text(view_row(report, list, index), "backend"), *before = NULL;
    for (guint i = 0; i < view_length(report, list); i++) {
        const char *name = view_text(view_row(report, list, i), "backend");
        colour += before != NULL && strcmp(before, name) != 0 ? 1 : 0;
        if (strcmp(name, backend) == 0)
            break;
        before = name;
    }
    return colour % VIEW_LINES_WITH_KEY;
}

static void latency_line(JsonObject *report, GString *out, guint index, gboolean thin)
{
    JsonObject *group = view_row(report, "measured.latency", index);
    g_string_append_printf(
        out,
        "%sc = 0, \"latency.csv\" every ::%" G_GUINT64_FORMAT "::%" G_GUINT64_FORMAT
        " using (c = c + column(\"count\"), column(\"up_to_ns\")):"
        "(slower(%" G_GUINT64_FORMAT ".0)) with steps lw %s lc rgb \"%s\" title \"",
        out->len == 0 ? "" : ", \\\n     ", view_count(group, "first"), view_count(group, "last"),
        view_count(group, "count"), thin ? "0.8" : "2.2",
        view_colours[colour_of(report, "measured.latency", index)]);
    view_quote(out, view_text(group, "backend"));
    g_string_append(out, ", ");
    view_quote(out, view_text(group, "call"));
    g_string_append_c(out, '"');
}

void view_plot_latency(JsonObject *report, struct view_script *script)
{
    const char *begins = most_frequent(report, "alloc", "page_alloc");
    const char *ends = most_frequent(report, "free", "page_free");
    title(report, script->settings, "How long calls take");
    g_string_append(
        script->settings,
        "set xlabel \"nanoseconds\"\nset ylabel \"part of the calls that take longer\"\n"
        "set logscale xy\nset format x \"%.0f\"\nset format y \"10^{%T}\"\n"
        "set yrange [*:1]\nset xrange [10:*]\n"
        "slower(n) = c < n ? (n - c) / n : NaN\n");
    for (guint i = 0; i < view_length(report, "measured.latency"); i++) {
        const char *call = view_text(view_row(report, "measured.latency", i), "call");
        if (strcmp(call, begins) == 0 || strcmp(call, ends) == 0)
            latency_line(report, script->plot, i, strcmp(call, ends) == 0);
    }
}

/* Of the recorded allocator, which does not run, its addresses tell. */
static gboolean has_recorded(JsonObject *report)
{
    for (guint i = 0; i < view_length(report, "measured.memory"); i++) {
        JsonObject *group = view_row(report, "measured.memory", i);
        if (strcmp(view_text(group, "backend"), "recorded") == 0)
            return TRUE;
    }
    return FALSE;
}

void view_plot_memory(JsonObject *report, struct view_script *script)
{
    title(report, script->settings,
          has_recorded(report)
              ? "Memory of the allocators, as the system counts it; recorded: pages by addresses"
              : "Memory of the allocators, as the system counts it");
    g_string_append(script->settings, "set xlabel \"events\"\nset ylabel \"MiB\"\n"
                                      "set yrange [0:*]\nMiB = 1048576.0\n");
    for (guint i = 0; i < view_length(report, "measured.memory"); i++) {
        JsonObject *group = view_row(report, "measured.memory", i);
        if (i == 0)
            g_string_append_printf(
                script->plot,
                "\"memory.csv\" every ::%" G_GUINT64_FORMAT "::%" G_GUINT64_FORMAT
                " using (column(\"event\")):(column(\"requested_bytes\") / MiB) with lines lw 2 "
                "dt 2 lc rgb \"#000000\" title \"requested\"",
                view_count(group, "first"), view_count(group, "last"));
        g_string_append_printf(script->plot,
                               ", \\\n     \"memory.csv\" every ::%" G_GUINT64_FORMAT
                               "::%" G_GUINT64_FORMAT " using (column(\"event\")):"
                               "(column(\"used_bytes\") / MiB) with lines lw 2 lc rgb \"%s\" "
                               "title \"",
                               view_count(group, "first"), view_count(group, "last"),
                               view_colours[colour_of(report, "measured.memory", i)]);
        view_quote(script->plot, view_text(group, "backend"));
        g_string_append_c(script->plot, '"');
    }
}
