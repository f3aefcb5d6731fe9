/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of nearly all calls: the thread has a CPU, and that has an object, or room for one, at
 * hand. It is the only place that sees inside the library, so that no call stands between.
 */
#ifndef BSAM_FAST_H
#define BSAM_FAST_H

#include "../lib/heap/fast.h"
#include "internal.h"

/* malloc.c: what the fast paths leave over. The thread is inside, and has the CPU to itself; they
 * leave. A free without a CPU takes the slow path. */
void *bsam_alloc_rest(bsa_cpu *cpu, size_t size, size_t align);
void bsam_free_rest(bsa_cpu *cpu, void *p, const char *function, const void *caller);

/* The slow paths, which set errno. The thread is not inside, or was interrupted there. align 0:
 * what C asks for the size, as everywhere. */
void *bsam_alloc_slow(size_t size, size_t align, bool zero);
void bsam_free_slow(void *p, const char *function, const void *caller);

static BSAM_ALWAYS_INLINE void *bsam_alloc(size_t size, size_t align)
{
    struct bsam_thread *t = &bsam_self;
    bsa_cpu *cpu = bsam_enter_fast(t);
    void *p = NULL; /* gcc -O1 does not see that it is set */
    if (BSAM_UNLIKELY(cpu == NULL))
        return bsam_alloc_slow(size, align, false);
    if (BSAM_UNLIKELY(!(align == 0 ? bsai_fast_take(cpu, size, size >= BSAM_ALIGN, &p)
                                   : bsai_fast_alloc(cpu, size, align, &p))))
        return bsam_alloc_rest(cpu, size, align);
    bsam_leave_fast(t);
    return p;
}

/* True when what was handed out last was taken back; it leaves nothing free that was not free
 * before, so that it is not counted. Else *cpu is what bsam_free_rest needs. */
static BSAM_ALWAYS_INLINE bool bsam_free_last(void *p, bsa_cpu **cpu)
{
    struct bsam_thread *t = &bsam_self;
    *cpu = bsam_enter_fast(t);
    if (BSAM_UNLIKELY(*cpu == NULL) || !bsai_magazine_undo((*cpu)->last, p))
        return false;
    bsam_leave_fast(t);
    return true;
}

static BSAM_ALWAYS_INLINE size_t bsam_usable(const void *p)
{
    const bsa_heap *heap = __atomic_load_n(&bsam_heap, __ATOMIC_ACQUIRE);
    size_t bytes = BSAM_LIKELY(heap != NULL) ? bsai_fast_usable(heap, p) : 0;
    return BSAM_LIKELY(bytes != 0) ? bytes : bsam_usable_other(p);
}

/* A macro, as the caller is asked for only where it is told: to keep it takes a register more than
 * can be had without a frame. */
#define bsam_free(p, function, caller)                                                             \
    do {                                                                                           \
        bsa_cpu *bsam_cpu;                                                                         \
        if (!bsam_free_last(p, &bsam_cpu))                                                         \
            bsam_free_rest(bsam_cpu, p, function, caller);                                         \
    } while (false)

#endif
