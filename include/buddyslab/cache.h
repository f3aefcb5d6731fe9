/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named caches of a heap: slabs of one object size and alignment, with magazines and figures of
 * their own (Bonwick 1994). Of large objects, of more than 8 KiB or an eighth of 16 pages, each has
 * pages of its own, no more than it needs, unless several in one slab lose less.
 *
 * They live beside the heap's size classes and come from the same pages, so that everything that a
 * heap does to free memory, or says about itself, covers them too: drain, reclaim, an allocation
 * that finds no memory, validation, walks. bsa_heap_free takes their objects as well.
 *
 * Context and locks are those of bsa_heap_alloc and bsa_heap_free, unless a function says
 * otherwise.
 */
#ifndef BUDDYSLAB_CACHE_H
#define BUDDYSLAB_CACHE_H

#include <buddyslab/stats.h>
#include <buddyslab/types.h>

#define BSA_CACHE_NAME_MAX 32u          /* bytes of a name, its end included */
#define BSA_MAX_CACHE_OBJECT (1u << 30) /* bytes */

struct bsa_cache_config {
    size_t size;
    const char *name;   /* copied; 1 to BSA_CACHE_NAME_MAX - 1 bytes; need not be unique */
    size_t object_size; /* bytes, 1 to BSA_MAX_CACHE_OBJECT */
    size_t align;       /* bytes, a power of two up to BSA_MAX_CACHE_OBJECT; 0: 8. Objects lie at
                           multiples of it, in a slab of several one behind the other, each in a
                           multiple of 8 bytes */
    unsigned flags;     /* none yet */
    unsigned magazine_objects; /* most objects in a CPU's magazine, as far as there is room for
                                  slots; 0: by size; BSA_NONE: none */
    unsigned keep_empty;       /* empty slabs kept; 0: 1, or none where one is a single object of
                                  more than 1/256 of the first region; BSA_NONE: none */
};
#define BSA_CACHE_CONFIG_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(struct bsa_cache_config)                                                    \
    }

/*
 * Makes a cache; *cache must be NULL and is set on success only. Memory is taken when objects are.
 * BSA_ERR_NOT_INITIALIZED (heap NULL), BSA_ERR_ALREADY_INITIALIZED, BSA_ERR_INVALID_PARAM (name,
 * size, alignment, flags), BSA_ERR_NO_MEMORY (as many as bsa_heap_config.caches are there). Takes
 * the registry's lock.
 */
BSA_API enum bsa_status bsa_cache_create(bsa_heap *heap, const struct bsa_cache_config *config,
                                         bsa_cache **cache);

/*
 * Ends a cache whose objects are all free: its slabs go back to the buddy, *cache becomes NULL.
 * *live (may be NULL) tells how many objects are live; where there are any, the cache stays, and
 * BSA_ERR_INVALID_PARAM is also told to the fault hook. No other call on the cache may be in
 * flight, and in exclusive mode none on the heap. Takes the registry's lock and each CPU's.
 */
BSA_API enum bsa_status bsa_cache_destroy(bsa_cache **cache, size_t *live);

/* An object. Errors as bsa_heap_alloc; BSA_ERR_NOT_INITIALIZED: cache is NULL, or was destroyed. */
BSA_API enum bsa_status bsa_cache_alloc(bsa_cache *cache, void **out);

/* Frees an object of this cache, from any CPU. NULL: BSA_OK, nothing done. Errors as bsa_heap_free;
 * and BSA_ERR_INVALID_PARAM for what is live in another cache, in a size class, or a block. */
BSA_API enum bsa_status bsa_cache_free(bsa_cache *cache, void *p);

/* The same with a CPU's handle, which spares the cpu_id hook. BSA_ERR_INVALID_PARAM: of another
 * heap. */
BSA_API enum bsa_status bsa_cpu_cache_alloc(bsa_cpu *cpu, bsa_cache *cache, void **out);
BSA_API enum bsa_status bsa_cpu_cache_free(bsa_cpu *cpu, bsa_cache *cache, void *p);

struct bsa_cache_stats {
    size_t size;
    char name[BSA_CACHE_NAME_MAX];
    size_t object_size; /* bytes, as configured */
    size_t align;
    struct bsa_class_stats objects; /* objects.object_size: bytes from one to the next, or of a
                                       slab of one; bsa_usable_size */
};
#define BSA_CACHE_STATS_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct bsa_cache_stats)                                                     \
    }

/* Fills stats (stats->size must be set), exact as bsa_heap_stats, and with its locks. */
BSA_API enum bsa_status bsa_cache_stats(bsa_cache *cache, struct bsa_cache_stats *stats);

/* The same of all caches at one moment, in the order of bsa_heap_cache: fills as many of an array
 * of `room` as there are, whose first one's size must be set, the distance to the next one. *count:
 * how many caches there are, be there room for them or not. */
BSA_API enum bsa_status bsa_heap_cache_stats(bsa_heap *heap, struct bsa_cache_stats *stats,
                                             size_t room, size_t *count);

/* The caches that there are, in no order: the first one at index 0, NULL behind the last one. Takes
 * no lock. */
BSA_API bsa_cache *bsa_heap_cache(const bsa_heap *heap, size_t index);

#endif
