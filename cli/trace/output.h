/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is there whole or not at all: it is written beside its place under a name of its own,
 * and takes the place when it is done. Standard output and what is no plain file are written as
 * they are.
 */
#ifndef BSA_CLI_TRACE_OUTPUT_H
#define BSA_CLI_TRACE_OUTPUT_H

#include <glib.h>

typedef struct trace_output trace_output;

/* "-" is standard output. NULL and error, which names the file, on failure. */
trace_output *trace_output_open(const char *path, GError **error);
gboolean trace_output_write(trace_output *output, gconstpointer data, gsize bytes, GError **error);
guint64 trace_output_bytes(const trace_output *output);    /* written so far */
const char *trace_output_name(const trace_output *output); /* for messages */

/* The file goes to another place, in the folder of the first. Not for what has no place. */
void trace_output_move(trace_output *output, const char *path);

/* Done: the file is in its place. The output is gone in either case. */
gboolean trace_output_close(trace_output *output, GError **error);

/* Not done: there is no file, or the one that was there. NULL is nothing. */
void trace_output_abandon(trace_output *output);

#endif
