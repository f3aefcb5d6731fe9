/* SPDX-License-Identifier: Apache-2.0 */
/* The less common changes of an object's state. */
#include "object.h"

bool bsai_hand_out_away(struct bsai_states *states, bsai_word bit)
{
    return bsai_flip_away(states, bit, false);
}

bool bsai_slot_put(const struct bsai_slot *slot)
{
    struct bsai_states *states = slot->states;
    if (BSAI_UNLIKELY((bsai_live(states, slot->bit) | (states->free & slot->bit)) != 0))
        return false;
    states->free |= slot->bit;
    return true;
}
