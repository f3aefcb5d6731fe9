/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of fragmentation: over the run, and over the size of the region. */
#include <math.h>

#include "../common/figures.h"
#include "plot.h"

static const guint orders[] = {2, 4, 6, 9};
static const char *const order_colours[] = {"#56B4E9", "#009E73", "#E69F00", "#D55E00"};

void view_plot_fragmentation(JsonObject *report, struct view_script *script)
{
    view_plot_over_events(view_count(report, "result.events"), script->settings);
    view_plot_title(report, script->settings, "External fragmentation: unusable free space index",
                    TRUE);
    g_string_append(script->settings,
                    "set ylabel \"part of free memory that the order cannot use\"\n"
                    "set yrange [0:*<1]\n");
    for (guint i = G_N_ELEMENTS(orders); i-- > 0;) {
        g_string_append_printf(script->plot,
                               "%s\"%s\" using (x(0)):(column(\"unusable_%u\")) with lines lw 1.6 "
                               "lc rgb \"%s\" title \"order %u (",
                               i + 1 == G_N_ELEMENTS(orders) ? "" : ", \\\n     ",
                               view_plot_timeline(report), orders[i], order_colours[i], orders[i]);
        view_plot_order(report, orders[i], script->plot);
        g_string_append(script->plot, ")\"");
    }
}

/* Where the smallest region lies, if that is within the picture. */
static void mark_smallest(JsonObject *report, GString *out)
{
    guint points = view_length(report, "curve.points");
    guint64 smallest = view_count(report, "smallest_region.smallest.region_bytes");
    guint64 most = view_count(view_row(report, "curve.points", points - 1), "region_bytes");
    if (smallest == 0 || smallest > most)
        return;
    g_string_append(out, "smallest = ");
    append_fixed(out, 0, (double)smallest / (double)view_count(report, "curve.peak_occupied_bytes"),
                 6);
    /* Left of the line there is room for its name. */
    g_string_append(
        out, "\nset xrange [smallest < 1 ? smallest - 0.05 : 0.95:*]\n"
             "set arrow from smallest, graph 0 to smallest, graph 1 nohead "
             "lc rgb \"#444444\" dt 2\n"
             "set label \"smallest region\" at smallest, graph 0.5 center rotate by 90 offset -1 "
             "textcolor rgb \"#444444\"\n");
}

void view_plot_curve(JsonObject *report, struct view_script *script)
{
    static const struct {
        const char *moment, *style, *title;
    } lines[] = {{"mean", "pt 7", "mean over events"}, {"drained", "pt 6 dt 2", "end, drained"}};
    GString *out = script->settings;
    g_string_append(out, "set xlabel \"region / most bytes of pages in use\"\n"
                         "set ylabel \"part of free memory that the order cannot use\"\n"
                         "set xrange [0.95:*]\nset yrange [0:*<1]\n");
    view_plot_title(report, out, "External fragmentation over the size of the region", FALSE);
    mark_smallest(report, out);
    for (guint i = G_N_ELEMENTS(orders); i-- > 0;) {
        for (guint k = 0; k < G_N_ELEMENTS(lines); k++)
            g_string_append_printf(
                script->plot,
                "%s\"curve.csv\" using (column(\"factor\")):(column(\"unusable_%s_%u\")) with "
                "linespoints %s lw 1.6 lc rgb \"%s\" title \"order %u, %s\"",
                i + 1 == G_N_ELEMENTS(orders) && k == 0 ? "" : ", \\\n     ", lines[k].moment,
                orders[i], lines[k].style, order_colours[i], orders[i], lines[k].title);
    }
}

static gboolean has_orders(JsonObject *report, const char *path)
{
    for (guint i = 0; i < view_length(report, "curve.points"); i++) {
        for (guint order = 0; order < view_length(view_row(report, "curve.points", i), path);
             order++) {
            if (isfinite(view_ratio_at(view_row(report, "curve.points", i), path, order)))
                return TRUE;
        }
    }
    return FALSE;
}

/* All orders at one moment; the key stands once, beside the panels. */
static void orders_panel(JsonObject *report, const char *title, const char *path,
                         const char *column, gboolean key, GString *out)
{
    guint count = view_length(report, "end.unusable_free_space_index");
    if (!has_orders(report, path))
        return;
    g_string_append_printf(out, "set title \"%s\"\n", title);
    g_string_append(out, key ? "set key at screen 0.995, graph 1 right top samplen 1 "
                               "font \",10\" title \"order\"\n"
                             : "unset key\n");
    g_string_append(out, "plot ");
    for (guint order = 0; order < count; order++) {
        g_string_append_printf(
            out,
            "%s\"curve.csv\" using (column(\"factor\")):(column(\"%s_%u\")) with "
            "linespoints pt 7 ps 0.5 lw 1.4 ",
            order == 0 ? "" : ", \\\n     ", column, order);
        view_plot_colour(out, order, count);
        g_string_append_printf(out, " title \"%u\"", order);
    }
    g_string_append(out, "\n");
}

struct measure {
    const char *column, *title;
};

static void measures_panel(const char *title, const struct measure *measures, guint count,
                           GString *out)
{
    g_string_append_printf(out, "set title \"%s\"\n", title);
    g_string_append(out, "set key inside right top notitle samplen 1 spacing 1 font \",9\"\n"
                         "set offsets 0, 0, graph 0.6, 0 # room for the key\nplot ");
    for (guint i = 0; i < count; i++) {
        g_string_append_printf(out,
                               "%s\"curve.csv\" using (column(\"factor\")):(column(\"%s\")) with "
                               "linespoints pt 7 ps 0.5 lw 1.4 ",
                               i == 0 ? "" : ", \\\n     ", measures[i].column);
        view_plot_colour(out, i, count);
        g_string_append_printf(out, " title \"%s\"", measures[i].title);
    }
    g_string_append(out, "\n");
}

/* Where a figure is the same in all regions, its panel has a range nevertheless. */
void view_plot_curve_measures(JsonObject *report, struct view_script *script)
{
    static const struct measure largest[] = {{"largest_mean", "mean over events"},
                                             {"largest_peak", "at the peak"},
                                             {"largest_end", "at the end"},
                                             {"largest_drained", "end, drained"}};
    static const struct measure heaps[] = {{"pages_average", "1 average"},
                                           {"pages_maximum_live", "2 at most live"},
                                           {"pages_maximum_heap", "3 at largest heap"},
                                           {"pages_maximum_maximum", "4 maximum / maximum"}};
    static const struct measure spans[] = {{"addresses_average", "1 average"},
                                           {"addresses_maximum_live", "2 at most live"},
                                           {"addresses_maximum_heap", "3 at largest heap"},
                                           {"addresses_maximum_maximum", "4 maximum / maximum"}};
    static const struct measure internal[] = {{"internal_cumulative", "all allocations"},
                                              {"internal_peak", "at the peak"},
                                              {"internal_end", "at the end"},
                                              {"internal_events", "over events"},
                                              {"internal_bytes", "over bytes allocated"}};
    GString *out = script->panels;
    view_plot_palette(script->settings, TRUE);
    g_string_append(script->settings, "unset colorbox\nset xrange [0.95:2.05]\nset xtics 0.25\n"
                                      "set tics font \",9\"\nset yrange [0:0.01<*]\n");
    g_string_append(out, "set multiplot layout 2,4 margins 0.045,0.915,0.06,0.84 "
                         "spacing 0.04,0.12 title ");
    view_plot_title_text(
        report, out, "Measures of fragmentation over region / most bytes of pages in use", FALSE);
    g_string_append_c(out, '\n');
    orders_panel(report, "unusable index, mean", "mean.unusable_free_space_index", "unusable_mean",
                 TRUE, out);
    orders_panel(report, "unusable index, at the peak", "peak.unusable_free_space_index",
                 "unusable_peak", FALSE, out);
    orders_panel(report, "unusable index, end, drained", "end_drained.unusable_free_space_index",
                 "unusable_drained", FALSE, out);
    orders_panel(report, "fragmentation index, at the peak", "peak.fragmentation_index",
                 "fragmentation_peak", FALSE, out);
    measures_panel("largest free block / free", largest, G_N_ELEMENTS(largest), out);
    measures_panel("heap / live bytes, pages", heaps, G_N_ELEMENTS(heaps), out);
    measures_panel("heap / live bytes, addresses", spans, G_N_ELEMENTS(spans), out);
    measures_panel("internal fragmentation", internal, G_N_ELEMENTS(internal), out);
}
