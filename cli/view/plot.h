/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One gnuplot script per picture. Each reads a table beside it, and is meant to be changed by hand:
 * axes, size and colours are set at its top.
 *
 * Colours are Okabe and Ito's, which the colour-blind can tell apart; ordered things (orders, many
 * CPUs) take steps of viridis instead, which also keep their order in grey.
 */
#ifndef BSA_CLI_VIEW_PLOT_H
#define BSA_CLI_VIEW_PLOT_H

#include "../common/arguments.h"
#include "model.h"

/* A picture's script in two parts, so that it can be drawn on several terminals. */
struct view_script {
    GString *settings;
    GString *plot;   /* what follows the word plot */
    GString *panels; /* instead of it: commands that draw several plots side by side */
};

struct view_plot {
    const char *name;  /* of the script and the pictures, without what follows the point */
    const char *title; /* what it shows */
    const char *needs; /* an object, list or count of the report that is not empty or 0: else it is
                          not drawn;
                          NULL: nothing */
    void (*write)(JsonObject *report, struct view_script *script);
};

extern const struct view_plot view_plots[];
extern const guint view_plot_count;

gboolean view_plot_wanted(JsonObject *report, guint index);
/* The whole script, which draws these formats: a set of enum picture_format. */
void view_plot_script(JsonObject *report, guint index, guint formats, GString *out);
/* Memory in use, for a terminal of so many characters. */
void view_plot_terminal(JsonObject *report, guint columns, guint lines, GString *out);

/* The pictures. */
void view_plot_occupancy(JsonObject *report, struct view_script *script);
void view_plot_fragmentation(JsonObject *report, struct view_script *script);
void view_plot_free_blocks(JsonObject *report, struct view_script *script);
void view_plot_page_map(JsonObject *report, struct view_script *script);
void view_plot_remote_frees(JsonObject *report, struct view_script *script);
void view_plot_cpu_caches(JsonObject *report, struct view_script *script);
void view_plot_sizes(JsonObject *report, struct view_script *script);
void view_plot_lifetimes(JsonObject *report, struct view_script *script);
void view_plot_curve(JsonObject *report, struct view_script *script);
void view_plot_curve_measures(JsonObject *report, struct view_script *script);
void view_plot_sweep(JsonObject *sweep, struct view_script *script);
void view_plot_sweep_occupancy(JsonObject *sweep, struct view_script *script);
void view_plot_tune(JsonObject *tune, struct view_script *script);
void view_plot_latency(JsonObject *report, struct view_script *script);
void view_plot_recorded(JsonObject *report, struct view_script *script);
void view_plot_memory(JsonObject *report, struct view_script *script);

/* What they share. */
#define VIEW_LINES_WITH_KEY 8u /* more than these are told apart by a colour scale */
extern const char *const view_colours[VIEW_LINES_WITH_KEY];

/* text within gnuplot's double quotes: it runs no command and means nothing to gnuplot. */
void view_quote(GString *out, const char *text);
/* "set title" with the name of the trace; regions: and how much memory there was. */
void view_plot_title(JsonObject *report, GString *out, const char *what, gboolean regions);
/* What stands in it, in quotes; and the name of a trace within quotes. */
void view_plot_title_text(JsonObject *report, GString *out, const char *what, gboolean regions);
void view_plot_name(GString *out, const char *name);
/* The horizontal axis is the count of events, of which there are so many. */
void view_plot_over_events(guint64 events, GString *out);
void view_plot_palette(GString *out, gboolean dark_first);
/* The colour of one of so many lines; many need view_plot_palette. */
void view_plot_colour(GString *out, guint index, guint count);
/* The bytes of a block of an order, "64 KiB". */
void view_plot_order(JsonObject *report, guint order, GString *out);
/* The table of samples that pictures are drawn from. */
const char *view_plot_timeline(JsonObject *report);

#endif
