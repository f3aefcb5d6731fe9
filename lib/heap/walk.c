/* SPDX-License-Identifier: Apache-2.0 */
/* Iteration over live objects and blocks, and over pages, and the cross-check of everything. */
#include "heap.h"

/* NULL: a size class. */
static const char *name_of(const struct bsa_heap *heap, const struct bsai_cache *cache)
{
    unsigned classes = heap->classes.count;
    return cache->id > classes ? heap->named[cache->id - classes - 1].name : NULL;
}

static int walk_slab(const struct bsa_heap *heap, const struct bsai_cache *cache,
                     const struct bsai_slab *slab,
                     int (*visit)(void *arg, const struct bsa_live_block *block), void *arg)
{
    struct bsa_live_block block = {
        .bytes = cache->geometry.object_size, .slab = 1, .cache = name_of(heap, cache)};
    int stop = 0;
    for (unsigned w = 0; w < bsai_slab_words(slab) && stop == 0; w++) {
        bsai_word left = bsai_live(&slab->states[w], ~(bsai_word)0);
        for (; left != 0 && stop == 0; left &= left - 1) {
            size_t index = w * BSAI_WORD_BITS + bsai_ctz64(left);
            block.address = (void *)(slab->base + index * cache->geometry.object_size);
            stop = visit(arg, &block);
        }
    }
    return stop;
}

/* Calls of_slab or of_block for each slab and live block of a section, and of_rest, where it is not
 * NULL, for other pages that are not free; the buddy is locked. */
struct pages_visitor {
    int (*of_slab)(struct pages_visitor *v, struct bsai_slab *slab, struct bsai_cache *cache);
    int (*of_block)(struct pages_visitor *v, uintptr_t addr, size_t pages);
    int (*of_rest)(struct pages_visitor *v, uintptr_t addr, size_t pages, enum bsai_page_kind kind);
    struct bsa_heap *heap;
    int (*visit_live)(void *arg, const struct bsa_live_block *block);
    int (*visit_run)(void *arg, const struct bsa_page_run *run);
    void *arg;
};

static int visit_pages(struct pages_visitor *v, const struct bsai_map *map)
{
    int stop = 0;
    for (size_t page = 0; page < map->pages && stop == 0;) {
        size_t group = bsai_map_group(map, page);
        if ((bsai_peek(&map->state[group]) & BSAI_GROUP_READY) == 0) {
            page = ((group + 1) << BSAI_GROUP_SHIFT) - map->lead;
            continue;
        }
        uint32_t word = bsai_map_word(map, page);
        size_t step = 1;
        /* Of a slab that is being made or unmade only some pages may say so: the first one decides.
         */
        if (bsai_word_is_slab(word)) {
            struct bsai_slab *slab = bsai_consume(&map->cold[page]);
            if (slab != NULL) { /* else it is being unmade */
                step = slab->pages;
                stop = v->of_slab(v, slab, &v->heap->caches[slab->cache]);
            }
        } else if (bsai_word_kind(word) == BSAI_PAGE_BLOCK) {
            step = bsai_word_count(word);
            stop = v->of_block(v, bsai_map_addr(map, page), step);
        } else if (bsai_word_kind(word) != BSAI_PAGE_NONE &&
                   bsai_word_kind(word) != BSAI_PAGE_SLAB) {
            step = bsai_word_count(word);
            if (v->of_rest != NULL)
                stop = v->of_rest(v, bsai_map_addr(map, page), step, bsai_word_kind(word));
        }
        page += step;
    }
    return stop;
}

static int walk_of_slab(struct pages_visitor *v, struct bsai_slab *slab, struct bsai_cache *cache)
{
    return walk_slab(v->heap, cache, slab, v->visit_live, v->arg);
}

static int walk_of_block(struct pages_visitor *v, uintptr_t addr, size_t pages)
{
    struct bsa_live_block block = {(void *)addr, pages << v->heap->buddy.page_shift, 0, NULL};
    return v->visit_live(v->arg, &block);
}

static int visit_run(struct pages_visitor *v, uintptr_t addr, size_t pages, unsigned flags)
{
    struct bsa_page_run run = {.address = (void *)addr, .pages = pages, .flags = flags};
    return v->visit_run(v->arg, &run);
}

static int pages_of_slab(struct pages_visitor *v, struct bsai_slab *slab, struct bsai_cache *cache)
{
    struct bsa_page_run run = {
        .address = (void *)slab->base,
        .pages = slab->pages,
        .flags = BSA_PAGE_SLAB,
        .object_size = cache->geometry.object_size,
        .objects = slab->capacity,
        .live = bsai_slab_live(slab),
        .cache = name_of(v->heap, cache),
    };
    return v->visit_run(v->arg, &run);
}

static int pages_of_block(struct pages_visitor *v, uintptr_t addr, size_t pages)
{
    return visit_run(v, addr, pages, BSA_PAGE_HEAD);
}

static int pages_of_rest(struct pages_visitor *v, uintptr_t addr, size_t pages,
                         enum bsai_page_kind kind)
{
    return visit_run(v, addr, pages,
                     kind == BSAI_PAGE_LISTED ? BSA_PAGE_CACHED
                     : kind == BSAI_PAGE_META ? BSA_PAGE_META
                                              : BSA_PAGE_RESERVED);
}

/* Slabs must not be unmade under our eyes: their records stay while the pools are locked, and no
 * pool is added. */
static int walk(struct pages_visitor *v)
{
    struct bsa_heap *heap = v->heap;
    struct bsai_call call;
    int stop = 0;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_lock_take(&heap->registry, BSAI_RANK_REGISTRY, &call);
    for (unsigned i = 0; i < heap->pool_count; i++)
        bsai_lock_also(&heap->pools[i].lock, BSAI_RANK_RECORDS, &call);
    bsai_buddy_lock(&heap->buddy, &call);
    for (struct bsai_section *s = heap->buddy.first; s != NULL && stop == 0; s = s->next)
        stop = visit_pages(v, &s->map);
    bsai_buddy_unlock(&heap->buddy, &call);
    for (unsigned i = 0; i < heap->pool_count; i++)
        bsai_lock_drop(&heap->pools[i].lock, BSAI_RANK_RECORDS, &call);
    bsai_lock_drop(&heap->registry, BSAI_RANK_REGISTRY, &call);
    bsai_leave(&call);
    return stop;
}

int bsa_heap_walk(bsa_heap *heap, int (*visit)(void *arg, const struct bsa_live_block *block),
                  void *arg)
{
    struct pages_visitor v = {.of_slab = walk_of_slab,
                              .of_block = walk_of_block,
                              .heap = heap,
                              .visit_live = visit,
                              .arg = arg};
    return heap == NULL || visit == NULL ? 0 : walk(&v);
}

int bsa_heap_walk_pages(bsa_heap *heap, int (*visit)(void *arg, const struct bsa_page_run *run),
                        void *arg)
{
    struct pages_visitor v = {.of_slab = pages_of_slab,
                              .of_block = pages_of_block,
                              .of_rest = pages_of_rest,
                              .heap = heap,
                              .visit_run = visit,
                              .arg = arg};
    return heap == NULL || visit == NULL ? 0 : walk(&v);
}

/* Validation. */

/* Beside what each cache has seen. */
struct tally {
    size_t blocks, block_pages;
    const char *wrong;
};

static int tally_slab(struct pages_visitor *v, struct bsai_slab *slab, struct bsai_cache *cache)
{
    struct tally *t = v->arg;
    t->wrong = bsai_slab_validate(cache, slab);
    cache->seen.slabs++;
    cache->seen.listed += slab->list != BSAI_LIST_NONE;
    cache->seen.live += bsai_slab_live(slab);
    cache->seen.in_slabs += slab->free;
    cache->seen.remote += slab->remote;
    return t->wrong != NULL;
}

static int tally_block(struct pages_visitor *v, uintptr_t addr, size_t pages)
{
    struct tally *t = v->arg;
    (void)addr;
    t->blocks++;
    t->block_pages += pages;
    return 0;
}

/* Every object in a magazine is neither live nor in its slab. */
static const char *validate_magazine(const struct bsai_cache *cache, const struct bsai_magazine *m)
{
    if (bsai_peek(&m->top) > m->limit)
        return "a magazine has more objects than it may";
    for (const struct bsai_slot *slot = m->base; slot < bsai_peek(&m->top); slot++) {
        if (slot->addr != BSAI_NO_ADDRESS && slot->addr != bsai_slot_addr(cache, slot))
            return "an object in a magazine and its address differ";
        if (slot->addr != BSAI_NO_ADDRESS && slot < m->base + m->away)
            return "an object of the CPU's own lies among those freed away";
        if (bsai_live(slot->states, slot->bit) != 0 || (slot->states->free & slot->bit) != 0)
            return "an object in a magazine is live, or in its slab as well";
    }
    return NULL;
}

/* What a CPU holds: magazines and page lists. */
static const char *validate_cpu(const struct bsa_heap *heap, const struct bsa_cpu *cpu)
{
    for (unsigned c = 0; c < heap->cache_count; c++) {
        const char *wrong = validate_magazine(&heap->caches[c], &cpu->magazines[c]);
        if (wrong != NULL)
            return wrong;
    }
    size_t listed = 0;
    for (unsigned k = 0; k < cpu->lists.count; k++) {
        const struct bsai_page_list *list = &cpu->lists.list[k];
        for (const struct bsai_block *block = list->base; block < bsai_peek(&list->top); block++) {
            size_t page;
            struct bsai_section *s =
                bsai_section_find(&heap->buddy, (uintptr_t)block->start, &page);
            if (s == NULL || &s->map.hot[page] != block->word ||
                bsai_map_word(&s->map, page) != bsai_word_run(BSAI_PAGE_LISTED, bsai_list_pages(k)))
                return "a block on a CPU's page list is not marked so";
            listed += bsai_list_pages(k);
        }
    }
    return listed == cpu->lists.listed ? NULL : "a CPU's count of listed pages is not true";
}

/* NULL, or what is wrong with the sums of a cache. */
static const char *compare_cache(const struct bsa_heap *heap, unsigned number)
{
    const struct bsai_cache *cache = &heap->caches[number];
    struct bsa_class_stats stats;
    const char *wrong = bsai_cache_validate(cache, cache->seen.listed);
    if (wrong != NULL)
        return wrong;
    bsai_heap_class_stats(heap, number, &stats);
    if (stats.slabs != cache->seen.slabs)
        return "a cache's count of slabs and the pages' words differ";
    if (stats.live != cache->seen.live)
        return "a cache's counters and its live bits differ";
    if (stats.free + stats.remote_pending != cache->seen.in_slabs ||
        stats.remote_pending != cache->seen.remote)
        return "a cache's free objects and its slabs' counts differ";
    if (stats.slabs != 0 && bsai_heap_used_cache(heap, number) == NULL)
        return "a cache that is not used has slabs";
    return NULL;
}

static const char *compare(const struct bsa_heap *heap, const struct tally *t)
{
    size_t pages = t->block_pages + bsai_heap_cpu_pages(heap) + bsai_heap_listed_pages(heap) +
                   bsai_buddy_free_pages(&heap->buddy);
    for (unsigned c = 0; c < heap->cache_count; c++) {
        const char *wrong = compare_cache(heap, c);
        if (wrong != NULL)
            return wrong;
        pages += heap->caches[c].pages;
    }
    for (unsigned i = 0; i < heap->pool_count; i++)
        pages += heap->pools[i].chunk_count;
    if (pages != bsai_buddy_total_pages(&heap->buddy))
        return "the pages of blocks, slabs, records, CPUs and free ones are not all pages";
    if (t->blocks != bsai_heap_blocks(heap))
        return "the count of live blocks and the pages' words differ";
    return NULL;
}

static const char *validate(struct bsa_heap *heap, struct tally *t)
{
    struct pages_visitor v = {
        .of_slab = tally_slab, .of_block = tally_block, .heap = heap, .arg = t};
    const char *wrong = bsai_buddy_check(&heap->buddy);
    if (wrong != NULL)
        return wrong;
    for (unsigned c = 0; c < heap->cache_count; c++)
        bsai_memset(&heap->caches[c].seen, 0, sizeof(heap->caches[c].seen));
    for (struct bsai_section *s = heap->buddy.first; s != NULL; s = s->next) {
        if (visit_pages(&v, &s->map) != 0)
            return t->wrong;
    }
    if ((wrong = compare(heap, t)) != NULL)
        return wrong;
    const struct bsa_cpu *cpu;
    for (unsigned id = 0; wrong == NULL && (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        wrong = validate_cpu(heap, cpu);
    return wrong;
}

enum bsa_status bsa_heap_validate(bsa_heap *heap)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct tally tally;
    struct bsai_call call;
    bsai_memset(&tally, 0, sizeof(tally));
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    bsai_heap_lock_all(heap, &call);
    const char *wrong = validate(heap, &tally);
    bsai_heap_unlock_all(heap, &call);
    bsai_leave(&call);
    if (wrong == NULL)
        return BSA_OK;
    bsai_log(&heap->buddy.platform, BSA_LOG_ERROR, wrong);
    return BSA_ERR_INVALID_PARAM;
}
