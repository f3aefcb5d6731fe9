/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to its section, by any number of readers that take no lock.
 *
 * The first few sections have places that are compared one by one. For those beyond, memory is
 * divided into granules of each power of two in turn, and a hash table has each section under the
 * one or two granules of its own size, rounded up to a power of two, that it touches; at most three
 * sections of that size touch one granule, since they do not overlap. A look-up probes once for
 * each size that occurs, however many sections have it.
 *
 * Sections come and go, and the memory of one that went is not ours any more. So a place holds the
 * bounds themselves, and a reader touches a section only when the address is in it. A version is
 * odd while places change; a reader that has met two versions looks again (a sequence lock). The
 * first place never changes and needs none of this.
 *
 * A table that has become too small is replaced by a larger one and stays as it is, for readers
 * that still look into it.
 *
 * The buddy's lock guards all changes.
 */
#ifndef BSAI_LOOKUP_H
#define BSAI_LOOKUP_H

#include "section.h"

enum { BSAI_NEAR_PLACES = 4 };

/* Where a section is; read anywhere. No pages: an unused place. */
struct bsai_place {
    uintptr_t start;
    size_t pages;
    struct bsai_section *section;
    size_t home; /* in the table: the slot where the search for it begins */
};

struct bsai_section_table;

struct bsai_lookup {
    struct bsai_place near[BSAI_NEAR_PLACES];
    size_t version;
    struct bsai_section_table *table; /* beyond the near places; NULL or published */
};

/* The section whose pages hold addr, other than the first one, and the page's number; NULL when
 * there is none. *steps: slots that were read. */
struct bsai_section *bsai_lookup_find(const struct bsai_lookup *lookup, uintptr_t addr,
                                      unsigned page_shift, size_t *page, size_t *steps);

void bsai_lookup_enter(struct bsai_lookup *lookup, struct bsai_section *section);
void bsai_lookup_leave(struct bsai_lookup *lookup, struct bsai_section *section);

/* Bytes of the largest table that takes no more than so many, 0 when that is none. */
size_t bsai_lookup_fitting(size_t bytes);

/* Bytes of the table that is wanted before so many more sections are entered, 0 when what is there
 * serves, and whether they could be entered without it, more densely than they should. */
size_t bsai_lookup_wants(const struct bsai_lookup *lookup, size_t more, bool *dense);

/* Moves the sections of the list that first leads, by next, into a table of that size. */
void bsai_lookup_extend(struct bsai_lookup *lookup, void *memory, size_t bytes,
                        struct bsai_section *first);

#endif
