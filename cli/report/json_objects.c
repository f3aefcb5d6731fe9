/* SPDX-License-Identifier: Apache-2.0 */
/* report.json: sizes, lifetimes, sections, who pins pages, the page map. */
#include "histogram.h"
#include "json_parts.h"

#define HOT_SIZES 20u
#define PINS_SHOWN 20u

static void put_live(JsonBuilder *json, const char *name, const char *name_bytes,
                     const struct object_live *live)
{
    put_count(json, name, live->count);
    put_count(json, name_bytes, live->bytes);
}

static void put_powers(JsonBuilder *json, const struct objects *objects)
{
    struct size_power power[OBJECTS_POWERS];
    guint first = 1, last = 0;
    histogram_sizes(objects, power);
    histogram_size_range(power, &first, &last);
    begin_list(json, "powers");
    for (guint i = first; i <= last; i++) {
        json_builder_begin_object(json);
        put_count(json, "power", i);
        put_live(json, "allocs", "bytes", &power[i].asked);
        put_live(json, "live_at_peak", "live_at_peak_bytes", &power[i].at_peak);
        put_live(json, "live_at_end", "live_at_end_bytes", &power[i].at_end);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static guint64 by_allocs(const struct object_size *size)
{
    return size->asked.count;
}

static guint64 by_bytes_at_peak(const struct object_size *size)
{
    return size->at_peak.bytes;
}

static void put_first(JsonBuilder *json, const char *name, const struct objects *objects,
                      guint64 (*measure)(const struct object_size *size))
{
    guint row[HOT_SIZES];
    guint count = histogram_first(objects, measure, row, HOT_SIZES);
    begin_list(json, name);
    for (guint i = 0; i < count; i++) {
        const struct object_size *size = &objects->size[row[i]];
        guint64 low, high;
        objects_range(row[i], &low, &high);
        json_builder_begin_object(json);
        put_count(json, "size", low);
        put_count(json, "to", high);
        put_live(json, "allocs", "bytes", &size->asked);
        put_live(json, "live_at_peak", "live_at_peak_bytes", &size->at_peak);
        put_live(json, "live_at_end", "live_at_end_bytes", &size->live);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_sizes(JsonBuilder *json, const struct objects *objects)
{
    struct size_power sum = histogram_sum(objects);
    begin_object(json, "sizes");
    put_count(json, "distinct", histogram_distinct(objects));
    put_live(json, "allocs", "bytes", &sum.asked);
    put_live(json, "live_at_peak", "live_at_peak_bytes", &sum.at_peak);
    put_live(json, "live_at_end", "live_at_end_bytes", &sum.at_end);
    put_powers(json, objects);
    put_first(json, "hot", objects, by_allocs);
    put_first(json, "most_at_peak", objects, by_bytes_at_peak);
    json_builder_end_object(json);
}

static void put_lifetimes(JsonBuilder *json, const char *name,
                          const struct object_lifetimes power[OBJECTS_POWERS])
{
    guint first = 1, last = 0;
    histogram_lifetime_range(power, &first, &last);
    begin_list(json, name);
    for (guint i = first; i <= last; i++) {
        json_builder_begin_object(json);
        put_count(json, "power", i);
        put_live(json, "freed", "freed_bytes", &power[i].freed);
        put_live(json, "censored", "censored_bytes", &power[i].censored);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_map(JsonBuilder *json, const struct page_map *map)
{
    if (map->filled == 0)
        return;
    begin_object(json, "page_map");
    put_count(json, "columns", map->filled);
    put_count(json, "rows", page_map_rows_used(map));
    put_count(json, "row_bytes", map->row_pages * map->page_size);
    put_count(json, "events", map->event[map->filled - 1]);
    json_builder_end_object(json);
}

void put_objects(JsonBuilder *json, const struct report *report)
{
    put_sizes(json, report->objects);
    begin_object(json, "lifetimes");
    put_count(json, "clock_tick_ns", report->objects->tick_ns);
    put_lifetimes(json, "time", report->objects->time);
    put_lifetimes(json, "bytes_allocated", report->objects->bytes);
    json_builder_end_object(json);
    put_map(json, report->map);
}

void put_sections(JsonBuilder *json, const struct moment *moment)
{
    begin_list(json, "sections");
    for (guint i = 0; i < moment->snapshot.sections; i++) {
        json_builder_begin_object(json);
        put_count(json, "pages", moment->snapshot.section[i].pages);
        put_count(json, "free_pages", moment->snapshot.section[i].free_pages);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_group(JsonBuilder *json, const struct report *report, const struct pin_group *group)
{
    json_builder_begin_object(json);
    put_text(json, "kind", group->slab ? "slab" : "block");
    put_count(json, "given", group->given);
    put_text(json, "cache", trace_name(report->reader, group->cache));
    put_text(json, "site", trace_name(report->reader, group->site));
    put_count(json, "count", group->count);
    put_count(json, "requested_bytes", group->requested);
    put_count(json, "slab_bytes", group->slab_bytes);
    put_count(json, "block_bytes", group->block_bytes);
    put_count(json, "oldest_event", group->oldest);
    put_count(json, "youngest_event", group->youngest);
    put_count(json, "median_age_events", group->median_age);
    put_count(json, "threads", group->threads);
    put_count(json, "thread", group->thread);
    put_count(json, "cpus", group->cpus);
    json_builder_end_object(json);
}

void put_pins(JsonBuilder *json, const struct report *report, const struct pins *pins)
{
    if (!pins->taken)
        return;
    begin_object(json, "pins");
    put_count(json, "event", pins->event);
    put_count(json, "order", PINS_ORDER);
    put_count(json, "slabs", pins->slabs);
    put_count(json, "slab_bytes", pins->slab_bytes);
    put_count(json, "blocks", pins->blocks);
    put_count(json, "block_bytes", pins->block_bytes);
    put_count(json, "idle_block_bytes", pins->idle_bytes);
    begin_list(json, "groups");
    for (guint i = 0; i < MIN(pins->groups, PINS_SHOWN); i++)
        put_group(json, report, &pins->group[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
}

/* Little's law: how long frees wait is how many wait, over how many come. */
void put_remote(JsonBuilder *json, const struct report *report)
{
    const struct sampler *sampler = report->sampler;
    guint64 sent = 0, frees = 0;
    double pending = 0.0;
    guint samples = 0;
    for (guint cpu = 0; cpu < report->execution->cpus; cpu++) {
        sent += report->counters[cpu].sent_home;
        frees += report->execution->cpu[cpu].remote_out;
    }
    for (guint i = 0; i < sampler->count; i++) {
        if (sampler->sample[i].peak)
            continue;
        pending += (double)sampler->sample[i].pending;
        samples++;
    }
    double mean = samples == 0 ? 0.0 : pending / samples;
    begin_object(json, "remote");
    put_count(json, "frees", frees);
    put_count(json, "sent_home", sent);
    put_ratio(json, "mean_pending", mean);
    if (sent > 0)
        put_ratio(json, "drain_latency_events",
                  mean * (double)report->execution->events / (double)sent);
    json_builder_end_object(json);
}
