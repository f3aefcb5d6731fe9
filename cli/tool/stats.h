/* SPDX-License-Identifier: Apache-2.0 */
/* What bsa-trace stats counts in one pass; memory is for what is live, threads, CPUs and names. */
#ifndef BSA_CLI_TOOL_STATS_H
#define BSA_CLI_TOOL_STATS_H

#include <glib.h>

#include "../trace/event.h"
#include "../trace/map.h"
#include "../trace/reader.h"

/* Bucket 0 counts zeros, bucket b what is above 2^(b-2) and at most 2^(b-1). */
#define STATS_BUCKETS 66u
#define STATS_ORDERS 64u
#define STATS_HOT_SIZES 20u
#define STATS_LARGE_SIZES (1u << 20) /* distinct sizes from STATS_SMALL on that are told apart */
#define STATS_SMALL 65536u

/* A thread, a CPU or a cache. */
struct stats_party {
    guint32 id; /* thread or CPU, or index of the name */
    guint64 allocs, frees, reallocs, page_allocs, page_frees;
    guint64 bytes;      /* asked for, objects and page blocks */
    guint64 out;        /* frees of what another thread or CPU had allocated */
    guint64 in;         /* frees by others of what this one had allocated */
    guint64 live, peak; /* objects; of a cache */
};

struct stats_histogram {
    guint64 count[STATS_BUCKETS];
    guint64 total;
    double sum;
};

struct stats_peak {
    guint64 bytes; /* objects and page blocks, less those that held slab objects */
    guint64 objects, object_bytes, pages_bytes, blocks;
    guint64 event, time_ns;
};

struct stats {
    guint64 events, last_ns;
    guint64 kind[TRACE_KINDS];
    guint64 failed[TRACE_KINDS]; /* of them */
    guint64 implicit_frees;
    guint64 slab_blocks; /* page blocks that held slab objects */
    guint64 lost;
    guint64 object_bytes;        /* asked for by allocations, reallocs apart */
    guint64 page_bytes;          /* the same of page blocks, slabs' included */
    guint64 grown, shrunk, same; /* reallocs */
    guint64 grown_bytes, shrunk_bytes;
    guint64 cross_thread_frees, cross_cpu_frees;
    struct stats_histogram sizes;      /* of objects; reallocs count with the new size */
    guint64 order[STATS_ORDERS];       /* of page blocks */
    struct stats_histogram life_ns;    /* of objects that were freed */
    struct stats_histogram life_bytes; /* bytes allocated between */
    struct stats_histogram block_ns;   /* of page blocks that were freed */
    guint64 *small;                    /* by size */
    struct trace_map large_index;
    GArray *large;      /* struct stats_size */
    guint64 large_more; /* of further sizes */
    guint64 clock;      /* bytes allocated so far */
    GArray *life;       /* struct stats_life, by slot */
    struct stats_peak now, peak;
    guint64 peak_objects;            /* most at once, whenever */
    GArray *threads, *cpus, *caches; /* struct stats_party */
    struct trace_map thread_index, cpu_index, cache_index;
};

struct stats_size {
    guint64 size, count;
};

void stats_init(struct stats *stats);
void stats_clear(struct stats *stats);
void stats_take(struct stats *stats, const struct trace_event *event);

/* Up to STATS_HOT_SIZES, most frequent first, smaller ones first among equals; how many. */
guint stats_hot_sizes(const struct stats *stats, struct stats_size hot[STATS_HOT_SIZES]);
/* The largest value that the bucket counts. */
guint64 stats_bucket_limit(guint bucket);
/* Sorts the parties for a report: threads and CPUs by id, caches by bytes. */
void stats_sort(struct stats *stats);

/* The report; reader gives summary, hygiene and names. */
struct stats_report {
    const struct stats *stats;
    const trace_reader *reader;
    const char *trace;
    enum trace_layer layer;
};
void stats_text(const struct stats_report *report, GString *out);
char *stats_json(const struct stats_report *report);

#endif
