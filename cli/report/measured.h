/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay by batches measured, in the files of a report. */
#ifndef BSA_CLI_REPORT_MEASURED_H
#define BSA_CLI_REPORT_MEASURED_H

#include <json-glib/json-glib.h>

#include "../replay/measure.h"

/* A member of timing.json or backends.json. */
void put_measure(JsonBuilder *json, const char *name, const struct replay_measure *measure);

/* Lines of latency.csv and of memory.csv for one allocator, and their first lines. */
#define LATENCY_CSV_HEAD "backend,call,up_to_ns,count\n"
#define MEMORY_CSV_HEAD "backend,event,seconds,requested_bytes,used_bytes\n"
void measured_latency_lines(const char *backend, const struct replay_measure *measure,
                            GString *out);
void measured_memory_lines(const char *backend, const struct replay_measure *measure, GString *out);

#endif
