/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's named caches of a trace, as caches of the allocator.
 *
 * Each name is a cache whose objects have the size that the recorded kernel gave; a name that was
 * given several sizes, or asked for several alignments, is a cache for each. What has no name, and
 * kmalloc's own caches, are the business of size classes. The trace is read once before it is
 * replayed, so that the allocator is set up for exactly the caches that will be asked for, and
 * every replay of the trace numbers them alike.
 */
#ifndef BSA_CLI_REPLAY_CACHES_H
#define BSA_CLI_REPLAY_CACHES_H

#include <glib.h>

#include "../trace/reader.h"

#define REPLAY_MAX_CACHES 512u
#define REPLAY_NO_CACHE G_MAXUINT

struct replay_cache {
    guint64 size; /* bytes of an object */
    guint64 align;
    guint32 name; /* of the trace's names */
    guint32 next; /* another cache of that name, its number + 1; 0: none */
    char text[64];
};

struct replay_caches {
    guint count;
    struct replay_cache cache[REPLAY_MAX_CACHES]; /* in the order of their first objects */
    guint64 objects;                              /* allocations from named caches, of these */
    guint64 too_large; /*   of more than a cache of the allocator can hold, */
    guint64 too_many;  /*   from caches that are more than it can have */
    guint64 unnamed;   /* other allocations of objects */
    guint32 names;     /* entries of first */
    guint16 *first;    /* by name: number + 1 of its first cache; 0: none */
};

/* Reads the trace, in a process of its own: the reader stays where it stands. */
gboolean replay_caches_find(struct replay_caches *caches, trace_reader *reader, GError **error);
void replay_caches_clear(struct replay_caches *caches);

/* Bytes of an object in the cache that an allocation names. */
static inline guint64 replay_cache_size(const struct trace_event *event)
{
    return MAX(event->given, event->size);
}

/* The cache that serves an allocation, or REPLAY_NO_CACHE. caches may be NULL. */
static inline guint replay_cache_of(const struct replay_caches *caches,
                                    const struct trace_event *event)
{
    guint number =
        caches == NULL || event->cache >= caches->names ? 0 : caches->first[event->cache];
    while (number != 0) {
        const struct replay_cache *cache = &caches->cache[number - 1];
        if (cache->size == replay_cache_size(event) && cache->align == event->align)
            return number - 1;
        number = cache->next;
    }
    return REPLAY_NO_CACHE;
}

#endif
