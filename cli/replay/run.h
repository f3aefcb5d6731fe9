/* SPDX-License-Identifier: Apache-2.0 */
/* All events of a trace, by the schedule and on the allocator that the options name. */
#ifndef BSA_CLI_REPLAY_RUN_H
#define BSA_CLI_REPLAY_RUN_H

#include "measure.h"
#include "session.h"

/* In an open session: on its allocator, in this process. measure is filled where the schedule is
 * one of batches. */
gboolean replay_session_run(struct replay_session *session, const struct replay_options *options,
                            struct replay_measure *measure, GError **error);

/*
 * On the allocator of that name in a process of its own, with what the system says about it. The
 * session is opened by this, has no allocator in this process, and is to be cleared.
 */
gboolean replay_run_process(struct replay_session *session, const struct replay_options *options,
                            const char *name, trace_reader *reader, struct progress *progress,
                            struct replay_measure *measure, GError **error);

#endif
