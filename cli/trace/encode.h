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

/* slot: at TRACE_LEVEL_REPLAYABLE; they are dense: a new one is the number of those that were used.
 */
void trace_encoder_add(trace_encoder *encoder, const struct trace_record *record, guint32 slot);
guint32 trace_encoder_count(const trace_encoder *encoder); /* since the last chunk */

/* Appends the chunk's content, and begins the next; there is at least one event. */
void trace_encoder_finish(trace_encoder *encoder, GByteArray *content, guint64 *lowest_ns,
                          guint64 *highest_ns);
void trace_encoder_free(trace_encoder *encoder);

#endif
