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

/* A word of live bits that several CPUs change at once; the word that is replaced tells who was
 * first. Relaxed: what the bits stand for is handed over by the caller, from the one who allocated
 * to the one who frees, and by the cache's lock. */
#define bsai_bits_exchange(p, expected, desired)                                                   \
    __atomic_compare_exchange_n((p), (expected), (desired), true, __ATOMIC_RELAXED,                \
                                __ATOMIC_RELAXED)

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

/* A request flag that its poster sets after, and its owner clears before acting on, other state. */
#define bsai_request_post(p) __atomic_store_n((p), 1u, __ATOMIC_RELEASE)
#define bsai_request_take(p) __atomic_exchange_n((p), 0u, __ATOMIC_ACQUIRE)

/* Locks. Acquire and release as their names say. */
#define bsai_lock_try_word(p) (__atomic_exchange_n((p), 1u, __ATOMIC_ACQUIRE) == 0)
#define bsai_lock_clear_word(p) __atomic_store_n((p), 0u, __ATOMIC_RELEASE)

#endif
