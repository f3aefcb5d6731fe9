/* SPDX-License-Identifier: Apache-2.0 */
/* CPU states: made at first use, found by id, owned for the length of a call. */
#include "fast.h"

struct bsa_cpu *bsai_heap_next_cpu(const struct bsa_heap *heap, unsigned *id)
{
    unsigned top = bsai_peek(&heap->cpus_top);
    for (; *id < top; ++*id) {
        if (bsai_consume(&heap->leaves[*id / BSAI_LEAF_CPUS]) == NULL) {
            *id |= BSAI_LEAF_CPUS - 1; /* the whole leaf is missing */
            continue;
        }
        struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, *id);
        if (cpu != NULL && cpu != heap->common)
            return cpu;
    }
    *id = heap->cpus;
    return NULL;
}

/* Memory for a leaf or a state: from the arena, else from whole pages. */
static void *carve(struct bsa_heap *heap, struct bsai_call *call, size_t bytes)
{
    uintptr_t at = bsai_align_up(heap->arena, BSA_CACHE_LINE);
    if (at <= heap->arena_end && heap->arena_end - at >= bytes) {
        heap->arena = at + bytes;
        return (void *)at;
    }
    /* CPU states may take a sixteenth of memory in all. */
    size_t pages = (bytes + heap->buddy.page_size - 1) >> heap->buddy.page_shift;
    if (bsai_peek(&heap->cpu_pages) + pages > bsai_buddy_total_pages(&heap->buddy) / 16)
        return NULL;
    void *memory = bsai_buddy_take(&heap->buddy, call, pages, heap->buddy.page_size, false,
                                   BSAI_USE_SLABS, BSAI_PAGE_META);
    if (memory != NULL)
        bsai_shared_count(&heap->cpu_pages, pages);
    return memory;
}

static struct bsai_cpu_leaf *make_leaf(struct bsa_heap *heap, struct bsai_call *call,
                                       unsigned index)
{
    struct bsai_cpu_leaf *leaf = carve(heap, call, sizeof(*leaf));
    if (leaf != NULL) {
        bsai_memset(leaf, 0, sizeof(*leaf));
        bsai_publish(&heap->leaves[index], leaf);
    }
    return leaf;
}

static struct bsa_cpu *make_cpu(struct bsa_heap *heap, struct bsai_call *call, unsigned id)
{
    void *memory = carve(heap, call, heap->shape.bytes);
    if (memory == NULL)
        return heap->common;
    struct bsa_cpu *cpu = bsai_cpu_lay_out(memory, &heap->shape, heap->caches);
    cpu->heap = heap;
    cpu->growth = &heap->growth;
    bsai_page_lists_furnish(&cpu->lists, &heap->list_room, heap->shape.list_pages);
    cpu->id = id;
    cpu->locked = !heap->exclusive;
    /* Where there was no room at init, callers may share `common` still, beside this state. */
    cpu->alone = heap->cpus == 1 && (uintptr_t)memory < heap->arena_end &&
                 (uintptr_t)memory >= (uintptr_t)heap;
    cpu->atomic = cpu->locked && !cpu->alone;
    cpu->plain = heap->caller.plain && heap->exclusive;
    bsai_page_lists_own(&cpu->lists, id, cpu->locked, cpu->atomic, cpu->plain);
    if (cpu->plain) {
        cpu->first = heap->buddy.first;
        cpu->page_size = heap->buddy.page_size;
        cpu->fast[0] = heap->fast.place[0];
        cpu->fast[1] = heap->fast.place[1];
        cpu->fast_size = heap->classes.largest;
    }
    bsai_count(&heap->cpus_used, (size_t)1);
    if (id >= heap->cpus_top)
        bsai_poke(&heap->cpus_top, id + 1);
    return cpu;
}

struct bsa_cpu *bsai_heap_get_cpu(struct bsa_heap *heap, struct bsai_call *call, unsigned id)
{
    struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, id);
    if (BSAI_LIKELY(cpu != NULL))
        return cpu;

    bsai_lock_take(&heap->registry, BSAI_RANK_REGISTRY, call);
    struct bsai_cpu_leaf *leaf = heap->leaves[id / BSAI_LEAF_CPUS];
    if (leaf == NULL)
        leaf = make_leaf(heap, call, id / BSAI_LEAF_CPUS);
    if (leaf == NULL) {
        cpu = heap->common; /* asked again each time: memory may come */
    } else {
        cpu = leaf->cpus[id % BSAI_LEAF_CPUS];
        if (cpu == NULL) {
            cpu = make_cpu(heap, call, id);
            bsai_publish(&leaf->cpus[id % BSAI_LEAF_CPUS], cpu);
        }
    }
    bsai_lock_drop(&heap->registry, BSAI_RANK_REGISTRY, call);
    return cpu;
}

struct bsa_cpu *bsai_heap_far_cpu(struct bsa_heap *heap, unsigned id)
{
    if (id >= heap->cpus)
        return NULL;
    struct bsa_cpu *cpu = bsai_heap_peek_cpu(heap, id);
    if (BSAI_LIKELY(cpu != NULL))
        return cpu;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    return bsai_heap_get_cpu(heap, &call, id);
}

void bsai_heap_expose(struct bsa_cpu *cpu, struct bsai_call *call, const struct bsai_slot *slot)
{
    struct bsa_heap *heap = cpu->heap;
    struct bsai_slab *slab = slot->slab;
    unsigned id = bsai_peek(&slab->home);
    struct bsa_cpu *home = id < heap->cpus ? bsai_heap_peek_cpu(heap, id) : heap->common;
    if (home == NULL)
        return;
    bsai_cpu_disown(cpu, call);
    bsai_cpu_own(home, call);
    /* Where this is a double free, the slab may have gone meanwhile, and its record be anything. An
     * object that is LIVE keeps it, under the lock of its home; so this is looked at first. */
    bsai_word live = bsai_consume(&slot->states->here) ^ bsai_consume(&slot->states->away);
    unsigned number = slab->cache;
    if ((live & slot->bit) != 0 && bsai_slab_at(heap, (const void *)slot->addr) == slab &&
        number < heap->cache_count)
        bsai_cache_expose(&heap->caches[number], call, slab, id);
    bsai_cpu_disown(home, call);
    bsai_cpu_own(cpu, call);
}

struct bsa_cpu *bsai_heap_begin(struct bsa_heap *heap, struct bsai_call *call, struct bsa_cpu *cpu)
{
    const struct bsa_platform *platform = &heap->buddy.platform;
    bsai_call_begin(call, platform);
    bsai_enter(call);
    call->by_hook = cpu == NULL;
    if (cpu == NULL) {
        unsigned id = bsai_platform_cpu(platform);
        if (BSAI_UNLIKELY(id >= heap->cpus)) {
            bsai_leave(call);
            bsai_misuse(call, BSA_ERR_INVALID_PARAM, NULL,
                        "the cpu_id hook returned an id out of range");
            return NULL;
        }
        cpu = bsai_heap_get_cpu(heap, call, id);
    }
    bsai_cpu_own(cpu, call);
    return cpu;
}

void bsai_heap_end(struct bsai_call *call)
{
    bsai_cpu_disown(call->cpu, call);
    bsai_leave(call);
}

bsa_cpu *bsa_heap_cpu(bsa_heap *heap, unsigned id)
{
    if (heap == NULL || id >= heap->cpus)
        return NULL;
    struct bsai_call call;
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_enter(&call);
    struct bsa_cpu *cpu = bsai_heap_get_cpu(heap, &call, id);
    bsai_leave(&call);
    return cpu;
}
