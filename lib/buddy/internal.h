/* SPDX-License-Identifier: Apache-2.0 */
/* The buddy as the heap sees it. Lock: that of one section at a time, unless said otherwise. */
#ifndef BSAI_BUDDY_INTERNAL_H
#define BSAI_BUDDY_INTERNAL_H

#include <buddyslab/buddy.h>

#include "../section/section.h"

struct bsa_buddy {
    struct bsa_platform platform;
    size_t page_size;
    unsigned page_shift;
    unsigned lowmem_reserve;    /* 1/n of low memory; BSA_NONE: none */
    struct bsai_lock registry;  /* guards additions; readers need no lock */
    struct bsai_section *first; /* all, in order of registration; published */
    struct bsai_section *last;
    size_t shown; /* regions, as the user counts them */
    size_t count; /* sections; published after inline_sections and the table */
    struct bsai_section *inline_sections[BSAI_INLINE_SECTIONS];
    struct bsai_section_table *table; /* beyond the inline ones; published; see section/lookup.c */
    size_t low_free, low_total, high_total; /* pages; shared counters, for the reserve */
    size_t low_reserve;                     /* pages; follows from them */
    struct bsai_section *hint[2]; /* by zone: sections before it have no free page, most likely */
    struct bsai_section
        *locked_last; /* the last that lock_all took; guarded by the first one's lock */
    bool cold;        /* sections have an array of slab records */
    size_t steps;     /* see bsa_buddy_steps */
};

/* Internal config flag: no slab will ever live here, so spare the array of slab records. */
#define BSAI_BUDDY_BARE (1u << 31)

/*
 * Makes a buddy in *b over region, whose first `front` bytes the caller uses itself (the heap and
 * its CPU states): metadata follows them. On failure nothing is left behind.
 */
enum bsa_status bsai_buddy_setup(struct bsa_buddy *b, void *region, size_t bytes, size_t front,
                                 const struct bsa_buddy_config *config);
enum bsa_status bsai_buddy_add(struct bsa_buddy *b, struct bsai_call *call, void *region,
                               size_t bytes);

/* The same where the first section does not hold addr. */
struct bsai_section *bsai_section_find_other(const struct bsa_buddy *b, uintptr_t addr,
                                             size_t *page);

/* The section whose managed pages hold addr, and the page's number in it; NULL when there is none.
 */
static BSAI_ALWAYS_INLINE struct bsai_section *bsai_section_find(const struct bsa_buddy *b,
                                                                 uintptr_t addr, size_t *page)
{
    struct bsai_section *s = b->inline_sections[0]; /* there from init on */
    size_t number = bsai_map_page(&s->map, addr), other;
    if (BSAI_LIKELY(number < s->map.pages)) {
        *page = number;
        return s;
    }
    /* By way of a variable of its own: the caller's stays in a register. */
    s = bsai_section_find_other(b, addr, &other);
    *page = s != NULL ? other : 0;
    return s;
}

/*
 * A run of exactly so many pages at a multiple of align bytes (a power of two), its head's word set
 * to kind and count. low: only memory below 4 GiB, and all of it. NULL when there is none.
 */
void *bsai_buddy_take(struct bsa_buddy *b, struct bsai_call *call, size_t pages, size_t align,
                      bool low, enum bsai_use use, enum bsai_page_kind kind);

/* Up to n blocks of 2^order pages (order < BSAI_TREE_LEVELS) under one lock, head words set to
 * kind; not from low memory while there is high memory. How many. */
size_t bsai_buddy_take_batch(struct bsa_buddy *b, struct bsai_call *call, unsigned order, size_t n,
                             enum bsai_use use, enum bsai_page_kind kind, void **out);

/* Gives back a run whose head and count the caller vouches for, whatever its kind: the head's word
 * becomes NONE. Further words of a slab must have been cleared by the caller. */
void bsai_buddy_give(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, size_t count);

/* The same where several frees may race and none has claimed the word: one of them wins, if the
 * page is the head of a live block of exactly that count. Not where others claim words without the
 * lock. */
bool bsai_buddy_give_block(struct bsa_buddy *b, struct bsai_call *call,
                           struct bsai_section *section, size_t page, size_t count);

/* The same for many blocks of one count of pages; consecutive ones of a section share one lock. */
void bsai_buddy_give_batch(struct bsa_buddy *b, struct bsai_call *call, void *const *blocks,
                           size_t n, size_t pages);

/*
 * Cuts a live block of `from` pages at page down to `to` pages (to < from), or lets it grow in
 * place when the pages behind it are free. False when they are not, or when a live block of so many
 * pages is not there: somebody may have freed it without this lock.
 */
bool bsai_buddy_shrink(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                       size_t page, size_t from, size_t to);
bool bsai_buddy_grow(struct bsa_buddy *b, struct bsai_call *call, struct bsai_section *section,
                     size_t page, size_t from, size_t to);

/* Says what is wrong with freeing addr, which is no live block's or object's first byte: the
 * status, and call->what. */
enum bsa_status bsai_buddy_blame(struct bsa_buddy *b, struct bsai_call *call, const void *addr);

enum bsa_status bsai_buddy_withdraw(struct bsa_buddy *b, struct bsai_call *call, void *addr,
                                    size_t bytes);
enum bsa_status bsai_buddy_flags(const struct bsa_buddy *b, struct bsai_call *call,
                                 const void *addr, unsigned *flags);
void bsai_buddy_count_blocks(const struct bsa_buddy *b, struct bsai_call *call, size_t *counts,
                             size_t count);
size_t bsai_buddy_free_pages(const struct bsa_buddy *b);
size_t bsai_buddy_total_pages(const struct bsa_buddy *b);
/* Section as the user counts them, or NULL. */
const struct bsai_section *bsai_buddy_shown(const struct bsa_buddy *b, size_t index);

/* A region as the user sees it, both parts of a straddling one together. */
void bsai_section_describe(const struct bsai_section *section, struct bsa_section_info *info);

/* All sections' locks at once, in order of registration, for snapshots. */
void bsai_buddy_lock_all(struct bsa_buddy *b, struct bsai_call *call);
void bsai_buddy_unlock_all(struct bsa_buddy *b, struct bsai_call *call);

/* One section's full cross-check, its lock held by the caller; NULL or what contradicts. */
const char *bsai_section_validate(const struct bsa_buddy *b, const struct bsai_section *section);

/* The same for all sections and the sums over them; all sections' locks and the registry's are
 * held. */
const char *bsai_buddy_check(const struct bsa_buddy *b);

/* Adds to a step counter; compiled out without checks. */
#if BSA_CHECKS >= 1
#define bsai_steps(b, n)                                                                           \
    bsai_shared_count(&((struct bsa_buddy *)(uintptr_t)(b))->steps, (size_t)(n))
#else
#define bsai_steps(b, n) ((void)(b), (void)(n))
#endif

#endif
