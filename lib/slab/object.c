/* SPDX-License-Identifier: Apache-2.0 */
/* The less common changes of an object's state. */
#include "object.h"

bool bsai_hand_out_away(struct bsai_states *states, bsai_word bit)
{
    return bsai_flip_away(states, bit, false);
}
