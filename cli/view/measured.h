/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured by the clock, which report.json does not have: latency.csv and memory.csv. */
#ifndef BSA_CLI_VIEW_MEASURED_H
#define BSA_CLI_VIEW_MEASURED_H

#include "model.h"

/*
 * The report in a folder with a member "measured" for what lies beside it: lists "latency" and
 * "memory" of the lines of a table that belong together, each with "backend", "call", "first",
 * "last" and "count". Where only other allocators were measured that is all that there is. In the
 * folder of a sweep: its table.
 */
JsonNode *view_open(const char *folder, GError **error);

#endif
