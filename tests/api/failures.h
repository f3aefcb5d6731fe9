/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of others' failures share; see test_failures.c. */
#ifndef BSA_TESTS_API_FAILURES_H
#define BSA_TESTS_API_FAILURES_H

#include "slabs.h"

/* Takes every object of a size that the heap has for a CPU; how many. */
static inline size_t take_all(bsa_heap *heap, size_t size, void **p, size_t most)
{
    size_t n = 0;
    while (n < most && bsa_heap_alloc(heap, size, 1, &p[n]) == BSA_OK)
        n++;
    return n;
}

/* Page by page until there is none; how many. */
static inline size_t take_all_pages(bsa_heap *heap)
{
    size_t n = 0;
    void *p;
    while (bsa_heap_alloc_pages(heap, 1, 1, &p) == BSA_OK)
        n++;
    return n;
}

static inline void **pointers(size_t n)
{
    return region_new(n * sizeof(void *), PAGE, 0);
}

#endif
