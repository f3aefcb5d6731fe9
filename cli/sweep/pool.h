/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a grid, side by side: each is this program again, in a process of its own. */
#ifndef BSA_CLI_SWEEP_POOL_H
#define BSA_CLI_SWEEP_POOL_H

#include "../common/progress.h"
#include "grid.h"

enum sweep_state {
    SWEEP_NOT_RUN, /* the user's interrupt came first, or ended it */
    SWEEP_DONE,
    SWEEP_FAILED /* its program ended with another status than 0 */
};

struct sweep_run {
    enum sweep_state state;
    char *folder;  /* in that of the sweep */
    char *message; /* of a run that failed */
};

struct sweep_pool {
    const struct sweep_grid *grid;
    const char *directory;
    int trace; /* a file that each run reads as its standard input; -1: none */
    struct progress *progress;
    guint64 events;        /* of the runs that are done */
    guint reports;         /* that runs have left */
    struct sweep_run *run; /* grid->runs of them */
};

/* Runs all, or those up to the user's interrupt, which ends what is under way. False and error when
 * no process can be had. */
gboolean sweep_pool_run(struct sweep_pool *pool, GError **error);

#endif
