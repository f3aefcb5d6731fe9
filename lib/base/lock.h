/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spin locks, and the one place where the lock order is written.
 *
 * A context that holds a lock takes further ones of a higher rank only; builds with checks assert
 * it and report re-entry instead of hanging. Two locks of one rank are held together only by
 * snapshots, validation and the last try of an allocation, in ascending order of CPU id or class
 * (bsai_lock_also).
 */
#ifndef BSAI_LOCK_H
#define BSAI_LOCK_H

#include "atomic.h"
#include "call.h"

enum bsai_rank {
    BSAI_RANK_REGISTRY = 1, /* CPU states being made */
    BSAI_RANK_CPU,          /* one CPU's magazines and page lists (shared mode) */
    BSAI_RANK_DEPOT,        /* one size class: batches on their way between CPUs */
    BSAI_RANK_CACHE,        /* one size class: its lists of slabs */
    BSAI_RANK_RECORDS,      /* the pool that slab records come from */
    BSAI_RANK_BUDDY         /* all sections: their trees and blocks, and which there are */
};

struct bsai_lock {
    uint32_t word;
#if BSA_CHECKS >= 1
    uintptr_t holder; /* context_id of the holder, 0 = unknown */
#endif
};

/* The slow part: spins, yields through the relax hook now and then. */
void bsai_lock_contended(struct bsai_lock *lock, struct bsai_call *call);

#if BSA_CHECKS >= 1
void bsai_lock_check(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call,
                     bool also);
void bsai_lock_note(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call);
void bsai_lock_forget(struct bsai_lock *lock, enum bsai_rank rank, struct bsai_call *call);
#else
#define bsai_lock_check(lock, rank, call, also) ((void)(rank), (void)(also))
#define bsai_lock_note(lock, rank, call) ((void)(rank), (void)(call))
#define bsai_lock_forget(lock, rank, call) ((void)(rank), (void)(call))
#endif

static inline void bsai_lock_init(struct bsai_lock *lock)
{
    bsai_memset(lock, 0, sizeof(*lock));
}

static inline void bsai_lock_acquire(struct bsai_lock *lock, enum bsai_rank rank,
                                     struct bsai_call *call, bool also)
{
    if (call->unlocked)
        return;
    bsai_lock_check(lock, rank, call, also);
    if (BSAI_UNLIKELY(!bsai_lock_try_word(&lock->word)))
        bsai_lock_contended(lock, call);
    bsai_lock_note(lock, rank, call);
}

static inline void bsai_lock_take(struct bsai_lock *lock, enum bsai_rank rank,
                                  struct bsai_call *call)
{
    bsai_lock_acquire(lock, rank, call, false);
}

/* A further lock of a rank that is held already; see above. */
static inline void bsai_lock_also(struct bsai_lock *lock, enum bsai_rank rank,
                                  struct bsai_call *call)
{
    bsai_lock_acquire(lock, rank, call, true);
}

static inline void bsai_lock_drop(struct bsai_lock *lock, enum bsai_rank rank,
                                  struct bsai_call *call)
{
    if (call->unlocked)
        return;
    bsai_lock_forget(lock, rank, call);
    bsai_lock_clear_word(&lock->word);
}

#endif
