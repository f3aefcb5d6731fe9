/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots anew: the identities of a stream become those that are as small as can be, of which the one
 * that ended last is taken first. That is what readers of other formats hand out too, so that a
 * part of a trace has the slots of a trace that holds nothing else.
 */
#ifndef BSA_CLI_TRACE_SLOTS_H
#define BSA_CLI_TRACE_SLOTS_H

#include <glib.h>

struct trace_slots {
    guint32 *own;    /* by the stream's slot: ours, TRACE_NO_SLOT where nothing lives */
    guint32 *unused; /* ours, a stack */
    guint32 own_held, unused_held;
    guint32 unused_count;
    guint32 used; /* ever in use at once */
};

void trace_slots_init(struct trace_slots *slots);
void trace_slots_destroy(struct trace_slots *slots);

/* Ours for an object that begins; TRACE_NO_SLOT: the stream's slot has one that lives. */
guint32 trace_slots_begin(struct trace_slots *slots, guint32 slot);

/* Ours for an object that lives; TRACE_NO_SLOT: there is none. */
guint32 trace_slots_find(const struct trace_slots *slots, guint32 slot);

/* The same, and it ends. */
guint32 trace_slots_end(struct trace_slots *slots, guint32 slot);

#endif
