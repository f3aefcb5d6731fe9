/* SPDX-License-Identifier: Apache-2.0 */
/* A cache of one class beside all that it needs, for tests of it from inside. */
#ifndef BSA_TESTS_UNIT_SLAB_BED_H
#define BSA_TESTS_UNIT_SLAB_BED_H

#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "slab/cache.h"

enum { PAGE = 4096, PAGES = 256, CLASS_512 = 6, CAPACITY = 8 };

/* Slabs of 512-byte objects: one page, eight objects. */
struct bed {
    struct region memory;
    struct bsai_map map;
    uint8_t state[4];
    uint32_t hot[PAGES];
    struct bsai_slab *cold[PAGES];
    struct bsai_classes classes;
    struct bsai_cache caches[BSA_MAX_CLASSES];
    struct bsai_records pools[BSA_MAX_CLASSES];
    struct bsai_cache *cache;
    struct bsai_shelf shelves[4]; /* of four CPUs */
    struct bsai_call call;
    size_t next_page;
    unsigned away;
};

static const struct bsa_platform no_hooks = BSA_PLATFORM_INIT;

static inline struct bed *make_bed(unsigned keep_empty)
{
    struct bed *b = calloc(1, sizeof(*b));
    ck_assert_ptr_nonnull(b);
    b->memory = region_make(PAGES * PAGE, PAGE * 512, 0);
    b->map = (struct bsai_map){.start = (uintptr_t)b->memory.start,
                               .pages = PAGES,
                               .page_shift = 12,
                               .state = b->state,
                               .hot = b->hot,
                               .cold = b->cold,
                               .ready = PAGES};
    memset(b->state, BSAI_GROUP_READY, sizeof(b->state));
    ck_assert(bsai_classes_make(&b->classes, NULL));
    bsai_caches_make(b->caches, b->pools, &b->classes, keep_empty, PAGE, PAGE);
    b->cache = &b->caches[CLASS_512];
    ck_assert_uint_eq(b->cache->geometry.object_size, 512);
    ck_assert_uint_eq(b->cache->geometry.capacity, CAPACITY);
    bsai_call_begin(&b->call, &no_hooks);
    return b;
}

static inline void end_bed(struct bed *b)
{
    region_free(&b->memory);
    free(b);
}

static inline void *new_page(struct bed *b)
{
    ck_assert_uint_lt(b->next_page, PAGES);
    return (void *)bsai_map_addr(&b->map, b->next_page++);
}

static inline struct bsai_slab *new_slab(struct bed *b)
{
    struct bsai_slab *record = bsai_records_get(b->cache->records, &b->call, 0);
    if (record == NULL) {
        bsai_records_add(b->cache->records, &b->call, new_page(b));
        record = bsai_records_get(b->cache->records, &b->call, 0);
    }
    ck_assert_ptr_nonnull(record);
    size_t page = bsai_map_page(&b->map, (uintptr_t)new_page(b));
    bsai_slab_make(b->cache, &b->cache->geometry, record, &b->map, page);
    return record;
}

static inline const char *wrong_with_cache(const struct bed *b)
{
    size_t listed = 0;
    for (size_t page = 0; page < b->next_page; page++) {
        if (bsai_word_is_slab(b->hot[page]))
            listed += b->cold[page]->list != BSAI_LIST_NONE;
    }
    return bsai_cache_validate(b->cache, listed);
}

static inline unsigned take(struct bed *b, unsigned cpu, struct bsai_slab *fresh, unsigned want,
                            struct bsai_slot *out)
{
    unsigned got =
        bsai_cache_take(b->cache, &b->call, cpu, &b->shelves[cpu], BSAI_TAKE_OWN, fresh, want, out);
    ck_assert_ptr_null(wrong_with_cache(b));
    return got;
}

static inline bool put(struct bed *b, unsigned cpu, const struct bsai_slot *slots, unsigned n)
{
    bool empty = bsai_cache_put(b->cache, &b->call, cpu, slots, n, &b->away);
    ck_assert_ptr_null(wrong_with_cache(b));
    return empty;
}

static inline void check(const struct bed *b, const struct bsai_slab *slab, enum bsai_list list,
                         unsigned available)
{
    ck_assert_ptr_null(bsai_slab_validate(b->cache, slab));
    ck_assert_int_eq(slab->list, (int)list);
    ck_assert_uint_eq(slab->free, available);
}

#endif
