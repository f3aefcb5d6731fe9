/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: size classes, CPUs, and what there is to say about the trace. */
#include "../common/figures.h"
#include "../trace/hygiene.h"
#include "text.h"

#define CPUS_SHOWN 32u
#define CACHES_SHOWN 12u

static double share(guint64 part, guint64 whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

/* One region needs no table of its own. */
static void sections(JsonObject *report, GString *out)
{
    guint count = view_length(report, "end.sections");
    if (count < 2)
        return;
    append_heading(out, "Regions");
    g_string_append_printf(out, "%6s%14s%22s%22s\n", "", "pages", "used at peak",
                           "used at the end");
    for (guint i = 0; i < count; i++) {
        JsonObject *peak = view_row(report, "peak.sections", i);
        JsonObject *end = view_row(report, "end.sections", i);
        guint64 pages = view_count(end, "pages");
        guint64 at_peak = view_count(peak, "pages") - view_count(peak, "free_pages");
        guint64 at_end = pages - view_count(end, "free_pages");
        g_string_append_printf(out, "%6u%14" G_GUINT64_FORMAT "%12" G_GUINT64_FORMAT, i + 1, pages,
                               at_peak);
        append_fixed(out, 8, share(at_peak, pages), 1);
        g_string_append_printf(out, " %%%12" G_GUINT64_FORMAT, at_end);
        append_fixed(out, 8, share(at_end, pages), 1);
        g_string_append(out, " %\n");
    }
    g_string_append(out, "In order of their addition; pages on CPUs' lists count as free.\n");
}

static void class_row(JsonObject *class, GString *out)
{
    guint64 slabs = view_count(class, "slabs"), live = view_count(class, "live");
    guint64 slots = view_count(class, "slots"), bytes = view_count(class, "slab_bytes");
    if (view_count(class, "allocs") == 0 && slabs == 0)
        return;
    g_string_append_printf(out,
                           "%6" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT
                           "%7" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT
                           "%9" G_GUINT64_FORMAT,
                           view_count(class, "object_size"), view_count(class, "allocs"), slabs,
                           view_count(class, "empty_slabs"), slots, live,
                           view_count(class, "in_magazines") + view_count(class, "in_depot"));
    append_fixed(out, 9, share(live, slots), 1);
    append_fixed(out, 10, share(view_count(class, "requested_bytes"), bytes), 1);
    g_string_append_c(out, '\n');
}

static void class_table(JsonObject *report, const char *moment, const char *title, GString *out)
{
    JsonObject *of = view_object(report, moment);
    append_heading(out, title);
    g_string_append_printf(out, "%6s%9s%8s%7s%10s%9s%9s%9s%10s\n", "object", "allocs", "slabs",
                           "empty", "slots", "live", "cached", "live %", "asked %");
    for (guint i = 0; i < view_length(of, "classes"); i++)
        class_row(view_row(of, "classes", i), out);
    g_string_append_printf(out, "%6s%9" G_GUINT64_FORMAT "%8s%7s%10s%9" G_GUINT64_FORMAT "%9s%9s",
                           "pages", view_count(of, "blocks.allocs"), "", "", "",
                           view_count(of, "blocks.live"), "", "");
    append_fixed(
        out, 10,
        share(view_count(of, "blocks.requested_bytes"), view_count(of, "blocks.given_bytes")), 1);
    g_string_append_c(out, '\n');
}

/* A name that is cut has a mark. */
static void cache_name(const char *name, GString *out)
{
    char *start = g_utf8_make_valid(name, -1);
    gboolean cut = g_utf8_strlen(start, -1) > 21;
    if (cut)
        *g_utf8_offset_to_pointer(start, 20) = '\0';
    g_string_append_printf(out, "%s%s%*s", start, cut ? "~" : "",
                           (int)(21 - g_utf8_strlen(start, -1) - (cut ? 1 : 0)), "");
    g_free(start);
}

static void cache_row(JsonObject *cache, guint64 page_size, GString *out)
{
    guint64 live = view_count(cache, "live"), bytes = view_count(cache, "slab_bytes");
    cache_name(view_text(cache, "name"), out);
    g_string_append_printf(out,
                           "%7" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT "%6" G_GUINT64_FORMAT
                           "%7" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT,
                           view_count(cache, "object_size"), view_count(cache, "allocs"),
                           view_count(cache, "slabs"), bytes / page_size, live,
                           view_count(cache, "most_live"));
    append_fixed(out, 6, share(live, view_count(cache, "slots")), 0);
    append_fixed(out, 6, share(view_count(cache, "requested_bytes"), bytes), 0);
    g_string_append_c(out, '\n');
}

static void caches(JsonObject *report, GString *out)
{
    JsonObject *peak = view_object(report, "peak");
    GPtrArray *rows = view_caches_by_pages(peak);
    guint64 more = 0, pages = 0;
    if (rows->len > 0) {
        append_heading(out, "Named caches at peak, those with most pages");
        g_string_append_printf(out, "%-21s%7s%9s%6s%7s%9s%9s%6s%6s\n", "cache", "object", "allocs",
                               "slabs", "pages", "live", "most", "live%", "ask%");
    }
    for (guint i = 0; i < rows->len; i++) {
        JsonObject *cache = g_ptr_array_index(rows, i);
        if (i < CACHES_SHOWN) {
            cache_row(cache, view_count(report, "replay.page_size"), out);
            continue;
        }
        more++;
        pages += view_count(cache, "slab_bytes") / view_count(report, "replay.page_size");
    }
    if (more > 0)
        g_string_append_printf(
            out, "and %" G_GUINT64_FORMAT " more, with %" G_GUINT64_FORMAT " pages\n", more, pages);
    if (rows->len > 0)
        g_string_append(out, "most: alive at once so far. live% = live / slots. ask% = requested "
                             "bytes of\nwhat is live / bytes of the slabs. caches.csv has all.\n");
    g_ptr_array_unref(rows);
}

/* "24.9 %" of what is asked for. */
static void waste(GString *out, JsonObject *of, const char *table)
{
    append_fixed(out, 0, 100.0 * view_ratio(view_object(of, table), "waste_over_requested"), 1);
    g_string_append(out, " %");
}

static void class_fit(JsonObject *report, GString *out)
{
    JsonObject *peak = view_object(report, "class_fit.peak");
    JsonObject *time = view_object(report, "class_fit.over_time");
    if (peak == NULL)
        return;
    GString *text = g_string_new(NULL);
    g_string_append(text, "Objects up to 8 KiB lose ");
    waste(text, peak, "own");
    g_string_append(text, " of what they ask for to rounding and ends of slabs at peak, ");
    waste(text, time, "own");
    g_string_append_printf(text, " over time; with the best table of %" G_GUINT64_FORMAT " class%s",
                           view_count(report, "class_fit.classes"),
                           view_count(report, "class_fit.classes") == 1 ? "" : "es");
    g_string_append(text, " for this trace it would be ");
    waste(text, peak, "best");
    g_string_append(text, " and ");
    waste(text, time, "best");
    g_string_append(text, ". bsa-replay --tune makes and tries one.");
    view_wrap(out, text->str, 0);
    g_string_free(text, TRUE);
}

void view_text_classes(JsonObject *report, GString *out)
{
    sections(report, out);
    caches(report, out);
    class_table(report, "peak", "Size classes at peak", out);
    class_table(report, "end", "Size classes at the end", out);
    g_string_append(out,
                    "allocs: so far. cached: in magazines and depot. live % = live / slots.\n"
                    "asked % = requested bytes of what is live / bytes of the slabs or blocks.\n");
    class_fit(report, out);
}

static void reallocs(JsonObject *report, GString *out)
{
    guint64 all = 0, moved = 0;
    for (guint i = 0; i < view_length(report, "cpus"); i++) {
        all += view_count(view_row(report, "cpus", i), "reallocs");
        moved += view_count(view_row(report, "cpus", i), "reallocs_moved");
    }
    if (all > 0)
        g_string_append_printf(out,
                               "reallocs: %" G_GUINT64_FORMAT ", of them %" G_GUINT64_FORMAT
                               " moved the object.\n",
                               all, moved);
}

static void remote(JsonObject *report, GString *out)
{
    guint64 sent = view_count(report, "remote.sent_home");
    if (sent == 0)
        return;
    g_string_append_printf(out,
                           "%" G_GUINT64_FORMAT " objects went home to another CPU's slabs, where "
                           "such a free waits for\n",
                           sent);
    append_fixed(out, 0, view_ratio(report, "remote.drain_latency_events"), 1);
    g_string_append(out,
                    " events on average until it is collected (waiting / coming per event).\n");
}

static void cpu_row(JsonObject *cpu, GString *out)
{
    guint64 objects = view_count(cpu, "allocs") + view_count(cpu, "frees");
    guint64 missed = view_count(cpu, "magazine_refills") + view_count(cpu, "magazine_flushes");
    g_string_append_printf(
        out,
        "%4" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT
        "%9" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT,
        view_count(cpu, "cpu"), view_count(cpu, "allocs"), view_count(cpu, "frees"),
        view_count(cpu, "page_allocs"), view_count(cpu, "page_frees"),
        view_count(cpu, "remote_frees_out"), view_count(cpu, "remote_frees_in"));
    append_fixed(out, 9, 100.0 - MIN(share(missed, objects), 100.0), 1);
    append_fixed(out, 8,
                 share(view_count(cpu, "page_list_hits"), view_count(cpu, "blocks_allocated")), 1);
    g_string_append_c(out, '\n');
}

void view_text_cpus(JsonObject *report, GString *out)
{
    guint cpus = view_length(report, "cpus"), shown = 0, active = 0;
    append_heading(out, "CPUs");
    g_string_append_printf(out, "%4s%20s%18s%20s%17s\n", "", "objects    ", "page blocks  ",
                           "remote frees   ", "hits, %    ");
    g_string_append_printf(out, "%4s%10s%10s%9s%9s%10s%10s%9s%8s\n", "CPU", "allocs", "frees",
                           "allocs", "frees", "out", "in", "magazine", "pages");
    for (guint i = 0; i < cpus; i++) {
        JsonObject *cpu = view_row(report, "cpus", i);
        if (view_count(cpu, "events") == 0)
            continue;
        active++;
        if (shown < CPUS_SHOWN) {
            cpu_row(cpu, out);
            shown++;
        }
    }
    if (active > shown)
        g_string_append_printf(out, "and %u more CPUs, see cpus.csv\n", active - shown);
    if (active < cpus)
        g_string_append_printf(out, "CPUs without an event: %u.\n", cpus - active);
    reallocs(report, out);
    remote(report, out);
    g_string_append(
        out, "out: freed here, allocated on another CPU; in: allocated here, freed elsewhere.\n"
             "magazine = 1 - (refills + flushes) / object allocs and frees;\n"
             "pages = served from the CPU's page lists / all page blocks, large objects too.\n");
}

static void failure_list(JsonObject *report, GString *out)
{
    guint64 failed = view_count(report, "result.failed");
    guint shown = view_length(report, "result.first_failures");
    append_heading(out, "Failed requests");
    for (guint i = 0; i < shown; i++) {
        JsonObject *failure = view_row(report, "result.first_failures", i);
        g_string_append_printf(out, "event %" G_GUINT64_FORMAT " (line %" G_GUINT64_FORMAT ") at ",
                               view_count(failure, "event"), view_count(failure, "line"));
        append_fixed(out, 0, (double)view_count(failure, "time_ns") / 1e9, 6);
        g_string_append_printf(out, " s on CPU %" G_GUINT64_FORMAT ": ",
                               view_count(failure, "cpu"));
        append_bytes(out, view_count(failure, "bytes"));
        g_string_append_printf(
            out, "%s%s, memory %s\n", view_flag(failure, "pages") ? " of pages" : "",
            view_flag(failure, "low") ? " below 4 GiB" : "", view_text(failure, "memory"));
    }
    if (failed > shown)
        g_string_append_printf(out, "and %" G_GUINT64_FORMAT " more\n", failed - shown);
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " in all, ", failed);
    append_bytes(out, view_count(report, "result.failed_bytes"));
    g_string_append_printf(out, "; %" G_GUINT64_FORMAT " frees and reallocs of them left out.\n",
                           view_count(report, "result.frees_of_failed") +
                               view_count(report, "result.reallocs_of_failed"));
    if (failed > 0)
        g_string_append_printf(
            out,
            "%" G_GUINT64_FORMAT " for lack of memory (short), %" G_GUINT64_FORMAT
            " with enough pages free but none in one block\n(fragmented). A larger --region, or "
            "one more of them, serves these. failures.csv\nhas what was free.\n",
            view_count(report, "result.failed_short"),
            view_count(report, "result.failed_fragmented"));
}

static void hygiene(JsonObject *report, GString *out)
{
    JsonObject *counts = view_object(report, "hygiene");
    struct trace_hygiene all = {.ignored_shown = 0};
    for (guint i = 0; i < trace_hygiene_field_count; i++)
        trace_hygiene_set(&all, &trace_hygiene_fields[i],
                          view_count(counts, trace_hygiene_fields[i].key));
    guint shown = view_length(counts, "first_ignored_lines");
    all.ignored_shown = MIN(shown, G_N_ELEMENTS(all.first_ignored));
    for (guint i = 0; i < all.ignored_shown; i++)
        all.first_ignored[i] = view_count_at(counts, "first_ignored_lines", i);
    append_heading(out, "Hygiene of the trace");
    trace_hygiene_text(&all, out);
}

void view_text_trace(JsonObject *report, GString *out)
{
    failure_list(report, out);
    hygiene(report, out);
}
