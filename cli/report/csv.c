/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.csv, one line per sample, and curve.csv: columns with names, bytes as integers. */
#include "report.h"

static void header(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    g_string_append(out, "event,seconds,peak");
    for (guint i = 0; i < SPLIT_PARTS; i++)
        g_string_append_printf(out, ",%s", split_names[i].key);
    g_string_append(out, ",given,occupied,managed,address_span,live_objects,live_blocks,failed,"
                         "internal_fragmentation,free_pages");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",free_blocks_%u", order);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        g_string_append_printf(out, ",unusable_%u", order);
    for (guint column = 0; column < sampler->columns; column++) {
        guint first, last;
        sampler_column(sampler, report->execution->cpus, column, &first, &last);
        g_string_append_printf(out, ",remote_frees_cpu%u", first);
        if (last != first)
            g_string_append_printf(out, "_%u", last);
    }
    g_string_append_c(out, '\n');
}

static void integer(GString *out, guint64 value)
{
    g_string_append_printf(out, ",%" G_GUINT64_FORMAT, value);
}

static void fraction(GString *out, double value)
{
    g_string_append_c(out, ',');
    append_fixed(out, 0, value, 6);
}

static void line(const struct report *report, guint index, GString *out)
{
    const struct sampler *sampler = report->sampler;
    const struct sample *sample = &sampler->sample[index];
    guint64 requested = sample->split.part[SPLIT_REQUESTED];
    g_string_append_printf(out, "%" G_GUINT64_FORMAT ",", sample->event);
    append_seconds(out, sample->time_ns);
    integer(out, sample->peak ? 1 : 0);
    for (guint i = 0; i < SPLIT_PARTS; i++)
        integer(out, sample->split.part[i]);
    integer(out, sample->given);
    integer(out, sample->occupied);
    integer(out, sample->managed);
    integer(out, sample->span);
    integer(out, sample->live_objects);
    integer(out, sample->live_blocks);
    integer(out, sample->failed);
    fraction(out, ratio((double)(sample->given - requested), (double)sample->given));
    integer(out, free_pages(sample->free_blocks));
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        integer(out, sample->free_blocks[order]);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        fraction(out, unusable_free_space_index(sample->free_blocks, order));
    for (guint column = 0; column < sampler->columns; column++)
        integer(out, sampler->remote[(gsize)index * sampler->columns + column]);
    g_string_append_c(out, '\n');
}

void report_csv(const struct report *report, GString *out)
{
    header(report, out);
    for (guint i = 0; i < report->sampler->count; i++)
        line(report, i, out);
}

/* curve.csv: one line per region. */

static const char *const moments[] = {"mean", "peak", "end", "drained"};

static void curve_header(GString *out)
{
    g_string_append(out, "factor,region,managed,failed,failed_bytes,peak_requested,peak_occupied,"
                         "internal_cumulative,internal_end,internal_peak,internal_events,"
                         "internal_bytes");
    for (guint i = 0; i < 2; i++) {
        const char *of = i == 0 ? "pages" : "addresses";
        g_string_append_printf(out,
                               ",%s_average,%s_maximum_live,%s_maximum_heap,%s_maximum_maximum,"
                               "%s_means",
                               of, of, of, of, of);
    }
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_string_append_printf(out, ",largest_%s", moments[i]);
        for (guint order = 0; order < REPORT_ORDERS; order++)
            g_string_append_printf(out, ",unusable_%s_%u", moments[i], order);
        for (guint order = 0; i > 0 && order < REPORT_ORDERS; order++)
            g_string_append_printf(out, ",fragmentation_%s_%u", moments[i], order);
    }
    g_string_append_c(out, '\n');
}

static void heap_fields(GString *out, const struct heap_ratios *ratios)
{
    fraction(out, ratios->average);
    fraction(out, ratios->at_max_live);
    fraction(out, ratios->at_max_heap);
    fraction(out, ratios->max_over_max);
    fraction(out, ratios->of_means);
}

static void external_fields(GString *out, const struct curve_external *external, gboolean moment)
{
    fraction(out, external->largest_free_share);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        fraction(out, external->unusable[order]);
    for (guint order = 0; moment && order < REPORT_ORDERS; order++)
        fraction(out, external->fragmentation[order]);
}

static void curve_line(const struct curve_point *point, GString *out)
{
    append_fixed(out, 0, point->percent / 100.0, 2);
    integer(out, point->region_bytes);
    integer(out, point->managed);
    integer(out, point->failed);
    integer(out, point->failed_bytes);
    integer(out, point->peak_requested);
    integer(out, point->peak_occupied);
    fraction(out, point->internal.cumulative);
    fraction(out, point->internal.at_end);
    fraction(out, point->internal.at_peak);
    fraction(out, point->internal.over_events);
    fraction(out, point->internal.over_bytes);
    heap_fields(out, &point->pages);
    heap_fields(out, &point->addresses);
    external_fields(out, &point->mean, FALSE);
    external_fields(out, &point->peak, TRUE);
    external_fields(out, &point->end, TRUE);
    external_fields(out, &point->drained, TRUE);
    g_string_append_c(out, '\n');
}

void report_curve_csv(const struct report *report, GString *out)
{
    curve_header(out);
    for (guint i = 0; i < report->curve->count; i++) {
        if (report->curve->point[i].started)
            curve_line(&report->curve->point[i], out);
    }
}
