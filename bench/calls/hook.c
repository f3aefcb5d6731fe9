/* SPDX-License-Identifier: Apache-2.0 */
/* The heap, which asks the cpu_id hook in every call. */
#include "bench.h"

static inline void *get(struct bench_thread *thread, size_t size)
{
    void *p;
    enum bsa_status status = bsa_heap_alloc(thread->heap, size, 8, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_heap_alloc(%zu): %s", size, bsa_strerror(status));
    return p;
}

static inline void put(struct bench_thread *thread, void *p)
{
    enum bsa_status status = bsa_heap_free(thread->heap, p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_heap_free(%p): %s", p, bsa_strerror(status));
}

static inline void *resize(struct bench_thread *thread, void *p, size_t size)
{
    enum bsa_status status = bsa_heap_realloc(thread->heap, &p, size, 8);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_heap_realloc(%zu): %s", size, bsa_strerror(status));
    return p;
}

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    void *p;
    enum bsa_status status = bsa_heap_alloc_pages(thread->heap, (size_t)1 << order, BENCH_PAGE, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_heap_alloc_pages, order %zu: %s", order, bsa_strerror(status));
    return p;
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    enum bsa_status status = bsa_heap_free_pages(thread->heap, p, (size_t)1 << order);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_heap_free_pages(%p), order %zu: %s", p, order, bsa_strerror(status));
}

#include "works.h"

const struct bench_work bench_works_hook[BENCH_WORKLOADS] = {BENCH_WORKS, BENCH_WORKS_MERGED};
