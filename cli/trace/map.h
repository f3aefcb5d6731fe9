/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from 64-bit keys (addresses, page frame numbers, thread ids) to
 * 32-bit values: open addressing with linear probing; removal shifts entries
 * back instead of leaving a mark, so that a table through which millions of
 * short-lived objects pass stays as short as its live entries.
 */
#ifndef BSA_CLI_TRACE_MAP_H
#define BSA_CLI_TRACE_MAP_H

#include <glib.h>

struct trace_map_entry {
    guint64 key;
    guint32 value;
    guint32 used;
};

struct trace_map {
    struct trace_map_entry *entries;
    gsize mask;  /* entries - 1, a power of two less one */
    guint shift; /* 64 - log2(entries) */
    gsize count;
};

void trace_map_init(struct trace_map *map);
void trace_map_clear(struct trace_map *map); /* to the state after init */
/* It will be asked for: where it is, or is to be, comes from memory meanwhile. */
void trace_map_expect(const struct trace_map *map, guint64 key);
guint32 *trace_map_find(const struct trace_map *map, guint64 key);        /* NULL: not there */
void trace_map_insert(struct trace_map *map, guint64 key, guint32 value); /* key is not there */
gboolean trace_map_remove(struct trace_map *map, guint64 key, guint32 *value);
void trace_map_destroy(struct trace_map *map);

#endif
