/* SPDX-License-Identifier: Apache-2.0 */
/* The buddy alone: no lists in front of it, each call splits and merges. */
#include "bench.h"

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    void *p;
    enum bsa_status status = bsa_buddy_alloc(thread->buddy, (size_t)1 << order, BENCH_PAGE, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_buddy_alloc, order %zu: %s", order, bsa_strerror(status));
    return p;
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    enum bsa_status status = bsa_buddy_free(thread->buddy, p, (size_t)1 << order);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_buddy_free(%p), order %zu: %s", p, order, bsa_strerror(status));
}

#include "pages.h"

const struct bench_work bench_works_buddy[BENCH_WORKLOADS] = {BENCH_WORKS_OF_PAGES,
                                                              BENCH_WORKS_MERGED};
