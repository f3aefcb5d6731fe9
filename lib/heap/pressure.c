/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory on its way home: draining CPUs, giving empty slabs back, and what an allocation does
 * before it says that there is no memory.
 *
 * In shared mode anybody may drain any CPU under its lock. In exclusive mode a CPU's state is
 * touched by its owner, by anybody while it is offline, or on the CPU itself through run_on_cpu;
 * else a request is posted that the owner meets when it next leaves its fast path.
 */
#include "heap.h"

/* An allocation asks so many times while others keep memory moving. Then, in shared mode, it looks
 * once more while they stand still; else it gives up. */
enum { ROUNDS_MAX = 128, ROUNDS_SHARED = 8 };

void bsai_heap_give_back(struct bsa_heap *heap, struct bsai_call *call, void *pages, size_t count)
{
    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)pages, &page);
    bsai_buddy_give(&heap->buddy, call, section, page, count);
}

size_t bsai_heap_settle(struct bsa_heap *heap, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned keep)
{
    struct bsai_slab *retired = bsai_cache_settle(cache, call, keep, UINT32_MAX);
    size_t released = 0;
    while (retired != NULL) {
        struct bsai_slab *slab = retired;
        retired = slab->next;
        size_t page;
        struct bsai_section *section = bsai_section_find(&heap->buddy, slab->base, &page);
        size_t pages = slab->pages;
        bsai_slab_unmake(&section->map, page, pages);
        void *chunk = bsai_records_put(cache->records, call, slab);
        if (chunk != NULL) {
            bsai_heap_give_back(heap, call, chunk, 1);
            released += 1;
        }
        bsai_buddy_give(&heap->buddy, call, section, page, pages);
        released += pages;
    }
    return released << heap->buddy.page_shift;
}

size_t bsai_heap_drain_owned(struct bsa_cpu *cpu, struct bsai_call *call)
{
    struct bsa_heap *heap = cpu->heap;
    size_t moved = bsai_page_lists_drain(&cpu->lists, call, &heap->buddy);
    for (unsigned c = 0; c < heap->cache_count; c++) {
        struct bsai_cache *cache = bsai_heap_used_cache(heap, c);
        if (cache == NULL)
            continue;
        moved += bsai_magazine_drain(cpu, call, cache, &heap->buddy);
        bsai_heap_settle(heap, call, cache, cache->keep_empty);
    }
    return moved;
}

static size_t drain_depots(struct bsa_heap *heap, struct bsai_call *call, unsigned cpu)
{
    struct bsai_slot buffer[BSAI_MAGAZINE_MAX / 2];
    size_t moved = 0;
    for (unsigned c = 0; heap->depots != NULL && c < heap->classes.count; c++)
        moved += bsai_depot_drain(&heap->depots[c], call, &heap->caches[c], cpu, buffer);
    return moved;
}

/* Empty slabs and idle record chunks of all classes to the buddy: bytes. */
static size_t release_empties(struct bsa_heap *heap, struct bsai_call *call)
{
    size_t released = 0;
    for (unsigned c = 0; c < heap->cache_count; c++) {
        struct bsai_cache *cache = bsai_heap_used_cache(heap, c);
        if (cache != NULL)
            released += bsai_heap_settle(heap, call, cache, 0);
    }
    unsigned pools = bsai_consume(&heap->pool_count); /* a named cache may bring one meanwhile */
    for (unsigned i = 0; i < pools; i++) {
        void *chunk;
        while ((chunk = bsai_records_reclaim(&heap->pools[i], call)) != NULL) {
            bsai_heap_give_back(heap, call, chunk, 1);
            released += heap->buddy.page_size;
        }
    }
    return released;
}

/* What no CPU owns goes home: the depots' objects, then all slabs that are empty. How many objects
 * and bytes. */
static size_t release(struct bsa_heap *heap, struct bsai_call *call, unsigned cpu)
{
    size_t moved = drain_depots(heap, call, cpu);
    return moved + release_empties(heap, call);
}

/* The lock of `common` stands for all that is on its way meanwhile: snapshots hold it, as they hold
 * every CPU's, and so never miss an object or a page between two places. */
static size_t release_shared(struct bsa_heap *heap, struct bsai_call *call, unsigned cpu)
{
    bsai_lock_take(&heap->common->lock, BSAI_RANK_CPU, call);
    size_t moved = release(heap, call, cpu);
    bsai_lock_drop(&heap->common->lock, BSAI_RANK_CPU, call);
    return moved;
}

/* Drains a CPU that is not owned by the caller, as far as the mode allows. */

struct remote_drain {
    struct bsa_cpu *cpu;
    size_t moved;
    struct bsai_call call; /* of the other CPU; what it found is told here */
};

static void drain_here(void *arg)
{
    struct remote_drain *job = arg;
    bsai_call_begin(&job->call, &job->cpu->heap->buddy.platform);
    bsai_enter(&job->call);
    bsai_cpu_own(job->cpu, &job->call);
    job->moved = bsai_heap_drain_owned(job->cpu, &job->call);
    bsai_heap_end(&job->call);
}

static size_t drain_locked(struct bsa_cpu *cpu, struct bsai_call *call)
{
    bsai_lock_take(&cpu->lock, BSAI_RANK_CPU, call);
    size_t moved = bsai_heap_drain_owned(cpu, call);
    bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, call);
    return moved;
}

static size_t drain_other(struct bsa_cpu *cpu, struct bsai_call *call)
{
    const struct bsa_platform *platform = call->platform;
    if (cpu->locked)
        return drain_locked(cpu, call);
    if (bsai_consume(&cpu->offline) != 0) {
        /* Its lock keeps two of us apart, and bsa_heap_cpu_online waits for it. */
        bsai_lock_take(&cpu->lock, BSAI_RANK_CPU, call);
        size_t moved = bsai_peek(&cpu->offline) != 0 ? bsai_heap_drain_owned(cpu, call) : 0;
        bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, call);
        return moved;
    }
    struct remote_drain job = {.cpu = cpu};
    if (platform->run_on_cpu != NULL) {
        /* The hook may wait for the other CPU, which must not wait for us. */
        bsai_leave(call);
        int failed = platform->run_on_cpu(platform->ctx, cpu->id, drain_here, &job);
        bsai_enter(call);
        if (failed == 0) {
            if (job.call.what != NULL)
                bsai_misuse(call, job.call.status, job.call.addr, job.call.what);
            return job.moved;
        }
    }
    bsai_request_post(&cpu->request);
    return 0;
}

/* How often anybody has taken from where an allocation looks. */
static size_t taken(struct bsa_cpu *cpu, const struct bsai_cache *cache)
{
    size_t n = bsai_peek(&cpu->heap->buddy.taken);
    if (cache == NULL)
        return n;
    const struct bsai_depot *depot = bsai_heap_depot(cpu, cache->id);
    return n + bsai_peek(&cache->taken) + (depot != NULL ? bsai_peek(&depot->taken) : 0);
}

/* The CPU that a call goes on as, which was cpu: between leave and enter, around run_on_cpu, it may
 * have come to run on another one, and then an exclusive CPU is no more its own. */
static struct bsa_cpu *whereabouts(struct bsa_cpu *cpu, struct bsai_call *call)
{
    struct bsa_heap *heap = cpu->heap;
    if (!call->by_hook || cpu->locked || call->platform->run_on_cpu == NULL)
        return cpu;
    unsigned id = bsai_platform_cpu(call->platform);
    return id < heap->cpus ? bsai_heap_get_cpu(heap, call, id) : cpu;
}

/* Where others take, in batches, whatever one sends home, as where exactly as much is left as all
 * need, one has to have them stand still. All locks of CPUs are held from here to the end of the
 * try; nothing is between two places then. */
static void stop_the_others(struct bsa_cpu *cpu, struct bsai_call *call)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsa_cpu *each;
    bsai_cpu_disown(cpu, call);
    bsai_heap_lock_cpus(heap, call);
    for (unsigned id = 0; (each = bsai_heap_next_cpu(heap, &id)) != NULL; id++)
        bsai_heap_drain_owned(each, call);
    release(heap, call, cpu->id);
}

void bsai_heap_relieved(struct bsa_cpu *cpu, struct bsai_call *call,
                        const struct bsai_pressure *pressure)
{
    if (!pressure->alone)
        return;
    bsai_heap_unlock_cpus(cpu->heap, call);
    bsai_cpu_own(cpu, call);
}

/*
 * That nothing is left is likely after a round in which all CPUs were found empty, one after the
 * other, and a last try in vain, if nobody has taken anything from what is shared since the round
 * began. But a CPU may have handed out what it held before its turn, while one that had its turn
 * freed something: in shared mode it is certain only when the others stand still.
 */
struct bsa_cpu *bsai_heap_relieve(struct bsa_cpu *cpu, struct bsai_call *call,
                                  struct bsai_pressure *pressure)
{
    struct bsa_heap *heap = cpu->heap;
    size_t now = taken(cpu, pressure->cache);
    if (pressure->alone)
        return NULL;
    bool vain = pressure->last && pressure->taken == now;
    if (vain || pressure->rounds++ == (heap->exclusive ? ROUNDS_MAX : ROUNDS_SHARED)) {
        if (heap->exclusive)
            return NULL;
        pressure->alone = true;
        stop_the_others(cpu, call);
        return cpu;
    }

    pressure->taken = now;
    size_t moved = bsai_heap_drain_owned(cpu, call);
    bsai_cpu_disown(cpu, call);
    struct bsa_cpu *other;
    for (unsigned id = 0; pressure->everybody && (other = bsai_heap_next_cpu(heap, &id)) != NULL;
         id++) {
        if (other != cpu)
            moved += drain_other(other, call);
    }
    if (pressure->everybody)
        cpu = whereabouts(cpu, call);
    moved += release_shared(heap, call, cpu->id);
    bsai_cpu_own(cpu, call);

    pressure->last = pressure->everybody && moved == 0;
    pressure->everybody = true;
    return cpu;
}

/* Public. */

enum bsa_status bsa_heap_drain(bsa_heap *heap, unsigned id)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    if (id >= heap->cpus) {
        bsai_misuse(&call, BSA_ERR_INVALID_PARAM, NULL, "a CPU id out of range");
        return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
    }
    struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, id);
    if (cpu == NULL || cpu == heap->common)
        return BSA_OK;

    const struct bsa_platform *platform = call.platform;
    bsai_enter(&call);
    bool own =
        !cpu->locked && bsai_consume(&cpu->offline) == 0 && bsai_platform_cpu(platform) == id;
    if (own) {
        bsai_cpu_own(cpu, &call);
        bsai_heap_drain_owned(cpu, &call);
        bsai_cpu_disown(cpu, &call);
    } else {
        drain_other(cpu, &call);
    }
    bsai_leave(&call);
    return bsai_call_end(&call, BSA_OK);
}

static enum bsa_status set_offline(struct bsa_heap *heap, unsigned id, bool offline)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    if (id >= heap->cpus) {
        bsai_misuse(&call, BSA_ERR_INVALID_PARAM, NULL, "a CPU id out of range");
        return bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
    }
    bsai_enter(&call);
    struct bsa_cpu *cpu = bsai_heap_get_cpu(heap, &call, id);
    bsai_lock_take(&cpu->lock, BSAI_RANK_CPU, &call);
    if (cpu != heap->common) {
        bsai_publish(&cpu->offline, offline ? 1u : 0u);
        if (offline)
            bsai_heap_drain_owned(cpu, &call);
    }
    bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, &call);
    bsai_leave(&call);
    return bsai_call_end(&call, BSA_OK);
}

enum bsa_status bsa_heap_cpu_offline(bsa_heap *heap, unsigned cpu)
{
    return set_offline(heap, cpu, true);
}

enum bsa_status bsa_heap_cpu_online(bsa_heap *heap, unsigned cpu)
{
    return set_offline(heap, cpu, false);
}

size_t bsa_heap_reclaim(bsa_heap *heap)
{
    if (heap == NULL)
        return 0;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    const struct bsa_platform *platform = call.platform;
    bsai_enter(&call);
    unsigned self = bsai_platform_cpu(platform);
    bsai_leave(&call);
    struct bsa_cpu *cpu;

    size_t before = bsai_heap_occupied_pages(heap);
    for (unsigned id = 0; (cpu = bsai_heap_next_cpu(heap, &id)) != NULL; id++) {
        if (id == self || cpu->locked || platform->run_on_cpu != NULL ||
            bsai_consume(&cpu->offline) != 0)
            bsa_heap_drain(heap, id);
        else
            bsai_request_post(&cpu->request);
    }
    bsai_enter(&call);
    release_shared(heap, &call, self);
    bsai_leave(&call);
    bsai_call_end(&call, BSA_OK);
    size_t after = bsai_heap_occupied_pages(heap);
    return after < before ? (before - after) << heap->buddy.page_shift : 0;
}
