/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pins pages: the live objects that keep nearly empty slabs, and the objects and blocks that
 * keep nearly free large blocks from being whole.
 *
 * A slab of which at most a fourth is live holds free objects that nobody but its own class can
 * use: each of its live objects answers for an equal share of their bytes. A naturally aligned
 * block of 512 pages of which at most a fourth is in use would be whole but for what is in it: each
 * page in use answers for an equal share of its free bytes, and each live object for one of its
 * slab's pages' part.
 */
#ifndef BSA_CLI_REPORT_PINS_H
#define BSA_CLI_REPORT_PINS_H

#include <glib.h>

#include "../replay/execute.h"
#include "objects.h"

#define PINS_ORDER 9u /* of the blocks that are asked about */
#define PINS_KEPT 1000u

/* Objects or blocks of one size, cache and call site. */
struct pin_group {
    guint64 given; /* bytes of the class, or of the block */
    gboolean slab; /* objects in slabs; else blocks */
    guint32 cache, site;
    guint64 count, requested;
    guint64 slab_bytes;       /* free bytes of nearly empty slabs that they answer for */
    guint64 block_bytes;      /* of nearly free blocks */
    guint64 oldest, youngest; /* their births, event numbers */
    guint64 median_age;       /* in events */
    guint32 threads, thread;  /* how many allocated them, and the one that has most of them */
    guint32 cpus;             /* how many allocated them */
};

struct pins {
    gboolean taken;
    guint64 event;
    guint64 slabs, slab_bytes;   /* nearly empty slabs, and the free bytes in them */
    guint64 blocks, block_bytes; /* nearly free blocks, and the free bytes in them */
    guint64 idle_bytes;          /* of those, what no live object answers for: CPUs' lists, slab
                                    records, slabs that hold nothing but cached objects */
    guint groups;                /* of them, kept */
    struct pin_group *group;     /* PINS_KEPT, those that answer for most first */
};

/* What pins pages now. */
void pins_take(struct pins *pins, const struct replay_execution *execution,
               const struct objects *objects, const struct replay_snapshot *snapshot);
void pins_clear(struct pins *pins);

#endif
