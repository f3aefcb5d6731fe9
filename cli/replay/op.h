/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as the process under test runs them: decoded ahead, a batch at a time, in memory that both
 * processes see.
 *
 * A batch is a piece of the recorded order. Its ops lie in it by runner, each runner's in recorded
 * order; a runner is a thread, or the only one. Where an object is goes through the ops: a free or
 * realloc has the address itself where the object is older than the batch, else it names the op
 * that left the object, and waits for it if that is another runner's. So a slot of the trace that
 * is used again within a batch needs no order of its own. Whatever is waited for has a smaller seq:
 * the op with the smallest of all can always run, and a batch composed from a trace always ends.
 *
 * Who owns what: the parent composes a batch and reads its results while the runners stand; while
 * they run, an op belongs to its runner until the runner's done has passed it, and nobody changes
 * it afterwards.
 */
#ifndef BSA_CLI_REPLAY_OP_H
#define BSA_CLI_REPLAY_OP_H

#include <stdatomic.h>

#include <glib.h>

#include "../trace/event.h"
#include "backend.h"
#include "latency.h"
#include "options.h"

#define REPLAY_OP_CHECK TRACE_KINDS /* kind of an op that only verifies its object */
#define REPLAY_OP_LOW 0x80u         /* in align: below 4 GiB */
#define REPLAY_BATCH_OPS 65536u
#define REPLAY_ALL_DONE G_MAXUINT32
#define REPLAY_SHORTAGES 1024u /* of a batch that are told in full */

enum replay_op_status {
    REPLAY_OP_NOT_RUN, /* the batch was stopped before */
    REPLAY_OP_DONE,
    REPLAY_OP_FAILED, /* no memory; a realloc's object is where it was */
    REPLAY_OP_SKIPPED /* its object is not there, as its allocation failed */
};

struct replay_op {
    void *address;  /* of an object older than the batch; then: where it is, NULL: nowhere */
    guint64 size;   /* bytes asked for */
    guint32 seq;    /* place in the recorded order of the batch */
    guint32 before; /* index + 1 of the op that left the object; 0: it is older */
    guint16 cpu;
    union {
        guint16 by;    /* the runner of before */
        guint16 cache; /* of an allocation, which has none before: its named cache + 1; 0: none */
    };
    guint8 kind;   /* enum trace_kind of an object or block, or REPLAY_OP_CHECK */
    guint8 align;  /* log2 of bytes, and REPLAY_OP_LOW */
    guint8 order;  /* of a page block */
    guint8 status; /* enum replay_op_status */
};

/* Beside an op where objects are verified. */
struct replay_held {
    guint64 size; /* bytes of the object before a free or realloc of what is older than the batch */
    guint64 tag;  /* the object's own number, from which its pattern is made */
};

/* What calls are measured apart. */
enum replay_call {
    REPLAY_CALL_ALLOC,
    REPLAY_CALL_FREE,
    REPLAY_CALL_REALLOC,
    REPLAY_CALL_PAGE_ALLOC,
    REPLAY_CALL_PAGE_FREE,
    REPLAY_CALLS
};

/* Why a runner stands. */
enum replay_wait {
    REPLAY_RUNS,
    REPLAY_WAITS_OBJECT, /* for the op that leaves its object */
    REPLAY_WAITS_WINDOW, /* for the slowest runner */
    REPLAY_WAITS_TIME    /* for its time to come */
};

struct replay_runner {
    _Alignas(64) _Atomic guint32 done; /* seq of its first op that is not done */
    _Alignas(64) _Atomic guint32 at;   /* index of the op that it runs or is about to run */
    _Atomic guint32 wait;              /* enum replay_wait */
    _Atomic guint32 whom;              /* runner that is waited for */
    guint32 first, count;              /* its ops of this batch */
    gint64 start_ns, end_ns;           /* of its part of this batch */
    guint64 object_waits, object_wait_ns, window_waits, window_wait_ns;
    guint64 ticks;              /* of the clock that latencies are measured with, */
    gint64 ticks_ns;            /*   in so many nanoseconds */
    struct replay_latency late; /* paced: how late ops began, ns */
    struct replay_latency latency[REPLAY_CALLS]; /* ticks of a call, where asked for */
};

/* What was free when a request failed. */
struct replay_shortage {
    guint32 index;  /* of the op */
    guint32 known;  /* the allocator has such counts */
    guint64 usable; /* pages that the request could have */
    guint64 free_blocks[REPLAY_ORDERS];
};

/* How the process under test runs the ops: fixed before the first batch. */
struct replay_terms {
    guint32 runners, capacity; /* capacity: ops of a batch */
    guint32 window;            /* ops that a runner may be ahead; 0: any */
    guint32 touch;             /* enum replay_touch */
    guint32 verify, latency, paced, failure_ends, page_size;
    double speed; /* paced */
};

/* What the process under test does to its allocator before the batch. */
struct replay_before {
    guint32 regions; /* so many are to have been handed over */
    guint32 reclaim; /* what is empty is to be given back */
};

struct replay_batch_shared {
    struct replay_terms terms;
    _Atomic guint32 stop;      /* runners end before their next op */
    _Atomic guint32 shortages; /* requests that failed; the first so many are in shortage */
    _Atomic guint32 broken;    /* error is taken */
    guint64 base;              /* events before the batch */
    guint64 first_ns;          /* recorded time of its first event */
    struct replay_before before;
    char error[512]; /* of the process under test; empty: none */
    struct replay_shortage shortage[REPLAY_SHORTAGES];
};

/* Where the parts of a batch are in this process. */
struct replay_batch {
    struct replay_batch_shared *shared;
    struct replay_runner *runner; /* terms.runners */
    struct replay_op *op;         /* terms.capacity */
    struct replay_held *held;     /* as many */
    guint64 *time_ns;             /* as many; of the recording */
};

G_STATIC_ASSERT(sizeof(struct replay_op) <= 32);

static inline guint64 replay_op_align(const struct replay_op *op)
{
    return (guint64)1 << (op->align & ~REPLAY_OP_LOW);
}

static inline gboolean replay_op_is_low(const struct replay_op *op)
{
    return (op->align & REPLAY_OP_LOW) != 0;
}

/* Bytes that a batch takes, and its parts from its first byte on, where terms say how large. */
gsize replay_batch_bytes(const struct replay_terms *terms);
void replay_batch_at(struct replay_batch *batch, void *memory, const struct replay_terms *terms);

/* Who waits for whom, a line for each runner that is not done; numbers are events'. */
char *replay_batch_describe(const struct replay_batch *batch);

#endif
