/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buddy page allocator: runs of pages over one or more regions.
 *
 * Blocks are cut from naturally aligned ones in the virtual address space, whatever a region's own
 * alignment (Knowlton 1965; Peterson and Norman 1977); where there is none left, any row of free
 * pages with the alignment that was asked for serves. Only the requested alignment is promised.
 * Small orders are served from trees of 512 pages, each a bitmap of its free pages (as LLFree does,
 * Wrenger et al., USENIX ATC 2023); whole trees form a buddy of their own. All metadata lies in a
 * prefix of each region; a page is never written.
 *
 * A bsa_buddy locks itself: every call may come from any context and any number of them at once,
 * unless it says otherwise. Each call takes one lock.
 */
#ifndef BUDDYSLAB_BUDDY_H
#define BUDDYSLAB_BUDDY_H

#include <buddyslab/platform.h>
#include <buddyslab/types.h>

struct bsa_buddy_config {
    size_t size;
    size_t page_size;                    /* bytes, a power of two from 1024 to 65536; 0: 4096 */
    unsigned flags;                      /* none yet: 0 */
    const struct bsa_platform *platform; /* copied; NULL: no hooks */
    unsigned lowmem_reserve;             /* low pages kept from ordinary requests while there
                                            is high memory, as 1/n of low memory; 0: 1/32;
                                            BSA_NONE: no reserve */
};
#define BSA_BUDDY_CONFIG_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(struct bsa_buddy_config), .page_size = 4096                                 \
    }

/* One region as it was added. */
struct bsa_section_info {
    size_t size;
    void *start;           /* first allocatable page */
    size_t bytes;          /* from start to the end of the last page */
    size_t free_pages;     /* pages that can be had now, those on CPUs' lists included */
    size_t total_pages;    /* allocatable pages, withdrawn ones excluded */
    size_t low_bytes;      /* of bytes, from start on: physically below 4 GiB */
    size_t low_free_pages; /* of free_pages */
};
#define BSA_SECTION_INFO_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(struct bsa_section_info)                                                    \
    }

/*
 * Makes an allocator in the first bytes of region; *buddy must be NULL and is set on success only.
 * bytes: length of the region, which may start and end anywhere. The region is the allocator's from
 * here on and need not be zeroed.
 * BSA_ERR_INVALID_PARAM (bad page size, flags, wrapping or NULL region, no room for a single page,
 * virt_to_phys not linear), BSA_ERR_ALREADY_INITIALIZED. Takes no lock.
 */
BSA_API enum bsa_status bsa_buddy_init(bsa_buddy **buddy, void *region, size_t bytes,
                                       const struct bsa_buddy_config *config);

/*
 * Adds a region at run time. Blocks are not merged across regions. Among regions of a kind (above,
 * or at and below 4 GiB) the first one added serves that has a naturally aligned block of the next
 * power of two of pages; where none has, the first with any such row of pages.
 * BSA_ERR_INVALID_PARAM as above, BSA_ERR_MEMORY_OVERLAP with a region that is there already,
 * BSA_ERR_NO_MEMORY when the look-up table of regions has to grow and memory for it is missing.
 */
BSA_API enum bsa_status bsa_buddy_add_region(bsa_buddy *buddy, void *region, size_t bytes);

/*
 * Takes a region back, named by the address with which it was added: all its bytes, withdrawn pages
 * included, are the caller's again. Other calls may be in progress; one that is given an address in
 * this region is mistaken, is told so (BSA_ERR_NOT_FOUND) from the moment on in which this call
 * returns, but may read the region's prefix until then: see the quiesce hook.
 * BSA_ERR_MEMORY_OVERLAP (a page of it is in use; or it holds the table in which regions are looked
 * up, which lies elsewhere than in the first region only if that had no room when the table was
 * made or had to grow; nothing is changed), BSA_ERR_NOT_FOUND (not a region's start),
 * BSA_ERR_INVALID_PARAM (the first region, which holds the allocator). The last two are reported to
 * the fault hook. O(regions).
 */
BSA_API enum bsa_status bsa_buddy_remove_region(bsa_buddy *buddy, void *region);

/*
 * Hands free pages that were not handed over since they were last used to release(ctx, addr,
 * bytes), row by row, so that their contents are given up: madvise(MADV_DONTNEED) in a program, a
 * balloon in a guest. Rows of at least min_bytes and at most 16 * 512 pages; more than that for
 * min_bytes makes no difference. Nothing is locked meanwhile, so release may allocate; the row, of
 * which nothing is written, is not managed until release returns, and a request that comes in that
 * moment may be refused for want of it. Returns the bytes handed over; 0 for NULL arguments.
 * A page is handed over again only if it was used meanwhile, or if its tree (512 naturally aligned
 * pages) was used in part and then became wholly free. O(trees).
 */
BSA_API size_t bsa_buddy_release(bsa_buddy *buddy, size_t min_bytes,
                                 void (*release)(void *ctx, void *addr, size_t bytes), void *ctx);

/*
 * Withdraws free pages for good: a kernel image, a frame buffer. The range is widened to whole
 * pages and must lie in one region. Managed bytes fall by what is withdrawn; allocated bytes stay.
 * BSA_ERR_NOT_FOUND (not in a region's pages), BSA_ERR_MEMORY_OVERLAP (a page of it is not free:
 * nothing is withdrawn), BSA_ERR_INVALID_PARAM (bytes 0 or wrapping).
 */
BSA_API enum bsa_status bsa_buddy_reserve(bsa_buddy *buddy, void *addr, size_t bytes);

/*
 * pages: 1 or more; exactly so many are taken and counted. align: bytes, a power of two; an
 * alignment below the page size is met by any page. *out: address of the first page. Memory above 4
 * GiB is tried first, then memory below down to the reserve. BSA_ERR_INVALID_PARAM (pages 0,
 * alignment not a power of two: reported to the fault hook), BSA_ERR_NO_MEMORY (also for 2^29 pages
 * or more, which no block can have). O(1) in the number of free blocks, logarithmic in that of
 * regions.
 */
BSA_API enum bsa_status bsa_buddy_alloc(bsa_buddy *buddy, size_t pages, size_t align, void **out);

/* The same, with the whole block's physical addresses below 4 GiB; may use the reserve. */
BSA_API enum bsa_status bsa_buddy_alloc_lowmem(bsa_buddy *buddy, size_t pages, size_t align,
                                               void **out);

/*
 * Gives back the block at addr of exactly so many pages.
 * BSA_ERR_NOT_FOUND (no page of ours), BSA_ERR_NOT_ALLOCATED (free already), BSA_ERR_INVALID_PARAM
 * (not the block's first byte, or another count). Misuse is reported to the fault hook and changes
 * nothing.
 */
BSA_API enum bsa_status bsa_buddy_free(bsa_buddy *buddy, void *addr, size_t pages);

/* Allocatable bytes of all regions, metadata and withdrawn pages excluded. 0 for NULL. Takes no
 * lock, as the two that follow. */
BSA_API size_t bsa_buddy_managed_bytes(const bsa_buddy *buddy);
/* managed - free. Exact whenever no call is in flight. */
BSA_API size_t bsa_buddy_allocated_bytes(const bsa_buddy *buddy);

/* Regions that there are. */
BSA_API size_t bsa_buddy_section_count(const bsa_buddy *buddy);
/* Fills *info with what the region of that index is, in the order in which they were added;
 * info->size must be set. BSA_ERR_NOT_FOUND: index too large. */
BSA_API enum bsa_status bsa_buddy_section(const bsa_buddy *buddy, size_t index,
                                          struct bsa_section_info *info);

enum bsa_page_flag {
    BSA_PAGE_FREE = 1u << 0,     /* can be allocated */
    BSA_PAGE_HEAD = 1u << 1,     /* first page of a live block */
    BSA_PAGE_TAIL = 1u << 2,     /* a further page of a live block */
    BSA_PAGE_SLAB = 1u << 3,     /* holds objects */
    BSA_PAGE_CACHED = 1u << 4,   /* on a CPU's page list */
    BSA_PAGE_META = 1u << 5,     /* slab records or CPU state */
    BSA_PAGE_RESERVED = 1u << 6, /* withdrawn */
    BSA_PAGE_LOW = 1u << 7       /* physically below 4 GiB */
};

/* What the page that holds addr is: a set of enum bsa_page_flag in *flags.
 * BSA_ERR_NOT_FOUND when addr is in no page of ours. Up to O(trees) for a page that is not the
 * first one of its run. */
BSA_API enum bsa_status bsa_buddy_page_flags(const bsa_buddy *buddy, const void *addr,
                                             unsigned *flags);

/*
 * Free blocks by order, as buddyinfo counts them: counts[o] is the number of maximal free blocks of
 * 2^o pages; blocks above BSA_MAX_ORDER, or of orders that counts has no room for, count as several
 * of the largest one. count: entries of counts, 0 is BSA_ERR_INVALID_PARAM. O(trees).
 */
BSA_API enum bsa_status bsa_buddy_free_blocks(const bsa_buddy *buddy, size_t *counts, size_t count);

/* Cross-checks every counter, bound and list against a full scan. BSA_OK, or BSA_ERR_INVALID_PARAM
 * with a description of the first contradiction to the log hook. O(pages). */
BSA_API enum bsa_status bsa_buddy_validate(bsa_buddy *buddy);

#endif
