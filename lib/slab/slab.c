/* SPDX-License-Identifier: Apache-2.0 */
/* One slab: making and unmaking it, and checking it. */
#include "cache.h"

/* A word's first bits: all of them where there are more objects left than bits. */
static bsai_word first_bits(unsigned objects)
{
    return objects < BSAI_WORD_BITS ? bsai_bit(objects) - 1 : ~(bsai_word)0;
}

void bsai_slab_make(const struct bsai_cache *cache, const struct bsai_geometry *g,
                    struct bsai_slab *slab, const struct bsai_map *map, size_t page)
{
    uint16_t exposed = slab->exposed; /* a version does not begin again with another slab */
    bsai_memset(slab, 0, sizeof(*slab));
    slab->exposed = exposed;
    slab->base = bsai_map_addr(map, page);
    slab->magic = g->magic;
    slab->free = slab->capacity = (uint16_t)g->capacity;
    slab->pages = g->slab_pages;
    slab->cache = (uint16_t)cache->id;
    slab->tag = cache->tag;
    for (unsigned w = 0; w < g->words; w++) {
        unsigned left = g->capacity - w * BSAI_WORD_BITS;
        slab->states[w] = (struct bsai_states){0, 0, first_bits(left)};
    }
    size_t marks = bsai_slab_marks(slab->pages), count = slab->pages - marks + 1;
    for (size_t i = 0; i < marks; i++) {
        bsai_publish(&map->cold[page + i], slab);
        bsai_publish(&map->hot[page + i], bsai_word_run(BSAI_PAGE_SLAB, i == 0 ? count : 0));
    }
}

void bsai_slab_unmake(const struct bsai_map *map, size_t page, size_t pages)
{
    for (size_t i = 0; i < bsai_slab_marks(pages); i++) {
        bsai_poke(&map->hot[page + i], (uint32_t)BSAI_PAGE_NONE);
        bsai_poke(&map->cold[page + i], NULL);
    }
}

unsigned bsai_slab_live(const struct bsai_slab *slab)
{
    unsigned live = 0;
    for (unsigned w = 0; w < bsai_slab_words(slab); w++)
        live += bsai_popcount64(bsai_live(&slab->states[w], ~(bsai_word)0));
    return live;
}

/* NULL, or what is wrong with the states of the slab's objects. */
static const char *validate_states(const struct bsai_slab *slab)
{
    unsigned in_slab = 0;
    for (unsigned w = 0; w < bsai_slab_words(slab); w++) {
        unsigned left = slab->capacity - w * BSAI_WORD_BITS;
        bsai_word live = bsai_live(&slab->states[w], ~(bsai_word)0), free = slab->states[w].free;
        if ((live & free) != 0)
            return "an object is live and free at once";
        if (((live | free) & ~first_bits(left)) != 0)
            return "a state is set beyond the slab's last object";
        if (free != 0 && w < slab->scan)
            return "an object is free below where a slab is searched";
        in_slab += bsai_popcount64(free);
    }
    return in_slab == slab->free ? NULL : "a slab's free objects and its count differ";
}

const char *bsai_slab_validate(const struct bsai_cache *cache, const struct bsai_slab *slab)
{
    if (slab->cache != cache->id || slab->magic != cache->geometry.magic)
        return "a slab's record is not one of its cache";
    const char *wrong = validate_states(slab);
    if (wrong != NULL)
        return wrong;
    if (slab->remote > slab->free)
        return "a slab has more remote objects than free ones";
    if ((slab->free != 0) != (slab->list != BSAI_LIST_NONE))
        return "a slab with free objects is not listed, or one without is";
    if ((slab->list == BSAI_LIST_EMPTY) != (slab->free == slab->capacity) &&
        slab->list != BSAI_LIST_CLAIMED)
        return "a slab is empty and not on the empty list, or the other way round";
    if (slab->list == BSAI_LIST_SHELF && slab->free >= bsai_share_from(slab))
        return "a slab that is anybody's is on a shelf";
    if ((slab->list == BSAI_LIST_CLAIMED) != (slab->claimer != NULL) ||
        (slab->claimer != NULL && slab->claimer->claim != slab))
        return "a slab's claim and its holder disagree";
    return NULL;
}

/* Ends also where a list runs into itself: two slabs before one cannot both be its prev. */
static const char *validate_list(const struct bsai_slab *first, enum bsai_list kind, size_t *slabs,
                                 size_t *pages)
{
    const struct bsai_slab *prev = NULL;
    for (const struct bsai_slab *s = first; s != NULL; prev = s, s = s->next) {
        if (s->list != kind || s->prev != prev)
            return "a list of slabs is broken";
        ++*slabs;
        *pages += s->pages;
    }
    return NULL;
}

const char *bsai_cache_validate(const struct bsai_cache *cache, size_t listed)
{
    size_t slabs = 0, pages = 0;
    const char *wrong = validate_list(cache->empty, BSAI_LIST_EMPTY, &slabs, &pages);
    if (wrong == NULL && (slabs != cache->empty_slabs || pages != cache->empty_pages))
        wrong = "the list of empty slabs and its counts differ";
    if (wrong == NULL)
        wrong = validate_list(cache->partial, BSAI_LIST_PARTIAL, &slabs, &pages);
    if (wrong == NULL)
        wrong = validate_list(cache->claimed, BSAI_LIST_CLAIMED, &slabs, &pages);
    for (const struct bsai_shelf *shelf = cache->shelves; wrong == NULL && shelf != NULL;
         shelf = shelf->next)
        wrong = validate_list(shelf->partial, BSAI_LIST_SHELF, &slabs, &pages);
    if (wrong == NULL && slabs != listed)
        wrong = "a slab that says that it is on a list is on none";
    return wrong;
}
