/* SPDX-License-Identifier: Apache-2.0 */
/* curve.csv: one line per region. */
#include "csv.h"
#include "report.h"

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
    csv_fraction(out, ratios->average);
    csv_fraction(out, ratios->at_max_live);
    csv_fraction(out, ratios->at_max_heap);
    csv_fraction(out, ratios->max_over_max);
    csv_fraction(out, ratios->of_means);
}

static void external_fields(GString *out, const struct external_fragmentation *external,
                            gboolean moment)
{
    csv_fraction(out, external->largest_free_share);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        csv_fraction(out, external->unusable[order]);
    for (guint order = 0; moment && order < REPORT_ORDERS; order++)
        csv_fraction(out, external->fragmentation[order]);
}

static void curve_line(const struct curve_point *point, GString *out)
{
    append_fixed(out, 0, point->percent / 100.0, 2);
    csv_count(out, point->region_bytes);
    csv_count(out, point->managed);
    csv_count(out, point->failed);
    csv_count(out, point->failed_bytes);
    csv_count(out, point->peak_requested);
    csv_count(out, point->peak_occupied);
    csv_fraction(out, point->internal.cumulative);
    csv_fraction(out, point->internal.at_end);
    csv_fraction(out, point->internal.at_peak);
    csv_fraction(out, point->internal.over_events);
    csv_fraction(out, point->internal.over_bytes);
    heap_fields(out, &point->pages);
    heap_fields(out, &point->addresses);
    external_fields(out, &point->mean, FALSE);
    external_fields(out, &point->peak, TRUE);
    external_fields(out, &point->end, TRUE);
    external_fields(out, &point->drained, TRUE);
    g_string_append_c(out, '\n');
}

void report_csv_curve(const struct report *report, GString *out)
{
    curve_header(out);
    for (guint i = 0; i < report->curve->count; i++) {
        if (report->curve->point[i].started)
            curve_line(&report->curve->point[i], out);
    }
}
