/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a report, from what a replay left behind. */
#ifndef BSA_CLI_REPORT_REPORT_H
#define BSA_CLI_REPORT_REPORT_H

#include <glib.h>

#include "../replay/execute.h"
#include "../replay/measure.h"
#include "../replay/minimum.h"
#include "../replay/options.h"
#include "curve.h"
#include "fit.h"
#include "metrics.h"
#include "recorded.h"
#include "sampler.h"

struct report_timing {
    double read_seconds;    /* first pass over the trace */
    double regions_seconds; /* all replays in other regions */
    double replay_seconds;
    double write_seconds; /* files of the report, without pictures */
    double draw_seconds;
};

struct report {
    char *trace_name; /* last part of the path; reports do not depend on folders */
    const char *allocator, *allocator_version;
    guint64 page_size;
    const struct replay_options *options;
    const struct trace_summary *summary;
    const struct trace_hygiene *hygiene;
    trace_reader *reader; /* for its names */
    const struct replay_execution *execution;
    const struct sampler *sampler;
    const struct objects *objects;
    const struct page_map *map;
    const struct fit *fit;
    const struct replay_cache_counters *counters; /* one per CPU */
    const struct replay_minimum *minimum;         /* where searched */
    const struct curve *curve;                    /* where it has points */
    const struct recorded *recorded;              /* where it was taken */
    const struct replay_measure *measure;         /* of a replay by batches */
    struct report_timing timing;
};

/* The files of an earlier report go before anything is written, so that what lies there is of one
 * run. */
gboolean report_remove(const char *directory, GError **error);

/* The tables and report.json, or none of them. */
gboolean report_write(const struct report *report, GError **error);

gboolean report_write_timing(const struct report *report, GError **error);

/* report.json's text. */
char *report_json(const struct report *report);
char *report_timing_json(const struct report *report);

/* Tables. */
void report_csv_timeline(const struct report *report, GString *out);
gboolean report_csv_thinned(const struct report *report); /* pictures show a part of it */
void report_csv_drawn(const struct report *report, GString *out);
void report_csv_free_blocks(const struct report *report, GString *out);
void report_csv_classes(const struct report *report, GString *out);
void report_csv_caches(const struct report *report, GString *out);
void report_csv_cpus(const struct report *report, GString *out);
void report_csv_sizes(const struct report *report, GString *out);
void report_csv_powers(const struct report *report, GString *out);
void report_csv_lifetimes(const struct report *report, GString *out);
void report_csv_lifetimes_bytes(const struct report *report, GString *out);
void report_csv_sections(const struct report *report, GString *out);
void report_csv_pins(const struct report *report, GString *out);
void report_csv_page_map(const struct report *report, GString *out);
void report_csv_curve(const struct report *report, GString *out);
gboolean report_csv_has_recorded(const struct report *report);
void report_csv_recorded(const struct report *report, GString *out);
void report_csv_failures(const struct report *report, GString *out);
void report_csv_latency(const struct report *report, GString *out);

/* Of a named cache of the replay. */
const char *report_cache_name(const struct report *report, guint cache);

/* "short", "fragmented" or "unknown". */
const char *report_memory_name(enum replay_memory memory);

#endif
