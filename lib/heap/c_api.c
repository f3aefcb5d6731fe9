/* SPDX-License-Identifier: Apache-2.0 */
/* malloc's habits over a heap. */
#include "heap.h"

enum { MALLOC_ALIGN = 16 };

/* min(16, largest power of two <= size): what C asks of malloc. */
static size_t natural(size_t size)
{
    return size >= MALLOC_ALIGN ? MALLOC_ALIGN : size <= 1 ? 1 : (size_t)1 << bsai_log2(size);
}

void *bsa_malloc(bsa_heap *heap, size_t size)
{
    return bsa_aligned_alloc(heap, natural(size), size);
}

void *bsa_aligned_alloc(bsa_heap *heap, size_t align, size_t size)
{
    void *p;
    bsa_heap_alloc(heap, size, align, &p);
    return p;
}

void *bsa_calloc(bsa_heap *heap, size_t n, size_t size)
{
    size_t bytes;
    if (!bsai_mul(n, size, &bytes))
        return NULL;
    void *p = bsa_malloc(heap, bytes);
    if (p != NULL)
        bsai_memset(p, 0, bytes);
    return p;
}

void bsa_free(bsa_heap *heap, void *p)
{
    bsa_heap_free(heap, p);
}

void *bsa_realloc(bsa_heap *heap, void *p, size_t size)
{
    return bsa_heap_realloc(heap, &p, size, natural(size)) == BSA_OK ? p : NULL;
}
