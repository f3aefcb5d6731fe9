/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What live objects and blocks cover of an address space, page by page, from their addresses
 * alone: pages in use by what they hold, the bytes in them that nothing alive takes, pages that
 * were in use once and are not now, and how far addresses reach.
 *
 * A page holds, in this order: objects, when an object of less than a page touches it; else blocks,
 * when something of a page or more does; else an empty slab, when it belongs to a slab and no live
 * object touches it. Each page in use is one of these:
 *   pages in use = objects + blocks + empty slabs
 *   bytes of pages in use = bytes alive + free bytes inside pages, as long as nothing overlaps
 */
#ifndef BSA_CLI_REPORT_FOOTPRINT_H
#define BSA_CLI_REPORT_FOOTPRINT_H

#include <glib.h>

#include "aligned.h"

/* Addresses farther apart are not one heap: each part of the address space of so many bytes,
 * naturally aligned, has a span of its own. */
#define FOOTPRINT_WINDOW ((guint64)64 << 20)

enum footprint_kind { FOOTPRINT_OBJECT, FOOTPRINT_BLOCK, FOOTPRINT_SLAB, FOOTPRINT_KINDS };

struct footprint {
    guint64 page_size;
    struct trace_map index; /* number of a group -> its place in groups */
    GPtrArray *groups;
    guint64 pages[FOOTPRINT_KINDS];      /* in use, by what they hold */
    guint64 free_bytes[FOOTPRINT_KINDS]; /* in them */
    guint64 seen;                        /* pages that were in use at any time */
    struct aligned_blocks free;          /* those of them that are not now */
    struct aligned_blocks all;           /* all of them */
    struct trace_map window_index;       /* number of a window -> its place in windows */
    GArray *windows;
    guint64 span; /* pages from the lowest to the highest ever in use, all windows */
};

void footprint_init(struct footprint *footprint, guint64 page_size);
void footprint_clear(struct footprint *footprint);

/* Something of so many bytes, at least one, begins or ends at an address. A slab's pages count as
 * empty; the objects in it come by themselves. */
void footprint_add(struct footprint *footprint, enum footprint_kind kind, guint64 address,
                   guint64 bytes);
void footprint_remove(struct footprint *footprint, enum footprint_kind kind, guint64 address,
                      guint64 bytes);

/* Pages in use. */
guint64 footprint_occupied(const struct footprint *footprint);

#endif
