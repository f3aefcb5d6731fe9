/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's private state: magazines of cached objects, one per size class and named cache, and lists
 * of ready blocks, one per count of pages (page_list.h). Both are stacks whose top is one load
 * away; both are bounded.
 *
 * Owner: in shared mode whoever holds the lock; in exclusive mode the context that runs as this
 * CPU, or, while the CPU is offline, whoever holds the lock. Fields marked "read anywhere" are
 * written by the owner with bsai_poke and may be read by others as a snapshot.
 */
#ifndef BSAI_CPU_H
#define BSAI_CPU_H

#include "../slab/cache.h"
#include "depot.h"
#include "page_list.h"

enum {
    BSAI_SLOTS_EXTRA = 2, /* without an object: below a magazine's first slot, behind its last */
    BSAI_MAGAZINE_DEFAULT = 64,
    BSAI_MAGAZINE_MAX = 256 /* bounds a batch, and so a buffer on the stack */
};

/*
 * A stack of slots. Below its first slot lies one without an object, and another behind its last
 * one, so that neither end needs a test of its own.
 *
 * Objects of other CPUs' slabs that were freed here lie at the bottom, `away` of them, and are not
 * handed out again but in the last resort: they travel on as soon as they are a batch. Else every
 * CPU would keep some of each slab's objects for ever, and all of them write the states of the same
 * slabs.
 *
 * A slot from top on is one without an object, or its object was handed out from it: a free of that
 * very address only has to give the object its state back and move top up by one. This serves what
 * was allocated last, and then what was before it. Such a slot tells the truth as long as no slab
 * of the class has left or changed its home since it was filled: `epoch` is the cache's count of
 * those when the slots were last wiped, `now` the count itself.
 */
struct bsai_magazine {
    struct bsai_slot *top;   /* first slot without an object; read anywhere */
    struct bsai_slot *limit; /* where it is full for now: between base and base + capacity */
    struct bsai_slot *base;  /* read anywhere; while it changes top is NULL */
    const size_t *now;       /* constant */
    size_t epoch;
    struct bsai_slot *own; /* slots that came with the CPU's state; constant, as the next two */
    uint32_t object_size;
    uint16_t own_capacity; /* 0: objects go straight home */
    bool adapts;           /* capacity and limit follow demand; constant */
    uint8_t demand;        /* see bsai_magazine_enlarge */
    uint16_t away;         /* see above */
    uint16_t pages;        /* that base has, where it is not own */
    uint16_t capacity;     /* slots that there are at base */
    uint8_t swings;        /* see bsai_magazine_enlarge */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct bsai_magazine) == 64 || sizeof(void *) != 8, "one cache line");

struct bsai_cpu_counters {
    size_t refills, flushes, depot_gets, depot_puts, sent_home, slabs_added;
};

/*
 * What all CPUs' enlarged magazines hold, objects and slots. Beyond a share of its own each CPU may
 * have as much as all leave over (Choudhury and Hahne's dynamic threshold, 1998): half of it where
 * one asks, and little where many do.
 */
struct bsai_growth {
    size_t most; /* bsai_magazines_ration; read anywhere */
    size_t used; /* a shared counter */
};

struct bsa_cpu {
    /* What the fast paths of an exclusive CPU read. Constant, but for `last`. Where they are not
     * allowed fast_size is 0, and the section one without pages. */
    struct bsai_magazine *last;       /* handed out last from here; one without slots at first */
    const struct bsai_section *first; /* of the heap */
    const uint8_t *fast[2];           /* bsai_fast_tables */
    size_t fast_size;                 /* largest object size */
    size_t page_size;                 /* 0 as above */
    unsigned id;

    /* Constant. */
    uint8_t locked; /* the owner holds the lock: shared mode, or state shared by several ids */
    uint8_t alone;  /* the heap's only CPU: what the owner holds nobody else changes */
    uint8_t plain;  /* no lock, and the heap has no enter and leave: all fast paths are open */
    uint8_t atomic; /* frees are in one order with those of other CPUs: shared mode, several CPUs */

    /* The door of malloc/fast.h: open at first, and not touched by the library. */
    uint32_t inside, shut;

    struct bsa_heap *heap; /* constant */

    struct bsai_magazine *lent; /* as `last`, for attempts that own the CPU first */
    struct bsai_page_lists lists;
    struct bsai_lock lock;
    uint32_t offline; /* exclusive mode; atomic */
    uint32_t request; /* exclusive mode: somebody wants a drain; atomic */
    uint32_t busy;    /* builds with checks, exclusive mode: a call is on its way */
    struct bsai_cpu_counters counters; /* read anywhere */
    size_t grown_bytes, grown_most;    /* objects and slots of magazines that were enlarged */
    size_t grown_pages;                /* of their slots; read anywhere */
    struct bsai_growth *growth;        /* of all CPUs; constant */
    struct bsai_shelf *shelves; /* by number of cache, guarded by that cache's lock; a line apart */
    struct bsai_slot *spare, *spare_end; /* slots for magazines of named caches, not given yet */
    struct bsai_slot none[1 + BSAI_SLOTS_EXTRA]; /* of the magazine that is never used; constant */
    struct bsai_slot closed[1 + BSAI_SLOTS_EXTRA]; /* of all that have no slots of their own yet */
    /* By number of cache: by class; one without objects, for what has no class; of named caches. */
    struct bsai_magazine magazines[];
};

/* Shape of a CPU's state, the same for all CPUs of a heap. */
struct bsai_cpu_shape {
    unsigned classes, named;            /* caches; one that is never used lies between */
    bool adapts;                        /* the capacities are not settings: they follow demand */
    size_t grown_most;                  /* bytes that they may hold beyond: a CPU's share */
    size_t object_bytes;                /* in one magazine, at most */
    uint16_t magazine[BSA_MAX_CLASSES]; /* capacities */
    unsigned list_count;
    uint16_t list[BSAI_LISTS]; /* most blocks, by bsai_list_of */
    size_t list_pages;         /* most pages on all of them */
    size_t bytes;              /* of the whole state, a multiple of the cache line */
};

/* Sets shape->bytes from the rest. */
void bsai_cpu_measure(struct bsai_cpu_shape *shape);

/* Lays a state out in shape->bytes of memory aligned to a cache line, its fast paths closed. */
struct bsa_cpu *bsai_cpu_lay_out(void *memory, const struct bsai_cpu_shape *shape,
                                 const struct bsai_cache *caches);

/* Objects in a magazine, for anybody. */
unsigned bsai_magazine_count(const struct bsai_magazine *m);

/* The object on top is handed out; false when the magazine is empty, or the object is AWAY. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_pop_home(struct bsai_magazine *m, void **out)
{
    struct bsai_slot *slot = m->top - 1;
    BSAI_KEEP(slot);
    uintptr_t addr = slot->addr;
    BSAI_KEEP(addr); /* else it is loaded twice */
    if (BSAI_UNLIKELY(addr == BSAI_NO_ADDRESS) ||
        BSAI_UNLIKELY(!bsai_hand_out(slot->states, slot->bit)))
        return false;
    bsai_poke(&m->top, slot);
    *out = (void *)addr;
    return true;
}

/*
 * Fast paths find a magazine by its place, which spares them arithmetic: a byte offset in the CPU's
 * state, which slabs have as their tag, and the same in units of a magazine, by (size - 1) / 8, in
 * a table for alignments up to 8 and one for 16.
 */
#define BSAI_MAGAZINE_PLACE(number)                                                                \
    ((offsetof(struct bsa_cpu, magazines) + (number) * sizeof(struct bsai_magazine)))
_Static_assert(offsetof(struct bsa_cpu, magazines) % sizeof(struct bsai_magazine) == 0 &&
                   BSAI_MAGAZINE_PLACE(BSA_MAX_CLASSES) / sizeof(struct bsai_magazine) <= UINT8_MAX,
               "a class's magazine's place in units of magazines fits a byte");
_Static_assert(BSAI_MAGAZINE_PLACE(BSA_MAX_CLASSES + 1 + BSA_MAX_CACHES) <= UINT16_MAX,
               "a magazine's place fits a tag");

struct bsai_fast_tables {
    uint8_t place[2][BSA_MAX_CLASS_SIZE / 8];
};
void bsai_fast_tables_make(struct bsai_fast_tables *tables, const struct bsai_classes *classes);

static BSAI_ALWAYS_INLINE struct bsai_magazine *bsai_magazine_at(struct bsa_cpu *cpu, size_t place)
{
    struct bsai_magazine *m = (struct bsai_magazine *)(void *)((char *)cpu + place);
    BSAI_KEEP(m);
    return m;
}

/* True when p was handed out from the slot on top of the magazine, which may be used again. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_has_lent(const struct bsai_magazine *m, const void *p)
{
    return BSAI_LIKELY(m->top->addr == (uintptr_t)p) &&
           BSAI_LIKELY(m->epoch == bsai_consume(m->now));
}

/* True when it is, and is back now. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_undo(struct bsai_magazine *m, const void *p)
{
    struct bsai_slot *slot = m->top;
    if (!bsai_magazine_has_lent(m, p) || BSAI_UNLIKELY(!bsai_take_back(slot->states, slot->bit)))
        return false;
    bsai_poke(&m->top, slot + 1);
    return true;
}

/* The same in shared mode, by the owner of `cpu`. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_undo_private(struct bsai_magazine *m, const void *p,
                                                          unsigned cpu)
{
    struct bsai_slot *slot = m->top;
    if (!bsai_magazine_has_lent(m, p) ||
        BSAI_UNLIKELY(!bsai_take_back_private(slot->slab, slot->states, slot->bit, cpu)))
        return false;
    bsai_poke(&m->top, slot + 1);
    return true;
}

/* Puts in an object that is CACHED, or AWAY. There is room. */
static BSAI_ALWAYS_INLINE void bsai_magazine_push(struct bsai_magazine *m, struct bsai_slot slot)
{
    bsai_assert(m->top < m->base + m->capacity);
    struct bsai_slot *top = m->top;
    *top = slot;
    bsai_poke(&m->top, top + 1);
}

/* Puts in an object that is AWAY, below those that are handed out first. There is room. */
static BSAI_ALWAYS_INLINE void bsai_magazine_push_away(struct bsai_magazine *m,
                                                       struct bsai_slot slot)
{
    struct bsai_slot *bottom = m->base + m->away++;
    bsai_magazine_push(m, *bottom); /* itself, where there are no others */
    *bottom = slot;
}

/* Either, as the slot says. */
static BSAI_ALWAYS_INLINE void bsai_magazine_take_in(struct bsai_magazine *m, struct bsai_slot slot)
{
    if (slot.addr == BSAI_NO_ADDRESS)
        bsai_magazine_push_away(m, slot);
    else
        bsai_magazine_push(m, slot);
}

/* The same as push_away for the n objects on top, which are AWAY. */
void bsai_magazine_sink(struct bsai_magazine *m, unsigned n);

/* What was freed away is a batch, which is to be flushed. */
static BSAI_ALWAYS_INLINE bool bsai_magazine_is_due(const struct bsai_magazine *m)
{
    return m->away != 0 && 2u * m->away >= m->own_capacity;
}

/* Has no object that is to be handed out next. */
static inline bool bsai_magazine_is_bare(const struct bsai_magazine *m)
{
    return m->top == m->base + m->away;
}

/* The object on top is handed out, whosever slab it is of, but for those freed away; NULL when
 * there is none. *twice: left alone, or set to the address of an object that had been freed twice
 * and was dropped. */
void *bsai_magazine_pop(struct bsai_magazine *m, void **twice);

/* Slots that a magazine of some capacity has: a refill brings one object even where none are to be
 * kept. */
static inline unsigned bsai_slots_of(unsigned capacity)
{
    return (capacity == 0 ? 1 : capacity) + BSAI_SLOTS_EXTRA;
}

/* Slots from `from` on to `to` hold no object any more. */
void bsai_slots_wipe(struct bsai_slot *from, const struct bsai_slot *to);

/* Makes a magazine of bsai_slots_of(capacity) slots; `now` and `object_size` are set. */
void bsai_magazine_init(struct bsai_magazine *m, struct bsai_slot *slots, unsigned capacity,
                        bool adapts);

/* Leaves an empty magazine without capacity, but with its slots: for a named cache that ends. */
void bsai_magazine_close(struct bsai_magazine *m);

/*
 * A magazine that is full for now may be allowed more: true when there is room. Up to its capacity
 * that is so at once; beyond, slots come from pages, as long as there is room for more (struct
 * bsai_growth), and only where it sent several batches home in a row and then missed several in a
 * row: a demand that goes up and down by more than it holds, and not just around what it holds. Or
 * where it sent some home and missed them a few times over while other CPUs were at the cache:
 * alone that is cheap, but the lines of the cache's lock and lists come from another CPU then.
 */
bool bsai_magazine_widen(struct bsai_magazine *m);
bool bsai_magazine_enlarge(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                           struct bsai_magazine *m);

/* How many bytes all CPUs' enlarged magazines may hold from now on. What they hold beyond stays
 * theirs; they only get no more. By anybody, at any time. */
void bsai_magazines_ration(struct bsai_growth *growth, size_t most);

/* Has no room for a refill: what was freed away has to go first, by bsai_magazine_flush. */
bool bsai_magazine_is_tight(const struct bsai_magazine *m);

/*
 * Fills a bare magazine of the cache with at least one object from the depot (may be NULL) or the
 * cache; false when a slab is needed. fresh as in bsai_cache_take.
 */
bool bsai_magazine_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_magazine *m,
                          struct bsai_cache *cache, struct bsai_depot *depot, enum bsai_take from,
                          struct bsai_slab *fresh);

/* Makes room in a magazine that is full, tight or due: a batch that was freed away goes to the
 * depot, or home, or its newest objects go home. True when there are now more empty slabs than are
 * kept. */
bool bsai_magazine_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                         struct bsai_depot *depot);

/* One object straight home, for magazines of no capacity. True as above. */
bool bsai_magazine_bypass(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                          struct bsai_slot slot);

/* Everything home: how many objects went. The claim is given up too. */
size_t bsai_magazine_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsai_cache *cache,
                           struct bsa_buddy *buddy);

/* A depot's batches home, for whichever CPU id does it: how many objects. */
size_t bsai_depot_drain(struct bsai_depot *depot, struct bsai_call *call, struct bsai_cache *cache,
                        unsigned cpu, struct bsai_slot *buffer);

#endif
