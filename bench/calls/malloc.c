/* SPDX-License-Identifier: Apache-2.0 */
/* malloc and free, of whichever library brings them. */
#include <stdlib.h>

#include "bench.h"

static inline void *get(struct bench_thread *thread, size_t size)
{
    (void)thread;
    void *p = malloc(size);
    if (__builtin_expect(p == NULL, 0))
        bench_fail("malloc(%zu) found no memory", size);
    return p;
}

static inline void put(struct bench_thread *thread, void *p)
{
    (void)thread;
    free(p);
}

static inline void *resize(struct bench_thread *thread, void *p, size_t size)
{
    (void)thread;
    void *q = realloc(p, size);
    if (__builtin_expect(q == NULL, 0))
        bench_fail("realloc(%zu) found no memory", size);
    return q;
}

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    return get(thread, (size_t)BENCH_PAGE << order);
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    (void)order;
    put(thread, p);
}

#include "works.h"

const struct bench_work bench_works_malloc[BENCH_WORKLOADS] = {BENCH_WORKS};
