/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#define FIRST_BITS 12u

static gsize home(const struct trace_map *map, guint64 key)
{
    return (gsize)((key * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> map->shift);
}

static void set_size(struct trace_map *map, guint bits)
{
    map->entries = g_new0(struct trace_map_entry, (gsize)1 << bits);
    map->mask = ((gsize)1 << bits) - 1;
    map->shift = 64 - bits;
    map->count = 0;
}

void trace_map_init(struct trace_map *map)
{
    set_size(map, FIRST_BITS);
}

void trace_map_destroy(struct trace_map *map)
{
    g_free(map->entries);
    map->entries = NULL;
}

void trace_map_clear(struct trace_map *map)
{
    trace_map_destroy(map);
    trace_map_init(map);
}

void trace_map_expect(const struct trace_map *map, guint64 key)
{
    __builtin_prefetch(&map->entries[home(map, key)], 1);
}

guint32 *trace_map_find(const struct trace_map *map, guint64 key)
{
    for (gsize i = home(map, key); map->entries[i].used; i = (i + 1) & map->mask) {
        if (map->entries[i].key == key) {
            return &map->entries[i].value;
        }
    }
    return NULL;
}

static void place(struct trace_map *map, guint64 key, guint32 value)
{
    gsize i = home(map, key);
    while (map->entries[i].used) {
        i = (i + 1) & map->mask;
    }
    map->entries[i] = (struct trace_map_entry){key, value, 1};
    map->count++;
}

void trace_map_insert(struct trace_map *map, guint64 key, guint32 value)
{
    if (map->count >= map->mask - map->mask / 4) {
        struct trace_map old = *map;
        set_size(map, 64 - old.shift + 1);
        for (gsize i = 0; i <= old.mask; i++) {
            if (old.entries[i].used) {
                place(map, old.entries[i].key, old.entries[i].value);
            }
        }
        trace_map_destroy(&old);
    }
    place(map, key, value);
}

gboolean trace_map_remove(struct trace_map *map, guint64 key, guint32 *value)
{
    guint32 *found = trace_map_find(map, key);
    if (found == NULL) {
        return FALSE;
    }
    *value = *found;
    struct trace_map_entry *entry =
        (struct trace_map_entry *)(gpointer)((char *)found -
                                             G_STRUCT_OFFSET(struct trace_map_entry, value));
    gsize hole = (gsize)(entry - map->entries);
    /* An entry moves into the hole unless its home lies behind the hole. */
    for (gsize i = (hole + 1) & map->mask; map->entries[i].used; i = (i + 1) & map->mask) {
        gsize distance = (i - home(map, map->entries[i].key)) & map->mask;
        if (distance >= ((i - hole) & map->mask)) {
            map->entries[hole] = map->entries[i];
            hole = i;
        }
    }
    map->entries[hole].used = 0;
    map->count--;
    return TRUE;
}
