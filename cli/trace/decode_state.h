/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder from inside: decode.c fills it at a chunk's beginning, decode_block.c makes events of
 * it. */
#ifndef BSA_CLI_TRACE_DECODE_STATE_H
#define BSA_CLI_TRACE_DECODE_STATE_H

#include "decode.h"
#include "numbers.h"
#include "recent.h"

/*
 * What is known of a slot, in a word, since a trace may have millions: the object's size, the order
 * of a block of pages, TRACE_SLAB_PAGES, and what it is. A size is TRACE_SIZE_MAX at most.
 */
#define LIFE_SIZE_SHIFT 12u
#define LIFE_ORDER_SHIFT 4u
#define LIFE_SLAB ((guint64)TRACE_SLAB_PAGES)
#define LIFE_STATE ((guint64)3)
#define LIFE_NONE ((guint64)0)
#define LIFE_OBJECT ((guint64)1)
#define LIFE_PAGES ((guint64)2)

G_STATIC_ASSERT(TRACE_SIZE_MAX <= G_MAXUINT64 >> LIFE_SIZE_SHIFT);
G_STATIC_ASSERT(TRACE_SLAB_PAGES == 4 && LIFE_ORDER_SHIFT > 2);

/* Whose objects are followed on the quick way. */
enum way { WAY_OTHER, WAY_BEGINS, WAY_ENDS };

struct shape {
    struct trace_event event; /* what its events have in common */
    guint64 life;             /* of an object that begins with one of them, but for the size */
    guint8 way;               /* enum way */
    guint8 own;               /* enum trace_shape_own */
    guint8 reference;         /* enum trace_reference */
    guint8 told;              /* 1: its events' addresses are told */
    guint8 coded;             /* 1: its events' objects are */
    guint8 sized;             /* 1: the size is known, whatever the file says */
};

/* How many numbers of some columns an event of a shape has, in one word that can be summed up. */
#define HAS_OBJECT ((guint64)1)
#define HAS_ADDRESS ((guint64)1 << 16)
#define HAS_SIZE ((guint64)1 << 32)
#define HAS_GIVEN ((guint64)1 << 48)

G_STATIC_ASSERT(TRACE_DECODE_BLOCK < 1u << 16);

struct place {
    guint32 thread, cpu;
};

/* Runs of events in one place that are unpacked at once. */
#define RUNS 32u

struct trace_decoder {
    enum trace_level level;
    guint64 page_size;
    struct trace_numbers column[TRACE_COLUMN_IDS];
    gboolean told;  /* addresses */
    guint32 events; /* of the chunk, left */
    guint64 number; /* of all chunks, made so far */
    guint64 time_ns;
    GArray *shapes; /* struct shape */
    GArray *has;    /* guint64 of each shape, sums of HAS_ words */
    GArray *places; /* struct place */
    struct place place;
    guint32 run; /* events left of it */
    guint64 runs[RUNS], run_places[RUNS];
    guint32 runs_next, runs_ready;
    guint64 *begun; /* slots, or addresses, in the order of their beginning */
    guint64 *freed; /* slots, a stack; at TRACE_LEVEL_RAW the classes of what is in begun */
    guint32 held;   /* room in both */
    guint32 begun_count, freed_count;
    guint64 last_address[2];
    struct trace_recent recent; /* at TRACE_LEVEL_RAW */
    /* At TRACE_LEVEL_REPLAYABLE, from chunk to chunk. */
    guint32 slots;      /* ever used */
    guint32 lives_held; /* room in the two arrays */
    guint64 *lives;     /* by slot */
    guint64 *addresses; /* the same; NULL: none was told */
};

#endif
