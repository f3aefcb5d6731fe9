/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of bsa-replay. */
#ifndef BSA_CLI_REPLAY_OPTIONS_H
#define BSA_CLI_REPLAY_OPTIONS_H

#include <glib.h>

#include "../trace/reader.h"
#include "backend.h"
#include "control.h"
#include "options_heap.h"
#include "options_output.h"
#include "options_sweep.h"
#include "options_tune.h"

#define REPLAY_MAX_REGIONS 64u

enum replay_cpu_map {
    REPLAY_CPU_RECORDED,    /* recorded CPU modulo N */
    REPLAY_CPU_THREAD,      /* as round-robin, and N is the number of threads */
    REPLAY_CPU_ROUND_ROBIN, /* threads in order of first appearance, modulo N */
    REPLAY_CPU_HASH         /* thread id hashed to N */
};

#define REPLAY_MAX_AGAINST 14u

/* Which events may run beside each other. */
enum replay_order {
    REPLAY_STRICT, /* none: the recorded order */
    REPLAY_CAUSAL, /* CPUs', each its own in order, and each object's */
    REPLAY_PACED   /* the same, at their recorded times */
};

/* What is written to memory that was handed out. */
enum replay_touch {
    REPLAY_TOUCH_FIRST, /* the first byte of each page */
    REPLAY_TOUCH_ALL,
    REPLAY_TOUCH_NONE,
    REPLAY_TOUCH_BY_USE /* first where memory is measured, else none */
};

/* How events are run, and on which allocator. */
struct replay_engine_options {
    enum replay_order order;
    guint window;   /* causal: events that a CPU may be ahead */
    double speed;   /* paced */
    guint watchdog; /* seconds */
    enum replay_touch touch;
    gboolean latency, verify, failure_ends;
    double migrate; /* share of the events at which a thread changes its CPU */
    guint64 seed;
    struct replay_control control; /* CPUs that go and come, validation */
    char *backend;
    char **against;    /* names of allocators; NULL: none */
    gboolean recorded; /* the recorded allocator is among them, or the backend */
    guint rounds;
};

struct replay_options {
    struct replay_engine_options engine;
    struct replay_heap_options heap;
    struct replay_output_options output;
    struct replay_sweep_options sweep;
    struct replay_tune_options tune;
    char *trace; /* "-" is standard input */
    char *directory;
    enum trace_layer layer;
    enum trace_bound implicit;
    gboolean prelude;
    guint64 prelude_seed;
    enum replay_cpu_map cpu_map;
    guint cpus; /* 0: as many as were recorded */
    guint samples;
    guint page_size;
    guint regions; /* 0: one, of a size taken from the trace */
    guint64 region[REPLAY_MAX_REGIONS];
    guint64 region_event[REPLAY_MAX_REGIONS]; /* from which on they are there; 0: when needed */
    gboolean threads; /* one thread per CPU; else one that takes on the ids */
    gboolean minimum; /* look for the smallest region */
    gboolean curve;   /* replay in regions of several sizes */
    gboolean plots;
    gboolean quiet;
};

enum replay_parse { REPLAY_PARSE_RUN, REPLAY_PARSE_SWEEP, REPLAY_PARSE_DONE, REPLAY_PARSE_FAILED };

/*
 * Reads argv into options, which the caller clears. DONE: --help or --version has answered; FAILED:
 * error says what was wrong and what is accepted; SWEEP: many runs are asked for, of which only
 * options->sweep is filled, as all else may differ from run to run.
 */
enum replay_parse replay_options_parse(struct replay_options *options, int *argc, char ***argv,
                                       GError **error);
/* Says why parsing failed, and returns the exit status: 2, or 1 where the command line is in order
 * but a file that an option names is not. */
int replay_options_refuse(const GError *error);
void replay_options_clear(struct replay_options *options);

/* Names of the options that take a value, as the parser knows them; g_strfreev'd. */
char **replay_options_names(void);

const char *replay_order_name(enum replay_order order);
/* How the trace is to be read. */
struct trace_options replay_trace_options(const struct replay_options *options);

/* Are there named caches in it for the allocator to have? */
gboolean replay_wants_caches(const struct replay_options *options, const trace_reader *reader);

const char *replay_bound_name(enum trace_bound bound);
const char *replay_layer_name(enum trace_layer layer);
const char *replay_cpu_map_name(enum replay_cpu_map map);

#endif
