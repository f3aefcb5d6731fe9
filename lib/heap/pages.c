/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: single blocks by way of the CPU's lists, all else straight from the buddy. */
#include "fast.h"

enum bsa_status bsai_heap_alloc_run(struct bsa_cpu *cpu, struct bsai_call *call, size_t pages,
                                    size_t align, bool low, void **out)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsa_buddy *buddy = &heap->buddy;
    struct bsai_page_list *list =
        !low && align <= buddy->page_size ? bsai_page_list(cpu, pages) : NULL;

    *out = list != NULL ? bsai_page_list_pop(list, pages) : NULL;
    if (*out == NULL) {
        if (pages > bsai_buddy_total_pages(buddy))
            return BSA_ERR_NO_MEMORY; /* nothing that could be sent home would help */
        bsai_count(&cpu->counters.page_misses, (size_t)1);
        if (list != NULL && bsai_page_list_refill(cpu, call, buddy, list, pages))
            *out = bsai_page_list_pop(list, pages);
    }
    struct bsai_pressure pressure = BSAI_PRESSURE_INIT;
    while (*out == NULL) {
        bsai_heap_meet_request(cpu, call);
        *out = bsai_buddy_take(buddy, call, pages, align, low, BSAI_USE_PAGES, BSAI_PAGE_BLOCK);
        if (*out != NULL)
            bsai_count(&cpu->counters.blocks_taken, (size_t)1);
        else if (!bsai_heap_relieve(cpu, call, &pressure))
            return BSA_ERR_NO_MEMORY;
    }
    bsai_count(&cpu->counters.page_allocs, (size_t)1);
    return BSA_OK;
}

enum bsa_status bsai_heap_free_run(struct bsa_cpu *cpu, struct bsai_call *call,
                                   struct bsai_section *section, size_t page, uint32_t word)
{
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    size_t pages = bsai_word_count(word);
    struct bsai_page_list *list =
        bsai_may_be_listed(cpu->heap, section) ? bsai_page_list(cpu, pages) : NULL;
    void *block = (void *)bsai_map_addr(&section->map, page);

    if (!bsai_list_claim(&section->map.hot[page], word, cpu->alone))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, block,
                           "double free of a page block, at once from two CPUs");
    bsai_heap_meet_request(cpu, call);
    if (list != NULL && list->capacity != 0) {
        if (!bsai_page_list_has_room(list))
            bsai_page_list_flush(cpu, call, buddy, list, pages);
        bsai_page_list_push(list, block, &section->map.hot[page]);
    } else {
        bsai_buddy_give(buddy, call, section, page, pages);
        bsai_count(&cpu->counters.blocks_given, (size_t)1);
    }
    return BSA_OK;
}

bool bsai_fast_alloc_large(struct bsa_cpu *cpu, size_t size, size_t align, void **out)
{
    size_t pages = bsai_heap_pages_for(cpu->heap, size);
    *out = bsai_fast_alloc_pages(cpu, pages, align);
    return *out != NULL;
}

bool bsai_fast_free_large(struct bsa_cpu *cpu, struct bsai_section *section, size_t page, void *p)
{
    uint32_t word = bsai_map_word(&section->map, page);
    return bsai_word_kind(word) == BSAI_PAGE_BLOCK &&
           ((uintptr_t)p & (cpu->heap->buddy.page_size - 1)) == 0 &&
           bsai_fast_list(cpu, section, &section->map.hot[page], word, bsai_word_count(word), p);
}

/* Everything but the fast path. cpu NULL: by the hook. */
static BSAI_NOINLINE enum bsa_status alloc_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                size_t pages, size_t align, bool low, void **out)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    *out = NULL;
    if (pages == 0 || !bsai_is_pow2(align)) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, NULL,
                    pages == 0 ? "a request for no pages"
                               : "an alignment that is not a power of two");
        return bsai_call_end(&call, status);
    }
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu != NULL) {
        status = bsai_heap_alloc_run(cpu, &call, pages, align, low, out);
        bsai_heap_end(cpu, &call);
    }
    return bsai_call_end(&call, status);
}

static BSAI_NOINLINE enum bsa_status free_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                               void *addr, size_t pages)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    if (pages == 0) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, addr, "free of no pages");
        return bsai_call_end(&call, status);
    }
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu != NULL) {
        status = bsai_heap_free_any(cpu, &call, addr, pages);
        bsai_heap_end(cpu, &call);
    }
    return bsai_call_end(&call, status);
}

static BSAI_ALWAYS_INLINE enum bsa_status alloc_pages(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                      size_t pages, size_t align, void **out)
{
    if (cpu != NULL && (*out = bsai_fast_alloc_pages(cpu, pages, align)) != NULL)
        return BSA_OK;
    return alloc_slow(heap, cpu, pages, align, false, out);
}

static BSAI_ALWAYS_INLINE enum bsa_status free_pages(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                     void *addr, size_t pages)
{
    if (cpu != NULL && bsai_fast_free_pages(cpu, addr, pages))
        return BSA_OK;
    return free_slow(heap, cpu, addr, pages);
}

enum bsa_status bsa_heap_alloc_pages(bsa_heap *heap, size_t pages, size_t align, void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (BSAI_UNLIKELY(heap == NULL)) {
        *out = NULL;
        return BSA_ERR_NOT_INITIALIZED;
    }
    return alloc_pages(heap, bsai_fast_cpu(heap), pages, align, out);
}

enum bsa_status bsa_heap_alloc_pages_lowmem(bsa_heap *heap, size_t pages, size_t align, void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    return heap == NULL ? BSA_ERR_NOT_INITIALIZED : alloc_slow(heap, NULL, pages, align, true, out);
}

enum bsa_status bsa_heap_free_pages(bsa_heap *heap, void *addr, size_t pages)
{
    return heap == NULL ? BSA_ERR_NOT_INITIALIZED
                        : free_pages(heap, bsai_fast_cpu(heap), addr, pages);
}

enum bsa_status bsa_cpu_alloc_pages(bsa_cpu *cpu, size_t pages, size_t align, void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (BSAI_UNLIKELY(cpu == NULL)) {
        *out = NULL;
        return BSA_ERR_NOT_INITIALIZED;
    }
    return alloc_pages(cpu->heap, cpu, pages, align, out);
}

enum bsa_status bsa_cpu_free_pages(bsa_cpu *cpu, void *addr, size_t pages)
{
    return cpu == NULL ? BSA_ERR_NOT_INITIALIZED : free_pages(cpu->heap, cpu, addr, pages);
}
