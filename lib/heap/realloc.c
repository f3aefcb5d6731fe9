/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another size for what is live. An object stays where its class would be the same; any other
 * class is a move, also a smaller one: what is kept for a size is always what a request of that
 * size gets, so that a free that tells the size is right after it. A block of pages stays as long
 * as it remains one: it gives its tail back, or takes the pages behind it where they are free.
 */
#include "heap.h"

/* By the handle, or by the hook where cpu is NULL. */
static enum bsa_status get(struct bsa_heap *heap, struct bsa_cpu *cpu, size_t size, size_t align,
                           void **out)
{
    return cpu != NULL ? bsa_cpu_alloc(cpu, size, align, out)
                       : bsa_heap_alloc(heap, size, align, out);
}

static enum bsa_status put(struct bsa_heap *heap, struct bsa_cpu *cpu, void *p)
{
    return cpu != NULL ? bsa_cpu_free(cpu, p) : bsa_heap_free(heap, p);
}

/* The pages of a run at a page that is free, or the first of a block on the CPU's list; else 0. */
static size_t run_in_the_way(const struct bsa_cpu *cpu, const struct bsai_map *map, size_t page,
                             bool *listed)
{
    uint32_t word = bsai_map_word(map, page);
    size_t pages = bsai_word_count(word);
    *listed = bsai_word_kind(word) == BSAI_PAGE_LISTED &&
              bsai_page_lists_have(&cpu->lists, (void *)bsai_map_addr(map, page), pages);
    return *listed ? pages : bsai_word_kind(word) == BSAI_PAGE_NONE ? 1 : 0;
}

/* Sends home what the CPU's lists have of the pages from `from` to `to`. False, with nothing done,
 * when something else is there. */
static bool clear_the_way(struct bsa_cpu *cpu, struct bsai_call *call, const struct bsai_map *map,
                          size_t from, size_t to)
{
    bool listed, any = false;
    size_t pages, page = from;
    if (to > map->pages)
        return false;
    for (; page < to && (pages = run_in_the_way(cpu, map, page, &listed)) != 0; page += pages)
        any = any || listed;
    if (page < to || !any)
        return false;
    for (page = from; page < to; page += pages) {
        pages = run_in_the_way(cpu, map, page, &listed);
        if (listed)
            bsai_page_lists_give(&cpu->lists, call, &cpu->heap->buddy,
                                 (void *)bsai_map_addr(map, page), pages);
        else if (pages == 0)
            return false; /* taken since */
    }
    return true;
}

static bool grow(struct bsa_cpu *cpu, struct bsai_call *call, const struct bsai_found *block,
                 uint32_t word, uint32_t grown)
{
    struct bsa_buddy *buddy = &cpu->heap->buddy;
    size_t end = block->page + bsai_word_count(block->word);
    size_t to = block->page + bsai_word_count(bsai_word_unheld(grown));
    return bsai_buddy_grow(buddy, call, block->section, block->page, word, grown) ||
           (clear_the_way(cpu, call, &block->section->map, end, to) &&
            bsai_buddy_grow(buddy, call, block->section, block->page, word, grown));
}

/* A block gets `to` pages, if that can be where it is. The CPU is owned meanwhile, as by everyone
 * who changes a block. */
static enum bsa_status resize(struct bsa_heap *heap, struct bsa_cpu *cpu,
                              const struct bsai_found *block, size_t to, bool *done)
{
    struct bsai_call call;
    cpu = bsai_heap_begin(heap, &call, cpu);
    if (cpu == NULL)
        return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
    uint32_t word = bsai_peek(&block->section->map.hot[block->page]);
    if (bsai_word_unheld(word) == block->word && to <= BSAI_COUNT_MAX) {
        uint32_t resized = bsai_word_run(bsai_page_lists_lend(&cpu->lists, to), to);
        *done = to > bsai_word_count(block->word)
                    ? grow(cpu, &call, block, word, resized)
                    : bsai_buddy_shrink(&heap->buddy, &call, block->section, block->page, word,
                                        resized);
    }
    bsai_heap_end(&call);
    return bsai_call_end(&call, BSA_OK);
}

static enum bsa_status move(struct bsa_heap *heap, struct bsa_cpu *cpu, void **p, size_t usable,
                            size_t size, size_t align)
{
    void *moved;
    enum bsa_status status = get(heap, cpu, size, align, &moved);
    if (status != BSA_OK)
        return status;
    bsai_memcpy(moved, *p, size < usable ? size : usable);
    status = put(heap, cpu, *p);
    if (status == BSA_OK)
        *p = moved;
    else
        put(heap, cpu, moved); /* somebody freed *p meanwhile, and it has been said */
    return status;
}

static enum bsa_status reallocate(struct bsa_heap *heap, struct bsa_cpu *cpu, void **p, size_t size,
                                  size_t align)
{
    struct bsai_found found;
    void *none;
    if (*p == NULL)
        return get(heap, cpu, size, align, p);
    if (!bsai_is_pow2(align))
        return get(heap, cpu, size, align, &none); /* says so */
    size_t usable = bsai_heap_find(heap, *p, &found);
    if (usable == 0) {
        enum bsa_status status = put(heap, cpu, *p); /* says what is wrong with it */
        return status == BSA_OK ? BSA_ERR_NOT_ALLOCATED : status;
    }

    unsigned size_class = bsai_class_for(&heap->classes, size, align);
    if (found.slab != NULL && size_class == found.slab->cache)
        return BSA_OK;
    if (found.slab == NULL && size_class == heap->classes.count &&
        ((uintptr_t)*p & (align - 1)) == 0) {
        size_t from = usable >> heap->buddy.page_shift, to = bsai_heap_pages_for(heap, size);
        bool stays = from == to;
        enum bsa_status status = stays ? BSA_OK : resize(heap, cpu, &found, to, &stays);
        if (status != BSA_OK || stays)
            return status;
    }
    return move(heap, cpu, p, usable, size, align);
}

enum bsa_status bsa_heap_realloc(bsa_heap *heap, void **p, size_t size, size_t align)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return p == NULL ? BSA_ERR_INVALID_PARAM : reallocate(heap, NULL, p, size, align);
}

enum bsa_status bsa_cpu_realloc(bsa_cpu *cpu, void **p, size_t size, size_t align)
{
    if (cpu == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return p == NULL ? BSA_ERR_INVALID_PARAM : reallocate(cpu->heap, cpu, p, size, align);
}
