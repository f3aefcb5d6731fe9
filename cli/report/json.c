/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.json: for programs. The same trace and options give the same bytes: no time of day, no
 * duration of this run, no path, nothing of the machine, and not which threads did the work.
 * Ratios without a value (a fragmentation index where the request would succeed) are null.
 */
#include <buddyslab.h>

#include "../common/schema.h"
#include "../trace/hygiene.h"
#include "json_fit.h"
#include "json_parts.h"
#include "measured.h"
#include "recorded_write.h"

/* What is older than the trace, where it was asked for, and how its sizes were found. */
static void put_prelude(JsonBuilder *json, const struct report *report)
{
    const trace_prelude *prelude = trace_reader_prelude(report->reader);
    if (!report->options->prelude)
        return;
    begin_object(json, "prelude");
    put_count(json, "seed", report->options->prelude_seed);
    put_count(json, "objects", report->summary->prelude);
    put_count(json, "bytes", report->summary->prelude_bytes);
    begin_object(json, "sizes_by");
    for (guint rule = 0; rule < TRACE_PRELUDE_RULES; rule++)
        put_count(json, trace_prelude_rule_name(rule),
                  prelude == NULL ? 0 : trace_prelude_by_rule(prelude, rule));
    json_builder_end_object(json);
    json_builder_end_object(json);
}

/* One ratio for each order that a report shows. */
static void put_orders(JsonBuilder *json, const char *name, const double ratios[REPORT_ORDERS])
{
    begin_list(json, name);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        add_ratio(json, ratios[order]);
    json_builder_end_array(json);
}

static gboolean is_untimed(const struct report *report)
{
    char *clock = trace_meta_text(trace_reader_meta(report->reader), "clock");
    gboolean untimed = g_strcmp0(clock, TRACE_CLOCK_RECORDS) == 0;
    g_free(clock);
    return untimed;
}

static void put_trace(JsonBuilder *json, const struct report *report)
{
    const struct trace_summary *summary = report->summary;
    begin_object(json, "trace");
    put_text(json, "name", report->trace_name);
    put_text(json, "format", summary->format);
    put_text(json, "layer", replay_layer_name(report->options->layer));
    put_flag(json, "kernel", summary->kernel);
    put_count(json, "events", summary->events);
    put_flag(json, "untimed", is_untimed(report));
    put_count(json, "duration_ns", summary->duration_ns);
    put_count(json, "recorded_cpus", summary->cpus);
    put_count(json, "threads", summary->threads);
    put_count(json, "peak_live_bytes", summary->peak_live_bytes);
    put_count(json, "peak_live_pages", summary->peak_live_pages);
    put_count(json, "peak_late_bytes", summary->peak_late_bytes);
    put_count(json, "peak_early_bytes", summary->peak_early_bytes);
    put_text(json, "implicit", replay_bound_name(report->options->implicit));
    put_prelude(json, report);
    put_count(json, "peak_slots", summary->peak_slots);
    put_count(json, "max_size", summary->max_size);
    json_builder_end_object(json);
}

/* How events were run; nothing of it depends on the machine. */
static void put_engine(JsonBuilder *json, const struct replay_engine_options *engine)
{
    put_text(json, "schedule", replay_order_name(engine->order));
    if (engine->order == REPLAY_CAUSAL)
        put_count(json, "window", engine->window);
    if (engine->order == REPLAY_PACED)
        put_ratio(json, "speed", engine->speed);
    if (engine->migrate > 0.0) {
        put_ratio(json, "migrate", engine->migrate);
        put_count(json, "seed", engine->seed);
    }
    put_count(json, "cpu_switches_asked", engine->control.switches);
    put_flag(json, "verified", engine->verify);
    put_count(json, "validated_every", engine->control.validate_every);
    put_count(json, "reclaim_every", engine->control.reclaim_every);
}

/* How libbuddyslab was set up. */
static void put_heap(JsonBuilder *json, const struct replay_heap_options *heap)
{
    put_text(json, "classes", heap->classes);
    put_limit(json, "magazine", heap->magazine_objects);
    put_limit(json, "page_lists", heap->page_list_pages);
    put_limit(json, "keep_empty", heap->keep_empty);
    put_count(json, "low_bytes", heap->low);
}

static void put_replay(JsonBuilder *json, const struct report *report)
{
    const struct replay_execution *execution = report->execution;
    const struct replay_regions *regions = execution->regions;
    begin_object(json, "replay");
    put_text(json, "allocator", report->allocator);
    put_text(json, "allocator_version", report->allocator_version);
    put_count(json, "page_size", report->page_size);
    put_count(json, "cpus", execution->cpus);
    put_text(json, "cpu_map", replay_cpu_map_name(report->options->cpu_map));
    put_engine(json, &report->options->engine);
    put_heap(json, &report->options->heap);
    put_caches(json, report);
    put_count(json, "samples", report->sampler->count);
    put_flag(json, "regions_from_trace", regions->automatic);
    begin_list(json, "regions");
    for (guint i = 0; i < regions->count; i++)
        json_builder_add_int_value(json, (gint64)regions->region[i].bytes);
    json_builder_end_array(json);
    begin_list(json, "region_added_after_event");
    for (guint i = 0; i < regions->used; i++)
        json_builder_add_int_value(json, (gint64)regions->region[i].added);
    json_builder_end_array(json);
    put_count(json, "regions_used", regions->used);
    put_count(json, "region_bytes_used", replay_regions_bytes(regions));
    json_builder_end_object(json);
}

static void put_result(JsonBuilder *json, const struct report *report)
{
    const struct replay_execution *execution = report->execution;
    const struct replay_account *account = &execution->account;
    begin_object(json, "result");
    put_count(json, "events", execution->events);
    put_flag(json, "partial", execution->partial);
    put_count(json, "cpu_switches", execution->switches);
    put_count(json, "failed", execution->failed);
    put_count(json, "failed_bytes", execution->failed_bytes);
    put_count(json, "failed_short", execution->failed_by[REPLAY_MEMORY_SHORT]);
    put_count(json, "failed_fragmented", execution->failed_by[REPLAY_MEMORY_FRAGMENTED]);
    put_count(json, "failed_low", execution->low.failed);
    put_count(json, "low_requests", execution->low.asked);
    put_count(json, "reclaims", execution->control.reclaims);
    put_count(json, "reclaimed_bytes", execution->control.reclaimed_bytes);
    put_count(json, "frees_of_failed", execution->skipped_frees);
    put_count(json, "reallocs_of_failed", execution->skipped_reallocs);
    put_count(json, "live_at_end", execution->live_end);
    put_count(json, "live_at_end_bytes", account->requested);
    put_count(json, "allocated_bytes", account->requested_ever);
    put_count(json, "given_bytes", account->given_ever);
    put_count(json, "peak_requested_bytes", account->peak_requested);
    put_count(json, "peak_requested_event", account->peak_event);
    put_count(json, "peak_occupied_bytes", account->occupied.max_size);
    put_count(json, "occupied_at_peak_bytes", account->occupied.size_at_peak);
    put_count(json, "peak_address_span_bytes", account->span.max_size);
    begin_list(json, "first_failures");
    for (guint64 i = 0; i < MIN(execution->failed, REPLAY_FAILURES_SHOWN); i++) {
        const struct replay_failure *failure = &execution->failure[i];
        json_builder_begin_object(json);
        put_count(json, "event", failure->number);
        put_count(json, "line", failure->line);
        put_count(json, "time_ns", failure->time_ns);
        put_count(json, "thread", failure->thread);
        put_count(json, "cpu", failure->cpu);
        put_count(json, "bytes", failure->size);
        put_count(json, "align", failure->align);
        put_flag(json, "pages", failure->pages);
        put_flag(json, "low", failure->low);
        put_text(json, "memory", report_memory_name(failure->memory));
        put_counts(json, "free_blocks", failure->free_blocks, REPLAY_ORDERS);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

void put_external(JsonBuilder *json, const guint64 counts[REPLAY_ORDERS])
{
    struct external_fragmentation external = external_fragmentation(counts);
    put_count(json, "free_pages", free_pages(counts));
    put_ratio(json, "largest_free_share", external.largest_free_share);
    put_counts(json, "free_blocks", counts, REPLAY_ORDERS);
    put_orders(json, "unusable_free_space_index", external.unusable);
    put_orders(json, "fragmentation_index", external.fragmentation);
}

static void put_moment(JsonBuilder *json, const struct report *report, const char *name,
                       const struct moment *moment)
{
    begin_object(json, name);
    put_count(json, "event", moment->sample.event);
    put_count(json, "time_ns", moment->sample.time_ns);
    put_count(json, "region_bytes", moment->snapshot.region_bytes);
    put_count(json, "managed", moment->sample.managed);
    put_count(json, "occupied", moment->sample.occupied);
    put_count(json, "low_managed", moment->snapshot.low_managed);
    put_count(json, "low_free", moment->snapshot.low_free);
    put_count(json, "given", moment->sample.given);
    put_count(json, "cpus_used", moment->snapshot.cpus_used);
    begin_object(json, "split");
    for (guint i = 0; i < SPLIT_PARTS; i++)
        put_count(json, split_names[i].key, moment->sample.split.part[i]);
    json_builder_end_object(json);
    put_external(json, moment->sample.free_blocks);
    put_classes(json, report, moment);
    put_sections(json, moment);
    put_pins(json, report, &moment->pins);
    json_builder_end_object(json);
}

void put_ratios(JsonBuilder *json, const char *name, const struct heap_ratios *ratios)
{
    begin_object(json, name);
    put_ratio(json, "average", ratios->average);
    put_ratio(json, "at_maximum_live", ratios->at_max_live);
    put_ratio(json, "at_maximum_heap", ratios->at_max_heap);
    put_ratio(json, "maximum_over_maximum", ratios->max_over_max);
    put_ratio(json, "of_means", ratios->of_means);
    json_builder_end_object(json);
}

void put_internal(JsonBuilder *json, const struct internal_fragmentation *internal)
{
    begin_object(json, "internal_fragmentation");
    put_ratio(json, "cumulative", internal->cumulative);
    put_ratio(json, "live_at_end", internal->at_end);
    put_ratio(json, "live_at_peak", internal->at_peak);
    put_ratio(json, "over_events", internal->over_events);
    put_ratio(json, "over_bytes_allocated", internal->over_bytes);
    json_builder_end_object(json);
}

static void put_measures(JsonBuilder *json, const struct report *report)
{
    const struct replay_account *account = &report->execution->account;
    struct internal_fragmentation internal = internal_fragmentation(account);
    put_internal(json, &internal);
    struct heap_ratios pages = heap_ratios(account, &account->occupied);
    struct heap_ratios span = heap_ratios(account, &account->span);
    begin_object(json, "heap_over_live");
    put_ratios(json, "pages", &pages);
    put_ratios(json, "addresses", &span);
    json_builder_end_object(json);
}

static void put_trial(JsonBuilder *json, const char *name, const struct replay_trial *trial)
{
    begin_object(json, name);
    put_count(json, "region_bytes", trial->region_bytes);
    put_count(json, "managed", trial->managed);
    put_count(json, "peak_occupied_bytes", trial->peak_occupied);
    put_count(json, "failed_event", trial->failed_event);
    json_builder_end_object(json);
}

static void put_minimum(JsonBuilder *json, const struct replay_minimum *minimum)
{
    if (!minimum->searched)
        return;
    begin_object(json, "smallest_region");
    put_trial(json, "smallest", &minimum->smallest);
    put_trial(json, "one_page_less", &minimum->below);
    put_trial(json, "ample", &minimum->ample);
    put_ratio(json, "over_peak_occupied",
              ratio((double)minimum->smallest.region_bytes, (double)minimum->ample.peak_occupied));
    put_count(json, "replays", minimum->trials);
    json_builder_end_object(json);
}

static void put_fragmentation(JsonBuilder *json, const char *name,
                              const struct external_fragmentation *external, gboolean moment)
{
    begin_object(json, name);
    put_ratio(json, "largest_free_share", external->largest_free_share);
    put_orders(json, "unusable_free_space_index", external->unusable);
    if (moment)
        put_orders(json, "fragmentation_index", external->fragmentation);
    json_builder_end_object(json);
}

static void put_curve_point(JsonBuilder *json, const struct curve_point *point)
{
    json_builder_begin_object(json);
    put_ratio(json, "factor", point->percent / 100.0);
    put_count(json, "region_bytes", point->region_bytes);
    if (point->started) {
        put_count(json, "managed", point->managed);
        put_count(json, "failed", point->failed);
        put_count(json, "failed_bytes", point->failed_bytes);
        put_count(json, "peak_requested_bytes", point->peak_requested);
        put_count(json, "peak_occupied_bytes", point->peak_occupied);
        put_internal(json, &point->internal);
        begin_object(json, "heap_over_live");
        put_ratios(json, "pages", &point->pages);
        put_ratios(json, "addresses", &point->addresses);
        json_builder_end_object(json);
        put_fragmentation(json, "mean", &point->mean, FALSE);
        put_fragmentation(json, "peak", &point->peak, TRUE);
        put_fragmentation(json, "end", &point->end, TRUE);
        put_fragmentation(json, "end_drained", &point->drained, TRUE);
    }
    json_builder_end_object(json);
}

static void put_curve(JsonBuilder *json, const struct curve *curve)
{
    if (curve->count == 0)
        return;
    begin_object(json, "curve");
    put_count(json, "peak_occupied_bytes", curve->base);
    begin_list(json, "points");
    for (guint i = 0; i < curve->count; i++)
        put_curve_point(json, &curve->point[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void put_cpus(JsonBuilder *json, const struct report *report)
{
    begin_list(json, "cpus");
    for (guint cpu = 0; cpu < report->execution->cpus; cpu++) {
        const struct replay_cpu *trace = &report->execution->cpu[cpu];
        const struct replay_cache_counters *counters = &report->counters[cpu];
        json_builder_begin_object(json);
        put_count(json, "cpu", cpu);
        put_count(json, "events", trace->events);
        put_count(json, "allocs", trace->allocs);
        put_count(json, "frees", trace->frees);
        put_count(json, "reallocs", trace->reallocs);
        put_count(json, "reallocs_moved", trace->moved);
        put_count(json, "page_allocs", trace->page_allocs);
        put_count(json, "page_frees", trace->page_frees);
        put_count(json, "remote_frees_out", trace->remote_out);
        put_count(json, "remote_frees_in", trace->remote_in);
        put_count(json, "magazine_refills", counters->refills);
        put_count(json, "magazine_flushes", counters->flushes);
        put_count(json, "depot_gets", counters->depot_gets);
        put_count(json, "depot_puts", counters->depot_puts);
        put_count(json, "objects_sent_home", counters->sent_home);
        put_count(json, "blocks_allocated", counters->blocks);
        put_count(json, "page_list_hits", counters->page_list_hits);
        put_count(json, "slabs_added", counters->slabs_added);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

/* The largest values of the time line, which tell a picture what there is to draw. */
static void put_maximum(JsonBuilder *json, const struct sampler *sampler)
{
    struct memory_split most = {{0}};
    struct sampler_cpus cpus = {0};
    guint64 free_blocks = 0;
    guint highest = 0;
    for (guint i = 0; i < sampler->count; i++) {
        const struct sample *sample = &sampler->sample[i];
        for (guint part = 0; part < SPLIT_PARTS; part++)
            most.part[part] = MAX(most.part[part], sample->split.part[part]);
        for (guint order = 0; order < REPLAY_ORDERS; order++) {
            free_blocks = MAX(free_blocks, sample->free_blocks[order]);
            highest = sample->free_blocks[order] > 0 ? MAX(highest, order) : highest;
        }
    }
    for (guint column = 0; sampler->count > 0 && column < sampler->columns; column++) {
        const struct sampler_cpus *last =
            &sampler->cpus[(gsize)(sampler->count - 1) * sampler->columns + column];
        cpus.remote = MAX(cpus.remote, last->remote);
        cpus.objects = MAX(cpus.objects, last->objects);
    }
    begin_object(json, "maximum");
    for (guint part = 0; part < SPLIT_PARTS; part++)
        put_count(json, split_names[part].key, most.part[part]);
    put_count(json, "free_blocks", free_blocks);
    put_count(json, "free_block_order", highest);
    put_count(json, "remote_frees", cpus.remote);
    put_count(json, "cpu_objects", cpus.objects);
    json_builder_end_object(json);
}

static void put_timeline(JsonBuilder *json, const struct report *report)
{
    const struct sampler *sampler = report->sampler;
    begin_object(json, "timeline");
    put_count(json, "samples", sampler->count);
    put_flag(json, "thinned", report_csv_thinned(report));
    put_maximum(json, sampler);
    struct external_fragmentation mean = sampler_mean(sampler);
    put_fragmentation(json, "mean", &mean, FALSE);
    begin_list(json, "cpu_columns");
    for (guint column = 0; column < sampler->columns; column++) {
        guint first, last;
        guint64 events = 0;
        sampler_column(sampler, report->execution->cpus, column, &first, &last);
        for (guint cpu = first; cpu <= last; cpu++)
            events += report->execution->cpu[cpu].events;
        json_builder_begin_object(json);
        put_count(json, "first", first);
        put_count(json, "last", last);
        put_count(json, "events", events);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void put_formulas(JsonBuilder *json)
{
    begin_object(json, "formulas");
    for (guint i = 0; i < SPLIT_PARTS; i++)
        put_text(json, split_names[i].key, split_names[i].formula);
    put_text(
        json, "unusable_free_space_index",
        "(F - S_j 2^j) / F, F = free pages, S_j = sum over o >= j of n_o 2^(o-j); F = 0 gives 1");
    put_text(
        json, "fragmentation_index",
        "1 - (1 + F / 2^j) / B, B = number of free blocks; null where the request would succeed");
    put_text(json, "largest_free_share", "pages of the largest free block / F; F = 0 gives 0");
    put_text(json, "internal_fragmentation", "(given - requested) / given");
    put_text(json, "drain_latency_events",
             "mean of pending remote frees over the samples / (objects sent home / events)");
    put_text(
        json, "heap_over_live",
        "Wilson and Johnstone's four ratios of H (pages in use, or addresses from the lowest to "
        "the highest so far) to L (requested live bytes); of_means = mean H / mean L");
    json_builder_end_object(json);
}

char *report_json(const struct report *report)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    put_trace(json, report);
    put_replay(json, report);
    put_result(json, report);
    put_moment(json, report, "peak", &report->sampler->peak);
    put_flag(json, "peak_is_exact", report->sampler->peak_exact);
    put_moment(json, report, "end", &report->sampler->end);
    put_moment(json, report, "end_drained", &report->sampler->drained);
    put_measures(json, report);
    put_recorded(json, report);
    put_fit(json, report->fit);
    put_timeline(json, report);
    put_objects(json, report);
    put_remote(json, report);
    put_minimum(json, report->minimum);
    put_curve(json, report->curve);
    if (report->recorded != NULL)
        put_recorded_pages(json, report->recorded);
    put_cpus(json, report);
    put_hygiene(json, report->hygiene);
    put_formulas(json);
    json_builder_end_object(json);
    return finish_json(json);
}

char *report_timing_json(const struct report *report)
{
    const struct report_timing *timing = &report->timing;
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    gboolean threads = report->options->threads || report->options->engine.order != REPLAY_STRICT;
    put_text(json, "execution", threads ? "one thread per CPU" : "one thread");
    put_count(json, "processors", g_get_num_processors());
    put_count(json, "events", report->execution->events);
    put_ratio(json, "read_seconds", timing->read_seconds);
    put_ratio(json, "regions_seconds", timing->regions_seconds);
    put_ratio(json, "replay_seconds", timing->replay_seconds);
    put_ratio(json, "write_seconds", timing->write_seconds);
    put_ratio(json, "draw_seconds", timing->draw_seconds);
    put_ratio(json, "replay_events_per_second",
              (double)report->execution->events / timing->replay_seconds);
    if (report->measure->taken)
        put_measure(json, "measure", report->measure);
    json_builder_end_object(json);
    return finish_json(json);
}
