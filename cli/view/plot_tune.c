/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a tuning: what tables waste, and what replays with them took, by their number of
 * classes. */
#include "../common/figures.h"
#include "plot.h"

#define SHOWN_WHOLE 5u /* classes, and more */

/* Tables of very few classes would leave no room for the others: they are cut off. In percent. */
static double top_of(JsonObject *tune)
{
    guint64 requested = 0;
    double top = 0.0;
    for (guint i = 0; i < view_length(tune, "traces"); i++) {
        JsonObject *trace = view_row(tune, "traces", i), *first = view_row(trace, "tables", 0);
        if (view_flag(trace, "check"))
            continue;
        requested += view_count(trace, "peak_requested");
        top = MAX(top, view_ratio(first, "waste_over_requested"));
    }
    for (guint i = 0; i < view_length(tune, "by_classes"); i++) {
        JsonObject *row = view_row(tune, "by_classes", i);
        double beyond = (double)view_count(row, "peak_occupied") / (double)MAX(requested, 1) - 1.0;
        if (view_count(row, "classes") >= SHOWN_WHOLE)
            top = MAX(top, MAX(beyond, view_ratio(row, "waste_over_requested")));
    }
    return 120.0 * top;
}

/* The best tables, and those of the library, with their names in the plot of waste: in that of
 * pages they would lie over each other. */
static void series(GString *out, const char *value, const char *colour, const char *style,
                   const char *title, guint point, gboolean named)
{
    g_string_append_printf(out,
                           "\"tune.csv\" using (column(\"classes\")):(best(%s)) with %s lc rgb "
                           "\"%s\" title \"%s\", \\\n     "
                           "\"tune.csv\" using (column(\"classes\")):(other(%s))",
                           value, style, colour, title, value);
    if (named)
        g_string_append_printf(out,
                               ":(strcol(\"table\")) with labels rotate by 40 offset 0.4,0.6 left "
                               "tc rgb \"%s\" point",
                               colour);
    else
        g_string_append(out, " with points");
    g_string_append_printf(
        out, " pt %u ps 1.2 lc rgb \"%s\" title \"the same, the library's tables\"", point, colour);
}

void view_plot_tune(JsonObject *tune, struct view_script *script)
{
    guint traces = 0;
    const char *name = "";
    for (guint i = 0; i < view_length(tune, "traces"); i++) {
        JsonObject *trace = view_row(tune, "traces", i);
        if (view_flag(trace, "check"))
            continue;
        name = traces++ == 0 ? view_text(trace, "name") : name;
    }
    g_string_append(script->settings,
                    "set title \"{/:Bold Size classes: waste over their number}\\n");
    view_quote(script->settings, name);
    if (traces > 1)
        g_string_append_printf(script->settings, " and %u more", traces - 1);
    g_string_append(script->settings,
                    "\"\nset xlabel \"size classes\"\n"
                    "set ylabel \"% beyond what is asked for\"\n"
                    "set logscale x 2\nset xrange [0.9:72]\n"
                    "set xtics (1, 2, 3, 4, 6, 9, 12, 16, 20, 28, 40, 64)\n"

                    "waste = \"waste_over_requested\"\n"
                    "peak = \"peak_occupied_over_requested\"\n"
                    "best(value) = strcol(\"table\") eq \"best\" ? value : NaN\n"
                    "other(value) = strcol(\"table\") eq \"best\" ? NaN : value\n");
    g_string_append(script->settings, "set yrange [0:");
    append_fixed(script->settings, 0, MAX(top_of(tune), 1.0), 1);
    g_string_append(script->settings, "]\n");
    series(script->plot, "100 * column(waste)", "#0072B2", "lines lw 2",
           "waste of objects up to 8 KiB", 7, TRUE);
    g_string_append(script->plot, ", \\\n     ");
    series(script->plot, "100 * (column(peak) - 1)", "#D55E00", "points pt 5 ps 1.2",
           "pages in use at peak", 4, FALSE);
}
