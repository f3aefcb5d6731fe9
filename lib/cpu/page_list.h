/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's lists of ready blocks, one for each count of pages from 1 to 64, and 128, 256 and 512.
 *
 * A list is a stack of as many slots as it came with; all together have at most as many pages as
 * `most` says. Where they would have more, the list that has most gives half of it back: so the
 * room goes where it is used. As long as a CPU lists nothing, the others may have its share of the
 * room.
 *
 * What tells that a block is on a list is its word (page/page.h). In exclusive mode a block is
 * handed out, or sent home, only while its word is what this CPU wrote; what is not was freed by
 * another CPU at the same moment.
 *
 * A slot from top on is one without a block, or still has the one that was handed out from it: a
 * free of that very address needs no look-up. Such a slot tells the truth as long as no region has
 * left since it was filled.
 *
 * Owner: as of the CPU. Fields marked "read anywhere" are written with bsai_poke.
 */
#ifndef BSAI_PAGE_LIST_H
#define BSAI_PAGE_LIST_H

#include "../buddy/internal.h"

enum {
    BSAI_LIST_RUN_MAX = 64, /* page lists for runs of 1 .. 64 pages, */
    BSAI_LIST_LARGE = 3,    /*   and of 128, 256 and 512 */
    BSAI_LISTS = BSAI_LIST_RUN_MAX + BSAI_LIST_LARGE,
    BSAI_LIST_SLOTS_MAX = 64
};

_Static_assert(BSAI_LIST_RUN_MAX << BSAI_LIST_LARGE <= BSAI_HELD_MAX,
               "a listed block's count fits beside its holder");
_Static_assert(BSAI_HOLDER(BSA_MAX_CPUS) < BSAI_HOLDER_AWAY, "a holder fits beside its AWAY bit");

#define BSAI_BLOCK_FREED_TWICE "double free of a page block, at once from two CPUs"

struct bsai_page_list {
    struct bsai_block *top;   /* first slot without a block; read anywhere */
    struct bsai_block *limit; /* behind the last slot; constant, as what follows */
    struct bsai_block *base;  /* behind a slot with the word of no block; blocks read anywhere */
    uint32_t lent, kept;      /* words of its blocks: handed out, and on the list */
};

/*
 * Room that is no CPU's: at first all of it. A CPU takes its share when it first needs room, and
 * what it needs beyond as a loan, both until it is drained. Where a share is taken that others have
 * on loan, room is overdrawn, and they give it back.
 */
struct bsai_list_room {
    size_t most; /* that one CPU may have, its share included; constant */
    size_t left; /* a shared counter; overdrawn: less than 0, as a signed number */
};

struct bsai_page_lists {
    size_t listed;         /* pages on all lists; read anywhere */
    size_t most;           /* that there may be: the share and loans; the owner's */
    size_t allocs, misses; /* of those, not from the lists; read anywhere, as the next */
    size_t taken, given;   /* blocks from and to the buddy, for the user or a list */

    /* So many lists are for the fast paths of an exclusive CPU, or none; anybody may set it to 0,
     * which sends the owner to where bsai_page_lists_renew is called. */
    unsigned fast;
    struct bsai_page_list *last; /* bsai_fast_lend has taken from it; the first one before */

    /* Constant. */
    unsigned fast_most;
    unsigned count;
    bool atomic;                 /* frees are in one order with those of other CPUs */
    uint32_t lent, kept;         /* words of blocks of no pages, as above; */
    uint32_t away;               /*   and on a list after another CPU had handed them out */
    struct bsai_page_list *list; /* by bsai_list_of */
    struct bsai_list_room *common;

    size_t share; /* of the room, in pages */
};

/* The list of runs of so many pages; BSAI_LISTS or more where there is none. */
static BSAI_ALWAYS_INLINE unsigned bsai_list_of(size_t pages)
{
    if (BSAI_LIKELY(pages <= BSAI_LIST_RUN_MAX))
        return (unsigned)pages - 1;
    if (!bsai_is_pow2(pages) || pages > (size_t)BSAI_LIST_RUN_MAX << BSAI_LIST_LARGE)
        return BSAI_LISTS;
    return BSAI_LIST_RUN_MAX - 1 + bsai_log2(pages / BSAI_LIST_RUN_MAX);
}

/* And the other way. */
static inline size_t bsai_list_pages(unsigned list)
{
    return list < BSAI_LIST_RUN_MAX ? list + 1
                                    : (size_t)BSAI_LIST_RUN_MAX << (list - BSAI_LIST_RUN_MAX + 1);
}

static inline size_t bsai_page_list_pages(const struct bsai_page_list *list)
{
    return bsai_word_count(bsai_word_unheld(list->lent));
}

/* The list of runs of so many pages that has slots; NULL where there is none. */
static inline struct bsai_page_list *bsai_page_list(const struct bsai_page_lists *lists,
                                                    size_t pages)
{
    unsigned i = bsai_list_of(pages);
    return i < lists->count && lists->list[i].limit != lists->list[i].base ? &lists->list[i] : NULL;
}

/* The kind, with a holder, of a block that is handed out. */
static inline uint32_t bsai_page_lists_lend(const struct bsai_page_lists *lists, size_t pages)
{
    return bsai_page_list(lists, pages) != NULL ? lists->lent : (uint32_t)BSAI_PAGE_BLOCK;
}

/* The pages of a block by its word, if it is one that this CPU had handed out; else no count that a
 * list has. */
static BSAI_ALWAYS_INLINE size_t bsai_lent_pages(const struct bsai_page_lists *lists, uint32_t word)
{
    uint32_t rest = word - lists->lent;
    return rest >> BSAI_KIND_BITS | rest << (32 - BSAI_KIND_BITS);
}

static BSAI_ALWAYS_INLINE void bsai_block_set(struct bsai_block *slot, void *start, uint32_t *word)
{
    bsai_poke(&slot->start, start);
    slot->word = word;
}

/* Slots that lists of so many blocks at most have. */
size_t bsai_page_lists_slots(const uint16_t *blocks, unsigned count);

/* Makes the lists, in zeroed memory, over their slots. */
void bsai_page_lists_init(struct bsai_page_lists *lists, struct bsai_page_list *list,
                          unsigned count, struct bsai_block *slots, const uint16_t *blocks);

/* Tells them their share of the room, in pages. */
void bsai_page_lists_furnish(struct bsai_page_lists *lists, struct bsai_list_room *common,
                             size_t share);

/* Another share, by the owner; loans end. What is listed beyond goes when there is no room. */
void bsai_page_lists_ration(struct bsai_page_lists *lists, size_t share);

/* Whose they are. A CPU with a lock marks its blocks without a holder. */
void bsai_page_lists_own(struct bsai_page_lists *lists, unsigned cpu, bool locked, bool atomic,
                         bool fast);

/* Slots that have no block forget what was handed out from them. */
void bsai_page_lists_renew(struct bsai_page_lists *lists);

/* The block on top of a list is handed out; NULL when there is none, or its word is not as this CPU
 * alone would have left it. */
static BSAI_ALWAYS_INLINE void *bsai_page_list_pop(struct bsai_page_lists *lists,
                                                   struct bsai_page_list *list, size_t pages)
{
    struct bsai_block *slot = list->top - 1;
    uint32_t *word = slot->word;
    if (BSAI_UNLIKELY(!bsai_word_is(word, &list->kept)))
        return NULL;
    bsai_poke(word, list->lent);
    bsai_poke(&list->top, slot);
    bsai_poke(&lists->listed, lists->listed - pages);
    bsai_count(&lists->allocs, (size_t)1);
    return slot->start;
}

static BSAI_ALWAYS_INLINE bool bsai_page_lists_have_room(const struct bsai_page_lists *lists,
                                                         size_t pages)
{
    return lists->listed + pages <= lists->most;
}

/* True when p was handed out from the slot on top by an exclusive CPU, and is back now. */
static BSAI_ALWAYS_INLINE bool bsai_page_list_undo(struct bsai_page_lists *lists,
                                                   struct bsai_page_list *list, size_t pages,
                                                   const void *p)
{
    struct bsai_block *slot = list->top;
    uint32_t *word = slot->word;
    if (BSAI_UNLIKELY(slot->start != p) || BSAI_UNLIKELY(bsai_peek(word) != list->lent))
        return false;
    size_t listed = lists->listed + pages;
    if (BSAI_UNLIKELY(listed > lists->most))
        return false;
    bsai_poke(bsai_word_lower(word), (bsai_half)list->kept);
    bsai_poke(&list->top, slot + 1);
    bsai_poke(&lists->listed, listed);
    return true;
}

/* As bsai_page_list_pop, for any word. *twice: left alone, or set to the address of a block that
 * had been freed twice and was dropped. */
void *bsai_page_list_take(struct bsai_page_lists *lists, struct bsai_page_list *list, void **twice);

static BSAI_ALWAYS_INLINE bool bsai_page_list_has_room(const struct bsai_page_lists *lists,
                                                       const struct bsai_page_list *list,
                                                       size_t pages)
{
    return BSAI_LIKELY(list->top != list->limit) &&
           BSAI_LIKELY(bsai_page_lists_have_room(lists, pages));
}

/* Puts a block whose word has been claimed on a list that has room. */
static BSAI_ALWAYS_INLINE void bsai_page_list_push(struct bsai_page_lists *lists,
                                                   struct bsai_page_list *list, size_t pages,
                                                   void *start, uint32_t *word)
{
    struct bsai_block *top = list->top;
    if (top->start != start ||
        top->word != word) /* else who takes it next would wait for a store */
        bsai_block_set(top, start, word);
    bsai_poke(&list->top, top + 1);
    bsai_poke(&lists->listed, lists->listed + pages);
}

/* Claims a live block that this CPU had handed out, or any CPU in shared mode, whose word was read
 * as `word`: false when somebody else has freed it meanwhile. */
static BSAI_ALWAYS_INLINE bool bsai_block_reclaim(const struct bsai_page_lists *lists, uint32_t *at,
                                                  uint32_t word, bool atomic)
{
    uint32_t kept = word ^ lists->lent ^ lists->kept;
    if (atomic)
        return bsai_word_claim(at, &word, kept);
    /* The CPU is owned now: its last owner may have been a free of this block. */
    if (BSAI_UNLIKELY(bsai_peek(at) != word))
        return false;
    bsai_poke(bsai_word_lower(at), (bsai_half)kept);
    return true;
}

/* The same whoever has handed it out. to_list: the block goes on a list. */
bool bsai_block_claim(const struct bsai_page_lists *lists, uint32_t *at, uint32_t word,
                      bool to_list);

/* Blocks on all lists, for anybody. */
size_t bsai_blocks_listed(const struct bsai_page_lists *lists);

/* Fills an empty list from the buddy, if it is for a power of two of pages: those are asked for
 * again. False when nothing came. */
bool bsai_page_list_refill(struct bsai_page_lists *lists, struct bsai_call *call,
                           struct bsa_buddy *buddy, struct bsai_page_list *list);

/* Makes room for a block in a list. */
void bsai_page_list_make_room(struct bsai_page_lists *lists, struct bsai_call *call,
                              struct bsa_buddy *buddy, struct bsai_page_list *list);

/* Whether a block of so many pages is on a list of the CPU; and gives one that is back to the
 * buddy. */
bool bsai_page_lists_have(const struct bsai_page_lists *lists, const void *start, size_t pages);
void bsai_page_lists_give(struct bsai_page_lists *lists, struct bsai_call *call,
                          struct bsa_buddy *buddy, const void *start, size_t pages);

/* Everything back to the buddy: how many pages. */
size_t bsai_page_lists_drain(struct bsai_page_lists *lists, struct bsai_call *call,
                             struct bsa_buddy *buddy);

#endif
