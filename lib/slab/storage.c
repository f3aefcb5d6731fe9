/* SPDX-License-Identifier: Apache-2.0 */
/* The slab allocator alone: how its storage is divided. */
#include "standalone.h"

/* Offsets from the first aligned byte of storage, up to the chunks. */
struct plan {
    struct bsa_slab_config config;
    struct bsai_classes classes;
    uintptr_t start; /* of the pages in the range */
    size_t pages;
    size_t caches, pools, shelves, state, cold, hot, end;
    size_t chunks; /* pages of records that suffice for any mix */
};

static size_t place(size_t *at, size_t count, size_t each)
{
    return bsai_append(at, count * each, BSA_CACHE_LINE);
}

static size_t most_bytes(const struct plan *plan)
{
    return (plan->pages << bsai_log2(plan->config.page_size)) / BSAI_SLABS_MIN;
}

/* Records of one size never outnumber the slabs that the range has room for, and chunks with a free
 * record are used first: so each pool needs at most this many chunks at its peak. */
static void count_chunks(struct plan *plan)
{
    const struct bsai_classes *classes = &plan->classes;
    size_t page_size = plan->config.page_size, counted = 0;
    uint32_t done[BSA_MAX_CLASSES];
    plan->chunks = 0;
    for (unsigned c = 0; c < classes->count; c++) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, classes->size[c], classes->natural[c], page_size, most_bytes(plan));
        size_t i = 0, fewest = g.slab_pages;
        while (i < counted && done[i] != g.record_bytes)
            i++;
        if (i < counted)
            continue;
        done[counted++] = g.record_bytes;
        for (unsigned other = c + 1; other < classes->count; other++) {
            struct bsai_geometry o;
            bsai_geometry_make(&o, classes->size[other], classes->natural[other], page_size,
                               most_bytes(plan));
            if (o.record_bytes == g.record_bytes && o.slab_pages < fewest)
                fewest = o.slab_pages;
        }
        size_t per_chunk = bsai_divide(page_size - BSAI_RECORD_ALIGN, g.record_bytes);
        plan->chunks +=
            bsai_divide(bsai_divide(plan->pages, fewest) + per_chunk - 1, per_chunk) + 1;
    }
}

static bool make_plan(struct plan *plan, const struct bsa_slab_config *config)
{
    struct bsa_slab_config *c = &plan->config;
    size_t start, end;
    if (config == NULL || !bsai_copy_sized(c, sizeof(*c), config, config->size))
        return false;
    if (!bsai_read_page_size(&c->page_size))
        return false;
    if ((c->flags & ~(unsigned)BSA_SLAB_UNLOCKED) != 0 ||
        !bsai_classes_make(&plan->classes, c->classes))
        return false;
    if (c->range == NULL || !bsai_round_up((uintptr_t)c->range, c->page_size, &start) ||
        !bsai_add((uintptr_t)c->range, c->range_bytes, &end) || end < start ||
        end - start < c->page_size)
        return false;
    plan->start = start;
    plan->pages = (end - start) >> bsai_log2(c->page_size);

    unsigned n = plan->classes.count;
    size_t at = sizeof(struct bsa_slab);
    plan->caches = place(&at, n, sizeof(struct bsai_cache));
    plan->pools = place(&at, n, sizeof(struct bsai_records));
    plan->shelves = place(&at, n, sizeof(struct bsai_shelf));
    plan->state = place(&at, plan->pages / BSAI_GROUP_PAGES + 2, 1);
    plan->cold = place(&at, plan->pages, sizeof(struct bsai_slab *));
    plan->hot = place(&at, plan->pages, sizeof(uint32_t));
    plan->end = at;
    count_chunks(plan);
    return true;
}

size_t bsa_slab_storage_bytes(const struct bsa_slab_config *config)
{
    struct plan plan;
    if (!make_plan(&plan, config))
        return 0;
    return plan.end + BSA_CACHE_LINE + (plan.chunks + 1) * plan.config.page_size;
}

static void make_map(struct bsa_slab *slab, const struct plan *plan, char *base)
{
    struct bsai_map *map = &slab->map;
    map->start = plan->start;
    map->pages = plan->pages;
    map->page_shift = bsai_log2(plan->config.page_size);
    map->lead = (unsigned)(map->start >> map->page_shift) & (BSAI_GROUP_PAGES - 1);
    map->state = (uint8_t *)(base + plan->state);
    map->cold = (struct bsai_slab **)(void *)(base + plan->cold);
    map->hot = (uint32_t *)(void *)(base + plan->hot);
    bsai_memset(map->state, BSAI_GROUP_READY, bsai_map_groups(map));
    bsai_memset(map->hot, 0, map->pages * sizeof(uint32_t));
    bsai_memset(map->cold, 0, map->pages * sizeof(struct bsai_slab *));
    map->ready = map->pages;
}

/* What is left of the storage becomes chunks, each a page aligned to a page; lowest first. */
static void make_chunks(struct bsa_slab *slab, uintptr_t from, uintptr_t end, size_t page_size)
{
    size_t first;
    if (!bsai_round_up(from, page_size, &first))
        return;
    slab->chunks = NULL;
    size_t count = first < end ? (end - first) >> bsai_log2(page_size) : 0;
    while (count-- > 0) {
        struct bsai_spare_chunk *chunk = (struct bsai_spare_chunk *)(first + count * page_size);
        chunk->next = slab->chunks;
        slab->chunks = chunk;
    }
}

enum bsa_status bsa_slab_init(bsa_slab **slab, void *storage, size_t bytes,
                              const struct bsa_slab_config *config)
{
    struct plan plan;
    struct bsa_platform platform;
    size_t start, end;
    if (slab == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (*slab != NULL)
        return BSA_ERR_ALREADY_INITIALIZED;
    if (storage == NULL || !bsai_round_up((uintptr_t)storage, BSA_CACHE_LINE, &start) ||
        !bsai_add((uintptr_t)storage, bytes, &end))
        return BSA_ERR_INVALID_PARAM;
    if (!make_plan(&plan, config) || !bsai_read_platform(&platform, plan.config.platform))
        return BSA_ERR_INVALID_PARAM;
    if (end < start || end - start < plan.end)
        return BSA_ERR_NO_MEMORY;

    struct bsa_slab *s = (struct bsa_slab *)start;
    char *base = (char *)start;
    bsai_memset(s, 0, sizeof(*s));
    s->platform = platform;
    s->unlocked = (plan.config.flags & BSA_SLAB_UNLOCKED) != 0;
    s->classes = plan.classes;
    s->caches = (struct bsai_cache *)(void *)(base + plan.caches);
    s->pools = (struct bsai_records *)(void *)(base + plan.pools);
    s->shelves = (struct bsai_shelf *)(void *)(base + plan.shelves);
    bsai_memset(s->shelves, 0, s->classes.count * sizeof(*s->shelves));
    bsai_lock_init(&s->chunk_lock);
    bsai_memset(s->caches, 0, s->classes.count * sizeof(*s->caches));
    s->pool_count = bsai_caches_make(s->caches, s->pools, &s->classes, plan.config.keep_empty,
                                     plan.config.page_size, most_bytes(&plan));
    make_map(s, &plan, base);
    make_chunks(s, start + plan.end, end, plan.config.page_size);
    *slab = s;
    return BSA_OK;
}
