/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: single blocks by way of the CPU's lists, all else straight from the buddy. */
#include "heap.h"

/* The order whose list serves such a request, or BSAI_LIST_ORDERS. */
static BSAI_ALWAYS_INLINE unsigned list_order(const struct bsa_heap *heap, size_t pages, size_t align)
{
    if (!bsai_is_pow2(pages) || pages >> (BSAI_LIST_ORDERS - 1) > 1 || align > pages << heap->buddy.page_shift)
        return BSAI_LIST_ORDERS;
    return bsai_log2(pages);
}

/* Low memory goes home at once where there is high memory: a list would hand it to anybody. */
static BSAI_ALWAYS_INLINE bool may_be_listed(const struct bsa_heap *heap, const struct bsai_section *section)
{
    return BSAI_LIKELY(section->zone != BSAI_ZONE_LOW) || bsai_peek(&heap->buddy.high_total) == 0;
}

/* Marks a live block as listed; false when somebody else has freed it. */
static BSAI_ALWAYS_INLINE bool claim(struct bsai_section *section, size_t page, uint32_t word, bool alone)
{
    uint32_t *hot = &section->map.hot[page];
    uint32_t listed = bsai_word_run(BSAI_PAGE_LISTED, bsai_word_count(word));
    if (!alone)
        return bsai_word_claim(hot, &word, listed);
    bsai_poke(hot, listed);
    return true;
}

enum bsa_status bsai_heap_alloc_run(struct bsa_cpu *cpu, struct bsai_call *call, size_t pages, size_t align,
                                    bool low, void **out)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsa_buddy *buddy = &heap->buddy;
    unsigned order = low ? BSAI_LIST_ORDERS : list_order(heap, pages, align);

    *out = order < BSAI_LIST_ORDERS ? bsai_page_list_pop(cpu, buddy, order) : NULL;
    if (*out == NULL) {
        if (pages > bsai_buddy_total_pages(buddy))
            return BSA_ERR_NO_MEMORY; /* nothing that could be sent home would help */
        bsai_count(&cpu->counters.page_misses, (size_t)1);
        if (order < BSAI_LIST_ORDERS && bsai_page_list_refill(cpu, call, buddy, order))
            *out = bsai_page_list_pop(cpu, buddy, order);
    }
    struct bsai_pressure pressure = BSAI_PRESSURE_INIT;
    while (*out == NULL) {
        bsai_heap_meet_request(cpu, call);
        *out = bsai_buddy_take(buddy, call, pages, align, low, BSAI_USE_PAGES, BSAI_PAGE_BLOCK);
        if (*out == NULL && !bsai_heap_relieve(cpu, call, &pressure))
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
    unsigned order = may_be_listed(cpu->heap, section) ? list_order(cpu->heap, pages, 1) : BSAI_LIST_ORDERS;
    void *block = (void *)bsai_map_addr(&section->map, page);

    if (!claim(section, page, word, cpu->alone))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, block, "double free of a page block, at once from two CPUs");
    bsai_count(&cpu->counters.page_frees, (size_t)1);
    bsai_heap_meet_request(cpu, call);
    if (order == BSAI_LIST_ORDERS ||
        (!bsai_page_list_push(cpu, order, block) &&
         (!bsai_page_list_flush(cpu, call, buddy, order) || !bsai_page_list_push(cpu, order, block))))
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
    if (BSAI_LIKELY(cpu != NULL && cpu->plain && out != NULL && bsai_is_pow2(align))) {
        unsigned order = list_order(cpu->heap, pages, align);
        if (order < BSAI_LIST_ORDERS && (!cpu->locked || bsai_lock_try_word(&cpu->lock.word))) {
            void *block = bsai_page_list_pop(cpu, &cpu->heap->buddy, order);
            if (BSAI_LIKELY(block != NULL))
                bsai_count(&cpu->counters.page_allocs, (size_t)1);
            if (cpu->locked)
                bsai_lock_clear_word(&cpu->lock.word);
            if (BSAI_LIKELY(block != NULL)) {
                *out = block;
                return BSA_OK;
            }
        }
    }
    return alloc_pages(cpu == NULL ? NULL : cpu->heap, cpu, pages, align, false, out);
}

/* The fast path of a free: true when it is done. The CPU is owned. */
static BSAI_ALWAYS_INLINE bool list_block(struct bsa_cpu *cpu, void *addr, size_t pages, unsigned order)
{
    struct bsa_heap *heap = cpu->heap;
    const struct bsai_page_list *list = &cpu->lists[order];
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)addr, &page);
    uint32_t word = bsai_word_run(BSAI_PAGE_BLOCK, pages);
    if (BSAI_UNLIKELY(section == NULL || ((uintptr_t)addr & (heap->buddy.page_size - 1)) != 0))
        return false;
    if (BSAI_UNLIKELY(bsai_map_word(&section->map, page) != word || !may_be_listed(heap, section)))
        return false;
    if (BSAI_UNLIKELY(list->count >= list->capacity || cpu->pages_listed + pages > cpu->pages_most))
        return false;
    if (!claim(section, page, word, cpu->alone))
        return false;
    bsai_page_list_push(cpu, order, addr);
    bsai_count(&cpu->counters.page_frees, (size_t)1);
    return true;
}

enum bsa_status bsa_cpu_free_pages(bsa_cpu *cpu, void *addr, size_t pages)
{
    if (BSAI_LIKELY(cpu != NULL && cpu->plain)) {
        unsigned order = list_order(cpu->heap, pages, 1);
        if (order < BSAI_LIST_ORDERS && (!cpu->locked || bsai_lock_try_word(&cpu->lock.word))) {
            bool done = list_block(cpu, addr, pages, order);
            if (cpu->locked)
                bsai_lock_clear_word(&cpu->lock.word);
            if (BSAI_LIKELY(done))
                return BSA_OK;
        }
    }
    return free_pages(cpu == NULL ? NULL : cpu->heap, cpu, addr, pages);
}
