/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

#include "../common/figures.h"
#include "findings.h"

#define COLUMNS 80u

void view_wrap(GString *out, const char *text, guint indent)
{
    char **words = g_strsplit(text, " ", -1);
    guint column = indent;
    for (guint i = 0; words[i] != NULL; i++) {
        guint length = (guint)g_utf8_strlen(words[i], -1);
        if (i > 0 && column + 1 + length > COLUMNS) {
            g_string_append_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (i > 0) {
            g_string_append_c(out, ' ');
            column++;
        }
        g_string_append(out, words[i]);
        column += length;
    }
    g_string_append_c(out, '\n');
    g_strfreev(words);
}

static void findings(JsonObject *report, GString *out)
{
    GPtrArray *all = view_findings(report);
    append_heading(out, "Findings");
    for (guint i = 0; i < all->len; i++) {
        const struct view_finding *finding = g_ptr_array_index(all, i);
        g_string_append_printf(out, "%u. ", i + 1);
        view_wrap(out, finding->text, 3);
    }
    g_ptr_array_unref(all);
}

static void row(GString *out, const char *name)
{
    g_string_append_printf(out, "%-20s", name);
}

/* How libbuddyslab was set up. */
static void heap(JsonObject *report, GString *out)
{
    char **classes = g_strsplit(view_text(report, "replay.classes"), ",", -1);
    char *listed = g_strjoinv(", ", classes);
    char *text = g_strdup_printf("%s; magazine %s, page lists %s, empty slabs kept %s", listed,
                                 view_text(report, "replay.magazine"),
                                 view_text(report, "replay.page_lists"),
                                 view_text(report, "replay.keep_empty"));
    row(out, "Size classes");
    view_wrap(out, text, 20);
    g_free(text);
    g_free(listed);
    g_strfreev(classes);
}

static gboolean has_kernel_objects(JsonObject *report)
{
    return view_flag(report, "trace.kernel") &&
           strcmp(view_text(report, "trace.layer"), "page") != 0;
}

/* The kernel's, and what of them is elsewhere than in caches. */
static void named_caches(JsonObject *report, GString *out)
{
    JsonObject *objects = view_object(report, "replay.cache_objects");
    guint64 large = view_count(objects, "too_large"), many = view_count(objects, "too_many");
    if (!has_kernel_objects(report))
        return;
    GString *text = g_string_new(view_text(report, "replay.named_caches"));
    if (view_count(objects, "named") > 0)
        g_string_append_printf(
            text,
            ": %" G_GUINT64_FORMAT ", for %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " objects",
            view_count(objects, "caches"), view_count(objects, "named") - large - many,
            view_count(objects, "named") + view_count(objects, "unnamed"));
    if (large > 0)
        g_string_append_printf(
            text, "; %" G_GUINT64_FORMAT " of more than %" G_GUINT64_FORMAT " bytes take pages",
            large, view_count(objects, "largest_object"));
    if (many > 0)
        g_string_append_printf(text, "; %" G_GUINT64_FORMAT " of rarer caches go to the classes",
                               many);
    row(out, "Named caches");
    view_wrap(out, text->str, 20);
    g_string_free(text, TRUE);
}

/* What a kernel asks for its devices. */
static void low_memory(JsonObject *report, GString *out)
{
    guint64 asked = view_count(report, "result.low_requests");
    if (view_count(report, "replay.low_bytes") == 0 && asked == 0)
        return;
    row(out, "Below 4 GiB");
    if (view_count(report, "replay.low_bytes") == 0) {
        g_string_append_printf(out, "%" G_GUINT64_FORMAT " requests (DMA, DMA32), ", asked);
        g_string_append(out, "served as any other (--low)\n");
        return;
    }
    append_bytes(out, view_count(report, "end.low_managed"));
    g_string_append(out, " of pages; free at peak ");
    append_bytes(out, view_count(report, "peak.low_free"));
    g_string_append(out, ", at the end ");
    append_bytes(out, view_count(report, "end.low_free"));
    g_string_append_printf(out,
                           "\n%-20s%" G_GUINT64_FORMAT
                           " requests for it (DMA, DMA32), %" G_GUINT64_FORMAT " failed\n",
                           "", asked, view_count(report, "result.failed_low"));
}

static void reclaims(JsonObject *report, GString *out)
{
    guint64 every = view_count(report, "replay.reclaim_every");
    if (every == 0)
        return;
    row(out, "Reclaimed");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " times, every %" G_GUINT64_FORMAT " events: ",
                           view_count(report, "result.reclaims"), every);
    append_bytes(out, view_count(report, "result.reclaimed_bytes"));
    g_string_append(out, " of pages in all\n");
}

static void regions(JsonObject *report, GString *out)
{
    guint used = (guint)view_count(report, "replay.regions_used");
    guint all = view_length(report, "replay.regions");
    gboolean automatic = view_flag(report, "replay.regions_from_trace");
    for (guint i = 0; i < used; i++) {
        row(out, i == 0 ? "Regions" : "");
        append_bytes(out, view_count_at(report, "replay.regions", i));
        if (i > 0)
            g_string_append_printf(out, ", added after event %" G_GUINT64_FORMAT,
                                   view_count_at(report, "replay.region_added_after_event", i));
        else if (automatic)
            g_string_append(out, " (1.5 x peak + 6 MiB + 128 KiB per CPU)");
        g_string_append_c(out, '\n');
    }
    if (used < all && !automatic)
        g_string_append_printf(out, "%-20s%u more, never needed\n", "", all - used);
}

static void head(JsonObject *report, GString *out)
{
    append_heading(out, "The run");
    row(out, "Trace");
    g_string_append_printf(out, "%s (%s, layer %s)\n", view_text(report, "trace.name"),
                           view_text(report, "trace.format"), view_text(report, "trace.layer"));
    row(out, "Events");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, view_count(report, "result.events"));
    if (!view_flag(report, "trace.untimed")) {
        g_string_append(out, " in ");
        append_fixed(out, 0, (double)view_count(report, "trace.duration_ns") / 1e9, 3);
        g_string_append(out, " s");
    } else {
        g_string_append(out, " without times");
    }
    guint64 threads = view_count(report, "trace.threads");
    guint64 cpus = view_count(report, "trace.recorded_cpus");
    g_string_append_printf(
        out, ", %" G_GUINT64_FORMAT " thread%s on %" G_GUINT64_FORMAT " recorded CPU%s\n", threads,
        threads == 1 ? "" : "s", cpus, cpus == 1 ? "" : "s");
    view_text_prelude(report, out);
    row(out, "Allocator");
    g_string_append_printf(out, "%s %s, pages of ", view_text(report, "replay.allocator"),
                           view_text(report, "replay.allocator_version"));
    append_bytes(out, view_count(report, "replay.page_size"));
    g_string_append_c(out, '\n');
    row(out, "Simulated CPUs");
    g_string_append_printf(
        out, "%" G_GUINT64_FORMAT ", CPU map %s, %s order, %" G_GUINT64_FORMAT " switches\n",
        view_count(report, "replay.cpus"), view_text(report, "replay.cpu_map"),
        view_text(report, "replay.schedule"), view_count(report, "result.cpu_switches"));
    heap(report, out);
    named_caches(report, out);
    if (!view_is_strict(report)) {
        char *looks = g_strdup_printf(
            "CPUs ran beside each other: lifetimes shifted, and pages in use were looked at "
            "%" G_GUINT64_FORMAT " times, when no CPU ran: at the peak of requested bytes, and "
            "between batches of events. What they were between is not known; the strict "
            "schedule tells it.",
            view_count(report, "timeline.samples"));
        row(out, "");
        view_wrap(out, looks, 20);
        g_free(looks);
    }
    regions(report, out);
    low_memory(report, out);
    reclaims(report, out);
}

static void brief(JsonObject *report, GString *out)
{
    guint64 failed = view_count(report, "result.failed");
    row(out, "Failed requests");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "%s\n", failed,
                           failed > 0 ? " (listed below): the region is too small" : "");
    row(out, "Peak requested");
    append_bytes(out, view_count(report, "result.peak_requested_bytes"));
    g_string_append_printf(out, " at event %" G_GUINT64_FORMAT,
                           view_count(report, "result.peak_requested_event"));
    g_string_append(out, "; pages in use then ");
    append_bytes(out, view_count(report, "result.occupied_at_peak_bytes"));
    g_string_append_c(out, '\n');
    view_text_bounds(report, out);
    row(out, "Peak pages in use");
    append_bytes(out, view_count(report, "result.peak_occupied_bytes"));
    g_string_append(out, " = ");
    append_fixed(out, 0, view_ratio(report, "heap_over_live.pages.maximum_over_maximum"), 3);
    g_string_append(out, " x peak requested");
    if (!view_is_strict(report))
        g_string_append_printf(out, ", in %" G_GUINT64_FORMAT " looks",
                               view_count(report, "timeline.samples"));
    g_string_append_c(out, '\n');
    row(out, "Alive at the end");
    guint64 live = view_count(report, "result.live_at_end");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s, ", live,
                           live == 1 ? "object or block" : "objects and blocks");
    append_bytes(out, view_count(report, "result.live_at_end_bytes"));
    g_string_append(out, " requested\n");
}

static const char *about_caches(const char *became)
{
    if (g_str_has_prefix(became, "general"))
        return "Counterfactual: the kernel's named caches have sizes of their own; here their\n"
               "objects go to the general size classes, and rounding shows it.\n";
    if (g_str_has_prefix(became, "none"))
        return "No allocation of the trace names a cache: where the kernel had named caches of\n"
               "sizes of their own, their objects are in the general size classes here.\n";
    return "The kernel's named caches are caches of objects of the size that the kernel\n"
           "gave; its slabs may have other numbers of pages.\n";
}

static void caveats(JsonObject *report, GString *out)
{
    append_heading(out, "What a replay is");
    if (has_kernel_objects(report))
        g_string_append(out, about_caches(view_text(report, "replay.named_caches")));
    g_string_append(
        out, "Open loop: a kernel short of memory would reclaim or compact; here the request\n"
             "fails, is counted, and its free is left out.\n");
    view_text_unseen(report, out);
    g_string_append(
        out,
        view_is_strict(report)
            ? "Simulated CPUs take turns in recorded order: memory figures are exact, but\n"
              "contention is not measured. A figure for one region size says little about\n"
              "another.\n"
            : "CPUs ran beside each other: times are those of contention, but memory figures\n"
              "differ from run to run. A figure for one region size says little about another.\n");
}

static void files(GString *out)
{
    append_heading(out, "Files beside this one");
    g_string_append(out,
                    "report.json     the same figures and more, for programs\n"
                    "*.csv           the tables, and what the pictures show: timeline.csv ...\n"
                    "*.gp            draw the pictures; change one and run gnuplot NAME.gp here\n"
                    "timing.json     times and rates of this run, which differ each time\n");
}

void view_report_text(JsonObject *report, GString *out)
{
    g_string_append(out, "bsa-replay report");
    if (view_flag(report, "result.partial"))
        g_string_append_printf(
            out, ", PARTIAL: it ends after event %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
            view_count(report, "result.events"), view_count(report, "trace.events"));
    g_string_append(out, "\n=================\n");
    findings(report, out);
    head(report, out);
    brief(report, out);
    view_text_memory(report, out);
    view_text_external(report, out);
    view_text_regions(report, out);
    view_text_recorded(report, out);
    view_text_classes(report, out);
    view_text_pins(report, out);
    view_text_objects(report, out);
    view_text_cpus(report, out);
    view_text_trace(report, out);
    caveats(report, out);
    files(out);
}
