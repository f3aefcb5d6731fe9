/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a heap: validation and iteration over what is live. */
#ifndef BUDDYSLAB_DEBUG_H
#define BUDDYSLAB_DEBUG_H

#include <buddyslab/types.h>

/*
 * Cross-checks every counter, list and bitmap of the heap against a full scan. BSA_OK, or
 * BSA_ERR_INVALID_PARAM with a description of the first contradiction to the log hook. Takes every
 * lock; in exclusive mode no other call may be in flight. O(pages + objects).
 */
BSA_API enum bsa_status bsa_heap_validate(bsa_heap *heap);

struct bsa_live_block {
    void *address;
    size_t bytes;      /* object size of the class, or bytes of the block */
    unsigned slab;     /* 1: an object; 0: a page block */
    const char *cache; /* name of its cache; NULL: of a size class, or a block */
};

/*
 * Calls visit for every live object and block in ascending address order within a region, until it
 * returns non-zero, which is returned; else 0. The registry's, the record pools' and the buddy's
 * locks are held meanwhile: visit may not call this heap. Objects allocated or freed meanwhile may
 * or may not be seen.
 */
BSA_API int bsa_heap_walk(bsa_heap *heap,
                          int (*visit)(void *arg, const struct bsa_live_block *block), void *arg);

/* Pages in a row that are used for one thing. */
struct bsa_page_run {
    void *address; /* of the first page */
    size_t pages;
    unsigned flags; /* BSA_PAGE_HEAD (a live block), BSA_PAGE_SLAB, BSA_PAGE_CACHED, BSA_PAGE_META
                       or BSA_PAGE_RESERVED */
    size_t object_size; /* of a slab; 0: none */
    size_t objects;     /* that it has room for; */
    size_t live;        /*   of them in the user's hands */
    const char *cache;  /* name of its cache; NULL: of a size class, or no slab */
};

/*
 * The same for pages: visit is called for every run, in ascending address order within a region;
 * what lies between runs is free. Same locks, same promises. O(pages).
 */
BSA_API int bsa_heap_walk_pages(bsa_heap *heap,
                                int (*visit)(void *arg, const struct bsa_page_run *run), void *arg);

/* Steps (list entries, bitmap words, table probes) that slow paths took since init: a cost that a
 * test can bound without a clock. Counted where checks are compiled in; else 0. */
BSA_API size_t bsa_heap_steps(const bsa_heap *heap);
BSA_API size_t bsa_buddy_steps(const bsa_buddy *buddy);

#endif
