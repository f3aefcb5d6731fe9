/* SPDX-License-Identifier: Apache-2.0 */
/* classes.csv, caches.csv and cpus.csv: the tables of report.txt, whole. */
#include "csv.h"
#include "recorded_write.h"
#include "report.h"

#define CLASS_COLUMNS                                                                              \
    "object_size,slab_pages,objects_per_slab,slabs,slab_bytes,slots,empty_slabs,live,"             \
    "in_magazines,in_depot,free,remote_pending,requested_bytes,given_bytes,allocs,most_live\n"

static void class_cells(const struct moment *moment, guint number, GString *out)
{
    const struct replay_class *class = &moment->snapshot.size_class[number];
    const struct replay_live *live = &moment->live[number];
    csv_count(out, class->object_size);
    csv_count(out, class->slab_pages);
    csv_count(out, class->objects_per_slab);
    csv_count(out, class->slabs);
    csv_count(out, class->slab_bytes);
    csv_count(out, class->slots);
    csv_count(out, class->empty_slabs);
    csv_count(out, class->live);
    csv_count(out, class->in_magazines);
    csv_count(out, class->in_depot);
    csv_count(out, class->free);
    csv_count(out, class->remote_pending);
    csv_count(out, live->requested);
    csv_count(out, live->given);
    csv_count(out, live->allocs);
    csv_count(out, live->most);
    g_string_append_c(out, '\n');
}

static void class_lines(const struct moment *moment, const char *name, GString *out)
{
    const struct replay_live *blocks = &moment->live[REPLAY_BLOCKS];
    for (guint i = 0; i < moment->snapshot.classes; i++) {
        g_string_append(out, name);
        class_cells(moment, i, out);
    }
    g_string_append_printf(out, "%s,0,,,,,,,%" G_GUINT64_FORMAT ",,,,", name, blocks->count);
    csv_count(out, blocks->requested);
    csv_count(out, blocks->given);
    csv_count(out, blocks->allocs);
    csv_count(out, blocks->most);
    g_string_append_c(out, '\n');
}

void report_csv_classes(const struct report *report, GString *out)
{
    g_string_append(out, "moment," CLASS_COLUMNS);
    class_lines(&report->sampler->peak, "peak", out);
    class_lines(&report->sampler->end, "end", out);
    class_lines(&report->sampler->drained, "end_drained", out);
}

static void cache_lines(const struct report *report, const struct moment *moment, const char *name,
                        GString *out)
{
    for (guint i = 0; i < moment->snapshot.caches; i++) {
        g_string_append(out, name);
        csv_text(out, report_cache_name(report, i));
        class_cells(moment, moment->snapshot.classes + i, out);
    }
}

void report_csv_caches(const struct report *report, GString *out)
{
    g_string_append(out, "moment,name," CLASS_COLUMNS);
    cache_lines(report, &report->sampler->peak, "peak", out);
    cache_lines(report, &report->sampler->end, "end", out);
    cache_lines(report, &report->sampler->drained, "end_drained", out);
}

void report_csv_recorded(const struct report *report, GString *out)
{
    recorded_csv(report->recorded, out);
}

void report_csv_cpus(const struct report *report, GString *out)
{
    g_string_append(out, "cpu,events,allocs,frees,reallocs,reallocs_moved,page_allocs,page_frees,"
                         "remote_frees_out,remote_frees_in,magazine_refills,magazine_flushes,"
                         "depot_gets,depot_puts,objects_sent_home,blocks_allocated,page_list_hits,"
                         "slabs_added\n");
    for (guint cpu = 0; cpu < report->execution->cpus; cpu++) {
        const struct replay_cpu *trace = &report->execution->cpu[cpu];
        const struct replay_cache_counters *counters = &report->counters[cpu];
        g_string_append_printf(out, "%u", cpu);
        csv_count(out, trace->events);
        csv_count(out, trace->allocs);
        csv_count(out, trace->frees);
        csv_count(out, trace->reallocs);
        csv_count(out, trace->moved);
        csv_count(out, trace->page_allocs);
        csv_count(out, trace->page_frees);
        csv_count(out, trace->remote_out);
        csv_count(out, trace->remote_in);
        csv_count(out, counters->refills);
        csv_count(out, counters->flushes);
        csv_count(out, counters->depot_gets);
        csv_count(out, counters->depot_puts);
        csv_count(out, counters->sent_home);
        csv_count(out, counters->blocks);
        csv_count(out, counters->page_list_hits);
        csv_count(out, counters->slabs_added);
        g_string_append_c(out, '\n');
    }
}
