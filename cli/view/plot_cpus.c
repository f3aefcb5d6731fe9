/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the CPUs over the run: a line for each, or for neighbours where there are many. */
#include "plot.h"

static void colour_scale(JsonObject *report, GString *out)
{
    guint64 cpus = view_count(report, "replay.cpus");
    view_plot_palette(out, TRUE);
    g_string_append_printf(
        out, "set cbrange [0:%" G_GUINT64_FORMAT "]\nset cblabel \"%s\"\n", cpus - 1,
        cpus > view_length(report, "timeline.cpu_columns") ? "CPU, the first of a group" : "CPU");
}

/* "0" or, of a group, "0_1": how columns of timeline.csv end. */
static void append_cpus(JsonObject *column, GString *out)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, view_count(column, "first"));
    if (view_count(column, "last") != view_count(column, "first"))
        g_string_append_printf(out, "_%" G_GUINT64_FORMAT, view_count(column, "last"));
}

/* using is printf's format with three times the CPU's name in it. */
typedef void (*using_fn)(GString *out, const char *cpus);

static void lines(JsonObject *report, struct view_script *script, using_fn using,
                  const char *before, const char *style)
{
    guint columns = view_length(report, "timeline.cpu_columns");
    gboolean key = columns <= VIEW_LINES_WITH_KEY, more = FALSE;
    if (!key)
        colour_scale(report, script->settings);
    for (guint i = 0; i < columns; i++) {
        JsonObject *column = view_row(report, "timeline.cpu_columns", i);
        if (view_count(column, "events") == 0)
            continue;
        GString *cpus = g_string_new(NULL);
        append_cpus(column, cpus);
        g_string_append_printf(script->plot, "%s%s\"%s\" using (x(0)):", more ? ", \\\n     " : "",
                               before, view_plot_timeline(report));
        using(script->plot, cpus->str);
        g_string_append_printf(script->plot, " with %s ", style);
        if (key)
            g_string_append_printf(script->plot, "lw 2 lc rgb \"%s\" title \"CPU %s\"",
                                   view_colours[i % VIEW_LINES_WITH_KEY], cpus->str);
        else
            g_string_append_printf(script->plot,
                                   "lw 1.4 lc palette cb %" G_GUINT64_FORMAT " notitle",
                                   view_count(column, "first"));
        g_string_free(cpus, TRUE);
        more = TRUE;
    }
    if (!more)
        g_string_append(script->plot, "NaN notitle");
}

static void using_remote(GString *out, const char *cpus)
{
    g_string_append_printf(out, "(column(\"remote_frees_cpu%s\") / unit)", cpus);
}

void view_plot_remote_frees(JsonObject *report, struct view_script *script)
{
    guint64 most = view_count(report, "timeline.maximum.remote_frees");
    view_plot_over_events(view_count(report, "result.events"), script->settings);
    view_plot_title(report, script->settings,
                    "Frees of what another CPU allocated, by the CPU that frees", TRUE);
    g_string_append_printf(
        script->settings, "unit = %s\nset ylabel \"remote frees so far%s\"\nset yrange [0:%s]\n",
        most >= 10000 ? "1e3" : "1.0", most >= 10000 ? ", thousands" : "", most == 0 ? "1" : "*");
    if (most == 0)
        g_string_append(script->settings, "set label \"none\" at graph 0.5, graph 0.5 center\n");
    lines(report, script, using_remote, "", "steps");
}

static void using_hits(GString *out, const char *cpus)
{
    g_string_append_printf(out, "(hits(column(\"objects_cpu%s\"), column(\"misses_cpu%s\")))", cpus,
                           cpus);
}

/* A rate over the whole run so far would hide what changes: it is taken between samples that lie an
 * object count apart. */
void view_plot_cpu_caches(JsonObject *report, struct view_script *script)
{
    guint64 objects = view_count(report, "timeline.maximum.cpu_objects");
    view_plot_over_events(view_count(report, "result.events"), script->settings);
    view_plot_title(report, script->settings, "Objects served by the CPU's own magazines", TRUE);
    g_string_append_printf(
        script->settings,
        "set ylabel \"%% of allocations and frees\"\nset yrange [*<90:100]\n"
        "# between points that lie at least so many objects apart\n"
        "least = %" G_GUINT64_FORMAT "\n"
        "o0 = 0; m0 = 0\n"
        "rate(o, m) = (r = 100.0 * (1.0 - (m - m0) / (o - o0)), o0 = o, m0 = m, r < 0 ? 0 : r)\n"
        "hits(o, m) = o - o0 < least ? NaN : rate(o, m)\n"
        "set datafile missing NaN\n",
        MAX(objects / 100, MIN(objects, 50)));
    lines(report, script, using_hits, "o0 = 0, m0 = 0, ", "lines");
}
