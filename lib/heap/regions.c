/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that comes, goes, or is lent for a while: the buddy's, but for what the CPUs hold back. */
#include "heap.h"

/* CPUs may remember blocks of a region that has left, and ones in low memory from when there was no
 * other. A CPU that is made meanwhile does not. */
static void make_forget(const struct bsa_heap *heap)
{
    struct bsa_cpu *cpu;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        bsai_poke(&cpu->lists.fast, 0);
}

enum bsa_status bsa_heap_add_region(bsa_heap *heap, void *region, size_t bytes)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    enum bsa_status status = bsa_buddy_add_region(&heap->buddy, region, bytes);
    if (status == BSA_OK)
        make_forget(heap);
    return status;
}

static enum bsa_status remove_region(struct bsa_heap *heap, const void *region)
{
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    enum bsa_status status = bsai_buddy_remove(&heap->buddy, &call, region);
    if (status == BSA_OK)
        make_forget(heap);
    bsai_leave(&call);
    if (status == BSA_OK)
        bsai_buddy_removed(&heap->buddy);
    return bsai_call_end(&call, status);
}

enum bsa_status bsa_heap_remove_region(bsa_heap *heap, void *region)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    enum bsa_status status = remove_region(heap, region);
    if (status == BSA_ERR_MEMORY_OVERLAP) {
        /* What keeps it may be free pages on CPUs' lists, or empty slabs. */
        bsa_heap_reclaim(heap);
        status = remove_region(heap, region);
    }
    return status;
}

enum bsa_status bsa_heap_reserve(bsa_heap *heap, void *addr, size_t bytes)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    enum bsa_status status = bsa_buddy_reserve(&heap->buddy, addr, bytes);
    if (status == BSA_ERR_MEMORY_OVERLAP) {
        /* What is in the way may be free pages on CPUs' lists, or empty slabs. */
        bsa_heap_reclaim(heap);
        status = bsa_buddy_reserve(&heap->buddy, addr, bytes);
    }
    return status;
}

size_t bsa_heap_release(bsa_heap *heap, size_t min_bytes,
                        void (*release)(void *ctx, void *addr, size_t bytes), void *ctx)
{
    return heap == NULL ? 0 : bsa_buddy_release(&heap->buddy, min_bytes, release, ctx);
}
