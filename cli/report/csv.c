/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.csv, one line per sample, and what pictures are drawn from: columns with names, bytes as
 * integers. */
#include <math.h>

#include "csv.h"
#include "report.h"

#define LINES_DRAWN 2400u /* a picture has not more columns */
#define BOXES_DRAWN 400u  /* nor more boxes in a row */

/* "0", or "0_1" where CPUs share a column. */
static void append_cpus(const struct report *report, guint column, GString *out)
{
    guint first, last;
    sampler_column(report->sampler, report->execution->cpus, column, &first, &last);
    g_string_append_printf(out, "%u", first);
    if (last != first)
        g_string_append_printf(out, "_%u", last);
}

gboolean report_csv_has_recorded(const struct report *report)
{
    return report->recorded != NULL && report->recorded->taken && report->recorded->figures;
}

/* Where a request failed, or the replay ended early, the two may not meet at an event. */
static void csv_recorded(const struct report *report, guint64 event, GString *out)
{
    const struct recorded_sample *sample = recorded_at(report->recorded, event);
    if (sample != NULL)
        csv_count(out, recorded_occupied(report->recorded, sample));
    else
        csv_fraction(out, NAN);
}

static void header(const struct report *report, GString *out)
{
    static const char *const of_cpus[] = {"remote_frees", "objects", "misses"};
    g_string_append(out, "event,seconds,peak");
    for (guint i = 0; i < SPLIT_PARTS; i++)
        g_string_append_printf(out, ",%s", split_names[i].key);
    g_string_append(
        out, ",given,occupied,managed,address_span,live_objects,live_blocks,cache_slabs,failed,"
             "internal_fragmentation,requested_min,requested_max,occupied_min,"
             "occupied_max,free_pages");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",free_blocks_%u", order);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        g_string_append_printf(out, ",unusable_%u", order);
    for (guint i = 0; i < G_N_ELEMENTS(of_cpus); i++) {
        for (guint column = 0; column < report->sampler->columns; column++) {
            g_string_append_printf(out, ",%s_cpu", of_cpus[i]);
            append_cpus(report, column, out);
        }
    }
    if (report_csv_has_recorded(report))
        g_string_append(out, ",recorded_occupied");
    g_string_append_c(out, '\n');
}

static void line(const struct report *report, guint index, GString *out)
{
    const struct sampler *sampler = report->sampler;
    const struct sample *sample = &sampler->sample[index];
    const struct sampler_cpus *cpus = &sampler->cpus[(gsize)index * sampler->columns];
    guint64 requested = sample->split.part[SPLIT_REQUESTED];
    g_string_append_printf(out, "%" G_GUINT64_FORMAT ",", sample->event);
    append_seconds(out, sample->time_ns);
    csv_count(out, sample->peak ? 1 : 0);
    for (guint i = 0; i < SPLIT_PARTS; i++)
        csv_count(out, sample->split.part[i]);
    csv_count(out, sample->given);
    csv_count(out, sample->occupied);
    csv_count(out, sample->managed);
    csv_count(out, sample->span);
    csv_count(out, sample->live_objects);
    csv_count(out, sample->live_blocks);
    csv_count(out, sample->cache_slabs);
    csv_count(out, sample->failed);
    csv_fraction(out, ratio((double)(sample->given - requested), (double)sample->given));
    csv_count(out, sample->window.requested_low);
    csv_count(out, sample->window.requested_high);
    csv_count(out, sample->window.occupied_low);
    csv_count(out, sample->window.occupied_high);
    csv_count(out, free_pages(sample->free_blocks));
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        csv_count(out, sample->free_blocks[order]);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        csv_fraction(out, unusable_free_space_index(sample->free_blocks, order));
    for (guint column = 0; column < sampler->columns; column++)
        csv_count(out, cpus[column].remote);
    for (guint column = 0; column < sampler->columns; column++)
        csv_count(out, cpus[column].objects);
    for (guint column = 0; column < sampler->columns; column++)
        csv_count(out, cpus[column].misses);
    if (report_csv_has_recorded(report))
        csv_recorded(report, sample->event, out);
    g_string_append_c(out, '\n');
}

void report_csv_timeline(const struct report *report, GString *out)
{
    header(report, out);
    for (guint i = 0; i < report->sampler->count; i++)
        line(report, i, out);
}

gboolean report_csv_thinned(const struct report *report)
{
    return report->sampler->count > LINES_DRAWN;
}

/* Of each of so many intervals the samples with the least and the most pages in use. */
void report_csv_drawn(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    guint intervals = LINES_DRAWN / 2;
    header(report, out);
    for (guint i = 0; i < intervals; i++) {
        guint from = (guint)((guint64)sampler->count * i / intervals);
        guint to = (guint)((guint64)sampler->count * (i + 1) / intervals);
        guint least = from, most = from;
        for (guint k = from; k < to; k++) {
            if (sampler->sample[k].occupied < sampler->sample[least].occupied)
                least = k;
            if (sampler->sample[k].occupied > sampler->sample[most].occupied)
                most = k;
        }
        if (from < to)
            line(report, MIN(least, most), out);
        if (least != most)
            line(report, MAX(least, most), out);
    }
}

/* free-blocks.csv: of each interval the most free blocks of each order. */
void report_csv_free_blocks(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    guint rows = MIN(sampler->count, BOXES_DRAWN);
    g_string_append(out, "event,seconds");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",order_%u", order);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < rows; i++) {
        guint from = (guint)((guint64)sampler->count * i / rows);
        guint to = (guint)((guint64)sampler->count * (i + 1) / rows);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT ",", sampler->sample[to - 1].event);
        append_seconds(out, sampler->sample[to - 1].time_ns);
        for (guint order = 0; order < REPLAY_ORDERS; order++) {
            guint64 most = 0;
            for (guint k = from; k < to; k++)
                most = MAX(most, sampler->sample[k].free_blocks[order]);
            csv_count(out, most);
        }
        g_string_append_c(out, '\n');
    }
}
