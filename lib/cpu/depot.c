/* SPDX-License-Identifier: Apache-2.0 */
#include "depot.h"

bool bsai_depot_put(struct bsai_depot *depot, struct bsai_call *call, const struct bsai_slot *slots)
{
    if (bsai_peek(&depot->count) == depot->most)
        return false;
    bsai_lock_take(&depot->lock, BSAI_RANK_DEPOT, call);
    bool room = depot->count < depot->most;
    if (room) {
        bsai_memcpy(depot->slots + (size_t)depot->count * depot->batch, slots,
                    depot->batch * sizeof(*slots));
        bsai_count(&depot->count, 1u);
    }
    bsai_lock_drop(&depot->lock, BSAI_RANK_DEPOT, call);
    return room;
}

/* The newest batch for a home; depot->count when there is none. */
static uint32_t find(const struct bsai_depot *depot, unsigned home)
{
    for (uint32_t i = depot->count; i-- > 0;) {
        const struct bsai_slot *first = depot->slots + (size_t)i * depot->batch;
        if (home == BSAI_ANY_HOME || bsai_peek(&first->slab->home) == home)
            return i;
    }
    return depot->count;
}

bool bsai_depot_get(struct bsai_depot *depot, struct bsai_call *call, unsigned home,
                    struct bsai_slot *slots)
{
    size_t bytes = depot->batch * sizeof(*slots);
    if (bsai_peek(&depot->count) == 0)
        return false;
    bsai_lock_take(&depot->lock, BSAI_RANK_DEPOT, call);
    uint32_t i = find(depot, home);
    bool any = i < depot->count;
    if (any) {
        bsai_count(&depot->taken, (size_t)1);
        struct bsai_slot *batch = depot->slots + (size_t)i * depot->batch;
        bsai_count(&depot->count, 0u - 1u);
        bsai_memcpy(slots, batch, bytes);
        if (i < depot->count)
            bsai_memcpy(batch, depot->slots + (size_t)depot->count * depot->batch, bytes);
    }
    bsai_lock_drop(&depot->lock, BSAI_RANK_DEPOT, call);
    return any;
}
