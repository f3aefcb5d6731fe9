/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One gnuplot script per picture. Each reads timeline.csv beside it, draws PNG and SVG, and is meant
 * to be changed by hand: axes, size and colours are set at its top.
 *
 * Colours are Okabe and Ito's, which the colour-blind can tell apart; ordered things (orders, many
 * CPUs) take steps of viridis instead, which also keep their order in grey.
 */
#include <string.h>

#include "report.h"

#define LINES_WITH_KEY 8u /* more CPUs than these are told apart by a colour scale */

/* text within gnuplot's double quotes, with enhanced mode's special characters taken literally. */
static void quoted(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(out, '_'); /* gone: what they do depends on the terminal */
        else if (strchr("_^@{}&~", *text) != NULL)
            g_string_append_printf(out, "\\\\%c", *text);
        else if ((guchar)*text < ' ')
            g_string_append_c(out, ' ');
        else
            g_string_append_c(out, *text);
    }
}

static gboolean has_time(const struct report *report)
{
    return report->sampler->end.sample.time_ns > 0;
}

static void title(const struct report *report, GString *out, const char *what)
{
    const struct replay_execution *execution = report->execution;
    const struct replay_regions *regions = execution->regions;
    g_string_append_printf(out, "set title \"{/:Bold %s}\\n", what);
    quoted(out, report->trace_name);
    g_string_append_printf(out, ", layer %s, on %u CPU%s, ", replay_layer_name(report->options->layer),
                           execution->cpus, execution->cpus == 1 ? "" : "s");
    if (regions->used == 1)
        g_string_append(out, "region of ");
    else
        g_string_append_printf(out, "%u regions of together ", regions->used);
    append_bytes(out, replay_regions_bytes(regions));
    if (execution->failed > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " requests failed", execution->failed);
    g_string_append(out, "\"\n");
}

static void begin_script(const struct report *report, GString *out, const char *name, const char *what)
{
    g_string_append_printf(out,
                           "# Drawn with: gnuplot %s.gp (in the folder of timeline.csv)\n"
                           "# The x axis: seconds of the trace, or thousands of events.\n",
                           name);
    if (has_time(report))
        g_string_append(out, "x(dummy) = column(\"seconds\")\nset xlabel \"time in the trace, s\"\n"
                             "# x(dummy) = column(\"event\") / 1e3\n"
                             "# set xlabel \"events, thousands\"\n");
    else
        g_string_append(out, "x(dummy) = column(\"event\") / 1e3\n"
                             "set xlabel \"events, thousands\"\n");
    g_string_append(out, "MiB = 1048576.0\n"
                         "set encoding utf8\n"
                         "set datafile separator \",\"\n"
                         "set datafile missing \"nan\"\n"
                         "set border 3 lc rgb \"#444444\"\n"
                         "set tics nomirror out textcolor rgb \"#222222\"\n"
                         "set grid ytics lc rgb \"#dddddd\" lt 1 lw 0.6\n"
                         "set key autotitle columnheader\n"
                         "set xrange [*:*] noextend\n"
                         "set key outside right center Left reverse spacing 1.3 samplen 2 width -2\n");
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

/* What is stacked, from below. Free memory is left out: it tells how large a region was asked for. */
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
    begin_script(report, out, "occupancy", "Memory in use");
    g_string_append(out, "set ylabel \"MiB\"\nset yrange [0:*]\nset style fill solid noborder\n\n"
                         "# Each area reaches from the sum of the parts below it to its own sum.\n"
                         "sum0(dummy) = 0\n");
    for (guint i = 0; i < G_N_ELEMENTS(areas); i++) {
        if (!ever(report, areas[i].part))
            continue;
        g_string_append_printf(out, "sum%u(dummy) = sum%u(0) + column(\"%s\") / MiB\n", count + 1, count,
                               split_names[areas[i].part].key);
        shown[count++] = i;
    }
    begin_plot(out, "occupancy");
    for (guint i = count; i-- > 0;)
        g_string_append_printf(out,
                               "%s\"timeline.csv\" using (x(0)):(sum%u(0)):(sum%u(0)) with filledcurves "
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
    begin_script(report, out, "fragmentation", "External fragmentation: unusable free space index");
    g_string_append(out, "set ylabel \"free memory that a block of the order cannot use, part of all\"\n"
                         "set yrange [0:*<1]\n");
    begin_plot(out, "fragmentation");
    for (guint i = G_N_ELEMENTS(orders); i-- > 0;) {
        g_string_append_printf(out,
                               "%s\"timeline.csv\" using (x(0)):(column(\"unusable_%u\")) with lines "
                               "lw 1.6 lc rgb \"%s\" title \"order %u (",
                               i + 1 == G_N_ELEMENTS(orders) ? "" : ", \\\n     ", orders[i], colours[i],
                               orders[i]);
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

static void free_blocks(const struct report *report, GString *out)
{
    begin_script(report, out, "free-blocks", "Free blocks by order");
    g_string_append(out, "set ylabel \"free blocks\"\nset logscale y\nset format y \"%.0f\"\n"
                         "set yrange [0.8:*]\n");
    begin_plot(out, "free-blocks");
    for (guint order = 0; order < REPORT_ORDERS; order++) {
        g_string_append_printf(out,
                               "%s\"timeline.csv\" using (x(0)):(column(\"free_blocks_%u\")) with steps "
                               "lw 1.6 lc rgb \"%s\" title \"%2u (",
                               order == 0 ? "" : ", \\\n     ", order, viridis[order], order);
        append_order(report, order, out);
        g_string_append(out, ")\"");
    }
    end_script(out, "free-blocks");
}

static void remote_line(const struct report *report, guint column, GString *out)
{
    static const char *const colours[LINES_WITH_KEY] = {"#0072B2", "#D55E00", "#009E73", "#E69F00",
                                                        "#56B4E9", "#CC79A7", "#000000", "#999999"};
    const struct sampler *sampler = report->sampler;
    guint first, last;
    sampler_column(sampler, report->execution->cpus, column, &first, &last);
    g_string_append_printf(out, "%s\"timeline.csv\" using (x(0)):(column(\"remote_frees_cpu%u",
                           column == 0 ? "" : ", \\\n     ", first);
    if (last != first)
        g_string_append_printf(out, "_%u", last);
    g_string_append(out, "\") / 1e3) with lines ");
    if (sampler->columns <= LINES_WITH_KEY)
        g_string_append_printf(out, "lw 2 lc rgb \"%s\" title \"CPU %u\"", colours[column], first);
    else
        g_string_append_printf(out, "lw 1.2 lc palette cb %u notitle", first);
}

static void remote_frees(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    guint cpus = report->execution->cpus;
    begin_script(report, out, "remote-frees",
                 "Frees of what another CPU had allocated, by the CPU that frees");
    g_string_append(out, "set ylabel \"remote frees so far, thousands\"\nset yrange [0:*]\n");
    if (sampler->columns > LINES_WITH_KEY) {
        g_string_append(out, "set palette defined (");
        for (guint i = 0; i < G_N_ELEMENTS(viridis); i++)
            g_string_append_printf(out, "%s%u \"%s\"", i == 0 ? "" : ", ", i, viridis[i]);
        g_string_append_printf(out, ")\nset cbrange [0:%u]\nset cblabel \"%s\"\n", cpus - 1,
                               cpus > sampler->columns ? "first CPU of a group" : "CPU");
    }
    begin_plot(out, "remote-frees");
    for (guint column = 0; column < sampler->columns; column++)
        remote_line(report, column, out);
    end_script(out, "remote-frees");
}

const struct report_plot report_plots[] = {
    {"occupancy", occupancy},
    {"fragmentation", fragmentation},
    {"free-blocks", free_blocks},
    {"remote-frees", remote_frees},
};
const guint report_plot_count = G_N_ELEMENTS(report_plots);
