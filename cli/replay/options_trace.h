/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that say what becomes of what a trace does not show. */
#ifndef BSA_CLI_REPLAY_OPTIONS_TRACE_H
#define BSA_CLI_REPLAY_OPTIONS_TRACE_H

#include "options.h"

struct replay_trace_raw {
    char *implicit, *prelude;
};

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_trace_entries(struct replay_trace_raw *raw, GOptionContext *context);
gboolean replay_trace_convert(const struct replay_trace_raw *raw, struct replay_options *options,
                              GError **error);
void replay_trace_raw_clear(struct replay_trace_raw *raw);

#endif
