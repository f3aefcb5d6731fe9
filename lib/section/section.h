/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections: what a region becomes, and the way from an address to its section.
 *
 * A region's prefix is carved into metadata; the rest, whole pages, is managed. A region whose
 * physical addresses straddle 4 GiB becomes two sections (low and high part) that share the prefix
 * and are shown to the user as one.
 *
 * The way from an address to its section is in lookup.h. Everything here is guarded by the buddy's
 * lock, but for what is constant and what says otherwise.
 */
#ifndef BSAI_SECTION_H
#define BSAI_SECTION_H

#include "../base/arith.h"
#include "../page/page.h"

enum {
    BSAI_TREE_LEVELS = 10,  /* orders 0..9 inside a tree of 512 pages */
    BSAI_UPPER_ORDERS = 32, /* orders of whole trees: 2^0 .. 2^31 trees */
    BSAI_ROW_LISTS = 18     /* lengths of rows of free pages, two lists per doubling */
};

/* What a run of pages is for: runs of a use share trees, so that long-lived slabs and short-lived
 * blocks do not break each other's. */
enum bsai_use { BSAI_USE_PAGES, BSAI_USE_SLABS, BSAI_USES };

enum bsai_zone { BSAI_ZONE_HIGH, BSAI_ZONE_LOW, BSAI_ZONES };

/* The lists that a tree can be on at once, by each of which it leads to its neighbours there. */
enum bsai_tree_list {
    BSAI_TREES_FREE,   /* of one use and bound; or of whole blocks of one order */
    BSAI_TREES_BY_ROW, /* of one use and length of rows */
    BSAI_TREES_ODD,    /* that may serve what the memo says is not there */
    BSAI_TREE_LISTS
};

struct bsai_tree_link {
    uint32_t next, prev; /* numbers of trees, or BSAI_NO_TREE */
};

/* A tree: 512 naturally aligned pages. */
struct bsai_tree {
    uint64_t free[BSAI_GROUP_PAGES / 64]; /* bit set: page can be had */
    uint64_t idle[BSAI_GROUP_PAGES / 64]; /* bit set: page is free, and released since last used */
    struct bsai_tree_link link[BSAI_TREE_LISTS];
    uint16_t free_pages, idle_pages;
    uint16_t row;  /* no more free pages than these lie in a row in the tree */
    uint8_t bound; /* no larger order than this is free in the tree */
    uint8_t use;
    uint8_t order; /* head of a free whole block: its order in trees */
    bool odd;      /* on the list of that name */
};

/* What a group's state byte says beside BSAI_GROUP_READY and BSAI_GROUP_RELEASED. */
enum bsai_group_code {
    BSAI_GROUP_INSIDE, /* within a free whole block, or all taken by runs of whole trees */
    BSAI_GROUP_BROKEN, /* its struct bsai_tree tells page by page */
    BSAI_GROUP_FREE    /* first tree of a free whole block */
};

#define BSAI_NO_TREE UINT32_MAX

struct bsai_section {
    struct bsai_map map;
    struct bsai_tree *trees;
    enum bsai_zone zone;
    struct bsai_section *next, *prev; /* in order of registration */
    struct bsai_section *other_part;  /* low part -> high part of a straddling region, else NULL */
    bool second_part;                 /* not shown on its own */
    uintptr_t region_start;           /* of the whole region, prefix included: for overlap checks */
    size_t region_bytes;
    size_t metadata_bytes; /* region_bytes less the managed pages */
    size_t first_tree;     /* absolute number of tree 0, from which alignment follows */
    size_t slot;           /* in the roster of its zone */
    unsigned bound;        /* no block of this order or a larger one is free; 0: no page */
    bool pinned;           /* holds what cannot leave: the buddy, or a look-up table */

    /* Broken trees with free pages, by use and bound, and which of the lists are not empty. */
    uint32_t partial[BSAI_USES][BSAI_TREE_LEVELS];
    uint32_t partial_mask[BSAI_USES];
    /* The same trees by use and the length of their longest row. */
    uint32_t rows[BSAI_USES][BSAI_ROW_LISTS];
    uint32_t rows_mask[BSAI_USES];
    uint32_t whole[BSAI_UPPER_ORDERS]; /* free blocks of whole trees, by order */
    uint32_t whole_mask;
    uint32_t odd;      /* broken trees that the memo does not speak of */
    uint32_t row_tree; /* the tree that last served a row of pages that is no block */
    /* Memo: where bit a is set, no broken tree outside the list of odd ones has missed[a] free
     * pages in a row at a multiple of 2^a pages. */
    uint32_t missed_mask;
    uint16_t missed[BSAI_TREE_LEVELS];
    size_t missed_long;         /* memo: no so many free pages in a row across trees, */
    unsigned missed_long_align; /*   at a multiple of 2^this; 0 pages: no memo */
    size_t free_pages;
    size_t total_pages; /* managed, withdrawn excluded */
    size_t lent_pages;  /* withdrawn while they are being released */
};

/*
 * How a region is cut: [region .. front][metadata][pages ..]. The caller fills the first part; plan
 * finds the lowest first page for which the metadata of all pages from there on fits below it.
 */
struct bsai_plan {
    uintptr_t region;
    size_t bytes;
    size_t front;     /* bytes at the start that the caller uses */
    size_t low_bytes; /* so many from the start are physically below 4 GiB */
    size_t extra;     /* bytes of metadata that the caller wants, for a look-up table */
    unsigned page_shift;
    bool cold; /* with the array of slab records */

    size_t first, split,
        end;            /* absolute page numbers: low part [first, split), high part [split, end) */
    uintptr_t extra_at; /* where the extra bytes are */
    uintptr_t sections_at; /* where the sections begin */
};

/* False when not a single page can be managed. */
bool bsai_section_plan(struct bsai_plan *plan);

/* Makes the one or two sections of a plan, with every page taken; the first part, which leads to
 * the other by other_part. Nothing is written for trees but their state bytes. */
struct bsai_section *bsai_section_make(const struct bsai_plan *plan);

#endif
