/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: size classes, CPUs, and what there is to say about the trace. */
#include "../trace/hygiene.h"
#include "report.h"

#define CPUS_SHOWN 32u

static void class_row(const struct moment *moment, guint i, GString *out)
{
    const struct replay_class *class = &moment->snapshot.size_class[i];
    const struct replay_live *live = &moment->live[i];
    guint64 slots = class->slabs * class->objects_per_slab;
    guint64 bytes = class->slabs * class->slab_pages * moment->snapshot.page_size;
    if (live->allocs == 0 && class->slabs == 0)
        return;
    g_string_append_printf(out,
                           "%6" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT "%8" G_GUINT64_FORMAT
                           "%7" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT
                           "%9" G_GUINT64_FORMAT,
                           class->object_size, live->allocs, class->slabs, class->empty_slabs,
                           slots, live->count, class->in_magazines + class->in_depot);
    append_fixed(out, 9, 100.0 * ratio((double)live->count, (double)slots), 1);
    append_fixed(out, 10, 100.0 * ratio((double)live->requested, (double)bytes), 1);
    g_string_append_c(out, '\n');
}

static void class_table(const struct moment *moment, const char *title, GString *out)
{
    const struct replay_live *blocks = &moment->live[REPLAY_BLOCKS];
    append_heading(out, title);
    g_string_append_printf(out, "%6s%9s%8s%7s%10s%9s%9s%9s%10s\n", "object", "allocs", "slabs",
                           "empty", "slots", "live", "cached", "live %", "asked %");
    for (guint i = 0; i < moment->snapshot.classes; i++)
        class_row(moment, i, out);
    g_string_append_printf(out, "%6s%9" G_GUINT64_FORMAT "%8s%7s%10s%9" G_GUINT64_FORMAT "%9s%9s",
                           "pages", blocks->allocs, "", "", "", blocks->count, "", "");
    append_fixed(out, 10, 100.0 * ratio((double)blocks->requested, (double)blocks->given), 1);
    g_string_append_c(out, '\n');
}

void report_text_classes(const struct report *report, GString *out)
{
    class_table(&report->sampler->peak, "Size classes at peak", out);
    class_table(&report->sampler->end, "Size classes at the end", out);
    g_string_append(out,
                    "allocs: so far. cached: in magazines and depot. live % = live / slots.\n"
                    "asked % = requested bytes of what is live / bytes of the slabs or blocks.\n");
}

static void text_reallocs(const struct replay_execution *execution, GString *out)
{
    guint64 all = 0, moved = 0;
    for (guint cpu = 0; cpu < execution->cpus; cpu++) {
        all += execution->cpu[cpu].reallocs;
        moved += execution->cpu[cpu].moved;
    }
    if (all > 0)
        g_string_append_printf(out,
                               "reallocs: %" G_GUINT64_FORMAT ", of them %" G_GUINT64_FORMAT
                               " moved the object.\n",
                               all, moved);
}

static void cpu_row(const struct report *report, guint cpu, GString *out)
{
    const struct replay_cpu *trace = &report->execution->cpu[cpu];
    const struct replay_cache_counters *counters = &report->counters[cpu];
    guint64 objects = trace->allocs + trace->frees;
    guint64 missed = counters->refills + counters->flushes;
    g_string_append_printf(out,
                           "%4u%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%9" G_GUINT64_FORMAT
                           "%9" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT,
                           cpu, trace->allocs, trace->frees, trace->page_allocs, trace->page_frees,
                           trace->remote_out, trace->remote_in);
    append_fixed(out, 9, 100.0 * (1.0 - MIN(ratio((double)missed, (double)objects), 1.0)), 1);
    append_fixed(out, 8, 100.0 * ratio((double)counters->page_list_hits, (double)counters->blocks),
                 1);
    g_string_append_c(out, '\n');
}

void report_text_cpus(const struct report *report, GString *out)
{
    const struct replay_execution *execution = report->execution;
    guint shown = 0, active = 0;
    append_heading(out, "CPUs");
    g_string_append_printf(out, "%4s%20s%18s%20s%17s\n", "", "objects    ", "page blocks  ",
                           "remote frees   ", "hits, %    ");
    g_string_append_printf(out, "%4s%10s%10s%9s%9s%10s%10s%9s%8s\n", "CPU", "allocs", "frees",
                           "allocs", "frees", "out", "in", "magazine", "pages");
    for (guint cpu = 0; cpu < execution->cpus; cpu++) {
        if (execution->cpu[cpu].events == 0)
            continue;
        active++;
        if (shown < CPUS_SHOWN) {
            cpu_row(report, cpu, out);
            shown++;
        }
    }
    if (active > shown)
        g_string_append_printf(out, "and %u more CPUs, see report.json\n", active - shown);
    if (active < execution->cpus)
        g_string_append_printf(out, "CPUs without an event: %u.\n", execution->cpus - active);
    text_reallocs(execution, out);
    g_string_append(
        out, "out: freed here, allocated on another CPU; in: allocated here, freed elsewhere.\n"
             "magazine = 1 - (refills + flushes) / object allocs and frees;\n"
             "pages = served from the CPU's page lists / all page blocks, large objects too.\n");
}

static void failure_list(const struct report *report, GString *out)
{
    const struct replay_execution *execution = report->execution;
    guint64 shown = MIN(execution->failed, REPLAY_FAILURES_SHOWN);
    append_heading(out, "Failed requests");
    for (guint64 i = 0; i < shown; i++) {
        const struct replay_failure *failure = &execution->failure[i];
        g_string_append_printf(out, "event %" G_GUINT64_FORMAT " (line %" G_GUINT64_FORMAT ") at ",
                               failure->number, failure->line);
        append_fixed(out, 0, (double)failure->time_ns / 1e9, 6);
        g_string_append_printf(out, " s on CPU %u: ", failure->cpu);
        append_bytes(out, failure->size);
        if (failure->pages)
            g_string_append_printf(out, " (order %u)", failure->order);
        g_string_append_c(out, '\n');
    }
    if (execution->failed > shown)
        g_string_append_printf(out, "and %" G_GUINT64_FORMAT " more\n", execution->failed - shown);
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " in all, ", execution->failed);
    append_bytes(out, execution->failed_bytes);
    g_string_append_printf(out, "; %" G_GUINT64_FORMAT " frees and reallocs of them left out.\n",
                           execution->skipped_frees + execution->skipped_reallocs);
    if (execution->failed > 0)
        g_string_append(out, "A larger --region, or one more of them, serves these.\n");
}

void report_text_trace(const struct report *report, GString *out)
{
    failure_list(report, out);
    append_heading(out, "Hygiene of the trace");
    trace_hygiene_text(report->hygiene, out);
}
