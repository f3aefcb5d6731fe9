/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

/* Spins between two calls of the relax hook. */
enum { SPINS_PER_RELAX = 128 };

/* Without a context_id hook a build with checks cannot tell re-entry from a long wait; so many
 * relaxed rounds are taken for re-entry. */
#define ROUNDS_UNTIL_STUCK (1u << 24)

void bsai_lock_contended(struct bsai_lock *lock, struct bsai_call *call)
{
    for (uint32_t round = 0;; round++) {
        for (unsigned spin = 0; spin < SPINS_PER_RELAX; spin++) {
            if (bsai_peek(&lock->word) == 0 && bsai_lock_try_word(&lock->word))
                return;
            BSA_CPU_PAUSE();
        }
        if (call->platform->relax != NULL)
            call->platform->relax(call->platform->ctx);
        if (BSA_CHECKS >= 1 && round == ROUNDS_UNTIL_STUCK)
            BSA_PANIC("a lock was not released: re-entry without the enter hook?");
    }
}

#if BSA_CHECKS >= 1
static uintptr_t context_id(const struct bsai_call *call)
{
    return call->platform->context_id != NULL ? call->platform->context_id(call->platform->ctx) : 0;
}

void bsai_lock_check(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call, bool also)
{
    unsigned above = ~0u << (also ? rank + 1 : rank);
    if ((call->held & above) != 0)
        BSA_PANIC("lock order: a lock of this rank or a later one is held");
    uintptr_t self = context_id(call);
    if (self != 0 && bsai_peek(&lock->holder) == self)
        BSA_PANIC("re-entry: this context holds the lock already");
}

void bsai_lock_note(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call)
{
    bsai_poke(&lock->holder, context_id(call));
    call->held |= 1u << rank;
}

void bsai_lock_forget(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call)
{
    bsai_poke(&lock->holder, (uintptr_t)0);
    call->held &= ~(1u << rank);
}
#endif
