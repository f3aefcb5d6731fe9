/* SPDX-License-Identifier: Apache-2.0 */
/* One slab: making and unmaking it, and checking it. */
#include "cache.h"

void bsai_slab_make(const struct bsai_cache *cache, struct bsai_slab *slab,
                    const struct bsai_map *map, size_t page)
{
    const struct bsai_geometry *g = &cache->geometry;
    bsai_memset(slab, 0, sizeof(*slab) + 2 * g->words * sizeof(bsai_word));
    slab->base = bsai_map_addr(map, page);
    slab->state = g->capacity | BSAI_STATE_LISTED;

    bsai_word *free_bits = bsai_free_words(cache, slab);
    bsai_memset(free_bits, 0xff, g->words * sizeof(bsai_word));
    if (g->capacity % BSAI_WORD_BITS != 0)
        free_bits[g->words - 1] = ((bsai_word)1 << (g->capacity % BSAI_WORD_BITS)) - 1;

    bsai_poke(&map->cold[page], slab);
    for (unsigned i = 0; i < g->slab_pages; i++)
        bsai_publish(&map->hot[page + i], bsai_word_slab(cache->id, i));
}

void bsai_slab_unmake(const struct bsai_cache *cache, const struct bsai_map *map, size_t page)
{
    for (unsigned i = 0; i < cache->geometry.slab_pages; i++)
        bsai_poke(&map->hot[page + i], (uint32_t)BSAI_PAGE_NONE);
}

unsigned bsai_slab_live(const struct bsai_cache *cache, const struct bsai_slab *slab)
{
    unsigned live = 0;
    for (unsigned w = 0; w < cache->geometry.words; w++)
        live += bsai_popcount64(bsai_live_word(slab, w));
    return live;
}

const char *bsai_slab_validate(const struct bsai_cache *cache, const struct bsai_slab *slab)
{
    const struct bsai_geometry *g = &cache->geometry;
    const bsai_word *free_bits = bsai_free_words(cache, slab);
    uint32_t state = bsai_state_read(&slab->state);
    unsigned live = 0, in_slab = 0;

    for (unsigned w = 0; w < g->words; w++) {
        bsai_word l = bsai_live_word(slab, w), f = bsai_peek(&free_bits[w]);
        if ((l & f) != 0)
            return "an object is live and free at once";
        if (w == g->words - 1 && g->capacity % BSAI_WORD_BITS != 0 &&
            (l | f) >> (g->capacity % BSAI_WORD_BITS) != 0)
            return "a bit is set beyond the slab's last object";
        live += bsai_popcount64(l);
        in_slab += bsai_popcount64(f);
    }
    if (in_slab != bsai_state_available(state))
        return "a slab's free bits and its count differ";
    if (live + in_slab > g->capacity)
        return "a slab holds more objects than it has room for";
    if ((slab->list != BSAI_LIST_NONE) != ((state & BSAI_STATE_LISTED) != 0))
        return "a slab's LISTED flag does not say whether it is on a list";
    if (in_slab != 0 && slab->list == BSAI_LIST_NONE && (state & BSAI_STATE_ANNOUNCED) == 0)
        return "a slab with free objects is neither listed nor announced";
    if (slab->list == BSAI_LIST_EMPTY && in_slab != g->capacity)
        return "a slab on the empty list is not empty";
    if ((slab->list == BSAI_LIST_CLAIMED) != (slab->claim != NULL) ||
        (slab->claim != NULL && *slab->claim != slab))
        return "a slab's claim and its holder disagree";
    return NULL;
}

static const char *validate_list(const struct bsai_slab_list *list, enum bsai_list kind)
{
    size_t n = 0;
    const struct bsai_slab *prev = NULL;
    for (const struct bsai_slab *s = list->first; s != NULL; prev = s, s = s->next, n++) {
        if (s->list != kind || s->prev != prev || n > list->count)
            return "a list of slabs is broken";
    }
    return n == list->count ? NULL : "a list of slabs is not as long as its count";
}

const char *bsai_cache_validate(const struct bsai_cache *cache)
{
    const char *wrong = validate_list(&cache->partial, BSAI_LIST_PARTIAL);
    if (wrong == NULL)
        wrong = validate_list(&cache->claimed, BSAI_LIST_CLAIMED);
    if (wrong == NULL)
        wrong = validate_list(&cache->empty, BSAI_LIST_EMPTY);
    if (wrong == NULL &&
        cache->partial.count + cache->claimed.count + cache->empty.count > cache->slabs)
        wrong = "more slabs are listed than the cache has";
    return wrong;
}
