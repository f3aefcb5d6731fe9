/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to its section when there are many.
 *
 * Memory is divided into granules of each power of two in turn. A section is entered under the one
 * or two granules of its own size, rounded up to a power of two, that it touches; at most three
 * sections of that size touch one granule, since they do not overlap. A look-up probes once for
 * each size that occurs, however many sections have it.
 *
 * Entries are only ever added, under the registry lock, each by one store: readers take no lock. A
 * table that has become too small is replaced by a larger one and stays as it is, for readers that
 * still look into it.
 */
#ifndef BSAI_LOOKUP_H
#define BSAI_LOOKUP_H

#include "section.h"

struct bsai_section_table {
    unsigned slot_bits;
    size_t used;
    unsigned sizes;                            /* entries of size_shift; published after them */
    uint8_t size_shift[sizeof(uintptr_t) * 8]; /* the sizes that occur */
    struct bsai_section *slot[];               /* 2^slot_bits */
};

/* Most entries that one section makes. */
enum { BSAI_TABLE_ENTRIES = 2 };

size_t bsai_table_bytes(unsigned slot_bits);
void bsai_table_init(struct bsai_section_table *table, unsigned slot_bits);
/* At least BSAI_TABLE_ENTRIES slots and one more must be unused. */
void bsai_table_insert(struct bsai_section_table *table, struct bsai_section *section);
/* *steps: slots that were read. */
struct bsai_section *bsai_table_find(const struct bsai_section_table *table, uintptr_t addr,
                                     size_t *steps);

#endif
