/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of memory over the run: what it is used for, and how free memory is cut up. */
#include "../common/figures.h"
#include "parts.h"
#include "plot.h"

/* The top of the stack is drawn first, so that the legend is in the order of the picture. */
void view_plot_occupancy(JsonObject *report, struct view_script *script)
{
    JsonObject *most = view_object(report, "timeline.maximum");
    GString *out = script->settings;
    guint shown[16], count = 0;
    view_plot_over_events(view_count(report, "result.events"), out);
    view_plot_title(report, out, "Memory in use", TRUE);
    g_string_append(out, "set ylabel \"MiB\"\nset yrange [0:*]\nset style fill solid noborder\n\n"
                         "# Each area reaches from the sum of the parts below it to its own sum.\n"
                         "sum0(dummy) = 0\n");
    for (guint i = 0; i < view_part_count; i++) {
        if (view_parts[i].colour == NULL || view_count(most, view_parts[i].key) == 0)
            continue;
        g_string_append_printf(out, "sum%u(dummy) = sum%u(0) + column(\"%s\") / MiB\n", count + 1,
                               count, view_parts[i].key);
        shown[count++] = i;
    }
    for (guint i = count; i-- > 0;)
        g_string_append_printf(
            script->plot,
            "\"%s\" using (x(0)):(sum%u(0)):(sum%u(0)) with filledcurves lc rgb \"%s\" "
            "title \"%s\", \\\n     ",
            view_plot_timeline(report), i, i + 1, view_parts[shown[i]].colour,
            view_parts[shown[i]].title);
    g_string_append_printf(
        script->plot,
        "\"%s\" using (x(0)):(column(\"requested_max\") / MiB) with lines lw 0.8 "
        "lc rgb \"#003A5C\" title \"requested, most at once\"",
        view_plot_timeline(report));
}

/* A band per order, coloured by the logarithm of the count; no colour where there is none. */
void view_plot_free_blocks(JsonObject *report, struct view_script *script)
{
    GString *out = script->settings;
    guint count = (guint)view_count(report, "timeline.maximum.free_block_order") + 1;
    view_plot_over_events(view_count(report, "result.events"), out);
    view_plot_title(report, out, "Free blocks by order, most in each interval", TRUE);
    g_string_append_printf(out,
                           "set ylabel \"order (bytes of a block)\"\n"
                           "set yrange [-0.5:%u.5]\nunset grid\nset ytics (",
                           count - 1);
    for (guint order = 0; order < count; order++) {
        g_string_append_printf(out, "%s\"%u (", order == 0 ? "" : ", ", order);
        view_plot_order(report, order, out);
        g_string_append_printf(out, ")\" %u", order);
    }
    g_string_append(out, ")\nset cblabel \"free blocks (none: white)\"\nset logscale cb\n"
                         "set format cb \"%.0f\"\n");
    view_plot_palette(out, FALSE); /* next to white, few are light and many dark */
    g_string_append_printf(out,
                           "set cbrange [1:%" G_GUINT64_FORMAT "]\nset style fill solid noborder\n"
                           "count(n) = n > 0 ? n : NaN\nto = 0\n",
                           MAX(view_count(report, "timeline.maximum.free_blocks"), 10));
    /* Each row is a box that reaches back to the row before it, and a little further to hide the
     * seam. */
    for (guint order = 0; order < count; order++)
        g_string_append_printf(
            script->plot,
            "%sto = 0, \"free-blocks.csv\" using (from = to, to = x(0)):(%u):"
            "(from-0.5*(to-from)):(to):(%u-0.46):(%u+0.46):(count(column(\"order_%u\"))) "
            "with boxxyerror lc palette notitle",
            order == 0 ? "" : ", \\\n     ", order, order, order, order);
}

/* States as page-map.csv numbers them. */
static const struct {
    const char *colour, *title;
} states[] = {
    {"#ffffff", "free"},
    {"#dddddd", "pages, at most 1/4 in use"},
    {"#F9E0A8", "slabs, at most 1/4 live"},
    {"#F0BE55", "slabs, at most 1/2 live"},
    {"#E69F00", "slabs, at most 3/4 live"},
    {"#9C5F00", "slabs, more live"},
    {"#0072B2", "page blocks"},
    {"#CC79A7", "records, CPU state"},
    {"#009E73", "CPUs' page lists"},
};

void view_plot_page_map(JsonObject *report, struct view_script *script)
{
    GString *out = script->settings;
    guint64 columns = view_count(report, "page_map.columns");
    guint64 row_bytes = view_count(report, "page_map.row_bytes");
    gboolean above = view_count(report, "page_map.rows") * row_bytes <
                     view_count(report, "replay.region_bytes_used");
    gboolean thousands = view_count(report, "result.events") >= 20000;
    view_plot_title(report, out, "What the pages are used for", TRUE);
    g_string_append_printf(
        out,
        "set xlabel \"events%s\"\nset ylabel \"address in the regions, MiB%s\"\n"
        "dx = %" G_GUINT64_FORMAT " / %" G_GUINT64_FORMAT ".0%s # events of a column\n"
        "dy = %" G_GUINT64_FORMAT " / 1048576.0 # bytes of a row\n"
        "set autoscale xfix\nset autoscale yfix\nunset grid\nunset colorbox\nunset key\n"
        "set key autotitle columnheader outside right center Left reverse spacing 1.3 samplen 1\n"
        "set palette maxcolors %u defined (",
        thousands ? ", thousands" : "", above ? ", all above is free" : "",
        view_count(report, "page_map.events"), MAX(columns - 1, 1), thousands ? " / 1e3" : "",
        row_bytes, (guint)G_N_ELEMENTS(states));
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        g_string_append_printf(out, "%s%u \"%s\"", i == 0 ? "" : ", ", i, states[i].colour);
    g_string_append_printf(out, ")\nset cbrange [-0.5:%u.5]\n", (guint)G_N_ELEMENTS(states) - 1);
    g_string_append(script->plot, "\"page-map.csv\" matrix using ($1*dx):($2*dy):3 with image "
                                  "notitle");
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        g_string_append_printf(script->plot,
                               ", \\\n     keyentry with points pt %u ps 2 lc rgb \"%s\" "
                               "title \"%s\"",
                               i == 0 ? 4 : 5, i == 0 ? "#999999" : states[i].colour,
                               states[i].title); /* white: a square's outline */
}
