/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each generator looks at one thing that costs memory, and says what it found and how many bytes
 * that is about when most was requested. The largest are shown. One that is about less than a
 * hundredth of the pages in use at peak says nothing.
 */
#include "findings.h"

#include <math.h>
#include <string.h>

#include "../common/figures.h"

#define LEAST_SHARE 0.01

/* What all generators look at. */
struct look {
    JsonObject *report, *peak, *end;
    guint64 occupied; /* bytes of pages in use at peak */
    guint64 events;
};

static double share(guint64 part, guint64 whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

static void append_percent(GString *out, double percent)
{
    append_fixed(out, 0, percent, percent < 9.95 ? 1 : 0);
    g_string_append(out, " %");
}

static void append_count(GString *out, guint64 count, const char *one, const char *many)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s", count, count == 1 ? one : many);
}

/* "31 % of the pages in use at peak (4.2 MiB)" */
static void append_of_peak(const struct look *look, GString *out, guint64 bytes)
{
    append_percent(out, share(bytes, look->occupied));
    g_string_append(out, " of the pages in use at peak (");
    append_bytes(out, bytes);
    g_string_append_c(out, ')');
}

/* "12 KiB, as much as 20 % of the pages in use at peak, ": of what is not among those pages. */
static void append_beside(const struct look *look, GString *out, guint64 bytes)
{
    append_bytes(out, bytes);
    g_string_append(out, ", as much as ");
    append_percent(out, share(bytes, look->occupied));
    g_string_append(out, " of the pages in use at peak, ");
}

/* "the cache dentry", or "f+0x1", or nothing. */
static void append_origin(GString *out, JsonObject *group)
{
    const char *cache = view_text(group, "cache"), *site = view_text(group, "site");
    if (cache[0] != '\0')
        g_string_append_printf(out, " of the cache %s", cache);
    if (site[0] != '\0')
        g_string_append_printf(out, "%s from %s", cache[0] != '\0' ? "," : "", site);
}

/* The group that answers for most bytes of a kind. */
static JsonObject *largest_group(JsonObject *pins, const char *bytes)
{
    JsonObject *group = NULL;
    for (guint i = 0; i < view_length(pins, "groups"); i++) {
        JsonObject *row = view_row(pins, "groups", i);
        if (view_count(row, bytes) > view_count(group, bytes))
            group = row;
    }
    return group;
}

/* "12 objects of one thread, older than 90 % of the run, keep 4 MiB of slabs nearly empty" */
static void append_group(const struct look *look, GString *out, JsonObject *group,
                         const char *bytes)
{
    guint64 age = view_count(group, "median_age_events"), threads = view_count(group, "threads");
    append_count(out, view_count(group, "count"), "object", "objects");
    append_origin(out, group);
    if (threads == 1)
        g_string_append(out, ", of one thread");
    if (2 * age >= look->events) {
        g_string_append(out, view_count(group, "count") == 1 ? ", older than "
                                                             : ", half of them older than ");
        append_percent(out, floor(share(age, look->events)));
        g_string_append(out, " of the run");
    }
    g_string_append(out, view_count(group, "count") == 1 ? ", keeps " : ", keep ");
    append_bytes(out, view_count(group, bytes));
}

static guint64 slot_bytes(JsonObject *class)
{
    return view_count(class, "free") * view_count(class, "object_size");
}

/* The size classes and, behind them, the named caches; NULL: there are no more. */
static JsonObject *class_at(JsonObject *moment, guint i)
{
    guint classes = view_length(moment, "classes");
    return i < classes ? view_row(moment, "classes", i) : view_row(moment, "caches", i - classes);
}

/* The class or cache that has most of something. */
static JsonObject *largest_class(JsonObject *moment, guint64 (*of)(JsonObject *class))
{
    JsonObject *largest = NULL, *class;
    for (guint i = 0; (class = class_at(moment, i)) != NULL; i++) {
        if (of(class) > 0 && (largest == NULL || of(class) > of(largest)))
            largest = class;
    }
    return largest;
}

/* Where a small part is the largest one, it tells less than how many there are. */
static void append_class(GString *out, JsonObject *moment, guint64 (*of)(JsonObject *class),
                         guint64 all)
{
    JsonObject *class = largest_class(moment, of), *each;
    guint64 bytes = class == NULL ? 0 : of(class);
    guint spread = 0;
    if (class == NULL)
        return;
    for (guint i = 0; (each = class_at(moment, i)) != NULL; i++)
        spread += of(each) > 0 ? 1 : 0;
    if (8 * bytes < all)
        g_string_append_printf(out, ", spread over %u classes and caches", spread);
    g_string_append(out, 2 * bytes > all ? ", most of it in the " : ", the largest part in the ");
    if (view_has(class, "name"))
        g_string_append_printf(out, "cache %s (", view_text(class, "name"));
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "-byte class (",
                               view_count(class, "object_size"));
    append_bytes(out, bytes);
    g_string_append_c(out, ')');
}

static double free_slots(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.free_slots");
    JsonObject *group = largest_group(view_object(look->peak, "pins"), "slab_bytes");
    append_of_peak(look, out, bytes);
    g_string_append(out, " is free slots in slabs that are partly used");
    append_class(out, look->peak, slot_bytes, bytes);
    if (group != NULL) {
        g_string_append(out, ": ");
        append_group(look, out, group, "slab_bytes");
        g_string_append(out, " of it in slabs that are nearly empty");
    }
    g_string_append_c(out, '.');
    return (double)bytes;
}

static guint64 rounding_bytes(JsonObject *class)
{
    guint64 live = view_count(class, "live") * view_count(class, "object_size");
    guint64 asked = view_count(class, "requested_bytes");
    return live > asked ? live - asked : 0;
}

/* Bytes that the objects of a size that are alive at peak lose when each takes a multiple of unit.
 */
static guint64 lost_by(JsonObject *size, guint64 unit)
{
    guint64 rest = unit == 0 ? 0 : view_count(size, "size") % unit;
    return rest == 0 ? 0 : view_count(size, "live_at_peak") * (unit - rest);
}

/* Of the sizes from low + 1 to high the one that loses most; NULL: none loses a fourth of all. */
static JsonObject *lossy_size(JsonObject *report, guint64 low, guint64 high, guint64 unit,
                              guint64 all)
{
    JsonObject *most = NULL;
    for (guint i = 0; i < view_length(report, "sizes.most_at_peak"); i++) {
        JsonObject *size = view_row(report, "sizes.most_at_peak", i);
        guint64 bytes = view_count(size, "size"), lost = lost_by(size, unit);
        if (bytes > low && bytes <= high && 4 * lost >= all && lost > lost_by(most, unit))
            most = size;
    }
    return most;
}

/* "10363 live objects ask for 1032 bytes each" */
static void append_lossy(GString *out, JsonObject *hot)
{
    guint64 live = view_count(hot, "live_at_peak");
    append_count(out, live, "live object asks for ", "live objects ask for ");
    append_count(out, view_count(hot, "size"), "byte", "bytes");
    g_string_append(out, live == 1 ? "" : " each");
}

/* The largest class below one. */
static guint64 class_below(JsonObject *moment, JsonObject *class)
{
    guint64 below = 0;
    for (guint i = 0; i < view_length(moment, "classes"); i++) {
        guint64 size = view_count(view_row(moment, "classes", i), "object_size");
        if (size < view_count(class, "object_size"))
            below = MAX(below, size);
    }
    return below;
}

static double class_rounding(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.class_rounding");
    JsonObject *class = largest_class(look->peak, rounding_bytes);
    append_of_peak(look, out, bytes);
    g_string_append(out, view_length(look->peak, "caches") > 0
                             ? " is what size classes and caches give beyond the request"
                             : " is what size classes give beyond the request");
    append_class(out, look->peak, rounding_bytes, bytes);
    guint64 given = view_count(class, "object_size");
    JsonObject *hot = class == NULL || view_has(class, "name")
                          ? NULL
                          : lossy_size(look->report, class_below(look->peak, class), given - 1,
                                       given, rounding_bytes(class));
    if (hot != NULL) {
        g_string_append(out, ", where ");
        append_lossy(out, hot);
    }
    g_string_append_c(out, '.');
    return (double)bytes;
}

static double block_rounding(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.block_rounding");
    append_of_peak(look, out, bytes);
    g_string_append(out, " is requests above the size classes, rounded up to whole pages: ");
    guint classes = view_length(look->peak, "classes");
    JsonObject *last = classes == 0 ? NULL : view_row(look->peak, "classes", classes - 1);
    JsonObject *hot = lossy_size(look->report, view_count(last, "object_size"), G_MAXUINT64,
                                 view_count(look->report, "replay.page_size"), bytes);
    append_count(out, view_count(look->peak, "blocks.live"), "live block loses ",
                 "live blocks lose ");
    append_bytes(out, bytes / MAX(view_count(look->peak, "blocks.live"), 1));
    g_string_append(out, view_count(look->peak, "blocks.live") == 1 ? "" : " each on average");
    if (hot != NULL) {
        g_string_append(out, "; ");
        append_lossy(out, hot);
    }
    g_string_append_c(out, '.');
    return (double)bytes;
}

/* It may be found in what rounding costs as well: the cure stands behind the causes. */
static double class_fit(const struct look *look, GString *out)
{
    JsonObject *fit = view_object(look->report, "class_fit.peak");
    guint64 bytes = view_count(fit, "avoidable"), classes = view_length(fit, "best.object_sizes");
    append_of_peak(look, out, bytes);
    g_string_append(out, " would be spared by the ");
    append_count(out, view_count(look->report, "class_fit.classes"), "size class that is",
                 "size classes that are");
    g_string_append(out, " best at that moment: ");
    for (guint i = 0; i < classes; i++)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, i == 0 ? "" : ", ",
                               view_count_at(fit, "best.object_sizes", i));
    g_string_append(out,
                    "; --tune --tune-for=peak tries them, --tune those that are best over time.");
    return 4 * bytes >= view_count(fit, "own.waste") ? (double)bytes / 2.0 : 0.0;
}

static double cached(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.cached"), pages = bytes;
    JsonObject *class;
    for (guint i = 0; (class = class_at(look->peak, i)) != NULL; i++) {
        pages -= (view_count(class, "in_magazines") + view_count(class, "in_depot")) *
                 view_count(class, "object_size");
    }
    append_beside(look, out, bytes);
    g_string_append(out, "is what ");
    append_count(out, view_count(look->peak, "cpus_used"), "CPU keeps", "CPUs keep");
    g_string_append(out, " ready");
    if (pages == 0 || pages == bytes) {
        g_string_append(out, pages == 0 ? ", all of it objects." : ", all of it pages.");
    } else {
        g_string_append(out, ": ");
        append_bytes(out, bytes - pages);
        g_string_append(out, " of objects and ");
        append_bytes(out, pages);
        g_string_append(out, " of pages.");
    }
    return (double)bytes;
}

static double remote_pending(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.remote_pending");
    double latency = view_ratio(look->report, "remote.drain_latency_events");
    append_of_peak(look, out, bytes);
    g_string_append(out, " was freed by other CPUs and is not collected yet");
    if (latency >= 1.0) {
        g_string_append(out, "; such a free waits for ");
        append_fixed(out, 0, latency, 0);
        g_string_append(out, " events on average");
    }
    g_string_append_c(out, '.');
    return (double)bytes;
}

static double overhead(const struct look *look, GString *out)
{
    guint64 bytes =
        view_count(look->peak, "split.slab_records") + view_count(look->peak, "split.metadata");
    append_beside(look, out, bytes);
    g_string_append(out, "is the allocator's own: descriptors, CPU state, slab records.");
    return (double)bytes;
}

static double empty_slabs(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->peak, "split.empty_slabs");
    append_of_peak(look, out, bytes);
    g_string_append(out, " is slabs without a live object, kept for the next request.");
    return (double)bytes;
}

/* What is pinned at the end weighs by half, as below. */
static double empty_at_end(const struct look *look, GString *out)
{
    JsonObject *pins = view_object(look->end, "pins");
    JsonObject *group = largest_group(pins, "slab_bytes");
    guint64 bytes = view_count(pins, "slab_bytes"), slabs = view_count(pins, "slabs");
    if (group == NULL)
        return 0.0;
    g_string_append(out, "At the end ");
    append_bytes(out, bytes);
    g_string_append(out, " is free in ");
    append_count(out, slabs, "slab that is nearly empty: ", "slabs that are nearly empty: ");
    append_group(look, out, group, "slab_bytes");
    g_string_append(out, " of it.");
    return (double)bytes / 2.0;
}

/* Blocks that are nearly free at the end weigh by half: they cost nobody a byte until a large block
 * is asked for. */
static double broken_blocks(const struct look *look, GString *out)
{
    JsonObject *pins = view_object(look->end, "pins");
    guint64 bytes = view_count(pins, "block_bytes"), blocks = view_count(pins, "blocks");
    guint64 size = view_count(look->report, "replay.page_size") << view_count(pins, "order");
    JsonObject *group = largest_group(pins, "block_bytes");
    if (blocks < 2)
        return 0.0; /* the one that is being filled */
    g_string_append(out, "At the end ");
    append_bytes(out, bytes);
    g_string_append(out, " of free memory lies in ");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " blocks of ", blocks);
    append_bytes(out, size);
    g_string_append(out, " that are broken though at most a fourth of each is in use");
    if (group != NULL) {
        g_string_append(out, "; ");
        gboolean slab = strcmp(view_text(group, "kind"), "slab") == 0;
        append_count(out, view_count(group, "count"), slab ? "object" : "block",
                     slab ? "objects" : "blocks");
        append_origin(out, group);
        g_string_append(out, view_count(group, "count") == 1 ? " answers for " : " answer for ");
        append_bytes(out, view_count(group, "block_bytes"));
        g_string_append(out, " of that");
    }
    if (2 * view_count(pins, "idle_block_bytes") > bytes) {
        g_string_append(out, "; pages without a live object (CPUs' lists, slab records, objects in "
                             "magazines) answer for ");
        append_bytes(out, view_count(pins, "idle_block_bytes"));
    }
    g_string_append_c(out, '.');
    return (double)bytes / 2.0;
}

/* A trace that does not fit is the first thing to know. */
static double failures(const struct look *look, GString *out)
{
    guint64 failed = view_count(look->report, "result.failed");
    if (failed == 0)
        return 0.0;
    append_count(out, failed, "request", "requests");
    g_string_append(out, " failed, for ");
    append_bytes(out, view_count(look->report, "result.failed_bytes"));
    JsonObject *first = view_row(look->report, "result.first_failures", 0);
    if (first != NULL) {
        g_string_append_printf(out, ", the first at event %" G_GUINT64_FORMAT " for ",
                               view_count(first, "event"));
        append_bytes(out, view_count(first, "bytes"));
    }
    if (view_count(look->report, "result.failed_fragmented") > 0)
        g_string_append_printf(out,
                               ", %" G_GUINT64_FORMAT " of them with enough pages free but not "
                               "in one block",
                               view_count(look->report, "result.failed_fragmented"));
    g_string_append(out, ": figures are those of what was served.");
    return HUGE_VAL;
}

/* Figures of a trace with gaps are too low or too high, nobody knows how much. */
static double losses(const struct look *look, GString *out)
{
    guint64 lost = view_count(look->report, "hygiene.lost_events");
    double part = (double)lost / (double)(lost + MAX(look->events, 1));
    if (lost == 0 && view_count(look->report, "hygiene.lost_reports") > 0) {
        g_string_append(out, "Events were lost when the trace was recorded, nobody counted how "
                             "many: objects are missing, or stay alive to the end.");
        return (double)look->occupied;
    }
    append_percent(out, 100.0 * part);
    g_string_append(out, " of the events were lost when the trace was recorded (");
    append_count(out, lost, "event", "events");
    g_string_append(out, "): objects are missing, or stay alive to the end.");
    return part >= LEAST_SHARE ? (double)look->occupied : part * (double)look->occupied;
}

/* Censored objects are no leak, and at the end of a program's trace much is alive: they weigh by a
 * quarter. */
static double never_freed(const struct look *look, GString *out)
{
    guint64 bytes = view_count(look->report, "result.live_at_end_bytes");
    append_count(out, view_count(look->report, "result.live_at_end"), "object or block",
                 "objects and blocks");
    g_string_append(out, view_count(look->report, "result.live_at_end") == 1 ? " is" : " are");
    g_string_append(out, view_flag(look->report, "result.partial")
                             ? " alive where the replay ended, "
                             : " alive when the trace ends, ");
    append_bytes(out, bytes);
    g_string_append(out, " or ");
    append_percent(out, share(bytes, view_count(look->report, "result.peak_requested_bytes")));
    g_string_append(out, " of the peak: how long they live is not known.");
    return (double)bytes / 4.0;
}

static double (*const generators[])(const struct look *look, GString *out) = {
    failures,       losses,   free_slots,  class_rounding, block_rounding, class_fit,   cached,
    remote_pending, overhead, empty_slabs, empty_at_end,   broken_blocks,  never_freed,
};

static void finding_free(gpointer data)
{
    struct view_finding *finding = data;
    g_free(finding->text);
    g_free(finding);
}

static void add(GPtrArray *findings, double bytes, GString *text)
{
    struct view_finding *finding = g_new(struct view_finding, 1);
    finding->bytes = bytes;
    finding->text = g_string_free(text, FALSE);
    g_ptr_array_add(findings, finding);
}

static int by_bytes(gconstpointer a, gconstpointer b)
{
    const struct view_finding *x = *(struct view_finding *const *)a;
    const struct view_finding *y = *(struct view_finding *const *)b;
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

/* Where nothing costs much, that is what there is to say. */
static void add_nothing(const struct look *look, GPtrArray *findings)
{
    GString *text = g_string_new(NULL);
    guint64 requested = view_count(look->peak, "split.requested");
    if (requested == 0) {
        g_string_append(text, "The trace asks for no memory.");
    } else {
        append_percent(text, share(requested, look->occupied));
        g_string_append(text, " of the pages in use at peak is what was asked for; nothing stands "
                              "out.");
    }
    add(findings, 0.0, text);
}

GPtrArray *view_findings(JsonObject *report)
{
    struct look look = {
        .report = report,
        .peak = view_object(report, "peak"),
        .end = view_object(report, "end"),
        .occupied = view_count(report, "peak.occupied"),
        .events = view_count(report, "result.events"),
    };
    GPtrArray *findings = g_ptr_array_new_with_free_func(finding_free);
    gboolean asked = view_count(report, "result.allocated_bytes") > 0;
    for (guint i = 0; i < G_N_ELEMENTS(generators) && (asked || i == 0); i++) {
        GString *text = g_string_new(NULL);
        double bytes = generators[i](&look, text);
        if (bytes > 0.0 && bytes >= LEAST_SHARE * (double)look.occupied)
            add(findings, bytes, text);
        else
            g_string_free(text, TRUE);
    }
    if (findings->len == 0)
        add_nothing(&look, findings);
    g_ptr_array_sort(findings, by_bytes);
    if (findings->len > FINDINGS_SHOWN)
        g_ptr_array_set_size(findings, FINDINGS_SHOWN);
    return findings;
}
