/* SPDX-License-Identifier: Apache-2.0 */
/* The less common changes of an object's state. */
#include "object.h"

/* Flips bits among those of other CPUs if all their objects being live is what it is said to be. */
static bool flip_away(struct bsai_states *states, bsai_word bit, bool live)
{
    bsai_word old = bsai_peek(&states->away);
    do {
        if (((bsai_peek(&states->here) ^ old) & bit) != (live ? bit : 0))
            return false;
    } while (!bsai_bits_exchange(&states->away, &old, old ^ bit));
    return true;
}

bool bsai_take_back_away(struct bsai_states *states, bsai_word bit)
{
    return flip_away(states, bit, true);
}

bool bsai_hand_out_away(struct bsai_states *states, bsai_word bit)
{
    return flip_away(states, bit, false);
}

bool bsai_slot_put(const struct bsai_slot *slot)
{
    struct bsai_states *states = slot->states;
    if (BSAI_UNLIKELY((bsai_live(states, slot->bit) | (states->free & slot->bit)) != 0))
        return false;
    states->free |= slot->bit;
    return true;
}
