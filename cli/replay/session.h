/* SPDX-License-Identifier: Apache-2.0 */
/* One replay of a trace with all that it needs: regions, allocator, schedule, execution. */
#ifndef BSA_CLI_REPLAY_SESSION_H
#define BSA_CLI_REPLAY_SESSION_H

#include <glib.h>

#include "execute.h"
#include "options.h"
#include "regions.h"
#include "schedule.h"

struct replay_session {
    struct replay_regions regions;
    struct replay_schedule schedule;
    struct replay_execution execution;      /* points to the other two: a session does not move */
    struct replay_cache_counters *counters; /* one per CPU, from replay_session_finish on */
    gboolean stuck;                         /* runners were left behind that use the allocator */
};

/* The CPUs that options ask for, or as many as were recorded. */
guint replay_session_cpus(const struct replay_options *options,
                          const struct trace_summary *summary);

/*
 * Reserves the regions and starts the allocator in the first. The trace is read from where it
 * stands. observer and progress stay the caller's. Whatever is returned, the session is cleared
 * at last.
 */
gboolean replay_session_open(struct replay_session *session, const struct replay_options *options,
                             trace_reader *reader, struct replay_observer *observer,
                             struct progress *progress, GError **error);

/* Parts of it: all but regions and allocator, and the allocator in the first region. */
gboolean replay_session_prepare(struct replay_session *session,
                                const struct replay_options *options, trace_reader *reader,
                                struct replay_observer *observer, struct progress *progress,
                                GError **error);
struct replay_backend *replay_session_backend(struct replay_session *session,
                                              const struct replay_options *options, guint cpus,
                                              GError **error);

/* The counters of every CPU, the allocator's own check of itself, and its count of what is live;
 * then the allocator is closed. */
gboolean replay_session_finish(struct replay_session *session, GError **error);
void replay_session_clear(struct replay_session *session);

#endif
