/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a chunk, read a block of events at a time. Whatever the bytes are, memory is
 * bounded by the chunk and every index is checked; that slots live is for the caller to check.
 */
#ifndef BSA_CLI_TRACE_DECODE_H
#define BSA_CLI_TRACE_DECODE_H

#include <glib.h>

#include "columns.h"

#define TRACE_DECODE_BLOCK 128u
/* Memory that a decoder needs for each event of a chunk: two numbers, see decode.c. */
#define TRACE_DECODE_EVENT_BYTES (2 * sizeof(guint64))

typedef struct trace_decoder trace_decoder;

trace_decoder *trace_decoder_new(enum trace_level level);

/*
 * Begins a chunk of so many events; the content stays the caller's, and has TRACE_NUMBERS_SLACK
 * bytes that can be read behind it. names: by a name's number in the file, ours; number 0 is there.
 * NULL, or what is wrong.
 */
const char *trace_decoder_begin(trace_decoder *decoder, const guint8 *content, gsize bytes,
                                guint32 events, const guint32 *names, guint32 name_count);

/* Slots that had been used before this chunk, by its own word. */
guint32 trace_decoder_slots(const trace_decoder *decoder);

/*
 * Up to TRACE_DECODE_BLOCK events, 0 at the chunk's end. Of an object that ends, and at
 * TRACE_LEVEL_REPLAYABLE also of one that is named by its slot, what the chunk does not tell is 0.
 * number and line are 0. *wrong: NULL, or why there are none.
 */
guint32 trace_decoder_block(trace_decoder *decoder, struct trace_event *events, const char **wrong);
void trace_decoder_free(trace_decoder *decoder);

#endif
