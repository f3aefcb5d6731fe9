/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest region in which a trace runs.
 *
 * A region is all that the allocator is given: its metadata and the state of its CPUs come out of
 * it. The search bisects to one page between a region that is too small for the live bytes alone
 * and one that is ample. It takes for granted that what runs in a region runs in a larger one,
 * which placement does not promise: so it finds a region that is enough while one page less is not,
 * and a smaller one that happens to be enough as well may exist.
 */
#ifndef BSA_CLI_REPLAY_MINIMUM_H
#define BSA_CLI_REPLAY_MINIMUM_H

#include <glib.h>

#include "options.h"
#include "../common/progress.h"

/* What one region came to, with the CPUs, pages and map of CPUs that the options say. */
struct replay_trial {
    guint64 region_bytes;
    gboolean runs;         /* no request failed */
    guint64 failed_event;  /* the first that did; 0: the allocator did not even start */
    guint64 managed;       /* of the region, metadata excluded; 0 likewise */
    guint64 peak_occupied; /* bytes of pages in use, until the first failure */
};

struct replay_minimum {
    struct replay_trial ample;    /* as much as the trace can use */
    gboolean searched;            /* the rest was asked for */
    struct replay_trial smallest; /* runs */
    struct replay_trial below;    /* one page less: does not */
    guint trials;                 /* regions that the decision rests on */
};

/* The reader stands at the first event, and stays there. */
struct replay_search {
    const struct replay_options *options; /* their regions do not matter */
    trace_reader *reader;
    struct progress *progress;
};

/* A region in which the trace runs, and how much of it is in use at most. */
gboolean replay_minimum_ample(struct replay_minimum *minimum, const struct replay_search *search,
                              GError **error);

/* The smallest, once there is an ample one. Equal on machines with any number of processors. */
gboolean replay_minimum_find(struct replay_minimum *minimum, const struct replay_search *search,
                             GError **error);

#endif
