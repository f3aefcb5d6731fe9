/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every atomic access of the library, named by what it is for, with its memory order and the
 * reason.
 *
 * Operands are 32 bits or pointer-sized, so that no target needs libatomic.
 */
#ifndef BSAI_ATOMIC_H
#define BSAI_ATOMIC_H

#include "config.h"

/* A word whose value alone matters and orders nothing: statistics, hints, and page words or live
 * bits, whose reader got the address from the writer through some ordering of its own. */
#define bsai_peek(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define bsai_poke(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/* A counter with one writer at a time (its CPU, or the holder of its lock) and readers anywhere. */
#define bsai_count(p, n) bsai_poke((p), bsai_peek(p) + (n))

/* A counter that several contexts change. Relaxed: nothing is published by it. */
#define bsai_shared_count(p, n) ((void)__atomic_fetch_add((p), (n), __ATOMIC_RELAXED))
#define bsai_shared_uncount(p, n) ((void)__atomic_fetch_sub((p), (n), __ATOMIC_RELAXED))

/* Live bits, which several CPUs change at once; the old word tells who was first. Relaxed: what
 * they stand for is handed over by the caller, from the one who allocated to the one who frees. */
#define bsai_bits_flip(p, mask) ((void)__atomic_fetch_xor((p), (mask), __ATOMIC_RELAXED))
#define bsai_bits_exchange(p, expected, desired)                                                   \
    __atomic_compare_exchange_n((p), (expected), (desired), true, __ATOMIC_RELAXED,                \
                                __ATOMIC_RELAXED)

/* Free bits, which objects are handed over by: who takes a bit may find it set before the state
 * word counts it. Release: what the user did to the object; acquire: the same, by who takes it. */
#define bsai_bits_put(p, mask) ((void)__atomic_fetch_or((p), (mask), __ATOMIC_RELEASE))
#define bsai_bits_take(p, mask) ((void)__atomic_fetch_and((p), ~(mask), __ATOMIC_ACQUIRE))

/* A slab's state word. Release: the free bits that were set before are seen by whoever reads the
 * count that covers them. Acquire: who takes objects sees those bits, and all that the freeing
 * CPU's users did to the objects happened before. */
#define bsai_state_read(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define bsai_state_exchange(p, expected, desired)                                                  \
    __atomic_compare_exchange_n((p), (expected), (desired), true, __ATOMIC_ACQ_REL,                \
                                __ATOMIC_ACQUIRE)

/* A page word that one of several frees may win. Relaxed: the page itself is handed over by a lock.
 */
#define bsai_word_claim(p, expected, desired)                                                      \
    __atomic_compare_exchange_n((p), (expected), (desired), false, __ATOMIC_RELAXED,               \
                                __ATOMIC_RELAXED)

/* A pointer or table made ready by plain writes before it is shown to readers that take no lock. */
#define bsai_publish(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define bsai_consume(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)

/* A version that is odd while what it stands for changes (a sequence lock). The data between open
 * and close are published and consumed each: a reader that meets any of them finds, by bsai_peek,
 * that the version is not what it consumed before. */
#define bsai_version_open(p) bsai_poke((p), bsai_peek(p) + 1)
#define bsai_version_close(p) bsai_publish((p), bsai_peek(p) + 1)

/* A stack that anyone pushes to and one context at a time takes whole (Treiber 1986). Release: the
 * node's link; acquire: the same, by the taker. Nobody pops single nodes, so there is no ABA. */
#define bsai_stack_push(head, expected, node)                                                      \
    __atomic_compare_exchange_n((head), (expected), (node), true, __ATOMIC_RELEASE,                \
                                __ATOMIC_RELAXED)
#define bsai_stack_take(head) __atomic_exchange_n((head), NULL, __ATOMIC_ACQUIRE)

/* A request flag that its poster sets after, and its owner clears before acting on, other state. */
#define bsai_request_post(p) __atomic_store_n((p), 1u, __ATOMIC_RELEASE)
#define bsai_request_take(p) __atomic_exchange_n((p), 0u, __ATOMIC_ACQUIRE)

/* Locks. Acquire and release as their names say. */
#define bsai_lock_try_word(p) (__atomic_exchange_n((p), 1u, __ATOMIC_ACQUIRE) == 0)
#define bsai_lock_clear_word(p) __atomic_store_n((p), 0u, __ATOMIC_RELEASE)

#endif
