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
_Static_assert((1 << 16) + BSA_MAX_CLASS_SIZE < UINT32_MAX / BSA_MAX_CLASS_SIZE,
               "a slab of a page is not beyond is_exact, nor where one of 8 objects is not");
_Static_assert(BSA_MAX_CACHE_OBJECT <= UINT32_MAX / 2 &&
                   BSA_MAX_CACHE_OBJECT >> 10 < BSAI_COUNT_MAX,
               "sizes rounded up to pages or an alignment, and counts of pages, fit");

enum {
    MIN_OBJECTS = 8,
    MAX_WASTE = 20,   /* thousandths of a slab and its record: end of the slab, header and states */
    NEAR_BEST = 4,    /*   or so many more than states alone */
    SMALL_WASTE = 125 /* the same while a cache is small */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

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

/* An offset in so many bytes and an object size together are below the magic, so that quotient and
 * remainder are exact. */
static bool is_exact(size_t bytes, size_t object_size)
{
    return bytes + object_size <= bsai_divide(UINT32_MAX, object_size);
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
            !is_exact(pages * page_size, object_size))
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

/* Pages of its own for each object, or the smallest slab of several that wastes least, if that is
 * less. `size` bytes of each `step` count as used. The bytes from one object to the next. */
static size_t choose_large(struct bsai_geometry *g, size_t size, size_t step, size_t page_size,
                           size_t most_bytes)
{
    size_t own = bsai_align_up(size, page_size), chosen = own;
    size_t most = min(most_bytes, BSAI_SLAB_PAGES_MAX * page_size);
    shape(g, own, page_size, own >> bsai_log2(page_size));
    size_t least = own < most ? waste_of(g, size, page_size) : 0;
    size_t bytes = bsai_align_up(2 * step, page_size);
    for (; bytes <= most && least > MAX_WASTE; bytes += page_size) {
        struct bsai_geometry several;
        shape(&several, step, page_size, bytes >> bsai_log2(page_size));
        size_t waste = waste_of(&several, size, page_size);
        if (is_exact(bytes, step) && waste < least) {
            *g = several;
            least = waste;
            chosen = step;
        }
    }
    return chosen;
}

void bsai_geometry_make(struct bsai_geometry *g, size_t size, size_t align, size_t page_size,
                        size_t most_bytes)
{
    size_t step = bsai_align_up(size, align > 8 ? align : 8);
    bool eight = step <= BSAI_SLAB_PAGES_MAX / MIN_OBJECTS * page_size;
    if (step <= bsai_align_up(size, page_size) &&
        (step <= BSA_MAX_CLASS_SIZE || (eight && is_exact(MIN_OBJECTS * step, step))))
        choose_pages(g, step, page_size, most_bytes);
    else
        step = choose_large(g, size, step, page_size, most_bytes);
    g->object_size = (uint32_t)step;
    /* 2^32 / object_size, rounded up; of one object only the first byte is a quotient's. */
    g->magic = g->capacity == 1 ? 1 : (uint32_t)bsai_divide(UINT32_MAX, step) + 1;
    g->slab_align = (uint32_t)(align > page_size ? align : page_size);
}

void bsai_geometry_small(struct bsai_geometry *g, const struct bsai_geometry *full,
                         size_t page_size)
{
    size_t object_size = full->object_size;
    *g = *full;
    for (size_t pages = 1; pages <= full->slab_pages && full->capacity != 1; pages++) {
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
