/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From addresses to identities: which free belongs to which allocation, what
 * was freed without a line, and what is not there because it is older than the
 * trace.
 */
#ifndef BSA_CLI_TRACE_RESOLVE_H
#define BSA_CLI_TRACE_RESOLVE_H

#include <glib.h>

#include "map.h"
#include "prelude.h"
#include "reader.h"
#include "slabpages.h"
#include "spool.h"

/* One record becomes at most a free that the trace does not show, and itself. */
#define TRACE_RESOLVE_EVENTS 2

struct trace_resolver {
    guint64 page_size;
    guint64 first_ns;              /* time 0 of the events */
    const trace_page_marks *marks; /* blocks that held slab objects; NULL: none known */
    gboolean keep_marked;          /* they have events with TRACE_SLAB_PAGES, else none */
    struct trace_hygiene *hygiene; /* where what is odd is counted */
    struct trace_summary *summary; /* and the peaks */
    trace_prelude *prelude; /* what is older than the trace; NULL: its frees are counted only */
    struct trace_map objects, pages; /* live addresses and page frame numbers -> slot */
    struct trace_object *object;     /* by slot */
    GArray *open;                    /* struct trace_open: reallocs that have begun */
    GArray *open_unused;             /* guint32: places in open */
    struct trace_map open_tops;      /* thread -> index + 1 of the one that it began last */
    guint32 *free_slots;             /* a stack */
    guint32 slots;                   /* ever used */
    guint32 slots_held;              /* room in the two arrays */
    guint32 free_count;
    guint64 page_blocks;  /* page allocations seen, the marks' index */
    guint64 page_orphans; /* the same of frees of blocks that are older than the trace */
    guint64 live_bytes, live_pages;
    guint64 number;
};

void trace_resolver_init(struct trace_resolver *resolver);

/* Nothing is live again; what is counted goes to hygiene and summary from now on. */
void trace_resolver_restart(struct trace_resolver *resolver, struct trace_hygiene *hygiene,
                            struct trace_summary *summary);

/* Behind a restart: what the prelude holds is live. */
void trace_resolver_prelude(struct trace_resolver *resolver);

/* Fills 0 to TRACE_RESOLVE_EVENTS events. */
int trace_resolve(struct trace_resolver *resolver, const struct trace_record *record,
                  struct trace_event *events);

/* The spool's next record is resolved: 1 and 0 to TRACE_RESOLVE_EVENTS events, 0 at the end, -1 and
 * error. What records behind it need comes from memory meanwhile. */
int trace_resolve_next(struct trace_resolver *resolver, trace_spool *spool,
                       struct trace_event *events, int *count, GError **error);

/* Counts what is live when the last record has been resolved. */
void trace_resolver_finish(struct trace_resolver *resolver);
void trace_resolver_destroy(struct trace_resolver *resolver);

#endif
