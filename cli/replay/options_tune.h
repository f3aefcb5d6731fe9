/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that make a table of size classes for traces. */
#ifndef BSA_CLI_REPLAY_OPTIONS_TUNE_H
#define BSA_CLI_REPLAY_OPTIONS_TUNE_H

#include <glib.h>

#include "demand.h"

struct replay_tune_options {
    guint classes; /* 0: no table is asked for */
    enum demand_when when;
    char **traces; /* to make it for */
    char **checks; /* to check it on; NULL: none */
};

struct replay_tune_raw {
    char *classes, *when, **checks;
};

/* GOption has no text options whose value may be missing: "--tune" becomes "--tune=9". */
void replay_tune_default(int argc, char **argv);

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_tune_entries(struct replay_tune_raw *raw, GOptionContext *context);
/* traces: those that were named. */
gboolean replay_tune_convert(const struct replay_tune_raw *raw, char **traces,
                             struct replay_tune_options *options, GError **error);
void replay_tune_raw_clear(struct replay_tune_raw *raw);
void replay_tune_options_clear(struct replay_tune_options *options);

const char *replay_tune_when_name(enum demand_when when);

#endif
