/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: single blocks by way of the CPU's lists, all else straight from the buddy. */
#include "heap.h"

/* The order whose list serves such a request, or BSAI_LIST_ORDERS. */
static unsigned list_order(const struct bsa_heap *heap, size_t pages, size_t align)
{
    if (!bsai_is_pow2(pages) || pages >> (BSAI_LIST_ORDERS - 1) > 1 || align > pages << heap->buddy.page_shift)
        return BSAI_LIST_ORDERS;
    return bsai_log2(pages);
}

enum bsa_status bsai_heap_alloc_run(struct bsa_cpu *cpu, struct bsai_call *call, size_t pages, size_t align,
                                    bool low, void **out)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsa_buddy *buddy = &heap->buddy;
    unsigned order = low ? BSAI_LIST_ORDERS : list_order(heap, pages, align);

    *out = order < BSAI_LIST_ORDERS ? bsai_page_list_pop(cpu, call, buddy, order) : NULL;
    if (*out == NULL) {
        if (pages > bsai_buddy_total_pages(buddy))
            return BSA_ERR_NO_MEMORY; /* nothing that could be sent home would help */
        struct bsai_pressure pressure = BSAI_PRESSURE_INIT;
        do {
            bsai_heap_meet_request(cpu, call);
            *out = bsai_buddy_take(buddy, call, pages, align, low, BSAI_USE_PAGES, BSAI_PAGE_BLOCK);
        } while (*out == NULL && bsai_heap_relieve(cpu, call, &pressure));
        if (*out == NULL)
            return BSA_ERR_NO_MEMORY;
    }
    bsai_count(&cpu->counters.page_allocs, (size_t)1);
    return BSA_OK;
}

enum bsa_status bsai_heap_free_run(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_section *section,
                                   size_t page, uint32_t word)
{
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    size_t pages = bsai_word_count(word);
    unsigned order = list_order(cpu->heap, pages, 1);
    void *block = (void *)bsai_map_addr(&section->map, page);

    /* Low memory goes home at once where there is high memory: a list would hand it to anybody. */
    if (section->zone == BSAI_ZONE_LOW && bsai_peek(&buddy->high_total) != 0)
        order = BSAI_LIST_ORDERS;
    if (order < BSAI_LIST_ORDERS && cpu->lists[order].capacity == 0)
        order = BSAI_LIST_ORDERS;

    uint32_t expected = word;
    if (!bsai_word_claim(&section->map.hot[page], &expected, bsai_word_run(BSAI_PAGE_LISTED, pages)))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, block, "two frees of one block at once");
    bsai_count(&cpu->counters.page_frees, (size_t)1);
    if (order == BSAI_LIST_ORDERS || !bsai_page_list_push(cpu, call, buddy, order, block))
        bsai_buddy_give(buddy, call, section, page, pages);
    return BSA_OK;
}

static enum bsa_status alloc_pages(struct bsa_heap *heap, struct bsa_cpu *cpu, size_t pages, size_t align, bool low,
                                   void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;

    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    if (pages == 0 || !bsai_is_pow2(align)) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, NULL,
                    pages == 0 ? "a request for no pages" : "an alignment that is not a power of two");
        return bsai_call_end(&call, status);
    }
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu != NULL) {
        status = bsai_heap_alloc_run(cpu, &call, pages, align, low, out);
        bsai_heap_end(cpu, &call);
    }
    return bsai_call_end(&call, status);
}

static enum bsa_status free_pages(struct bsa_heap *heap, struct bsa_cpu *cpu, void *addr, size_t pages)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;

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

enum bsa_status bsa_heap_alloc_pages(bsa_heap *heap, size_t pages, size_t align, void **out)
{
    return alloc_pages(heap, NULL, pages, align, false, out);
}

enum bsa_status bsa_heap_alloc_pages_lowmem(bsa_heap *heap, size_t pages, size_t align, void **out)
{
    return alloc_pages(heap, NULL, pages, align, true, out);
}

enum bsa_status bsa_heap_free_pages(bsa_heap *heap, void *addr, size_t pages)
{
    return free_pages(heap, NULL, addr, pages);
}

enum bsa_status bsa_cpu_alloc_pages(bsa_cpu *cpu, size_t pages, size_t align, void **out)
{
    return alloc_pages(cpu == NULL ? NULL : cpu->heap, cpu, pages, align, false, out);
}

enum bsa_status bsa_cpu_free_pages(bsa_cpu *cpu, void *addr, size_t pages)
{
    return free_pages(cpu == NULL ? NULL : cpu->heap, cpu, addr, pages);
}
