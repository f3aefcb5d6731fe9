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
    if (p == NULL || heap == NULL)
        return bsa_malloc(heap, size);
    struct bsai_found found;
    size_t usable = bsai_heap_find(heap, p, &found);
    if (usable == 0) {
        bsa_heap_free(heap, p); /* not live: says what is wrong with p */
        return NULL;
    }

    size_t align = natural(size);
    unsigned size_class = bsai_class_for(&heap->classes, size, align);
    bool stays = found.slab != NULL ? size_class == bsai_word_class(found.word)
                                    : size_class == heap->classes.count && size <= usable &&
                                          usable - size < heap->buddy.page_size;
    if (stays)
        return p;
    void *moved = bsa_malloc(heap, size);
    if (moved != NULL) {
        bsai_memcpy(moved, p, size < usable ? size : usable);
        bsa_heap_free(heap, p);
    }
    return moved;
}
