/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replay by batches: events are decoded ahead, run while no clock but the runners' counts, and
 * entered in the books in recorded order when all runners stand. So neither decoding nor books are
 * in the measured time, samples see an allocator at rest, and memory is that of live objects and
 * one batch.
 */
#ifndef BSA_CLI_REPLAY_BATCHES_H
#define BSA_CLI_REPLAY_BATCHES_H

#include "execute.h"
#include "measure.h"
#include "op.h"

/* Who runs a batch: threads of this process, or another process. */
struct replay_host {
    /* Returns when all runners stand. */
    gboolean (*run)(struct replay_host *host, const struct replay_batch *batch, GError **error);
    /* What the process takes, now; NULL: it is not measured. */
    gboolean (*memory)(struct replay_host *host, struct replay_memory_now *now, GError **error);
};

struct replay_batches {
    struct replay_execution *execution;
    struct replay_host *host;
    struct replay_batch batch; /* in memory that the host sees */
    struct replay_measure *measure;
    struct trace_event *event; /* of the batch, in recorded order */
    guint16 *cpu;              /* each one's CPU */
    guint32 *place;            /* each one's op; G_MAXUINT32: it asks for nothing */
    guint32 *next;             /* for each runner, while ops are placed */
    guint32 number;            /* of the batch, from 1 on */
    guint count;
};

/* Runs all events, or until something ends the replay. The batch's memory and terms are there. */
gboolean replay_batches_run(struct replay_batches *batches, GError **error);

#endif
