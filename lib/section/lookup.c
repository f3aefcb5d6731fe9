/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include "../base/arith.h"

/* Fibonacci hashing: 2^64 or 2^32 divided by the golden ratio. */
#if UINTPTR_MAX > UINT32_MAX
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#else
#define GOLDEN UINT32_C(0x9e3779b9)
#endif

enum {
    TABLE_BITS_MIN = 5,
    TABLE_BITS_FIRST = 10, /* made in advance: room for 256 sections */
    TABLE_ENTRIES = 2,     /* most that one section makes */
    SIZES = sizeof(uintptr_t) * 8
};

struct bsai_section_table {
    unsigned slot_bits; /* constant */
    size_t used;
    unsigned sizes;            /* entries of size_shift; read anywhere */
    uint8_t size_shift[SIZES]; /* the sizes that occur; read anywhere */
    size_t of_size[SIZES];     /* how many sections have each */
    struct bsai_place slot[];  /* 2^slot_bits */
};

/* Where a granule's entries begin: granules of one number and different sizes lie apart. */
static size_t slot_of(const struct bsai_section_table *table, uintptr_t granule, unsigned shift)
{
    uintptr_t hash = (granule + shift * (GOLDEN >> 7)) * GOLDEN;
    return hash >> (sizeof(hash) * 8 - table->slot_bits);
}

static size_t mask_of(const struct bsai_section_table *table)
{
    return ((size_t)1 << table->slot_bits) - 1;
}

/* Searching ------------------------------------------------------------------------------------- */

/* A section and the number of a page in it; no section: none found. */
struct found {
    struct bsai_section *section;
    size_t page;
};

static BSAI_ALWAYS_INLINE struct found look_at(const struct bsai_place *place, uintptr_t addr,
                                               unsigned page_shift)
{
    size_t page = (addr - bsai_consume(&place->start)) >> page_shift;
    struct bsai_section *section = bsai_consume(&place->section);
    return (struct found){page < bsai_consume(&place->pages) ? section : NULL, page};
}

/* Ends whatever it reads, as the table may change meanwhile. */
static BSAI_ALWAYS_INLINE struct found find_in_table(const struct bsai_section_table *table,
                                                     uintptr_t addr, unsigned page_shift,
                                                     size_t *steps)
{
    struct found found = {NULL, 0};
    size_t mask = mask_of(table), probes = 0;
    unsigned sizes = bsai_consume(&table->sizes);
    for (unsigned i = 0; i < sizes && found.section == NULL; i++) {
        unsigned shift = bsai_consume(&table->size_shift[i]);
        const struct bsai_place *place;
        size_t slot = slot_of(table, addr >> shift, shift);
        do {
            place = &table->slot[slot];
            found = look_at(place, addr, page_shift);
            slot = (slot + 1) & mask;
            probes++;
        } while (found.section == NULL && bsai_consume(&place->pages) != 0 && probes <= mask);
    }
    *steps += probes;
    return found;
}

static BSAI_ALWAYS_INLINE struct found find_once(const struct bsai_lookup *lookup, uintptr_t addr,
                                                 unsigned page_shift, size_t *steps)
{
    const struct bsai_section_table *table = bsai_consume(&lookup->table);
    struct found found = {NULL, 0};
    if (table != NULL)
        found = find_in_table(table, addr, page_shift, steps);
    for (unsigned i = 1; i < BSAI_NEAR_PLACES && found.section == NULL; i++)
        found = look_at(&lookup->near[i], addr, page_shift);
    return found;
}

/* True when nothing has changed since the version was read. */
static BSAI_ALWAYS_INLINE bool still(const struct bsai_lookup *lookup, size_t version)
{
    return BSAI_LIKELY(version % 2 == 0) && BSAI_LIKELY(bsai_peek(&lookup->version) == version);
}

static BSAI_NOINLINE struct bsai_section *find_anywhere(const struct bsai_lookup *lookup,
                                                        uintptr_t addr, unsigned page_shift,
                                                        size_t *page, size_t *steps)
{
    for (;;) {
        size_t version = bsai_consume(&lookup->version);
        struct found found = find_once(lookup, addr, page_shift, steps);
        if (still(lookup, version)) {
            *page = found.page;
            return found.section;
        }
        BSA_CPU_PAUSE();
    }
}

/* One of the first two probes is nearly always right, as neighbours of one size share a granule.
 * Without a loop they fit into registers. */
struct bsai_section *bsai_lookup_find(const struct bsai_lookup *lookup, uintptr_t addr,
                                      unsigned page_shift, size_t *page, size_t *steps)
{
    size_t version = bsai_consume(&lookup->version);
    const struct bsai_section_table *table = bsai_consume(&lookup->table);
    if (table != NULL && bsai_consume(&table->sizes) != 0) {
        unsigned shift = bsai_consume(&table->size_shift[0]);
        size_t slot = slot_of(table, addr >> shift, shift);
        struct found found = look_at(&table->slot[slot], addr, page_shift);
        if (found.section == NULL) {
            found = look_at(&table->slot[(slot + 1) & mask_of(table)], addr, page_shift);
            ++*steps;
        }
        ++*steps;
        if (BSAI_LIKELY(found.section != NULL) && still(lookup, version)) {
            *page = found.page;
            return found.section;
        }
    }
    return find_anywhere(lookup, addr, page_shift, page, steps);
}

/* Changing -------------------------------------------------------------------------------------- */

static void set_place(struct bsai_place *place, const struct bsai_place *to)
{
    bsai_publish(&place->start, to->start);
    bsai_publish(&place->section, to->section);
    bsai_publish(&place->pages, to->pages);
    place->home = to->home;
}

static void clear_place(struct bsai_place *place)
{
    bsai_publish(&place->pages, (size_t)0);
}

static struct bsai_place place_of(struct bsai_section *s)
{
    return (struct bsai_place){.start = s->map.start, .pages = s->map.pages, .section = s};
}

/* The granules that a section is entered under; how many. */
static unsigned granules_of(const struct bsai_section *s, unsigned *shift,
                            uintptr_t granule[TABLE_ENTRIES])
{
    size_t bytes = s->map.pages << s->map.page_shift;
    *shift = bsai_log2_up(bytes);
    granule[0] = s->map.start >> *shift;
    granule[1] = (s->map.start + (bytes - 1)) >> *shift;
    return granule[0] == granule[1] ? 1 : TABLE_ENTRIES;
}

static void count_size(struct bsai_section_table *table, unsigned shift)
{
    unsigned i = 0;
    while (i < table->sizes && table->size_shift[i] != shift)
        i++;
    if (i == table->sizes) {
        table->of_size[i] = 0;
        bsai_publish(&table->size_shift[i], (uint8_t)shift);
        bsai_publish(&table->sizes, i + 1);
    }
    table->of_size[i]++;
}

static void uncount_size(struct bsai_section_table *table, unsigned shift)
{
    unsigned i = 0;
    while (table->size_shift[i] != shift)
        i++;
    if (--table->of_size[i] != 0)
        return;
    unsigned last = table->sizes - 1;
    table->of_size[i] = table->of_size[last];
    bsai_publish(&table->size_shift[i], table->size_shift[last]);
    bsai_publish(&table->sizes, last);
}

static void enter(struct bsai_section_table *table, struct bsai_section *section)
{
    unsigned shift;
    uintptr_t granule[TABLE_ENTRIES];
    unsigned entries = granules_of(section, &shift, granule);
    struct bsai_place place = place_of(section);
    count_size(table, shift);
    for (unsigned i = 0; i < entries; i++) {
        size_t slot = place.home = slot_of(table, granule[i], shift);
        while (table->slot[slot].pages != 0)
            slot = (slot + 1) & mask_of(table);
        set_place(&table->slot[slot], &place);
        table->used++;
    }
}

/* Empties a slot, and closes the gap so that no search ends there early (Knuth, 6.4, algorithm R):
 * an entry behind moves into it unless its search begins between the two. */
static void empty_slot(struct bsai_section_table *table, size_t gap)
{
    size_t mask = mask_of(table);
    for (size_t i = (gap + 1) & mask; table->slot[i].pages != 0; i = (i + 1) & mask) {
        if (((i - table->slot[i].home) & mask) < ((i - gap) & mask))
            continue;
        set_place(&table->slot[gap], &table->slot[i]);
        gap = i;
    }
    clear_place(&table->slot[gap]);
    table->used--;
}

static void leave(struct bsai_section_table *table, const struct bsai_section *section)
{
    unsigned shift;
    uintptr_t granule[TABLE_ENTRIES];
    unsigned entries = granules_of(section, &shift, granule);
    for (unsigned i = 0; i < entries; i++) {
        size_t slot = slot_of(table, granule[i], shift);
        while (table->slot[slot].section != section)
            slot = (slot + 1) & mask_of(table);
        empty_slot(table, slot);
    }
    uncount_size(table, shift);
}

void bsai_lookup_enter(struct bsai_lookup *lookup, struct bsai_section *section)
{
    struct bsai_place place = place_of(section);
    unsigned i = 0;
    while (i < BSAI_NEAR_PLACES && lookup->near[i].pages != 0)
        i++;
    bsai_version_open(&lookup->version);
    if (i < BSAI_NEAR_PLACES)
        set_place(&lookup->near[i], &place);
    else
        enter(lookup->table, section);
    bsai_version_close(&lookup->version);
}

static unsigned near_place(const struct bsai_lookup *lookup, const struct bsai_section *section)
{
    unsigned i = 0;
    while (i < BSAI_NEAR_PLACES &&
           (lookup->near[i].pages == 0 || lookup->near[i].section != section))
        i++;
    return i;
}

void bsai_lookup_leave(struct bsai_lookup *lookup, struct bsai_section *section)
{
    unsigned i = near_place(lookup, section);
    bsai_version_open(&lookup->version);
    if (i < BSAI_NEAR_PLACES)
        clear_place(&lookup->near[i]);
    else
        leave(lookup->table, section);
    bsai_version_close(&lookup->version);
}

/* Growing --------------------------------------------------------------------------------------- */

static size_t table_bytes(unsigned slot_bits)
{
    return sizeof(struct bsai_section_table) + (sizeof(struct bsai_place) << slot_bits);
}

size_t bsai_lookup_fitting(size_t bytes)
{
    unsigned bits = TABLE_BITS_MIN;
    if (table_bytes(bits) > bytes)
        return 0;
    while (bits < TABLE_BITS_FIRST && table_bytes(bits + 1) <= bytes)
        bits++;
    return table_bytes(bits);
}

size_t bsai_lookup_wants(const struct bsai_lookup *lookup, size_t more, bool *dense)
{
    const struct bsai_section_table *table = lookup->table;
    for (unsigned i = 0; i < BSAI_NEAR_PLACES && more > 0; i++)
        more -= lookup->near[i].pages == 0 ? 1 : 0;
    size_t entries = (table != NULL ? table->used : 0) + more * TABLE_ENTRIES;
    size_t slots = table != NULL ? (size_t)1 << table->slot_bits : 0;
    *dense = entries <= slots - slots / 8;
    if (more == 0 || entries * 2 <= slots) {
        *dense = true;
        return 0;
    }
    unsigned bits = table != NULL ? table->slot_bits : TABLE_BITS_MIN;
    while ((size_t)1 << bits < entries * 2)
        bits++;
    return table_bytes(bits);
}

void bsai_lookup_extend(struct bsai_lookup *lookup, void *memory, size_t bytes,
                        struct bsai_section *first)
{
    struct bsai_section_table *table = memory;
    bsai_memset(table, 0, bytes);
    while (table_bytes(table->slot_bits + 1) <= bytes)
        table->slot_bits++;
    for (struct bsai_section *s = first; s != NULL; s = s->next) {
        if (near_place(lookup, s) == BSAI_NEAR_PLACES)
            enter(table, s);
    }
    bsai_publish(&lookup->table, table);
}
