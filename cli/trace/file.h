/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace file as bsa-trace(5) describes it, chunk by chunk: that they are where they should be,
 * whole and unspoilt. What is in them is for others to know.
 */
#ifndef BSA_CLI_TRACE_FILE_H
#define BSA_CLI_TRACE_FILE_H

#include <glib.h>

#include "format.h"
#include "input.h"

struct trace_chunk {
    guint64 offset;                   /* of its header, from the file's first byte */
    struct trace_chunk_header header; /* in the machine's byte order */
    guint32 number;                   /* 1, 2, ... */
};

static inline gboolean trace_chunk_is_known(guint type)
{
    return type >= TRACE_CHUNK_META && type <= TRACE_CHUNK_SHORT;
}

typedef struct trace_file trace_file;

/* Whether an input that begins so is a trace file. */
gboolean trace_file_probe(const char *bytes, gsize length);

/*
 * The input, which nothing was read from yet, stays the caller's and must outlive the file. What
 * cannot be read twice, as a pipe or what zstd packed, is put into a temporary file.
 */
trace_file *trace_file_open(trace_input *input, GError **error);
void trace_file_close(trace_file *file);

/* In the machine's byte order. */
const struct trace_file_header *trace_file_header(const trace_file *file);
const char *trace_file_name(const trace_file *file); /* for messages */
guint64 trace_file_bytes(const trace_file *file);

/*
 * The next chunk that has to be read: 1, 0 at the end, -1 and error. Chunks that may be passed over
 * are. Of a raw file the end may be missing, as when the recorder was killed.
 */
int trace_file_next(trace_file *file, struct trace_chunk *chunk, GError **error);
void trace_file_rewind(trace_file *file); /* to the first chunk */
/* What has been written behind the end since: trace_file_next goes on there. Of a raw file without
 * a trailer. */
gboolean trace_file_grow(trace_file *file, GError **error);

/* At the end: an index and a trailer are there. */
gboolean trace_file_complete(const trace_file *file);
/* And how many bytes there are that are no whole chunk; 0 when it is complete. */
guint64 trace_file_cut_bytes(const trace_file *file);

/* A chunk's content; a buffer grows and is used again. All zero to begin with. */
struct trace_content {
    guint8 *bytes; /* header.content_bytes of them, and a few that can be read behind them */
    guint8 *stored;
    gsize bytes_held, stored_held;
};

/* Checked against its checksum, and decompressed. */
gboolean trace_file_content(trace_file *file, const struct trace_chunk *chunk,
                            struct trace_content *content, GError **error);
void trace_content_free(struct trace_content *content);

/* Bytes of the file as they are: for parts of a chunk that was checked before. */
gboolean trace_file_read(trace_file *file, guint64 offset, gpointer to, gsize bytes,
                         GError **error);

/* An error about this chunk; FALSE. event: within it, from 1; 0: none. */
gboolean trace_file_spoilt(const trace_file *file, const struct trace_chunk *chunk, guint64 event,
                           const char *wrong, GError **error);

#endif
