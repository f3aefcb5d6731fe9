/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections: what a region becomes, and the way from an address to its section.
 *
 * A region's prefix is carved into metadata; the rest, whole pages, is managed. A region whose physical
 * addresses straddle 4 GiB becomes two sections (low and high part) that share the prefix and are shown
 * to the user as one.
 *
 * Look-up is O(1) in the number of sections: up to BSAI_INLINE_SECTIONS are compared one by one; above,
 * a hash table holds each section under the (at most three) granules of its own size that it touches,
 * where sizes are powers of two; a look-up probes once per size that occurs.
 */
#ifndef BSAI_SECTION_H
#define BSAI_SECTION_H

#include "../base/lock.h"
#include "../page/page.h"

enum {
    BSAI_INLINE_SECTIONS = 4,
    BSAI_TREE_LEVELS = 10, /* orders 0..9 inside a tree of 512 pages */
    BSAI_UPPER_ORDERS = 32 /* orders of whole trees: 2^0 .. 2^31 trees */
};

/* What a run of pages is for: runs of a use share trees, so that long-lived slabs and short-lived blocks
 * do not break each other's. */
enum bsai_use { BSAI_USE_PAGES, BSAI_USE_SLABS, BSAI_USES };

enum bsai_zone { BSAI_ZONE_HIGH, BSAI_ZONE_LOW };

/* A tree: 512 naturally aligned pages. Guarded by the section's lock. */
struct bsai_tree {
    uint64_t free[BSAI_GROUP_PAGES / 64]; /* bit set: page can be had */
    uint32_t next, prev;                  /* list of trees of one use and bound, or of whole blocks of one order */
    uint16_t free_pages;
    uint8_t bound;                        /* no larger order than this is free in the tree */
    uint8_t use;
    uint8_t order;                        /* head of a free whole block: its order in trees */
    uint8_t spare[3];
};

struct bsai_section {
    struct bsai_map map;
    struct bsai_tree *trees;
    enum bsai_zone zone;
    struct bsai_section *next;        /* in order of registration */
    struct bsai_section *other_part;  /* low part -> high part of a straddling region, else NULL */
    bool second_part;                 /* not shown on its own */
    uintptr_t region_start;           /* of the whole region, prefix included: for overlap checks */
    size_t region_bytes;
    size_t metadata_bytes;            /* region_bytes less the managed pages */

    struct bsai_lock lock;            /* guards what follows, trees, and state bytes */
    uint32_t partial[BSAI_USES][BSAI_TREE_LEVELS]; /* broken trees with free pages, by use and bound */
    uint32_t partial_mask[BSAI_USES];              /* which of them are not empty */
    uint32_t whole[BSAI_UPPER_ORDERS];             /* free blocks of whole trees, by order */
    uint32_t whole_mask;
    uint32_t misaligned_mask;         /* bit a: no page aligned to 2^a pages is known to be free outside larger
                                         blocks (a full scan found none since the last such free) */
    size_t free_pages;                /* written under the lock, read anywhere */
    size_t total_pages;               /* managed, withdrawn excluded; the same */
};

#endif
