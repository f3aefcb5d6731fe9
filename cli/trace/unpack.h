/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes as they come, zstd's or gzip's, told by the first of them. */
#ifndef BSA_CLI_TRACE_UNPACK_H
#define BSA_CLI_TRACE_UNPACK_H

#include <glib.h>

typedef struct trace_unpack trace_unpack;

/* NULL: what begins with these bytes is not compressed. Four are enough. */
trace_unpack *trace_unpack_new(const char *bytes, gsize length);
const char *trace_unpack_name(const trace_unpack *unpack);

/* Bytes, of which those before pos are done. */
struct trace_piece {
    char *bytes;
    gsize size;
    gsize pos;
};

/* Takes what it can from a piece and gives what it can to another. NULL, or what is wrong with the
 * compressed bytes: to be freed. */
char *trace_unpack_run(trace_unpack *unpack, struct trace_piece *from, struct trace_piece *to);

/* Whether the input may end here: between two frames, where nothing is left to be given. */
gboolean trace_unpack_between(const trace_unpack *unpack);
void trace_unpack_free(trace_unpack *unpack); /* NULL is nothing */

#endif
