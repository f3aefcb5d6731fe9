/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of size classes made for traces, and what it is worth.
 *
 * A first replay of each trace counts what is asked of size classes. From these counts, in which
 * each trace weighs the same, come the tables that waste least, one for each number of classes.
 * Then replays tell what counts cannot: free slots in slabs that are partly used, magazines and
 * kept empties. The table is tried on every trace beside those that the library brings; of several
 * traces also the one that is made from all the others, so that one sees what it is worth for a
 * trace that it was not made for. At last the limits of magazines and empty slabs are varied.
 *
 * Limits of page lists are left as they are: what lies on them counts as free. Slabs' pages are the
 * library's own choice.
 */
#ifndef BSA_CLI_TUNE_TUNE_H
#define BSA_CLI_TUNE_TUNE_H

#include <glib.h>

#include "../common/progress.h"
#include "../replay/caches.h"
#include "../replay/options.h"
#include "../report/optimum.h"

/* More calls than this many times those with the default limits are too many. */
#define TUNE_SLOW_LIMIT 1.25

/* Tables beside each other. */
enum tune_table {
    TUNE_NINE,
    TUNE_KMALLOC,
    TUNE_FINE,
    TUNE_TUNED,    /* made for all traces */
    TUNE_LEFT_OUT, /* made for all other traces; where there are several */
    TUNE_OWN,      /* made for this trace alone: no table of as many classes wastes less */
    TUNE_TABLES
};

/* What a replay came to. */
struct tune_figures {
    guint64 peak_requested, peak_occupied, mean_occupied;
    guint64 failed;
    guint64 slow; /* calls that a CPU's own magazines and lists did not serve */
};

struct tune_row {
    gboolean there;
    struct class_table table;
    struct class_waste waste;
    struct tune_figures figures;
};

struct tune_trace {
    char *path, *name;
    gboolean check; /* the table is not made for it */
    trace_reader *reader;
    struct replay_caches caches;
    struct demand_load load;
    struct tune_row row[TUNE_TABLES];
};

struct tune_limits {
    unsigned magazine, keep_empty; /* as in struct bsa_heap_config */
    guint64 peak_occupied, slow;   /* sums over the traces that the table is made for */
};

/* Numbers of classes whose tables are replayed. */
#define TUNE_TRIED 12u
#define TUNE_LIMITS 12u

struct tune {
    const struct replay_options *options;
    guint traces;
    struct tune_trace *trace;
    struct class_cost cost;
    struct demand_load load; /* all traces that the table is made for */
    struct optimum best;
    struct class_waste waste[BSA_MAX_CLASSES + 1]; /* of best's tables */
    guint tried;
    guint tried_classes[TUNE_TRIED];
    guint64 tried_occupied[TUNE_TRIED]; /* sums over the traces that the table is made for */
    guint limits, limits_best;          /* the first are those that were given */
    struct tune_limits limit[TUNE_LIMITS];
};

/* The table that was asked for. */
static inline const struct class_table *tune_made(const struct tune *tune)
{
    return &tune->best.table[tune->options->tune.classes];
}

const char *tune_table_name(enum tune_table table);

/* Whatever is returned, tune is cleared at last. */
gboolean tune_run(struct tune *tune, const struct replay_options *options,
                  struct progress *progress, GError **error);
void tune_clear(struct tune *tune);

/* Its files in the folder of options, but for what is for people; those of an earlier run. */
gboolean tune_write(const struct tune *tune, GError **error);
gboolean tune_remove(const char *folder, GError **error);

/* The text of tune.json. */
char *tune_json(const struct tune *tune);
/* tuned-classes.h and tuned-classes.txt. */
void tune_header(const struct tune *tune, GString *out);
void tune_list(const struct tune *tune, GString *out);
/* Options of bsa-replay that replay with it. */
void tune_option_string(const struct tune *tune, GString *out);

#endif
