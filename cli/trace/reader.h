/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace reader is to the rest of the program. Each format implements
 * struct trace_format; trace_open finds the format by content.
 */
#ifndef BSA_CLI_TRACE_READER_H
#define BSA_CLI_TRACE_READER_H

#include <glib.h>

#include "event.h"
#include "format.h"
#include "meta.h"
#include "names.h"
#include "prelude.h"
#include "spool.h"

/* Which of the two layers of a kernel trace the events come from. */
enum trace_layer {
    TRACE_LAYER_SLAB, /* slab objects only */
    TRACE_LAYER_PAGE, /* page blocks only, those of the kernel's own slabs included */
    TRACE_LAYER_BOTH, /* both, less the page blocks that held slab objects (two passes) */
    TRACE_LAYER_ALL   /* both; the page blocks that held slab objects have TRACE_SLAB_PAGES */
};

/* When what the trace does not show freed ends. */
enum trace_bound {
    TRACE_BOUND_LATE, /* when its address is handed out again */
    TRACE_BOUND_EARLY /* directly after the last event of it */
};

struct trace_options {
    enum trace_layer layer;
    enum trace_bound implicit;
    gboolean bounds;      /* both peaks are to be known: costs two passes where they differ */
    gboolean prelude;     /* what is older than the trace and freed in it begins before event 1, */
    guint64 prelude_seed; /*   see prelude.h */
    guint page_size;      /* bytes of a page frame of the recorded machine; 0: 4096 */
    /* Called now and then while reading, for a progress line; may be NULL. fraction is of the
     * input consumed, negative where its length is not known (a pipe). */
    void (*progress)(gpointer data, guint64 events, double fraction);
    gpointer progress_data;
};

/* What was odd about the input; every field is a count and is complete at the end of the stream. */
struct trace_hygiene {
    guint64 lines;  /* lines (or records) read */
    guint64 events; /* events handed out */
    guint64 allocs, frees, page_allocs, page_frees;
    guint64 reallocs;      /* that changed an object's size; not among allocs and frees */
    guint64 null_frees;    /* kfree(NULL): no event */
    guint64 failed_allocs; /* the recorded call itself failed */
    guint64 orphan_frees;  /* slab: object older than the trace, or its allocation was lost */
    guint64 orphan_page_frees;
    guint64 orphan_reallocs; /* of objects older than the trace: they begin here */
    guint64 open_reallocs;   /* begun, and never seen to end: the object is what it was */
    guint64 implicit_frees;  /* an address handed out again without a free between */
    guint64 implicit_page_frees;
    guint64 batched_repeats;  /* mm_page_free_batched lines that repeat an mm_page_free */
    guint64 slab_page_allocs; /* layer both: page blocks left out because they held slab objects */
    guint64 slab_page_frees;
    guint64 lost_events;       /* events that the recorder says it lost */
    guint64 lost_reports;      /* lines that said so */
    guint64 incomplete_start;  /* events before the latest first time stamp among the CPUs */
    guint64 other_events;      /* events of kinds that are no allocation (kmem:rss_stat ...) */
    guint64 other_layer;       /* allocations and frees of the layer that was not asked for */
    guint64 filler_lines;      /* empty lines, comments, call chains */
    guint64 ignored_lines;     /* lines not understood */
    guint64 first_ignored[8];  /* their line numbers */
    guint64 ignored_shown;     /* how many of first_ignored are filled */
    guint64 never_freed;       /* objects alive at the end: censored, not leaked */
    guint64 never_freed_bytes; /* of these objects, as requested; page blocks apart */
    guint64 pages_never_freed; /* in pages, not blocks */
    guint64 out_of_order;      /* events whose time stamp was before their predecessor's */
    guint64 cut_bytes;         /* at the end of a raw trace file, that are no whole chunk */
};

/* What one pass over the whole input found before the first event is handed out. */
struct trace_summary {
    guint64 events;           /* events that the stream will hand out */
    guint64 peak_slots;       /* slots ever in use at once, so that slot < peak_slots */
    guint64 peak_live_bytes;  /* requested bytes alive at once, pages and objects together, */
    guint64 peak_event;       /*   and the events after which they were first; 0: the prelude */
    guint64 peak_live_pages;  /* of them in page blocks, in pages */
    guint64 peak_late_bytes;  /* peak_live_bytes with implicit frees at their latest, */
    guint64 peak_early_bytes; /*   and at their earliest; equal where nobody asked for bounds */
    guint64 prelude;          /* events before the first, which have number 0 and are not counted */
    guint64 prelude_bytes;
    guint64 max_size; /* largest request, bytes */
    guint64 duration_ns;
    guint32 cpus;       /* highest recorded CPU + 1 */
    guint32 threads;    /* distinct thread ids */
    gboolean kernel;    /* a kernel trace (pages, named caches) */
    guint32 page_size;  /* bytes of a page frame */
    guint64 first_ns;   /* time 0 of the events on the recorder's clock; replayable files: 0 */
    gboolean addresses; /* events tell where objects and blocks were */
    /* Address of page frame 0 in the kernel's direct map, as far as it is known; 0: it is not, or
     * no object of the trace lies on one of its page blocks. */
    guint64 direct_map;
    const char *format; /* "perf script", ... */
};

/* So many bytes are alive after so many events. */
static inline void trace_summary_live(struct trace_summary *summary, guint64 bytes, guint64 events)
{
    if (bytes > summary->peak_live_bytes) {
        summary->peak_live_bytes = bytes;
        summary->peak_event = events;
    }
}

typedef struct trace_reader trace_reader;

/*
 * Opens path ("-" is standard input), finds the format by content (through zstd where the first
 * bytes say so) and makes the first pass that the summary needs; input that cannot be read twice
 * goes through a temporary file. NULL and error on failure; the message names file and line.
 */
trace_reader *trace_open(const char *path, const struct trace_options *options, GError **error);

/* Whether a file begins as a trace does; TRUE of what can be read once only, which is left alone.
 */
gboolean trace_probe(const char *path, GError **error);

/* The next event: 1, 0 at the end, -1 and error when the input is bad from here on. */
int trace_next(trace_reader *reader, struct trace_event *event, GError **error);

/* The same, some at once: at least one, which are the reader's and stay until the next call. */
int trace_next_events(trace_reader *reader, const struct trace_event **events, guint32 *count,
                      GError **error);

const struct trace_summary *trace_summary(const trace_reader *reader);
const struct trace_hygiene *trace_hygiene(const trace_reader *reader);
const char *trace_name(const trace_reader *reader, guint32 index); /* of a cache or call site */
guint32 trace_name_count(const trace_reader *reader);
const trace_names *trace_reader_names(const trace_reader *reader);
const trace_prelude *trace_reader_prelude(const trace_reader *reader); /* NULL: not asked for */
const trace_meta *trace_reader_meta(const trace_reader *reader);

/*
 * Instead of events: the records, with addresses, before anything is made of them. For a reader
 * from trace_open_records only, which has no summary. 1, 0 at the end, -1 and error; the record is
 * valid until the next call.
 */
trace_reader *trace_open_records(const char *path, const struct trace_options *options,
                                 GError **error);
int trace_next_record(trace_reader *reader, const struct trace_record **record, GError **error);

void trace_close(trace_reader *reader);

#endif
