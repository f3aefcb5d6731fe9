/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep for people: the runs of a grid of settings beside each other, from sweep.json. */
#ifndef BSA_CLI_VIEW_SWEEP_H
#define BSA_CLI_VIEW_SWEEP_H

#include "plot.h"

/* The table in a folder, with a member "overlaid": how many runs there are to be drawn over each
 * other. */
JsonNode *view_open_sweep(const char *folder, GError **error);

/* sweep.txt and sweep.html. */
void view_sweep_text(JsonObject *sweep, GString *out);
void view_sweep_page(const char *folder, JsonObject *sweep, GString *out);

/* What they and the pictures share. */

guint view_sweep_runs(JsonObject *sweep);
guint view_sweep_keys(JsonObject *sweep);
JsonObject *view_sweep_run(JsonObject *sweep, guint run);
const char *view_sweep_key(JsonObject *sweep, guint key);
guint view_sweep_values(JsonObject *sweep, guint key); /* how many */
const char *view_sweep_value(JsonObject *sweep, guint key, guint index);

/* Runs from one value of a key to the next, as the values of the last key change fastest. */
guint view_sweep_stride(JsonObject *sweep, guint key);
/* A figure of a run; NaN: it has none. */
double view_sweep_figure(JsonObject *sweep, guint run, const char *figure);
/* Its least and greatest value in any run; false: no run has it. */
gboolean view_sweep_range(JsonObject *sweep, const char *figure, double *least, double *most);
/* "cpus=2,classes=fine", without the key that is left out (or all). */
void view_sweep_name(JsonObject *sweep, guint run, guint left_out, GString *out);

#endif
