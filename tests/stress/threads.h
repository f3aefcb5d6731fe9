/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threaded tests share: a heap that is whole before and after, and memory that tells its
 * own size, so that whoever gets a pointer can check it and free it.
 */
#ifndef BSA_TESTS_THREADS_H
#define BSA_TESTS_THREADS_H

#include "stress.h"

#include <stdatomic.h>
#include <string.h>

enum { THREADS = 4 };

/* Operations of one thread. */
static inline size_t thread_steps(size_t n)
{
    return fewer_sanitized(n, 10);
}

/* A heap on regions of its own. */
struct place {
    struct region region[4];
    unsigned regions;
    bsa_heap *heap;
    struct bsa_platform platform;
    struct bsa_heap_config config;
};

/* The defaults of a place; set what differs, then place_open. */
static inline struct place place_of(unsigned cpus)
{
    struct place place = {.config = BSA_HEAP_CONFIG_INIT};
    place.platform = stress_platform();
    place.config.cpus = cpus;
    return place;
}

static inline void place_open(struct place *place, size_t bytes)
{
    place->config.platform = &place->platform;
    place->region[0] = region_make(bytes, 4096, 0);
    place->regions = 1;
    assert_status(bsa_heap_init(&place->heap, place->region[0].start, bytes, &place->config),
                  BSA_OK);
}

static inline void place_grow(struct place *place, size_t bytes)
{
    struct region *region = &place->region[place->regions++];
    *region = region_make(bytes, 4096, 0);
    require(bsa_heap_add_region(place->heap, region->start, bytes) == BSA_OK);
}

/* The threads have ended and freed everything: not a page is missing. */
static inline void place_check(struct place *place)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    assert_status(bsa_heap_validate(place->heap), BSA_OK);
    for (this_cpu = 0; this_cpu < place->config.cpus; this_cpu++)
        assert_status(bsa_heap_drain(place->heap, this_cpu), BSA_OK);
    this_cpu = 0;
    bsa_heap_reclaim(place->heap);
    assert_status(bsa_heap_validate(place->heap), BSA_OK);
    assert_status(bsa_heap_stats(place->heap, &s), BSA_OK);
    ck_assert_uint_eq(s.slab_bytes, 0);
    ck_assert_uint_eq(s.record_bytes, 0);
    ck_assert_uint_eq(s.block_bytes, 0);
    ck_assert_uint_eq(s.blocks, 0);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(place->heap), s.cpu_bytes);
    for (unsigned c = 0; c < s.classes; c++)
        ck_assert_uint_eq(s.size_class[c].live + s.size_class[c].remote_pending, 0);
}

static inline void place_close(struct place *place)
{
    size_t live = 1;
    place_check(place);
    assert_status(bsa_heap_fini(&place->heap, &live), BSA_OK);
    ck_assert_uint_eq(live, 0);
    for (unsigned i = 0; i < place->regions; i++)
        region_free(&place->region[i]);
}

/* Memory that tells its size: at least 8 bytes. */
static inline void *tag(void *p, size_t bytes)
{
    uint64_t word = (uint64_t)bytes ^ (uint64_t)(uintptr_t)p << 24;
    memcpy(p, &word, 8);
    stamp((char *)p + 8, bytes - 8, bytes);
    return p;
}

static inline size_t tag_check(const void *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    word ^= (uint64_t)(uintptr_t)p << 24;
    require(word >= 8 && word < (UINT64_C(1) << 24));
    require(stamp_is_whole((const char *)p + 8, (size_t)word - 8, word));
    return (size_t)word;
}

/* Small ones more often; one in 16 is larger than the largest class. */
static inline size_t tag_size(struct rng *rng)
{
    size_t size = rng_between(rng, 8, (size_t)16 << rng_below(rng, 8));
    return rng_below(rng, 16) == 0 ? size + 2048 : size;
}

/* NULL when memory is short. */
static inline void *tag_alloc(bsa_heap *heap, size_t bytes)
{
    void *p;
    enum bsa_status status = bsa_heap_alloc(heap, bytes, 8, &p);
    require(status == BSA_OK || status == BSA_ERR_NO_MEMORY);
    return p == NULL ? NULL : tag(p, bytes);
}

static inline void tag_free(bsa_heap *heap, void *p)
{
    if (p == NULL)
        return;
    tag_check(p);
    memset(p, 0xdd, 8);
    require(bsa_heap_free(heap, p) == BSA_OK);
}

#endif
