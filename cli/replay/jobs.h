/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays of one trace side by side, each in a process of its own: a process starts with the
 * trace's reader where it stands, and what it reads moves nobody else's.
 */
#ifndef BSA_CLI_REPLAY_JOBS_H
#define BSA_CLI_REPLAY_JOBS_H

#include <glib.h>

/* Does job number index. What it leaves in *result, which is zero before, reaches the caller. */
typedef gboolean (*replay_job)(gconstpointer data, guint index, gpointer result, GError **error);

/* How many at a time in this process: as many as there are processors, unless a limit was set. */
void replay_jobs_limit(guint jobs);
guint replay_jobs_at_once(void);

/*
 * Runs jobs 0 to count - 1, replay_jobs_at_once of them at a time, and waits for all. Fills
 * results, count times result_size bytes. False and the error of the first job that failed, or
 * that a process cannot be had. The caller has one thread only.
 */
gboolean replay_jobs_run(replay_job job, gconstpointer data, guint count, gpointer results,
                         gsize result_size, GError **error);

#endif
