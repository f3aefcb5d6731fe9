/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: sizes, lifetimes, and who pins pages. */
#include <string.h>

#include "../common/figures.h"
#include "text.h"

#define GROUPS_SHOWN 8u
#define SIZES_SHOWN 20u

static double share(guint64 part, guint64 whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

/* "4 KiB" in so many columns. */
static void bytes_cell(GString *out, int width, guint64 bytes)
{
    GString *text = g_string_new(NULL);
    append_bytes(text, bytes);
    g_string_append_printf(out, "%*s", width, text->str);
    g_string_free(text, TRUE);
}

static void origin(GString *out, JsonObject *group)
{
    const char *cache = view_text(group, "cache"), *site = view_text(group, "site");
    if (cache[0] == '\0' && site[0] == '\0')
        return;
    GString *text = g_string_new("    ");
    g_string_append_printf(text, "%s%s%s", cache, cache[0] != '\0' && site[0] != '\0' ? ", " : "",
                           site);
    view_wrap(out, text->str, 4);
    g_string_free(text, TRUE);
}

static void pin_rows(JsonObject *report, JsonObject *pins, GString *out)
{
    guint64 events = view_count(report, "result.events");
    g_string_append_printf(out, "%9s%12s%7s%14s%14s%10s%9s\n", "count", "of", "in", "slab bytes",
                           "block bytes", "age", "threads");
    for (guint i = 0; i < MIN(view_length(pins, "groups"), GROUPS_SHOWN); i++) {
        JsonObject *group = view_row(pins, "groups", i);
        g_string_append_printf(out, "%9" G_GUINT64_FORMAT, view_count(group, "count"));
        bytes_cell(out, 12, view_count(group, "given"));
        g_string_append_printf(out, "%7s%14" G_GUINT64_FORMAT "%14" G_GUINT64_FORMAT,
                               strcmp(view_text(group, "kind"), "slab") == 0 ? "slabs" : "blocks",
                               view_count(group, "slab_bytes"), view_count(group, "block_bytes"));
        append_fixed(out, 8, share(view_count(group, "median_age_events"), events), 0);
        g_string_append_printf(out, " %%%9" G_GUINT64_FORMAT "\n", view_count(group, "threads"));
        origin(out, group);
    }
}

static void pins_of(JsonObject *report, const char *moment, const char *when, GString *out)
{
    JsonObject *pins = view_object(view_object(report, moment), "pins");
    if (pins == NULL)
        return;
    g_string_append_printf(out, "%s, after event %" G_GUINT64_FORMAT ": ", when,
                           view_count(pins, "event"));
    if (view_count(pins, "slabs") + view_count(pins, "blocks") == 0) {
        g_string_append(out, "nothing is pinned.\n");
        return;
    }
    append_bytes(out, view_count(pins, "slab_bytes"));
    g_string_append_printf(out, " free in %" G_GUINT64_FORMAT " nearly empty slabs,\n",
                           view_count(pins, "slabs"));
    append_bytes(out, view_count(pins, "block_bytes"));
    g_string_append_printf(out, " free in %" G_GUINT64_FORMAT " nearly free blocks of ",
                           view_count(pins, "blocks"));
    append_bytes(out, view_count(report, "replay.page_size") << view_count(pins, "order"));
    g_string_append(out, ".\n");
    if (view_length(pins, "groups") > 0)
        pin_rows(report, pins, out);
    if (view_count(pins, "idle_block_bytes") > 0) {
        append_bytes(out, view_count(pins, "idle_block_bytes"));
        g_string_append(out, " of the blocks' is for pages without a live object.\n");
    }
    g_string_append_c(out, '\n');
}

void view_text_pins(JsonObject *report, GString *out)
{
    if (!view_has(report, "end.pins"))
        return;
    append_heading(out, "Who pins pages");
    pins_of(report, "peak", "At peak", out);
    pins_of(report, "end", "At the end", out);
    g_string_append(
        out, "Nearly empty, nearly free: at most a fourth is live, or in use. A live object\n"
             "answers for an equal part of its slab's free objects; a page in use for an\n"
             "equal part of its block's free pages. age: half of them are older, in events\n"
             "of the run. pins.csv has all of them.\n");
}

static void size_row(JsonObject *size, guint64 allocs, GString *out)
{
    guint64 to = view_count(size, "to"), low = view_count(size, "size");
    g_string_append_printf(out, "%12" G_GUINT64_FORMAT "%s%11" G_GUINT64_FORMAT, to == 0 ? low : to,
                           to == low ? " " : "*", view_count(size, "allocs"));
    append_fixed(out, 8, share(view_count(size, "allocs"), allocs), 1);
    bytes_cell(out, 12, view_count(size, "bytes"));
    g_string_append_printf(out, "%11" G_GUINT64_FORMAT, view_count(size, "live_at_peak"));
    bytes_cell(out, 12, view_count(size, "live_at_peak_bytes"));
    g_string_append_printf(out, "%11" G_GUINT64_FORMAT "\n", view_count(size, "live_at_end"));
}

static void sizes(JsonObject *report, GString *out)
{
    guint shown = MIN(view_length(report, "sizes.hot"), SIZES_SHOWN);
    append_heading(out, "Hot sizes");
    g_string_append_printf(out,
                           "%" G_GUINT64_FORMAT " sizes of objects; the most frequent:\n"
                           "%12s %11s%8s%12s%11s%12s%11s\n",
                           view_count(report, "sizes.distinct"), "bytes", "allocs", "%", "in all",
                           "at peak", "bytes", "at the end");
    for (guint i = 0; i < shown; i++)
        size_row(view_row(report, "sizes.hot", i), view_count(report, "sizes.allocs"), out);
    g_string_append(out, "% of all allocations, page blocks and reallocs included. * sizes above\n"
                         "32 KiB are counted with those of as many pages. sizes.csv has all.\n");
}

/* The power by which half of all is freed; censored ones are not freed by then. False: it never is.
 */
static gboolean median(JsonObject *report, const char *path, const char *freed,
                       const char *censored, guint64 *power)
{
    guint64 all = 0, sum = 0;
    for (guint i = 0; i < view_length(report, path); i++) {
        JsonObject *row = view_row(report, path, i);
        all += view_count(row, freed) + view_count(row, censored);
    }
    for (guint i = 0; i < view_length(report, path); i++) {
        sum += view_count(view_row(report, path, i), freed);
        *power = view_count(view_row(report, path, i), "power");
        if (2 * sum >= all)
            return all > 0;
    }
    return FALSE;
}

/* Where a recording told no times, they are numbers of records. */
static void append_lifetime(JsonObject *report, GString *out, guint64 ns)
{
    if (!view_flag(report, "trace.untimed"))
        append_duration(out, MAX(ns, view_count(report, "lifetimes.clock_tick_ns")));
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT " records", ns);
}

static void median_row(JsonObject *report, const char *what, const char *freed,
                       const char *censored, GString *out)
{
    guint64 ns = 0, bytes = 0;
    if (!median(report, "lifetimes.time", freed, censored, &ns) ||
        !median(report, "lifetimes.bytes_allocated", freed, censored, &bytes)) {
        g_string_append_printf(out, "Half of the %s live to the end or were freed late.\n", what);
        return;
    }
    g_string_append_printf(out, "Half of the %s are gone after ", what);
    append_lifetime(report, out, G_GUINT64_CONSTANT(2) << ns);
    g_string_append(out, ", or when\n");
    append_bytes(out, G_GUINT64_CONSTANT(2) << bytes);
    g_string_append(out, " more have been asked for.\n");
}

static void lifetimes(JsonObject *report, GString *out)
{
    append_heading(out, "Lifetimes");
    median_row(report, "objects and blocks", "freed", "censored", out);
    median_row(report, "bytes", "freed_bytes", "censored_bytes", out);
    g_string_append(out, "Both to the next power of two. lifetimes.csv and lifetimes-by-bytes.csv\n"
                         "have the histograms: lifetimes from 2^power up, freed; censored objects\n"
                         "are alive when the trace ends, and live at least so long.\n");
    guint64 tick = view_count(report, "lifetimes.clock_tick_ns");
    if (tick > 1 && !view_flag(report, "trace.untimed")) {
        g_string_append(out, "The trace's clock ticks every ");
        append_duration(out, tick);
        g_string_append(out, "; what lives shorter has a lifetime of 0.\n");
    }
}

void view_text_objects(JsonObject *report, GString *out)
{
    if (view_length(report, "sizes.hot") > 0)
        sizes(report, out);
    if (view_length(report, "lifetimes.time") > 0)
        lifetimes(report, out);
}
