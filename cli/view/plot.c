/* SPDX-License-Identifier: Apache-2.0 */
#include "plot.h"

#include <string.h>

#include "../common/figures.h"

#define NAME_SHOWN 48 /* characters of a trace's name in a title */

const char *const view_colours[VIEW_LINES_WITH_KEY] = {"#0072B2", "#D55E00", "#009E73", "#E69F00",
                                                       "#56B4E9", "#CC79A7", "#000000", "#999999"};

const struct view_plot view_plots[] = {
    {"occupancy", "Memory in use", NULL, view_plot_occupancy},
    {"recorded", "Pages in use, by the recorded addresses", "recorded.samples", view_plot_recorded},
    {"page-map", "What the pages are used for", "page_map", view_plot_page_map},
    {"fragmentation", "External fragmentation: unusable free space index", NULL,
     view_plot_fragmentation},
    {"free-blocks", "Free blocks by order", NULL, view_plot_free_blocks},
    {"sizes", "Sizes that were asked for", "sizes.allocs", view_plot_sizes},
    {"lifetimes", "Lifetimes of objects and blocks", "lifetimes.time", view_plot_lifetimes},
    {"cpu-caches", "Objects served by the CPU's own magazines", "timeline.maximum.cpu_objects",
     view_plot_cpu_caches},
    {"remote-frees", "Frees of what another CPU allocated, by the CPU that frees", NULL,
     view_plot_remote_frees},
    {"latency", "How long calls take", "measured.latency", view_plot_latency},
    {"memory", "Memory of the allocators", "measured.memory", view_plot_memory},
    {"tune", "Size classes: waste over their number", "tune", view_plot_tune},
    {"curve", "External fragmentation over the size of the region", "curve", view_plot_curve},
    {"curve-measures", "All measures of fragmentation over the size of the region", "curve",
     view_plot_curve_measures},
    {"sweep", "The runs beside each other", "runs", view_plot_sweep},
    {"sweep-occupancy", "Pages in use over the run", "overlaid", view_plot_sweep_occupancy},
};
const guint view_plot_count = G_N_ELEMENTS(view_plots);

gboolean view_plot_wanted(JsonObject *report, guint index)
{
    const char *needs = view_plots[index].needs;
    if (needs == NULL)
        return view_has(report, "result");
    return view_object(report, needs) != NULL || view_length(report, needs) > 0 ||
           view_count(report, needs) > 0;
}

/* Backticks within double quotes would run a command; enhanced mode's own characters are taken
 * literally. */
void view_quote(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\"`\\", *text) != NULL || (guchar)*text < ' ')
            g_string_append_c(out, '\'');
        else if (strchr("_^@{}&~", *text) != NULL)
            g_string_append_printf(out, "\\\\%c", *text);
        else
            g_string_append_c(out, *text);
    }
}

/* The middle of a long name is left out, so that the title fits. */
void view_plot_name(GString *out, const char *name)
{
    glong length = g_utf8_strlen(name, -1);
    if (length <= NAME_SHOWN) {
        view_quote(out, name);
        return;
    }
    char *start = g_utf8_substring(name, 0, NAME_SHOWN / 2);
    view_quote(out, start);
    g_string_append(out, "...");
    view_quote(out, g_utf8_offset_to_pointer(name, length - NAME_SHOWN / 2));
    g_free(start);
}

void view_plot_title(JsonObject *report, GString *out, const char *what, gboolean regions)
{
    g_string_append(out, "set title ");
    view_plot_title_text(report, out, what, regions);
    g_string_append_c(out, '\n');
}

void view_plot_title_text(JsonObject *report, GString *out, const char *what, gboolean regions)
{
    guint64 cpus = view_count(report, "replay.cpus"), failed = view_count(report, "result.failed");
    guint64 used = view_count(report, "replay.regions_used");
    g_string_append_printf(out, "\"{/:Bold %s}\\n", what);
    view_plot_name(out, view_text(report, "trace.name"));
    g_string_append_printf(out, ", layer %s, on %" G_GUINT64_FORMAT " CPU%s",
                           view_text(report, "trace.layer"), cpus, cpus == 1 ? "" : "s");
    if (regions) {
        if (used == 1)
            g_string_append(out, ", region of ");
        else
            g_string_append_printf(out, ", %" G_GUINT64_FORMAT " regions of together ", used);
        append_bytes(out, view_count(report, "replay.region_bytes_used"));
        if (failed > 0)
            g_string_append_printf(out, ", %" G_GUINT64_FORMAT " requests failed", failed);
    }
    g_string_append(out, view_flag(report, "result.partial") ? ", partial\"" : "\"");
}

/* Over events rather than seconds: a trace rests most of the time and works in bursts. */
void view_plot_over_events(guint64 events, GString *out)
{
    gboolean thousands = events >= 20000;
    g_string_append_printf(out,
                           "x(dummy) = column(\"event\")%s\n"
                           "set xlabel \"events%s\"\n"
                           "# or over time:\n"
                           "# x(dummy) = column(\"seconds\")\n"
                           "# set xlabel \"time in the trace, s\"\n\n"
                           "MiB = 1048576.0\n"
                           "set xrange [0:*] noextend\n",
                           thousands ? " / 1e3" : "", thousands ? ", thousands" : "");
}

/* Eleven steps of viridis, from its dark to its light end, the lightest left out. */
void view_plot_palette(GString *out, gboolean dark_first)
{
    static const char *const viridis[] = {
        "#440154", "#482475", "#414487", "#355F8D", "#2A788E", "#21918C",
        "#22A884", "#44BF70", "#7AD151", "#B5DE2B", "#E3D52B",
    };
    guint last = G_N_ELEMENTS(viridis) - 1;
    g_string_append(out, "set palette defined (");
    for (guint i = 0; i <= last; i++)
        g_string_append_printf(out, "%s%u \"%s\"", i == 0 ? "" : ", ", i,
                               viridis[dark_first ? i : last - i]);
    g_string_append(out, ")\n");
}

void view_plot_colour(GString *out, guint index, guint count)
{
    if (count <= VIEW_LINES_WITH_KEY)
        g_string_append_printf(out, "lc rgb \"%s\"", view_colours[index]);
    else
        g_string_append_printf(out, "lc palette frac %u.0/%u", index, count - 1);
}

void view_plot_order(JsonObject *report, guint order, GString *out)
{
    append_bytes(out, view_count(report, "replay.page_size") << order);
}

const char *view_plot_timeline(JsonObject *report)
{
    return view_flag(report, "timeline.thinned") ? "timeline-drawn.csv" : "timeline.csv";
}

static void append_axes(GString *out)
{
    g_string_append(out, "set encoding utf8\n"
                         "set datafile separator \",\"\n"
                         "set datafile missing \"nan\"\n"
                         "set border 3 lc rgb \"#444444\"\n"
                         "set tics nomirror out textcolor rgb \"#222222\"\n"
                         "set grid ytics lc rgb \"#dddddd\" lt 1 lw 0.6\n"
                         "set key autotitle columnheader\n"
                         "set key outside right center Left reverse spacing 1.3 samplen 2\n");
}

static void script_init(struct view_script *script)
{
    script->settings = g_string_new(NULL);
    script->plot = g_string_new(NULL);
    script->panels = g_string_new(NULL);
    append_axes(script->settings);
}

static void script_clear(struct view_script *script)
{
    g_string_free(script->settings, TRUE);
    g_string_free(script->plot, TRUE);
    g_string_free(script->panels, TRUE);
}

static const struct {
    enum picture_format format;
    const char *suffix, *terminal;
} terminals[] = {
    {PICTURE_PNG, "png", "pngcairo size 1200,640 font \"Sans,12\" linewidth 1.2"},
    {PICTURE_SVG, "svg",
     "svg size 1200,640 dynamic font \"Sans,13\" linewidth 1.2 background rgb \"white\""},
};

static void append_plot(const char *name, const struct view_script *script, guint formats,
                        GString *out)
{
    gboolean first = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(terminals); i++) {
        if ((formats & terminals[i].format) == 0)
            continue;
        g_string_append_printf(out, "\nset terminal %s\nset output \"%s.%s\"\n",
                               terminals[i].terminal, name, terminals[i].suffix);
        if (first)
            g_string_append_printf(out, "plot %s\n", script->plot->str);
        else
            g_string_append(out, "replot\n");
        g_string_append(out, "unset output\n");
        first = FALSE;
    }
}

/* There is no replot of several plots. */
static void append_panels(const char *name, const struct view_script *script, guint formats,
                          GString *out)
{
    g_string_append(out, "\nformats = \"");
    for (guint i = 0; i < G_N_ELEMENTS(terminals); i++) {
        if ((formats & terminals[i].format) != 0)
            g_string_append_printf(out, "%s ", terminals[i].suffix);
    }
    g_string_append(out, "\"\ndo for [format in formats] {\n");
    for (guint i = 0; i < G_N_ELEMENTS(terminals); i++)
        g_string_append_printf(out, "if (format eq \"%s\") { set terminal %s }\n",
                               terminals[i].suffix, terminals[i].terminal);
    g_string_append_printf(out, "set output \"%s.\".format\n%sunset multiplot\nunset output\n}\n",
                           name, script->panels->str);
}

void view_plot_script(JsonObject *report, guint index, guint formats, GString *out)
{
    const char *name = view_plots[index].name;
    struct view_script script;
    script_init(&script);
    view_plots[index].write(report, &script);
    g_string_append_printf(out, "# Drawn with: gnuplot %s.gp (in this folder)\n%s", name,
                           script.settings->str);
    if (script.panels->len > 0)
        append_panels(name, &script, formats, out);
    else
        append_plot(name, &script, formats, out);
    script_clear(&script);
}

/* Areas cannot be told apart in characters: the two lines that matter most. */
void view_plot_terminal(JsonObject *report, guint columns, guint lines, GString *out)
{
    const char *data = view_plot_timeline(report);
    g_string_append_printf(out, "set terminal dumb noenhanced size %u,%u\n", columns, lines);
    g_string_append(out, "set datafile separator \",\"\nset tics nomirror\n");
    view_plot_over_events(view_count(report, "result.events"), out);
    g_string_append_printf(out,
                           "set ylabel \"MiB\"\nset yrange [0:*]\n"
                           "set key above\n"
                           "plot \"%s\" using (x(0)):(column(\"occupied\") / MiB) with lines lt 1 "
                           "title \"pages in use\", \\\n"
                           "     \"%s\" using (x(0)):(column(\"requested\") / MiB) with lines lt 4 "
                           "title \"requested\"\n",
                           data, data);
}
