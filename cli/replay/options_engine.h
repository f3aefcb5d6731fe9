/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that say how events are run, and on which allocator. */
#ifndef BSA_CLI_REPLAY_OPTIONS_ENGINE_H
#define BSA_CLI_REPLAY_OPTIONS_ENGINE_H

#include "options.h"

struct replay_engine_raw {
    char *schedule, *window, *speed, *watchdog, *touch, *latency, *migrate, *seed, *validate_every;
    char *reclaim_every;
    char *on_failure, *backend, *against, *rounds;
    char **offline, **online;
    gboolean verify;
};

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_engine_entries(struct replay_engine_raw *raw, GOptionContext *context);
gboolean replay_engine_convert(const struct replay_engine_raw *raw,
                               struct replay_engine_options *options, GError **error);
void replay_engine_raw_clear(struct replay_engine_raw *raw);
void replay_engine_options_clear(struct replay_engine_options *options);

#endif
