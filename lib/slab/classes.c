/* SPDX-License-Identifier: Apache-2.0 */
#include <buddyslab/cache.h>

#include "classes.h"

/* The largest slab, in bytes. */
#define SLAB_BYTES_MAX ((size_t)BSAI_SLAB_PAGES_MAX << 16)

_Static_assert(SLAB_BYTES_MAX / 8 >= BSAI_CAPACITY_MAX, "capacity is the tighter bound");
_Static_assert(BSAI_CAPACITY_MAX / 32 <= UINT8_MAX + 1, "a slab's states are numbered in a byte");
_Static_assert(BSAI_CAPACITY_MAX < UINT16_MAX, "counts and indices fit 16 bits");
_Static_assert(BSA_MAX_CLASS_SIZE < UINT16_MAX, "sizes and alignments fit 16 bits");
_Static_assert(BSA_MAX_CLASS_SIZE <= BSA_MAX_CACHE_OBJECT, "what follows is about both");
_Static_assert(
    (1 << 16) + BSA_MAX_CACHE_OBJECT < UINT32_MAX / BSA_MAX_CACHE_OBJECT,
    "in a slab of a page an offset and an object size together are below every magic, so "
    "that quotient and remainder are exact; choose_pages sees to that of larger ones");
_Static_assert(BSA_MAX_CACHE_OBJECT <= BSAI_SLAB_PAGES_MAX << 10,
               "a slab holds an object at least");

enum {
    MIN_OBJECTS = 8,
    MAX_WASTE = 20,   /* thousandths of a slab and its record: end of the slab, header and states */
    NEAR_BEST = 4,    /*   or so many more than states alone */
    SMALL_WASTE = 125 /* the same while a cache is small */
};

static void shape(struct bsai_geometry *g, size_t object_size, size_t page_size, size_t pages)
{
    size_t objects = bsai_divide(pages * page_size, object_size);
    g->slab_pages = (uint32_t)pages;
    g->capacity = (uint32_t)objects;
    /* Where the slab's end is unused, an address in it may seem to be one object more. */
    size_t places = objects + (objects * object_size != pages * page_size);
    g->words = (uint32_t)((places + BSAI_WORD_BITS - 1) / BSAI_WORD_BITS);
    g->record_bytes = (uint32_t)bsai_align_up(
        sizeof(struct bsai_slab) + g->words * sizeof(struct bsai_states), BSAI_RECORD_ALIGN);
}

/* Thousandths of a slab and its record that are not objects. */
static size_t waste_of(const struct bsai_geometry *g, size_t object_size, size_t page_size)
{
    size_t all = g->slab_pages * page_size + g->record_bytes;
    return bsai_divide((all - g->capacity * object_size) * 1000, all);
}

/* The smallest slab that wastes little; if there is none up to most_bytes, the one of those that
 * wastes least. Slabs of fewer than 8 objects, or larger than most_bytes, only if all are. */
static void choose_pages(struct bsai_geometry *g, size_t object_size, size_t page_size,
                         size_t most_bytes)
{
    struct bsai_geometry best = {.slab_pages = 0};
    size_t least = 0;
    size_t ideal = bsai_divide(3000, 8 * object_size + 3);
    size_t most = ideal + NEAR_BEST > MAX_WASTE ? ideal + NEAR_BEST : (size_t)MAX_WASTE;
    for (size_t pages = 1; pages <= BSAI_SLAB_PAGES_MAX; pages++) {
        /* Slabs of a power of two of bytes leave no odd pages between each other. */
        if (bsai_is_pow2(object_size) && !bsai_is_pow2(pages))
            continue;
        shape(g, object_size, page_size, pages);
        if (g->capacity == 0)
            continue;
        if (g->capacity > BSAI_CAPACITY_MAX || g->record_bytes > page_size - BSAI_RECORD_ALIGN ||
            pages * page_size + object_size > bsai_divide(UINT32_MAX, object_size))
            break;
        bool few = best.slab_pages != 0 && best.capacity < MIN_OBJECTS;
        if (best.slab_pages != 0 && !few && pages * page_size > most_bytes)
            break;
        size_t waste = waste_of(g, object_size, page_size);
        if (best.slab_pages == 0 || few || waste < least) {
            best = *g;
            least = waste;
        }
        if (g->capacity >= MIN_OBJECTS && waste <= most)
            break;
    }
    *g = best;
}

void bsai_geometry_make(struct bsai_geometry *g, size_t object_size, size_t page_size,
                        size_t most_bytes)
{
    size_t natural = object_size & (0 - object_size);
    choose_pages(g, object_size, page_size, most_bytes);
    g->object_size = (uint32_t)object_size;
    g->magic =
        (uint32_t)bsai_divide(UINT32_MAX, object_size) + 1; /* 2^32 / object_size, rounded up */
    g->slab_align = (uint32_t)(natural > page_size ? natural : page_size);
}

void bsai_geometry_small(struct bsai_geometry *g, const struct bsai_geometry *full,
                         size_t page_size)
{
    size_t object_size = full->object_size;
    *g = *full;
    for (size_t pages = 1; pages <= full->slab_pages; pages++) {
        if (bsai_is_pow2(object_size) && !bsai_is_pow2(pages))
            continue;
        shape(g, object_size, page_size, pages);
        g->record_bytes = full->record_bytes;
        if (g->capacity != 0 && waste_of(g, object_size, page_size) <= SMALL_WASTE)
            break;
    }
}

static bool table_is_sound(const unsigned *sizes, unsigned count)
{
    if (sizes == NULL || count == 0 || count > BSA_MAX_CLASSES)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (sizes[i] % 8 != 0 || sizes[i] == 0 || sizes[i] > BSA_MAX_CLASS_SIZE)
            return false;
        if (i > 0 && sizes[i] <= sizes[i - 1])
            return false;
    }
    return true;
}

bool bsai_classes_make(struct bsai_classes *classes, const struct bsa_class_table *table)
{
    struct bsa_class_table own;
    if (table == NULL)
        table = bsa_standard_classes(BSA_CLASSES_NINE);
    if (!bsai_copy_sized(&own, sizeof(own), table, table->size))
        return false;
    if (!table_is_sound(own.object_sizes, own.count))
        return false;

    classes->count = own.count;
    classes->largest = own.object_sizes[own.count - 1];
    for (unsigned c = 0; c < own.count; c++) {
        classes->size[c] = (uint16_t)own.object_sizes[c];
        classes->natural[c] = (uint16_t)(own.object_sizes[c] & (0 - own.object_sizes[c]));
    }
    classes->natural[own.count] = UINT16_MAX;
    for (unsigned i = 0, c = 0; i <= classes->largest / 8; i++) {
        if (classes->size[c] < i * 8)
            c++;
        classes->by_size[i] = (uint8_t)c;
    }
    return true;
}
