/* SPDX-License-Identifier: Apache-2.0 */
/* Events gathered until they are a chunk's, and turned into its columns. */
#ifndef BSA_CLI_TRACE_ENCODE_H
#define BSA_CLI_TRACE_ENCODE_H

#include <glib.h>

#include "columns.h"
#include "spool.h"

typedef struct trace_encoder trace_encoder;

/* addresses: keep them at TRACE_LEVEL_REPLAYABLE too. */
trace_encoder *trace_encoder_new(enum trace_level level, gboolean addresses);

/* At TRACE_LEVEL_REPLAYABLE. Slots are dense: a new one is the number of those that were used. */
void trace_encoder_event(trace_encoder *encoder, const struct trace_record *event, guint32 slot);

/* At TRACE_LEVEL_RAW: as many of the records as there is room for, which it returns. */
guint32 trace_encoder_records(trace_encoder *encoder, const struct trace_record *records,
                              guint32 count);
guint32 trace_encoder_count(const trace_encoder *encoder); /* since the last chunk */

/* Appends the chunk's content, and begins the next; there is at least one event. */
void trace_encoder_finish(trace_encoder *encoder, GByteArray *content, guint64 *lowest_ns,
                          guint64 *highest_ns);
void trace_encoder_free(trace_encoder *encoder);

#endif
