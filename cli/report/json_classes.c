/* SPDX-License-Identifier: Apache-2.0 */
/* report.json: size classes, the kernel's named caches, and what the recorded allocator gave. */
#include <buddyslab.h>

#include "json_parts.h"

static void put_row(JsonBuilder *json, const struct moment *moment, guint number, const char *name)
{
    const struct replay_class *class = &moment->snapshot.size_class[number];
    const struct replay_live *live = &moment->live[number];
    json_builder_begin_object(json);
    if (name != NULL)
        put_text(json, "name", name);
    put_count(json, "object_size", class->object_size);
    put_count(json, "slab_pages", class->slab_pages);
    put_count(json, "objects_per_slab", class->objects_per_slab);
    put_count(json, "slabs", class->slabs);
    put_count(json, "slab_bytes", class->slab_bytes);
    put_count(json, "slots", class->slots);
    put_count(json, "empty_slabs", class->empty_slabs);
    put_count(json, "live", class->live);
    put_count(json, "most_live", live->most);
    put_count(json, "in_magazines", class->in_magazines);
    put_count(json, "in_depot", class->in_depot);
    put_count(json, "free", class->free);
    put_count(json, "remote_pending", class->remote_pending);
    put_count(json, "requested_bytes", live->requested);
    put_count(json, "allocs", live->allocs);
    json_builder_end_object(json);
}

void put_classes(JsonBuilder *json, const struct report *report, const struct moment *moment)
{
    const struct replay_live *blocks = &moment->live[REPLAY_BLOCKS];
    guint classes = moment->snapshot.classes;
    begin_list(json, "classes");
    for (guint i = 0; i < classes; i++)
        put_row(json, moment, i, NULL);
    json_builder_end_array(json);
    begin_list(json, "caches");
    for (guint i = 0; i < moment->snapshot.caches; i++)
        put_row(json, moment, classes + i, report_cache_name(report, i));
    json_builder_end_array(json);
    begin_object(json, "blocks");
    put_count(json, "live", blocks->count);
    put_count(json, "requested_bytes", blocks->requested);
    put_count(json, "given_bytes", blocks->given);
    put_count(json, "allocs", blocks->allocs);
    json_builder_end_object(json);
}

const char *report_cache_name(const struct report *report, guint cache)
{
    return trace_name(report->reader, report->execution->caches->cache[cache].name);
}

/* What became of the kernel's named caches, as a text for people. */
static const char *named_caches(const struct report *report)
{
    if (report->options->heap.general)
        return "general size classes (counterfactual)";
    return report->execution->caches == NULL || report->execution->caches->objects == 0
               ? "none in the trace"
               : "caches of their own";
}

void put_caches(JsonBuilder *json, const struct report *report)
{
    const struct replay_caches *caches = report->execution->caches;
    put_text(json, "caches", report->options->heap.general ? "general" : "named");
    put_text(json, "named_caches", named_caches(report));
    if (caches == NULL)
        return;
    begin_object(json, "cache_objects");
    put_count(json, "caches", caches->count);
    put_count(json, "named", caches->objects);
    put_count(json, "too_large", caches->too_large);
    put_count(json, "too_many", caches->too_many);
    put_count(json, "unnamed", caches->unnamed);
    put_count(json, "largest_object", BSA_MAX_CACHE_OBJECT);
    json_builder_end_object(json);
}

static void put_reading(JsonBuilder *json, const char *name, guint64 requested, guint64 given)
{
    put_ratio(json, name, ratio((double)(given - requested), (double)given));
}

static void put_given(JsonBuilder *json, const char *name, const struct object_given *given)
{
    begin_object(json, name);
    put_count(json, "objects", given->count);
    put_count(json, "requested_bytes", given->requested);
    put_count(json, "given_bytes", given->given);
    json_builder_end_object(json);
}

/* The same for what was given here, page events left out, which nobody rounds. */
static void put_here(JsonBuilder *json, const struct report *report)
{
    const struct replay_account *account = &report->execution->account;
    const struct moment *peak = &report->sampler->peak, *end = &report->sampler->end;
    guint64 requested = peak->sample.split.part[SPLIT_REQUESTED];
    begin_object(json, "here");
    put_reading(json, "cumulative", account->requested_ever - account->page_bytes_ever,
                account->given_ever - account->page_bytes_ever);
    put_reading(json, "live_at_end", account->requested - end->page_bytes,
                account->given - end->page_bytes);
    put_reading(json, "live_at_peak", requested - peak->page_bytes,
                peak->sample.given - peak->page_bytes);
    json_builder_end_object(json);
}

void put_recorded(JsonBuilder *json, const struct report *report)
{
    const struct objects *objects = report->objects;
    if (objects->given.count == 0)
        return;
    begin_object(json, "recorded_sizes");
    put_given(json, "all", &objects->given);
    put_given(json, "peak", &objects->given_at_peak);
    put_given(json, "end", &objects->given_live);
    begin_object(json, "internal_fragmentation");
    put_reading(json, "cumulative", objects->given.requested, objects->given.given);
    put_reading(json, "live_at_end", objects->given_live.requested, objects->given_live.given);
    put_reading(json, "live_at_peak", objects->given_at_peak.requested,
                objects->given_at_peak.given);
    json_builder_end_object(json);
    put_here(json, report);
    json_builder_end_object(json);
}
