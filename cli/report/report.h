/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a report, from what a replay left behind. */
#ifndef BSA_CLI_REPORT_REPORT_H
#define BSA_CLI_REPORT_REPORT_H

#include <glib.h>

#include "../common/figures.h"
#include "../replay/execute.h"
#include "../replay/minimum.h"
#include "../replay/options.h"
#include "curve.h"
#include "metrics.h"
#include "sampler.h"

/* Version of report.json's layout; it grows when a member changes its meaning or goes. */
#define REPORT_SCHEMA 1

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
    const struct replay_execution *execution;
    const struct sampler *sampler;
    const struct replay_cache_counters *counters; /* one per CPU */
    const struct replay_minimum *minimum;         /* where searched */
    const struct curve *curve;                    /* where it has points */
    struct report_timing timing;
};

/* Makes DIR where it is missing, and tries that it can be written to: before the work, not after.
 */
gboolean report_prepare(const char *directory, GError **error);

/* report.txt, report.json, timeline.csv and the gnuplot scripts. The files of an earlier report are
 * removed first, so that what lies there is of one run. */
gboolean report_write(const struct report *report, GError **error);

/* Runs gnuplot on each script. What has been written stays, whatever happens here. */
gboolean report_draw(const struct report *report, GError **error);

gboolean report_write_timing(const struct report *report, GError **error);

/* Each kind of file as text. */
void report_text(const struct report *report, GString *out);
char *report_json(const struct report *report);
char *report_timing_json(const struct report *report);
void report_csv(const struct report *report, GString *out);
void report_curve_csv(const struct report *report, GString *out);

struct report_plot {
    const char *name; /* of the script and the pictures, without what follows the dot */
    void (*script)(const struct report *report, GString *out);
    gboolean curve; /* of curve.csv, where there is one; else of timeline.csv */
};
/* Drawn in this report? */
gboolean report_plot_wanted(const struct report *report, guint index);
extern const struct report_plot report_plots[];
extern const guint report_plot_count;

/* Parts of report.txt. */
void report_text_memory(const struct report *report, GString *out);
void report_text_external(const struct report *report, GString *out);
void report_text_regions(const struct report *report, GString *out);
void report_text_classes(const struct report *report, GString *out);
void report_text_cpus(const struct report *report, GString *out);
void report_text_trace(const struct report *report, GString *out);

#endif
