/* SPDX-License-Identifier: Apache-2.0 */
/* A line on standard error that tells how far things are; only where somebody sees it. */
#ifndef BSA_CLI_COMMON_PROGRESS_H
#define BSA_CLI_COMMON_PROGRESS_H

#include <glib.h>

struct progress {
    gboolean shown;   /* standard error is a terminal, and not --quiet */
    const char *what; /* "replaying" */
    guint64 total;    /* events, 0: unknown */
    gint64 started, drawn;
};

void progress_init(struct progress *progress, gboolean quiet);
void progress_start(struct progress *progress, const char *what, guint64 total);
void progress_update(struct progress *progress, guint64 events);
/* For a stage that counts in another way: fraction of the whole, negative when unknown. */
void progress_fraction(struct progress *progress, guint64 events, double fraction);
/* Wipes the line, before anything else is printed. */
void progress_stop(struct progress *progress);

#endif
