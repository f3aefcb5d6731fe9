/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "../common/figures.h"
#include "../common/files.h"
#include "../common/json.h"
#include "../common/schema.h"
#include "backends.h"
#include "measured.h"

#define MIB 1048576.0

static gboolean has_figures(const struct backend_row *row)
{
    return row->missing[0] == '\0' && row->rounds > 0;
}

static double per_call(const struct backend_row *row)
{
    if (row->recorded)
        return NAN;
    return row->measure.ops == 0 ? 0.0 : row->median_ns / (double)row->measure.ops;
}

/* Of a path, what people know it by. */
static const char *short_name(const struct backend_row *row)
{
    const char *slash = strrchr(row->name, '/');
    return slash != NULL ? slash + 1 : row->name;
}

static void text_totals(const struct backends *backends, GString *out)
{
    g_string_append_printf(out, "%-14s%10s%9s%10s%10s%11s%9s%7s\n", "backend", "time s", "ns/call",
                           "peak MiB", "mean MiB", "mean/live", "faults", "failed");
    for (guint i = 0; i < backends->count; i++) {
        const struct backend_row *row = &backends->row[i];
        const struct replay_measure *measure = &row->measure;
        if (!has_figures(row))
            continue;
        g_string_append_printf(out, "%-14.14s", short_name(row));
        append_fixed(out, 10, row->median_ns / 1e9, 4);
        append_fixed(out, 9, per_call(row), 1);
        append_fixed(out, 10, (double)measure->peak_bytes / MIB, 1);
        append_fixed(out, 10, measure->mean_bytes / MIB, 1);
        append_fixed(out, 11, replay_measure_over_live(measure), 3);
        if (row->recorded)
            g_string_append_printf(out, "%9s%7s\n", "-", "-");
        else
            g_string_append_printf(out, "%9" G_GUINT64_FORMAT "%7" G_GUINT64_FORMAT "\n",
                                   measure->minor_faults + measure->major_faults, row->failed);
    }
    for (guint i = 0; i < backends->count; i++) {
        if (backends->row[i].missing[0] != '\0')
            g_string_append_printf(out, "%s: left out: %s\n", short_name(&backends->row[i]),
                                   backends->row[i].missing);
    }
}

static void text_call(const struct backends *backends, enum replay_call call, GString *out)
{
    gboolean any = FALSE;
    for (guint i = 0; i < backends->count; i++) {
        const struct replay_quantiles *quantiles = &backends->row[i].measure.call[call];
        if (!has_figures(&backends->row[i]) || quantiles->count == 0)
            continue;
        if (!any)
            g_string_append_printf(out, "\n%-16s%12s%10s%10s%10s%10s%12s\n", replay_call_name(call),
                                   "calls", "p50 ns", "p90", "p99", "p99.9", "max");
        any = TRUE;
        g_string_append_printf(out, "%-16.16s%12" G_GUINT64_FORMAT, short_name(&backends->row[i]),
                               quantiles->count);
        append_fixed(out, 10, quantiles->p50, 0);
        append_fixed(out, 10, quantiles->p90, 0);
        append_fixed(out, 10, quantiles->p99, 0);
        append_fixed(out, 10, quantiles->p999, 0);
        append_fixed(out, 12, quantiles->max, 0);
        g_string_append_c(out, '\n');
    }
}

void backends_text(const struct backends *backends, const struct replay_options *options,
                   GString *out)
{
    const struct backend_row *first = &backends->row[0];
    if (backends->partial)
        g_string_append(out, "Interrupted: figures are of the rounds and events that were done.\n");
    g_string_append_printf(out,
                           "%" G_GUINT64_FORMAT " events, %s order, %u thread%s, median of %u "
                           "round%s\n\n",
                           first->events, replay_order_name(options->engine.order),
                           first->measure.runners, first->measure.runners == 1 ? "" : "s",
                           first->rounds, first->rounds == 1 ? "" : "s");
    text_totals(backends, out);
    for (guint call = 0; call < REPLAY_CALLS; call++)
        text_call(backends, call, out);
    g_string_append(
        out, "\nTime: of the calls alone, with the first write to memory, events decoded ahead.\n"
             "Memory: private memory of the process (Anonymous in smaps_rollup) less what was\n"
             "there before the first event; peak of all kinds (VmHWM); mean/live: over the\n"
             "mean of the bytes asked for. Latency: of single calls, in a round of its own,\n"
             "with the clock's. null: no allocator; what it takes is the replay's own, and is\n"
             "in all other rows too.\n");
    if (options->heap.caches != NULL && options->heap.caches->count > 0)
        g_string_append_printf(out,
                               "Named caches: buddyslab has the trace's %u; others get sizes.\n",
                               options->heap.caches->count);
    if (options->engine.recorded)
        g_string_append(out, "recorded: nothing ran. Memory is what the recorded allocator had in "
                             "use, in pages\nthat live objects touch, by the addresses that it "
                             "gave.\n");
}

static void put_row(JsonBuilder *json, const struct backend_row *row)
{
    json_builder_begin_object(json);
    put_text(json, "backend", row->name);
    if (!has_figures(row)) {
        put_text(json, "missing", row->missing);
    } else {
        put_count(json, "events", row->events);
        put_count(json, "failed", row->failed);
        put_count(json, "live_at_end", row->live_end);
        put_count(json, "rounds", row->rounds);
        put_ratio(json, "median_seconds", row->median_ns / 1e9);
        put_ratio(json, "fastest_seconds", row->fastest_ns / 1e9);
        put_ratio(json, "slowest_seconds", row->slowest_ns / 1e9);
        put_ratio(json, "ns_per_call", per_call(row));
        put_measure(json, "last_round", &row->measure);
    }
    json_builder_end_object(json);
}

static char *to_json(const struct backends *backends, const struct replay_options *options,
                     const struct trace_summary *summary)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    put_text(json, "schedule", replay_order_name(options->engine.order));
    put_count(json, "trace_events", summary->events);
    put_flag(json, "partial", backends->partial);
    begin_list(json, "backends");
    for (guint i = 0; i < backends->count; i++)
        put_row(json, &backends->row[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
    return finish_json(json);
}

static void csv_value(GString *out, double value, int decimals)
{
    g_string_append_c(out, ',');
    append_fixed(out, 0, value, decimals);
}

static void to_csv(const struct backends *backends, GString *out)
{
    g_string_append(out, "backend,events,failed,rounds,median_seconds,fastest_seconds,"
                         "slowest_seconds,ns_per_call,peak_bytes,mean_bytes,mean_over_live,"
                         "minor_faults,major_faults");
    for (guint call = 0; call < REPLAY_CALLS; call++) {
        const char *name = replay_call_name(call);
        g_string_append_printf(out, ",%s_p50_ns,%s_p90_ns,%s_p99_ns,%s_p99_9_ns,%s_max_ns", name,
                               name, name, name, name);
    }
    g_string_append_c(out, '\n');
    for (guint i = 0; i < backends->count; i++) {
        const struct backend_row *row = &backends->row[i];
        const struct replay_measure *measure = &row->measure;
        if (!has_figures(row))
            continue;
        g_string_append_printf(out, "%s,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%u", row->name,
                               row->events, row->failed, row->rounds);
        csv_value(out, row->median_ns / 1e9, 6);
        csv_value(out, row->fastest_ns / 1e9, 6);
        csv_value(out, row->slowest_ns / 1e9, 6);
        csv_value(out, per_call(row), 2);
        g_string_append_printf(out, ",%" G_GUINT64_FORMAT, measure->peak_bytes);
        csv_value(out, measure->mean_bytes, 0);
        csv_value(out, replay_measure_over_live(measure), 4);
        g_string_append_printf(out, ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT,
                               measure->minor_faults, measure->major_faults);
        for (guint call = 0; call < REPLAY_CALLS; call++) {
            const struct replay_quantiles *q = &measure->call[call];
            const double values[] = {q->p50, q->p90, q->p99, q->p999, q->max};
            for (guint k = 0; k < G_N_ELEMENTS(values); k++)
                csv_value(out, values[k], 1);
        }
        g_string_append_c(out, '\n');
    }
}

gboolean backends_write(const struct backends *backends, const struct replay_options *options,
                        const struct trace_summary *summary, GError **error)
{
    const char *folder = options->directory;
    GString *text = g_string_new(NULL), *csv = g_string_new(NULL);
    GString *latency = g_string_new(LATENCY_CSV_HEAD), *memory = g_string_new(MEMORY_CSV_HEAD);
    char *json = to_json(backends, options, summary);
    backends_text(backends, options, text);
    to_csv(backends, csv);
    for (guint i = 0; i < backends->count; i++) {
        if (!has_figures(&backends->row[i]))
            continue;
        measured_latency_lines(backends->row[i].name, &backends->row[i].measure, latency);
        measured_memory_lines(backends->row[i].name, &backends->row[i].measure, memory);
    }
    gboolean ok = files_write(folder, "backends.json", json, strlen(json), error);
    g_free(json);
    ok = files_write_string(folder, "backends.txt", text, ok ? error : NULL) && ok;
    ok = files_write_string(folder, "backends.csv", csv, ok ? error : NULL) && ok;
    ok = files_write_string(folder, "latency.csv", latency, ok ? error : NULL) && ok;
    return files_write_string(folder, "memory.csv", memory, ok ? error : NULL) && ok;
}
