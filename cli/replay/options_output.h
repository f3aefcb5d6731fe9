/* SPDX-License-Identifier: Apache-2.0 */
/* The options of bsa-replay that say what is drawn and told. */
#ifndef BSA_CLI_REPLAY_OPTIONS_OUTPUT_H
#define BSA_CLI_REPLAY_OPTIONS_OUTPUT_H

#include <glib.h>

struct replay_output_options {
    guint formats;          /* of pictures, a set of enum picture_format */
    gboolean terminal;      /* memory in use is drawn with characters too */
    gboolean progress_json; /* progress as lines of JSON, wherever standard error goes */
};

struct replay_output_raw {
    char *formats, *terminal, *progress;
};

/* Adds the options to a context; raw stays where it is until it is converted. */
void replay_output_entries(struct replay_output_raw *raw, GOptionContext *context);
gboolean replay_output_convert(const struct replay_output_raw *raw,
                               struct replay_output_options *options, GError **error);
void replay_output_raw_clear(struct replay_output_raw *raw);

#endif
