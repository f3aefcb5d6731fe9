/* SPDX-License-Identifier: Apache-2.0 */
/* What the heap can say about itself cheaply. */
#include "fast.h"

size_t bsai_heap_listed_pages(const struct bsa_heap *heap)
{
    size_t listed = 0;
    const struct bsa_cpu *cpu;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        listed += bsai_peek(&cpu->lists.listed);
    return listed;
}

size_t bsai_heap_cpu_pages(const struct bsa_heap *heap)
{
    size_t pages = bsai_peek(&heap->cpu_pages);
    const struct bsa_cpu *cpu;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        pages += bsai_peek(&cpu->grown_pages);
    return pages;
}

size_t bsai_heap_occupied_pages(const struct bsa_heap *heap)
{
    size_t total = bsai_buddy_total_pages(&heap->buddy);
    size_t available = bsai_buddy_free_pages(&heap->buddy) + bsai_heap_listed_pages(heap);
    return available < total ? total - available : 0; /* in flight a page may be seen twice */
}

size_t bsai_heap_find(const struct bsa_heap *heap, const void *p, struct bsai_found *found)
{
    found->section = bsai_section_find(&heap->buddy, (uintptr_t)p, &found->page);
    found->slab = NULL;
    if (found->section == NULL)
        return 0;
    const struct bsai_map *map = &found->section->map;
    found->word = bsai_map_word(map, found->page);
    switch (bsai_word_kind(found->word)) {
    case BSAI_PAGE_SLAB:
        found->slab = bsai_consume(&map->cold[found->page]);
        if (found->slab == NULL || !bsai_slab_locate(found->slab, (uintptr_t)p, &found->index) ||
            !bsai_object_is_live(found->slab, found->index))
            return 0;
        return heap->caches[found->slab->cache].geometry.object_size;
    case BSAI_PAGE_BLOCK:
        if (((uintptr_t)p & (heap->buddy.page_size - 1)) != 0)
            return 0;
        return bsai_word_count(found->word) << heap->buddy.page_shift;
    default:
        return 0;
    }
}

size_t bsa_usable_size(const bsa_heap *heap, const void *p)
{
    struct bsai_found found;
    if (heap == NULL || p == NULL)
        return 0;
    size_t bytes = bsai_fast_usable(heap, p);
    return BSAI_LIKELY(bytes != 0) ? bytes : bsai_heap_find(heap, p, &found);
}

size_t bsa_heap_managed_bytes(const bsa_heap *heap)
{
    return heap == NULL ? 0 : bsai_buddy_total_pages(&heap->buddy) << heap->buddy.page_shift;
}

size_t bsa_heap_allocated_bytes(const bsa_heap *heap)
{
    return heap == NULL ? 0 : bsai_heap_occupied_pages(heap) << heap->buddy.page_shift;
}

size_t bsa_heap_section_count(const bsa_heap *heap)
{
    return heap == NULL ? 0 : bsa_buddy_section_count(&heap->buddy);
}

/* Pages on CPUs' lists that lie in a range. */
static size_t listed_within(const struct bsa_heap *heap, uintptr_t start, size_t bytes)
{
    size_t pages = 0;
    const struct bsa_cpu *cpu;
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++) {
        for (unsigned i = 0; i < cpu->lists.count; i++) {
            const struct bsai_page_list *list = &cpu->lists.list[i];
            const struct bsai_block *top = bsai_peek(&list->top);
            for (const struct bsai_block *block = list->base; block < top; block++) {
                if ((uintptr_t)bsai_peek(&block->start) - start < bytes)
                    pages += bsai_list_pages(i);
            }
        }
    }
    return pages;
}

enum bsa_status bsa_heap_section(const bsa_heap *heap, size_t index, struct bsa_section_info *info)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    enum bsa_status status = bsa_buddy_section(&heap->buddy, index, info);
    if (status == BSA_OK && info->size >= offsetof(struct bsa_section_info, total_pages))
        info->free_pages += listed_within(heap, (uintptr_t)info->start, info->bytes);
    if (status == BSA_OK && info->size >= sizeof(*info))
        info->low_free_pages += listed_within(heap, (uintptr_t)info->start, info->low_bytes);
    return status;
}

enum bsa_status bsa_heap_page_flags(const bsa_heap *heap, const void *addr, unsigned *flags)
{
    return heap == NULL ? BSA_ERR_NOT_INITIALIZED : bsa_buddy_page_flags(&heap->buddy, addr, flags);
}

enum bsa_status bsa_heap_free_blocks(const bsa_heap *heap, size_t *counts, size_t count)
{
    return heap == NULL ? BSA_ERR_NOT_INITIALIZED
                        : bsa_buddy_free_blocks(&heap->buddy, counts, count);
}

size_t bsa_heap_steps(const bsa_heap *heap)
{
    if (heap == NULL)
        return 0;
    size_t steps = bsa_buddy_steps(&heap->buddy);
    for (unsigned c = 0; c < heap->cache_count; c++)
        steps += bsai_peek(&heap->caches[c].steps);
    return steps;
}
