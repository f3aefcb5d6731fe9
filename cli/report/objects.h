/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trace asks for, whatever allocator serves it: sizes, lifetimes, and who an object's
 * owner is. Events arrive in recorded order; all memory is allocated before the first one.
 */
#ifndef BSA_CLI_REPORT_OBJECTS_H
#define BSA_CLI_REPORT_OBJECTS_H

#include <glib.h>

#include "../trace/reader.h"

/* Sizes up to this are told apart; larger ones share a row with what takes as many 4 KiB pages, and
 * all above the last row share that one. */
#define OBJECTS_EXACT 32768u
#define OBJECTS_PAGES 8192u
#define OBJECTS_SIZES (OBJECTS_EXACT + OBJECTS_PAGES + 2)
#define OBJECTS_ORDERS 32u /* of page blocks */
#define OBJECTS_POWERS 64u

struct object_live {
    guint64 count, bytes;
};

struct object_size {
    struct object_live asked; /* allocations, and reallocs to this size */
    struct object_live live, at_peak;
};

/* Objects of which the trace says what the recorded allocator gave; page blocks are none. */
struct object_given {
    guint64 count, requested, given;
};

/* Lifetimes from 2^power to 2^(power+1) - 1; 0 is with 1. */
struct object_lifetimes {
    struct object_live freed;
    struct object_live censored; /* alive at the end: they live at least so long */
};

/* An object or block that the trace holds. */
struct object_birth {
    guint64 event, time_ns;
    guint64 allocated; /* bytes asked for before it, by all */
    guint64 size;
    guint64 given; /* by the recorded allocator; 0: not known */
    guint32 thread, site, cache;
    guint16 cpu;
    guint8 order; /* of a page block */
    guint8 pages; /* a page block */
    guint8 live;
    guint8 older; /* than the trace: how long it lives is not known */
};

struct objects {
    guint64 slots;
    struct object_birth *birth; /* by slot */
    guint64 events, time_ns, allocated;
    guint64 tick_ns; /* of the trace's clock: the largest power of ten that divides all times */
    struct object_size *size;                      /* OBJECTS_SIZES of objects */
    struct object_size order[OBJECTS_ORDERS];      /* page blocks */
    struct object_given given;                     /* of all allocations */
    struct object_given given_live, given_at_peak; /* of what is live */
    struct object_lifetimes time[OBJECTS_POWERS];  /* in ns */
    struct object_lifetimes bytes[OBJECTS_POWERS]; /* in bytes allocated meanwhile */
};

/* False and error when memory is missing. */
gboolean objects_init(struct objects *objects, guint64 slots, GError **error);
void objects_clear(struct objects *objects);

void objects_event(struct objects *objects, const struct trace_event *event, guint cpu);
/* What is alive now is what was alive at the peak. */
void objects_peak(struct objects *objects);
/* After the last event: what is alive is censored. */
void objects_end(struct objects *objects);

/* The sizes of a row: from *low to *high, the last one without an upper end (0). */
void objects_range(guint row, guint64 *low, guint64 *high);

#endif
