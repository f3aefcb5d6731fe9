/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

enum { LIMIT_FIRST = 8 }; /* objects, until there is demand for more */

/* Objects that travel at once between a magazine and what is behind it. */
static unsigned batch_of(const struct bsai_magazine *m)
{
    unsigned limit = (unsigned)(m->limit - m->base);
    return limit < 2 ? 1 : limit / 2;
}

static bool is_grown(const struct bsai_magazine *m)
{
    return m->limit == m->base + m->capacity;
}

/* Slots from `from` on to `to` hold no object any more. */
static void wipe(struct bsai_slot *from, const struct bsai_slot *to)
{
    for (; from < to; from++)
        *from = (struct bsai_slot){BSAI_NO_ADDRESS, NULL, NULL, 0};
}

void bsai_magazine_init(const struct bsa_cpu *cpu, struct bsai_magazine *m, struct bsai_slot *slots,
                        unsigned capacity)
{
    m->base = slots + 1;
    m->capacity = (uint16_t)capacity;
    wipe(slots, m->base);
    bsai_magazine_reset(cpu, m);
}

void bsai_magazine_reset(const struct bsa_cpu *cpu, struct bsai_magazine *m)
{
    unsigned limit = cpu->adapts && m->capacity > LIMIT_FIRST ? LIMIT_FIRST : m->capacity;
    bsai_poke(&m->top, m->base);
    m->limit = m->base + limit;
    m->epoch = bsai_consume(m->now);
    wipe(m->base, m->base + bsai_slots_of(m->capacity) - 1);
}

void bsai_magazine_close(const struct bsa_cpu *cpu, struct bsai_magazine *m)
{
    bsai_magazine_reset(cpu, m);
    m->capacity = 0;
    m->limit = m->base;
}

bool bsai_magazine_grow(const struct bsa_cpu *cpu, struct bsai_magazine *m)
{
    if (!cpu->adapts || is_grown(m))
        return false;
    unsigned limit = 2 * (unsigned)(m->limit - m->base);
    m->limit = m->base + (limit < m->capacity ? limit : m->capacity);
    return true;
}

void *bsai_magazine_pop(struct bsai_magazine *m, void **twice)
{
    void *object;
    while (m->top[-1].slab != NULL) {
        if (bsai_magazine_pop_home(m, &object))
            return object;
        struct bsai_slot *slot = m->top - 1;
        object = (void *)(slot->slab->base + (uintptr_t)bsai_slot_index(slot) * m->object_size);
        bool away = bsai_hand_out_away(slot->states, slot->bit);
        bsai_poke(&m->top, slot);
        /* It is freed as another CPU's then, not by way of this slot. */
        wipe(slot, slot + 1);
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
    wipe(m->top, m->base + bsai_slots_of(m->capacity) - 1);
}

bool bsai_magazine_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_magazine *m,
                          struct bsai_cache *cache, struct bsai_depot *depot, enum bsai_take from,
                          struct bsai_slab *fresh)
{
    bsai_assert(m->top == m->base);
    renew(m);
    if (fresh == NULL && depot != NULL && is_grown(m) && bsai_depot_get(depot, call, m->base)) {
        for (unsigned i = 0; i < depot->batch; i++)
            bsai_slot_rehome(cache, &m->base[i], bsai_peek(&m->base[i].slab->home) == cpu->id);
        bsai_poke(&m->top, m->base + depot->batch);
        bsai_count(&cpu->counters.depot_gets, (size_t)1);
        return true;
    }
    unsigned got = bsai_cache_take(cache, call, cpu->id, &cpu->claims[cache->id], from, fresh,
                                   batch_of(m), m->base);
    bsai_poke(&m->top, m->base + got);
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

bool bsai_magazine_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                         struct bsai_depot *depot)
{
    struct bsai_magazine *m = &cpu->magazines[cache->id];
    unsigned n = batch_of(m), left = bsai_magazine_count(m) - n;
    bool empty = false;

    bsai_count(&cpu->counters.flushes, (size_t)1);
    if (depot != NULL && is_grown(m) && bsai_depot_put(depot, call, m->base))
        bsai_count(&cpu->counters.depot_puts, (size_t)1);
    else
        empty = put_home(cpu, call, cache, m->base, n);
    __builtin_memmove(m->base, m->base + n, left * sizeof(*m->base));
    wipe(m->base + left, m->top);
    bsai_poke(&m->top, m->base + left);
    return empty;
}

bool bsai_magazine_bypass(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_slot slot)
{
    return put_home(cpu, call, cache, &slot, 1);
}

size_t bsai_magazine_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache)
{
    struct bsai_magazine *m = &cpu->magazines[cache->id];
    unsigned n = bsai_magazine_count(m);
    if (n != 0)
        put_home(cpu, call, cache, m->base, n);
    bsai_magazine_reset(cpu, m);
    bsai_cache_disclaim(cache, call, &cpu->claims[cache->id]);
    return n;
}

size_t bsai_depot_drain(struct bsai_depot *depot, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned cpu, struct bsai_slot *buffer)
{
    size_t n = 0;
    unsigned away;
    for (; bsai_depot_get(depot, call, buffer); n += depot->batch)
        bsai_cache_put(cache, call, cpu, buffer, depot->batch, &away);
    return n;
}
