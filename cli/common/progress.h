/* SPDX-License-Identifier: Apache-2.0 */
/* Tells on standard error how far things are: as a line that changes, where somebody sees it; as
 * lines of JSON, where a program has asked for them. */
#ifndef BSA_CLI_COMMON_PROGRESS_H
#define BSA_CLI_COMMON_PROGRESS_H

#include <glib.h>

#include "../trace/reader.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_LINE, PROGRESS_JSON };

struct progress {
    enum progress_mode mode;
    const char *what;   /* "replaying" */
    guint64 total;      /* events, 0: unknown */
    guint64 live_bytes; /* of what is replayed, now; 0: not known */
    gint64 started, drawn;
};

/* A line where standard error is a terminal, and not quiet; else nothing. */
void progress_init(struct progress *progress, gboolean quiet);
void progress_start(struct progress *progress, const char *what, guint64 total);
void progress_update(struct progress *progress, guint64 events);
/* For a stage that counts in another way: fraction of the whole, negative when unknown. */
void progress_fraction(struct progress *progress, guint64 events, double fraction);
/* Opens a trace, as trace_open, and tells how far it is read. */
trace_reader *progress_open_trace(struct progress *progress, const char *path,
                                  struct trace_options options, GError **error);
/* Wipes the line, before anything else is printed. */
void progress_stop(struct progress *progress);

#endif
