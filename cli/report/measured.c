/* SPDX-License-Identifier: Apache-2.0 */
#include "measured.h"

#include "../common/figures.h"
#include "../common/json.h"

static void put_quantiles(JsonBuilder *json, const char *name,
                          const struct replay_quantiles *quantiles)
{
    if (quantiles->count == 0)
        return;
    begin_object(json, name);
    put_count(json, "count", quantiles->count);
    put_ratio(json, "p50_ns", quantiles->p50);
    put_ratio(json, "p90_ns", quantiles->p90);
    put_ratio(json, "p99_ns", quantiles->p99);
    put_ratio(json, "p99_9_ns", quantiles->p999);
    put_ratio(json, "max_ns", quantiles->max);
    json_builder_end_object(json);
}

static void put_memory(JsonBuilder *json, const struct replay_measure *measure)
{
    begin_object(json, "memory");
    put_count(json, "peak_bytes", measure->peak_bytes);
    put_ratio(json, "mean_bytes", measure->mean_bytes);
    put_ratio(json, "mean_over_live", replay_measure_over_live(measure));
    put_count(json, "minor_faults", measure->minor_faults);
    put_count(json, "major_faults", measure->major_faults);
    put_count(json, "looks", measure->looks);
    json_builder_end_object(json);
}

void put_measure(JsonBuilder *json, const char *name, const struct replay_measure *measure)
{
    begin_object(json, name);
    put_count(json, "threads", measure->runners);
    put_count(json, "batches", measure->batches);
    put_count(json, "calls", measure->ops);
    put_ratio(json, "run_seconds", (double)measure->run_ns / 1e9);
    put_ratio(json, "ns_per_call",
              measure->ops == 0 ? 0.0 : (double)measure->run_ns / (double)measure->ops);
    begin_object(json, "waits");
    put_count(json, "for_objects", measure->object_waits);
    put_ratio(json, "for_objects_seconds", (double)measure->object_wait_ns / 1e9);
    put_count(json, "for_window", measure->window_waits);
    put_ratio(json, "for_window_seconds", (double)measure->window_wait_ns / 1e9);
    json_builder_end_object(json);
    put_quantiles(json, "late", &measure->late);
    begin_object(json, "latency");
    for (guint call = 0; call < REPLAY_CALLS; call++)
        put_quantiles(json, replay_call_name(call), &measure->call[call]);
    json_builder_end_object(json);
    if (measure->memory_taken)
        put_memory(json, measure);
    json_builder_end_object(json);
}

void measured_latency_lines(const char *backend, const struct replay_measure *measure, GString *out)
{
    for (guint call = 0; call < REPLAY_CALLS; call++) {
        const struct replay_latency *latency = &measure->latency[call];
        for (guint i = 0; i < LATENCY_BUCKETS; i++) {
            if (latency->bucket[i] == 0)
                continue;
            g_string_append_printf(out, "%s,%s,", backend, replay_call_name(call));
            append_fixed(out, 0, measure->ns_per_tick * (double)replay_latency_value(i), 1);
            g_string_append_printf(out, ",%" G_GUINT64_FORMAT "\n", latency->bucket[i]);
        }
    }
}

void measured_memory_lines(const char *backend, const struct replay_measure *measure, GString *out)
{
    for (guint i = 0; i < measure->samples; i++) {
        const struct replay_memory_sample *sample = &measure->sample[i];
        g_string_append_printf(out, "%s,%" G_GUINT64_FORMAT ",", backend, sample->event);
        append_seconds(out, sample->time_ns);
        g_string_append_printf(out, ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "\n",
                               sample->requested, sample->used);
    }
}
