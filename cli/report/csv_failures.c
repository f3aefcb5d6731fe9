/* SPDX-License-Identifier: Apache-2.0 */
/* failures.csv and latency.csv: requests that were refused, and how long calls took. */
#include "../trace/kinds.h"
#include "csv.h"
#include "measured.h"
#include "report.h"

static const char *const memory_names[REPLAY_MEMORIES] = {"short", "fragmented", "unknown"};

const char *report_memory_name(enum replay_memory memory)
{
    return memory_names[memory];
}

void report_csv_failures(const struct report *report, GString *out)
{
    const struct replay_execution *execution = report->execution;
    g_string_append(out, "event,line,time_ns,thread,cpu,call,bytes,align,memory");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",free_blocks_%u", order);
    g_string_append_c(out, '\n');
    for (guint64 i = 0; i < MIN(execution->failed, REPLAY_FAILURES_KEPT); i++) {
        const struct replay_failure *failure = &execution->failure[i];
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, failure->number);
        csv_count(out, failure->line);
        csv_count(out, failure->time_ns);
        csv_count(out, failure->thread);
        csv_count(out, failure->cpu);
        g_string_append_printf(out, ",%s", trace_kind_name(failure->kind));
        csv_count(out, failure->size);
        csv_count(out, failure->align);
        g_string_append_printf(out, ",%s", report_memory_name(failure->memory));
        for (guint order = 0; order < REPLAY_ORDERS; order++)
            csv_count(out, failure->free_blocks[order]);
        g_string_append_c(out, '\n');
    }
}

void report_csv_latency(const struct report *report, GString *out)
{
    g_string_append(out, LATENCY_CSV_HEAD);
    measured_latency_lines(report->options->engine.backend, report->measure, out);
}
