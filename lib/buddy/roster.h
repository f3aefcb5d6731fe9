/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of one zone in order of registration, each with a bound: no block of that order or a
 * larger one is free in it, 0 when no page is.
 *
 * It answers which is the first section that may have a block, in a time that grows with the
 * logarithm of their number: a tree of bytes, eight to a word, in which a byte above is the largest
 * of a word below.
 *
 *     best:   [.......9]                          the root, whose bytes stand for the words below
 *             [..41...9] [........] ...
 *             [........] [..4....1] ...           a byte for each section
 *     slot:   the sections                        NULL where one has left
 *
 * Eight sections need no further memory. The buddy's lock guards all of it.
 */
#ifndef BSAI_ROSTER_H
#define BSAI_ROSTER_H

#include "../section/section.h"

enum { BSAI_ROSTER_FEW = 8 };
#define BSAI_NO_SLOT SIZE_MAX

struct bsai_roster {
    size_t capacity; /* slots: a power of eight */
    size_t used;     /* slots, from the start, that have been given out since it was last dense */
    size_t count;    /* sections */
    struct bsai_section **slot;
    uint64_t *best; /* the words of all levels, the lowest first */
    struct bsai_section *few_slots[BSAI_ROSTER_FEW];
    uint64_t few_best;
};

/* In place: a roster is not moved. */
void bsai_roster_init(struct bsai_roster *roster);

/* The first slot at or behind `from` whose section's bound is at least so much, which is not 0;
 * BSAI_NO_SLOT when there is none. */
size_t bsai_roster_next(const struct bsai_roster *roster, size_t from, unsigned bound);

void bsai_roster_set(struct bsai_roster *roster, size_t slot, unsigned bound);

/* There must be room. The bound is 0. */
void bsai_roster_add(struct bsai_roster *roster, struct bsai_section *section);
void bsai_roster_remove(struct bsai_roster *roster, struct bsai_section *section);

static inline size_t bsai_roster_room(const struct bsai_roster *roster)
{
    return roster->capacity - roster->count;
}

/* Bytes for so many slots, a power of eight. */
size_t bsai_roster_bytes(size_t capacity);

/* Moves to memory for so many slots. */
void bsai_roster_extend(struct bsai_roster *roster, void *memory, size_t capacity);

/* NULL, or what contradicts. */
const char *bsai_roster_validate(const struct bsai_roster *roster);

#endif
