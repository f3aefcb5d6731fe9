/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a report in its folder, each file written whole or not at all. */
#include <string.h>

#include "../common/files.h"
#include "report.h"

static gboolean has_curve(const struct report *report)
{
    return report->curve->count > 0;
}

static gboolean has_pins(const struct report *report)
{
    return report->sampler->end.pins.taken;
}

static gboolean has_map(const struct report *report)
{
    return report->map->filled > 0;
}

static gboolean has_caches(const struct report *report)
{
    return report->sampler->end.snapshot.caches > 0;
}

static gboolean has_failures(const struct report *report)
{
    return report->execution->failed > 0;
}

static gboolean has_latency(const struct report *report)
{
    return report->options->engine.latency && report->measure->taken;
}

static const struct {
    const char *name;
    void (*write)(const struct report *report, GString *out);
    gboolean (*wanted)(const struct report *report); /* NULL: always */
} tables[] = {
    {"timeline.csv", report_csv_timeline, NULL},
    {"timeline-drawn.csv", report_csv_drawn, report_csv_thinned},
    {"free-blocks.csv", report_csv_free_blocks, NULL},
    {"classes.csv", report_csv_classes, NULL},
    {"caches.csv", report_csv_caches, has_caches},
    {"cpus.csv", report_csv_cpus, NULL},
    {"sizes.csv", report_csv_sizes, NULL},
    {"sizes-by-power.csv", report_csv_powers, NULL},
    {"lifetimes.csv", report_csv_lifetimes, NULL},
    {"lifetimes-by-bytes.csv", report_csv_lifetimes_bytes, NULL},
    {"sections.csv", report_csv_sections, NULL},
    {"pins.csv", report_csv_pins, has_pins},
    {"page-map.csv", report_csv_page_map, has_map},
    {"curve.csv", report_csv_curve, has_curve},
    {"recorded.csv", report_csv_recorded, report_csv_has_recorded},
    {"failures.csv", report_csv_failures, has_failures},
    {"latency.csv", report_csv_latency, has_latency},
};

/* What is written elsewhere, or not always. */
static const char *const others[] = {"report.json",   "timing.json",  "backends.json",
                                     "backends.csv",  "backends.txt", "memory.csv",
                                     "recorded.json", "sweep.json",   "sweep.csv"};

static gboolean remove_tables(const char *directory, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        if (!files_remove(directory, tables[i].name, "", error))
            return FALSE;
    }
    return TRUE;
}

gboolean report_remove(const char *directory, GError **error)
{
    if (!remove_tables(directory, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        if (!files_remove(directory, others[i], "", error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_json(const char *directory, const char *name, char *json, GError **error)
{
    gboolean ok = files_write(directory, name, json, strlen(json), error);
    g_free(json);
    return ok;
}

static gboolean write_all(const struct report *report, const char *directory, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        if (tables[i].wanted != NULL && !tables[i].wanted(report))
            continue;
        GString *text = g_string_new(NULL);
        tables[i].write(report, text);
        if (!files_write_string(directory, tables[i].name, text, error))
            return FALSE;
    }
    return write_json(directory, "report.json", report_json(report), error);
}

/* Tables without report.json, which comes last, are nobody's. */
gboolean report_write(const struct report *report, GError **error)
{
    const char *directory = report->options->directory;
    gboolean ok = write_all(report, directory, error);
    if (!ok)
        remove_tables(directory, NULL);
    return ok;
}

gboolean report_write_timing(const struct report *report, GError **error)
{
    return write_json(report->options->directory, "timing.json", report_timing_json(report), error);
}
