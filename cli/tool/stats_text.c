/* SPDX-License-Identifier: Apache-2.0 */
/* The report of bsa-trace stats for people, at most 80 columns wide. */
#include "../common/figures.h"
#include "../trace/kinds.h"
#include "stats.h"
#include "tool.h"

#define BAR 28u     /* columns of the longest bar */
#define PARTIES 32u /* lines of a table; the JSON has all */

static void count(GString *out, const char *what, guint64 value)
{
    g_string_append_printf(out, "%-56s%20" G_GUINT64_FORMAT "\n", what, value);
}

static void bytes(GString *out, const char *what, guint64 value)
{
    GString *text = g_string_new(NULL);
    append_bytes(text, value);
    g_string_append_printf(out, "%-56s%20s\n", what, text->str);
    g_string_free(text, TRUE);
}

static void put_kinds(const struct stats *stats, GString *out)
{
    append_heading(out, "Events");
    for (guint kind = 0; kind < TRACE_KINDS; kind++) {
        if (stats->kind[kind] == 0)
            continue;
        count(out, trace_kind_name(kind), stats->kind[kind]);
        if (stats->failed[kind] > 0)
            count(out, "  of them failed", stats->failed[kind]);
    }
    count(out, "all", stats->events);
    count(out, "frees that the trace does not show (implicit)", stats->implicit_frees);
    count(out, "frees of another thread's", stats->cross_thread_frees);
    count(out, "frees of another CPU's", stats->cross_cpu_frees);
    if (stats->lost > 0)
        count(out, "events that the recorder lost", stats->lost);
    bytes(out, "asked for, objects", stats->object_bytes);
    if (stats->kind[TRACE_PAGE_ALLOC] > 0) {
        bytes(out, "asked for, page blocks", stats->page_bytes);
        count(out, "page blocks that held slab objects", stats->slab_blocks);
    }
    if (stats->kind[TRACE_REALLOC] == 0)
        return;
    count(out, "reallocs that grew", stats->grown);
    bytes(out, "  by", stats->grown_bytes);
    count(out, "reallocs that shrank", stats->shrunk);
    bytes(out, "  by", stats->shrunk_bytes);
    count(out, "reallocs to the same size", stats->same);
}

static void put_live(const struct stats_report *report, GString *out)
{
    const struct stats *stats = report->stats;
    const struct stats_peak *peak = &stats->peak, *end = &stats->now;
    gboolean pages = stats->kind[TRACE_PAGE_ALLOC] > 0;
    append_heading(out,
                   pages ? "Live bytes, less page blocks that held slab objects" : "Live bytes");
    bytes(out, "at peak", peak->bytes);
    count(out, "  after event", peak->event);
    g_string_append_printf(out, "%-56s", "  seconds after the start");
    append_fixed(out, 20, (double)peak->time_ns / 1e9, 9);
    g_string_append_c(out, '\n');
    count(out, "  objects", peak->objects);
    bytes(out, "  bytes of objects", peak->object_bytes);
    if (pages) {
        count(out, "  page blocks", peak->blocks);
        bytes(out, "  bytes of page blocks", peak->pages_bytes);
    }
    count(out, "most objects at once", stats->peak_objects);
    count(out, "never freed: objects (censored, not leaked)", end->objects);
    bytes(out, "  their bytes", end->object_bytes);
    if (pages) {
        count(out, "never freed: page blocks", end->blocks);
        bytes(out, "  their bytes", end->pages_bytes);
    }
}

static void append_limit_bytes(GString *out, guint64 value)
{
    append_bytes(out, value);
}

static void append_limit_ns(GString *out, guint64 ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1.0}};
    guint i = 0;
    while (i + 1 < G_N_ELEMENTS(units) && (double)ns < units[i].ns)
        i++;
    append_fixed(out, 0, (double)ns / units[i].ns, units[i].ns > 1.0 ? 2 : 0);
    g_string_append_printf(out, " %s", units[i].unit);
}

static void bar(GString *out, guint64 value, guint64 most)
{
    guint columns = most == 0 ? 0 : (guint)((double)value / (double)most * BAR + 0.5);
    for (guint i = 0; i < columns; i++)
        g_string_append(out, i == 0 ? " #" : "#");
    g_string_append_c(out, '\n');
}

static void put_histogram(const char *title, const struct stats_histogram *histogram,
                          void (*limit)(GString *, guint64), GString *out)
{
    guint first = STATS_BUCKETS, last = 0;
    guint64 most = 0;
    if (histogram->total == 0)
        return;
    for (guint i = 0; i < STATS_BUCKETS; i++) {
        if (histogram->count[i] == 0)
            continue;
        first = MIN(first, i);
        last = i;
        most = MAX(most, histogram->count[i]);
    }
    append_heading(out, title);
    GString *label = g_string_new(NULL);
    for (guint i = first; i <= last; i++) {
        g_string_truncate(label, 0);
        limit(label, stats_bucket_limit(i));
        g_string_append_printf(out, "up to %-12s%14" G_GUINT64_FORMAT, label->str,
                               histogram->count[i]);
        append_fixed(out, 7, 100.0 * (double)histogram->count[i] / (double)histogram->total, 1);
        g_string_append(out, " %");
        bar(out, histogram->count[i], most);
    }
    g_string_assign(label, "");
    limit(label, (guint64)(histogram->sum / (double)histogram->total));
    g_string_append_printf(out, "mean  %s\n", label->str);
    g_string_free(label, TRUE);
}

static void put_orders(const struct stats *stats, GString *out)
{
    guint64 most = 0;
    guint last = 0;
    for (guint order = 0; order < STATS_ORDERS; order++) {
        most = MAX(most, stats->order[order]);
        last = stats->order[order] > 0 ? order : last;
    }
    if (most == 0)
        return;
    append_heading(out, "Page blocks by order");
    for (guint order = 0; order <= last; order++) {
        g_string_append_printf(out, "order %-12u%14" G_GUINT64_FORMAT, order, stats->order[order]);
        append_fixed(
            out, 7, 100.0 * (double)stats->order[order] / (double)stats->kind[TRACE_PAGE_ALLOC], 1);
        g_string_append(out, " %");
        bar(out, stats->order[order], most);
    }
}

static void put_hot(const struct stats *stats, GString *out)
{
    struct stats_size hot[STATS_HOT_SIZES];
    guint shown = stats_hot_sizes(stats, hot);
    if (shown == 0)
        return;
    append_heading(out, "Most frequent sizes in bytes, exactly");
    for (guint i = 0; i < shown; i++) {
        g_string_append_printf(out, "%-18" G_GUINT64_FORMAT "%14" G_GUINT64_FORMAT, hot[i].size,
                               hot[i].count);
        append_fixed(out, 7, 100.0 * (double)hot[i].count / (double)stats->sizes.total, 1);
        g_string_append(out, " %");
        bar(out, hot[i].count, hot[0].count);
    }
    if (stats->large_more > 0)
        count(out, "of further sizes, not told apart", stats->large_more);
}

static void append_short(GString *out, guint64 value)
{
    g_string_append_printf(out, "%12" G_GUINT64_FORMAT, value);
}

static void put_parties(const char *title, const char *who, const GArray *parties, GString *out)
{
    if (parties->len == 0)
        return;
    append_heading(out, title);
    g_string_append_printf(out, "%-10s%12s%12s%12s%12s%12s\n", who, "allocs", "frees", "MiB asked",
                           "frees out", "frees in");
    for (guint i = 0; i < MIN(parties->len, PARTIES); i++) {
        const struct stats_party *party = &g_array_index(parties, struct stats_party, i);
        g_string_append_printf(out, "%-10u", party->id);
        append_short(out, party->allocs + party->page_allocs);
        append_short(out, party->frees + party->page_frees);
        append_fixed(out, 12, (double)party->bytes / 1048576.0, 2);
        append_short(out, party->out);
        append_short(out, party->in);
        g_string_append_c(out, '\n');
    }
    if (parties->len > PARTIES)
        g_string_append_printf(out, "and %u more; --json has all\n", parties->len - PARTIES);
}

static void put_caches(const struct stats_report *report, GString *out)
{
    const GArray *caches = report->stats->caches;
    guint shown = 0;
    if (caches->len < 2)
        return;
    append_heading(out, "Caches");
    g_string_append_printf(out, "%-24s%12s%12s%14s%12s\n", "name", "allocs", "frees", "MiB asked",
                           "peak live");
    for (guint i = 0; i < caches->len; i++) {
        const struct stats_party *cache = &g_array_index(caches, struct stats_party, i);
        if (cache->allocs == 0)
            continue;
        if (++shown > PARTIES)
            break;
        g_string_append_printf(out, "%-24.24s",
                               cache->id == TRACE_NO_NAME ? "(no name)"
                                                          : trace_name(report->reader, cache->id));
        append_short(out, cache->allocs);
        append_short(out, cache->frees);
        append_fixed(out, 14, (double)cache->bytes / 1048576.0, 2);
        append_short(out, cache->peak);
        g_string_append_c(out, '\n');
    }
    if (shown > PARTIES)
        g_string_append(out, "and more; --json has all\n");
}

void stats_text(const struct stats_report *report, GString *out)
{
    const struct stats *stats = report->stats;
    const struct trace_summary *summary = trace_summary(report->reader);
    g_string_append_printf(out, "%s: %s", report->trace, summary->format);
    if (summary->kernel)
        g_string_append_printf(out, ", layer %s", tool_layer_name(report->layer));
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " events in ", stats->events);
    append_fixed(out, 0, (double)summary->duration_ns / 1e9, 6);
    g_string_append_printf(out, " s,\n%u thread%s, %u CPU%s\n", stats->threads->len,
                           stats->threads->len == 1 ? "" : "s", stats->cpus->len,
                           stats->cpus->len == 1 ? "" : "s");
    put_kinds(stats, out);
    put_live(report, out);
    put_histogram("Sizes of objects", &stats->sizes, append_limit_bytes, out);
    put_hot(stats, out);
    put_histogram("Lifetimes of objects that were freed", &stats->life_ns, append_limit_ns, out);
    put_histogram("The same in bytes allocated meanwhile", &stats->life_bytes, append_limit_bytes,
                  out);
    put_orders(stats, out);
    put_histogram("Lifetimes of page blocks that were freed", &stats->block_ns, append_limit_ns,
                  out);
    put_parties("Threads", "thread", stats->threads, out);
    put_parties("CPUs", "CPU", stats->cpus, out);
    put_caches(report, out);
}
