/* SPDX-License-Identifier: Apache-2.0 */
/* The heap by the handle of a CPU. */
#include "bench.h"

static inline void *get(struct bench_thread *thread, size_t size)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc(thread->cpu, size, 8, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_alloc(%zu): %s", size, bsa_strerror(status));
    return p;
}

static inline void put(struct bench_thread *thread, void *p)
{
    enum bsa_status status = bsa_cpu_free(thread->cpu, p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_free(%p): %s", p, bsa_strerror(status));
}

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc_pages(thread->cpu, (size_t)1 << order, BENCH_PAGE, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_alloc_pages, order %zu: %s", order, bsa_strerror(status));
    return p;
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    enum bsa_status status = bsa_cpu_free_pages(thread->cpu, p, (size_t)1 << order);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_free_pages(%p), order %zu: %s", p, order, bsa_strerror(status));
}

#include "workloads.h"

bench_loop *const bench_loops_handle[BENCH_WORKLOADS] = BENCH_LOOPS;
