/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of bsa-replay. */
#ifndef BSA_CLI_REPLAY_OPTIONS_H
#define BSA_CLI_REPLAY_OPTIONS_H

#include <glib.h>

#include "../trace/reader.h"

#define REPLAY_MAX_REGIONS 64u

enum replay_cpu_map {
    REPLAY_CPU_RECORDED,   /* recorded CPU modulo N */
    REPLAY_CPU_THREAD,     /* thread id hashed to N */
    REPLAY_CPU_ROUND_ROBIN /* threads in order of first appearance, modulo N */
};

struct replay_options {
    char *trace; /* "-" is standard input */
    char *directory;
    enum trace_layer layer;
    enum replay_cpu_map cpu_map;
    guint cpus; /* 0: as many as were recorded */
    guint samples;
    guint page_size;
    guint regions; /* 0: one, of a size taken from the trace */
    guint64 region[REPLAY_MAX_REGIONS];
    gboolean threads; /* one thread per CPU; else one that takes on the ids */
    gboolean minimum; /* look for the smallest region */
    gboolean curve;   /* replay in regions of several sizes */
    gboolean plots;
    gboolean quiet;
};

enum replay_parse { REPLAY_PARSE_RUN, REPLAY_PARSE_DONE, REPLAY_PARSE_FAILED };

/*
 * Reads argv into options, which the caller clears. DONE: --help or --version has answered; FAILED:
 * error says what was wrong and what is accepted.
 */
enum replay_parse replay_options_parse(struct replay_options *options, int *argc, char ***argv,
                                       GError **error);
void replay_options_clear(struct replay_options *options);

const char *replay_layer_name(enum trace_layer layer);
const char *replay_cpu_map_name(enum replay_cpu_map map);

#endif
