/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs an event. The strict schedule keeps the recorded total order; what is left to decide is
 * the simulated CPU of each event.
 */
#ifndef BSA_CLI_REPLAY_SCHEDULE_H
#define BSA_CLI_REPLAY_SCHEDULE_H

#include <glib.h>

#include "../trace/event.h"
#include "options.h"

struct replay_schedule {
    enum replay_cpu_map map;
    guint cpus;
    /* round-robin: thread id -> CPU, open addressing, at most half full */
    struct replay_thread *table;
    guint capacity; /* a power of two */
    guint threads;
};

/* threads: how many the trace has; more of them are met by growing. */
void replay_schedule_init(struct replay_schedule *schedule, enum replay_cpu_map map, guint cpus,
                          guint threads);
void replay_schedule_clear(struct replay_schedule *schedule);
guint replay_schedule_cpu(struct replay_schedule *schedule, const struct trace_event *event);

#endif
