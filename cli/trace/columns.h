/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of a TRACE_CHUNK_COLUMNS, as bsa-trace(5) describes it: what an event has besides its
 * time, place and object is its shape, of which a chunk has few; an event names its shape by
 * number. Objects that begin in the chunk are named by how many others began since.
 */
#ifndef BSA_CLI_TRACE_COLUMNS_H
#define BSA_CLI_TRACE_COLUMNS_H

#include <glib.h>

#include "event.h"
#include "format.h"

/* Events of a chunk: enough that its shapes weigh little, few enough for a processor's cache. */
#define TRACE_COLUMNS_EVENTS 32768u
/* A reader refuses more, so that a few bytes cannot stand for any number of events. */
#define TRACE_COLUMNS_EVENTS_MAX ((guint32)1 << 20)

struct trace_columns_header {
    guint64 time_ns; /* before the first event's difference */
    guint32 slots;   /* that were in use before, at TRACE_LEVEL_REPLAYABLE */
    guint32 columns; /* that follow: a struct trace_column each, then their bytes */
};

struct trace_column {
    guint8 id;       /* enum trace_column_id; a reader passes over those it does not know */
    guint8 encoding; /* enum trace_encoding */
    guint16 reserved;
    guint32 count; /* numbers in it */
    guint32 bytes;
};

/* A column that is not there is one of zeros. The numbers stand in files. */
enum trace_column_id {
    TRACE_COLUMN_SHAPE = 1,        /* of each event */
    TRACE_COLUMN_TIME = 2,         /* ns since the event before, modulo 2^64 */
    TRACE_COLUMN_RUN = 3,          /* how many events in a row are of a place */
    TRACE_COLUMN_RUN_PLACE = 4,    /* which place */
    TRACE_COLUMN_OBJECT = 5,       /* of events that have one */
    TRACE_COLUMN_ADDRESS = 6,      /* of those that tell it: difference to the last, zigzag */
    TRACE_COLUMN_SIZE = 7,         /* of events whose shape has none */
    TRACE_COLUMN_GIVEN = 8,        /* the same */
    TRACE_COLUMN_PLACE_THREAD = 9, /* places: thread and CPU */
    TRACE_COLUMN_PLACE_CPU = 10,
    TRACE_COLUMN_SHAPE_KIND = 11, /* shapes: there are as many as this column has numbers */
    TRACE_COLUMN_SHAPE_FLAGS = 12,
    TRACE_COLUMN_SHAPE_OWN = 13, /* enum trace_shape_own */
    TRACE_COLUMN_SHAPE_SIZE = 14,
    TRACE_COLUMN_SHAPE_GIVEN = 15,
    TRACE_COLUMN_SHAPE_ALIGN = 16,
    TRACE_COLUMN_SHAPE_CACHE = 17,
    TRACE_COLUMN_SHAPE_SITE = 18,
    TRACE_COLUMN_SHAPE_GFP = 19,
    TRACE_COLUMN_SHAPE_NODE = 20, /* one more, 0 is none */
    TRACE_COLUMN_SHAPE_ORDER = 21,
    TRACE_COLUMN_SHAPE_MIGRATETYPE = 22, /* one more, 0 is none */
    TRACE_COLUMN_RECENT = 23             /* raw: of events that begin an object */
};
#define TRACE_COLUMN_IDS 24u

/* What events of a shape have each for themselves. */
enum trace_shape_own { TRACE_OWN_SIZE = 1u << 0, TRACE_OWN_GIVEN = 1u << 1 };

/* How an event names its object. */
enum trace_reference {
    TRACE_REFERENCE_NONE,
    TRACE_REFERENCE_BEGINS, /* takes a slot or an address */
    TRACE_REFERENCE_ENDS,   /* of one that lives, and ends here */
    TRACE_REFERENCE_STAYS,  /* of one that lives; at TRACE_LEVEL_RAW an address of its own */
};

/* Where an object begins at TRACE_LEVEL_RAW. */
enum trace_recent_code {
    TRACE_RECENT_NONE = 0, /* its address is told */
    TRACE_RECENT_AFTER = 1 /* that of its class that was freed last but so many, and one more */
};

/* An object's code: 0, 1, then slots; or 0, then steps back and slots by turns. */
enum trace_object_code {
    TRACE_OBJECT_LAST_FREED = 0, /* begins: in the slot that was freed last in this chunk */
    TRACE_OBJECT_NEW_SLOT = 1,
    TRACE_OBJECT_SLOT = 2, /* and slot more */
    TRACE_OBJECT_NONE = 0, /* raw: its address is told */
    TRACE_OBJECT_BACK = 1  /* twice the objects that began since, or twice a slot and one, more */
};

static inline enum trace_reference trace_reference_of(enum trace_level level, guint kind,
                                                      guint flags)
{
    gboolean failed = (flags & TRACE_FAILED) != 0;
    if (trace_kind_is_alloc(kind)) {
        return failed ? TRACE_REFERENCE_NONE : TRACE_REFERENCE_BEGINS;
    }
    if (trace_kind_is_free(kind) || kind == TRACE_REALLOC_BEGIN) {
        return TRACE_REFERENCE_ENDS;
    }
    if (kind == TRACE_REALLOC) {
        return failed && level == TRACE_LEVEL_RAW ? TRACE_REFERENCE_NONE : TRACE_REFERENCE_STAYS;
    }
    return TRACE_REFERENCE_NONE;
}

#endif
