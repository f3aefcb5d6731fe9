/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: for people, 80 columns. */
#ifndef BSA_CLI_VIEW_TEXT_H
#define BSA_CLI_VIEW_TEXT_H

#include "model.h"

void view_report_text(JsonObject *report, GString *out);

/* tune.txt. */
void view_tune_text(JsonObject *tune, GString *out);

/* Where the recorded allocator alone was looked at. */
void view_recorded_text(JsonObject *report, GString *out);

/* Parts of report.txt. */
void view_text_memory(JsonObject *report, GString *out);
void view_text_external(JsonObject *report, GString *out);
void view_text_recorded(JsonObject *report, GString *out);
void view_text_regions(JsonObject *report, GString *out);
void view_text_classes(JsonObject *report, GString *out);
void view_text_pins(JsonObject *report, GString *out);
void view_text_objects(JsonObject *report, GString *out);
void view_text_cpus(JsonObject *report, GString *out);
void view_text_trace(JsonObject *report, GString *out);
/* What became of what the trace does not show: the prelude, the peak's two bounds, what is so. */
void view_text_prelude(JsonObject *report, GString *out);
void view_text_bounds(JsonObject *report, GString *out);
void view_text_unseen(JsonObject *report, GString *out);

/* text in lines of at most 80 characters; lines after the first begin with so many spaces. */
void view_wrap(GString *out, const char *text, guint indent);

#endif
