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

bool bsai_depot_get(struct bsai_depot *depot, struct bsai_call *call, struct bsai_slot *slots)
{
    if (bsai_peek(&depot->count) == 0)
        return false;
    bsai_lock_take(&depot->lock, BSAI_RANK_DEPOT, call);
    bool any = depot->count != 0;
    if (any) {
        bsai_count(&depot->count, 0u - 1u);
        bsai_memcpy(slots, depot->slots + (size_t)depot->count * depot->batch,
                    depot->batch * sizeof(*slots));
    }
    bsai_lock_drop(&depot->lock, BSAI_RANK_DEPOT, call);
    return any;
}
