/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a trace between the passes: written once, read as often as
 * needed. Small traces stay in memory; longer ones go to a temporary file that
 * has no name, so that nothing is left behind however the program ends. Where
 * they can be had again as fast from where they come from, they are not kept.
 */
#ifndef BSA_CLI_TRACE_SPOOL_H
#define BSA_CLI_TRACE_SPOOL_H

#include <glib.h>

#include "event.h"

/*
 * An event as the trace tells it: an address, not yet an identity. What a record does not know is 0
 * in all fields but node and migratetype: start from TRACE_RECORD_INIT.
 */
struct trace_record {
    guint64 time_ns; /* on the recorder's clock */
    guint64 address; /* page events: the page frame number */
    guint64 size;    /* bytes asked for; 0 for frees and pages */
    guint64 given;
    guint64 align;
    guint64 line;
    guint32 thread;
    guint32 cache;
    guint32 site;
    guint32 gfp;
    guint16 cpu;
    guint16 node;
    guint8 kind;  /* enum trace_kind */
    guint8 flags; /* enum trace_flag */
    guint8 order;
    guint8 migratetype;
};

#define TRACE_RECORD_INIT                                                                          \
    {                                                                                              \
        .node = TRACE_NO_NODE, .migratetype = TRACE_NO_MIGRATETYPE                                 \
    }

/* Whether it says that an object or a block is, or was, at its address. */
static inline gboolean trace_record_has_object(const struct trace_record *record)
{
    return trace_kind_has_slot(record->kind) && (record->flags & TRACE_FAILED) == 0;
}

/* What an event has of its own: number, line and slot are the caller's. */
static inline struct trace_event trace_event_of(const struct trace_record *record)
{
    return (struct trace_event){
        .time_ns = record->time_ns,
        .size = record->size,
        .given = record->given,
        .align = record->align,
        .address = record->address,
        .cpu = record->cpu,
        .thread = record->thread,
        .cache = record->cache,
        .site = record->site,
        .gfp = record->gfp,
        .node = record->node,
        .kind = record->kind,
        .flags = record->flags,
        .order = record->order,
        .migratetype = record->migratetype,
    };
}

/* And the other way; cpu is one of a record's. */
static inline struct trace_record trace_record_of(const struct trace_event *event)
{
    return (struct trace_record){
        .time_ns = event->time_ns,
        .address = event->address,
        .size = event->size,
        .given = event->given,
        .align = event->align,
        .thread = event->thread,
        .cache = event->cache,
        .site = event->site,
        .gfp = event->gfp,
        .cpu = (guint16)event->cpu,
        .node = event->node,
        .kind = event->kind,
        .flags = event->flags,
        .order = event->order,
        .migratetype = event->migratetype,
    };
}

/* What can be asked for the records again and again, so that they need not be kept. */
struct trace_source {
    gpointer data;
    /* The next ones, some of so many: how many, 0 at the end, -1 and error. */
    gssize (*read)(gpointer data, struct trace_record *records, gsize room, GError **error);
    void (*rewind)(gpointer data);
    void (*free)(gpointer data);
};

typedef struct trace_spool trace_spool;

/* records: how many stay in memory; 0: a sensible number. */
trace_spool *trace_spool_new(gsize records);
gboolean trace_spool_append(trace_spool *spool, const struct trace_record *record, GError **error);
/* Instead of appending: the source has so many records, and is the spool's. */
void trace_spool_use(trace_spool *spool, const struct trace_source *source, guint64 records);
guint64 trace_spool_count(const trace_spool *spool);

/* Ends the writing on the first call; the next read starts at the first record. */
gboolean trace_spool_rewind(trace_spool *spool, GError **error);

/* The next record: 1, 0 at the end, -1 and error. It is valid until the next call. */
int trace_spool_next(trace_spool *spool, const struct trace_record **record, GError **error);

/* The record that so many calls more would give, as far as it is known; else NULL. */
const struct trace_record *trace_spool_ahead(const trace_spool *spool, gsize records);
void trace_spool_free(trace_spool *spool);

#endif
