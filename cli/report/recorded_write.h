/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of the recorded allocator, in files. */
#ifndef BSA_CLI_REPORT_RECORDED_WRITE_H
#define BSA_CLI_REPORT_RECORDED_WRITE_H

#include "../common/json.h"
#include "recorded.h"

/* The member "recorded" of report.json and recorded.json. */
void put_recorded_pages(JsonBuilder *json, const struct recorded *recorded);
/* recorded.csv: a line for each sample. */
void recorded_csv(const struct recorded *recorded, GString *out);

/* recorded.json and recorded.csv, where there is no other report. name is the trace's. */
gboolean recorded_write(const struct recorded *recorded, const struct replay_options *options,
                        const char *name, GError **error);

#endif
