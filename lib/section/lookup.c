/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include "../base/arith.h"

/* Fibonacci hashing: 2^64 or 2^32 divided by the golden ratio. */
#if UINTPTR_MAX > UINT32_MAX
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#else
#define GOLDEN UINT32_C(0x9e3779b9)
#endif

size_t bsai_table_bytes(unsigned slot_bits)
{
    return sizeof(struct bsai_section_table) + (sizeof(struct bsai_section *) << slot_bits);
}

void bsai_table_init(struct bsai_section_table *table, unsigned slot_bits)
{
    bsai_memset(table, 0, bsai_table_bytes(slot_bits));
    table->slot_bits = slot_bits;
}

/* Where a granule's entries begin: granules of one number and different sizes lie apart. */
static size_t slot_of(const struct bsai_section_table *table, uintptr_t granule, unsigned shift)
{
    uintptr_t hash = (granule + shift * (GOLDEN >> 7)) * GOLDEN;
    return hash >> (sizeof(hash) * 8 - table->slot_bits);
}

static void enter(struct bsai_section_table *table, uintptr_t granule, unsigned shift,
                  struct bsai_section *section)
{
    size_t mask = ((size_t)1 << table->slot_bits) - 1;
    size_t slot = slot_of(table, granule, shift);
    while (table->slot[slot] != NULL)
        slot = (slot + 1) & mask;
    bsai_publish(&table->slot[slot], section);
    table->used++;
}

void bsai_table_insert(struct bsai_section_table *table, struct bsai_section *section)
{
    size_t bytes = section->map.pages << section->map.page_shift;
    unsigned shift = bsai_log2_up(bytes);
    uintptr_t last = section->map.start + (bytes - 1);
    unsigned sizes = bsai_peek(&table->sizes);
    unsigned i = 0;
    while (i < sizes && table->size_shift[i] != shift)
        i++;
    if (i == sizes) {
        table->size_shift[i] = (uint8_t)shift;
        bsai_publish(&table->sizes, sizes + 1);
    }
    enter(table, section->map.start >> shift, shift, section);
    if (last >> shift != section->map.start >> shift)
        enter(table, last >> shift, shift, section);
}

struct bsai_section *bsai_table_find(const struct bsai_section_table *table, uintptr_t addr,
                                     size_t *steps)
{
    size_t mask = ((size_t)1 << table->slot_bits) - 1;
    unsigned sizes = bsai_consume(&table->sizes);
    for (unsigned i = 0; i < sizes; i++) {
        unsigned shift = table->size_shift[i];
        size_t slot = slot_of(table, addr >> shift, shift);
        for (;;) {
            struct bsai_section *section = bsai_consume(&table->slot[slot]);
            *steps += 1;
            if (section == NULL)
                break;
            if (bsai_map_page(&section->map, addr) < section->map.pages)
                return section;
            slot = (slot + 1) & mask;
        }
    }
    return NULL;
}
