/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The depot of one size class: batches of cached objects on their way from CPUs that free to those
 * whose slabs they are of (after Bonwick and Adams 2001, where anybody may have them). Bounded; a
 * batch that finds no room goes home to its slabs.
 */
#ifndef BSAI_DEPOT_H
#define BSAI_DEPOT_H

#include "../base/lock.h"
#include "../slab/object.h"

struct bsai_depot {
    struct bsai_lock lock __attribute__((aligned(BSA_CACHE_LINE))); /* guards count and slots */
    uint32_t count, most; /* batches; most is constant, as batch and slots */
    uint32_t batch;       /* objects of a batch */
    size_t taken;         /* batches, ever; read anywhere, as count */
    struct bsai_slot *slots;
};

static inline size_t bsai_depot_objects(const struct bsai_depot *depot)
{
    return (size_t)bsai_peek(&depot->count) * depot->batch;
}

/* A batch goes in; false when the depot is full. */
bool bsai_depot_put(struct bsai_depot *depot, struct bsai_call *call,
                    const struct bsai_slot *slots);
/* A batch comes out whose first object is at home on a CPU, or any for BSAI_ANY_HOME; false when
 * there is none. */
#define BSAI_ANY_HOME UINT32_MAX
bool bsai_depot_get(struct bsai_depot *depot, struct bsai_call *call, unsigned home,
                    struct bsai_slot *slots);

#endif
