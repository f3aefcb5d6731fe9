/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a trace file at TRACE_LEVEL_REPLAYABLE: decoded chunk by chunk, twice, so that no
 * event is kept. Memory is one chunk, and what is known of the slots.
 */
#ifndef BSA_CLI_TRACE_STREAM_H
#define BSA_CLI_TRACE_STREAM_H

#include <glib.h>

#include "dictionary.h"
#include "file.h"
#include "import.h"

typedef struct trace_stream trace_stream;

/* file and dictionary become the stream's. */
trace_stream *trace_stream_new(trace_file *file, const struct trace_dictionary *dictionary,
                               const struct trace_options *options);

/*
 * Goes over the whole file: names and metadata, the summary, and the hygiene, which the metadata
 * tells in part. FALSE and error when the file is bad anywhere. Then the stream is at its
 * beginning.
 */
gboolean trace_stream_summarise(trace_stream *stream, struct trace_import *import,
                                struct trace_summary *summary, GError **error);

/* Behind that: whether the file's events tell addresses. */
gboolean trace_stream_has_addresses(const trace_stream *stream);

/* The next events of the layer: 1, 0 at the end, -1 and error. They are the stream's, until the
 * next call. */
int trace_stream_next(trace_stream *stream, const struct trace_event **events, guint32 *count,
                      GError **error);
/* Starts again. */
void trace_stream_rewind(trace_stream *stream);
void trace_stream_free(trace_stream *stream);

#endif
