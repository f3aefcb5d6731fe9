/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

/* Objects that travel at once between a magazine and what is behind it. */
static unsigned batch_of(const struct bsai_magazine *m)
{
    return m->capacity < 2 ? 1 : m->capacity / 2;
}

bool bsai_magazine_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_depot *depot, enum bsai_take from, struct bsai_slab *fresh)
{
    struct bsai_magazine *m = &cpu->magazines[cache->id];
    bsai_assert(m->count == 0);
    if (fresh == NULL && depot != NULL && bsai_depot_get(depot, call, m->slots)) {
        bsai_poke(&m->count, depot->batch);
        bsai_count(&cpu->counters.depot_gets, (size_t)1);
        return true;
    }
    unsigned got = bsai_cache_take(cache, call, cpu->id, &cpu->claims[cache->id], from, fresh,
                                   batch_of(m), m->slots);

    /* Lowest address on top: consecutive allocations then walk up a slab. */
    for (unsigned low = 0, high = got; low + 1 < high; low++) {
        struct bsai_slot swap = m->slots[--high];
        m->slots[high] = m->slots[low];
        m->slots[low] = swap;
    }
    bsai_poke(&m->count, got);
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
    unsigned n = batch_of(m), left = m->count - n;
    bool empty = false;

    bsai_count(&cpu->counters.flushes, (size_t)1);
    if (depot != NULL && bsai_depot_put(depot, call, m->slots))
        bsai_count(&cpu->counters.depot_puts, (size_t)1);
    else
        empty = put_home(cpu, call, cache, m->slots, n);
    __builtin_memmove(m->slots, m->slots + n, left * sizeof(*m->slots));
    bsai_poke(&m->count, left);
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
    unsigned n = m->count;
    if (n != 0) {
        put_home(cpu, call, cache, m->slots, n);
        bsai_poke(&m->count, 0u);
    }
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
