/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache: all slabs of one object size, and who may take from them.
 *
 *            claim (a CPU takes from it)          last object taken
 *   EMPTY ------------------------> CLAIMED -------------------------> full, on no list
 *     ^   PARTIAL ----------------> CLAIMED                                  |
 *     |      ^                         |                                     | put: announce
 *     |      |  some free              |  all free                           v
 *     +------+---------------- collect <------------------------- announced stack
 *     |
 *     +--> retired (more than keep_empty, or reclaim): pages and record go back to the layer above
 *
 * take is done under the cache's lock, a batch at a time; put takes no lock: it sets free bits,
 * then adds to the count in the state word, and that is its last access to the record, unless that
 * very addition found the slab on no list, or made it empty: then it has also set ANNOUNCED, which
 * keeps the record alive, and pushes it on the announced stack. Whoever takes next collects the
 * stack. So a slab with free objects is found in O(1), however many full ones there are, and none
 * is lost when a CPU idles. (In a heap of one CPU nobody puts beside a take; there the lock is
 * cheaper.)
 *
 * A slab's home is the CPU that took from it first since it was last empty; objects put from
 * elsewhere are counted apart as remote until the next take from the slab.
 */
#ifndef BSAI_CACHE_H
#define BSAI_CACHE_H

#include "../base/lock.h"
#include "classes.h"
#include "records.h"

struct bsai_slab_list {
    struct bsai_slab *first;
    size_t count;
};

struct bsai_cache {
    /* Constant. */
    struct bsai_geometry geometry;
    unsigned id; /* class number, as in the hot words */
    unsigned keep_empty;
    bool alone; /* of a heap with one CPU: puts take the lock too, and need no other atomics */
    struct bsai_records *records;

    /* Guarded by lock. */
    struct bsai_lock lock __attribute__((aligned(BSA_CACHE_LINE)));
    struct bsai_slab_list partial, claimed, empty;
    struct bsai_slab *backlog; /* announced slabs taken off the stack and not looked at yet */
    size_t slabs;              /* read without the lock as well */

    /* Changed by every CPU. */
    struct bsai_slab *announced __attribute__((aligned(BSA_CACHE_LINE)));
    size_t remote;    /* sum of the remote counts of all slabs */
    size_t available; /* sum of both counts */
    size_t steps;     /* records and words looked at; builds with checks */
};

/* From whom a take may take, in order. */
enum bsai_take {
    BSAI_TAKE_OWN, /* the claimed slab, partial ones, announced ones, empty ones */
    BSAI_TAKE_ANY  /* then slabs that other CPUs have claimed */
};

/*
 * Makes a cache per class, and a record pool per size of record, in arrays of classes->count each.
 * keep_empty as in the configurations. How many pools.
 */
unsigned bsai_caches_make(struct bsai_cache *caches, struct bsai_records *pools,
                          const struct bsai_classes *classes, unsigned keep_empty,
                          size_t page_size);

/*
 * Takes up to want objects for a CPU whose claim slot is *claim. fresh: NULL, or a slab made by
 * bsai_slab_make that joins the cache first, so that its maker cannot lose it to others. How many;
 * 0 means that a slab is needed.
 */
unsigned bsai_cache_take(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                         struct bsai_slab **claim, enum bsai_take from, struct bsai_slab *fresh,
                         unsigned want, struct bsai_slot *out);

/* Puts objects back into their slabs, from any CPU, without a lock. True when a slab became empty:
 * bsai_cache_settle then finds it. Returns in *away how many went to slabs of another home. */
bool bsai_cache_put(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                    const struct bsai_slot *slots, unsigned n, unsigned *away);

/*
 * Looks at announced slabs (all of them when keep is 0) and takes out up to `most` that are empty,
 * leaving `keep` empty ones: a list linked by next whose records and pages are the caller's.
 */
struct bsai_slab *bsai_cache_settle(struct bsai_cache *cache, struct bsai_call *call, unsigned keep,
                                    unsigned most);

/* Gives up a CPU's claim; its slab can be taken by all. */
void bsai_cache_disclaim(struct bsai_cache *cache, struct bsai_call *call,
                         struct bsai_slab **claim);

/* The free bits of a slab, one per object. */
static inline bsai_word *bsai_free_words(const struct bsai_cache *cache,
                                         const struct bsai_slab *slab)
{
    return (bsai_word *)(uintptr_t)&slab->bits[2 * cache->geometry.words];
}

/* Makes a record for pages at base and writes the pages' descriptors. */
void bsai_slab_make(const struct bsai_cache *cache, struct bsai_slab *record,
                    const struct bsai_map *map, size_t page);

/* Clears the descriptors of a slab that left its cache. */
void bsai_slab_unmake(const struct bsai_cache *cache, const struct bsai_map *map, size_t page);

/*
 * The object at addr, whose page's word says SLAB: its slab and index. False when addr is not an
 * object's first byte.
 */
static BSAI_ALWAYS_INLINE bool bsai_slab_locate(const struct bsai_cache *caches,
                                                const struct bsai_map *map, size_t page,
                                                uint32_t word, uintptr_t addr,
                                                struct bsai_slab **slab, unsigned *index)
{
    const struct bsai_geometry *g = &caches[bsai_word_class(word)].geometry;
    size_t head = page - bsai_word_offset(word);
    uint32_t offset = (uint32_t)(addr - bsai_map_addr(map, head));
    uint32_t i = bsai_index_of(g, offset);
    *slab = bsai_peek(&map->cold[head]);
    *index = i;
    return i * g->object_size == offset && i < g->capacity;
}

/* Validation; the cache's lock is held. NULL, or what contradicts. */
const char *bsai_slab_validate(const struct bsai_cache *cache, const struct bsai_slab *slab);
const char *bsai_cache_validate(const struct bsai_cache *cache);

/* Objects in a slab that are in the user's hands. */
unsigned bsai_slab_live(const struct bsai_cache *cache, const struct bsai_slab *slab);

#if BSA_CHECKS >= 1
#define bsai_cache_steps(cache, n) bsai_shared_count(&(cache)->steps, (size_t)(n))
#else
#define bsai_cache_steps(cache, n) ((void)(cache), (void)(n))
#endif

#endif
