/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a trace file as bsa-trace(5) describes it. A writer holds one chunk in memory and a table
 * of its chunks; records or events go to it in the order in which they shall be read again.
 */
#ifndef BSA_CLI_TRACE_WRITER_H
#define BSA_CLI_TRACE_WRITER_H

#include <glib.h>

#include "event.h"
#include "format.h"
#include "meta.h"
#include "names.h"
#include "spool.h"

struct trace_writer_options {
    enum trace_level level;
    gboolean kernel;          /* a kernel's trace */
    guint32 page_size;        /* bytes of the recorded machine's page frame */
    gboolean addresses;       /* keep them at TRACE_LEVEL_REPLAYABLE too; a raw file always does */
    gint compression;         /* zstd's level, 0: a sensible one */
    const trace_names *names; /* what cache, site and gfp of the records or events refer to; it may
                                 grow while the writer is used, and outlives it */
};

typedef struct trace_writer trace_writer;

/* path "-" is standard output. NULL and error, which names the file, on failure. */
trace_writer *trace_writer_open(const char *path, const struct trace_writer_options *options,
                                GError **error);

/* All that is in meta; more than once: what is new or has changed counts from then on. */
gboolean trace_writer_meta(trace_writer *writer, const trace_meta *meta, GError **error);

/* At TRACE_LEVEL_RAW; records need no order among threads, but those of one thread come in order.
 */
gboolean trace_writer_record(trace_writer *writer, const struct trace_record *record,
                             GError **error);
gboolean trace_writer_records(trace_writer *writer, const struct trace_record *records,
                              guint32 count, GError **error);

/* At TRACE_LEVEL_REPLAYABLE. */
gboolean trace_writer_event(trace_writer *writer, const struct trace_event *event, GError **error);

/* From now on a thread makes chunks of the events, while the caller brings the next ones; what
 * fails there is told by a later call. Only at TRACE_LEVEL_RAW, where chunks do not depend on each
 * other. */
void trace_writer_use_thread(trace_writer *writer);

/* How many of the chunks that are written overlap in time at most: so many a reader has in memory
 * at once. At TRACE_LEVEL_RAW. */
guint trace_writer_overlap(trace_writer *writer);

/* The file goes to another place when it is done, in the folder of the first. */
void trace_writer_move(trace_writer *writer, const char *path);

/* Writes what is left, the index and the trailer. The writer is gone in either case. */
gboolean trace_writer_close(trace_writer *writer, GError **error);

/* Gives up: a file that was being written is removed. NULL is nothing. */
void trace_writer_abandon(trace_writer *writer);

#endif
