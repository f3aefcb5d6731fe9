/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time line: snapshots at equally spaced event counts, and one at the peak of requested bytes.
 * Each also has the least and the most that was requested and in use since the one before, so that
 * no extreme falls between two of them. All memory is allocated before the replay starts.
 */
#ifndef BSA_CLI_REPORT_SAMPLER_H
#define BSA_CLI_REPORT_SAMPLER_H

#include <glib.h>

#include "../replay/execute.h"
#include "metrics.h"
#include "objects.h"
#include "page_map.h"
#include "pins.h"

/* CPUs of the time line: with more simulated ones, neighbours share a column. */
#define SAMPLER_MAX_COLUMNS 64u

struct sample {
    guint64 event; /* events done */
    guint64 time_ns;
    gboolean peak;
    struct memory_split split;
    guint64 given;
    guint64 occupied;            /* bytes of pages in use */
    struct replay_window window; /* since the sample before */
    guint64 managed;
    guint64 span; /* lowest to highest address handed out so far */
    guint64 live_objects, live_blocks;
    guint64 cache_slabs; /* bytes of slabs of named caches */
    guint64 pending;     /* objects freed by other CPUs, not collected */
    guint64 failed;
    guint64 free_blocks[REPLAY_ORDERS];
};

/* A moment that the report shows in full. */
struct moment {
    gboolean taken;
    struct sample sample;
    struct replay_snapshot snapshot;
    struct replay_live live[REPLAY_ALL_CLASSES + 1];
    guint64 page_bytes; /* of what is live, in page events' blocks */
    struct pins pins;   /* at peak and at the end, where asked for */
};

/* What the CPUs of a column have done so far. */
struct sampler_cpus {
    guint64 remote;  /* frees of what others allocated */
    guint64 objects; /* allocations and frees of objects */
    guint64 misses;  /* of them, that found the magazine empty or full */
};

struct sampler {
    struct replay_observer observer; /* give it to the execution */
    guint wanted;                    /* equally spaced samples, the first at 0 */
    guint count;                     /* samples taken */
    guint capacity;
    guint columns; /* of CPUs per sample */
    guint next_index;
    guint64 events; /* expected in all */
    struct sample *sample;
    struct sampler_cpus *cpus;  /* capacity * columns */
    struct replay_snapshot now; /* what the allocator says of the sample that is being taken */
    struct moment peak, end, drained;
    struct objects
        *objects;         /* what pins pages is asked, and the map drawn, where there are such; */
    struct page_map *map; /*   they are the caller's */
    guint64 pinned;       /* bytes requested when peak.pins was taken */
    gboolean peak_exact;  /* peak was taken at the very event of the trace's peak */
};

void sampler_init(struct sampler *sampler, guint wanted, guint cpus, guint64 events);
void sampler_clear(struct sampler *sampler);
/* Also asks who pins pages, and fills the map. */
void sampler_follow(struct sampler *sampler, struct objects *objects, struct page_map *map);

/* The state before the first event. */
gboolean sampler_begin(struct sampler *sampler, struct replay_execution *execution, GError **error);
/* The state after the last event, and again when the CPUs' caches have been drained. */
gboolean sampler_end(struct sampler *sampler, struct replay_execution *execution, GError **error);

/* The event count of one of so many equally spaced samples, from 0 to all events. */
guint64 sampler_position(guint64 events, guint wanted, guint index);

/* Over the equally spaced samples; the one at the peak, which is out of step, is left out. */
struct external_fragmentation sampler_mean(const struct sampler *sampler);

/* The CPUs that a column stands for: first to last. */
void sampler_column(const struct sampler *sampler, guint cpus, guint column, guint *first,
                    guint *last);

#endif
