/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the allocator between two events: regions at their events, CPUs that go and come,
 * what is empty reclaimed, its check of itself. */
#ifndef BSA_CLI_REPLAY_CONTROL_H
#define BSA_CLI_REPLAY_CONTROL_H

#include <glib.h>

#define REPLAY_MAX_SWITCHES 64u

/* From an event on, a CPU is or is not there. */
struct replay_cpu_switch {
    guint64 event;
    guint cpu;
    gboolean online;
};

struct replay_regions;

struct replay_control {
    struct replay_regions *regions; /* those that have events; NULL: none */
    guint64 next;           /* something is to be done once so many events are; else the maximum */
    guint64 validate_every; /* events; 0: never */
    guint64 reclaim_every;  /* the same */
    guint64 reclaims, reclaimed_bytes;
    guint switches, switched;
    struct replay_cpu_switch cpu_switch[REPLAY_MAX_SWITCHES]; /* by event */
};

struct replay_execution;

/* Once before the first event, when the other fields are there; then whenever next is reached. */
gboolean replay_control_act(struct replay_execution *execution, GError **error);

#endif
