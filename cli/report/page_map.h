/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pages are used for, address by time: a picture's cells, each of which stands for some pages
 * at one moment. A row is a page at first, and two of what it was whenever pages come into use that
 * lie beyond the last one, so that a large region does not hide what is done in a small part of it.
 * All memory is allocated before the replay starts.
 */
#ifndef BSA_CLI_REPORT_PAGE_MAP_H
#define BSA_CLI_REPORT_PAGE_MAP_H

#include <glib.h>

#include "../replay/execute.h"

#define PAGE_MAP_COLUMNS 512u
#define PAGE_MAP_ROWS 400u

/*
 * A cell of which at most a fourth is in use shows that; else what most of its used pages are. The
 * numbers stand in page-map.csv.
 */
enum page_state {
    PAGE_STATE_FREE,
    PAGE_STATE_MOSTLY_FREE,
    PAGE_STATE_SLAB_1, /* slabs by how much of them is live: at most 1/4, 1/2, 3/4, more */
    PAGE_STATE_SLAB_2,
    PAGE_STATE_SLAB_3,
    PAGE_STATE_SLAB_4,
    PAGE_STATE_BLOCK,
    PAGE_STATE_META,
    PAGE_STATE_LISTED
};

/* Pages of a cell. */
struct page_cell {
    guint32 used[4]; /* by enum replay_page_use */
    float live;      /* pages' worth of live objects */
};

struct page_map {
    guint columns; /* room for */
    guint64 page_size, row_pages;
    guint filled;           /* columns that are taken */
    struct page_cell *cell; /* columns * PAGE_MAP_ROWS */
    guint64 *event;         /* of a column */
    const struct replay_regions *regions;
};

void page_map_init(struct page_map *map, guint columns, const struct replay_regions *regions,
                   guint64 page_size);
void page_map_clear(struct page_map *map);

/* Takes the next column; nothing where it has no pages to show. */
void page_map_take(struct page_map *map, const struct replay_execution *execution,
                   const struct replay_snapshot *snapshot);

enum page_state page_map_state(const struct page_map *map, guint column, guint row);

/* Rows up to the last one in which a page was ever used. */
guint page_map_rows_used(const struct page_map *map);

#endif
