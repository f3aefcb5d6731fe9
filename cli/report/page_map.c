/* SPDX-License-Identifier: Apache-2.0 */
#include "page_map.h"

#include <string.h>

static guint64 pages_of(const struct page_map *map, guint region)
{
    return map->regions->region[region].bytes / map->page_size;
}

/* A region begins on a row of its own. */
static guint64 rows_of(const struct page_map *map, guint region)
{
    return (pages_of(map, region) + map->row_pages - 1) / map->row_pages;
}

void page_map_init(struct page_map *map, guint columns, const struct replay_regions *regions,
                   guint64 page_size)
{
    *map = (struct page_map){.columns = MIN(columns, PAGE_MAP_COLUMNS),
                             .page_size = page_size,
                             .row_pages = 1,
                             .regions = regions};
    map->cell = g_new0(struct page_cell, (gsize)map->columns * PAGE_MAP_ROWS);
    map->event = g_new0(guint64, map->columns);
}

void page_map_clear(struct page_map *map)
{
    g_free(map->cell);
    g_free(map->event);
    *map = (struct page_map){.columns = 0};
}

static struct page_cell *column_of(const struct page_map *map, guint column)
{
    return &map->cell[(gsize)column * PAGE_MAP_ROWS];
}

static gboolean is_used(const struct page_cell *cell)
{
    for (guint use = 0; use < G_N_ELEMENTS(cell->used); use++) {
        if (cell->used[use] > 0)
            return TRUE;
    }
    return FALSE;
}

guint page_map_rows_used(const struct page_map *map)
{
    guint rows = 0;
    for (guint column = 0; column < map->filled; column++) {
        const struct page_cell *cell = column_of(map, column);
        for (guint row = rows; row < PAGE_MAP_ROWS; row++) {
            if (is_used(&cell[row]))
                rows = row + 1;
        }
    }
    return rows;
}

/* Two rows of a region become one. */
static void coarsen_column(const struct page_map *map, struct page_cell *cell)
{
    guint from = 0, to = 0;
    for (guint i = 0; i < map->regions->count && from < PAGE_MAP_ROWS; i++) {
        guint end = (guint)MIN(from + rows_of(map, i), PAGE_MAP_ROWS);
        while (from < end) {
            struct page_cell sum = cell[from++];
            for (guint use = 0; from < end && use < G_N_ELEMENTS(sum.used); use++)
                sum.used[use] += cell[from].used[use];
            if (from < end)
                sum.live += cell[from++].live;
            cell[to++] = sum;
        }
    }
    memset(&cell[to], 0, (PAGE_MAP_ROWS - to) * sizeof(cell[0]));
}

/* All columns, and the one that is being filled. */
static void coarsen(struct page_map *map)
{
    for (guint column = 0; column <= map->filled; column++)
        coarsen_column(map, column_of(map, column));
    map->row_pages *= 2;
}

static guint64 first_row_of(const struct page_map *map, guint region)
{
    guint64 row = 0;
    for (guint i = 0; i < region; i++)
        row += rows_of(map, i);
    return row;
}

/* Adds pages of one use, from a place in a region on, to the cells that they lie in. */
static void add(struct page_map *map, guint region, guint64 page, guint64 pages,
                enum replay_page_use use, double live)
{
    guint64 all = pages;
    while (first_row_of(map, region) + (page + pages - 1) / map->row_pages >= PAGE_MAP_ROWS)
        coarsen(map);
    struct page_cell *first = column_of(map, map->filled) + first_row_of(map, region);
    while (pages > 0) {
        guint64 here = MIN(pages, map->row_pages - page % map->row_pages);
        struct page_cell *cell = &first[page / map->row_pages];
        cell->used[use] += (guint32)here;
        cell->live += (float)(live * (double)here / (double)all);
        page += here;
        pages -= here;
    }
}

static void on_run(gpointer data, const struct replay_page_run *run)
{
    struct page_map *map = data;
    for (guint i = 0; i < map->regions->used; i++) {
        const struct replay_region *region = &map->regions->region[i];
        guint64 offset = (guint64)((guintptr)run->address - (guintptr)region->start);
        if ((guintptr)run->address < (guintptr)region->start || offset >= region->bytes)
            continue;
        guint64 page = offset / map->page_size, pages = MIN(run->pages, pages_of(map, i) - page);
        double live =
            run->objects == 0 ? 0.0 : (double)run->pages * (double)run->live / (double)run->objects;
        if (pages > 0)
            add(map, i, page, pages, run->use, live);
        return;
    }
}

enum page_state page_map_state(const struct page_map *map, guint column, guint row)
{
    const struct page_cell *cell = &column_of(map, column)[row];
    static const enum page_state states[] = {
        [REPLAY_PAGE_BLOCK] = PAGE_STATE_BLOCK,
        [REPLAY_PAGE_SLAB] = PAGE_STATE_SLAB_1,
        [REPLAY_PAGE_LISTED] = PAGE_STATE_LISTED,
        [REPLAY_PAGE_META] = PAGE_STATE_META,
    };
    guint64 used = 0;
    guint most = 0;
    for (guint use = 0; use < G_N_ELEMENTS(states); use++) {
        used += cell->used[use];
        if (cell->used[use] > cell->used[most])
            most = use;
    }
    if (used == 0)
        return PAGE_STATE_FREE;
    if (used * 4 <= map->row_pages)
        return PAGE_STATE_MOSTLY_FREE;
    if (most != REPLAY_PAGE_SLAB)
        return states[most];
    double live = (double)cell->live / (double)cell->used[REPLAY_PAGE_SLAB];
    return PAGE_STATE_SLAB_1 + (live > 0.25 ? 1 : 0) + (live > 0.5 ? 1 : 0) + (live > 0.75 ? 1 : 0);
}

/* What lies before a section's first page holds its metadata. */
static void add_prefixes(struct page_map *map, const struct replay_snapshot *snapshot)
{
    for (guint i = 0; i < snapshot->sections; i++) {
        struct replay_page_run run = {.use = REPLAY_PAGE_META};
        for (guint k = 0; k < map->regions->used; k++) {
            const struct replay_region *region = &map->regions->region[k];
            guint64 before =
                (guint64)((guintptr)snapshot->section[i].start - (guintptr)region->start);
            if ((guintptr)snapshot->section[i].start < (guintptr)region->start ||
                before >= region->bytes)
                continue;
            run.address = region->start;
            run.pages = before / map->page_size;
            on_run(map, &run);
        }
    }
}

void page_map_take(struct page_map *map, const struct replay_execution *execution,
                   const struct replay_snapshot *snapshot)
{
    struct replay_backend *backend = execution->backend;
    if (backend->ops->walk_pages == NULL || map->filled == map->columns)
        return;
    backend->ops->walk_pages(backend, on_run, map);
    add_prefixes(map, snapshot);
    map->event[map->filled++] = execution->events;
}
