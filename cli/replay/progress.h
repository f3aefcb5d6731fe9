/* SPDX-License-Identifier: Apache-2.0 */
/* A line on standard error that tells how far things are; only where somebody sees it. */
#ifndef BSA_CLI_REPLAY_PROGRESS_H
#define BSA_CLI_REPLAY_PROGRESS_H

#include <glib.h>

struct replay_progress {
    gboolean shown;   /* standard error is a terminal, and not --quiet */
    const char *what; /* "replaying" */
    guint64 total;    /* events, 0: unknown */
    gint64 started, drawn;
};

void replay_progress_init(struct replay_progress *progress, gboolean quiet);
void replay_progress_start(struct replay_progress *progress, const char *what, guint64 total);
void replay_progress_update(struct replay_progress *progress, guint64 events);
/* For a stage that counts in another way: fraction of the whole, negative when unknown. */
void replay_progress_fraction(struct replay_progress *progress, guint64 events, double fraction);
/* Wipes the line, before anything else is printed. */
void replay_progress_stop(struct replay_progress *progress);

#endif
