/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a chunk, read a block of events at a time. Whatever the bytes are, memory is
 * bounded by the chunk and by what lives, and every index is checked. At TRACE_LEVEL_REPLAYABLE
 * what begins and ends is followed from chunk to chunk, so that an object that does not live is
 * told, and one that ends has the size that it began with.
 */
#ifndef BSA_CLI_TRACE_DECODE_H
#define BSA_CLI_TRACE_DECODE_H

#include <glib.h>

#include "columns.h"

#define TRACE_DECODE_BLOCK 128u
/* Memory that a decoder needs for each event of a chunk: two numbers, see decode.c. */
#define TRACE_DECODE_EVENT_BYTES (2 * sizeof(guint64))

typedef struct trace_decoder trace_decoder;

trace_decoder *trace_decoder_new(enum trace_level level, guint64 page_size);

/*
 * Begins a chunk of so many events; the content stays the caller's, and has TRACE_NUMBERS_SLACK
 * bytes that can be read behind it. names: by a name's number in the file, ours; number 0 is there.
 * NULL, or what is wrong.
 */
const char *trace_decoder_begin(trace_decoder *decoder, const guint8 *content, gsize bytes,
                                guint32 events, const guint32 *names, guint32 name_count);

/* Slots ever used. */
guint32 trace_decoder_slots(const trace_decoder *decoder);

/* A chunk has told addresses. */
gboolean trace_decoder_has_addresses(const trace_decoder *decoder);

/* Back to before the first chunk. */
void trace_decoder_rewind(trace_decoder *decoder);

/*
 * Up to TRACE_DECODE_BLOCK events, 0 at the chunk's end; line is 0. At TRACE_LEVEL_RAW what the
 * chunk does not tell of an object that ends is 0, and number. former: where the size goes that an
 * object had before it was resized, for as many events; not used at TRACE_LEVEL_RAW. *wrong: NULL,
 * or what is wrong with the event behind these.
 */
guint32 trace_decoder_block(trace_decoder *decoder, struct trace_event *events, guint64 *former,
                            const char **wrong);
void trace_decoder_free(trace_decoder *decoder);

#endif
