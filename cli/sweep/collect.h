/* SPDX-License-Identifier: Apache-2.0 */
/* What the runs of a sweep came to, from their reports: sweep.json, sweep.csv and timing.json. */
#ifndef BSA_CLI_SWEEP_COLLECT_H
#define BSA_CLI_SWEEP_COLLECT_H

#include "pool.h"

struct sweep_result {
    const struct sweep_grid *grid;
    const struct sweep_run *run;
    const char *directory;
    guint jobs;
    double seconds; /* that all runs took together */
};

gboolean sweep_collect(const struct sweep_result *result, GError **error);

#endif
