/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap: routes a request by size and holds the parts together.
 *
 * It lies in the prefix of the first region: this struct, its caches, record pools, depots and the
 * table of CPUs, then an arena for CPU states, then the buddy's own metadata. A CPU's state is made
 * when the CPU first calls: from the arena; when that is used up, from pages; when those are short,
 * the CPU shares `common`, which has no magazines and is always locked.
 */
#ifndef BSAI_HEAP_H
#define BSAI_HEAP_H

#include <buddyslab/cache.h>
#include <buddyslab/debug.h>
#include <buddyslab/heap.h>
#include <buddyslab/stats.h>

#include "../cpu/cpu.h"

enum { BSAI_LEAF_CPUS = 64 };

struct bsai_cpu_leaf {
    struct bsa_cpu *cpus[BSAI_LEAF_CPUS]; /* published */
};

/* What a call by the hook reads before it has its CPU, in that order. The first leaf lies here, so
 * that it is found without the table of leaves. Constant but for that. */
struct bsai_caller {
    unsigned (*cpu_id)(void *ctx); /* the platform's, or one that stands for it; not NULL */
    void *ctx;
    unsigned cpus; /* that the heap has, as far as the leaf goes */
    bool plain;    /* no enter and leave hooks, no checks: fast paths are allowed, */
    bool stays;    /*   by the hook, too: no call changes its CPU, see bsai_heap_relieve */
    struct bsai_cpu_leaf leaf;
};

/* A named cache, which is the cache of some number. */
struct bsa_cache {
    struct bsa_heap *heap; /* constant, as the next */
    unsigned number;
    uint32_t used; /* changed under the heap's registry, published last and withdrawn first */

    /* Constant while it is used. */
    unsigned magazine; /* capacity of its magazines, */
    bool adapts;       /*   from which they follow demand */
    size_t object_size, align;
    char name[BSA_CACHE_NAME_MAX];
};

struct bsa_heap {
    struct bsa_buddy buddy;
    struct bsai_caller caller __attribute__((aligned(64)));

    /* Constant. */
    struct bsai_classes classes;
    struct bsai_fast_tables fast;
    struct bsai_cache *caches;  /* by number: one per class, one that is never used, named ones */
    unsigned cache_count;       /*   so many */
    struct bsa_cache *named;    /* the named ones, from number classes.count + 1 on */
    struct bsai_records *pools; /* one per size of record */
    unsigned pool_count;        /* grows under the registry; published */
    struct bsai_depot *depots;  /* one per class, or NULL */
    size_t slab_bytes;          /* of a slab, at most; see bsai_geometry_make */
    unsigned cpus;
    bool exclusive;
    struct bsai_cpu_shape shape;
    struct bsai_growth growth;
    struct bsai_list_room list_room;
    struct bsa_cpu *common;

    struct bsai_lock registry;     /* guards what follows */
    struct bsai_cpu_leaf **leaves; /* entries are published */
    uintptr_t arena, arena_end;    /* for CPU states */
    size_t cpus_used;              /* read anywhere, as the next two */
    unsigned cpus_top;             /* no CPU was made with this id or a larger one */
    size_t cpu_pages; /* pages taken for CPU states beyond the arena; a shared counter */
};

/* The cache of a number, NULL when it is a named one that is not used. */
static inline struct bsai_cache *bsai_heap_used_cache(const struct bsa_heap *heap, unsigned number)
{
    unsigned classes = heap->classes.count;
    if (number >= classes &&
        (number == classes || bsai_consume(&heap->named[number - classes - 1].used) == 0))
        return NULL;
    return &heap->caches[number];
}

/* heap/cpus.c */

/* The state of a CPU below heap->cpus, made if need be. No lock is held. */
struct bsa_cpu *bsai_heap_get_cpu(struct bsa_heap *heap, struct bsai_call *call, unsigned id);
/* The same where there is no call yet; NULL where the id is out of range. */
struct bsa_cpu *bsai_heap_far_cpu(struct bsa_heap *heap, unsigned id);
/* The same if it has been made, else NULL. */
static BSAI_ALWAYS_INLINE struct bsa_cpu *bsai_heap_peek_cpu(const struct bsa_heap *heap,
                                                             unsigned id)
{
    struct bsai_cpu_leaf *leaf = bsai_consume(&heap->leaves[id / BSAI_LEAF_CPUS]);
    return leaf == NULL ? NULL : bsai_consume(&leaf->cpus[id % BSAI_LEAF_CPUS]);
}

/* The first CPU made with an id of at least *id, which is set to it; NULL when there is none.
 * `common` does not count: it comes after all others, with *id == heap->cpus. */
struct bsa_cpu *bsai_heap_next_cpu(const struct bsa_heap *heap, unsigned *id);

/* Exposes the slab of an object that is LIVE, which is private to another CPU (slab/object.h),
 * whose lock is taken for it; that of `cpu`, which the caller owns, is given up meanwhile. */
void bsai_heap_expose(struct bsa_cpu *cpu, struct bsai_call *call, const struct bsai_slot *slot);

/*
 * A call's edge: enter, find the CPU (by hook when cpu is NULL), own it; and the way back. begin
 * returns NULL, having left again, when the hook's id is out of range: call->what is set.
 */
struct bsa_cpu *bsai_heap_begin(struct bsa_heap *heap, struct bsai_call *call, struct bsa_cpu *cpu);
void bsai_heap_end(struct bsai_call *call);

static inline void bsai_cpu_own(struct bsa_cpu *cpu, struct bsai_call *call)
{
    call->cpu = cpu;
    if (cpu->locked)
        bsai_lock_take(&cpu->lock, BSAI_RANK_CPU, call);
#if BSA_CHECKS >= 1
    else if (__atomic_exchange_n(&cpu->busy, 1u, __ATOMIC_ACQUIRE) != 0)
        BSA_PANIC("re-entry: a call is in progress on this exclusive CPU");
#endif
}

static inline void bsai_cpu_disown(struct bsa_cpu *cpu, struct bsai_call *call)
{
    if (cpu->locked)
        bsai_lock_drop(&cpu->lock, BSAI_RANK_CPU, call);
#if BSA_CHECKS >= 1
    else
        __atomic_store_n(&cpu->busy, 0u, __ATOMIC_RELEASE);
#endif
}

/* heap/objects.c, heap/pages.c: the CPU is owned by the caller on entry and return; but where
 * memory is short an allocation may go on as another one, which is call->cpu then
 * (bsai_heap_relieve). */

/* An object of the cache of a number that is used. */
enum bsa_status bsai_heap_alloc_object(struct bsa_cpu *cpu, struct bsai_call *call, unsigned number,
                                       void **out);
enum bsa_status bsai_heap_alloc_run(struct bsa_cpu *cpu, struct bsai_call *call, size_t pages,
                                    size_t align, bool low, void **out);
enum bsa_status bsai_heap_free_run(struct bsa_cpu *cpu, struct bsai_call *call,
                                   struct bsai_section *section, size_t page);
/* pages 0: any address that is live; else exactly a block of so many pages. */
enum bsa_status bsai_heap_free_any(struct bsa_cpu *cpu, struct bsai_call *call, void *p,
                                   size_t pages);

/* A request of any size: by class, or as pages. */
enum bsa_status bsai_heap_alloc_any(struct bsa_cpu *cpu, struct bsai_call *call, size_t size,
                                    size_t align, void **out);

/* Pages that a request of so many bytes needs, when no class serves it. */
static inline size_t bsai_heap_pages_for(const struct bsa_heap *heap, size_t size)
{
    return size == 0 ? 1 : ((size - 1) >> heap->buddy.page_shift) + 1;
}

/* What is at p: the bytes of a live object or block whose first byte p is, 0 when there is none. */
struct bsai_found {
    struct bsai_section *section;
    size_t page;
    uint32_t word;
    struct bsai_slab *slab; /* NULL: a block */
    size_t index;
};
size_t bsai_heap_find(const struct bsa_heap *heap, const void *p, struct bsai_found *found);

/* heap/figures.c */

/* Pages on all CPUs' lists; and pages that are neither free nor listed. */
size_t bsai_heap_listed_pages(const struct bsa_heap *heap);
size_t bsai_heap_occupied_pages(const struct bsa_heap *heap);
/* Pages that CPU states and enlarged magazines have. */
size_t bsai_heap_cpu_pages(const struct bsa_heap *heap);

/* heap/snapshot.c: all CPUs that have a lock stand still, and none is made; */
void bsai_heap_lock_cpus(struct bsa_heap *heap, struct bsai_call *call);
void bsai_heap_unlock_cpus(struct bsa_heap *heap, struct bsai_call *call);
/* everything stands still (in exclusive mode: but for magazine hits). */
void bsai_heap_lock_all(struct bsa_heap *heap, struct bsai_call *call);
void bsai_heap_unlock_all(struct bsa_heap *heap, struct bsai_call *call);
/* Live page blocks, by the CPUs' counters; everything is locked. */
size_t bsai_heap_blocks(const struct bsa_heap *heap);
/* Fills a cache's figures, as they are, and as the user sees them; everything is locked. */
void bsai_heap_class_stats(const struct bsa_heap *heap, unsigned number,
                           struct bsa_class_stats *stats);
void bsai_heap_class_figures(const struct bsa_heap *heap, unsigned number,
                             struct bsa_class_stats *stats);

/* heap/named.c: gives the CPU's magazine of a used named cache slots, if it has none and there are
 * some. */
void bsai_named_open(struct bsa_cpu *cpu, struct bsai_call *call, unsigned number);

/* heap/pressure.c */

/* Takes empty slabs out of a cache, all but so many, and gives their pages to the buddy: bytes. */
size_t bsai_heap_settle(struct bsa_heap *heap, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned keep);
/* Sends a CPU's private state home; it is owned by the caller. How many objects and pages. */
size_t bsai_heap_drain_owned(struct bsa_cpu *cpu, struct bsai_call *call);
/* Pages to the buddy that the heap itself holds (record chunks). */
void bsai_heap_give_back(struct bsa_heap *heap, struct bsai_call *call, void *pages, size_t count);

/* How far an allocation that found nothing has gone. */
struct bsai_pressure {
    unsigned rounds;
    bool everybody; /* other CPUs have been asked as well */
    bool last;      /* nothing moved any more: one try is left, for what was freed meanwhile */
    bool alone;     /* one try is left, and all CPUs' locks are held */
    size_t taken;   /* from what is shared, by anybody, when the round began */
    const struct bsai_cache *cache; /* of the object that is asked for; NULL: pages */
};

/*
 * Called by such an allocation, which owns cpu on entry, and on return cpu or another one, but
 * neither meanwhile. Sends home what this CPU holds back, and from the second time on what
 * everybody does whose state may be touched. The CPU to try again as, which is owned; NULL: nothing
 * is left, and cpu is owned still. For the last try in shared mode all CPUs' locks are held.
 */
struct bsa_cpu *bsai_heap_relieve(struct bsa_cpu *cpu, struct bsai_call *call,
                                  struct bsai_pressure *pressure);
/* Ends what it may have begun; to be called at last, whatever came of it. cpu is owned still. */
void bsai_heap_relieved(struct bsa_cpu *cpu, struct bsai_call *call,
                        const struct bsai_pressure *pressure);

/* The owner of a CPU meets a posted request. */
static inline void bsai_heap_meet_request(struct bsa_cpu *cpu, struct bsai_call *call)
{
    if (BSAI_UNLIKELY(bsai_peek(&cpu->request) != 0) && bsai_request_take(&cpu->request) != 0)
        bsai_heap_drain_owned(cpu, call);
}

/* The depot of a cache; NULL when it has none, as named ones. */
static inline struct bsai_depot *bsai_heap_depot(const struct bsa_cpu *cpu, unsigned number)
{
    const struct bsa_heap *heap = cpu->heap;
    return heap->depots != NULL && number < heap->classes.count &&
                   cpu->magazines[number].capacity != 0
               ? &heap->depots[number]
               : NULL;
}

#endif
