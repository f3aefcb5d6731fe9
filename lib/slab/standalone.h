/* SPDX-License-Identifier: Apache-2.0 */
/* The slab allocator alone: its state, which fills the storage that its user gave. */
#ifndef BSAI_STANDALONE_H
#define BSAI_STANDALONE_H

#include <buddyslab/slab.h>

#include "cache.h"

/* A page of storage that holds no records now. */
struct bsai_spare_chunk {
    struct bsai_spare_chunk *next;
};

struct bsa_slab {
    /* Constant. */
    struct bsa_platform platform;
    bool unlocked;
    struct bsai_map map; /* of the range; every group is ready */
    struct bsai_classes classes;
    struct bsai_cache *caches;  /* one per class */
    struct bsai_records *pools; /* one per size of record */
    unsigned pool_count;

    struct bsai_shelf *shelves;  /* one per class, for all CPUs; guarded by its cache's lock */
    struct bsai_lock chunk_lock; /* guards chunks */
    struct bsai_spare_chunk *chunks;
};

#endif
