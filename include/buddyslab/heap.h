/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap: objects up to the largest size class, 2048 bytes by default, from per-CPU slab caches,
 * everything larger as pages.
 *
 * Each CPU has magazines of ready objects (Bonwick and Adams 2001) and lists of ready pages; both
 * are bounded in bytes, and their state is made when the CPU first calls. Any CPU may free any
 * address.
 *
 * Modes. Shared (default): a thread may move to another CPU at any instruction; the id is read once
 * and a per-CPU lock is held. BSA_HEAP_EXCLUSIVE_CPUS: the caller guarantees that one context at a
 * time uses an id, and a magazine hit takes no lock; another CPU's private state is then touched
 * only when it is offline, or through run_on_cpu.
 *
 * Unless a function says otherwise it may be called from any context, several at once, under the
 * rule of the mode; an interrupt handler that allocates needs the enter and leave hooks. An
 * operation takes the CPU's lock, then those of one size class, then the buddy's; magazine hits
 * only the first. An allocation that finds no memory takes other CPUs' locks too, one after the
 * other, and in shared mode at last the registry's and all CPUs' at once.
 */
#ifndef BUDDYSLAB_HEAP_H
#define BUDDYSLAB_HEAP_H

#include <buddyslab/buddy.h>
#include <buddyslab/platform.h>
#include <buddyslab/types.h>

enum {
    /* One context per CPU id, by the caller's word. Two CPUs that free one object at the very same
     * moment are then told so late, when it would be used again; see bsa_cpu(3). */
    BSA_HEAP_EXCLUSIVE_CPUS = 1u << 0,
    /* Every region is all zero bytes when it is handed over, as mmap gives them. Its descriptors
     * are then valid unwritten, so that frees in regions of more than 262144 pages need one look-up
     * less, and smaller regions touch no memory for pages that are never used. */
    BSA_HEAP_ZEROED = 1u << 1
};

struct bsa_heap_config {
    size_t size;
    size_t page_size;                      /* bytes, a power of two from 1024 to 65536; 0: 4096 */
    unsigned cpus;                         /* 1 to BSA_MAX_CPUS; 0: 1 */
    unsigned flags;                        /* BSA_HEAP_EXCLUSIVE_CPUS, BSA_HEAP_ZEROED */
    const struct bsa_platform *platform;   /* copied; NULL: no hooks */
    const struct bsa_class_table *classes; /* NULL: BSA_CLASSES_NINE */
    unsigned magazine_objects; /* most objects in one magazine; 0: by size; BSA_NONE: none */
    unsigned page_list_pages;  /* most pages on a CPU's lists; BSA_NONE: none;
                                  0: min(8192, managed / (16 * cpus)), and up to
                                  8192 from what CPUs leave that have none */
    unsigned keep_empty;       /* empty slabs kept per class; 0: 1; BSA_NONE: none */
    unsigned lowmem_reserve;   /* as in struct bsa_buddy_config */
    unsigned depot_magazines;  /* most batches per class in the depot, of half a magazine
                                  each; 0: by CPUs; BSA_NONE: no depot */
    unsigned caches;           /* most named caches at a time, up to BSA_MAX_CACHES; each costs
                                  about 370 bytes, and 96 per CPU used. 0: 32, or what fits
                                  into 1/256 of the first region; BSA_NONE: none */
};
#define BSA_HEAP_CONFIG_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct bsa_heap_config), .page_size = 4096, .cpus = 1                       \
    }

/*
 * Makes a heap in the first bytes of region; *heap must be NULL and is set on success only. A
 * failed init leaves nothing behind. Errors as bsa_buddy_init; takes no lock.
 */
BSA_API enum bsa_status bsa_heap_init(bsa_heap **heap, void *region, size_t bytes,
                                      const struct bsa_heap_config *config);

/*
 * Ends a heap: *heap becomes NULL and every region is the caller's again. *live_blocks (may be
 * NULL) tells how many objects and blocks were still live. No other call may be in flight.
 */
BSA_API enum bsa_status bsa_heap_fini(bsa_heap **heap, size_t *live_blocks);

/*
 * As bsa_buddy_add_region, bsa_buddy_remove_region, bsa_buddy_reserve; the last two send home what
 * may be touched (bsa_heap_reclaim) when a page is in use, and try once more. A region also stays
 * while it holds a slab or its record with a live or cached object, a CPU's state (made of pages
 * only where the first region has no room for it), or a block on the list of a CPU that may not be
 * touched.
 */
BSA_API enum bsa_status bsa_heap_add_region(bsa_heap *heap, void *region, size_t bytes);
BSA_API enum bsa_status bsa_heap_remove_region(bsa_heap *heap, void *region);
BSA_API enum bsa_status bsa_heap_reserve(bsa_heap *heap, void *addr, size_t bytes);

/* As bsa_buddy_release. What the CPUs and empty slabs hold back is not free: see bsa_heap_reclaim.
 */
BSA_API size_t bsa_heap_release(bsa_heap *heap, size_t min_bytes,
                                void (*release)(void *ctx, void *addr, size_t bytes), void *ctx);

/*
 * An object of at least size bytes at a multiple of align, a power of two. size 0: a unique object
 * of the smallest class. Requests with size and align at most the largest class get the smallest
 * class whose size and natural alignment suffice; others exactly ceil(size / page) pages.
 * BSA_ERR_INVALID_PARAM (alignment, CPU id out of range: reported to the fault hook),
 * BSA_ERR_NO_MEMORY after the caches of this CPU, slabs with free objects, kept empty slabs and the
 * other CPUs' caches that may be touched have been tried, and nothing changed meanwhile (in
 * exclusive mode: or others took memory all the time).
 */
BSA_API enum bsa_status bsa_heap_alloc(bsa_heap *heap, size_t size, size_t align, void **out);

/*
 * Frees an object or block, from any CPU. NULL: BSA_OK, nothing done.
 * BSA_ERR_NOT_FOUND (not in pages of this heap), BSA_ERR_NOT_ALLOCATED (free already, wherever it
 * is now: magazine, slab, page), BSA_ERR_INVALID_PARAM (not the first byte of an object or block).
 * Misuse is reported to the fault hook and changes nothing. A stale free of an address that was
 * handed out again meanwhile cannot be told from a right one, and one that comes in the very moment
 * in which the object's slab goes home may be missed.
 */
BSA_API enum bsa_status bsa_heap_free(bsa_heap *heap, void *p);

/* The same, and BSA_ERR_INVALID_PARAM when size and align would not have been served by the class
 * or page count that p has. */
BSA_API enum bsa_status bsa_heap_free_sized(bsa_heap *heap, void *p, size_t size, size_t align);

/*
 * Another size, and alignment, for *p; the contents stay up to the smaller of both sizes, and *p
 * may change. It moves unless its class stays the same, or its pages: fewer pages are given back at
 * once, more are taken where those behind it are free. *p NULL allocates. On failure *p stays as it
 * is: BSA_ERR_INVALID_PARAM, BSA_ERR_NO_MEMORY as bsa_heap_alloc, else as bsa_heap_free, and in its
 * words. A block from low memory may move out of it. A move is an allocation and a free, each with
 * its locks; else one section's is taken, or none.
 */
BSA_API enum bsa_status bsa_heap_realloc(bsa_heap *heap, void **p, size_t size, size_t align);

/*
 * Many at once: n objects, each as bsa_heap_alloc gives them, into out[0] to out[n - 1]. Where
 * memory ends earlier, BSA_ERR_NO_MEMORY: *got tells how many there are (may be NULL), and the rest
 * of out is NULL; what was got stays allocated. The calling CPU is asked and owned once for up to
 * 256 of them. Other errors as bsa_heap_alloc, nothing got; out NULL: BSA_ERR_INVALID_PARAM.
 */
BSA_API enum bsa_status bsa_heap_alloc_bulk(bsa_heap *heap, size_t size, size_t align, size_t n,
                                            void **out, size_t *got);

/*
 * Frees n objects and blocks, of any sizes and mixed; a NULL among them is skipped. Each is checked
 * as by bsa_heap_free: one that is refused is told to the fault hook, and the others are freed all
 * the same, if the hook returns. The status is that of the first that was refused; *freed (may be
 * NULL) counts those that were not. objects NULL: BSA_ERR_INVALID_PARAM.
 */
BSA_API enum bsa_status bsa_heap_free_bulk(bsa_heap *heap, void *const *objects, size_t n,
                                           size_t *freed);

/* Pages, as the functions of the same name in buddy.h; single blocks of up to 64 pages, and of 128,
 * 256 and 512, come from and go to the CPU's page lists. */
BSA_API enum bsa_status bsa_heap_alloc_pages(bsa_heap *heap, size_t pages, size_t align,
                                             void **out);
BSA_API enum bsa_status bsa_heap_alloc_pages_lowmem(bsa_heap *heap, size_t pages, size_t align,
                                                    void **out);
BSA_API enum bsa_status bsa_heap_free_pages(bsa_heap *heap, void *addr, size_t pages);

/*
 * A CPU's handle, which spares the cpu_id hook; NULL when id is out of range or heap is NULL. Valid
 * until bsa_heap_fini. Where memory for the CPU's state is missing, the handle shares one without
 * magazines. May take the registry's and the buddy's lock at the first call for an id.
 * The functions below are those of the same names above, by handle.
 */
BSA_API bsa_cpu *bsa_heap_cpu(bsa_heap *heap, unsigned id);
BSA_API enum bsa_status bsa_cpu_alloc(bsa_cpu *cpu, size_t size, size_t align, void **out);
BSA_API enum bsa_status bsa_cpu_free(bsa_cpu *cpu, void *p);
BSA_API enum bsa_status bsa_cpu_realloc(bsa_cpu *cpu, void **p, size_t size, size_t align);
BSA_API enum bsa_status bsa_cpu_alloc_bulk(bsa_cpu *cpu, size_t size, size_t align, size_t n,
                                           void **out, size_t *got);
BSA_API enum bsa_status bsa_cpu_free_bulk(bsa_cpu *cpu, void *const *objects, size_t n,
                                          size_t *freed);
BSA_API enum bsa_status bsa_cpu_alloc_pages(bsa_cpu *cpu, size_t pages, size_t align, void **out);
BSA_API enum bsa_status bsa_cpu_alloc_pages_lowmem(bsa_cpu *cpu, size_t pages, size_t align,
                                                   void **out);
BSA_API enum bsa_status bsa_cpu_free_pages(bsa_cpu *cpu, void *addr, size_t pages);

/*
 * Sends the magazines and page lists of one CPU home. In exclusive mode: at once for the calling
 * CPU, an offline one, or through run_on_cpu; else a request is posted (BSA_OK) that the CPU meets
 * at its next slow path. BSA_ERR_INVALID_PARAM: id out of range.
 */
BSA_API enum bsa_status bsa_heap_drain(bsa_heap *heap, unsigned cpu);

/* The caller's word, for exclusive mode, that nobody uses (or again uses) a CPU id: while it is
 * offline its state may be drained by others. Draining it is part of taking it offline. */
BSA_API enum bsa_status bsa_heap_cpu_offline(bsa_heap *heap, unsigned cpu);
BSA_API enum bsa_status bsa_heap_cpu_online(bsa_heap *heap, unsigned cpu);

/* Gives everything back to the buddy that may be touched: all CPUs' magazines and page lists
 * (exclusive mode: as bsa_heap_drain), the depot, empty slabs, kept ones too. Returns the bytes of
 * slab and record pages that went back to the buddy. */
BSA_API size_t bsa_heap_reclaim(bsa_heap *heap);

/* As the functions of the same name in buddy.h; pages on CPUs' lists count as free. Where many CPUs
 * share little memory their states are made of pages, at first use, and stay allocated. */
BSA_API size_t bsa_heap_managed_bytes(const bsa_heap *heap);
BSA_API size_t bsa_heap_allocated_bytes(const bsa_heap *heap);
BSA_API size_t bsa_heap_section_count(const bsa_heap *heap);
BSA_API enum bsa_status bsa_heap_section(const bsa_heap *heap, size_t index,
                                         struct bsa_section_info *info);
BSA_API enum bsa_status bsa_heap_page_flags(const bsa_heap *heap, const void *addr,
                                            unsigned *flags);
BSA_API enum bsa_status bsa_heap_free_blocks(const bsa_heap *heap, size_t *counts, size_t count);

/*
 * C habits over the same heap: NULL on failure; alignment min(16, largest power of two <= size).
 * bsa_calloc: zeroed, and NULL when n * size wraps. bsa_aligned_alloc: as bsa_heap_alloc, any size.
 * bsa_realloc: as bsa_heap_realloc; (NULL, n) allocates, (p, 0) yields a smallest object, and on
 * failure p stays as it is.
 * bsa_free: as bsa_heap_free, misuse shows in the fault hook only.
 */
BSA_API void *bsa_malloc(bsa_heap *heap, size_t size);
BSA_API void *bsa_calloc(bsa_heap *heap, size_t n, size_t size);
BSA_API void *bsa_aligned_alloc(bsa_heap *heap, size_t align, size_t size);
BSA_API void *bsa_realloc(bsa_heap *heap, void *p, size_t size);
BSA_API void bsa_free(bsa_heap *heap, void *p);
/* Bytes that may be used at p, 0 when p is not a live object or block. */
BSA_API size_t bsa_usable_size(const bsa_heap *heap, const void *p);

#endif
