/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grid of settings: some options with a list of values each, and a run for each combination, the
 * values of the last option changing fastest.
 *
 * A run is the program's own command line with --sweep taken out and one value of each option put
 * in: whatever options the program has can be swept, and a run does what the same command would do
 * alone.
 */
#ifndef BSA_CLI_SWEEP_GRID_H
#define BSA_CLI_SWEEP_GRID_H

#include <glib.h>

#include "../replay/options.h"

struct sweep_key {
    char *name;
    char **values;
    guint count;
};

struct sweep_grid {
    GArray *keys; /* of struct sweep_key */
    guint runs;
    char **words; /* the command line without --sweep */
};

/* words: the command line as it was given. False and a G_OPTION_ERROR where the lists, or the
 * options of any run, are wrong. */
gboolean sweep_grid_open(struct sweep_grid *grid, const struct replay_sweep_options *options,
                         char **words, GError **error);
void sweep_grid_clear(struct sweep_grid *grid);

const struct sweep_key *sweep_grid_key(const struct sweep_grid *grid, guint key);
const char *sweep_grid_value(const struct sweep_grid *grid, guint run, guint key);

/* "cpus=2,classes=fine": for people. */
char *sweep_grid_name(const struct sweep_grid *grid, guint run);
/* The same as the name of a folder. */
char *sweep_grid_folder(const struct sweep_grid *grid, guint run);

/* The command line of a run, with these words behind it; g_strfreev'd. */
char **sweep_grid_words(const struct sweep_grid *grid, guint run, const char *const *more);

/* The options of a run, which the caller clears. */
gboolean sweep_grid_options(const struct sweep_grid *grid, guint run,
                            struct replay_options *options, GError **error);

#endif
