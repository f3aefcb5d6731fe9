/* SPDX-License-Identifier: Apache-2.0 */
/* The buddy as the heap sees it. Each function takes the buddy's lock, unless said otherwise. */
#ifndef BSAI_BUDDY_INTERNAL_H
#define BSAI_BUDDY_INTERNAL_H

#include <buddyslab/buddy.h>

#include "../base/lock.h"
#include "../section/lookup.h"
#include "roster.h"

struct bsa_buddy {
    struct bsa_platform platform;
    size_t page_size;
    unsigned page_shift;
    unsigned lowmem_reserve;    /* 1/n of low memory; BSA_NONE: none */
    bool cold;                  /* sections have an array of slab records */
    bool zeroed;                /* regions come as zero bytes */
    struct bsai_lookup lookup;  /* searched by anybody */
    struct bsai_lock lock;      /* guards what follows, and what the sections lead to */
    struct bsai_section *first; /* all, in order of registration */
    struct bsai_section *last;
    size_t count;                   /* sections */
    size_t shown;                   /* regions, as the user counts them; read anywhere */
    size_t free_pages[BSAI_ZONES];  /* sums over the sections; read anywhere, */
    size_t total_pages[BSAI_ZONES]; /*   as these */
    size_t low_reserve;             /* pages; follows from them */
    size_t taken;                   /* runs, ever; read anywhere */
    struct bsai_roster roster[BSAI_ZONES];
    size_t steps; /* see bsa_buddy_steps */
};

/* Internal config flag: no slab will ever live here, so spare the array of slab records. */
#define BSAI_BUDDY_BARE (1u << 31)
/* And another: see BSA_HEAP_ZEROED. */
#define BSAI_BUDDY_ZEROED (1u << 30)

/*
 * Makes a buddy in *b over region, whose first `front` bytes the caller uses itself (the heap and
 * its CPU states): metadata follows them. On failure nothing is left behind.
 */
enum bsa_status bsai_buddy_setup(struct bsa_buddy *b, void *region, size_t bytes, size_t front,
                                 const struct bsa_buddy_config *config);
enum bsa_status bsai_buddy_add(struct bsa_buddy *b, struct bsai_call *call, void *region,
                               size_t bytes);
/* See bsa_buddy_remove_region. Calls that are in progress may still look at the region's prefix. */
enum bsa_status bsai_buddy_remove(struct bsa_buddy *b, struct bsai_call *call, const void *region);
/* Comes after it, when nothing leads to the region any more: waits for these calls, and tells. With
 * nothing held, not even enter. */
void bsai_buddy_removed(const struct bsa_buddy *b);

/* What bsai_section_find does where the first section does not hold addr. */
struct bsai_section *bsai_section_find_other(const struct bsa_buddy *b, uintptr_t addr,
                                             size_t *page);

/* The section whose managed pages hold addr, and the page's number in it; NULL when there is none.
 * No lock is needed. The section stays as long as a page of it is not free. */
static BSAI_ALWAYS_INLINE struct bsai_section *bsai_section_find(const struct bsa_buddy *b,
                                                                 uintptr_t addr, size_t *page)
{
    const struct bsai_place *first = &b->lookup.near[0]; /* constant from init on */
    size_t number = (addr - first->start) >> b->page_shift, other;
    if (BSAI_LIKELY(number < first->pages)) {
        *page = number;
        return first->section;
    }
    /* By way of a variable of its own: the caller's stays in a register. */
    struct bsai_section *s = bsai_section_find_other(b, addr, &other);
    *page = s != NULL ? other : 0;
    return s;
}

/* The same where it is most likely the section that was found before (NULL: none), which is still
 * there. */
static inline struct bsai_section *bsai_section_near(const struct bsa_buddy *b,
                                                     struct bsai_section *before, uintptr_t addr,
                                                     size_t *page)
{
    if (before != NULL) {
        *page = bsai_map_page(&before->map, addr);
        if (*page < before->map.pages)
            return before;
    }
    return bsai_section_find(b, addr, page);
}

/* A run of pages, and its head's word. */
struct bsai_block {
    void *start;
    uint32_t *word;
};

/*
 * A run of exactly so many pages at a multiple of align bytes (a power of two), its head's word set
 * to kind, which may have a holder, and count. low: only memory below 4 GiB, and all of it. NULL
 * when there is none.
 */
void *bsai_buddy_take(struct bsa_buddy *b, struct bsai_call *call, size_t pages, size_t align,
                      bool low, enum bsai_use use, uint32_t kind);

/* Up to n blocks of 2^order pages (order < BSAI_TREE_LEVELS) under one lock, head words set to
 * kind; not from low memory while there is high memory. How many. */
size_t bsai_buddy_take_batch(struct bsa_buddy *b, struct bsai_call *call, unsigned order, size_t n,
                             enum bsai_use use, uint32_t kind, struct bsai_block *out);

/* Gives back a run whose head and count the caller vouches for, whatever its kind: the head's word
 * becomes NONE. Further words of a slab must have been cleared by the caller. */
void bsai_buddy_give(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, size_t count);

/* The same where several frees may race and none has claimed the word: one of them wins, if the
 * page is the head of a live block of exactly that count. Not where others claim words without the
 * lock. */
bool bsai_buddy_give_block(struct bsa_buddy *b, struct bsai_call *call,
                           struct bsai_section *section, size_t page, size_t count);

/* The same for many blocks of one count of pages, under one lock. */
void bsai_buddy_give_batch(struct bsa_buddy *b, struct bsai_call *call,
                           const struct bsai_block *blocks, size_t n, size_t pages);

/*
 * Cuts a live block at page, whose word was read as `from`, down to the fewer pages that `to` has,
 * which becomes its word; or lets it grow in place to more, when the pages behind it are free.
 * False when they are not, or when the word has changed: somebody may have freed it without this
 * lock.
 */
bool bsai_buddy_shrink(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                       size_t page, uint32_t from, uint32_t to);
bool bsai_buddy_grow(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, uint32_t from, uint32_t to);

/* Says what is wrong with freeing addr, which is no live block's or object's first byte: the
 * status, and call->what. */
enum bsa_status bsai_buddy_blame(struct bsa_buddy *b, struct bsai_call *call, const void *addr);

enum bsa_status bsai_buddy_withdraw(struct bsa_buddy *b, struct bsai_call *call, void *addr,
                                    size_t bytes);
/* See bsa_buddy_release; nothing is held by the caller, not even enter. */
size_t bsai_buddy_release(struct bsa_buddy *b, size_t min_bytes,
                          void (*release)(void *ctx, void *addr, size_t bytes), void *ctx);
enum bsa_status bsai_buddy_flags(const struct bsa_buddy *b, struct bsai_call *call,
                                 const void *addr, unsigned *flags);
void bsai_buddy_count_blocks(const struct bsa_buddy *b, struct bsai_call *call, size_t *counts,
                             size_t count);
/* A region as the user sees it, both parts of a straddling one together. False: there is none of
 * that index. */
bool bsai_buddy_describe(const struct bsa_buddy *b, struct bsai_call *call, size_t index,
                         struct bsa_section_info *info);

/* Sums over all sections; no lock is needed. */
static inline size_t bsai_buddy_free_pages(const struct bsa_buddy *b)
{
    return bsai_peek(&b->free_pages[BSAI_ZONE_LOW]) + bsai_peek(&b->free_pages[BSAI_ZONE_HIGH]);
}

/* Of these, those that anybody may have: all but the reserve of low memory. */
static inline size_t bsai_buddy_open_pages(const struct bsa_buddy *b)
{
    size_t low = bsai_peek(&b->free_pages[BSAI_ZONE_LOW]), reserve = bsai_peek(&b->low_reserve);
    return bsai_peek(&b->free_pages[BSAI_ZONE_HIGH]) + (low > reserve ? low - reserve : 0);
}

static inline size_t bsai_buddy_total_pages(const struct bsa_buddy *b)
{
    return bsai_peek(&b->total_pages[BSAI_ZONE_LOW]) + bsai_peek(&b->total_pages[BSAI_ZONE_HIGH]);
}

/* Without high memory low memory is for everybody. */
static BSAI_ALWAYS_INLINE bool bsai_buddy_has_high(const struct bsa_buddy *b)
{
    return bsai_peek(&b->total_pages[BSAI_ZONE_HIGH]) != 0;
}

/* The lock itself, for snapshots. */
static inline void bsai_buddy_lock(const struct bsa_buddy *b, struct bsai_call *call)
{
    bsai_lock_take((struct bsai_lock *)(uintptr_t)&b->lock, BSAI_RANK_BUDDY, call);
}

static inline void bsai_buddy_unlock(const struct bsa_buddy *b, struct bsai_call *call)
{
    bsai_lock_drop((struct bsai_lock *)(uintptr_t)&b->lock, BSAI_RANK_BUDDY, call);
}

/* The full cross-check of all sections and of the sums over them, the lock held by the caller; NULL
 * or what contradicts. */
const char *bsai_buddy_check(const struct bsa_buddy *b);

/* Adds to a step counter; compiled out without checks. */
#if BSA_CHECKS >= 1
#define bsai_steps(b, n)                                                                           \
    bsai_shared_count(&((struct bsa_buddy *)(uintptr_t)(b))->steps, (size_t)(n))
#else
#define bsai_steps(b, n) ((void)(b), (void)(n))
#endif

#endif
