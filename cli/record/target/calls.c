/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the target calls. While the real function runs, calls from inside of it (an allocator's
 * posix_memalign that calls memalign, what a first call allocates for itself) go straight on: the
 * target did not ask for them.
 *
 * Strdup, getline and all others call these; for C++'s new and delete see operators.c.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records.h"

/* result of CALL, with nothing recorded inside. */
#define REAL(result, call)                                                                         \
    do {                                                                                           \
        bsar_self.inside = true;                                                                   \
        result = (call);                                                                           \
        bsar_self.inside = false;                                                                  \
    } while (0)

/* Whether an object of that size is recorded. */
static inline bool wanted(size_t size)
{
    return BSAR_LIKELY(bsar_min_size == 0) || size >= bsar_min_size;
}

static inline bool begins(const void *p, size_t size)
{
    if (BSAR_UNLIKELY(bsar_min_size != 0) && p != NULL && size >= bsar_min_size)
        bsar_live_add(p);
    return wanted(size);
}

/* Whether the object was recorded; it is not looked for again. */
static inline bool ends(const void *p)
{
    return BSAR_LIKELY(bsar_min_size == 0) || bsar_live_remove(p);
}

static inline void *allocated(enum trace_kind kind, void *p, size_t size, size_t align)
{
    if (begins(p, size))
        bsar_record(kind, p != NULL ? 0 : TRACE_FAILED, p, size, align);
    return p;
}

void *bsar_allocated(enum trace_kind kind, void *p, size_t size, size_t align)
{
    return allocated(kind, p, size, align);
}

BSAR_EXPORT void *malloc(size_t size)
{
    void *p;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.malloc(size);
    REAL(p, bsar_real.malloc(size));
    return allocated(TRACE_ALLOC, p, size, 0);
}

BSAR_EXPORT void free(void *p)
{
    if (BSAR_UNLIKELY(p == NULL || bsar_in_store(p)))
        return;
    if (BSAR_UNLIKELY(bsar_self.inside)) {
        bsar_real.free(p);
        return;
    }
    if (ends(p))
        bsar_record(TRACE_FREE, 0, p, 0, 0);
    bsar_self.inside = true;
    bsar_real.free(p);
    bsar_self.inside = false;
}

/* Of old programs. */
BSAR_EXPORT void cfree(void *p);
BSAR_EXPORT void cfree(void *p)
{
    free(p);
}

BSAR_EXPORT void *calloc(size_t count, size_t size)
{
    void *p;
    size_t bytes;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.calloc(count, size);
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    REAL(p, bsar_real.calloc(count, size));
    return allocated(TRACE_CALLOC, p, bytes, 0);
}

/* An object of the time before the real functions were found. */
static void *leave_store(void *p, size_t size)
{
    void *moved = malloc(size);
    if (moved != NULL) {
        size_t had = bsar_store_size(p);
        memcpy(moved, p, had < size ? had : size);
    }
    return moved;
}

/* The object, if one was recorded, is as it was. */
static void not_resized(void *p, bool was, size_t size)
{
    if (was)
        begins(p, SIZE_MAX);
    if (was || wanted(size))
        bsar_record(was ? TRACE_REALLOC : TRACE_ALLOC, TRACE_FAILED, NULL, size, 0);
}

/*
 * Two records: between them the old address may be handed to another thread. Where one of the two
 * sizes is too small to be recorded, the object begins or ends here instead.
 */
static void *resize(void *p, size_t size)
{
    bool was = ends(p);
    void *q;
    if (was)
        bsar_record(TRACE_REALLOC_BEGIN, 0, p, size, 0);
    REAL(q, bsar_real.realloc(p, size));
    if (q == NULL && size != 0) {
        not_resized(p, was, size);
    } else if (begins(q, size) && q != NULL) {
        bsar_record(was ? TRACE_REALLOC : TRACE_ALLOC, 0, q, size, 0);
    } else if (was) {
        bsar_record(TRACE_REALLOC, 0, NULL, 0, 0); /* freed, or too small from now on */
    }
    return q;
}

BSAR_EXPORT void *realloc(void *p, size_t size)
{
    if (BSAR_UNLIKELY(bsar_in_store(p)))
        return leave_store(p, size);
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.realloc(p, size);
    if (p != NULL)
        return resize(p, size);
    REAL(p, bsar_real.realloc(NULL, size));
    return allocated(TRACE_ALLOC, p, size, 0);
}

/* What overflows comes to no allocator. */
static void *overflows(void *p)
{
    bool was = p != NULL && !bsar_in_store(p) && ends(p);
    if (was)
        bsar_record(TRACE_REALLOC_BEGIN, 0, p, SIZE_MAX, 0);
    not_resized(p, was, SIZE_MAX);
    errno = ENOMEM;
    return NULL;
}

BSAR_EXPORT void *reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (!__builtin_mul_overflow(count, size, &bytes))
        return realloc(p, bytes);
    if (!bsar_self.inside)
        return overflows(p);
    errno = ENOMEM;
    return NULL;
}

BSAR_EXPORT void *memalign(size_t align, size_t size)
{
    void *p;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.memalign(align, size);
    REAL(p, bsar_real.memalign(align, size));
    return allocated(TRACE_ALIGNED_ALLOC, p, size, align);
}

BSAR_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    void *p;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.aligned_alloc(align, size);
    REAL(p, bsar_real.aligned_alloc(align, size));
    return allocated(TRACE_ALIGNED_ALLOC, p, size, align);
}

BSAR_EXPORT int posix_memalign(void **result, size_t align, size_t size)
{
    int error;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.posix_memalign(result, align, size);
    REAL(error, bsar_real.posix_memalign(result, align, size));
    allocated(TRACE_ALIGNED_ALLOC, error == 0 ? *result : NULL, size, align);
    return error;
}

BSAR_EXPORT void *valloc(size_t size)
{
    void *p;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.valloc(size);
    REAL(p, bsar_real.valloc(size));
    return allocated(TRACE_ALIGNED_ALLOC, p, size, (size_t)sysconf(_SC_PAGESIZE));
}

BSAR_EXPORT void *pvalloc(size_t size)
{
    void *p;
    if (BSAR_UNLIKELY(bsar_self.inside))
        return bsar_real.pvalloc(size);
    REAL(p, bsar_real.pvalloc(size));
    return allocated(TRACE_ALIGNED_ALLOC, p, size, (size_t)sysconf(_SC_PAGESIZE));
}

/* No event: a program that asks gets its answer from whoever has the object. */
BSAR_EXPORT size_t malloc_usable_size(void *p)
{
    return BSAR_UNLIKELY(bsar_in_store(p)) ? bsar_store_size(p) : bsar_real.malloc_usable_size(p);
}
