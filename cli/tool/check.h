/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of bsa-trace check: what is written, and what it says. */
#ifndef BSA_CLI_TOOL_CHECK_H
#define BSA_CLI_TOOL_CHECK_H

#include <glib.h>

#include "../trace/reader.h"

/* So many are told; the rest is counted. */
#define CHECK_PROBLEMS_SHOWN 8u

struct check_problems {
    guint64 count;
    GString *text; /* of the first ones, a line each */
};

/* "where: what" */
void check_problem(struct check_problems *problems, const char *format, ...) G_GNUC_PRINTF(2, 3);

/*
 * A file of the native format: each chunk against its checksum, the index against the chunks.
 * *native tells whether it is one. FALSE and error: it cannot be read at all.
 */
gboolean check_file(const char *path, gboolean *native, struct check_problems *problems,
                    GError **error);

/* The events one after the other: order, and that each is possible after those before it. */
struct check_events {
    struct check_problems *problems;
    guint64 events, last_ns, live, page_size;
    GArray *object; /* struct check_object, by slot */
    guint64 slots;
};
void check_events_init(struct check_events *check, const struct trace_summary *summary,
                       struct check_problems *problems);
void check_events_take(struct check_events *check, const struct trace_event *events, guint32 count);
void check_events_finish(struct check_events *check, const struct trace_summary *summary,
                         const struct trace_hygiene *hygiene);

#endif
