/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

_Static_assert(sizeof(struct bsai_chunk) <= BSAI_RECORD_ALIGN,
               "a chunk's header takes one record line");

struct bsai_records *bsai_records_of(struct bsai_records *pools, unsigned *count,
                                     size_t record_bytes, size_t chunk_bytes)
{
    unsigned n = *count, at = n;
    for (unsigned i = 0; i < n; i++) {
        if (pools[i].record_bytes == record_bytes)
            return &pools[i];
        if (pools[i].record_bytes == 0)
            at = i;
    }
    if (at == n) {
        bsai_memset(&pools[n], 0, sizeof(pools[n]));
        bsai_lock_init(&pools[n].lock);
        pools[n].chunk_bytes = (uint32_t)chunk_bytes;
        bsai_publish(count, n + 1);
    }
    pools[at].record_bytes = (uint32_t)record_bytes;
    return &pools[at];
}

static void link_chunk(struct bsai_records *pool, struct bsai_chunk *chunk)
{
    chunk->prev = NULL;
    chunk->next = pool->chunks;
    if (chunk->next != NULL)
        chunk->next->prev = chunk;
    bsai_poke(&pool->chunks, chunk);
}

static void unlink_chunk(struct bsai_records *pool, struct bsai_chunk *chunk)
{
    if (chunk->prev != NULL)
        chunk->prev->next = chunk->next;
    else
        bsai_poke(&pool->chunks, chunk->next);
    if (chunk->next != NULL)
        chunk->next->prev = chunk->prev;
}

/* A free record, at the CPU's end of the list. */
static void push(struct bsai_chunk *chunk, struct bsai_slab *record, unsigned cpu)
{
    bool last = chunk->home != cpu;
    struct bsai_slab *beside = chunk->end[last];
    record->next = last ? NULL : beside;
    record->prev = last ? beside : NULL;
    if (beside == NULL)
        chunk->end[!last] = record;
    else if (last)
        beside->next = record;
    else
        beside->prev = record;
    chunk->end[last] = record;
}

static struct bsai_slab *pop(struct bsai_chunk *chunk, unsigned cpu)
{
    bool last = chunk->home != cpu;
    struct bsai_slab *record = chunk->end[last];
    struct bsai_slab *beside = last ? record->prev : record->next;
    if (beside == NULL)
        chunk->end[!last] = NULL;
    else if (last)
        beside->next = NULL;
    else
        beside->prev = NULL;
    chunk->end[last] = beside;
    return record;
}

void bsai_records_add(struct bsai_records *pool, struct bsai_call *call, void *memory)
{
    struct bsai_chunk *chunk = memory;
    uintptr_t at = (uintptr_t)memory + BSAI_RECORD_ALIGN;
    uintptr_t end = (uintptr_t)memory + pool->chunk_bytes;

    chunk->end[0] = chunk->end[1] = NULL;
    chunk->used = 0;
    chunk->home = 0;
    for (; end - at >= pool->record_bytes; at += pool->record_bytes) {
        struct bsai_slab *record = (struct bsai_slab *)at;
        record->exposed = 0;
        push(chunk, record, chunk->home);
    }
    bsai_lock_take(&pool->lock, BSAI_RANK_RECORDS, call);
    link_chunk(pool, chunk);
    pool->idle++;
    pool->chunk_count++;
    bsai_lock_drop(&pool->lock, BSAI_RANK_RECORDS, call);
}

struct bsai_slab *bsai_records_get(struct bsai_records *pool, struct bsai_call *call, unsigned cpu)
{
    struct bsai_slab *record = NULL;
    bsai_lock_take(&pool->lock, BSAI_RANK_RECORDS, call);
    struct bsai_chunk *chunk = pool->chunks;
    if (chunk != NULL) {
        if (chunk->used++ == 0) {
            chunk->home = cpu;
            pool->idle--;
        }
        record = pop(chunk, cpu);
        if (chunk->end[0] == NULL)
            unlink_chunk(pool, chunk);
    }
    bsai_lock_drop(&pool->lock, BSAI_RANK_RECORDS, call);
    return record;
}

static struct bsai_chunk *remove_idle(struct bsai_records *pool, struct bsai_chunk *chunk)
{
    unlink_chunk(pool, chunk);
    pool->idle--;
    pool->chunk_count--;
    return chunk;
}

void *bsai_records_put(struct bsai_records *pool, struct bsai_call *call, struct bsai_slab *record)
{
    struct bsai_chunk *chunk =
        (struct bsai_chunk *)((uintptr_t)record & ~((uintptr_t)pool->chunk_bytes - 1));
    struct bsai_chunk *spare = NULL;

    bsai_lock_take(&pool->lock, BSAI_RANK_RECORDS, call);
    if (chunk->end[0] == NULL)
        link_chunk(pool, chunk);
    unsigned home = bsai_peek(&record->home);
    chunk->home = chunk->used == 1 ? home : chunk->home; /* it is the next that is taken */
    push(chunk, record, home);
    if (--chunk->used == 0 && ++pool->idle > 1)
        spare = remove_idle(pool, chunk);
    bsai_lock_drop(&pool->lock, BSAI_RANK_RECORDS, call);
    return spare;
}

void *bsai_records_reclaim(struct bsai_records *pool, struct bsai_call *call)
{
    struct bsai_chunk *chunk = NULL;
    bsai_lock_take(&pool->lock, BSAI_RANK_RECORDS, call);
    if (pool->idle != 0) {
        for (chunk = pool->chunks; chunk->used != 0; chunk = chunk->next)
            ;
        remove_idle(pool, chunk);
    }
    bsai_lock_drop(&pool->lock, BSAI_RANK_RECORDS, call);
    return chunk;
}
