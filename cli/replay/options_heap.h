/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that set libbuddyslab up in another way than it comes. */
#ifndef BSA_CLI_REPLAY_OPTIONS_HEAP_H
#define BSA_CLI_REPLAY_OPTIONS_HEAP_H

#include <glib.h>

#include "backend.h"

struct replay_heap_raw {
    char *classes, *caches, *magazine, *page_lists, *keep_empty, *low;
};

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_heap_entries(struct replay_heap_raw *raw, GOptionContext *context);
gboolean replay_heap_convert(const struct replay_heap_raw *raw, guint page_size,
                             struct replay_heap_options *options, GError **error);
/* One of them that was given, or NULL. */
const char *replay_heap_given(const struct replay_heap_raw *raw);
/* A limit as report.json has it: default, none or a number; to be freed. */
char *replay_limit_text(unsigned limit);
void replay_heap_raw_clear(struct replay_heap_raw *raw);

#endif
