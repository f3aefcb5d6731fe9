/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: single blocks by way of the CPU's lists, all else straight from the buddy. */
#include "fast_blocks.h"

/* A region has come or left: what the lists' slots remember may be of one that left, or be low
 * memory that is not to be listed any more. */
static void renew_lists(struct bsa_cpu *cpu)
{
    if (BSAI_UNLIKELY(bsai_peek(&cpu->lists.fast) != cpu->lists.fast_most))
        bsai_page_lists_renew(&cpu->lists);
}

enum bsa_status bsai_heap_alloc_run(struct bsa_cpu *cpu, struct bsai_call *call, size_t pages,
                                    size_t align, bool low, void **out)
{
    struct bsai_page_lists *lists = &cpu->lists;
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    struct bsai_page_list *list =
        !low && align <= buddy->page_size ? bsai_page_list(lists, pages) : NULL;
    void *twice = NULL;

    renew_lists(cpu);
    *out = list != NULL ? bsai_page_list_take(lists, list, &twice) : NULL;
    if (BSAI_UNLIKELY(twice != NULL))
        bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, twice, BSAI_BLOCK_FREED_TWICE);
    if (*out != NULL)
        return BSA_OK;
    if (pages >
        (low ? bsai_peek(&buddy->total_pages[BSAI_ZONE_LOW]) : bsai_buddy_total_pages(buddy)))
        return BSA_ERR_NO_MEMORY; /* nothing that could be sent home would help */
    if (list != NULL && bsai_page_list_refill(lists, call, buddy, list)) {
        *out = bsai_page_list_pop(lists, list, pages);
        bsai_count(&lists->misses, (size_t)1);
        return BSA_OK;
    }
    struct bsai_pressure pressure = {.cache = NULL};
    struct bsa_cpu *next = cpu;
    do {
        cpu = next;
        bsai_heap_meet_request(cpu, call);
        *out = bsai_buddy_take(buddy, call, pages, align, low, BSAI_USE_PAGES,
                               bsai_page_lists_lend(&cpu->lists, pages));
    } while (*out == NULL && (next = bsai_heap_relieve(cpu, call, &pressure)) != NULL);
    if (*out != NULL) { /* counted before others go on, who may look at everything */
        lists = &cpu->lists;
        bsai_count(&lists->misses, (size_t)1);
        bsai_count(&lists->taken, (size_t)1);
        bsai_count(&lists->allocs, (size_t)1);
    }
    bsai_heap_relieved(cpu, call, &pressure);
    return *out != NULL ? BSA_OK : BSA_ERR_NO_MEMORY;
}

enum bsa_status bsai_heap_free_run(struct bsa_cpu *cpu, struct bsai_call *call,
                                   struct bsai_section *section, size_t page)
{
    struct bsai_page_lists *lists = &cpu->lists;
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    uint32_t *at = &section->map.hot[page], word = bsai_peek(at);
    size_t pages = bsai_word_count(bsai_word_unheld(word));
    struct bsai_page_list *list =
        bsai_may_be_listed(cpu->heap, section) ? bsai_page_list(lists, pages) : NULL;
    void *block = (void *)bsai_map_addr(&section->map, page);

    renew_lists(cpu);
    bsai_heap_meet_request(cpu, call);
    if (!bsai_block_claim(lists, at, word, list != NULL))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, block,
                           "double free of a page block, which another CPU has just freed");
    if (list != NULL) {
        bsai_page_list_make_room(lists, call, buddy, list);
        bsai_page_list_push(lists, list, pages, block, at);
    } else {
        bsai_buddy_give(buddy, call, section, page, pages);
        bsai_count(&lists->given, (size_t)1);
    }
    return BSA_OK;
}

/* Everything but the fast path. cpu NULL: by the hook; own: as of bsai_attempt_continue. */
static BSAI_NOINLINE enum bsa_status alloc_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                struct bsa_cpu *own, uintptr_t state, size_t pages,
                                                size_t align, bool low, void **out)
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
    own = bsai_attempt_continue(heap, cpu, own, state, &call);
    if (own != NULL) {
        status = bsai_heap_alloc_run(own, &call, pages, align, low, out);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

static BSAI_NOINLINE enum bsa_status free_slow(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                               struct bsa_cpu *own, uintptr_t state, void *addr,
                                               size_t pages)
{
    struct bsai_call call;
    enum bsa_status status = BSA_ERR_INVALID_PARAM;
    if (pages == 0) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, status, addr, "free of no pages");
        return bsai_call_end(&call, status);
    }
    own = bsai_attempt_continue(heap, cpu, own, state, &call);
    if (own != NULL) {
        status = bsai_heap_free_any(own, &call, addr, pages);
        bsai_heap_end(&call);
    }
    return bsai_call_end(&call, status);
}

/* The last attempts, with enter and leave, in any section. cpu NULL: by the hook. */
static BSAI_NOINLINE enum bsa_status alloc_last(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                                size_t pages, size_t align, void **out)
{
    uintptr_t state;
    if (BSAI_UNLIKELY(pages == 0) || BSAI_UNLIKELY(!bsai_is_pow2(align)))
        return alloc_slow(heap, cpu, NULL, 0, pages, align, false, out);
    struct bsa_cpu *own = bsai_attempt_enter(heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL) || BSAI_UNLIKELY(!bsai_take_run(own, pages, align, out)))
        return alloc_slow(heap, cpu, own, state, pages, align, false, out);
    bsai_attempt_leave(heap, own, state);
    return BSA_OK;
}

static BSAI_NOINLINE enum bsa_status free_last(struct bsa_heap *heap, struct bsa_cpu *cpu,
                                               void *addr, size_t pages)
{
    uintptr_t state;
    struct bsai_spot spot;
    if (BSAI_UNLIKELY(pages == 0))
        return free_slow(heap, cpu, NULL, 0, addr, pages);
    struct bsa_cpu *own = bsai_attempt_enter(heap, cpu, &state);
    if (BSAI_UNLIKELY(own == NULL))
        return free_slow(heap, cpu, own, state, addr, pages);
    bsai_spot_find(heap, addr, &spot);
    if (BSAI_UNLIKELY(!bsai_put_run(own, &spot, addr, pages)))
        return free_slow(heap, cpu, own, state, addr, pages);
    bsai_attempt_leave(heap, own, state);
    return BSA_OK;
}

/* The next attempts: CPUs with a lock, and the first section. They need no call frame; their
 * parameters are where those of the calls by handle are. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status alloc_other(struct bsa_cpu *cpu, size_t pages,
                                                          size_t align, void **out)
{
    struct bsa_heap *heap = cpu->heap;
    if (BSAI_UNLIKELY(!heap->caller.plain) || BSAI_UNLIKELY(pages == 0) ||
        BSAI_UNLIKELY(!bsai_is_pow2(align)) || BSAI_UNLIKELY(!bsai_attempt_own(cpu)))
        return alloc_last(heap, cpu, pages, align, out);
    if (BSAI_UNLIKELY(!bsai_take_run(cpu, pages, align, out)))
        return alloc_slow(heap, cpu, cpu, 0, pages, align, false, out);
    bsai_attempt_disown(cpu);
    return BSA_OK;
}

static BSAI_NOINLINE BSAI_HOT enum bsa_status free_other(struct bsa_cpu *cpu, void *addr,
                                                         size_t pages)
{
    struct bsai_spot spot;
    struct bsa_heap *heap = cpu->heap;
    if (BSAI_UNLIKELY(!heap->caller.plain) || BSAI_UNLIKELY(pages == 0) ||
        BSAI_UNLIKELY(!bsai_spot_near(heap, addr, &spot)) || BSAI_UNLIKELY(!bsai_attempt_own(cpu)))
        return free_last(heap, cpu, addr, pages);
    if (BSAI_UNLIKELY(!bsai_put_run(cpu, &spot, addr, pages)))
        return free_slow(heap, cpu, cpu, 0, addr, pages);
    bsai_attempt_disown(cpu);
    return BSA_OK;
}

/* The second attempt of a free: a count of pages that few blocks have. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status free_large(struct bsa_cpu *cpu, void *addr,
                                                         size_t pages)
{
    return BSAI_LIKELY(pages > BSAI_LIST_RUN_MAX) &&
                   BSAI_LIKELY(bsai_fast_free_block(cpu, addr, pages))
               ? BSA_OK
               : free_other(cpu, addr, pages);
}

static BSAI_ALWAYS_INLINE enum bsa_status alloc_pages(struct bsa_cpu *cpu, size_t pages,
                                                      size_t align, void **out)
{
    if (BSAI_LIKELY(align == cpu->page_size) &&
        BSAI_LIKELY((*out = bsai_fast_alloc_run(cpu, pages)) != NULL))
        return BSA_OK;
    return alloc_other(cpu, pages, align, out);
}

/* The first one of a block that was not handed out last: apart from it, so that each is short. */
static BSAI_NOINLINE BSAI_HOT enum bsa_status free_run(struct bsa_cpu *cpu, void *addr,
                                                       size_t pages)
{
    return BSAI_LIKELY(bsai_fast_free_run(cpu, addr, pages)) ? BSA_OK
                                                             : free_large(cpu, addr, pages);
}

static BSAI_ALWAYS_INLINE enum bsa_status free_pages(struct bsa_cpu *cpu, void *addr, size_t pages)
{
    return BSAI_LIKELY(bsai_fast_undo_run(cpu, addr, pages)) ? BSA_OK : free_run(cpu, addr, pages);
}

BSAI_HOT enum bsa_status bsa_heap_alloc_pages(bsa_heap *heap, size_t pages, size_t align,
                                              void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (BSAI_UNLIKELY(heap == NULL)) {
        *out = NULL;
        return BSA_ERR_NOT_INITIALIZED;
    }
    struct bsa_cpu *cpu = bsai_fast_cpu(heap);
    return BSAI_LIKELY(cpu != NULL) ? alloc_pages(cpu, pages, align, out)
                                    : alloc_last(heap, NULL, pages, align, out);
}

enum bsa_status bsa_heap_alloc_pages_lowmem(bsa_heap *heap, size_t pages, size_t align, void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    return heap == NULL ? BSA_ERR_NOT_INITIALIZED
                        : alloc_slow(heap, NULL, NULL, 0, pages, align, true, out);
}

BSAI_HOT enum bsa_status bsa_heap_free_pages(bsa_heap *heap, void *addr, size_t pages)
{
    if (BSAI_UNLIKELY(heap == NULL))
        return BSA_ERR_NOT_INITIALIZED;
    struct bsa_cpu *cpu = bsai_fast_cpu(heap);
    return BSAI_LIKELY(cpu != NULL) ? free_pages(cpu, addr, pages)
                                    : free_last(heap, NULL, addr, pages);
}

static BSAI_NOINLINE enum bsa_status refuse_alloc(void **out)
{
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    return BSA_ERR_NOT_INITIALIZED;
}

BSAI_HOT enum bsa_status bsa_cpu_alloc_pages(bsa_cpu *cpu, size_t pages, size_t align, void **out)
{
    if (BSAI_UNLIKELY(cpu == NULL) || BSAI_UNLIKELY(out == NULL))
        return refuse_alloc(out);
    return alloc_pages(cpu, pages, align, out);
}

enum bsa_status bsa_cpu_alloc_pages_lowmem(bsa_cpu *cpu, size_t pages, size_t align, void **out)
{
    return cpu == NULL || out == NULL
               ? refuse_alloc(out)
               : alloc_slow(cpu->heap, cpu, NULL, 0, pages, align, true, out);
}

BSAI_HOT enum bsa_status bsa_cpu_free_pages(bsa_cpu *cpu, void *addr, size_t pages)
{
    return BSAI_LIKELY(cpu != NULL) ? free_pages(cpu, addr, pages) : BSA_ERR_NOT_INITIALIZED;
}
