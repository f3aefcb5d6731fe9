/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a trace: a file, a device, a pipe or standard input,
 * decompressed where the first bytes say so (zstd, gzip). Memory is bounded whatever the input is.
 */
#ifndef BSA_CLI_TRACE_INPUT_H
#define BSA_CLI_TRACE_INPUT_H

#include <glib.h>

/* Longer lines belong to no trace: they are passed over, not held in memory. */
#define TRACE_LINE_MAX ((gsize)65536)

struct trace_line {
    const char *text; /* not terminated; valid until the next call */
    gsize length;     /* without the line's end */
    guint64 number;   /* 1, 2, ... */
    gboolean cut;     /* longer than TRACE_LINE_MAX, or the input ended before the line did */
};

typedef struct trace_input trace_input;

trace_input *trace_input_open(const char *path, GError **error);
const char *trace_input_name(const trace_input *input); /* for messages */
gboolean trace_input_compressed(const trace_input *input);

/*
 * The first bytes, decompressed, at most TRACE_LINE_MAX of them; they are still read afterwards.
 * Only before the first line. FALSE and error when they cannot be read.
 */
gboolean trace_input_peek(trace_input *input, const char **bytes, gsize *length, GError **error);

/* The next line: 1, 0 at the end, -1 and error. */
int trace_input_line(trace_input *input, struct trace_line *line, GError **error);

/* The next bytes, as they are: how many, 0 at the end, -1 and error. */
gssize trace_input_read(trace_input *input, gpointer to, gsize room, GError **error);

/* The file itself where it can be read at any place: its descriptor, which stays ours, and length;
 * else -1. */
int trace_input_file(const trace_input *input, guint64 *bytes);

/* How much of the input was consumed, 0..1; negative where its length is not known. */
double trace_input_fraction(const trace_input *input);
void trace_input_close(trace_input *input);

#endif
