/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

void bsai_cache_make(struct bsai_cache *cache, unsigned id, const struct bsai_geometry *geometry,
                     unsigned keep_empty, struct bsai_records *records)
{
    cache->geometry = cache->small = *geometry;
    cache->id = id;
    cache->keep_empty = keep_empty == 0 ? 1 : keep_empty == BSA_NONE ? 0 : keep_empty;
    cache->records = records;
}

unsigned bsai_caches_make(struct bsai_cache *caches, struct bsai_records *pools,
                          const struct bsai_classes *classes, unsigned keep_empty, size_t page_size,
                          size_t most_bytes)
{
    unsigned pool_count = 0;
    for (unsigned c = 0; c < classes->count; c++) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, classes->size[c], classes->natural[c], page_size, most_bytes);
        bsai_cache_make(&caches[c], c, &g, keep_empty,
                        bsai_records_of(pools, &pool_count, g.record_bytes, page_size));
    }
    return pool_count;
}

/* Lists, under the lock. */

/* The first slab of the list that a slab is on; NULL when it is on none. */
static struct bsai_slab **list_of(struct bsai_cache *cache, const struct bsai_slab *slab)
{
    switch (slab->list) {
    case BSAI_LIST_SHELF:
        return &slab->shelf->partial;
    case BSAI_LIST_PARTIAL:
        return &cache->partial;
    case BSAI_LIST_CLAIMED:
        return &cache->claimed;
    case BSAI_LIST_EMPTY:
        return &cache->empty;
    default:
        return NULL;
    }
}

static void unlist(struct bsai_cache *cache, struct bsai_slab *slab)
{
    struct bsai_slab **first = list_of(cache, slab);
    if (first == NULL)
        return;
    if (slab->prev != NULL)
        slab->prev->next = slab->next;
    else
        *first = slab->next;
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
    if (slab->list == BSAI_LIST_EMPTY) {
        cache->empty_slabs--;
        cache->empty_pages -= slab->pages;
    }
    slab->list = BSAI_LIST_NONE;
}

static void enlist(struct bsai_cache *cache, struct bsai_slab *slab, enum bsai_list to)
{
    slab->list = (uint8_t)to;
    struct bsai_slab **first = list_of(cache, slab);
    slab->prev = NULL;
    slab->next = *first;
    if (slab->next != NULL)
        slab->next->prev = slab;
    *first = slab;
    if (to == BSAI_LIST_EMPTY) {
        cache->empty_slabs++;
        cache->empty_pages += slab->pages;
    }
}

static void drop_claim(struct bsai_slab *slab)
{
    if (slab->claimer != NULL)
        slab->claimer->claim = NULL;
    slab->claimer = NULL;
}

static void set_home(struct bsai_slab *slab, struct bsai_shelf *shelf, unsigned cpu)
{
    bsai_publish(&slab->home, (uint16_t)cpu);
    slab->shelf = shelf;
    if (bsai_slab_is_exposed(slab) && slab->exposed != UINT16_MAX)
        bsai_publish(&slab->exposed, (uint16_t)(slab->exposed + 1));
}

static void set_claim(struct bsai_cache *cache, struct bsai_slab *slab, struct bsai_shelf *shelf,
                      unsigned cpu)
{
    /* Idle: none of its objects is anywhere, so that nobody relies on who its home is. */
    bool idle = slab->list == BSAI_LIST_EMPTY || slab->list == BSAI_LIST_NONE;
    /* Slots that its last home has handed objects out from are not to be used any more. */
    if (slab->list == BSAI_LIST_EMPTY && slab->home != cpu)
        bsai_publish(&cache->epoch, bsai_peek(&cache->epoch) + 1);
    drop_claim(slab);
    unlist(cache, slab);
    enlist(cache, slab, BSAI_LIST_CLAIMED);
    slab->claimer = shelf;
    shelf->claim = slab;
    if (idle)
        set_home(slab, shelf, cpu);
}

/* A slab with free objects that nobody claims goes where it belongs. */
static void shelve(struct bsai_cache *cache, struct bsai_slab *slab)
{
    enlist(cache, slab,
           slab->free == slab->capacity                                 ? BSAI_LIST_EMPTY
           : slab->free >= bsai_share_from(slab) || slab->shelf->closed ? BSAI_LIST_PARTIAL
                                                                        : BSAI_LIST_SHELF);
}

/* Moves `got` FREE objects of the slab, which has so many, to out; lowest address last, so that
 * allocations walk up the slab. */
static void take_bits(struct bsai_cache *cache, struct bsai_slab *slab, bool away, unsigned got,
                      struct bsai_slot *out)
{
    unsigned w = slab->scan, size = cache->geometry.object_size;
    struct bsai_slot *slot = out + got;
    for (;; w++) {
        bsai_assert(w < bsai_slab_words(slab));
        struct bsai_states *states = &slab->states[w];
        bsai_word left = states->free;
        uintptr_t base = slab->base + (uintptr_t)w * BSAI_WORD_BITS * size;
        for (; left != 0 && slot > out; left &= left - 1) {
            slot--;
            slot->addr = away ? BSAI_NO_ADDRESS : base + (uintptr_t)bsai_ctz64(left) * size;
            slot->slab = slab;
            slot->states = states;
            slot->bit = left & (0 - left);
        }
        states->free = left;
        bsai_cache_steps(cache, 1);
        if (slot == out)
            break;
    }
    slab->scan = (uint8_t)w;
}

/* Takes from a listed slab; unlists it when nothing is left. */
static unsigned take_from(struct bsai_cache *cache, struct bsai_slab *slab, unsigned cpu,
                          unsigned want, struct bsai_slot *out)
{
    bool away = bsai_peek(&slab->home) != cpu;
    unsigned got = slab->free < want ? slab->free : want;
    take_bits(cache, slab, away, got, out);

    bsai_count(&cache->remote, (size_t)0 - slab->remote);
    bsai_count(&cache->available, (size_t)0 - got);
    slab->remote = 0;
    slab->free = (uint16_t)(slab->free - got);
    if (slab->free == 0) {
        drop_claim(slab);
        unlist(cache, slab);
    }
    return got;
}

/* What another CPU has: from a shelf, or its claim. */
static struct bsai_slab *anybodys(const struct bsai_cache *cache)
{
    for (const struct bsai_shelf *shelf = cache->shelves; shelf != NULL; shelf = shelf->next) {
        if (shelf->partial != NULL)
            return shelf->partial;
    }
    return cache->claimed;
}

/* A slab to take from next, claimed for the CPU; NULL when there is none. */
static struct bsai_slab *next_slab(struct bsai_cache *cache, unsigned cpu, struct bsai_shelf *shelf,
                                   enum bsai_take from, bool spare_empties)
{
    struct bsai_slab *slab = shelf->partial;
    if (slab == NULL)
        slab = cache->partial;
    if (slab == NULL && !spare_empties)
        slab = cache->empty;
    if (slab == NULL && from == BSAI_TAKE_ANY)
        slab = anybodys(cache);
    if (slab != NULL)
        set_claim(cache, slab, shelf, cpu);
    return slab;
}

unsigned bsai_cache_take(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                         struct bsai_shelf *shelf, enum bsai_take from, struct bsai_slab *fresh,
                         unsigned want, struct bsai_slot *out)
{
    unsigned got = 0;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    if (!shelf->known) {
        shelf->known = true;
        shelf->next = cache->shelves;
        cache->shelves = shelf;
    }
    shelf->closed = false;
    shelf->crowded = cache->visitor != cpu;
    cache->visitor = cpu;
    if (fresh != NULL) {
        bsai_count(&cache->slabs, (size_t)1);
        bsai_count(&cache->pages, (size_t)fresh->pages);
        bsai_count(&cache->objects, (size_t)fresh->capacity);
        bsai_count(&cache->available, (size_t)fresh->capacity);
        if (shelf->claim == NULL) {
            set_claim(cache, fresh, shelf, cpu);
        } else {
            set_home(fresh, shelf, cpu);
            enlist(cache, fresh, BSAI_LIST_EMPTY);
        }
    }
    while (got < want) {
        struct bsai_slab *slab = shelf->claim;
        if (slab == NULL)
            slab = next_slab(cache, cpu, shelf, from, got != 0);
        if (slab == NULL)
            break;
        got += take_from(cache, slab, cpu, want - got, out + got);
        bsai_cache_steps(cache, 1);
    }
    bsai_count(&cache->taken, (size_t)(got != 0));
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    return got;
}

/* The slab has one object more: on to the list where it belongs now. */
static void relist(struct bsai_cache *cache, struct bsai_slab *slab)
{
    if (slab->list == BSAI_LIST_CLAIMED && slab->free != slab->capacity)
        return;
    drop_claim(slab);
    unlist(cache, slab);
    shelve(cache, slab);
}

/* Where the count of free objects has come, by so many more, to one at which a slab changes its
 * list. */
static bool is_turn(const struct bsai_slab *slab, unsigned more)
{
    unsigned past = slab->free - bsai_share_from(slab); /* wraps below it */
    return slab->list == BSAI_LIST_NONE || slab->free == slab->capacity || past < more;
}

/* More than `keep` slabs are empty. Small ones count by their pages, so that objects that come and
 * go by the dozen do not make and unmake slabs of one or two each time. */
static bool has_spare(const struct bsai_cache *cache, unsigned keep)
{
    return cache->empty_pages > (uint64_t)keep * cache->geometry.slab_pages;
}

/* Of n slots, how many from the first on have their states in the same words, and their bits: what
 * is freed in the order in which it was allocated, or the other way round, goes home by the word.
 */
static unsigned run_of(const struct bsai_slot *slots, unsigned n, bsai_word *bits)
{
    unsigned run = 1;
    *bits = slots->bit;
    for (; run < n && slots[run].states == slots->states && (*bits & slots[run].bit) == 0; run++)
        *bits |= slots[run].bit;
    return run;
}

/* CACHED or AWAY to FREE; false: one of them was freed twice. */
static bool put_home(struct bsai_states *states, bsai_word bits)
{
    if (BSAI_UNLIKELY((bsai_live(states, bits) | (states->free & bits)) != 0))
        return false;
    states->free |= bits;
    return true;
}

bool bsai_cache_put(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                    const struct bsai_slot *slots, unsigned n, unsigned *away)
{
    unsigned done = 0, elsewhere = 0, run;
    bsai_word bits;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    cache->visitor = cpu;
    for (unsigned i = 0; i < n; i += run) {
        struct bsai_slab *slab = slots[i].slab;
        struct bsai_states *states = slots[i].states;
        run = run_of(&slots[i], n - i, &bits);
        if (BSAI_UNLIKELY(!put_home(states, bits))) {
            run = 1;
            if (!put_home(states, slots[i].bit)) {
                bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, (void *)bsai_slot_addr(cache, &slots[i]),
                            BSAI_FREED_TWICE);
                continue;
            }
        }
        done += run;
        slab->free = (uint16_t)(slab->free + run);
        if (&slab->states[slab->scan] > states)
            slab->scan = (uint8_t)(states - slab->states);
        if (bsai_peek(&slab->home) != cpu) {
            slab->remote = (uint16_t)(slab->remote + run);
            elsewhere += run;
        }
        if (BSAI_UNLIKELY(is_turn(slab, run)))
            relist(cache, slab);
    }
    bsai_count(&cache->available, (size_t)done);
    bsai_count(&cache->remote, (size_t)elsewhere);
    bool spare = has_spare(cache, cache->keep_empty);
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    *away = elsewhere;
    return spare;
}

void bsai_cache_expose(struct bsai_cache *cache, struct bsai_call *call, struct bsai_slab *slab,
                       unsigned home)
{
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    if (slab->cache == cache->id && slab->home == home && !bsai_slab_is_exposed(slab))
        bsai_publish(&slab->exposed, (uint16_t)(slab->exposed + 1));
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
}

/* Takes one empty slab out of the cache. */
static struct bsai_slab *take_out(struct bsai_cache *cache)
{
    struct bsai_slab *slab = cache->empty;
    bsai_assert(slab->free == slab->capacity);
    bsai_count(&cache->remote, (size_t)0 - slab->remote);
    bsai_count(&cache->available, (size_t)0 - slab->capacity);
    unlist(cache, slab);
    bsai_count(&cache->slabs, (size_t)0 - 1);
    bsai_count(&cache->pages, (size_t)0 - slab->pages);
    bsai_count(&cache->objects, (size_t)0 - slab->capacity);
    bsai_count(&cache->taken, (size_t)1); /* it is nowhere until its pages are free */
    bsai_publish(&cache->epoch, bsai_peek(&cache->epoch) + 1);
    return slab;
}

struct bsai_slab *bsai_cache_settle(struct bsai_cache *cache, struct bsai_call *call, unsigned keep,
                                    unsigned most)
{
    struct bsai_slab *retired = NULL;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    for (; most != 0 && has_spare(cache, keep); most--) {
        struct bsai_slab *slab = take_out(cache);
        slab->next = retired;
        retired = slab;
    }
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    return retired;
}

void bsai_cache_disclaim(struct bsai_cache *cache, struct bsai_call *call, struct bsai_shelf *shelf)
{
    struct bsai_slab *slab;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    shelf->closed = true;
    if ((slab = shelf->claim) != NULL) {
        drop_claim(slab);
        unlist(cache, slab);
        shelve(cache, slab);
    }
    while ((slab = shelf->partial) != NULL) {
        unlist(cache, slab);
        enlist(cache, slab, BSAI_LIST_PARTIAL);
    }
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
}
