/* SPDX-License-Identifier: Apache-2.0 */
/* The report of bsa-trace stats for programs; bsa-trace(1) tells its members. */
#include "../common/json.h"
#include "../trace/kinds.h"
#include "stats.h"
#include "tool.h"

/* Version of the layout; it grows when a member changes its meaning or goes. */
#define STATS_SCHEMA 1

static void put_kinds(JsonBuilder *json, const char *name, const guint64 counts[TRACE_KINDS])
{
    begin_object(json, name);
    for (guint kind = 0; kind < TRACE_KINDS; kind++)
        put_count(json, trace_kind_name(kind), counts[kind]);
    json_builder_end_object(json);
}

static void put_histogram(JsonBuilder *json, const char *name,
                          const struct stats_histogram *histogram)
{
    begin_object(json, name);
    put_count(json, "count", histogram->total);
    put_ratio(json, "mean", histogram->sum / (double)histogram->total);
    begin_list(json, "buckets");
    for (guint i = 0; i < STATS_BUCKETS; i++) {
        if (histogram->count[i] == 0)
            continue;
        json_builder_begin_object(json);
        put_count(json, "up_to", stats_bucket_limit(i));
        put_count(json, "count", histogram->count[i]);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void put_hot(JsonBuilder *json, const struct stats *stats)
{
    struct stats_size hot[STATS_HOT_SIZES];
    guint shown = stats_hot_sizes(stats, hot);
    begin_list(json, "hot_sizes");
    for (guint i = 0; i < shown; i++) {
        json_builder_begin_object(json);
        put_count(json, "size", hot[i].size);
        put_count(json, "count", hot[i].count);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_orders(JsonBuilder *json, const struct stats *stats)
{
    guint orders = STATS_ORDERS;
    while (orders > 0 && stats->order[orders - 1] == 0)
        orders--;
    put_counts(json, "page_blocks_by_order", stats->order, orders);
}

static void put_live(JsonBuilder *json, const char *name, const struct stats_peak *live)
{
    begin_object(json, name);
    put_count(json, "bytes", live->bytes);
    put_count(json, "objects", live->objects);
    put_count(json, "object_bytes", live->object_bytes);
    put_count(json, "page_blocks", live->blocks);
    put_count(json, "page_block_bytes", live->pages_bytes);
    if (live->event > 0) {
        put_count(json, "event", live->event);
        put_count(json, "time_ns", live->time_ns);
    }
    json_builder_end_object(json);
}

/* names: of caches, which have no frees out and in but a peak; NULL: threads or CPUs. */
static void put_parties(JsonBuilder *json, const char *name, const char *who, const GArray *parties,
                        const trace_reader *names)
{
    begin_list(json, name);
    for (guint i = 0; i < parties->len; i++) {
        const struct stats_party *party = &g_array_index(parties, struct stats_party, i);
        json_builder_begin_object(json);
        if (names != NULL)
            put_text(json, who, trace_name(names, party->id));
        else
            put_count(json, who, party->id);
        put_count(json, "allocs", party->allocs);
        put_count(json, "frees", party->frees);
        put_count(json, "reallocs", party->reallocs);
        put_count(json, "page_allocs", party->page_allocs);
        put_count(json, "page_frees", party->page_frees);
        put_count(json, "bytes", party->bytes);
        if (names != NULL) {
            put_count(json, "live", party->live);
            put_count(json, "peak_live", party->peak);
        } else {
            put_count(json, "frees_out", party->out);
            put_count(json, "frees_in", party->in);
        }
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_reallocs(JsonBuilder *json, const struct stats *stats)
{
    begin_object(json, "reallocs");
    put_count(json, "grown", stats->grown);
    put_count(json, "grown_bytes", stats->grown_bytes);
    put_count(json, "shrunk", stats->shrunk);
    put_count(json, "shrunk_bytes", stats->shrunk_bytes);
    put_count(json, "same", stats->same);
    json_builder_end_object(json);
}

char *stats_json(const struct stats_report *report)
{
    const struct stats *stats = report->stats;
    const struct trace_summary *summary = trace_summary(report->reader);
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-trace stats");
    put_count(json, "schema", STATS_SCHEMA);
    put_text(json, "trace", report->trace);
    put_text(json, "format", summary->format);
    put_flag(json, "kernel", summary->kernel);
    put_text(json, "layer", tool_layer_name(report->layer));
    put_count(json, "events", stats->events);
    put_count(json, "duration_ns", summary->duration_ns);
    put_kinds(json, "kinds", stats->kind);
    put_kinds(json, "failed", stats->failed);
    put_count(json, "implicit_frees", stats->implicit_frees);
    put_count(json, "cross_thread_frees", stats->cross_thread_frees);
    put_count(json, "cross_cpu_frees", stats->cross_cpu_frees);
    put_count(json, "lost_events", stats->lost);
    put_count(json, "object_bytes", stats->object_bytes);
    put_count(json, "page_block_bytes", stats->page_bytes);
    put_count(json, "slab_page_blocks", stats->slab_blocks);
    put_reallocs(json, stats);
    put_live(json, "peak", &stats->peak);
    put_count(json, "peak_objects", stats->peak_objects);
    put_live(json, "never_freed", &stats->now);
    put_histogram(json, "sizes", &stats->sizes);
    put_hot(json, stats);
    put_count(json, "sizes_not_told_apart", stats->large_more);
    put_histogram(json, "lifetimes_ns", &stats->life_ns);
    put_histogram(json, "lifetimes_bytes", &stats->life_bytes);
    put_orders(json, stats);
    put_histogram(json, "page_block_lifetimes_ns", &stats->block_ns);
    put_parties(json, "threads", "thread", stats->threads, NULL);
    put_parties(json, "cpus", "cpu", stats->cpus, NULL);
    put_parties(json, "caches", "name", stats->caches, report->reader);
    put_hygiene(json, trace_hygiene(report->reader));
    json_builder_end_object(json);
    return finish_json(json);
}
