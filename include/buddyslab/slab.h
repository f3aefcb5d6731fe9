/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slab allocator alone: objects of fixed sizes on pages that the caller brings.
 *
 * It never asks for memory: an allocation that finds no object says how many pages it needs, the
 * caller adds a slab of them and asks again; a free that empties a slab may hand its pages back.
 * All metadata (a word per page, a record with three bits per object) lies in storage
 * that the caller gave at init, so that memory is never searched and freed objects are never
 * written (Bonwick 1994, with off-slab records for every size).
 *
 * Mode: with BSA_SLAB_UNLOCKED the caller guarantees that one call runs at a time; else calls may
 * come from any number of contexts at once and take the lock of one size class.
 */
#ifndef BUDDYSLAB_SLAB_H
#define BUDDYSLAB_SLAB_H

#include <buddyslab/platform.h>
#include <buddyslab/types.h>

enum { BSA_SLAB_UNLOCKED = 1u << 0 };

struct bsa_slab_config {
    size_t size;
    size_t page_size;                      /* as in struct bsa_buddy_config */
    unsigned flags;                        /* BSA_SLAB_UNLOCKED */
    const struct bsa_platform *platform;   /* copied; NULL: no hooks */
    const struct bsa_class_table *classes; /* NULL: BSA_CLASSES_NINE */
    unsigned keep_empty;                   /* empty slabs kept per class; 0: 1; BSA_NONE: none */
    void *range;                           /* slabs come from [range, range + range_bytes) */
    size_t range_bytes;
};
#define BSA_SLAB_CONFIG_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct bsa_slab_config), .page_size = 4096                                  \
    }

/* What an allocation gave, or needs. */
struct bsa_slab_result {
    void *object;         /* the object, or NULL: then */
    unsigned needs_class; /*   add a slab for this class */
    size_t needs_pages;   /*   of so many pages */
    size_t needs_align;   /*   at a multiple of so many bytes, and ask again */
};

/* Pages that are the caller's again, or base NULL. */
struct bsa_slab_freed {
    void *base;
    size_t pages;
};

/* Bytes of storage that suffice for the whole range in any mix of classes; 0 when config is
 * invalid. Less is accepted by bsa_slab_init; then bsa_slab_add may find no room for a record. */
BSA_API size_t bsa_slab_storage_bytes(const struct bsa_slab_config *config);

/* Makes a slab allocator in storage; *slab must be NULL and is set on success only.
 * BSA_ERR_INVALID_PARAM, BSA_ERR_ALREADY_INITIALIZED, BSA_ERR_NO_MEMORY (storage too small). */
BSA_API enum bsa_status bsa_slab_init(bsa_slab **slab, void *storage, size_t bytes,
                                      const struct bsa_slab_config *config);

/*
 * An object of at least size bytes at a multiple of align (a power of two), both at most the
 * largest class; size 0 is the smallest object. cpu: who asks; a slab's home is the CPU that added
 * it. BSA_OK with result->object, or BSA_OK with object NULL and what is needed.
 * BSA_ERR_INVALID_PARAM: alignment, or cpu not below BSA_MAX_CPUS. BSA_ERR_NO_MEMORY: larger than
 * the largest class. Steps bounded by a constant, however many slabs are full or hold objects that
 * others freed.
 */
BSA_API enum bsa_status bsa_slab_alloc(bsa_slab *slab, unsigned cpu, size_t size, size_t align,
                                       struct bsa_slab_result *result);

/* Brings a slab: base is the first of the pages that an allocation asked for; their contents do not
 * matter and are not touched. BSA_ERR_INVALID_PARAM (class, count or alignment), BSA_ERR_NOT_FOUND
 * (not in the range), BSA_ERR_MEMORY_OVERLAP (a page is a slab's already): all three reported to
 * the fault hook. BSA_ERR_NO_MEMORY (no room for the record). */
BSA_API enum bsa_status bsa_slab_add(bsa_slab *slab, unsigned cpu, unsigned size_class, void *base,
                                     size_t pages);

/*
 * Frees an object from any CPU. NULL: BSA_OK, nothing done. From a CPU other than the slab's home
 * the object is pending until an allocation of its class collects it. *freed: pages to give back,
 * if base is not NULL. Status of misuse as bsa_heap_free; BSA_ERR_INVALID_PARAM also for cpu not
 * below BSA_MAX_CPUS.
 */
BSA_API enum bsa_status bsa_slab_free(bsa_slab *slab, unsigned cpu, void *object,
                                      struct bsa_slab_freed *freed);

/* Takes one empty slab from the allocator, kept ones included; freed->base NULL when there is none.
 * Takes the lock of each size class in turn, as bsa_slab_validate. */
BSA_API enum bsa_status bsa_slab_reclaim(bsa_slab *slab, struct bsa_slab_freed *freed);

/* Objects freed by other CPUs than their slab's home and not yet collected, in all classes. Takes
 * no lock. */
BSA_API size_t bsa_slab_pending(const bsa_slab *slab);

/* Cross-checks the counters, lists and bitmaps of each class against its slabs, all found by the
 * range's pages. BSA_OK, or BSA_ERR_INVALID_PARAM with a description of the first contradiction to
 * the log hook. O(pages * classes). */
BSA_API enum bsa_status bsa_slab_validate(bsa_slab *slab);

#endif
