/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder's fixed record, as the record that all formats are turned into. */
#ifndef BSA_CLI_TRACE_FIXED_H
#define BSA_CLI_TRACE_FIXED_H

#include <glib.h>

#include "clock.h"
#include "format.h"
#include "spool.h"

/* fixed: as it stands in a file; thread: of its chunk. */
void trace_fixed_record(const struct trace_fixed *fixed, guint32 thread, struct trace_clock *clock,
                        struct trace_record *record);

/* NULL, or what is wrong with a record, whoever wrote it. pages: it may concern page blocks. */
const char *trace_record_wrong(const struct trace_record *record, gboolean pages);

#endif
