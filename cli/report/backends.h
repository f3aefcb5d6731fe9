/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same events on several allocators, each in a process of its own: time, memory as the system
 * counts it, and how long calls take.
 *
 * Rounds are interleaved, so that a disturbance of the machine meets all of them, and medians
 * stand. Calls are timed in a round of their own, as looking at the clock takes time. The null
 * backend is among the rows: what it takes is the replay's own, and is in all others too.
 */
#ifndef BSA_CLI_REPORT_BACKENDS_H
#define BSA_CLI_REPORT_BACKENDS_H

#include "../replay/run.h"

/* With the first and the null backend. */
#define BACKENDS_MAX (REPLAY_MAX_AGAINST + 2u)

struct backend_row {
    const char *name;
    char missing[400]; /* why there are no figures; empty: there are */
    gboolean recorded; /* nothing ran: pages in use by the recorded addresses, no times */
    guint64 events, failed, live_end;
    guint rounds;
    double median_ns, fastest_ns, slowest_ns; /* of all events */
    struct replay_measure measure;            /* of the last round; latencies of their own round */
};

struct backends {
    guint count;      /* 0: nothing was compared */
    gboolean partial; /* the user's interrupt ended it */
    struct backend_row *row;
};

struct recorded;

/*
 * Runs options' backend, and those that it is to be compared with. The reader stands at the first
 * event, and stays there. A backend that cannot be had is a row that says so, but for the first.
 * recorded is what there is of the recorded allocator, a row where it is asked for.
 */
gboolean backends_run(struct backends *backends, const struct replay_options *options,
                      trace_reader *reader, const struct recorded *recorded,
                      struct progress *progress, GError **error);
void backends_clear(struct backends *backends);

/* backends.json, backends.csv, backends.txt, latency.csv and memory.csv. */
gboolean backends_write(const struct backends *backends, const struct replay_options *options,
                        const struct trace_summary *summary, GError **error);
/* backends.txt's text. */
void backends_text(const struct backends *backends, const struct replay_options *options,
                   GString *out);

#endif
