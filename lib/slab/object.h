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
 * In shared mode all frees of an object are in one order. The home CPU's are by its lock, and need
 * no more as long as no other CPU frees objects of the slab: it is private then, and the home CPU
 * frees plainly. Another CPU first exposes the slab, once, under the home CPU's lock. Of an exposed
 * slab everybody frees atomically, its home CPU too, until all objects are FREE and a CPU takes
 * from it. That no free is between two of these comes from the order in which they look:
 *
 *   - plainly: is the object LIVE, is the slab private, is it at home here? Slabs are made private
 *     to a CPU, and exposed, by who holds that CPU's lock, which is the one who asks, or when all
 *     objects are FREE, which a LIVE one forbids. So what was found holds until the store.
 *   - atomically: which version of `exposed` is it, is the object LIVE, is it that version still?
 *     So the object was LIVE while the slab was exposed: whoever frees it next changes the away
 *     word, and the exchange fails. Versions do not come again as long as the record's page stays:
 *     with the last one the slab stays exposed. (An exchange that is held up while the object is
 *     freed, handed out and freed by others may succeed: a free of what was handed out again,
 *     which nobody can tell.)
 *
 * In exclusive mode the home CPU always frees plainly. Should it and another CPU free an object at
 * the same moment, both may find it LIVE, and it lies in two magazines, LIVE by its parity. Whoever
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
    uint16_t exposed;  /* a version, odd while the slab is exposed; read anywhere */
    uint32_t pages;    /* constant */
    struct bsai_slab *next, *prev;
    struct bsai_shelf *shelf;   /* of its home */
    struct bsai_shelf *claimer; /* of the CPU that takes from it, or NULL */

    /* On lines of their own: other CPUs' frees shall not take from the home CPU what it reads. */
    struct bsai_states states[] __attribute__((aligned(64)));
};

_Static_assert(offsetof(struct bsai_slab, states) == 64 || sizeof(void *) != 8, "one cache line");

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
    bsai_publish(&states->here, here ^ bit); /* after the slab's home and version */
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

static BSAI_ALWAYS_INLINE bool bsai_slab_is_exposed(const struct bsai_slab *slab)
{
    return (bsai_consume(&slab->exposed) & 1) != 0;
}

/* The same in shared mode, by the owner of `cpu`; false also where the slab is not private to that
 * CPU. The order of the loads matters, see above. */
static BSAI_ALWAYS_INLINE bool bsai_take_back_private(const struct bsai_slab *slab,
                                                      struct bsai_states *states, bsai_word bit,
                                                      unsigned cpu)
{
    bsai_word here = bsai_consume(&states->here);
    if (BSAI_UNLIKELY(((here ^ bsai_consume(&states->away)) & bit) != bit) ||
        BSAI_UNLIKELY(bsai_slab_is_exposed(slab)) || BSAI_UNLIKELY(bsai_peek(&slab->home) != cpu))
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

/* The same in shared mode, by any CPU; false also where the slab is not exposed. */
static BSAI_ALWAYS_INLINE bool bsai_take_back_exposed(const struct bsai_slab *slab,
                                                      struct bsai_states *states, bsai_word bit)
{
    bsai_word old;
    do {
        uint16_t version = bsai_consume(&slab->exposed);
        old = bsai_consume(&states->away);
        if (BSAI_UNLIKELY(((bsai_consume(&states->here) ^ old) & bit) != bit) ||
            BSAI_UNLIKELY((version & 1) == 0) ||
            BSAI_UNLIKELY(bsai_peek(&slab->exposed) != version))
            return false;
    } while (BSAI_UNLIKELY(!bsai_bits_exchange(&states->away, &old, old ^ bit)));
    return true;
}

/* AWAY to LIVE; false: the slot is to be dropped, its object was freed twice. */
bool bsai_hand_out_away(struct bsai_states *states, bsai_word bit);

#endif
