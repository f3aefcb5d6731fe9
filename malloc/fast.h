/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of nearly all calls: the thread has a CPU, and that has an object, or room for one, at
 * hand. It is the only place that sees inside the library, so that no call stands between.
 */
#ifndef BSAM_FAST_H
#define BSAM_FAST_H

#include "../lib/heap/fast_blocks.h"
#include "internal.h"

/* malloc.c: what the fast paths leave over. The thread is inside, and has the CPU to itself; they
 * leave. A free without a CPU takes the slow path. */
void *bsam_alloc_rest(bsa_cpu *cpu, size_t size, size_t align);
void bsam_free_rest(bsa_cpu *cpu, void *p, const char *function, const void *caller);

/* The slow paths, which set errno. The thread is not inside, or was interrupted there. align 0:
 * what C asks for the size, as everywhere. */
void *bsam_alloc_slow(size_t size, size_t align, bool zero);
void bsam_free_slow(void *p, const char *function, const void *caller);

/* The door. */

/* Where a thread starts: it is never inside, and shut. Constant. */
extern struct bsa_cpu bsam_nobody;

/* Between the mark and what it guards: the order for signal handlers of this thread, and for the
 * one who stops all threads with a barrier in each. */
static inline void bsam_fence(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* The mark of a thread, wherever it is. */
static inline uint32_t *bsam_inside(struct bsam_thread *t)
{
    return t->own != NULL ? &t->own->inside : &t->inside;
}

static BSAM_ALWAYS_INLINE void bsam_leave_fast(bsa_cpu *cpu)
{
    __atomic_store_n(&cpu->inside, BSAM_OUTSIDE, __ATOMIC_RELEASE);
}

/* True with the thread marked inside; false (and not inside) when the slow path is needed. */
static BSAM_ALWAYS_INLINE bool bsam_enter_fast(bsa_cpu *cpu)
{
    if (BSAM_UNLIKELY(__atomic_load_n(&cpu->inside, __ATOMIC_RELAXED) != BSAM_OUTSIDE))
        return false;
    __atomic_store_n(&cpu->inside, BSAM_IN_HEAP, __ATOMIC_RELAXED);
    bsam_fence();
    if (BSAM_LIKELY(__atomic_load_n(&cpu->shut, __ATOMIC_ACQUIRE) == 0))
        return true;
    bsam_leave_fast(cpu);
    return false;
}

/* Which magazine serves a size at the alignment that C asks for, in units of magazines, by
 * (size - 1) / 8; the same for all CPUs. Sizes that none does have one without objects. */
extern uint8_t bsam_places[BSAM_OBJECT_MOST / 8];

/* As bsai_fast_take, which looks up what is constant here. */
static BSAM_ALWAYS_INLINE bool bsam_take_fast(bsa_cpu *cpu, size_t size, void **out)
{
    if (BSAM_UNLIKELY(size - 1 >= BSAM_OBJECT_MOST))
        return false;
    return bsai_fast_pop(cpu, bsam_places[(size - 1) / 8], out);
}

static BSAM_ALWAYS_INLINE void *bsam_alloc(size_t size, size_t align)
{
    bsa_cpu *cpu = bsam_self.cpu;
    void *p = NULL; /* gcc -O1 does not see that it is set */
    if (BSAM_UNLIKELY(!bsam_enter_fast(cpu)))
        return bsam_alloc_slow(size, align, false);
    if (BSAM_UNLIKELY(
            !(align == 0 ? bsam_take_fast(cpu, size, &p) : bsai_fast_alloc(cpu, size, align, &p))))
        return bsam_alloc_rest(cpu, size, align);
    bsam_leave_fast(cpu);
    return p;
}

/* True when what was handed out last was taken back; it leaves nothing free that was not free
 * before, so that it is not counted. Else *cpu is what bsam_free_rest needs. */
static BSAM_ALWAYS_INLINE bool bsam_free_last(void *p, bsa_cpu **out)
{
    bsa_cpu *cpu = bsam_self.cpu;
    if (BSAM_UNLIKELY(!bsam_enter_fast(cpu))) {
        *out = NULL;
        return false;
    }
    *out = cpu;
    if (!bsai_magazine_undo(cpu->last, p))
        return false;
    bsam_leave_fast(cpu);
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
