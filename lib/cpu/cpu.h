/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's private state: magazines of cached objects, one per size class, and lists of ready pages,
 * one per order. Both are stacks whose top is one load away; both are bounded.
 *
 * Owner: in shared mode whoever holds the lock; in exclusive mode the context that runs as this
 * CPU, or, while the CPU is offline, whoever holds the lock. Fields marked "read anywhere" are
 * written by the owner with bsai_poke and may be read by others as a snapshot.
 */
#ifndef BSAI_CPU_H
#define BSAI_CPU_H

#include "../buddy/internal.h"
#include "../slab/cache.h"
#include "depot.h"

enum {
    BSAI_LIST_RUN_MAX = 64, /* page lists for runs of 1 .. 64 pages */
    BSAI_LIST_SLOTS_MAX = 64,
    BSAI_MAGAZINE_DEFAULT = 64,
    BSAI_MAGAZINE_MAX = 256 /* bounds a batch, and so a buffer on the stack */
};

struct bsai_magazine {
    uint32_t count;          /* objects; read anywhere */
    uint32_t capacity;       /* constant; 0: objects go straight home */
    struct bsai_slot *slots; /* capacity of them, at least 1 */
};

struct bsai_page_list {
    uint32_t count;    /* blocks; read anywhere */
    uint32_t capacity; /* constant */
    void **slots;      /* entries read anywhere */
    uint32_t **words;  /* the blocks' hot words */
};

struct bsai_cpu_counters {
    size_t refills, flushes, depot_gets, depot_puts, sent_home, slabs_added;
    size_t page_allocs, page_misses;
    size_t blocks_taken, blocks_given; /* from and to the buddy, for the user or a list */
};

struct bsa_cpu {
    struct bsa_heap *heap; /* constant, as the next four */
    unsigned id;
    uint8_t locked; /* the owner holds the lock: shared mode, or state shared by several ids */
    uint8_t alone;  /* the heap's only CPU: what the owner holds nobody else changes */
    uint8_t plain;  /* no enter and leave hooks: the fast paths need no call frame */
    struct bsai_lock lock;
    uint32_t offline;             /* exclusive mode; atomic */
    uint32_t request;             /* exclusive mode: somebody wants a drain; atomic */
    uint32_t busy;                /* builds with checks, exclusive mode: a call is in progress */
    unsigned list_max;            /* constant: runs of up to so many pages have a list; */
    unsigned fast_max;            /*   of them by the fast paths: all, or none */
    struct bsai_page_list *lists; /* [pages - 1] */
    struct bsai_cpu_counters counters; /* read anywhere */
    struct bsai_slab *
        *claims; /* a slot per class, guarded by that class's cache lock; a line apart */
    struct bsai_magazine magazines[];
};

/* Shape of a CPU's state, the same for all CPUs of a heap. */
struct bsai_cpu_shape {
    unsigned classes;
    uint16_t magazine[BSA_MAX_CLASSES]; /* capacities */
    unsigned list_max;                  /* runs of up to so many pages have a list */
    uint16_t list[BSAI_LIST_RUN_MAX];   /* capacities, [pages - 1] */
    size_t bytes;                       /* of the whole state, a multiple of the cache line */
};

/* Sets shape->bytes from the rest. */
void bsai_cpu_measure(struct bsai_cpu_shape *shape);

/* Lays a state out in shape->bytes of memory aligned to a cache line. */
struct bsa_cpu *bsai_cpu_lay_out(void *memory, const struct bsai_cpu_shape *shape);

/* The magazine's top becomes the user's; 0 when it is empty. */
static BSAI_ALWAYS_INLINE uintptr_t bsai_magazine_pop(const struct bsa_cpu *cpu,
                                                      struct bsai_magazine *m)
{
    uint32_t count = bsai_peek(&m->count);
    if (BSAI_UNLIKELY(count == 0))
        return 0;
    struct bsai_slot slot = m->slots[count - 1];
    struct bsai_slab *slab = bsai_object_slab(slot.object);
    bsai_poke(&m->count, count - 1);
    bsai_object_revive(slab, bsai_object_index(slot.object), bsai_peek(&slab->home) == cpu->id);
    return slot.addr;
}

/* An object that the user gave back, its live bit cleared; false when there is no room. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_push(struct bsai_magazine *m, struct bsai_slot slot)
{
    uint32_t count = bsai_peek(&m->count);
    if (BSAI_UNLIKELY(count >= m->capacity))
        return false;
    m->slots[count] = slot;
    bsai_poke(&m->count, count + 1);
    return true;
}

/*
 * Fills an empty magazine with at least one object from the depot (may be NULL) or the cache; false
 * when a slab is needed. fresh as in bsai_cache_take.
 */
bool bsai_magazine_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_depot *depot, enum bsai_take from, struct bsai_slab *fresh);

/* Makes room in a full magazine: its oldest half goes to the depot, or home. True when a slab
 * became empty by that. */
bool bsai_magazine_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                         struct bsai_depot *depot);

/* One object straight home, for magazines of no capacity. True as above. */
bool bsai_magazine_bypass(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_slot slot);

/* Everything home: how many objects went. The claim is given up too. */
size_t bsai_magazine_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache);

/* A depot's batches home, for whichever CPU id does it: how many objects. */
size_t bsai_depot_drain(struct bsai_depot *depot, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned cpu, struct bsai_slot *buffer);

/* Page lists. A listed block's head word says LISTED. */

/* The block on top of a list, its word now BLOCK; NULL when the list is empty. */
static BSAI_ALWAYS_INLINE void *bsai_page_list_pop(struct bsa_cpu *cpu, size_t pages)
{
    struct bsai_page_list *list = &cpu->lists[pages - 1];
    uint32_t count = list->count;
    if (BSAI_UNLIKELY(count == 0))
        return NULL;
    void *block = list->slots[count - 1];
    bsai_poke(list->words[count - 1], bsai_word_run(BSAI_PAGE_BLOCK, pages));
    bsai_poke(&list->count, count - 1);
    return block;
}

static BSAI_ALWAYS_INLINE bool bsai_page_list_has_room(const struct bsa_cpu *cpu, size_t pages)
{
    return BSAI_LIKELY(cpu->lists[pages - 1].count < cpu->lists[pages - 1].capacity);
}

/* Puts a block whose word the caller has set to LISTED on a list that has room. */
static BSAI_ALWAYS_INLINE void bsai_page_list_push(struct bsa_cpu *cpu, size_t pages, void *block,
                                                   uint32_t *word)
{
    struct bsai_page_list *list = &cpu->lists[pages - 1];
    uint32_t count = list->count;
    bsai_poke(&list->slots[count], block);
    list->words[count] = word;
    bsai_poke(&list->count, count + 1);
}

/* Pages on all lists of a CPU, and blocks. */
static inline size_t bsai_pages_listed(const struct bsa_cpu *cpu)
{
    size_t pages = 0;
    for (unsigned i = 0; i < cpu->list_max; i++)
        pages += (size_t)bsai_peek(&cpu->lists[i].count) * (i + 1);
    return pages;
}

static inline size_t bsai_blocks_listed(const struct bsa_cpu *cpu)
{
    size_t blocks = 0;
    for (unsigned i = 0; i < cpu->list_max; i++)
        blocks += bsai_peek(&cpu->lists[i].count);
    return blocks;
}

/* Fills an empty list from the buddy, if it is for a power of two of pages: those are asked for
 * again. False when nothing came. */
bool bsai_page_list_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                           size_t pages);

/* Makes room in a full list: its older half goes to the buddy. */
void bsai_page_list_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                          size_t pages);

/* Everything back to the buddy: how many pages. */
size_t bsai_page_list_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy);

#endif
