/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the pages of the ring buffers to records. What the fields of an event are and where they lie
 * is asked of its format once; no text is made of an event.
 */
#ifndef BSA_CLI_RECORD_KERNEL_DECODE_H
#define BSA_CLI_RECORD_KERNEL_DECODE_H

#include <glib.h>

#include "kernel_pages.h"
#include "kernel_symbols.h"
#include "../trace/spool.h"

struct tep_handle;

typedef struct kernel_decoder kernel_decoder;
typedef struct kernel_stream kernel_stream;

/* What is in the pages and becomes no record. */
struct kernel_skipped {
    guint64 null_frees; /* frees of no object */
    guint64 bad;        /* events that make no sense, or whose fields are others, or are cut off */
};

kernel_decoder *kernel_decoder_new(struct tep_handle *formats, kernel_symbols *symbols);
const struct kernel_skipped *kernel_decoder_skipped(const kernel_decoder *decoder);
void kernel_decoder_free(kernel_decoder *decoder);

/* One CPU's records, in its order; both arguments outlive it. */
kernel_stream *kernel_stream_new(kernel_decoder *decoder, guint cpu, kernel_pages *pages);

/*
 * 1, 0 at the end, -1 and error. Where the kernel tells that events are missing a TRACE_LOST
 * stands, with the time of the next event, and size 0 where it does not tell how many.
 */
int kernel_stream_next(kernel_stream *stream, struct trace_record *record, GError **error);
void kernel_stream_free(kernel_stream *stream);

#endif
