/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Size classes: the geometry of a slab of one object size, and the way from a request to a class.
 *
 * A slab is the smallest number of pages, power of two or not, that holds at least 8 objects and
 * loses little to its end and its record; see choose_pages. Where 16 pages are too few for 8, and
 * it is larger than any class, an object has pages of its own, a slab of exactly as many as it
 * needs, unless several in one slab lose less; see choose_large.
 */
#ifndef BSAI_CLASSES_H
#define BSAI_CLASSES_H

#include <buddyslab/types.h>

#include "../base/call.h"
#include "object.h"

/* The range or first region that slabs come from has room for at least so many, if they can be
 * small enough: what most_bytes is to be. */
enum { BSAI_SLABS_MIN = 256 };

struct bsai_geometry {
    uint32_t object_size; /* bytes from one to the next */
    uint32_t magic; /* offset / object_size == offset * magic >> 32 within a slab, and the rest of
                       the product is below magic if and only if the division is exact */
    uint32_t capacity; /* objects of a slab */
    uint32_t words;    /* struct bsai_states of a slab */
    uint32_t slab_pages;
    uint32_t slab_align;   /* bytes: a page, or the objects' alignment where that is larger */
    uint32_t record_bytes; /* multiple of BSAI_RECORD_ALIGN */
};

struct bsai_classes {
    unsigned count;
    uint32_t largest; /* object size of the last class */
    uint16_t size[BSA_MAX_CLASSES];
    uint16_t
        natural[BSA_MAX_CLASSES + 1]; /* alignment of a class's objects; a sentinel at the end */
    uint8_t by_size[BSA_MAX_CLASS_SIZE / 8 + 1]; /* [(size + 7) / 8]: smallest class of that size */
};

/*
 * The geometry of slabs of one object size and alignment, both at most BSA_MAX_CACHE_OBJECT.
 * most_bytes bounds a slab where fewer pages do as well but for the part that records take: a small
 * memory must not be one slab.
 */
void bsai_geometry_make(struct bsai_geometry *g, size_t size, size_t align, size_t page_size,
                        size_t most_bytes);

/* That of slabs of as few pages as lose no more than an eighth, for a cache with few objects; their
 * records are of full's size. */
void bsai_geometry_small(struct bsai_geometry *g, const struct bsai_geometry *full,
                         size_t page_size);

/* NULL table: BSA_CLASSES_NINE. False when the table is malformed. */
bool bsai_classes_make(struct bsai_classes *classes, const struct bsa_class_table *table);

/* The smallest class whose size and natural alignment suffice; classes->count when none does: the
 * request is one for pages. align is a power of two. */
static BSAI_ALWAYS_INLINE unsigned bsai_class_for(const struct bsai_classes *classes, size_t size,
                                                  size_t align)
{
    if (BSAI_UNLIKELY(size > classes->largest || align > classes->largest))
        return classes->count;
    unsigned c = classes->by_size[(size + 7) / 8];
    while (BSAI_UNLIKELY(classes->natural[c] < align))
        c++;
    return c;
}

#endif
