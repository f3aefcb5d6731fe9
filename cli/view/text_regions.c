/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: the smallest region, and the figures over the size of the region. */
#include "../common/figures.h"
#include "text.h"

static void line(GString *out, const char *name, guint64 bytes)
{
    g_string_append_printf(out, "%-24s%14" G_GUINT64_FORMAT " bytes", name, bytes);
}

static void times(GString *out, guint64 part, guint64 whole, const char *of)
{
    g_string_append(out, " = ");
    append_fixed(out, 0, (double)part / (double)whole, 4);
    g_string_append_printf(out, " x %s\n", of);
}

static void smallest(JsonObject *report, GString *out)
{
    JsonObject *found = view_object(report, "smallest_region.smallest");
    JsonObject *below = view_object(report, "smallest_region.one_page_less");
    guint64 bytes = view_count(found, "region_bytes");
    guint64 ample = view_count(report, "smallest_region.ample.peak_occupied_bytes");
    append_heading(out, "The smallest region");
    line(out, "smallest region", bytes);
    times(out, bytes, ample, "peak pages in use");
    g_string_append_printf(out, "%44s", "");
    times(out, bytes, view_count(report, "trace.peak_live_bytes"), "peak requested");
    line(out, "  metadata of it", bytes - view_count(found, "managed"));
    g_string_append_c(out, '\n');
    line(out, "  most pages in use", view_count(found, "peak_occupied_bytes"));
    g_string_append(out, ", CPU state included\n");
    line(out, "one page less", view_count(below, "region_bytes"));
    if (view_count(below, "failed_event") != 0)
        g_string_append_printf(out, ": event %" G_GUINT64_FORMAT " fails\n",
                               view_count(below, "failed_event"));
    else
        g_string_append(out, ": too small from the start\n");
    line(out, "peak pages in use", ample);
    g_string_append(out, " where memory is ample\n");
    g_string_append_printf(out,
                           "By bisection, %" G_GUINT64_FORMAT
                           " replays: enough, and one page less is not. Placement "
                           "does not\npromise that what runs in a region runs in all larger ones; "
                           "a smaller one\nthat is enough by chance may exist.\n",
                           view_count(report, "smallest_region.replays"));
}

static void unusable_row(JsonObject *point, GString *out)
{
    static const guint orders[] = {2, 4, 6, 9};
    append_fixed(out, 6, view_ratio(point, "factor"), 2);
    g_string_append_printf(out, "%14" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT,
                           view_count(point, "region_bytes"), view_count(point, "failed"));
    if (!view_has(point, "managed")) {
        g_string_append(out, "  too small to start\n");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(orders); i++)
        append_fixed(out, 7, view_ratio_at(point, "mean.unusable_free_space_index", orders[i]), 3);
    append_fixed(out, 8, view_ratio_at(point, "peak.unusable_free_space_index", 9), 3);
    append_fixed(out, 8, view_ratio_at(point, "end.unusable_free_space_index", 9), 3);
    append_fixed(out, 8, view_ratio_at(point, "end_drained.unusable_free_space_index", 9), 3);
    g_string_append_c(out, '\n');
}

static void heap_row(JsonObject *point, GString *out)
{
    if (!view_has(point, "managed"))
        return;
    append_fixed(out, 6, view_ratio(point, "factor"), 2);
    append_fixed(out, 12, view_ratio(point, "internal_fragmentation.over_events"), 4);
    append_fixed(out, 12, view_ratio(point, "internal_fragmentation.live_at_peak"), 4);
    append_fixed(out, 13, view_ratio(point, "heap_over_live.pages.maximum_over_maximum"), 3);
    append_fixed(out, 11, view_ratio(point, "heap_over_live.addresses.maximum_over_maximum"), 3);
    append_fixed(out, 13, view_ratio(point, "mean.largest_free_share"), 3);
    append_fixed(out, 11, view_ratio(point, "end_drained.largest_free_share"), 3);
    g_string_append_c(out, '\n');
}

static void curve(JsonObject *report, GString *out)
{
    guint points = view_length(report, "curve.points");
    append_heading(out, "Fragmentation over the size of the region");
    g_string_append(out, "                            unusable free space index\n"
                         "                              mean over events, order"
                         "          order 9\n"
                         "factor        region  failed      2      4      6      9    peak"
                         "     end drained\n");
    for (guint i = 0; i < points; i++)
        unusable_row(view_row(report, "curve.points", i), out);
    g_string_append(out, "\n      internal fragmentation   max heap / max live"
                         "   largest free block / F\n"
                         "factor  over time     at peak        pages  addresses"
                         "         mean    drained\n");
    for (guint i = 0; i < points; i++)
        heap_row(view_row(report, "curve.points", i), out);
    g_string_append_printf(out,
                           "factor = region / %" G_GUINT64_FORMAT
                           " bytes, the most pages in use where memory is\nample. Metadata comes "
                           "out of the region. curve.csv has the rest.\n",
                           view_count(report, "curve.peak_occupied_bytes"));
}

void view_text_regions(JsonObject *report, GString *out)
{
    if (view_has(report, "smallest_region"))
        smallest(report, out);
    if (view_has(report, "curve"))
        curve(report, out);
}
