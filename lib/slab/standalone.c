/* SPDX-License-Identifier: Apache-2.0 */
/* The slab allocator alone, on pages that its user brings: public functions. */
#include <buddyslab/slab.h>

#include "standalone.h"

/* A page of storage for a pool's records, or back. */
static void *get_chunk(struct bsa_slab *slab, struct bsai_call *call)
{
    bsai_lock_take(&slab->chunk_lock, BSAI_RANK_RECORDS, call);
    struct bsai_spare_chunk *chunk = slab->chunks;
    if (chunk != NULL)
        slab->chunks = chunk->next;
    bsai_lock_drop(&slab->chunk_lock, BSAI_RANK_RECORDS, call);
    return chunk;
}

static void put_chunk(struct bsa_slab *slab, struct bsai_call *call, void *memory)
{
    struct bsai_spare_chunk *chunk = memory;
    if (chunk == NULL)
        return;
    bsai_lock_take(&slab->chunk_lock, BSAI_RANK_RECORDS, call);
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    bsai_lock_drop(&slab->chunk_lock, BSAI_RANK_RECORDS, call);
}

static struct bsai_slab *get_record(struct bsa_slab *slab, struct bsai_call *call,
                                    struct bsai_cache *cache, unsigned cpu)
{
    struct bsai_slab *record;
    while ((record = bsai_records_get(cache->records, call, cpu)) == NULL) {
        void *chunk = get_chunk(slab, call);
        if (chunk == NULL)
            return NULL;
        bsai_records_add(cache->records, call, chunk);
    }
    return record;
}

static void begin(struct bsa_slab *slab, struct bsai_call *call)
{
    bsai_call_begin(call, &slab->platform);
    call->unlocked = slab->unlocked;
    bsai_enter(call);
}

static enum bsa_status end(struct bsai_call *call, enum bsa_status status)
{
    bsai_leave(call);
    return bsai_call_end(call, status);
}

static enum bsa_status alloc(struct bsa_slab *slab, struct bsai_call *call, unsigned cpu,
                             size_t size, size_t align, struct bsa_slab_result *result)
{
    if (!bsai_is_pow2(align))
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, NULL,
                           "an alignment that is not a power of two");
    if (cpu >= BSA_MAX_CPUS)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, NULL, "a CPU id out of range");
    unsigned c = bsai_class_for(&slab->classes, size, align);
    if (c == slab->classes.count)
        return BSA_ERR_NO_MEMORY;

    struct bsai_cache *cache = &slab->caches[c];
    struct bsai_slot slot;
    if (bsai_cache_take(cache, call, cpu, &slab->shelves[c], BSAI_TAKE_ANY, NULL, 1, &slot) == 0) {
        result->needs_class = c;
        result->needs_pages = cache->geometry.slab_pages;
        result->needs_align = cache->geometry.slab_align;
        return BSA_OK;
    }
    bsai_hand_out_away(slot.states, slot.bit);
    result->object = (void *)bsai_slot_addr(cache, &slot);
    return BSA_OK;
}

enum bsa_status bsa_slab_alloc(bsa_slab *slab, unsigned cpu, size_t size, size_t align,
                               struct bsa_slab_result *result)
{
    if (result == NULL)
        return BSA_ERR_INVALID_PARAM;
    bsai_memset(result, 0, sizeof(*result));
    if (slab == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    begin(slab, &call);
    return end(&call, alloc(slab, &call, cpu, size, align, result));
}

/* Marks the pages of a new slab as taken; false when one belongs to a slab already. */
static bool claim_pages(const struct bsai_map *map, size_t page, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        uint32_t none = BSAI_PAGE_NONE;
        if (!bsai_word_claim(&map->hot[page + i], &none, bsai_word_run(BSAI_PAGE_META, 1))) {
            while (i-- > 0)
                bsai_poke(&map->hot[page + i], (uint32_t)BSAI_PAGE_NONE);
            return false;
        }
    }
    return true;
}

static enum bsa_status add(struct bsa_slab *slab, struct bsai_call *call, unsigned cpu,
                           unsigned size_class, void *base, size_t pages)
{
    if (cpu >= BSA_MAX_CPUS)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, base, "a CPU id out of range");
    if (size_class >= slab->classes.count)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, base, "a slab for an unknown class");
    struct bsai_cache *cache = &slab->caches[size_class];
    if (pages != cache->geometry.slab_pages ||
        ((uintptr_t)base & (cache->geometry.slab_align - 1)) != 0)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, base,
                           "a slab of other pages or alignment than its class needs");
    size_t page = bsai_map_page(&slab->map, (uintptr_t)base);
    if (page >= slab->map.pages || slab->map.pages - page < pages)
        return bsai_misuse(call, BSA_ERR_NOT_FOUND, base, "a slab outside the slabs' range");
    if (!claim_pages(&slab->map, page, pages))
        return bsai_misuse(call, BSA_ERR_MEMORY_OVERLAP, base,
                           "a slab on pages that another slab has already");

    struct bsai_slab *record = get_record(slab, call, cache, cpu);
    if (record == NULL) {
        bsai_slab_unmake(&slab->map, page, pages);
        return BSA_ERR_NO_MEMORY;
    }
    bsai_slab_make(cache, &cache->geometry, record, &slab->map, page);
    bsai_cache_take(cache, call, cpu, &slab->shelves[size_class], BSAI_TAKE_OWN, record, 0, NULL);
    return BSA_OK;
}

enum bsa_status bsa_slab_add(bsa_slab *slab, unsigned cpu, unsigned size_class, void *base,
                             size_t pages)
{
    if (slab == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    begin(slab, &call);
    return end(&call, add(slab, &call, cpu, size_class, base, pages));
}

/* Hands the first of the slabs that left a cache to the user; there is at most one. */
static void hand_back(struct bsa_slab *slab, struct bsai_call *call, struct bsai_cache *cache,
                      struct bsai_slab *retired, struct bsa_slab_freed *freed)
{
    if (retired == NULL)
        return;
    freed->base = (void *)retired->base;
    freed->pages = retired->pages;
    bsai_slab_unmake(&slab->map, bsai_map_page(&slab->map, retired->base), retired->pages);
    put_chunk(slab, call, bsai_records_put(cache->records, call, retired));
}

static enum bsa_status release(struct bsa_slab *slab, struct bsai_call *call, unsigned cpu,
                               void *object, struct bsa_slab_freed *freed)
{
    if (cpu >= BSA_MAX_CPUS)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, object, "a CPU id out of range");
    size_t page = bsai_map_page(&slab->map, (uintptr_t)object);
    if (page >= slab->map.pages)
        return bsai_misuse(call, BSA_ERR_NOT_FOUND, object,
                           "free of an address outside the slabs' range");
    struct bsai_slab *record = bsai_map_slab(&slab->map, page);
    unsigned away;
    size_t index;
    if (record == NULL)
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, object,
                           "free of an address in a page without a slab");
    if (!bsai_slab_locate(record, (uintptr_t)object, &index))
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, object,
                           "free of an address inside an object");
    struct bsai_slot dead = {BSAI_NO_ADDRESS, record, bsai_states_of(record, index),
                             bsai_bit(index)};
    if (!bsai_take_back_away(dead.states, dead.bit))
        return bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, object, "double free of an object");

    struct bsai_cache *cache = &slab->caches[record->cache];
    if (bsai_cache_put(cache, call, cpu, &dead, 1, &away))
        hand_back(slab, call, cache, bsai_cache_settle(cache, call, cache->keep_empty, 1), freed);
    return BSA_OK;
}

enum bsa_status bsa_slab_free(bsa_slab *slab, unsigned cpu, void *object,
                              struct bsa_slab_freed *freed)
{
    if (freed == NULL)
        return BSA_ERR_INVALID_PARAM;
    freed->base = NULL;
    freed->pages = 0;
    if (slab == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (object == NULL)
        return BSA_OK;
    struct bsai_call call;
    begin(slab, &call);
    return end(&call, release(slab, &call, cpu, object, freed));
}

enum bsa_status bsa_slab_reclaim(bsa_slab *slab, struct bsa_slab_freed *freed)
{
    if (freed == NULL)
        return BSA_ERR_INVALID_PARAM;
    freed->base = NULL;
    freed->pages = 0;
    if (slab == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    begin(slab, &call);
    for (unsigned c = 0; c < slab->classes.count && freed->base == NULL; c++) {
        struct bsai_cache *cache = &slab->caches[c];
        bsai_cache_disclaim(cache, &call, &slab->shelves[c]);
        hand_back(slab, &call, cache, bsai_cache_settle(cache, &call, 0, 1), freed);
    }
    for (unsigned i = 0; i < slab->pool_count && freed->base == NULL; i++)
        put_chunk(slab, &call, bsai_records_reclaim(&slab->pools[i], &call));
    return end(&call, BSA_OK);
}

size_t bsa_slab_pending(const bsa_slab *slab)
{
    size_t pending = 0;
    for (unsigned c = 0; slab != NULL && c < slab->classes.count; c++)
        pending += bsai_peek(&slab->caches[c].remote);
    return pending;
}

/* The lists and counts of one cache against its slabs' records, all found by the pages' words. */
static const char *validate_cache(const struct bsa_slab *slab, const struct bsai_cache *cache)
{
    const struct bsai_map *map = &slab->map;
    size_t slabs = 0, listed = 0, remote = 0;
    const char *wrong = NULL;
    for (size_t page = 0; page < map->pages && wrong == NULL; page++) {
        const struct bsai_slab *record = map->cold[page];
        if (!bsai_word_is_slab(bsai_map_word(map, page)) || record->cache != cache->id)
            continue;
        wrong = bsai_slab_validate(cache, record);
        listed += record->list != BSAI_LIST_NONE;
        remote += record->remote;
        slabs++;
    }
    if (wrong == NULL)
        wrong = bsai_cache_validate(cache, listed);
    if (wrong == NULL && (slabs != cache->slabs || remote != bsai_peek(&cache->remote)))
        wrong = "a cache's counts and its slabs differ";
    return wrong;
}

enum bsa_status bsa_slab_validate(bsa_slab *slab)
{
    const char *wrong = NULL;
    if (slab == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    begin(slab, &call);
    for (unsigned c = 0; c < slab->classes.count && wrong == NULL; c++) {
        bsai_lock_take(&slab->caches[c].lock, BSAI_RANK_CACHE, &call);
        wrong = validate_cache(slab, &slab->caches[c]);
        bsai_lock_drop(&slab->caches[c].lock, BSAI_RANK_CACHE, &call);
    }
    bsai_leave(&call);
    if (wrong == NULL)
        return BSA_OK;
    bsai_log(&slab->platform, BSA_LOG_ERROR, wrong);
    return BSA_ERR_INVALID_PARAM;
}
