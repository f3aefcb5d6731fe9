/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: where the bytes are, and the two kinds of fragmentation. */
#include "../common/figures.h"
#include "parts.h"
#include "text.h"

static double share(guint64 part, guint64 whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

static void split_row(GString *out, const char *title, guint64 at_peak, guint64 at_end,
                      guint64 regions)
{
    g_string_append_printf(out, "%-24s%15" G_GUINT64_FORMAT " ", title, at_peak);
    append_fixed(out, 7, share(at_peak, regions), 2);
    g_string_append_printf(out, " %%%18" G_GUINT64_FORMAT " ", at_end);
    append_fixed(out, 7, share(at_end, regions), 2);
    g_string_append(out, " %\n");
}

static void split_table(JsonObject *report, GString *out)
{
    JsonObject *peak = view_object(report, "peak.split"), *end = view_object(report, "end.split");
    guint64 regions = view_count(report, "end.region_bytes");
    guint64 sum_peak = 0, sum_end = 0;
    append_heading(out, "Where the bytes are");
    g_string_append_printf(out, "%-24s%15s%26s\n", "", "at peak, bytes", "at the end, bytes");
    for (guint i = 0; i < view_part_count; i++) {
        guint64 a = view_count(peak, view_parts[i].key), b = view_count(end, view_parts[i].key);
        split_row(out, view_parts[i].title, a, b, regions);
        sum_peak += a;
        sum_end += b;
    }
    split_row(out, "all regions", sum_peak, sum_end, regions);
    g_string_append_printf(out, "\nPeak: %s event %" G_GUINT64_FORMAT ".\n",
                           view_flag(report, "peak_is_exact")
                               ? "most bytes requested, after"
                               : "the sample with most bytes requested, at",
                           view_count(report, "peak.event"));
    for (guint i = 0; i < view_part_count; i++)
        g_string_append_printf(out, "  %-23s %s\n", view_parts[i].title,
                               view_text(view_object(report, "formulas"), view_parts[i].key));
    g_string_append(out,
                    "The parts add up to the regions exactly; the replay ends with an error where\n"
                    "they do not.\n");
}

static void reading(GString *out, const char *name, double value, const char *formula)
{
    g_string_append_printf(out, "%-22s", name);
    append_fixed(out, 7, value, 4);
    g_string_append_printf(out, "  %s\n", formula);
}

static void beside_row(JsonObject *report, GString *out, const char *name, const char *key)
{
    g_string_append_printf(out, "%-22s", name);
    append_fixed(out, 7, view_ratio(view_object(report, "recorded_sizes.here"), key), 4);
    append_fixed(out, 12,
                 view_ratio(view_object(report, "recorded_sizes.internal_fragmentation"), key), 4);
    g_string_append_c(out, '\n');
}

/* Objects alone, as a recorded allocator rounds no page block either. */
static void recorded(JsonObject *report, GString *out)
{
    if (!view_has(report, "recorded_sizes"))
        return;
    g_string_append_printf(out, "\n%-22s%7s%12s\n", "objects, no pages", "here", "recorded");
    beside_row(report, out, "cumulative", "cumulative");
    beside_row(report, out, "live at the end", "live_at_end");
    beside_row(report, out, "live at peak", "live_at_peak");
    g_string_append_printf(out,
                           "recorded: of %" G_GUINT64_FORMAT
                           " allocations, by the bytes that the trace says were given.\n",
                           view_count(report, "recorded_sizes.all.objects"));
}

static void internal(JsonObject *report, GString *out)
{
    JsonObject *all = view_object(report, "internal_fragmentation");
    append_heading(out, "Internal fragmentation: (given - requested) / given");
    reading(out, "cumulative", view_ratio(all, "cumulative"), "sums over all allocations made");
    reading(out, "live at the end", view_ratio(all, "live_at_end"),
            "sums over what is live after the last event");
    reading(out, "live at peak", view_ratio(all, "live_at_peak"),
            "sums over what is live when most is requested");
    reading(out, "over time, events", view_ratio(all, "over_events"),
            "live bytes summed after every event");
    reading(out, "over time, bytes", view_ratio(all, "over_bytes_allocated"),
            "the same, an event weighs the bytes it asks for");
    g_string_append(out, "given = object size of the class or cache, or whole pages.\n");
    recorded(report, out);
}

static void ratio_row(JsonObject *report, GString *out, const char *name, const char *key,
                      const char *formula)
{
    g_string_append_printf(out, "%-24s", name);
    append_fixed(out, 9, view_ratio(view_object(report, "heap_over_live.pages"), key), 3);
    append_fixed(out, 11, view_ratio(view_object(report, "heap_over_live.addresses"), key), 3);
    g_string_append_printf(out, "  %s\n", formula);
}

static void heap_over_live(JsonObject *report, GString *out)
{
    append_heading(out, "Heap over live bytes (Wilson and Johnstone's four ratios)");
    g_string_append_printf(out, "%-24s%9s%11s\n", "", "pages", "addresses");
    ratio_row(report, out, "1 average", "average", "mean of H / L over events, L > 0");
    ratio_row(report, out, "2 at maximum live", "at_maximum_live", "H / L when L is largest");
    ratio_row(report, out, "3 at maximum heap", "at_maximum_heap", "H / L when H is largest");
    ratio_row(report, out, "4 maximum over maximum", "maximum_over_maximum", "max H / max L");
    ratio_row(report, out, "  means", "of_means", "mean H / mean L (byte-time)");
    g_string_append(
        out, "L = requested live bytes. H = bytes of pages in use, or the distance from the\n"
             "lowest to the highest address handed out so far, added up over regions. The\n"
             "first events, with next to nothing live, weigh heavily in ratio 1.\n");
}

void view_text_memory(JsonObject *report, GString *out)
{
    split_table(report, out);
    internal(report, out);
    heap_over_live(report, out);
}

static const char *const moments[] = {"peak", "end", "end_drained"};

static void order_row(JsonObject *const moment[], guint order, GString *out)
{
    static const int blocks[] = {9, 8, 8};
    g_string_append_printf(out, "%5u", order);
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++)
        g_string_append_printf(out, "%*" G_GUINT64_FORMAT, blocks[i],
                               view_count_at(moment[i], "free_blocks", order));
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++)
        append_fixed(out, blocks[i], view_ratio_at(moment[i], "unusable_free_space_index", order),
                     3);
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++)
        append_fixed(out, blocks[i], view_ratio_at(moment[i], "fragmentation_index", order), 3);
    g_string_append_c(out, '\n');
}

/* Free blocks of the orders that have no row. */
static void more_row(JsonObject *const moment[], guint orders, GString *out)
{
    static const int blocks[] = {9, 8, 8};
    g_string_append_printf(out, "%5s", "more");
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        guint64 above = 0;
        for (guint order = orders; order < view_length(moment[i], "free_blocks"); order++)
            above += view_count_at(moment[i], "free_blocks", order);
        g_string_append_printf(out, "%*" G_GUINT64_FORMAT, blocks[i], above);
    }
    g_string_append_c(out, '\n');
}

static void summary_rows(JsonObject *const moment[], GString *out)
{
    static const char *const names[] = {"at peak", "at the end", "drained"};
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_string_append_printf(
            out, "%-11s F = %8" G_GUINT64_FORMAT " pages, largest free block / F = ", names[i],
            view_count(moment[i], "free_pages"));
        append_fixed(out, 0, view_ratio(moment[i], "largest_free_share"), 3);
        g_string_append_c(out, '\n');
    }
}

static void mean_row(JsonObject *report, GString *out)
{
    static const guint orders[] = {2, 4, 6, 9};
    g_string_append(out, "unusable, mean over events");
    for (guint i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_string_append_printf(out, ", %s%u: ", i == 0 ? "order " : "", orders[i]);
        append_fixed(
            out, 0, view_ratio_at(report, "timeline.mean.unusable_free_space_index", orders[i]), 3);
    }
    g_string_append_c(out, '\n');
}

void view_text_external(JsonObject *report, GString *out)
{
    JsonObject *moment[G_N_ELEMENTS(moments)];
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++)
        moment[i] = view_object(report, moments[i]);
    guint orders = view_length(moment[0], "unusable_free_space_index");
    append_heading(out, "External fragmentation");
    g_string_append_printf(out, "%5s%25s%25s%25s\n", "", "free blocks     ", "unusable free space ",
                           "fragmentation index ");
    g_string_append_printf(out, "%5s%9s%8s%8s%9s%8s%8s%9s%8s%8s\n", "order", "peak", "end",
                           "drained", "peak", "end", "drained", "peak", "end", "drained");
    for (guint order = 0; order < orders; order++)
        order_row(moment, order, out);
    more_row(moment, orders, out);
    summary_rows(moment, out);
    mean_row(report, out);
    g_string_append(
        out, "Drained: after the magazines and page lists of all CPUs were sent home.\n"
             "F = pages in free blocks, n_o = free blocks of order o, B = sum of n_o,\n"
             "S_j = sum over o >= j of n_o 2^(o-j).\n"
             "unusable free space index = (F - S_j 2^j) / F; F = 0 gives 1\n"
             "fragmentation index       = 1 - (1 + F / 2^j) / B where order j would fail,\n"
             "towards 0 for lack of memory, towards 1 for fragmentation; '-' where it would\n"
             "succeed\n");
}
