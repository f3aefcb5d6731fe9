/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: the recorded allocator, beside the replayed one where there is one. */
#include <string.h>

#include "../common/figures.h"
#include "text.h"

static gboolean is_replayed(JsonObject *report)
{
    return view_has(report, "result");
}

/* Recorded at peak and at the end, then replayed at both. replayed: a member of a moment, NULL:
 * it has no such thing. */
static void bytes_row(JsonObject *report, GString *out, const char *name, const char *recorded,
                      const char *replayed)
{
    const char *const moments[] = {"recorded.peak.", "recorded.end.", "peak.", "end."};
    g_string_append_printf(out, "%-26s", name);
    for (guint i = 0; i < (is_replayed(report) && replayed != NULL ? 4u : 2u); i++) {
        char *path = g_strconcat(moments[i], i < 2 ? recorded : replayed, NULL);
        g_string_append_printf(out, "%13" G_GUINT64_FORMAT, view_count(report, path));
        g_free(path);
    }
    g_string_append_c(out, '\n');
}

static void share_row(JsonObject *report, GString *out, const char *name, const char *list,
                      guint order)
{
    const char *const moments[] = {"recorded.peak", "recorded.end", "peak", "end"};
    g_string_append_printf(out, "%-26s", name);
    for (guint i = 0; i < (is_replayed(report) ? 4u : 2u); i++) {
        JsonObject *moment = view_object(report, moments[i]);
        double value = view_length(moment, list) > 0 ? view_ratio_at(moment, list, order)
                                                     : view_ratio(moment, list);
        append_fixed(out, 13, value, 3);
    }
    g_string_append_c(out, '\n');
}

static void moments(JsonObject *report, GString *out)
{
    static const guint orders[] = {2, 4, 9};
    g_string_append_printf(out, "%-26s%26s%s\n%-26s%13s%13s", "", "recorded",
                           is_replayed(report) ? "                  replayed" : "", "bytes",
                           "at peak", "at the end");
    g_string_append_printf(out, "%s\n", is_replayed(report) ? "      at peak   at the end" : "");
    bytes_row(report, out, "requested", "requested", "split.requested");
    bytes_row(report, out, "given", "given", "given");
    bytes_row(report, out, "pages in use", "occupied", "occupied");
    bytes_row(report, out, "  free beside objects", "free_in_object_pages", NULL);
    bytes_row(report, out, "  free in blocks' pages", "free_in_block_pages", NULL);
    bytes_row(report, out, "  in empty slabs", "empty_slabs", "split.empty_slabs");
    bytes_row(report, out, "pages ever in use", "seen", NULL);
    bytes_row(report, out, "addresses", "address_span", NULL);
    bytes_row(report, out, "free pages, count", "free_pages", "free_pages");
    share_row(report, out, "largest free block / F", "largest_free_share", 0);
    for (guint i = 0; i < G_N_ELEMENTS(orders); i++) {
        char *name = g_strdup_printf("unusable index, order %u", orders[i]);
        share_row(report, out, name, "unusable_free_space_index", orders[i]);
        g_free(name);
    }
}

/* What one wants to know first. */
static void comparison(JsonObject *report, GString *out)
{
    guint64 recorded = view_count(report, "recorded.peak_occupied_bytes");
    guint64 replayed = view_count(report, "result.peak_occupied_bytes");
    if (!is_replayed(report) || recorded == 0)
        return;
    double change = 100.0 * ((double)replayed / (double)recorded - 1.0);
    GString *text = g_string_new("Most pages in use at once: ");
    append_bytes(text, recorded);
    g_string_append(text, " recorded, ");
    append_bytes(text, replayed);
    g_string_append(text, " replayed, ");
    append_fixed(text, 0, change < 0 ? -change : change, 1);
    g_string_append_printf(text, " %% %s.", change < 0 ? "less" : "more");
    view_wrap(out, text->str, 0);
    g_string_append_c(out, '\n');
    g_string_free(text, TRUE);
}

static void ratios_row(JsonObject *report, GString *out, const char *name, const char *path)
{
    static const char *const members[] = {"average", "at_maximum_live", "at_maximum_heap",
                                          "maximum_over_maximum", "of_means"};
    JsonObject *ratios = view_object(report, path);
    g_string_append_printf(out, "%-26s", name);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++)
        append_fixed(out, 10, view_ratio(ratios, members[i]), 3);
    g_string_append_c(out, '\n');
}

static void ratios(JsonObject *report, GString *out)
{
    g_string_append_printf(out, "\n%-26s%10s%10s%10s%10s%10s\n", "heap over live bytes", "average",
                           "max live", "max heap", "max/max", "means");
    ratios_row(report, out, "recorded, pages", "recorded.heap_over_live.pages");
    if (is_replayed(report))
        ratios_row(report, out, "replayed, pages", "heap_over_live.pages");
    ratios_row(report, out, "recorded, addresses", "recorded.heap_over_live.addresses");
    if (is_replayed(report))
        ratios_row(report, out, "replayed, addresses", "heap_over_live.addresses");
}

static void caveats(JsonObject *report, GString *out)
{
    gboolean kernel = g_str_has_prefix(view_text(report, "recorded.allocator"), "the kernel");
    guint64 unplaced = view_count(report, "recorded.unplaced");
    g_string_append(out, "\n");
    view_wrap(out,
              "Recorded: a page is in use while a live object or block touches it. F is the pages "
              "that were in use before and are not now; what else the allocator had free, no "
              "event tells. Objects older than the trace are not there.",
              0);
    if (!kernel)
        view_wrap(out,
                  "What the allocator keeps for itself beside objects is not seen, and pages "
                  "that were never written count as in use.",
                  0);
    else if (!view_flag(report, "recorded.direct_map_known") &&
             strcmp(view_text(report, "trace.layer"), "page") != 0)
        view_wrap(out,
                  "Where the direct map begins is not known: objects count by their own "
                  "addresses, and pages of slabs only while an object in them is alive.",
                  0);
    if (unplaced > 0) {
        char *text = g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                                     " allocations tell no address, or are of more than 64 GiB: "
                                     "they are requested, and in no page.",
                                     unplaced, view_count(report, "recorded.allocs"));
        view_wrap(out, text, 0);
        g_free(text);
    }
}

static gint64 change(JsonObject *info, const char *member)
{
    return (gint64)view_count(info, member);
}

static void order_rows(JsonObject *info, GString *out)
{
    gboolean frames = view_has(info, "seen_blocks");
    g_string_append_printf(out, "\n%-8s%12s%12s%10s%s\n", "order", "start", "end", "change",
                           frames ? "   frames seen   free at end" : "");
    for (guint order = 0; order < view_length(info, "free_blocks_start"); order++) {
        guint64 start = view_count_at(info, "free_blocks_start", order);
        guint64 end = view_count_at(info, "free_blocks_end", order);
        g_string_append_printf(
            out, "%-8u%12" G_GUINT64_FORMAT "%12" G_GUINT64_FORMAT "%+10" G_GINT64_FORMAT, order,
            start, end, (gint64)(end - start));
        if (frames)
            g_string_append_printf(out, "%14" G_GUINT64_FORMAT "%14" G_GUINT64_FORMAT,
                                   view_count_at(info, "seen_blocks", order),
                                   view_count_at(info, "seen_blocks_free_at_end", order));
        g_string_append_c(out, '\n');
    }
    if (frames)
        view_wrap(out,
                  "Frames seen: those of the trace as blocks, were all of them free. They merge "
                  "with neighbours that the trace does not know.",
                  0);
}

static void buddyinfo(JsonObject *report, GString *out)
{
    JsonObject *info = view_object(report, "recorded.buddyinfo");
    append_heading(out, "The kernel's own count of free pages");
    g_string_append_printf(out,
                           "buddyinfo at start%22" G_GUINT64_FORMAT "\n"
                           "buddyinfo at end%24" G_GUINT64_FORMAT "\n"
                           "change by buddyinfo%+21" G_GINT64_FORMAT "\n"
                           "change by the events%+20" G_GINT64_FORMAT "  (%" G_GUINT64_FORMAT
                           " freed, %" G_GUINT64_FORMAT " allocated)\n"
                           "difference%+30" G_GINT64_FORMAT "\n",
                           view_count(info, "free_pages_start"), view_count(info, "free_pages_end"),
                           change(info, "change"), change(info, "change_by_events"),
                           view_count(info, "freed_pages"), view_count(info, "allocated_pages"),
                           change(info, "difference"));
    char *text = g_strdup_printf(
        "What can explain the difference: %" G_GUINT64_FORMAT
        " frees of blocks that are older than the trace, or of which a part was freed before, each "
        "of a page or more, which the events leave out; pages on the lists of CPUs, which are free "
        "and which buddyinfo does not count; what happened between a count and the first or the "
        "last event; "
        "%" G_GUINT64_FORMAT " lost events.",
        view_count(info, "orphan_page_frees"), view_count(info, "lost_events"));
    view_wrap(out, text, 0);
    g_free(text);
    order_rows(info, out);
}

void view_text_recorded(JsonObject *report, GString *out)
{
    if (!view_has(report, "recorded"))
        return;
    if (view_flag(report, "recorded.addresses")) {
        append_heading(out, "The recorded allocator, by its addresses");
        comparison(report, out);
        moments(report, out);
        ratios(report, out);
        caveats(report, out);
    }
    if (view_has(report, "recorded.buddyinfo"))
        buddyinfo(report, out);
}

void view_recorded_text(JsonObject *report, GString *out)
{
    g_string_append_printf(out, "bsa-replay: the recorded allocator of %s\n",
                           view_text(report, "trace.name"));
    g_string_append_printf(out,
                           "%s, layer %s, %" G_GUINT64_FORMAT " events, pages of %" G_GUINT64_FORMAT
                           " bytes; nothing was replayed\n",
                           view_text(report, "trace.format"), view_text(report, "trace.layer"),
                           view_count(report, "recorded.events"),
                           view_count(report, "recorded.page_size"));
    if (!view_flag(report, "recorded.addresses"))
        view_wrap(out, "The trace has no addresses: there is the kernel's count alone.", 0);
    view_text_recorded(report, out);
}
