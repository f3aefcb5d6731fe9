/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of sizes, lifetimes, sections, and of who pins pages; and the page map. */
#include "csv.h"
#include "histogram.h"
#include "report.h"

static void live(GString *out, const struct object_live *live)
{
    csv_count(out, live->count);
    csv_count(out, live->bytes);
}

void report_csv_sizes(const struct report *report, GString *out)
{
    const struct objects *objects = report->objects;
    g_string_append(out, "kind,size,to,allocs,bytes,live_at_peak,live_at_peak_bytes,live_at_end,"
                         "live_at_end_bytes\n");
    for (guint row = 0; row < OBJECTS_SIZES; row++) {
        const struct object_size *size = &objects->size[row];
        guint64 low, high;
        if (size->asked.count == 0)
            continue;
        objects_range(row, &low, &high);
        g_string_append(out, "object");
        csv_count(out, low);
        if (high == 0)
            g_string_append_c(out, ',');
        else
            csv_count(out, high);
        live(out, &size->asked);
        live(out, &size->at_peak);
        live(out, &size->live);
        g_string_append_c(out, '\n');
    }
    for (guint order = 0; order < OBJECTS_ORDERS; order++) {
        const struct object_size *size = &objects->order[order];
        if (size->asked.count == 0)
            continue;
        g_string_append_printf(out, "order %u", order);
        csv_count(out, report->page_size << order);
        csv_count(out, report->page_size << order);
        live(out, &size->asked);
        live(out, &size->at_peak);
        live(out, &size->live);
        g_string_append_c(out, '\n');
    }
}

void report_csv_powers(const struct report *report, GString *out)
{
    struct size_power power[OBJECTS_POWERS];
    guint first = 0, last = 0;
    g_string_append(out, "power,allocs,bytes,live_at_peak,live_at_peak_bytes,live_at_end,"
                         "live_at_end_bytes\n");
    histogram_sizes(report->objects, power);
    if (!histogram_size_range(power, &first, &last))
        return;
    for (guint i = first; i <= last; i++) {
        g_string_append_printf(out, "%u", i);
        live(out, &power[i].asked);
        live(out, &power[i].at_peak);
        live(out, &power[i].at_end);
        g_string_append_c(out, '\n');
    }
}

static void lifetimes(const struct object_lifetimes power[OBJECTS_POWERS], GString *out)
{
    guint first = 0, last = 0;
    g_string_append(out, "power,freed,freed_bytes,censored,censored_bytes\n");
    if (!histogram_lifetime_range(power, &first, &last))
        return;
    for (guint i = first; i <= last; i++) {
        g_string_append_printf(out, "%u", i);
        live(out, &power[i].freed);
        live(out, &power[i].censored);
        g_string_append_c(out, '\n');
    }
}

void report_csv_lifetimes(const struct report *report, GString *out)
{
    lifetimes(report->objects->time, out);
}

void report_csv_lifetimes_bytes(const struct report *report, GString *out)
{
    lifetimes(report->objects->bytes, out);
}

static void sections(const struct moment *moment, const char *name, GString *out)
{
    for (guint i = 0; i < moment->snapshot.sections; i++) {
        const struct replay_section *section = &moment->snapshot.section[i];
        g_string_append_printf(out, "%s,%u", name, i);
        csv_count(out, section->pages);
        csv_count(out, section->free_pages);
        csv_fraction(out,
                     ratio((double)(section->pages - section->free_pages), (double)section->pages));
        g_string_append_c(out, '\n');
    }
}

void report_csv_sections(const struct report *report, GString *out)
{
    g_string_append(out, "moment,section,pages,free_pages,used\n");
    sections(&report->sampler->peak, "peak", out);
    sections(&report->sampler->end, "end", out);
    sections(&report->sampler->drained, "end_drained", out);
}

static void pins(const struct report *report, const struct pins *pins, const char *moment,
                 GString *out)
{
    for (guint i = 0; i < pins->groups; i++) {
        const struct pin_group *group = &pins->group[i];
        g_string_append_printf(out, "%s,%s", moment, group->slab ? "slab" : "block");
        csv_count(out, group->given);
        csv_text(out, trace_name(report->reader, group->cache));
        csv_text(out, trace_name(report->reader, group->site));
        csv_count(out, group->count);
        csv_count(out, group->requested);
        csv_count(out, group->slab_bytes);
        csv_count(out, group->block_bytes);
        csv_count(out, group->oldest);
        csv_count(out, group->youngest);
        csv_count(out, group->median_age);
        csv_count(out, group->threads);
        csv_count(out, group->thread);
        csv_count(out, group->cpus);
        g_string_append_c(out, '\n');
    }
}

void report_csv_pins(const struct report *report, GString *out)
{
    g_string_append(out, "moment,kind,given,cache,site,count,requested_bytes,slab_bytes,"
                         "block_bytes,oldest_event,youngest_event,median_age_events,threads,"
                         "thread,cpus\n");
    pins(report, &report->sampler->peak.pins, "peak", out);
    pins(report, &report->sampler->end.pins, "end", out);
}

/* A matrix: a line for each row of pages, from the lowest address up; a number for each moment. */
void report_csv_page_map(const struct report *report, GString *out)
{
    const struct page_map *map = report->map;
    g_string_append_printf(
        out,
        "# A line for %" G_GUINT64_FORMAT " bytes, a column for each moment. 0 free, 1 at most 1/4 "
        "in use, 2-5 slabs (at most 1/4, 1/2, 3/4 live, more), 6 page blocks, 7 records and CPU "
        "state, 8 CPUs' page lists\n",
        map->row_pages * map->page_size);
    for (guint row = 0, rows = page_map_rows_used(map); row < rows; row++) {
        for (guint column = 0; column < map->filled; column++) {
            if (column > 0)
                g_string_append_c(out, ',');
            g_string_append_c(out, (char)('0' + page_map_state(map, column, row)));
        }
        g_string_append_c(out, '\n');
    }
}
