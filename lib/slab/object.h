/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs, their records, and how an object that is in nobody's hands is named.
 *
 * An object is in one of three states, told by three bits of its slab's record:
 *
 *                  handed ^ taken   free
 *   in use               1            0     live: the user has it
 *   cached               0            0     in a magazine, in the depot, or on its way
 *   in the slab          0            1     can be taken by any CPU
 *
 *        alloc: cached -> in use        free: in use -> cached      (one bit, by the CPU at hand)
 *        take:  in the slab -> cached   put:  cached -> in the slab (batches)
 *
 * Live is the parity of two bits, so that the common allocation needs no atomic instruction:
 * `handed` words are written by the slab's home CPU alone, plainly, when it allocates; `taken`
 * words by everybody else who allocates and by everybody who frees, atomically. A free exchanges
 * its `taken` word for one with the bit flipped, and only where the word that it replaces says that
 * the object is live: however many frees of an object meet, one is right, and the others change
 * nothing, not even for a moment. A slab's home changes only while none of its objects is in use or
 * cached.
 *
 * The object's own memory is never read or written.
 *
 * Invariants of a record, with free and remote the two counts of its state word:
 *   popcount(free bits) >= free + remote       (bits are set before they are counted)
 *   free + remote + cached + in use == capacity
 */
#ifndef BSAI_OBJECT_H
#define BSAI_OBJECT_H

#include "../base/arith.h"
#include "../base/atomic.h"
#include "../page/page.h"

typedef uint32_t bsai_word; /* small, so that a record of up to 32 objects is one cache line */
#define BSAI_WORD_BITS (8u * (unsigned)sizeof(bsai_word))

enum {
    BSAI_RECORD_ALIGN = 64, /* also keeps CPUs that work on neighbouring records apart */
    BSAI_INDEX_BITS = 13,
    BSAI_CAPACITY_MAX = 1 << BSAI_INDEX_BITS /* objects of a slab: 64 KiB pages, 8-byte objects */
};

/* On which of its cache's lists a slab is. Guarded by the cache's lock. */
enum bsai_list { BSAI_LIST_NONE, BSAI_LIST_PARTIAL, BSAI_LIST_CLAIMED, BSAI_LIST_EMPTY };

struct bsai_slab {
    uintptr_t base;                /* first byte of its pages; constant */
    struct bsai_slab *next, *prev; /* cache's lock */
    struct bsai_slab **claim; /* cache's lock: the slot of the CPU that takes from it, or NULL */
    struct bsai_slab *announced_next; /* owned by whoever set ANNOUNCED */
    uint32_t state;                   /* atomic, see below */
    uint16_t home; /* CPU that took from it first since it was last empty; cache's lock */
    uint8_t list;  /* cache's lock */
    uint8_t spare;
    bsai_word bits[]; /* handed and taken words in turn, then free words */
};

/* The state word: two counts of objects in the slab, and two flags. */
enum { BSAI_COUNT_BITS = 14, BSAI_STATE_REMOTE_SHIFT = BSAI_COUNT_BITS };
#define BSAI_STATE_COUNT ((UINT32_C(1) << BSAI_COUNT_BITS) - 1)
/* On, or on its way to, the cache's announced stack. */
#define BSAI_STATE_ANNOUNCED (UINT32_C(1) << 28)
/* On a list: whoever looks for objects will find it. */
#define BSAI_STATE_LISTED (UINT32_C(1) << 29)

static inline uint32_t bsai_state_free(uint32_t state)
{
    return state & BSAI_STATE_COUNT;
}

static inline uint32_t bsai_state_remote(uint32_t state)
{
    return state >> BSAI_STATE_REMOTE_SHIFT & BSAI_STATE_COUNT;
}

static inline uint32_t bsai_state_available(uint32_t state)
{
    return bsai_state_free(state) + bsai_state_remote(state);
}

/*
 * A cached object: record and index in 64 bits. Records are aligned to 64 bytes and addresses are
 * canonical up to 57 bits, so that seven bits of shift lose nothing.
 */
typedef uint64_t bsai_object;

static BSAI_ALWAYS_INLINE bsai_object bsai_object_make(const struct bsai_slab *slab, unsigned index)
{
    return (uint64_t)(uintptr_t)slab << 7 | index;
}

static BSAI_ALWAYS_INLINE struct bsai_slab *bsai_object_slab(bsai_object object)
{
    return (struct bsai_slab *)((uintptr_t)((int64_t)object >> BSAI_INDEX_BITS) << 6);
}

static BSAI_ALWAYS_INLINE unsigned bsai_object_index(bsai_object object)
{
    return (unsigned)object & (BSAI_CAPACITY_MAX - 1);
}

/* The same with its address at hand, as magazines hold it: an allocation then returns what one load
 * gave, and marks the record while its caller goes on. */
struct bsai_slot {
    uintptr_t addr;
    bsai_object object;
};

/* The words that hold an object's live state: handed, then taken. */
static BSAI_ALWAYS_INLINE bsai_word *bsai_object_words(const struct bsai_slab *slab, unsigned index)
{
    return (bsai_word *)(uintptr_t)&slab->bits[2 * (index / BSAI_WORD_BITS)];
}

static inline bsai_word bsai_live_word(const struct bsai_slab *slab, unsigned w)
{
    return bsai_peek(&slab->bits[2 * w]) ^ bsai_peek(&slab->bits[2 * w + 1]);
}

static inline bool bsai_object_is_live(const struct bsai_slab *slab, unsigned index)
{
    return (bsai_live_word(slab, index / BSAI_WORD_BITS) >> (index % BSAI_WORD_BITS) & 1) != 0;
}

/* A cached object becomes live. home: the caller owns the state of the slab's home CPU. */
static BSAI_ALWAYS_INLINE void bsai_object_revive(struct bsai_slab *slab, unsigned index, bool home)
{
    bsai_word *words = bsai_object_words(slab, index);
    bsai_word bit = (bsai_word)1 << (index % BSAI_WORD_BITS);
    bsai_assert(!bsai_object_is_live(slab, index));
    if (BSAI_LIKELY(home))
        bsai_poke(&words[0], bsai_peek(&words[0]) ^ bit);
    else
        bsai_bits_flip(&words[1], bit);
}

/*
 * True when the object was live; it is cached now. False is a double free, and nothing has changed.
 * alone: the heap has one CPU and the caller owns its state, so that nobody else can be freeing.
 */
static BSAI_ALWAYS_INLINE bool bsai_object_retire(struct bsai_slab *slab, unsigned index,
                                                  bool alone)
{
    bsai_word *words = bsai_object_words(slab, index);
    bsai_word bit = (bsai_word)1 << (index % BSAI_WORD_BITS);
    bsai_word handed = bsai_peek(&words[0]) & bit;
    bsai_word taken = bsai_peek(&words[1]);
    if (alone) {
        if (BSAI_UNLIKELY((taken & bit) == handed))
            return false;
        bsai_poke(&words[1], taken ^ bit);
        return true;
    }
    do {
        if (BSAI_UNLIKELY((taken & bit) == handed))
            return false;
    } while (BSAI_UNLIKELY(!bsai_bits_exchange(&words[1], &taken, taken ^ bit)));
    return true;
}

#endif
