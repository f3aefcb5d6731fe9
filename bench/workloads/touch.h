/* SPDX-License-Identifier: Apache-2.0 */
/* What is allocated is used; volatile, as the compiler may drop neither that nor the allocation. */
#ifndef BENCH_WORKLOADS_TOUCH_H
#define BENCH_WORKLOADS_TOUCH_H

#include "bench.h"

static inline void touch(void *p)
{
    *(volatile char *)p = 1;
}

static inline void look(void *p)
{
    (void)*(volatile char *)p;
}

/* Writes to every page of the bytes from old to size. */
static inline void touch_pages(void *p, size_t old, size_t size)
{
    for (size_t at = old; at < size; at += BENCH_PAGE)
        touch((char *)p + at);
    touch((char *)p + size - 1);
}

#endif
