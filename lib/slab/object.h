/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs, their records, and the state of each object.
 *
 *            take                     alloc
 *   FREE ----------> CACHED or AWAY ----------> LIVE        take, put: batches, under the cache's
 *     ^                |        ^                 |         lock; alloc, free: one object, by the
 *     +----------------+        +-----------------+         owner of a CPU's state
 *            put                      free
 *
 *   FREE     in its slab; any CPU can take it
 *   CACHED   in the magazine of its slab's home CPU, or in the depot
 *   AWAY     in the magazine of another CPU, or in the depot
 *   LIVE     the user has it
 *
 * The state is all that tells a right free from a wrong one; the object's own memory is never read
 * or written. It takes three bits, in three words side by side. LIVE is the parity of two: `here`
 * is written by the slab's home CPU alone, plainly, when it allocates and frees, which is nearly
 * always; `away` by every other CPU, atomically. A free exchanges the away word only while it says
 * LIVE, so that of several CPUs that free an object at once only one is right. The third bit says
 * FREE and is guarded by the cache's lock. CACHED and AWAY are told apart by the slot that holds
 * the object.
 *
 * In shared mode every free takes the atomic way, so that all frees of an object are in one order.
 * In exclusive mode the home CPU frees plainly. Should it and another CPU free an object at the
 * same moment, both may find it LIVE, and it lies in two magazines, LIVE by its parity. Whoever
 * takes it out, to hand it out or to put it home, finds it so; then the slot is dropped, and
 * reported as the double free that it is. The object stays LIVE, and nobody's. (Three at once, or a
 * home CPU that is interrupted between its load and its store while another frees and allocates the
 * object, can escape this. Who cannot rule such frees out has shared mode.)
 *
 * A slab's home changes only while all its objects are FREE.
 */
#ifndef BSAI_OBJECT_H
#define BSAI_OBJECT_H

#include "../base/arith.h"
#include "../base/atomic.h"
#include "../page/page.h"

typedef uintptr_t bsai_word;
#define BSAI_WORD_BITS (8u * (unsigned)sizeof(bsai_word))

/* The states of as many objects as a word has bits. */
struct bsai_states {
    bsai_word here, away, free;
};

enum {
    BSAI_RECORD_ALIGN = 64,     /* also keeps CPUs that work on neighbouring records apart */
    BSAI_CAPACITY_MAX = 1 << 13 /* objects of a slab: 64 KiB pages, 8-byte objects */
};

/* On which list a slab is. */
enum bsai_list {
    BSAI_LIST_NONE,
    BSAI_LIST_SHELF,   /* of its home */
    BSAI_LIST_PARTIAL, /* of its cache, as the next two */
    BSAI_LIST_CLAIMED,
    BSAI_LIST_EMPTY
};

struct bsai_shelf;

/* Guarded by the cache's lock, but for what is constant and the states. */
struct bsai_slab {
    uintptr_t base;  /* first byte of its pages; constant */
    uint32_t magic;  /* of its geometry; constant */
    uint16_t tag;    /* of its cache: whatever the layer above finds by it; constant */
    uint16_t home;   /* CPU that took from it first since it was last empty; read anywhere */
    uint16_t cache;  /* number of its cache; constant */
    uint16_t free;   /* objects that are FREE, */
    uint16_t remote; /*   and those of them put by others than home since the last take */
    uint8_t scan;    /* no state before states[scan] has a FREE bit */
    uint8_t list;
    uint16_t capacity; /* objects; constant */
    uint16_t pages;    /* constant */
    struct bsai_slab *next, *prev;
    struct bsai_shelf *shelf;   /* of its home */
    struct bsai_shelf *claimer; /* of the CPU that takes from it, or NULL */

    /* On lines of their own: other CPUs' frees shall not take from the home CPU what it reads. */
    struct bsai_states states[] __attribute__((aligned(64)));
};

/* An object in a magazine, or on its way. One that is AWAY, or a place without an object, has the
 * address BSAI_NO_ADDRESS, so that a fast path needs one comparison to leave it alone. */
struct bsai_slot {
    uintptr_t addr;
    struct bsai_slab *slab; /* NULL: no object */
    struct bsai_states *states;
    bsai_word bit; /* the object's, in each of its words; 0: no object */
};

/* Not NULL, which a free ignores, and no object's. */
#define BSAI_NO_ADDRESS ((uintptr_t)1)

#define BSAI_FREED_TWICE "double free of an object, at once from two CPUs"

/* The index of the object at addr, which is in the slab's pages; false when addr is not a first
 * byte. It may be one too large where the slab's end is unused: that object is never LIVE. */
static BSAI_ALWAYS_INLINE bool bsai_slab_index(const struct bsai_slab *slab, uintptr_t addr,
                                               size_t *index)
{
    uint64_t product = (uint64_t)(uint32_t)(addr - slab->base) * slab->magic;
    *index = (size_t)(product >> 32);
    return (uint32_t)product < slab->magic;
}

static BSAI_ALWAYS_INLINE struct bsai_states *bsai_states_of(const struct bsai_slab *slab,
                                                             size_t index)
{
    return (struct bsai_states *)(uintptr_t)&slab->states[index / BSAI_WORD_BITS];
}

/* Words that have states of the slab's objects. */
static inline unsigned bsai_slab_words(const struct bsai_slab *slab)
{
    return (slab->capacity + BSAI_WORD_BITS - 1) / BSAI_WORD_BITS;
}

static BSAI_ALWAYS_INLINE bsai_word bsai_bit(size_t index)
{
    return (bsai_word)1 << (index % BSAI_WORD_BITS);
}

static inline unsigned bsai_slot_index(const struct bsai_slot *slot)
{
    return (unsigned)(slot->states - slot->slab->states) * BSAI_WORD_BITS + bsai_ctz64(slot->bit);
}

/* Of the objects whose bits are set, those that are LIVE. */
static BSAI_ALWAYS_INLINE bsai_word bsai_live(const struct bsai_states *states, bsai_word bits)
{
    return (bsai_peek(&states->here) ^ bsai_peek(&states->away)) & bits;
}

static inline bool bsai_object_is_live(const struct bsai_slab *slab, size_t index)
{
    return bsai_live(bsai_states_of(slab, index), bsai_bit(index)) != 0;
}

/*
 * Changes of an object, or of several at once whose states are in the same words.
 *
 * What the home CPU does, which owns its state. True when it was done; false leaves the objects as
 * they were, to be looked at again by the slow path.
 */

/* CACHED to LIVE. */
static BSAI_ALWAYS_INLINE bool bsai_hand_out(struct bsai_states *states, bsai_word bit)
{
    bsai_word here = bsai_peek(&states->here);
    if (BSAI_UNLIKELY(((here ^ bsai_peek(&states->away)) & bit) != 0))
        return false;
    bsai_poke(&states->here, here ^ bit);
    return true;
}

/* LIVE to CACHED. */
static BSAI_ALWAYS_INLINE bool bsai_take_back(struct bsai_states *states, bsai_word bit)
{
    bsai_word here = bsai_peek(&states->here);
    if (BSAI_UNLIKELY(((here ^ bsai_peek(&states->away)) & bit) != bit))
        return false;
    bsai_poke(&states->here, here ^ bit);
    return true;
}

/* What other CPUs do. True when it was done. */

/* Flips bits among those of other CPUs if all their objects being live is what it is said to be. */
static BSAI_ALWAYS_INLINE bool bsai_flip_away(struct bsai_states *states, bsai_word bit, bool live)
{
    bsai_word old = bsai_peek(&states->away);
    do {
        if (BSAI_UNLIKELY(((bsai_peek(&states->here) ^ old) & bit) != (live ? bit : 0)))
            return false;
    } while (BSAI_UNLIKELY(!bsai_bits_exchange(&states->away, &old, old ^ bit)));
    return true;
}

/* LIVE to AWAY; false is a double free. */
static BSAI_ALWAYS_INLINE bool bsai_take_back_away(struct bsai_states *states, bsai_word bit)
{
    return bsai_flip_away(states, bit, true);
}

/* AWAY to LIVE; false: the slot is to be dropped, its object was freed twice. */
bool bsai_hand_out_away(struct bsai_states *states, bsai_word bit);

#endif
