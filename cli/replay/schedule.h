/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which simulated CPU runs an event. When it does is the matter of the strict schedule, which keeps
 * the recorded total order, or of the runners (op.h).
 */
#ifndef BSA_CLI_REPLAY_SCHEDULE_H
#define BSA_CLI_REPLAY_SCHEDULE_H

#include <glib.h>

#include "../trace/event.h"
#include "options.h"

struct replay_schedule {
    enum replay_cpu_map map;
    guint cpus;
    /* thread id -> CPU, open addressing, at most half full; only where the map or migration asks */
    struct replay_thread *table;
    guint capacity; /* a power of two */
    guint threads;
    guint64 migrate; /* a thread changes its CPU at an event with this share of 2^64 */
    guint64 random;  /* state of the generator */
    guint8 *offline; /* by CPU; NULL: all are online */
};

/* threads: how many the trace has; more of them are met by growing. */
void replay_schedule_init(struct replay_schedule *schedule, enum replay_cpu_map map, guint cpus,
                          guint threads);
void replay_schedule_clear(struct replay_schedule *schedule);

/* Threads change their CPU now and then: at each event with the probability rate, to one that seed
 * draws; the map goes on from there. */
void replay_schedule_migrate(struct replay_schedule *schedule, double rate, guint64 seed);

/* Events of a CPU that is not online go to the next one that is, in a circle. False: it is the
 * last that is online, and stays so. */
gboolean replay_schedule_switch(struct replay_schedule *schedule, guint cpu, gboolean online);

/* To be called once for each event, in recorded order. */
guint replay_schedule_cpu(struct replay_schedule *schedule, const struct trace_event *event);

#endif
