/* SPDX-License-Identifier: Apache-2.0 */
#include "page_map.h"

#include <string.h>

static guint64 pages_of(const struct page_map *map, guint region)
{
    return map->regions->region[region].bytes / map->page_size;
}

/* A region begins on a row of its own. */
static guint rows_of(const struct page_map *map, guint region)
{
    return (guint)((pages_of(map, region) + map->row_pages - 1) / map->row_pages);
}

void page_map_init(struct page_map *map, guint columns, const struct replay_regions *regions,
                   guint64 page_size)
{
    guint64 pages = 0;
    *map = (struct page_map){
        .columns = MIN(columns, PAGE_MAP_COLUMNS), .page_size = page_size, .regions = regions};
    /* Where the sizes were taken from the trace, the second region is hardly ever used. */
    for (guint i = 0; i < (regions->automatic ? 1 : regions->count); i++)
        pages += pages_of(map, i);
    map->row_pages = MAX((pages + PAGE_MAP_ROWS - 1) / PAGE_MAP_ROWS, 1);
    for (guint i = 0; i < regions->count; i++)
        map->rows += rows_of(map, i);
    map->cell = g_new0(guint8, (gsize)map->columns * map->rows);
    map->making = g_new0(struct page_cell, map->rows);
    map->event = g_new0(guint64, map->columns);
}

void page_map_clear(struct page_map *map)
{
    g_free(map->cell);
    g_free(map->making);
    g_free(map->event);
    *map = (struct page_map){.columns = 0};
}

guint page_map_rows_used(const struct page_map *map)
{
    guint rows = 0;
    for (guint i = 0; map->regions != NULL && i < map->regions->used; i++)
        rows += rows_of(map, i);
    return rows;
}

/* Adds pages of one use, from a place in a region on, to the cells that they lie in. */
static void add(struct page_map *map, guint row, guint64 page, guint64 pages,
                enum replay_page_use use, double live)
{
    guint64 all = pages;
    while (pages > 0) {
        guint64 here = MIN(pages, map->row_pages - page % map->row_pages);
        struct page_cell *cell = &map->making[row + page / map->row_pages];
        cell->used[use] += here;
        cell->live += live * (double)here / (double)all;
        page += here;
        pages -= here;
    }
}

static void on_run(gpointer data, const struct replay_page_run *run)
{
    struct page_map *map = data;
    guint row = 0;
    for (guint i = 0; i < map->regions->used; row += rows_of(map, i), i++) {
        const struct replay_region *region = &map->regions->region[i];
        guint64 offset = (guint64)((guintptr)run->address - (guintptr)region->start);
        if ((guintptr)run->address < (guintptr)region->start || offset >= region->bytes)
            continue;
        guint64 page = offset / map->page_size;
        double live =
            run->objects == 0 ? 0.0 : (double)run->pages * (double)run->live / (double)run->objects;
        add(map, row, page, MIN(run->pages, pages_of(map, i) - page), run->use, live);
        return;
    }
}

static enum page_state state_of(const struct page_map *map, const struct page_cell *cell)
{
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
    double live = cell->live / (double)cell->used[REPLAY_PAGE_SLAB];
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
    memset(map->making, 0, map->rows * sizeof(map->making[0]));
    backend->ops->walk_pages(backend, on_run, map);
    add_prefixes(map, snapshot);
    guint8 *column = &map->cell[(gsize)map->filled * map->rows];
    for (guint row = 0; row < map->rows; row++)
        column[row] = (guint8)state_of(map, &map->making[row]);
    map->event[map->filled++] = execution->events;
}
