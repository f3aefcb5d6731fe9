/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: the smallest region, and the figures over the size of the region. */
#include "report.h"

static void line(GString *out, const char *name, guint64 bytes)
{
    g_string_append_printf(out, "%-24s%14" G_GUINT64_FORMAT " bytes", name, bytes);
}

static void times(GString *out, guint64 part, guint64 whole, const char *of)
{
    g_string_append(out, " = ");
    append_fixed(out, 0, ratio((double)part, (double)whole), 4);
    g_string_append_printf(out, " x %s\n", of);
}

static void smallest(const struct report *report, GString *out)
{
    const struct replay_minimum *minimum = report->minimum;
    const struct replay_trial *found = &minimum->smallest;
    append_heading(out, "The smallest region");
    line(out, "smallest region", found->region_bytes);
    times(out, found->region_bytes, minimum->ample.peak_occupied, "peak pages in use");
    g_string_append_printf(out, "%44s", "");
    times(out, found->region_bytes, report->summary->peak_live_bytes, "peak requested");
    line(out, "  metadata of it", found->region_bytes - found->managed);
    g_string_append_c(out, '\n');
    line(out, "  most pages in use", found->peak_occupied);
    g_string_append(out, ", CPU state included\n");
    line(out, "one page less", minimum->below.region_bytes);
    if (minimum->below.failed_event != 0)
        g_string_append_printf(out, ": event %" G_GUINT64_FORMAT " fails\n",
                               minimum->below.failed_event);
    else
        g_string_append(out, ": too small from the start\n");
    line(out, "peak pages in use", minimum->ample.peak_occupied);
    g_string_append(out, " where memory is ample\n");
    g_string_append_printf(out,
                           "By bisection, %u replays: enough, and one page less is not. Placement "
                           "does not\npromise that what runs in a region runs in all larger ones; "
                           "a smaller one\nthat is enough by chance may exist.\n",
                           minimum->trials);
}

static void unusable_row(const struct curve_point *point, GString *out)
{
    static const guint orders[] = {2, 4, 6, 9};
    append_fixed(out, 6, point->percent / 100.0, 2);
    g_string_append_printf(out, "%14" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT, point->region_bytes,
                           point->failed);
    if (!point->started) {
        g_string_append(out, "  too small to start\n");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(orders); i++)
        append_fixed(out, 7, point->mean.unusable[orders[i]], 3);
    append_fixed(out, 8, point->peak.unusable[9], 3);
    append_fixed(out, 8, point->end.unusable[9], 3);
    append_fixed(out, 8, point->drained.unusable[9], 3);
    g_string_append_c(out, '\n');
}

static void heap_row(const struct curve_point *point, GString *out)
{
    if (!point->started)
        return;
    append_fixed(out, 6, point->percent / 100.0, 2);
    append_fixed(out, 12, point->internal.over_events, 4);
    append_fixed(out, 12, point->internal.at_peak, 4);
    append_fixed(out, 13, point->pages.max_over_max, 3);
    append_fixed(out, 11, point->addresses.max_over_max, 3);
    append_fixed(out, 13, point->mean.largest_free_share, 3);
    append_fixed(out, 11, point->drained.largest_free_share, 3);
    g_string_append_c(out, '\n');
}

static void curve(const struct report *report, GString *out)
{
    const struct curve *curve = report->curve;
    append_heading(out, "Fragmentation over the size of the region");
    g_string_append(out, "                            unusable free space index\n"
                         "                              mean over events, order"
                         "          order 9\n"
                         "factor        region  failed      2      4      6      9    peak"
                         "     end drained\n");
    for (guint i = 0; i < curve->count; i++)
        unusable_row(&curve->point[i], out);
    g_string_append(out, "\n      internal fragmentation   max heap / max live"
                         "   largest free block / F\n"
                         "factor  over time     at peak        pages  addresses"
                         "         mean    drained\n");
    for (guint i = 0; i < curve->count; i++)
        heap_row(&curve->point[i], out);
    g_string_append_printf(out,
                           "factor = region / %" G_GUINT64_FORMAT
                           " bytes, the most pages in use where memory is\nample. Metadata comes "
                           "out of the region. curve.csv has the rest.\n",
                           curve->base);
}

void report_text_regions(const struct report *report, GString *out)
{
    if (report->minimum->searched)
        smallest(report, out);
    if (report->curve->count > 0)
        curve(report, out);
}
