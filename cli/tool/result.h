/* SPDX-License-Identifier: Apache-2.0 */
/* A trace that a command writes, and what it says of itself: where it is from, and what was lost.
 */
#ifndef BSA_CLI_TOOL_RESULT_H
#define BSA_CLI_TOOL_RESULT_H

#include <glib.h>

#include "../trace/reader.h"
#include "../trace/tally.h"
#include "../trace/writer.h"
#include "tool.h"

/* The trace that is written. All zero: not open. */
struct result {
    trace_writer *writer;
    trace_meta *meta; /* is written at the end */
    struct trace_tally tally;
    struct trace_summary summary; /* of what was written */
    struct trace_hygiene hygiene;
    GArray *size; /* guint64, by slot */
    guint64 live; /* objects and blocks */
};

/* Opens tool->output. like: a trace of the same machine; names: what the events refer to. */
gboolean result_open(struct result *result, const struct tool *tool, enum trace_level level,
                     const struct trace_summary *like, const trace_names *names, GError **error);
gboolean result_event(struct result *result, const struct trace_event *event, GError **error);

/* The end, also where none was opened: whole and closed when good, else given up. */
gboolean result_close(struct result *result, gboolean good, GError **error);

/* What the result says of itself: all that another trace says; the same of one that this is a part
 * of, whose counts become "whole.KEY"; this command in the chain of its tools; what is odd.
 */
void result_meta_copy(struct result *result, const trace_meta *meta);
void result_meta_copy_whole(struct result *result, const trace_meta *meta);
void result_meta_chain(struct result *result, const struct tool_command *command);
void result_meta_hygiene(struct result *result, const struct trace_hygiene *hygiene);

/* Whether a key tells counts of the very trace that has it: of its import, or of its events. */
gboolean result_meta_is_own(const char *key);

/* The number that a key has; FALSE where there is none. */
gboolean result_meta_number(const trace_meta *meta, const char *key, guint64 *value);

#endif
