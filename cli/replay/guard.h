/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict schedule's watchdog: a thread that looks whether events get done. Nobody waits there
 * but for the allocator, and what does not return cannot be ended: so the guard ends the program.
 */
#ifndef BSA_CLI_REPLAY_GUARD_H
#define BSA_CLI_REPLAY_GUARD_H

#include "execute.h"
#include "host.h"

struct replay_guard {
    struct replay_execution *execution;
    struct replay_watch watch;
    GMutex lock;
    GCond wake;
    _Atomic gboolean over; /* changes under the lock */
    GThread *thread;
};

void replay_guard_begin(struct replay_guard *guard, struct replay_execution *execution,
                        guint seconds);
void replay_guard_end(struct replay_guard *guard);

#endif
