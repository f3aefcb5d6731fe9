/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses that were freed last, by size class, as allocators hand them out again: most from
 * the top. Classes are those of glibc's malloc, whose others come close to it.
 */
#ifndef BSA_CLI_TRACE_RECENT_H
#define BSA_CLI_TRACE_RECENT_H

#include <glib.h>
#include <string.h>

/* Blocks of pages are class 0. */
#define TRACE_RECENT_CLASSES 65u
#define TRACE_RECENT_DEPTH 16u

struct trace_recent {
    guint64 address[TRACE_RECENT_CLASSES][TRACE_RECENT_DEPTH]; /* rings */
    guint8 newest[TRACE_RECENT_CLASSES];                       /* modulo TRACE_RECENT_DEPTH */
    guint8 count[TRACE_RECENT_CLASSES];
};

static inline void trace_recent_clear(struct trace_recent *recent)
{
    memset(recent->count, 0, sizeof recent->count);
}

static inline guint trace_recent_class(guint64 size, gboolean pages)
{
    guint64 most = TRACE_RECENT_CLASSES - 1;
    return pages ? 0 : size > 16 * most ? (guint)most : (guint)MAX(1, (size + 7) / 16);
}

/* The one that was freed after so many others that are there; there are more than that. */
static inline guint64 *trace_recent_at(struct trace_recent *recent, guint class, guint after)
{
    return &recent->address[class][(recent->newest[class] - after) % TRACE_RECENT_DEPTH];
}

/* It was freed; one of too many is forgotten. */
static inline void trace_recent_put(struct trace_recent *recent, guint class, guint64 address)
{
    recent->newest[class]++;
    recent->count[class] = (guint8)MIN(recent->count[class] + 1u, TRACE_RECENT_DEPTH);
    *trace_recent_at(recent, class, 0) = address;
}

/* How many were freed since, TRACE_RECENT_DEPTH: it is not there. */
static inline guint trace_recent_find(struct trace_recent *recent, guint class, guint64 address)
{
    for (guint after = 0; after < recent->count[class]; after++) {
        if (*trace_recent_at(recent, class, after) == address) {
            return after;
        }
    }
    return TRACE_RECENT_DEPTH;
}

/* It is handed out. */
static inline guint64 trace_recent_take(struct trace_recent *recent, guint class, guint after)
{
    guint64 address = *trace_recent_at(recent, class, after);
    for (; after > 0; after--) {
        *trace_recent_at(recent, class, after) = *trace_recent_at(recent, class, after - 1);
    }
    recent->newest[class]--;
    recent->count[class]--;
    return address;
}

#endif
