/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the page allocator's interface share. */
#ifndef BSA_TESTS_API_BUDDIES_H
#define BSA_TESTS_API_BUDDIES_H

#include "machine.h"

enum { MOST = 8192 };

static inline bsa_buddy *buddy_new(void *region, size_t bytes, size_t page_size)
{
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    config.page_size = page_size;
    assert_ok(bsa_buddy_init(&buddy, region, bytes, &config));
    ck_assert_ptr_nonnull(buddy);
    return buddy;
}

static inline void *buddy_get(bsa_buddy *buddy, size_t pages, size_t align)
{
    void *p = NULL;
    assert_ok(bsa_buddy_alloc(buddy, pages, align, &p));
    ck_assert_ptr_nonnull(p);
    ck_assert(is_aligned(p, align));
    return p;
}

static inline size_t free_pages(const bsa_buddy *buddy, size_t page_size)
{
    return (bsa_buddy_managed_bytes(buddy) - bsa_buddy_allocated_bytes(buddy)) / page_size;
}

static inline size_t take_all_pages(bsa_buddy *buddy, void **p)
{
    size_t n = 0;
    while (n < MOST && bsa_buddy_alloc(buddy, 1, 1, &p[n]) == BSA_OK)
        n++;
    return n;
}

static inline bool within(const void *p, size_t bytes, const void *region, size_t region_bytes)
{
    uintptr_t offset = (uintptr_t)p - (uintptr_t)region;
    return offset < region_bytes && region_bytes - offset >= bytes;
}

#endif
