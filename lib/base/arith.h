/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on sizes and addresses: checked where a caller's number goes in, and bits. */
#ifndef BSAI_ARITH_H
#define BSAI_ARITH_H

#include "config.h"

/* The sum, or false when it wraps. */
static inline bool bsai_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool bsai_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool bsai_is_pow2(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* x rounded up to a multiple of the power of two a, or false when that wraps. */
static inline bool bsai_round_up(size_t x, size_t a, size_t *rounded)
{
    size_t sum;
    if (!bsai_add(x, a - 1, &sum))
        return false;
    *rounded = sum & ~(a - 1);
    return true;
}

/* The same where the caller knows that it cannot wrap. */
static inline size_t bsai_align_up(size_t x, size_t a)
{
    return (x + (a - 1)) & ~(a - 1);
}

/* Room for so many bytes at a multiple of the power of two a, behind what ends at *end: where it
 * begins. Cannot wrap, by the caller's knowledge. */
static inline size_t bsai_append(size_t *end, size_t bytes, size_t a)
{
    size_t begin = bsai_align_up(*end, a);
    *end = begin + bytes;
    return begin;
}

/* x / d, for a d that is no constant: 32-bit targets without the instruction would call a library
 * for it. Bit by bit, so not for a path that is hot. */
static inline size_t bsai_divide(size_t x, size_t d)
{
    size_t q = 0;
    for (unsigned bit = sizeof(size_t) * 8; bit-- > 0;) {
        if (x >> bit >= d) {
            x -= d << bit;
            q |= (size_t)1 << bit;
        }
    }
    return q;
}

/*
 * Bit scans. Where the instruction set has none the compiler would call into its run-time library,
 * which a freestanding build does not have; so these spell it out there.
 */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) ||                            \
    (defined(__arm__) && __ARM_ARCH >= 7)
static inline unsigned bsai_ctz32(uint32_t x)
{
    return (unsigned)__builtin_ctz(x);
}

static inline unsigned bsai_clz32(uint32_t x)
{
    return (unsigned)__builtin_clz(x);
}
#else
static inline unsigned bsai_clz32(uint32_t x)
{
    unsigned n = 0;
    for (unsigned step = 16; step != 0; step >>= 1) {
        if (x >> (32 - step) == 0) {
            n += step;
            x <<= step;
        }
    }
    return n;
}

static inline unsigned bsai_ctz32(uint32_t x)
{
    return 31 - bsai_clz32(x & (0u - x));
}
#endif

/* x must not be 0. */
static inline unsigned bsai_ctz64(uint64_t x)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return (unsigned)__builtin_ctzll(x);
#else
    uint32_t low = (uint32_t)x;
    return low != 0 ? bsai_ctz32(low) : 32 + bsai_ctz32((uint32_t)(x >> 32));
#endif
}

static inline unsigned bsai_clz64(uint64_t x)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return (unsigned)__builtin_clzll(x);
#else
    uint32_t high = (uint32_t)(x >> 32);
    return high != 0 ? bsai_clz32(high) : 32 + bsai_clz32((uint32_t)x);
#endif
}

/* Number of one bits; in plain C, as the builtin is a library call on a baseline x86-64. */
static inline unsigned bsai_popcount64(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

/* floor(log2(x)), x > 0. */
static inline unsigned bsai_log2(size_t x)
{
    return 63 - bsai_clz64((uint64_t)x);
}

/* ceil(log2(x)), x > 0. */
static inline unsigned bsai_log2_up(size_t x)
{
    return x <= 1 ? 0 : bsai_log2(x - 1) + 1;
}

#endif
