/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of named caches share. */
#ifndef BSA_TESTS_API_CACHES_H
#define BSA_TESTS_API_CACHES_H

#include "cpus.h"

static inline void bed_default(struct bed *bed, int way)
{
    bed_open(bed, way, config_of(way), 8 * MIB);
}

static inline struct bsa_cache_config cache_config(const char *name, size_t size, size_t align)
{
    struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
    config.name = name;
    config.object_size = size;
    config.align = align;
    return config;
}

static inline bsa_cache *cache_new(bsa_heap *heap, const char *name, size_t size, size_t align)
{
    struct bsa_cache_config config = cache_config(name, size, align);
    bsa_cache *cache = NULL;
    assert_ok(bsa_cache_create(heap, &config, &cache));
    ck_assert_ptr_nonnull(cache);
    return cache;
}

static inline enum bsa_status get(struct bed *bed, bsa_cache *cache, void **out)
{
    return bed->handles ? bsa_cpu_cache_alloc(bsa_heap_cpu(bed->heap, bed->m.cpu), cache, out)
                        : bsa_cache_alloc(cache, out);
}

static inline enum bsa_status put(struct bed *bed, bsa_cache *cache, void *p)
{
    return bed->handles ? bsa_cpu_cache_free(bsa_heap_cpu(bed->heap, bed->m.cpu), cache, p)
                        : bsa_cache_free(cache, p);
}

static inline struct bsa_cache_stats cache_stats(bsa_cache *cache)
{
    struct bsa_cache_stats s = BSA_CACHE_STATS_INIT;
    assert_ok(bsa_cache_stats(cache, &s));
    const struct bsa_class_stats *k = &s.objects;
    ck_assert_uint_eq(k->objects,
                      k->live + k->in_magazines + k->in_depot + k->free + k->remote_pending);
    return s;
}

/* The heap's sums, with what named caches hold. */
static inline void check_sums(bsa_heap *heap)
{
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    size_t in_classes = 0, in_caches = 0, caches = 0;
    for (unsigned c = 0; c < s.classes; c++)
        in_classes += s.size_class[c].slab_bytes;
    for (bsa_cache *cache; (cache = bsa_heap_cache(heap, caches)) != NULL; caches++) {
        struct bsa_cache_stats k = cache_stats(cache);
        in_caches += k.objects.slab_bytes;
    }
    ck_assert_uint_eq(s.caches, caches);
    ck_assert_uint_eq(s.cache_slab_bytes, in_caches);
    ck_assert_uint_eq(s.slab_bytes, in_classes + in_caches);
    ck_assert_uint_eq(s.managed_bytes,
                      s.free_bytes + s.block_bytes + s.slab_bytes + s.record_bytes + s.cpu_bytes);
    assert_ok(bsa_heap_validate(heap));
}

#endif
