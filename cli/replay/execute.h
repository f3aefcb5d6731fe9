/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay itself: events in recorded order, each on its CPU.
 *
 * Strict order means that one event is in flight at a time; whichever thread runs it, it has the
 * turn and with it all of struct replay_execution. Objects are kept in a table indexed by the
 * events' slots. Nothing is allocated between the first event and the last.
 */
#ifndef BSA_CLI_REPLAY_EXECUTE_H
#define BSA_CLI_REPLAY_EXECUTE_H

#include <stdatomic.h>

#include <glib.h>

#include "../trace/reader.h"
#include "account.h"
#include "backend.h"
#include "control.h"
#include "lowmem.h"
#include "demand.h"
#include "../common/progress.h"
#include "regions.h"
#include "schedule.h"

#define REPLAY_FAILURES_KEPT 1024u /* in full; all are counted */
#define REPLAY_FAILURES_SHOWN 8u   /* in tables for people */

/* What the trace made one simulated CPU do. */
struct replay_cpu {
    guint64 events;
    guint64 allocs, frees;           /* objects */
    guint64 reallocs, moved;         /* objects that changed their size; of them, their place */
    guint64 page_allocs, page_frees; /* blocks of a page event */
    guint64 remote_out;              /* objects and blocks freed here, allocated on another CPU */
    guint64 remote_in;               /* allocated here, freed on another CPU */
};

/* Why a request found nothing: with the pages that it needs free in all, memory is fragmented. */
enum replay_memory {
    REPLAY_MEMORY_SHORT,
    REPLAY_MEMORY_FRAGMENTED,
    REPLAY_MEMORY_UNKNOWN, /* the allocator does not tell what is free */
    REPLAY_MEMORIES
};

struct replay_failure {
    guint64 number, line, time_ns, size, align;
    guint32 thread, cpu;
    guint32 order; /* of a page request */
    guint8 kind;   /* enum trace_kind */
    guint8 memory; /* enum replay_memory */
    gboolean pages;
    gboolean low;                       /* was to be below 4 GiB */
    guint64 free_blocks[REPLAY_ORDERS]; /* then */
};

struct replay_execution;

/* Looks at the replay between two events, and at each event in recorded order. */
struct replay_observer {
    gpointer data;
    /* Before an event is done; NULL: not asked for. It may not allocate memory. */
    void (*event)(gpointer data, const struct trace_event *event, guint cpu);
    guint64 next; /* called once so many events are done */
    gboolean (*sample)(gpointer data, struct replay_execution *execution, gboolean peak,
                       GError **error);
};

/* A sample of an observer that looks at nothing. */
gboolean replay_never_sample(gpointer data, struct replay_execution *execution, gboolean peak,
                             GError **error);

struct replay_execution {
    trace_reader *reader;
    const struct trace_summary *summary;
    struct replay_backend *backend;
    const struct replay_caches *caches; /* the allocator's named ones; NULL: none */
    struct replay_schedule *schedule;
    struct replay_regions *regions;
    struct replay_observer *observer;
    struct demand *demand; /* the caller's, to be filled; NULL: none */
    struct progress *progress;
    guint cpus;
    guint64 default_align; /* of objects, where an event names none; 0: by size as malloc does */
    gboolean failure_ends; /* replay_run stops after the first request that fails */
    gboolean verify;       /* objects are filled with patterns and checked */
    struct replay_control control;
    struct replay_lowmem low;

    struct replay_slot *slot;
    guint64 slots;

    guint64 placed;       /* of the prelude */
    guint64 events;       /* done */
    _Atomic guint64 beat; /* the same, for other threads */
    guint64 time_ns;      /* of the latest event */
    guint64 failed;       /* requests that the allocator refused */
    guint64 failed_by[REPLAY_MEMORIES];
    guint64 failed_bytes;
    guint64 skipped_frees; /* frees of what had been refused */
    guint64 skipped_reallocs;
    guint64 live_end; /* objects and blocks alive after the last event */
    guint64 switches; /* times that the CPU changed from one event to the next */
    guint last_cpu;
    gboolean ahead;   /* the allocator has done more than the books have */
    gboolean partial; /* ended before the last event: by the user, or by the first failure */
    gboolean peak_seen;
    struct replay_failure *failure; /* the first REPLAY_FAILURES_KEPT */
    guint64 free_blocks[REPLAY_ORDERS];
    struct replay_account account;
    struct replay_cpu *cpu;
};

/* Fields up to control are the caller's; this makes the rest. False when memory is missing.
 */
gboolean replay_execution_init(struct replay_execution *execution, GError **error);
void replay_execution_clear(struct replay_execution *execution);

/* One event on its CPU. */
gboolean replay_step(struct replay_execution *execution, const struct trace_event *event, guint cpu,
                     GError **error);

/* Where the object or block of a slot is; NULL: nowhere. */
const void *replay_object_address(const struct replay_execution *execution, guint64 slot);

/* After an event: may another one be run? The user's interrupt and a failure may end the replay. */
gboolean replay_goes_on(struct replay_execution *execution);

/* After the last event, where objects are verified: is what is left as it was written? */
gboolean replay_check_left(struct replay_execution *execution, GError **error);

/* All events, or those up to its early end, on the calling thread. */
gboolean replay_run(struct replay_execution *execution, GError **error);

/* All events, with one thread per CPU; the turn goes from thread to thread. */
gboolean replay_run_threads(struct replay_execution *execution, GError **error);

#endif
