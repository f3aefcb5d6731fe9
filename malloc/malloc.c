/* SPDX-License-Identifier: Apache-2.0 */
/* malloc, calloc, realloc and free. */
#include "fast.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_ROUNDED = 64 * BSAM_PAGE, /* larger blocks get what they need, */
    SLACK_FROM =
        4096 /* but what grows is rounded up from here on, so that growing to n bytes little
                by little copies O(n) of them. What is never touched costs no memory. */
};

static bsa_cpu *enter(void)
{
    bsa_cpu *cpu = bsam_self.cpu;
    return bsam_enter_fast(cpu) ? cpu : bsam_enter();
}

BSAM_COLD void *bsam_alloc_slow(size_t size, size_t align, bool zero)
{
    void *p = NULL;
    if (align == 0)
        align = bsam_align_for(size);
    if (size <= PTRDIFF_MAX) {
        if (*bsam_inside(&bsam_self) != BSAM_OUTSIDE) {
            p = bsam_emergency_take(size, align);
            if (p != NULL && zero)
                memset(p, 0, size);
        } else {
            bsa_cpu *cpu = enter();
            if (cpu != NULL) {
                p = bsam_take(cpu, size, align, zero);
                if (p != NULL && bsam_heap_pace(&bsam_self, size))
                    bsam_heap_tidy(&bsam_self);
                bsam_leave();
            }
        }
    }
    if (p == NULL)
        errno = ENOMEM;
    return p;
}

/* Frees by the way that is open to whoever calls: what is wrong, or NULL. */
static const char *give(void *p)
{
    static const char nowhere[] = "free of an address that is not in this heap";
    if (bsam_emergency_owns(p)) {
        enum bsa_status status = bsam_emergency_give(p);
        return status == BSA_OK                  ? NULL
               : status == BSA_ERR_NOT_ALLOCATED ? "double free of an object"
                                                 : "free of an address inside an object";
    }
    if (*bsam_inside(&bsam_self) != BSAM_OUTSIDE) {
        if (bsam_usable(p) == 0)
            return "free of an address that is not live";
        bsam_defer(&bsam_self, p);
        return NULL;
    }
    bsa_cpu *cpu = bsam_enter();
    if (cpu == NULL)
        return nowhere;
    struct bsam_thread *t = &bsam_self;
    if (bsam_heap_pace(t, BSAM_FREED))
        bsam_heap_tidy(t);
    const char *what = NULL;
    if (bsam_give(cpu, p) != BSA_OK) {
        what = bsam_huge_inside(p) ? "free of an address inside a block" : t->what;
        t->what = NULL;
    }
    bsam_leave();
    return what;
}

BSAM_COLD void bsam_free_slow(void *p, const char *function, const void *caller)
{
    const char *what = p != NULL ? give(p) : NULL;
    if (what != NULL)
        bsam_misuse(function, p, what, caller);
}

/* What is behind magazines and page lists. */
static BSAM_NOINLINE void *alloc_other(bsa_cpu *cpu, size_t size, size_t align)
{
    struct bsam_thread *t = &bsam_self;
    void *p = NULL;
    if (align == 0)
        align = bsam_align_for(size);
    if (BSAM_LIKELY(size < BSAM_HUGE))
        bsai_cpu_alloc_other(cpu, size, align, &p);
    if (BSAM_UNLIKELY(p == NULL) && size <= PTRDIFF_MAX)
        p = bsam_take(cpu, size, align, false);
    /* A small one has come with others, a page of them or more. */
    if (p != NULL && bsam_heap_pace(t, size > BSAM_PAGE ? size : BSAM_PAGE))
        bsam_heap_tidy(t);
    bsam_leave_fast(cpu);
    if (BSAM_UNLIKELY(t->what != NULL))
        bsam_tell();
    if (BSAM_UNLIKELY(p == NULL))
        errno = ENOMEM;
    return p;
}

static BSAM_COLD void *leave_tidy(bsa_cpu *cpu, void *p)
{
    bsam_heap_tidy(&bsam_self);
    bsam_leave_fast(cpu);
    return p;
}

/* What a block of so many bytes has, up to a page: four sizes for each doubling, as objects have,
 * so that what is freed serves what is asked for. */
static BSAM_ALWAYS_INLINE size_t block_size(size_t size)
{
    size_t last = size - 1;
    unsigned shift = (unsigned)(sizeof(last) * 8 - 3) - (unsigned)__builtin_clzl(last);
    return ((last >> shift) + 1) << shift;
}

/* Blocks beyond those that are rounded; and small things, where the CPU's fast paths are closed. */
static BSAM_NOINLINE void *alloc_large(bsa_cpu *cpu, size_t size, size_t align)
{
    struct bsam_thread *t = &bsam_self;
    void *p = NULL;
    if (BSAM_LIKELY(size > BLOCK_ROUNDED) && BSAM_LIKELY(size < BSAM_HUGE))
        p = bsai_fast_lend_large(cpu, (size - 1) / BSAM_PAGE + 1);
    if (BSAM_UNLIKELY(p == NULL))
        return alloc_other(cpu, size, align);
    if (bsam_heap_pace(t, size))
        return leave_tidy(cpu, p);
    bsam_leave_fast(cpu);
    return p;
}

BSAM_NOINLINE void *bsam_alloc_rest(bsa_cpu *cpu, size_t size, size_t align)
{
    struct bsam_thread *t = &bsam_self;
    void *p;
    if (BSAM_UNLIKELY(size <= cpu->fast_size) || BSAM_UNLIKELY(align > cpu->page_size))
        return alloc_other(cpu, size, align);
    bool rounds = size - BSAM_PAGE <= BLOCK_ROUNDED - BSAM_PAGE; /* small ones come here as well */
    if (BSAM_UNLIKELY(!rounds))
        return alloc_large(cpu, size, align);
    size_t rounded = block_size(size);
    if (BSAM_UNLIKELY((p = bsai_fast_lend_run(cpu, (rounded - 1) / BSAM_PAGE + 1)) == NULL))
        return alloc_other(cpu, rounded, align);
    if (bsam_heap_pace(t, size))
        return leave_tidy(cpu, p);
    bsam_leave_fast(cpu);
    return p;
}

/* After a free, which goes on to nowhere. */
static BSAM_ALWAYS_INLINE void leave_freed(bsa_cpu *cpu)
{
    if (bsam_heap_pace(&bsam_self, BSAM_FREED))
        leave_tidy(cpu, NULL);
    else
        bsam_leave_fast(cpu);
}

/* What the heap has found is said, and not looked for again: somebody may be given p meanwhile. But
 * what is not in the heap may be elsewhere. */
static BSAM_COLD void free_failed(enum bsa_status status, void *p, const char *function,
                                  const void *caller)
{
    if (status == BSA_OK)
        bsam_tell();
    if (status != BSA_ERR_NOT_FOUND)
        bsam_misuse(function, p, bsam_self.what, caller);
    bsam_free_slow(p, function, caller);
}

static BSAM_NOINLINE void free_other(bsa_cpu *cpu, void *p, const char *function,
                                     const void *caller)
{
    struct bsam_thread *t = &bsam_self;
    enum bsa_status status = bsam_huge_give(p);
    if (status != BSA_OK)
        status = bsai_cpu_free_other(cpu, p);
    bool failed = t->what != NULL;
    if (BSAM_UNLIKELY(status == BSA_ERR_NOT_FOUND))
        t->what = NULL; /* while inside: a signal handler's calls tell what they find there */
    leave_freed(cpu);
    if (BSAM_UNLIKELY(failed))
        free_failed(status, p, function, caller);
}

/* An object of another CPU's slab, a block of which there are few, or NULL. */
static BSAM_NOINLINE void free_second(bsa_cpu *cpu, void *p, const char *function,
                                      const void *caller)
{
    struct bsai_slab *slab = bsai_fast_slab(cpu, p);
    if (BSAM_LIKELY(slab != NULL ? bsai_fast_free_away(cpu, slab, p)
                                 : p == NULL || bsai_fast_free_block(cpu, p, 0)))
        leave_freed(cpu);
    else
        free_other(cpu, p, function, caller);
}

/* What is in no slab. */
static BSAM_NOINLINE void free_block(bsa_cpu *cpu, void *p, const char *function,
                                     const void *caller)
{
    size_t page;
    if (BSAM_LIKELY(bsai_fast_page(cpu, p, &page)) &&
        BSAM_LIKELY(bsai_fast_put_block(cpu, p, page)))
        leave_freed(cpu);
    else
        free_second(cpu, p, function, caller);
}

BSAM_NOINLINE void bsam_free_rest(bsa_cpu *cpu, void *p, const char *function, const void *caller)
{
    struct bsai_slab *slab;
    if (BSAM_UNLIKELY(cpu == NULL))
        bsam_free_slow(p, function, caller);
    else if (((uintptr_t)p & (BSAM_PAGE - 1)) == 0 && bsai_fast_undo_lent(cpu, p))
        bsam_leave_fast(cpu);
    else if (BSAM_UNLIKELY((slab = bsai_fast_slab(cpu, p)) == NULL))
        free_block(cpu, p, function, caller);
    else if (BSAM_LIKELY(bsai_fast_put_home(cpu, slab, p)))
        leave_freed(cpu);
    else
        free_second(cpu, p, function, caller);
}

BSAM_EXPORT void *malloc(size_t size)
{
    return bsam_alloc(size, 0);
}

BSAM_EXPORT void free(void *p)
{
    bsam_free(p, "free", BSAM_CALLER());
}

BSAM_EXPORT void cfree(void *p);
BSAM_EXPORT void cfree(void *p)
{
    bsam_free(p, "cfree", BSAM_CALLER());
}

/* C23's, which C libraries older than it do not declare. */
static void free_sized_at(void *p, size_t size, const char *function, const void *caller)
{
    size_t usable = bsam_usable(p);
    if (BSAM_UNLIKELY(usable != 0 && size > usable))
        bsam_misuse(function, p, "free with a larger size than there is", caller);
    bsam_free(p, function, caller);
}

BSAM_EXPORT void free_sized(void *p, size_t size);
BSAM_EXPORT void free_sized(void *p, size_t size)
{
    free_sized_at(p, size, "free_sized", BSAM_CALLER());
}

BSAM_EXPORT void free_aligned_sized(void *p, size_t align, size_t size);
BSAM_EXPORT void free_aligned_sized(void *p, size_t align, size_t size)
{
    if (BSAM_UNLIKELY(((uintptr_t)p & (align - 1)) != 0))
        bsam_misuse("free_aligned_sized", p, "free with a larger alignment than it has",
                    BSAM_CALLER());
    free_sized_at(p, size, "free_aligned_sized", BSAM_CALLER());
}

BSAM_EXPORT void *calloc(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes >= BSAM_HUGE)
        return bsam_alloc_slow(bytes, BSAM_ALIGN, true); /* clears what is kept only */
    void *p = bsam_alloc(bytes, 0);
    return p != NULL ? memset(p, 0, bytes) : NULL;
}

static size_t with_slack(size_t size, size_t usable)
{
    if (size <= usable || size < SLACK_FROM || size >= bsam_grown_from())
        return size;
    return block_size(size);
}

/* Whether an object or block is left as it is: shrinking it has to be worth it. Of a mapping, which
 * is not rounded up, more than the largest rounded block may have to spare is. */
static bool stays(const void *p, size_t usable, size_t size)
{
    size_t spare = usable > BSA_MAX_CLASS_SIZE ? usable / 4 : usable / 2; /* a block, an object */
    return size <= usable && size >= usable - spare &&
           (BSAM_LIKELY(usable - size <= BLOCK_ROUNDED / 4) || bsam_huge_size(p) == 0);
}

/* Where it is, or by moving page tables, or as the heap thinks best. NULL: not by these ways. */
static void *resize(void *p, size_t size, size_t usable)
{
    bool mapped = usable >= BSAM_GROWN / 2 && bsam_huge_size(p) != 0;
    bool possible = mapped ? size >= BSAM_GROWN / 2
                           : usable % BSAM_PAGE == 0 /* else an object, which is moved */ &&
                                 (size < bsam_grown_from() || size <= usable);
    if (!possible || size > PTRDIFF_MAX || *bsam_inside(&bsam_self) != BSAM_OUTSIDE ||
        (!mapped && bsam_emergency_owns(p)))
        return NULL;
    bsa_cpu *cpu = enter();
    if (cpu == NULL)
        return NULL;
    if (mapped)
        p = bsam_huge_resize(p, size);
    else if (bsa_cpu_realloc(cpu, &p, with_slack(size, usable), bsam_align_for(size)) != BSA_OK)
        p = NULL;
    bsam_leave();
    return p;
}

/* A mapping for what has grown: it may go on growing, and leaves no hole in the heap. */
static void *alloc_grown(size_t size)
{
    void *p = NULL;
    size_t dirty;
    if (size <= PTRDIFF_MAX && *bsam_inside(&bsam_self) == BSAM_OUTSIDE && enter() != NULL) {
        p = bsam_huge_take(size, BSAM_ALIGN, &dirty);
        if (p != NULL && bsam_heap_pace(&bsam_self, size))
            bsam_heap_tidy(&bsam_self);
        bsam_leave();
    }
    return p;
}

/* Another object with the contents of the old one, which is freed. */
static void *move(void *p, size_t usable, size_t size, const char *function, const void *caller)
{
    void *moved = NULL;
    if (size > usable && size >= bsam_grown_from())
        moved = alloc_grown(size);
    if (moved == NULL)
        moved = bsam_alloc(with_slack(size, usable), 0);
    if (moved != NULL) {
        memcpy(moved, p, size < usable ? size : usable);
        bsam_free(p, function, caller);
    }
    return moved;
}

static BSAM_ALWAYS_INLINE void *reallocate(void *p, size_t size, const char *function,
                                           const void *caller)
{
    if (p == NULL)
        return bsam_alloc(size, 0);
    if (size == 0) {
        bsam_free(p, function, caller);
        return NULL;
    }
    size_t usable = bsam_usable(p);
    if (usable == 0)
        bsam_free_slow(p, function, caller); /* says what is wrong with it */
    if (stays(p, usable, size))
        return p;
    void *resized = resize(p, size, usable);
    return resized != NULL ? resized : move(p, usable, size, function, caller);
}

BSAM_EXPORT void *realloc(void *p, size_t size)
{
    return reallocate(p, size, "realloc", BSAM_CALLER());
}

BSAM_EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(p, bytes, "reallocarray", BSAM_CALLER());
}
