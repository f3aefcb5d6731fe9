/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One gnuplot script per picture. Each reads timeline.csv beside it, draws PNG and SVG, and is
 * meant to be changed by hand: axes, size and colours are set at its top.
 *
 * Colours are Okabe and Ito's, which the colour-blind can tell apart; ordered things (orders, many
 * CPUs) take steps of viridis instead, which also keep their order in grey.
 */
#include <string.h>

#include "report.h"

#define NAME_SHOWN 48      /* characters of a trace's name in a title */
#define POINTS_SHOWN 2400u /* samples on a line */
#define BOXES_SHOWN 600u   /* samples in a row of boxes */
#define LINES_WITH_KEY 8u  /* more CPUs than these are told apart by a colour scale */

/* text within gnuplot's double quotes. Backticks there would run a command; enhanced mode's own
 * characters are taken literally. */
static void quoted(GString *out, const char *text)
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
static void quoted_name(GString *out, const char *name)
{
    glong length = g_utf8_strlen(name, -1);
    if (length <= NAME_SHOWN) {
        quoted(out, name);
        return;
    }
    char *start = g_utf8_substring(name, 0, NAME_SHOWN / 2);
    quoted(out, start);
    g_string_append(out, "...");
    quoted(out, g_utf8_offset_to_pointer(name, length - NAME_SHOWN / 2));
    g_free(start);
}

/* Without its end, the quotation mark. */
static void title_over(const struct report *report, GString *out, const char *what)
{
    g_string_append_printf(out, "set title \"{/:Bold %s}\\n", what);
    quoted_name(out, report->trace_name);
    g_string_append_printf(out, ", layer %s, on %u CPU%s",
                           replay_layer_name(report->options->layer), report->execution->cpus,
                           report->execution->cpus == 1 ? "" : "s");
}

static void title(const struct report *report, GString *out, const char *what)
{
    const struct replay_execution *execution = report->execution;
    const struct replay_regions *regions = execution->regions;
    title_over(report, out, what);
    if (regions->used == 1)
        g_string_append(out, ", region of ");
    else
        g_string_append_printf(out, ", %u regions of together ", regions->used);
    append_bytes(out, replay_regions_bytes(regions));
    if (execution->failed > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " requests failed", execution->failed);
    g_string_append(out, "\"\n");
}

/* What all pictures have in common. */
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

/* Over events rather than seconds: a trace rests most of the time and works in bursts. No more than
 * shown samples: a picture has not more columns. */
static void begin_script(const struct report *report, GString *out, const char *name,
                         const char *what, guint shown)
{
    gboolean thousands = report->execution->events >= 20000;
    g_string_append_printf(out,
                           "# Drawn with: gnuplot %s.gp (in the folder of timeline.csv)\n"
                           "x(dummy) = column(\"event\")%s\n"
                           "set xlabel \"events%s\"\n"
                           "# or over time:\n"
                           "# x(dummy) = column(\"seconds\")\n"
                           "# set xlabel \"time in the trace, s\"\n\n",
                           name, thousands ? " / 1e3" : "", thousands ? ", thousands" : "");
    g_string_append_printf(out, "step = %u # one sample of so many is drawn\n",
                           1 + (report->sampler->count - 1) / shown);
    g_string_append(out, "MiB = 1048576.0\n"
                         "set xrange [0:*] noextend\n");
    append_axes(out);
    title(report, out, what);
}

/* Both pictures show the same plot command, which has just been written. */
static void end_script(GString *out, const char *name)
{
    g_string_append_printf(out,
                           "\n\n"
                           "set terminal svg size 1200,640 dynamic font \"Sans,13\" linewidth 1.2 "
                           "background rgb \"white\"\n"
                           "set output \"%s.svg\"\n"
                           "replot\n"
                           "unset output\n",
                           name);
}

static void begin_plot(GString *out, const char *name)
{
    g_string_append_printf(out,
                           "\nset terminal pngcairo size 1200,640 font \"Sans,12\" linewidth 1.2\n"
                           "set output \"%s.png\"\nplot ",
                           name);
}

/* What is stacked, from below. Free memory is left out: it tells how large a region was asked for.
 */
static const struct {
    enum split_part part;
    const char *colour;
} areas[] = {
    {SPLIT_REQUESTED, "#0072B2"},      {SPLIT_CLASS_ROUNDING, "#56B4E9"},
    {SPLIT_BLOCK_ROUNDING, "#999999"}, {SPLIT_FREE_SLOTS, "#E69F00"},
    {SPLIT_EMPTY_SLABS, "#F0E442"},    {SPLIT_CACHED, "#009E73"},
    {SPLIT_REMOTE_PENDING, "#000000"}, {SPLIT_SLAB_RECORDS, "#D55E00"},
    {SPLIT_METADATA, "#CC79A7"},
};

static gboolean ever(const struct report *report, enum split_part part)
{
    for (guint i = 0; i < report->sampler->count; i++) {
        if (report->sampler->sample[i].split.part[part] > 0)
            return TRUE;
    }
    return FALSE;
}

/* The top of the stack is drawn first, so that the legend is in the order of the picture. */
static void occupancy(const struct report *report, GString *out)
{
    guint shown[G_N_ELEMENTS(areas)], count = 0;
    begin_script(report, out, "occupancy", "Memory in use", POINTS_SHOWN);
    g_string_append(out, "set ylabel \"MiB\"\nset yrange [0:*]\nset style fill solid noborder\n\n"
                         "# Each area reaches from the sum of the parts below it to its own sum.\n"
                         "sum0(dummy) = 0\n");
    for (guint i = 0; i < G_N_ELEMENTS(areas); i++) {
        if (!ever(report, areas[i].part))
            continue;
        g_string_append_printf(out, "sum%u(dummy) = sum%u(0) + column(\"%s\") / MiB\n", count + 1,
                               count, split_names[areas[i].part].key);
        shown[count++] = i;
    }
    begin_plot(out, "occupancy");
    for (guint i = count; i-- > 0;)
        g_string_append_printf(
            out,
            "%s\"timeline.csv\" every step using (x(0)):(sum%u(0)):(sum%u(0)) with filledcurves "
            "lc rgb \"%s\" title \"%s\"",
            i + 1 == count ? "" : ", \\\n     ", i, i + 1, areas[shown[i]].colour,
            split_names[areas[shown[i]].part].title);
    end_script(out, "occupancy");
}

/* The bytes of a block of an order, "64 KiB". */
static void append_order(const struct report *report, guint order, GString *out)
{
    append_bytes(out, report->page_size << order);
}

static void fragmentation(const struct report *report, GString *out)
{
    static const guint orders[] = {2, 4, 6, 9};
    static const char *const colours[] = {"#56B4E9", "#009E73", "#E69F00", "#D55E00"};
    begin_script(report, out, "fragmentation", "External fragmentation: unusable free space index",
                 POINTS_SHOWN);
    g_string_append(out, "set ylabel \"part of free memory that the order cannot use\"\n"
                         "set yrange [0:*<1]\n");
    begin_plot(out, "fragmentation");
    for (guint i = G_N_ELEMENTS(orders); i-- > 0;) {
        g_string_append_printf(
            out,
            "%s\"timeline.csv\" every step using (x(0)):(column(\"unusable_%u\")) with lines "
            "lw 1.6 lc rgb \"%s\" title \"order %u (",
            i + 1 == G_N_ELEMENTS(orders) ? "" : ", \\\n     ", orders[i], colours[i], orders[i]);
        append_order(report, orders[i], out);
        g_string_append(out, ")\"");
    }
    end_script(out, "fragmentation");
}

/* Eleven steps of viridis, from its dark to its light end, the lightest left out. */
static const char *const viridis[REPORT_ORDERS] = {
    "#440154", "#482475", "#414487", "#355F8D", "#2A788E", "#21918C",
    "#22A884", "#44BF70", "#7AD151", "#B5DE2B", "#E3D52B",
};

static void palette(GString *out, gboolean dark_first)
{
    guint last = G_N_ELEMENTS(viridis) - 1;
    g_string_append(out, "set palette defined (");
    for (guint i = 0; i <= last; i++)
        g_string_append_printf(out, "%s%u \"%s\"", i == 0 ? "" : ", ", i,
                               viridis[dark_first ? i : last - i]);
    g_string_append(out, ")\n");
}

/* The largest count of free blocks of an order that a report shows. */
static guint64 most_blocks(const struct report *report)
{
    guint64 most = 0;
    for (guint i = 0; i < report->sampler->count; i++) {
        for (guint order = 0; order < REPORT_ORDERS; order++)
            most = MAX(most, report->sampler->sample[i].free_blocks[order]);
    }
    return most;
}

/*
 * A band per order, coloured by the logarithm of the count; no colour where there is none. Each
 * sample is a box that reaches back to the sample before it, and a little further to hide the seam.
 * Boxes are many: a picture shows no more than some hundred of them in a row, so samples are left
 * out.
 */
static void free_blocks(const struct report *report, GString *out)
{
    guint64 most = most_blocks(report);
    begin_script(report, out, "free-blocks", "Free blocks by order", BOXES_SHOWN);
    g_string_append(out, "set ylabel \"order (bytes of a block)\"\n"
                         "set yrange [-0.5:10.5]\nunset grid\nset ytics (");
    for (guint order = 0; order < REPORT_ORDERS; order++) {
        g_string_append_printf(out, "%s\"%u (", order == 0 ? "" : ", ", order);
        append_order(report, order, out);
        g_string_append_printf(out, ")\" %u", order);
    }
    g_string_append(out, ")\nset cblabel \"free blocks (none: white)\"\nset logscale cb\n"
                         "set format cb \"%.0f\"\n");
    palette(out, FALSE); /* next to white, few are light and many dark */
    g_string_append_printf(out,
                           "set cbrange [1:%" G_GUINT64_FORMAT "]\nset style fill solid noborder\n"
                           "count(n) = n > 0 ? n : NaN\nto = 0\n",
                           MAX(most, 10));
    begin_plot(out, "free-blocks");
    for (guint order = 0; order < REPORT_ORDERS; order++)
        g_string_append_printf(
            out,
            "%sto = 0, \"timeline.csv\" every step using (from = to, to = x(0)):(%u):"
            "(from-0.5*(to-from)):(to):(%u-0.46):(%u+0.46):(count(column(\"free_blocks_%u\"))) "
            "with boxxyerror lc palette notitle",
            order == 0 ? "" : ", \\\n     ", order, order, order, order);
    end_script(out, "free-blocks");
}

/* Did a CPU of a column have an event at all? */
static gboolean active(const struct report *report, guint column)
{
    guint first, last;
    sampler_column(report->sampler, report->execution->cpus, column, &first, &last);
    for (guint cpu = first; cpu <= last; cpu++) {
        if (report->execution->cpu[cpu].events > 0)
            return TRUE;
    }
    return FALSE;
}

static void remote_line(const struct report *report, guint column, gboolean key, GString *out)
{
    static const char *const colours[LINES_WITH_KEY] = {"#0072B2", "#D55E00", "#009E73", "#E69F00",
                                                        "#56B4E9", "#CC79A7", "#000000", "#999999"};
    guint first, last;
    sampler_column(report->sampler, report->execution->cpus, column, &first, &last);
    g_string_append_printf(
        out, "\"timeline.csv\" every step using (x(0)):(column(\"remote_frees_cpu%u", first);
    if (last != first)
        g_string_append_printf(out, "_%u", last);
    g_string_append(out, "\") / unit) with steps ");
    if (key)
        g_string_append_printf(out, "lw 2 lc rgb \"%s\" title \"CPU %u\"",
                               colours[column % LINES_WITH_KEY], first);
    else
        g_string_append_printf(out, "lw 1.4 lc palette cb %u notitle", first);
}

static void colour_scale(const struct report *report, GString *out)
{
    guint cpus = report->execution->cpus;
    palette(out, TRUE);
    g_string_append_printf(out, "set cbrange [0:%u]\nset cblabel \"%s\"\n", cpus - 1,
                           cpus > report->sampler->columns ? "CPU, the first of a group" : "CPU");
}

static void remote_frees(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    guint columns = sampler->columns;
    gboolean key = columns <= LINES_WITH_KEY;
    guint64 most = 0;
    for (guint column = 0; column < columns; column++)
        most = MAX(most, sampler->remote[(gsize)(sampler->count - 1) * columns + column]);
    begin_script(report, out, "remote-frees",
                 "Frees of what another CPU allocated, by the CPU that frees", POINTS_SHOWN);
    g_string_append_printf(
        out, "unit = %s\nset ylabel \"remote frees so far%s\"\nset yrange [0:%s]\n",
        most >= 10000 ? "1e3" : "1.0", most >= 10000 ? ", thousands" : "", most == 0 ? "1" : "*");
    if (!key)
        colour_scale(report, out);
    begin_plot(out, "remote-frees");
    gboolean more = FALSE;
    for (guint column = 0; column < columns; column++) {
        if (!active(report, column))
            continue;
        g_string_append(out, more ? ", \\\n     " : "");
        remote_line(report, column, key, out);
        more = TRUE;
    }
    end_script(out, "remote-frees");
}

/* Where the smallest region lies, if that is within the picture. */
static void mark_smallest(const struct report *report, GString *out)
{
    const struct replay_minimum *minimum = report->minimum;
    guint64 most = report->curve->point[report->curve->count - 1].region_bytes;
    if (!minimum->searched || minimum->smallest.region_bytes > most)
        return;
    g_string_append(out, "smallest = ");
    append_fixed(out, 0, ratio((double)minimum->smallest.region_bytes, (double)report->curve->base),
                 6);
    g_string_append(
        out, "\nset arrow from smallest, graph 0 to smallest, graph 1 nohead "
             "lc rgb \"#444444\" dt 2\n"
             "set label \"smallest region\" at smallest, graph 0.5 center rotate by 90 offset -1 "
             "textcolor rgb \"#444444\"\n");
}

static void curve(const struct report *report, GString *out)
{
    static const struct {
        const char *moment, *style, *title;
    } lines[] = {{"mean", "pt 7", "mean over events"}, {"drained", "pt 6 dt 2", "end, drained"}};
    static const guint orders[] = {2, 4, 6, 9};
    static const char *const colours[] = {"#56B4E9", "#009E73", "#E69F00", "#D55E00"};
    g_string_append(out, "# Drawn with: gnuplot curve.gp (in the folder of curve.csv)\n"
                         "set xlabel \"region / most bytes of pages in use\"\n"
                         "set ylabel \"part of free memory that the order cannot use\"\n"
                         "set xrange [0.95:*]\nset yrange [0:*<1]\n");
    append_axes(out);
    title_over(report, out, "External fragmentation over the size of the region");
    g_string_append(out, "\"\n");
    mark_smallest(report, out);
    begin_plot(out, "curve");
    for (guint i = G_N_ELEMENTS(orders); i-- > 0;) {
        for (guint k = 0; k < G_N_ELEMENTS(lines); k++)
            g_string_append_printf(
                out,
                "%s\"curve.csv\" using (column(\"factor\")):(column(\"unusable_%s_%u\")) with "
                "linespoints %s lw 1.6 lc rgb \"%s\" title \"order %u, %s\"",
                i + 1 == G_N_ELEMENTS(orders) && k == 0 ? "" : ", \\\n     ", lines[k].moment,
                orders[i], lines[k].style, colours[i], orders[i], lines[k].title);
    }
    end_script(out, "curve");
}

const struct report_plot report_plots[] = {
    {"occupancy", occupancy, FALSE},
    {"fragmentation", fragmentation, FALSE},
    {"free-blocks", free_blocks, FALSE},
    {"remote-frees", remote_frees, FALSE},
    {"curve", curve, TRUE},
};
const guint report_plot_count = G_N_ELEMENTS(report_plots);

gboolean report_plot_wanted(const struct report *report, guint index)
{
    return !report_plots[index].curve || report->curve->count > 0;
}
