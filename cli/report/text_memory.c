/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: where the bytes are, and the two kinds of fragmentation. */
#include <math.h>

#include "report.h"

static void split_row(GString *out, const char *title, guint64 at_peak, guint64 at_end,
                      guint64 regions)
{
    g_string_append_printf(out, "%-24s%15" G_GUINT64_FORMAT " ", title, at_peak);
    append_fixed(out, 7, 100.0 * ratio((double)at_peak, (double)regions), 2);
    g_string_append_printf(out, " %%%18" G_GUINT64_FORMAT " ", at_end);
    append_fixed(out, 7, 100.0 * ratio((double)at_end, (double)regions), 2);
    g_string_append(out, " %\n");
}

static void split_table(const struct report *report, GString *out)
{
    const struct moment *peak = &report->sampler->peak, *end = &report->sampler->end;
    append_heading(out, "Where the bytes are");
    g_string_append_printf(out, "%-24s%15s%26s\n", "", "at peak, bytes", "at the end, bytes");
    guint64 sum_peak = 0, sum_end = 0;
    for (guint i = 0; i < SPLIT_PARTS; i++) {
        guint64 a = peak->sample.split.part[i], b = end->sample.split.part[i];
        split_row(out, split_names[i].title, a, b, end->snapshot.region_bytes);
        sum_peak += a;
        sum_end += b;
    }
    split_row(out, "all regions", sum_peak, sum_end, end->snapshot.region_bytes);
    g_string_append_printf(out, "\nPeak: %s event %" G_GUINT64_FORMAT ".\n",
                           report->sampler->peak_exact ? "most bytes requested, after"
                                                       : "the sample with most bytes requested, at",
                           peak->sample.event);
    for (guint i = 0; i < SPLIT_PARTS; i++)
        g_string_append_printf(out, "  %-23s %s\n", split_names[i].title, split_names[i].formula);
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

static void internal(const struct report *report, GString *out)
{
    struct internal_fragmentation all = internal_fragmentation(&report->execution->account);
    append_heading(out, "Internal fragmentation: (given - requested) / given");
    reading(out, "cumulative", all.cumulative, "sums over all allocations made");
    reading(out, "live at the end", all.at_end, "sums over what is live after the last event");
    reading(out, "live at peak", all.at_peak, "sums over what is live when most is requested");
    reading(out, "over time, events", all.over_events, "live bytes summed after every event");
    reading(out, "over time, bytes", all.over_bytes,
            "the same, an event weighs the bytes it asks for");
    g_string_append(out, "given = object size of the class, or whole pages.\n");
}

static void ratio_row(GString *out, const char *name, double pages, double span,
                      const char *formula)
{
    g_string_append_printf(out, "%-24s", name);
    append_fixed(out, 9, pages, 3);
    append_fixed(out, 11, span, 3);
    g_string_append_printf(out, "  %s\n", formula);
}

static void heap_over_live(const struct report *report, GString *out)
{
    const struct replay_account *account = &report->execution->account;
    struct heap_ratios pages = heap_ratios(account, &account->occupied);
    struct heap_ratios span = heap_ratios(account, &account->span);
    append_heading(out, "Heap over live bytes (Wilson and Johnstone's four ratios)");
    g_string_append_printf(out, "%-24s%9s%11s\n", "", "pages", "addresses");
    ratio_row(out, "1 average", pages.average, span.average, "mean of H / L over events, L > 0");
    ratio_row(out, "2 at maximum live", pages.at_max_live, span.at_max_live,
              "H / L when L is largest");
    ratio_row(out, "3 at maximum heap", pages.at_max_heap, span.at_max_heap,
              "H / L when H is largest");
    ratio_row(out, "4 maximum over maximum", pages.max_over_max, span.max_over_max,
              "max H / max L");
    ratio_row(out, "  means", pages.of_means, span.of_means, "mean H / mean L (byte-time)");
    g_string_append(
        out, "L = requested live bytes. H = bytes of pages in use, or the distance from the\n"
             "lowest to the highest address handed out so far, added up over regions. The\n"
             "first events, with next to nothing live, weigh heavily in ratio 1.\n");
}

void report_text_memory(const struct report *report, GString *out)
{
    split_table(report, out);
    internal(report, out);
    heap_over_live(report, out);
}

static void order_row(const struct report *report, guint order, GString *out)
{
    const struct sampler *sampler = report->sampler;
    const guint64 *peak = sampler->peak.sample.free_blocks;
    const guint64 *end = sampler->end.sample.free_blocks;
    const guint64 *drained = sampler->drained.sample.free_blocks;
    g_string_append_printf(out,
                           "%5u%9" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT,
                           order, peak[order], end[order], drained[order]);
    append_fixed(out, 9, unusable_free_space_index(peak, order), 3);
    append_fixed(out, 8, unusable_free_space_index(end, order), 3);
    append_fixed(out, 8, unusable_free_space_index(drained, order), 3);
    append_fixed(out, 9, fragmentation_index(peak, order), 3);
    append_fixed(out, 8, fragmentation_index(end, order), 3);
    append_fixed(out, 8, fragmentation_index(drained, order), 3);
    g_string_append_c(out, '\n');
}

static void summary_row(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    const struct moment *moments[] = {&sampler->peak, &sampler->end, &sampler->drained};
    static const char *const names[] = {"at peak", "at the end", "drained"};
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        const guint64 *counts = moments[i]->sample.free_blocks;
        g_string_append_printf(
            out, "%-11s F = %8" G_GUINT64_FORMAT " pages, largest free block / F = ", names[i],
            free_pages(counts));
        append_fixed(out, 0, largest_free_share(counts), 3);
        g_string_append_c(out, '\n');
    }
}

void report_text_external(const struct report *report, GString *out)
{
    guint64 above[3] = {0, 0, 0};
    const struct sampler *sampler = report->sampler;
    const struct moment *moments[] = {&sampler->peak, &sampler->end, &sampler->drained};
    append_heading(out, "External fragmentation");
    g_string_append_printf(out, "%5s%25s%25s%25s\n", "", "free blocks     ", "unusable free space ",
                           "fragmentation index ");
    g_string_append_printf(out, "%5s%9s%8s%8s%9s%8s%8s%9s%8s%8s\n", "order", "peak", "end",
                           "drained", "peak", "end", "drained", "peak", "end", "drained");
    for (guint order = 0; order < REPORT_ORDERS; order++)
        order_row(report, order, out);
    for (guint order = REPORT_ORDERS; order < REPLAY_ORDERS; order++) {
        for (guint i = 0; i < 3; i++)
            above[i] += moments[i]->sample.free_blocks[order];
    }
    g_string_append_printf(
        out, "%5s%9" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT "\n", "more",
        above[0], above[1], above[2]);
    summary_row(report, out);
    g_string_append(
        out, "Drained: after the magazines and page lists of all CPUs were sent home.\n"
             "F = pages in free blocks, n_o = free blocks of order o, B = sum of n_o,\n"
             "S_j = sum over o >= j of n_o 2^(o-j).\n"
             "unusable free space index = (F - S_j 2^j) / F; F = 0 gives 1\n"
             "fragmentation index       = 1 - (1 + F / 2^j) / B where order j would fail,\n"
             "towards 0 for lack of memory, towards 1 for fragmentation; '-' where it would\n"
             "succeed\n");
}
