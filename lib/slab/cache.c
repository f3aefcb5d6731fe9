/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

/* Announced slabs that one take looks at, so that its cost has a bound; the rest wait in the
 * backlog. */
enum { COLLECT_MAX = 8 };

static void init(struct bsai_cache *cache, unsigned id, const struct bsai_geometry *geometry,
                 unsigned keep_empty, struct bsai_records *records)
{
    bsai_memset(cache, 0, sizeof(*cache));
    cache->geometry = *geometry;
    cache->id = id;
    cache->keep_empty = keep_empty;
    cache->records = records;
    bsai_lock_init(&cache->lock);
}

unsigned bsai_caches_make(struct bsai_cache *caches, struct bsai_records *pools,
                          const struct bsai_classes *classes, unsigned keep_empty, size_t page_size)
{
    unsigned pool_count = 0;
    if (keep_empty == 0 || keep_empty == BSA_NONE)
        keep_empty = keep_empty == 0 ? 1 : 0;
    for (unsigned c = 0; c < classes->count; c++) {
        struct bsai_geometry g;
        bsai_geometry_make(&g, classes->size[c], page_size);
        unsigned i = 0;
        while (i < pool_count && pools[i].record_bytes != g.record_bytes)
            i++;
        if (i == pool_count)
            bsai_records_init(&pools[pool_count++], g.record_bytes, page_size);
        init(&caches[c], c, &g, keep_empty, &pools[i]);
    }
    return pool_count;
}

/* The words that puts and takes share. With one CPU both hold the lock, and 32 objects going home
 * cost one atomic instruction, not 64. */

static void set_free(const struct bsai_cache *cache, bsai_word *word, bsai_word mask)
{
    if (cache->alone)
        bsai_poke(word, bsai_peek(word) | mask);
    else
        bsai_bits_put(word, mask);
}

static void clear_free(const struct bsai_cache *cache, bsai_word *word, bsai_word mask)
{
    if (cache->alone)
        bsai_poke(word, bsai_peek(word) & ~mask);
    else
        bsai_bits_take(word, mask);
}

static bool change_state(const struct bsai_cache *cache, struct bsai_slab *slab, uint32_t *old,
                         uint32_t new)
{
    if (!cache->alone)
        return bsai_state_exchange(&slab->state, old, new);
    bsai_poke(&slab->state, new);
    return true;
}

/* Lists, under the lock. */

static struct bsai_slab_list *list_of(struct bsai_cache *cache, unsigned list)
{
    switch (list) {
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
    struct bsai_slab_list *list = list_of(cache, slab->list);
    if (list == NULL)
        return;
    if (slab->prev != NULL)
        slab->prev->next = slab->next;
    else
        list->first = slab->next;
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
    list->count--;
    slab->list = BSAI_LIST_NONE;
}

static void enlist(struct bsai_cache *cache, struct bsai_slab *slab, enum bsai_list to)
{
    struct bsai_slab_list *list = list_of(cache, to);
    slab->list = (uint8_t)to;
    slab->prev = NULL;
    slab->next = list->first;
    if (slab->next != NULL)
        slab->next->prev = slab;
    list->first = slab;
    list->count++;
}

static void drop_claim(struct bsai_slab *slab)
{
    if (slab->claim != NULL)
        *slab->claim = NULL;
    slab->claim = NULL;
}

static void set_claim(struct bsai_cache *cache, struct bsai_slab *slab, struct bsai_slab **claim,
                      unsigned cpu)
{
    /* Idle: none of its objects is anywhere, so that nobody relies on who its home is. */
    bool idle = slab->list == BSAI_LIST_EMPTY || slab->list == BSAI_LIST_NONE;
    drop_claim(slab);
    unlist(cache, slab);
    enlist(cache, slab, BSAI_LIST_CLAIMED);
    slab->claim = claim;
    *claim = slab;
    if (idle)
        bsai_poke(&slab->home, (uint16_t)cpu);
}

/* Takes note of an announced slab: puts it on the list where it belongs. */
static void collect_one(struct bsai_cache *cache, struct bsai_slab *slab)
{
    uint32_t old = bsai_state_read(&slab->state), new;
    do {
        new = old & ~BSAI_STATE_ANNOUNCED;
        if (bsai_state_available(old) != 0)
            new |= BSAI_STATE_LISTED;
    } while (!change_state(cache, slab, &old, new));

    unsigned available = bsai_state_available(new);
    if (available == cache->geometry.capacity) {
        drop_claim(slab);
        unlist(cache, slab);
        enlist(cache, slab, BSAI_LIST_EMPTY);
    } else if (available != 0 && slab->list == BSAI_LIST_NONE) {
        enlist(cache, slab, BSAI_LIST_PARTIAL);
    }
}

static void collect(struct bsai_cache *cache, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        if (cache->backlog == NULL && bsai_peek(&cache->announced) != NULL)
            cache->backlog = bsai_stack_take(&cache->announced);
        struct bsai_slab *slab = cache->backlog;
        if (slab == NULL)
            return;
        cache->backlog = slab->announced_next;
        collect_one(cache, slab);
        bsai_cache_steps(cache, 1);
    }
}

/* Moves up to want objects from the slab's free bits to out. */
static unsigned take_bits(struct bsai_cache *cache, struct bsai_slab *slab, unsigned want,
                          struct bsai_slot *out)
{
    bsai_word *free_bits = bsai_free_words(cache, slab);
    unsigned got = 0;
    for (unsigned w = 0; got < want; w++) {
        bsai_assert(w < cache->geometry.words);
        bsai_word left = bsai_peek(&free_bits[w]), taken = 0;
        for (; left != 0 && got < want; left &= left - 1) {
            unsigned index = w * BSAI_WORD_BITS + bsai_ctz64(left);
            out[got].addr = slab->base + (uintptr_t)index * cache->geometry.object_size;
            out[got++].object = bsai_object_make(slab, index);
            taken |= left & (0 - left);
        }
        if (taken != 0)
            clear_free(cache, &free_bits[w], taken);
        bsai_cache_steps(cache, 1);
    }
    return got;
}

/* Takes from a listed slab; unlists it when nothing is left. The cache's sums follow in
 * bsai_cache_take. */
static unsigned take_from(struct bsai_cache *cache, struct bsai_slab *slab, unsigned want,
                          struct bsai_slot *out)
{
    uint32_t old = bsai_state_read(&slab->state), new;
    unsigned got = bsai_state_available(old) < want ? bsai_state_available(old) : want;
    take_bits(cache, slab, got, out);

    do {
        new = (old & BSAI_STATE_ANNOUNCED) | (bsai_state_available(old) - got);
        if (bsai_state_available(new) != 0)
            new |= BSAI_STATE_LISTED;
    } while (!change_state(cache, slab, &old, new));
    if (bsai_state_remote(old) != 0)
        bsai_shared_uncount(&cache->remote, bsai_state_remote(old));
    bsai_shared_uncount(&cache->available, got);

    if ((new &BSAI_STATE_LISTED) == 0) {
        drop_claim(slab);
        unlist(cache, slab);
    }
    return got;
}

/* A slab to take from next, claimed for the CPU; NULL when there is none. */
static struct bsai_slab *next_slab(struct bsai_cache *cache, unsigned cpu, struct bsai_slab **claim,
                                   enum bsai_take from, bool spare_empties)
{
    if (cache->partial.first == NULL)
        collect(cache, COLLECT_MAX);
    struct bsai_slab *slab = cache->partial.first;
    if (slab == NULL && !spare_empties)
        slab = cache->empty.first;
    if (slab == NULL && from == BSAI_TAKE_ANY)
        slab = cache->claimed.first;
    if (slab != NULL)
        set_claim(cache, slab, claim, cpu);
    return slab;
}

unsigned bsai_cache_take(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                         struct bsai_slab **claim, enum bsai_take from, struct bsai_slab *fresh,
                         unsigned want, struct bsai_slot *out)
{
    unsigned got = 0;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    if (fresh != NULL) {
        bsai_count(&cache->slabs, (size_t)1);
        bsai_shared_count(&cache->available, cache->geometry.capacity);
        if (*claim == NULL)
            set_claim(cache, fresh, claim, cpu);
        else
            enlist(cache, fresh, BSAI_LIST_EMPTY);
        bsai_poke(&fresh->home, (uint16_t)cpu);
    }
    while (got < want) {
        struct bsai_slab *slab = *claim;
        if (slab == NULL)
            slab = next_slab(cache, cpu, claim, from, got != 0);
        if (slab == NULL)
            break;
        got += take_from(cache, slab, want - got, out + got);
        bsai_cache_steps(cache, 1);
    }
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    return got;
}

/* Counts n objects of the slab whose free bits are set, and announces the slab if that is ours to
 * do. True when it became empty. */
static bool credit(struct bsai_cache *cache, unsigned cpu, struct bsai_slab *slab, unsigned n,
                   unsigned *away)
{
    bool remote = bsai_peek(&slab->home) != cpu;
    uint32_t add = remote ? n << BSAI_STATE_REMOTE_SHIFT : n;
    uint32_t old = bsai_state_read(&slab->state), new;
    bool empty;
    if (remote) {
        /* Before it can be taken: the sums that a take lowers never fall below nothing. */
        bsai_shared_count(&cache->remote, (size_t)n);
        *away += n;
    }
    do {
        new = old + add;
        empty = bsai_state_available(new) == cache->geometry.capacity;
        if (empty || (old & BSAI_STATE_LISTED) == 0)
            new |= BSAI_STATE_ANNOUNCED;
    } while (!change_state(cache, slab, &old, new));

    /* From here on the record is ours to touch only if we are the one who set ANNOUNCED. */
    if (((old ^ new) & BSAI_STATE_ANNOUNCED) != 0) {
        struct bsai_slab *head = bsai_peek(&cache->announced);
        do {
            slab->announced_next = head;
        } while (!bsai_stack_push(&cache->announced, &head, slab));
    }
    return empty;
}

bool bsai_cache_put(struct bsai_cache *cache, struct bsai_call *call, unsigned cpu,
                    const struct bsai_slot *slots, unsigned n, unsigned *away)
{
    bool empty = false;
    *away = 0;
    bsai_shared_count(&cache->available, (size_t)n);
    if (cache->alone)
        bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    for (unsigned i = 0; i < n;) {
        /* A run of objects of one slab, and within it runs of one word of free bits. */
        struct bsai_slab *slab = bsai_object_slab(slots[i].object);
        bsai_word *free_bits = bsai_free_words(cache, slab);
        unsigned count = 0;
        while (i < n && bsai_object_slab(slots[i].object) == slab) {
            unsigned w = bsai_object_index(slots[i].object) / BSAI_WORD_BITS;
            bsai_word mask = 0;
            for (; i < n && bsai_object_slab(slots[i].object) == slab &&
                   bsai_object_index(slots[i].object) / BSAI_WORD_BITS == w;
                 i++, count++)
                mask |= (bsai_word)1 << (bsai_object_index(slots[i].object) % BSAI_WORD_BITS);
            set_free(cache, &free_bits[w], mask);
        }
        empty |= credit(cache, cpu, slab, count, away);
    }
    if (cache->alone)
        bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    return empty;
}

/* Takes one empty slab out of the cache. */
static struct bsai_slab *take_out(struct bsai_cache *cache)
{
    struct bsai_slab *slab = cache->empty.first;
    uint32_t state = bsai_state_read(&slab->state);
    bsai_assert(bsai_state_available(state) == cache->geometry.capacity);
    bsai_assert((state & BSAI_STATE_ANNOUNCED) == 0);
    if (bsai_state_remote(state) != 0)
        bsai_shared_uncount(&cache->remote, bsai_state_remote(state));
    bsai_shared_uncount(&cache->available, cache->geometry.capacity);
    unlist(cache, slab);
    bsai_count(&cache->slabs, (size_t)0 - 1);
    return slab;
}

struct bsai_slab *bsai_cache_settle(struct bsai_cache *cache, struct bsai_call *call, unsigned keep,
                                    unsigned most)
{
    struct bsai_slab *retired = NULL;
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    collect(cache, keep == 0 ? UINT32_MAX : COLLECT_MAX);
    for (; most != 0 && cache->empty.count > keep; most--) {
        struct bsai_slab *slab = take_out(cache);
        slab->next = retired;
        retired = slab;
    }
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
    return retired;
}

void bsai_cache_disclaim(struct bsai_cache *cache, struct bsai_call *call, struct bsai_slab **claim)
{
    bsai_lock_take(&cache->lock, BSAI_RANK_CACHE, call);
    struct bsai_slab *slab = *claim;
    if (slab != NULL) {
        drop_claim(slab);
        unlist(cache, slab);
        /* One that is announced waits for its collection: until then it must not be taken for idle.
         */
        uint32_t state = bsai_state_read(&slab->state);
        bool idle = bsai_state_available(state) == cache->geometry.capacity &&
                    (state & BSAI_STATE_ANNOUNCED) == 0;
        enlist(cache, slab, idle ? BSAI_LIST_EMPTY : BSAI_LIST_PARTIAL);
    }
    bsai_lock_drop(&cache->lock, BSAI_RANK_CACHE, call);
}
