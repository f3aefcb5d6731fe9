/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The depot of one size class: full batches of cached objects on their way from CPUs that free to
 * CPUs that allocate (Bonwick and Adams 2001). Bounded; a batch that finds no room goes home to its
 * slabs.
 */
#ifndef BSAI_DEPOT_H
#define BSAI_DEPOT_H

#include "../base/lock.h"
#include "../slab/object.h"

struct bsai_depot {
    struct bsai_lock lock __attribute__((aligned(BSA_CACHE_LINE))); /* guards count and slots */
    uint32_t count, most; /* batches; most is constant, as batch and slots */
    uint32_t batch;       /* objects of a batch */
    struct bsai_slot *slots;
};

static inline size_t bsai_depot_objects(const struct bsai_depot *depot)
{
    return (size_t)bsai_peek(&depot->count) * depot->batch;
}

/* A batch goes in, or out: false when the depot is full, or empty. */
bool bsai_depot_put(struct bsai_depot *depot, struct bsai_call *call,
                    const struct bsai_slot *slots);
bool bsai_depot_get(struct bsai_depot *depot, struct bsai_call *call, struct bsai_slot *slots);

#endif
