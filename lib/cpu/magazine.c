/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

enum {
    LIMIT_FIRST = 8,        /* objects, until there is demand for more */
    CAPACITY_MAX = 1 << 14, /* objects of a magazine, however small they are */
    RUN = 4,                /* batches in a row */
    SWINGS = 4,             /* batches sent home and then missed, among other CPUs */
    SPARE_PART = 8          /* slots are not made larger when less than 1/8 of memory is free */
};

_Static_assert(CAPACITY_MAX <= UINT16_MAX, "slots, and what is freed away, are counted in 16 bits");
_Static_assert(BSA_MAX_CPUS < UINT16_MAX, "a slab's home is numbered in 16 bits");

/* What is known of the demand: batches sent home in a row, then batches missed in a row. */
enum { SENT_MAX = RUN, MISSED_MAX = 2 * RUN };

static void note_flush(struct bsai_magazine *m)
{
    if (m->demand < SENT_MAX)
        m->demand++;
    else if (m->demand > SENT_MAX)
        m->demand = 1;
}

/* True when it misses what it has sent home. */
static bool note_refill(struct bsai_magazine *m)
{
    bool swings = m->demand != 0 && m->demand <= SENT_MAX;
    if (m->demand < SENT_MAX)
        m->demand = 0;
    else if (m->demand < MISSED_MAX)
        m->demand++;
    return swings;
}

static unsigned half(unsigned objects)
{
    return objects < 2 ? 1 : objects / 2;
}

/* Objects that travel at once between a magazine and what is behind it. */
static unsigned batch_of(const struct bsai_magazine *m)
{
    unsigned limit = (unsigned)(m->limit - m->base);
    return half(limit < m->own_capacity ? limit : m->own_capacity);
}

static bool is_wide(const struct bsai_magazine *m)
{
    return m->limit == m->base + m->capacity;
}

/* Of no object: one that is never LIVE, so that a free of BSAI_NO_ADDRESS is refused as well. */
static const struct bsai_states no_states;

void bsai_slots_wipe(struct bsai_slot *from, const struct bsai_slot *to)
{
    struct bsai_states *none = (struct bsai_states *)(uintptr_t)&no_states;
    for (; from < to; from++)
        *from = (struct bsai_slot){BSAI_NO_ADDRESS, NULL, none, 1};
}

unsigned bsai_magazine_count(const struct bsai_magazine *m)
{
    for (;;) {
        const struct bsai_slot *base = bsai_consume(&m->base), *top = bsai_consume(&m->top);
        if (top != NULL && bsai_peek(&m->base) == base)
            return (unsigned)(top - base);
        BSA_CPU_PAUSE();
    }
}

static void set_slots(struct bsai_magazine *m, struct bsai_slot *base, unsigned count)
{
    bsai_poke(&m->top, NULL);
    bsai_publish(&m->base, base);
    bsai_publish(&m->top, base + count);
}

/* Without objects, in the slots that came with the CPU's state. */
static void begin(struct bsai_magazine *m)
{
    unsigned limit = m->own_capacity;
    if (m->adapts && limit > LIMIT_FIRST)
        limit = LIMIT_FIRST;
    set_slots(m, m->own, 0);
    m->capacity = m->own_capacity;
    m->away = 0;
    m->limit = m->base + limit;
    m->epoch = bsai_consume(m->now);
    m->demand = m->swings = 0;
    bsai_slots_wipe(m->base - 1, m->base + bsai_slots_of(m->capacity) - 1);
}

void bsai_magazine_init(struct bsai_magazine *m, struct bsai_slot *slots, unsigned capacity,
                        bool adapts)
{
    m->adapts = adapts;
    m->own = slots + 1;
    m->own_capacity = (uint16_t)capacity;
    begin(m);
}

void bsai_magazine_close(struct bsai_magazine *m)
{
    m->own_capacity = 0;
    begin(m);
}

bool bsai_magazine_widen(struct bsai_magazine *m)
{
    if (!m->adapts || is_wide(m))
        return false;
    unsigned limit = 2 * (unsigned)(m->limit - m->base);
    m->limit = m->base + (limit < m->capacity ? limit : m->capacity);
    return true;
}

/* What a magazine's slots, and the objects that they may hold, add to what the CPU holds back. */
static size_t bytes_of(const struct bsai_magazine *m, size_t capacity)
{
    return capacity * (m->object_size + sizeof(struct bsai_slot));
}

static void grow(struct bsa_cpu *cpu, size_t bytes)
{
    cpu->grown_bytes += bytes;
    bsai_shared_count(&cpu->growth->used, bytes);
}

/* Whether the CPU may have so many bytes instead of what it has. */
static bool may_grow(const struct bsa_cpu *cpu, size_t bytes)
{
    size_t used = bsai_peek(&cpu->growth->used), most = bsai_peek(&cpu->growth->most);
    return bytes <= cpu->grown_most || (used <= most && bytes <= most - used);
}

void bsai_magazines_ration(struct bsai_growth *growth, size_t most)
{
    bsai_poke(&growth->most, most);
}

static void give_slots(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                       struct bsai_magazine *m)
{
    size_t page;
    if (m->pages == 0)
        return;
    struct bsai_section *section = bsai_section_find(buddy, (uintptr_t)(m->base - 1), &page);
    bsai_count(&cpu->grown_pages, (size_t)0 - m->pages); /* first, as they must not count twice */
    bsai_buddy_give(buddy, call, section, page, m->pages);
    grow(cpu, (size_t)0 - bytes_of(m, m->capacity));
    m->pages = 0;
}

bool bsai_magazine_enlarge(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                           struct bsai_magazine *m)
{
    unsigned capacity = 2u * m->capacity;
    size_t held = cpu->grown_bytes - (m->pages != 0 ? bytes_of(m, m->capacity) : 0);
    if (!m->adapts || (m->demand != MISSED_MAX && m->swings != SWINGS))
        return false;
    m->swings = 0; /* also where there is no room: it is asked for again after as many */
    if (capacity == 0 || capacity > CAPACITY_MAX || !may_grow(cpu, held + bytes_of(m, capacity)))
        return false;
    size_t bytes = bsai_slots_of(capacity) * sizeof(struct bsai_slot);
    size_t pages = (bytes + buddy->page_size - 1) >> buddy->page_shift;
    if (bsai_buddy_free_pages(buddy) < bsai_buddy_total_pages(buddy) / SPARE_PART + pages)
        return false;
    struct bsai_slot *slots = bsai_buddy_take(buddy, call, pages, buddy->page_size, false,
                                              BSAI_USE_SLABS, BSAI_PAGE_META);
    if (slots == NULL)
        return false;

    unsigned count = bsai_magazine_count(m);
    bsai_memcpy(slots, m->base - 1, (count + 1) * sizeof(*slots));
    bsai_slots_wipe(slots + 1 + count, slots + bsai_slots_of(capacity));
    give_slots(cpu, call, buddy, m);
    m->pages = (uint16_t)pages;
    m->capacity = (uint16_t)capacity;
    m->demand = 0;
    set_slots(m, slots + 1, count);
    m->limit = m->base + capacity;
    grow(cpu, bytes_of(m, capacity));
    bsai_count(&cpu->grown_pages, pages);
    return true;
}

void *bsai_magazine_pop(struct bsai_magazine *m, void **twice)
{
    void *object;
    while (!bsai_magazine_is_bare(m)) {
        if (bsai_magazine_pop_home(m, &object))
            return object;
        struct bsai_slot *slot = m->top - 1;
        object = (void *)(slot->slab->base + (uintptr_t)bsai_slot_index(slot) * m->object_size);
        bool away = bsai_hand_out_away(slot->states, slot->bit);
        bsai_poke(&m->top, slot);
        /* It is freed as another CPU's then, not by way of this slot. */
        bsai_slots_wipe(slot, slot + 1);
        if (away)
            return object;
        *twice = object;
    }
    return NULL;
}

/* Slots that were filled before a slab of the class left may be another slab's now. */
static void renew(struct bsai_magazine *m)
{
    size_t now = bsai_consume(m->now);
    if (m->epoch == now)
        return;
    m->epoch = now;
    bsai_slots_wipe(m->top, m->base + bsai_slots_of(m->capacity) - 1);
}

bool bsai_magazine_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_magazine *m,
                          struct bsai_cache *cache, struct bsai_depot *depot, enum bsai_take from,
                          struct bsai_slab *fresh)
{
    bsai_assert(bsai_magazine_is_bare(m));
    renew(m);
    bool first = fresh == NULL && from == BSAI_TAKE_OWN; /* attempt of a miss */
    bool swings = first && note_refill(m);
    struct bsai_slot *top = m->top;
    bsai_assert(!bsai_magazine_is_tight(m));
    if (fresh == NULL && depot != NULL && is_wide(m) && (size_t)(m->limit - top) >= depot->batch &&
        bsai_depot_get(depot, call, cpu->id, top)) {
        for (unsigned i = 0; i < depot->batch; i++)
            bsai_slot_rehome(cache, &top[i], bsai_peek(&top[i].slab->home) == cpu->id);
        bsai_poke(&m->top, top + depot->batch);
        bsai_count(&cpu->counters.depot_gets, (size_t)1);
        return true;
    }
    struct bsai_shelf *shelf = &cpu->shelves[cache->id];
    unsigned got = bsai_cache_take(cache, call, cpu->id, shelf, from, fresh, batch_of(m), top);
    bsai_poke(&m->top, top + got);
    if (swings && shelf->crowded && m->swings < SWINGS)
        m->swings++;
    return got != 0;
}

static bool put_home(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                     const struct bsai_slot *slots, unsigned n)
{
    unsigned away;
    bool empty = bsai_cache_put(cache, call, cpu->id, slots, n, &away);
    bsai_count(&cpu->counters.sent_home, (size_t)away);
    return empty;
}

/* Takes n slots out, from `from` on: of those above, the last come down. */
static void close_gap(struct bsai_magazine *m, struct bsai_slot *from, unsigned n)
{
    struct bsai_slot *top = m->top;
    unsigned above = (unsigned)(top - from) - n, moved = above < n ? above : n;
    bsai_memcpy(from, top - moved, moved * sizeof(*from));
    bsai_slots_wipe(top - n, top);
    bsai_poke(&m->top, top - n);
}

bool bsai_magazine_is_tight(const struct bsai_magazine *m)
{
    return m->away != 0 && (unsigned)(m->limit - m->top) < batch_of(m);
}

void bsai_magazine_sink(struct bsai_magazine *m, unsigned n)
{
    struct bsai_slot *bottom = m->base + m->away, *last = m->top - 1;
    m->away = (uint16_t)(m->away + n);
    for (unsigned left = n; left != 0 && bottom < m->top - n; left--, bottom++, last--) {
        struct bsai_slot slot = *bottom;
        *bottom = *last;
        *last = slot;
    }
}

/* Only what was freed away goes by the depot. A CPU's own objects go to its own slabs: on their way
 * through the depot other CPUs would get them, and write the states of the same slabs from then on.
 * Any CPU brings batches, but only a wide magazine has room for one from the depot: each miss
 * widens it, so that who needs objects comes there within three of them. What nobody fetches keeps
 * no more than the depot's few batches: those that find it full go home. */
bool bsai_magazine_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                         struct bsai_depot *depot)
{
    struct bsai_magazine *m = &cpu->magazines[cache->id];
    unsigned n = bsai_magazine_is_due(m) ? half(m->own_capacity) : batch_of(m);
    struct bsai_slot *from = m->top - n;
    bool empty = false;

    bsai_count(&cpu->counters.flushes, (size_t)1);
    if (m->away >= n) {
        m->away = (uint16_t)(m->away - n);
        from = m->base + m->away;
    } else {
        depot = NULL;
        note_flush(m);
    }
    if (depot != NULL && n == depot->batch && bsai_depot_put(depot, call, from))
        bsai_count(&cpu->counters.depot_puts, (size_t)1);
    else
        empty = put_home(cpu, call, cache, from, n);
    close_gap(m, from, n);
    return empty;
}

bool bsai_magazine_bypass(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_slot slot)
{
    return put_home(cpu, call, cache, &slot, 1);
}

size_t bsai_magazine_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                           struct bsa_buddy *buddy)
{
    struct bsai_magazine *m = &cpu->magazines[cache->id];
    unsigned n = bsai_magazine_count(m);
    for (unsigned at = 0; at < n; at += BSAI_MAGAZINE_MAX)
        put_home(cpu, call, cache, m->base + at,
                 n - at < BSAI_MAGAZINE_MAX ? n - at : BSAI_MAGAZINE_MAX);
    give_slots(cpu, call, buddy, m);
    begin(m);
    bsai_cache_disclaim(cache, call, &cpu->shelves[cache->id]);
    return n;
}

size_t bsai_depot_drain(struct bsai_depot *depot, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned cpu, struct bsai_slot *buffer)
{
    size_t n = 0;
    unsigned away;
    for (; bsai_depot_get(depot, call, BSAI_ANY_HOME, buffer); n += depot->batch)
        bsai_cache_put(cache, call, cpu, buffer, depot->batch, &away);
    return n;
}
