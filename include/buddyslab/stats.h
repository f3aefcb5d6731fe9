/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of a heap as one consistent snapshot.
 *
 * Every byte of managed memory is in exactly one of: free_bytes (pages_listed_bytes of it on CPUs'
 * lists), block_bytes, slab_bytes, record_bytes, cpu_bytes. Within slabs, per class:
 *   objects = live + in_magazines + in_depot + free + remote_pending
 * Page occupancy, bsa_heap_allocated_bytes, is managed_bytes - free_bytes.
 */
#ifndef BUDDYSLAB_STATS_H
#define BUDDYSLAB_STATS_H

#include <buddyslab/types.h>

struct bsa_class_stats {
    size_t object_size;      /* bytes */
    size_t slab_pages;       /* pages of the next slab: fewer while a named cache is small */
    size_t objects_per_slab; /* that it has room for */
    size_t record_bytes;     /* bytes of one slab's record, outside the slab */
    size_t slabs;            /* all of them; */
    size_t slab_bytes;       /*   their pages, */
    size_t objects;          /*   and what they have room for */
    size_t empty_slabs;      /* slabs without an object out; */
    size_t empty_objects;    /*   what they have room for */
    size_t live;             /* objects in the user's hands */
    size_t in_magazines;
    size_t in_depot;
    size_t free;           /* in slabs, collected */
    size_t remote_pending; /* in slabs, freed by another CPU than the slab's home, not collected */
};

struct bsa_heap_stats {
    size_t size;
    size_t page_size;
    size_t sections;
    size_t cpus_used;       /* CPUs whose state has been made */
    size_t cpu_state_bytes; /* bytes of one CPU's state, without magazines for named caches */
    size_t managed_bytes;
    size_t free_bytes;
    size_t pages_listed_bytes; /* on CPUs' page lists, counted as free */
    size_t block_bytes;        /* live page blocks */
    size_t blocks;             /* live page blocks, a count */
    size_t slab_bytes;         /* pages of slabs, those of named caches included */
    size_t record_bytes;       /* pages that hold slab records */
    size_t cpu_bytes;          /* pages that hold CPU state */
    size_t metadata_bytes;     /* prefixes of the regions: outside managed memory */
    unsigned classes;          /* entries of size_class that are filled */
    struct bsa_class_stats size_class[BSA_MAX_CLASSES];
    size_t caches;           /* named caches; bsa_heap_cache_stats has their figures */
    size_t cache_slab_bytes; /* of slab_bytes, those of named caches */
};
#define BSA_HEAP_STATS_INIT                                                                        \
    {                                                                                              \
        .size = sizeof(struct bsa_heap_stats)                                                      \
    }

/* Counters of one CPU since it first called. */
struct bsa_cpu_stats {
    size_t size;
    size_t magazine_refills;       /* allocations that found the magazine empty */
    size_t magazine_flushes;       /* frees that found it full */
    size_t depot_gets, depot_puts; /* batches fetched from the depot, and left in it */
    size_t objects_sent_home;      /* objects returned to slabs whose home is another CPU */
    size_t slabs_added;
    size_t page_allocs;    /* blocks, those of objects above the classes included */
    size_t page_list_hits; /* page allocations served from the lists */
    size_t objects_cached; /* in its magazines now */
    size_t pages_listed;   /* on its page lists now, in pages */
};
#define BSA_CPU_STATS_INIT                                                                         \
    {                                                                                              \
        .size = sizeof(struct bsa_cpu_stats)                                                       \
    }

/*
 * Fills stats (stats->size must be set). In shared mode all CPUs' locks, all classes' and the
 * buddy's are held at once: exact under load. In exclusive mode exact while no call is in flight;
 * else the parts add up all the same, but what moves meanwhile may be in another one than it is.
 */
BSA_API enum bsa_status bsa_heap_stats(bsa_heap *heap, struct bsa_heap_stats *stats);

/* Counters of one CPU; zeros for one that has not called yet. BSA_ERR_INVALID_PARAM: id out of
 * range. Takes no lock: each figure is true, the sum of them only while the CPU is not at work. */
BSA_API enum bsa_status bsa_heap_cpu_stats(bsa_heap *heap, unsigned cpu,
                                           struct bsa_cpu_stats *stats);

#endif
