/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a command writes, through a stream: to standard output, or to a file that is there
 * whole or not at all. */
#ifndef BSA_CLI_TOOL_OUTPUT_H
#define BSA_CLI_TOOL_OUTPUT_H

#include <stdio.h>

#include <glib.h>

#include "../trace/output.h"
#include "tool.h"

/* FALSE where the output is one of the traces that are read, or binary and a terminal's. */
gboolean output_allowed(const struct tool *tool, gboolean binary, GError **error);

/* All zero: not open. */
struct output {
    FILE *file;
    trace_output *place; /* behind the stream */
    GError *why;         /* it took nothing more; NULL: it does */
};

gboolean output_open(struct output *output, const char *path, GError **error);
gboolean output_write(struct output *output, const char *bytes, gsize length, GError **error);

/*
 * The end. good: what was written is whole and shall be kept, else error has why not. Returns good,
 * or FALSE when it could not be written; an error that the stream gave goes before the caller's.
 */
gboolean output_close(struct output *output, gboolean good, GError **error);

#endif
