/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a trace file at TRACE_LEVEL_RAW in one order of time. Chunks of one thread follow
 * each other; those of columns do as far as their times let them. Each such row of chunks has one
 * chunk open, of which a part is in memory.
 */
#ifndef BSA_CLI_TRACE_MERGE_H
#define BSA_CLI_TRACE_MERGE_H

#include <glib.h>

#include "clock.h"
#include "dictionary.h"
#include "file.h"
#include "spool.h"

typedef struct trace_merge trace_merge;

/* All stay the caller's. */
trace_merge *trace_merge_new(trace_file *file, struct trace_dictionary *dictionary);

/* Goes over the file and notes where the chunks are, the names, the metadata, and the clock. */
gboolean trace_merge_scan(trace_merge *merge, GError **error);

/* The next record: 1, 0 at the end, -1 and error. It is valid until the next call. */
int trace_merge_next(trace_merge *merge, const struct trace_record **record, GError **error);
/* The first record is the next one again; behind a scan. */
void trace_merge_rewind(trace_merge *merge);
void trace_merge_free(trace_merge *merge);

#endif
