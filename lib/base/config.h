/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library needs of its compiler and platform at compile time.
 *
 * -DBSA_PLATFORM_HEADER=\"my_platform.h\" names a header that may define any of the macros below
 * before their defaults are taken; nothing else is needed to build lib/ inside another tree.
 */
#ifndef BSAI_CONFIG_H
#define BSAI_CONFIG_H

#ifdef BSA_PLATFORM_HEADER
#include BSA_PLATFORM_HEADER
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Invariants that are asserted: 0 none, 1 those that cost a few instructions, 2 all. Misuse by the
 * caller is detected at every level; this is about the library's own mistakes. */
#ifndef BSA_CHECKS
#define BSA_CHECKS 0
#endif

/* An invariant is broken; must not return. */
#ifndef BSA_PANIC
#define BSA_PANIC(what) __builtin_trap()
#endif

/* One turn of a spinning loop. */
#ifndef BSA_CPU_PAUSE
#if defined(__x86_64__) || defined(__i386__)
#define BSA_CPU_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define BSA_CPU_PAUSE() __asm__ volatile("yield")
#else
#define BSA_CPU_PAUSE() __asm__ volatile("" ::: "memory")
#endif
#endif

/*
 * BSA_CPU_ID(ctx), BSA_ENTER(ctx) and BSA_LEAVE(ctx, state) have no default: where they are defined
 * they take the place of the hooks cpu_id, enter and leave of every heap, buddy and slab allocator,
 * which spares a call through a pointer each. They are expanded wherever that hook would be called,
 * with its meaning; ctx is NULL where no platform was given at init.
 */
#if defined(BSA_ENTER) != defined(BSA_LEAVE)
#error "BSA_ENTER and BSA_LEAVE belong together"
#endif

/* Bytes that two CPUs must not share. */
#ifndef BSA_CACHE_LINE
#define BSA_CACHE_LINE 64
#endif
_Static_assert(BSA_CACHE_LINE >= 64 && (BSA_CACHE_LINE & (BSA_CACHE_LINE - 1)) == 0,
               "magazines and records are aligned to 64 bytes");

#define BSAI_LIKELY(x) __builtin_expect(!!(x), 1)
#define BSAI_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Makes the compiler keep a pointer that it has computed, instead of computing it anew from its
 * parts for each use. */
#define BSAI_KEEP(pointer) __asm__("" : "+r"(pointer))
/* For a function that is a fast path: it begins with a line of code, so that its time does not
 * depend on how long the functions before it are. */
#define BSAI_HOT __attribute__((aligned(32)))
#define BSAI_NOINLINE __attribute__((noinline))
#define BSAI_ALWAYS_INLINE inline __attribute__((always_inline))

#if BSA_CHECKS >= 1
#define bsai_assert(x) ((x) ? (void)0 : BSA_PANIC(#x))
#else
#define bsai_assert(x) ((void)0)
#endif
#if BSA_CHECKS >= 2
#define bsai_assert_full(x) bsai_assert(x)
#else
#define bsai_assert_full(x) ((void)0)
#endif

/* The four functions that a freestanding compiler may call anyway; so do we. */
#define bsai_memset(p, c, n) __builtin_memset((p), (c), (n))
#define bsai_memcpy(d, s, n) __builtin_memcpy((d), (s), (n))

#endif
