/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that are about many replays: a grid of settings, and how many replays
 * run side by side. */
#ifndef BSA_CLI_REPLAY_OPTIONS_SWEEP_H
#define BSA_CLI_REPLAY_OPTIONS_SWEEP_H

#include <glib.h>

struct replay_sweep_options {
    char **grid;    /* KEY=A,B,C each; NULL: one run */
    guint jobs;     /* at a time; 0: as many as there are processors */
    guint max_runs; /* of a grid */
};

struct replay_sweep_raw {
    char **grid;
    char *jobs, *max_runs;
};

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_sweep_entries(struct replay_sweep_raw *raw, GOptionContext *context);
gboolean replay_sweep_convert(const struct replay_sweep_raw *raw,
                              struct replay_sweep_options *options, GError **error);
void replay_sweep_raw_clear(struct replay_sweep_raw *raw);
void replay_sweep_options_clear(struct replay_sweep_options *options);

#endif
