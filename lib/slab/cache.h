/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache: all slabs of one object size, and who may take from them.
 *
 *            claim (a CPU takes from it)          last object taken
 *   EMPTY ------------------------> CLAIMED -------------------------> full, on no list
 *     ^   SHELF, PARTIAL ---------> CLAIMED                                  |
 *     |      ^                         |                                     |
 *     |      +-------------------------+------------ put: some free ---------+
 *     +------ put: all free -----------+
 *     |
 *     +--> retired (more than keep_empty, or reclaim): pages and record go back to the layer above
 *
 * A slab with free objects waits on the shelf of its home CPU while more than a fourth of them is
 * in use: CPUs that work beside each other then write the states of different slabs. Below it is
 * partial and anybody's. When memory is short everything is anybody's.
 *
 * Objects are taken and put in batches, each under the cache's lock, which guards lists, counts and
 * FREE states. A put lists a slab that was full, so that one with free objects is found in O(1),
 * however many full ones there are, and none is lost when a CPU idles.
 *
 * A slab's home is the CPU that took from it first since it was last empty; objects put from
 * elsewhere are counted apart as remote until the next take from the slab.
 */
#ifndef BSAI_CACHE_H
#define BSAI_CACHE_H

#include "../base/lock.h"
#include "classes.h"
#include "records.h"

enum {
    BSAI_SHARE_PART = 4, /* a slab is anybody's when at most a fourth of it is in use */
    BSAI_SMALL_PART = 8  /* a cache is small until a slab is at most an eighth of it */
};

/* What one CPU has of a cache's slabs. Guarded by the cache's lock; its memory stays. */
struct bsai_shelf {
    struct bsai_slab *claim;   /* the slab that it takes from, or NULL */
    struct bsai_slab *partial; /* slabs at home here */
    struct bsai_shelf *next;   /* of the cache's shelves */
    bool known;                /*   on whose list it is */
    bool closed;               /* given up, and nothing was taken since */
    bool crowded;              /* another CPU came between its last two visits, the last a take;
                                  read by its owner at any time */
};

struct bsai_cache {
    /* Constant, but for epoch. */
    struct bsai_geometry geometry; /* of its slabs, */
    struct bsai_geometry small;    /*   and of those that it gets while it is small */
    unsigned id;                   /* class number, as in the hot words */
    unsigned keep_empty;
    uint16_t tag; /* for its slabs */
    struct bsai_records *records;
    size_t epoch; /* slabs that have left or changed their home: an address may be another slab's,
                     or another CPU's; read anywhere */

    /* Sums over the slabs that a validation has seen, while everything is locked. */
    struct {
        size_t slabs, listed, live, in_slabs, remote;
    } seen;

    /* Guarded by lock; slabs, remote, available and taken are read anywhere. */
    struct bsai_lock lock __attribute__((aligned(BSA_CACHE_LINE)));
    uint32_t visitor;                            /* CPU that took or put last */
    struct bsai_slab *partial, *claimed, *empty; /* lists by next and prev, as those of shelves */
    size_t empty_slabs, empty_pages;             /* on the last one */
    struct bsai_shelf *shelves;
    size_t slabs;
    size_t objects, pages; /* of all slabs */
    size_t remote;         /* sum of the remote counts of all slabs */
    size_t available;      /* objects that are FREE */
    size_t taken;          /* batches, and slabs taken out, ever */
    size_t steps;          /* records and words looked at; builds with checks */
};

/* From whom a take may take, in order. */
enum bsai_take {
    BSAI_TAKE_OWN, /* the claimed slab, those of the shelf, partial ones, empty ones */
    BSAI_TAKE_ANY  /* then those of other shelves, and what others have claimed */
};

/*
 * Makes a cache per class in zeroed memory, and a record pool per size of record, at most as many.
 * keep_empty as in the configurations, most_bytes as in bsai_geometry_make. How many pools.
 */
unsigned bsai_caches_make(struct bsai_cache *caches, struct bsai_records *pools,
                          const struct bsai_classes *classes, unsigned keep_empty, size_t page_size,
                          size_t most_bytes);

/* Gives a cache in zeroed memory, or one without slabs that nobody uses, what is constant of it.
 * keep_empty as in the configurations. */
void bsai_cache_make(struct bsai_cache *cache, unsigned id, const struct bsai_geometry *geometry,
                     unsigned keep_empty, struct bsai_records *records);

/*
 * Takes up to want objects for a CPU with a shelf. fresh: NULL, or a slab made by
 * bsai_slab_make that joins the cache first, so that its maker cannot lose it to others. How many;
 * 0 means that a slab is needed.
 */
unsigned bsai_cache_take(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                         struct bsai_shelf *shelf, enum bsai_take from, struct bsai_slab *fresh,
                         unsigned want, struct bsai_slot *out);

/*
 * Puts objects back into their slabs, from any CPU. True when there are more empty slabs than are
 * kept: bsai_cache_settle takes them out. Returns in *away how many went to slabs of another home.
 */
bool bsai_cache_put(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                    const struct bsai_slot *slots, unsigned n, unsigned *away);

/* Exposes a slab that is private to the CPU `home`, whose state the caller owns; nothing is done
 * where it is not any more. */
void bsai_cache_expose(struct bsai_cache *cache, struct bsai_call *call, struct bsai_slab *slab,
                       unsigned home);

/* Takes out up to `most` empty slabs, leaving `keep`: a list linked by next whose records and pages
 * are the caller's. */
struct bsai_slab *bsai_cache_settle(struct bsai_cache *cache, struct bsai_call *call, unsigned keep,
                                    unsigned most);

/* FREE objects from which on a slab is anybody's. */
static inline unsigned bsai_share_from(const struct bsai_slab *slab)
{
    return slab->capacity - slab->capacity / (unsigned)BSAI_SHARE_PART;
}

/* Gives up what is claimed and on the shelf; it can be taken by all. */
void bsai_cache_disclaim(struct bsai_cache *cache, struct bsai_call *call,
                         struct bsai_shelf *shelf);

/* The address of a slot's object, be it AWAY or not. */
static inline uintptr_t bsai_slot_addr(const struct bsai_cache *cache, const struct bsai_slot *slot)
{
    return slot->slab->base + (uintptr_t)bsai_slot_index(slot) * cache->geometry.object_size;
}

/* Makes a slot that came through the depot one of home's, or of another CPU's. */
static inline void bsai_slot_rehome(const struct bsai_cache *cache, struct bsai_slot *slot,
                                    bool home)
{
    slot->addr = home ? bsai_slot_addr(cache, slot) : BSAI_NO_ADDRESS;
}

/* What the cache's next slab is to be like. */
static inline const struct bsai_geometry *bsai_cache_next(const struct bsai_cache *cache)
{
    return bsai_peek(&cache->objects) < (size_t)BSAI_SMALL_PART * cache->geometry.capacity
               ? &cache->small
               : &cache->geometry;
}

/* Makes a record for g's pages from one on and writes their descriptors. */
void bsai_slab_make(const struct bsai_cache *cache, const struct bsai_geometry *g,
                    struct bsai_slab *slab, const struct bsai_map *map, size_t page);

/* Clears the descriptors of a slab's pages. */
void bsai_slab_unmake(const struct bsai_map *map, size_t page, size_t pages);

/* The object at addr, which is in the slab; false when addr is not an object's first byte. */
static inline bool bsai_slab_locate(const struct bsai_slab *slab, uintptr_t addr, size_t *index)
{
    return bsai_slab_index(slab, addr, index) && *index < slab->capacity;
}

/* Validation; the cache's lock is held. NULL, or what contradicts. listed: how many of the cache's
 * slabs say that they are on a list. */
const char *bsai_slab_validate(const struct bsai_cache *cache, const struct bsai_slab *slab);
const char *bsai_cache_validate(const struct bsai_cache *cache, size_t listed);

/* Objects in a slab that are in the user's hands. */
unsigned bsai_slab_live(const struct bsai_slab *slab);

#if BSA_CHECKS >= 1
#define bsai_cache_steps(cache, n) bsai_count(&(cache)->steps, (size_t)(n))
#else
#define bsai_cache_steps(cache, n) ((void)(cache), (void)(n))
#endif

#endif
