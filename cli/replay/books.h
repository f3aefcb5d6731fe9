/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event came to, entered in recorded order: the table of objects, the account, the CPUs'
 * counts, failures. How and when the allocator was called is no matter here.
 */
#ifndef BSA_CLI_REPLAY_BOOKS_H
#define BSA_CLI_REPLAY_BOOKS_H

#include "execute.h"
#include "op.h"

#define SLOT_BLOCK 0xffffu  /* size_class of what is served by pages */
#define SLOT_NO_ORDER 0xffu /* not allocated as a page block */

/* An object or block that the trace holds. */
struct replay_slot {
    void *address; /* NULL: none, or its allocation failed */
    guint64 requested;
    guint64 born;       /* number of the event that allocated it */
    guint32 batch, op;  /* where events are composed ahead: the latest of the object, index + 1 */
    guint16 cpu;        /* that allocated it; 4096 CPUs at most */
    guint16 size_class; /* or the number of its cache */
    guint8 order;
    guint8 failed;
    guint8 held;  /* by the trace, as far as its events have been read, */
    guint8 pages; /*   as a page block */
    guint8 level; /* in the books' demand; 0: it is not there */
};

/* What the allocator said. */
struct replay_outcome {
    enum replay_op_status status;
    void *address;              /* of an allocation or realloc */
    const guint64 *free_blocks; /* when it failed; NULL: not known */
    guint64 usable;             /*   and of their pages, those that the request could have */
};

/* Does an event concern an object now? What got nothing when it was recorded asks for nothing. */
static inline gboolean replay_event_asks(const struct trace_event *event)
{
    return (event->flags & TRACE_FAILED) == 0 && trace_kind_has_slot(event->kind);
}

/* From which the pattern of the event's object is made: no other object has it meanwhile. */
static inline guint64 replay_event_tag(const struct trace_event *event)
{
    return (event->flags & TRACE_PRELUDE) != 0 ? G_MAXUINT64 - event->slot : event->number;
}

/* Bytes, a power of two; of an object that the trace gives none for, the allocator's natural one.
 */
guint64 replay_event_align(const struct replay_execution *execution,
                           const struct trace_event *event);

/* Takes an event that asks as read: who holds what. False where the trace contradicts itself. */
gboolean replay_books_read(struct replay_execution *execution, const struct trace_event *event,
                           GError **error);

/* Enters an event that has been read and done; false where the allocator contradicts itself, or the
 * observer says so. */
gboolean replay_books_enter(struct replay_execution *execution, const struct trace_event *event,
                            guint cpu, const struct replay_outcome *outcome, GError **error);

gboolean replay_allocator_error(const struct replay_execution *execution,
                                const struct trace_event *event, guint cpu, GError **error);

#endif
