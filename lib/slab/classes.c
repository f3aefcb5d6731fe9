/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"

_Static_assert((BSAI_SLAB_PAGES_MAX << 16) / 8 >= BSAI_CAPACITY_MAX,
               "capacity is the tighter bound");
_Static_assert(BSAI_CAPACITY_MAX <= BSAI_STATE_COUNT, "a count holds a whole slab");
_Static_assert(BSA_MAX_CLASS_SIZE < UINT16_MAX, "sizes and alignments fit 16 bits");
_Static_assert(BSA_MAX_CLASS_SIZE <= (UINT64_C(1) << 32) / (BSAI_SLAB_PAGES_MAX << 16),
               "the magic division is exact up to slab bytes * object size = 2^32");

enum { MIN_OBJECTS = 8, MAX_WASTE_PART = 50 };

/* Pages of a slab: the first count that is good enough, or the best of all. */
static size_t choose_pages(size_t object_size, size_t page_size)
{
    size_t best = 0, best_used = 0;
    for (size_t pages = 1; pages <= BSAI_SLAB_PAGES_MAX; pages++) {
        size_t bytes = pages * page_size;
        size_t objects = bsai_divide(bytes, object_size);
        size_t used = objects * object_size;
        if (objects > BSAI_CAPACITY_MAX)
            break;
        if (objects >= MIN_OBJECTS && (bytes - used) * MAX_WASTE_PART <= bytes)
            return pages;
        if (used != 0 && (best == 0 || used * best > best_used * pages)) {
            best = pages;
            best_used = used;
        }
    }
    return best;
}

void bsai_geometry_make(struct bsai_geometry *g, size_t object_size, size_t page_size)
{
    size_t pages = choose_pages(object_size, page_size);
    size_t natural = object_size & (0 - object_size);
    g->object_size = (uint32_t)object_size;
    g->magic =
        (uint32_t)bsai_divide(UINT32_MAX, object_size) + 1; /* 2^32 / object_size, rounded up */
    g->slab_pages = (uint32_t)pages;
    g->capacity = (uint32_t)bsai_divide(pages * page_size, object_size);
    g->words = (g->capacity + BSAI_WORD_BITS - 1) / BSAI_WORD_BITS;
    g->slab_align = (uint32_t)(natural > page_size ? natural : page_size);
    g->record_bytes = (uint32_t)bsai_align_up(
        sizeof(struct bsai_slab) + 3 * g->words * sizeof(bsai_word), BSAI_RECORD_ALIGN);
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
    unsigned c = 0;
    for (unsigned i = 0; i <= classes->largest / 8; i++) {
        if (own.object_sizes[c] < i * 8)
            c++;
        classes->by_size[i] = (uint8_t)c;
    }
    for (c = 0; c < own.count; c++) {
        classes->size[c] = (uint16_t)own.object_sizes[c];
        classes->natural[c] = (uint16_t)(own.object_sizes[c] & (0 - own.object_sizes[c]));
    }
    classes->natural[own.count] = UINT16_MAX;
    return true;
}
