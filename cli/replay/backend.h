/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the replay asks of an allocator, so that any allocator can be put under the same trace.
 *
 * A backend serves numbered CPUs. In the strict schedule it is called from one thread at a time,
 * but the thread may differ from call to call; in the others each CPU has a thread, and the calls
 * that name a CPU come from several at once, while those that name none come while nothing else is
 * in flight. Only what is said to be otherwise is. None of the calls between open and close may
 * allocate from the process's own heap, unless that is the allocator: they run inside the measured
 * loop.
 */
#ifndef BSA_CLI_REPLAY_BACKEND_H
#define BSA_CLI_REPLAY_BACKEND_H

#include <glib.h>

#include "caches.h"

#define REPLAY_MAX_SECTIONS 64u
#define REPLAY_MAX_CLASSES 64u
/* Size classes, and named caches, which are numbered behind them. */
#define REPLAY_ALL_CLASSES (REPLAY_MAX_CLASSES + REPLAY_MAX_CACHES)
#define REPLAY_ORDERS 21u         /* free blocks are counted at orders 0 to 20 */
#define REPLAY_NO_CLASS G_MAXUINT /* a request that is served by pages */

enum replay_status {
    REPLAY_OK,
    REPLAY_NO_MEMORY, /* the request fails, the replay goes on */
    REPLAY_ERROR      /* a contradiction; last_error tells, the replay stops */
};

/* Of a size class, or a named cache. */
struct replay_class {
    guint64 object_size;
    guint64 slab_pages, objects_per_slab; /* of the next slab */
    guint64 slabs, slab_bytes, slots;     /* of all; objects that they have room for */
    guint64 empty_slabs, empty_slots;     /* of them without an object out */
    guint64 live;
    guint64 in_magazines, in_depot;
    guint64 free;           /* in slabs, collected */
    guint64 remote_pending; /* in slabs, freed by another CPU, not collected */
};

/* One region as the allocator manages it. */
struct replay_section {
    const void *start; /* first page */
    guint64 pages;
    guint64 free_pages; /* pages on CPUs' lists included */
};

/*
 * The allocator's own books at one moment, in bytes unless said otherwise:
 *   regions = managed + metadata + at most two part pages at the ends of each region
 *   managed = free + block_bytes + slab_bytes + record_bytes + cpu_bytes
 */
struct replay_snapshot {
    guint64 page_size;
    guint64 region_bytes;
    guint64 regions;
    guint64 managed;
    guint64 free;   /* pages on CPUs' lists included */
    guint64 listed; /* of them on CPUs' lists */
    guint64 blocks; /* live page blocks, a count */
    guint64 block_bytes;
    guint64 slab_bytes;
    guint64 record_bytes; /* what describes slabs, outside of them */
    guint64 cpu_bytes;    /* per-CPU state */
    guint64 metadata;     /* outside managed memory */
    guint64 cpus_used;
    guint64 low_managed, low_free; /* of managed and free, physically below 4 GiB */
    guint64 free_blocks[REPLAY_ORDERS];
    guint sections; /* of regions, as far as there is room */
    struct replay_section section[REPLAY_MAX_SECTIONS];
    guint classes, caches;
    struct replay_class size_class[REPLAY_ALL_CLASSES];
};

/* Events inside the allocator's caches; zero where a backend has no such thing. */
struct replay_cache_counters {
    guint64 refills, flushes; /* a magazine found empty, or full */
    guint64 depot_gets, depot_puts;
    guint64 sent_home;      /* objects returned to slabs of other CPUs */
    guint64 blocks;         /* page blocks allocated, for large objects too */
    guint64 page_list_hits; /* of them, served from the CPU's page lists */
    guint64 slabs_added;
};

enum replay_page_use {
    REPLAY_PAGE_BLOCK,
    REPLAY_PAGE_SLAB,
    REPLAY_PAGE_LISTED, /* on a CPU's list */
    REPLAY_PAGE_META
};

/* Pages in a row with one use. */
struct replay_page_run {
    const void *address;
    guint64 pages;
    enum replay_page_use use;
    guint64 object_size, objects, live; /* of a slab */
};

typedef void (*replay_page_visit)(gpointer data, const struct replay_page_run *run);

/* How libbuddyslab is set up; limits as in struct bsa_heap_config. */
struct replay_heap_options {
    char *classes; /* as given */
    guint class_count;
    guint class_size[REPLAY_MAX_CLASSES];
    unsigned magazine_objects, page_list_pages, keep_empty;
    gboolean general;                   /* the kernel's named caches go to the size classes */
    const struct replay_caches *caches; /* those of the trace; NULL: none */
    guint64 low; /* so many bytes of the regions, the first ones, are below 4 GiB; 0: not said */
};

struct replay_backend;

struct replay_backend_ops {
    const char *name;
    enum replay_status (*alloc)(struct replay_backend *backend, guint cpu, guint64 size,
                                guint64 align, void **out);
    /* An object of a named cache, by its number; NULL: there are none, and sizes are asked for. */
    enum replay_status (*cache_alloc)(struct replay_backend *backend, guint cpu, guint cache,
                                      void **out);
    /* Zeroed; NULL: an allocation that the replay clears. */
    enum replay_status (*calloc)(struct replay_backend *backend, guint cpu, guint64 size,
                                 guint64 align, void **out);
    enum replay_status (*free)(struct replay_backend *backend, guint cpu, void *object);
    /* On REPLAY_OK *object may be elsewhere; else it is as it was. */
    enum replay_status (*realloc)(struct replay_backend *backend, guint cpu, void **object,
                                  guint64 size, guint64 align);
    /* 2^order pages, naturally aligned. */
    enum replay_status (*page_alloc)(struct replay_backend *backend, guint cpu, guint order,
                                     void **out);
    enum replay_status (*page_free)(struct replay_backend *backend, guint cpu, void *block,
                                    guint order);
    /* Whole pages that are physically below 4 GiB, to be freed as what they stand for; NULL: a
     * backend that knows no difference, where such a request is as any other. */
    enum replay_status (*low_alloc)(struct replay_backend *backend, guint cpu, guint64 size,
                                    guint64 align, void **out);
    enum replay_status (*add_region)(struct replay_backend *backend, void *start, guint64 bytes);
    /* Nobody uses the CPU, or again uses it; off: what it keeps to itself goes home. */
    enum replay_status (*set_online)(struct replay_backend *backend, guint cpu, gboolean online);
    /* Sends everything that CPUs keep to themselves home. */
    enum replay_status (*drain)(struct replay_backend *backend);
    /* Gives back what is kept empty, with what CPUs keep to themselves; how many bytes went back.
     */
    enum replay_status (*reclaim)(struct replay_backend *backend, guint64 *bytes);
    enum replay_status (*snapshot)(struct replay_backend *backend, struct replay_snapshot *out);
    /* Free blocks at orders 0 to REPLAY_ORDERS - 1, while others may be calling. */
    enum replay_status (*free_blocks)(struct replay_backend *backend, guint64 *counts);
    /* Free pages that a request could have, were they in one block; low: one for memory below 4
     * GiB. While others may be calling; NULL: all in free_blocks. */
    guint64 (*usable)(struct replay_backend *backend, gboolean low);
    /* NULL: no caches. */
    enum replay_status (*counters)(struct replay_backend *backend, guint cpu,
                                   struct replay_cache_counters *out);
    /* Every run of pages that is not free, in ascending order within a region; NULL where a backend
     * has no pages to show. */
    void (*walk_pages)(struct replay_backend *backend, replay_page_visit visit, gpointer data);
    /* The allocator's own consistency check. */
    enum replay_status (*validate)(struct replay_backend *backend);
    /* Bytes of pages in use; asked after every event. NULL: not known. */
    guint64 (*occupied)(const struct replay_backend *backend);
    /* Ends the allocator; *live: objects and blocks that it still counted as live. */
    enum replay_status (*close)(struct replay_backend *backend, guint64 *live);
};

/* Head of every backend's own struct. */
struct replay_backend {
    const struct replay_backend_ops *ops;
    const char *version;
    guint64 page_size;
    guint classes, caches;                   /* fixed at open */
    guint64 class_size[REPLAY_ALL_CLASSES];  /* ascending, then those of the caches */
    guint64 class_pages[REPLAY_ALL_CLASSES]; /* of a slab, at least */
    gboolean in_flight;        /* the replay's: calls of several threads may be under way */
    gboolean no_memory_behind; /* addresses are not to be written to */
    char last_error[384];      /* after REPLAY_ERROR: what went wrong */
};

/* Which class serves a request, or REPLAY_NO_CLASS: the smallest whose size and natural alignment
 * suffice. */
guint replay_class_of(const struct replay_backend *backend, guint64 size, guint64 align);

/* The number of what serves an event's object: a size class, a named cache behind them, or
 * REPLAY_NO_CLASS. caches: of the trace; NULL: none. */
guint replay_number_of(const struct replay_backend *backend, const struct replay_caches *caches,
                       const struct trace_event *event, guint64 align);

/* What usable has to say, with the free blocks where it has nothing. */
guint64 replay_usable_pages(struct replay_backend *backend, gboolean low,
                            const guint64 *free_blocks);

/* Bytes that a request takes: its class's object, or whole pages. */
guint64 replay_given(const struct replay_backend *backend, guint size_class, guint64 size);

/*
 * libbuddyslab's heap, driven through CPU handles: in shared mode, or with exclusive CPUs, where
 * calls that name a CPU come from one thread at a time. NULL and error when it cannot start in the
 * region.
 */
struct replay_backend *replay_backend_buddyslab(void *region, guint64 bytes, guint cpus,
                                                const struct replay_heap_options *heap,
                                                guint64 page_size, gboolean exclusive,
                                                GError **error);

#endif
