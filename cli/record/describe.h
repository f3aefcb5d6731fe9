/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording says of its machine, its command and itself, as bsa-trace(5) names it. */
#ifndef BSA_CLI_RECORD_DESCRIBE_H
#define BSA_CLI_RECORD_DESCRIBE_H

#include <glib.h>

#include "../trace/meta.h"
#include "record.h"

/* Of this moment: tool, time, machine, system, CPUs, page size. */
void record_describe_machine(trace_meta *meta);
void record_describe_command(trace_meta *meta, char *const *argv);

#endif
