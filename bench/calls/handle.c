/* SPDX-License-Identifier: Apache-2.0 */
/* The heap by the handle of a CPU. */
#include "bench.h"

static inline void *get(struct bench_thread *thread, size_t size)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc(thread->cpu, size, 8, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_alloc(%zu): %s", size, bsa_strerror(status));
    return p;
}

static inline void free_by(bsa_cpu *cpu, void *p)
{
    enum bsa_status status = bsa_cpu_free(cpu, p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_free(%p): %s", p, bsa_strerror(status));
}

static inline void put(struct bench_thread *thread, void *p)
{
    free_by(thread->cpu, p);
}

static inline void *resize(struct bench_thread *thread, void *p, size_t size)
{
    enum bsa_status status = bsa_cpu_realloc(thread->cpu, &p, size, 8);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_realloc(%zu): %s", size, bsa_strerror(status));
    return p;
}

static inline void *get_pages(struct bench_thread *thread, size_t order)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc_pages(thread->cpu, (size_t)1 << order, BENCH_PAGE, &p);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_alloc_pages, order %zu: %s", order, bsa_strerror(status));
    return p;
}

static inline void put_pages(struct bench_thread *thread, void *p, size_t order)
{
    enum bsa_status status = bsa_cpu_free_pages(thread->cpu, p, (size_t)1 << order);
    if (__builtin_expect(status != BSA_OK, 0))
        bench_fail("bsa_cpu_free_pages(%p), order %zu: %s", p, order, bsa_strerror(status));
}

#include "works.h"

/* One thread in the parts of two CPUs, a handful each: what a free from elsewhere costs, without
 * the time in which cache lines travel. */
static void run_remote(struct bench_thread *thread, const struct bench_row *row,
                       const struct bench_step *steps, size_t count)
{
    void *objects[BENCH_HANDFUL];
    (void)steps;
    for (size_t done = 0; done < count; done += BENCH_HANDFUL) {
        for (size_t i = 0; i < BENCH_HANDFUL; i++) {
            objects[i] = get(thread, row->low);
            touch(objects[i]);
        }
        for (size_t i = 0; i < BENCH_HANDFUL; i++)
            free_by(thread->other_cpu, objects[i]);
    }
}

/* The calls for many objects at once. */
static void run_bulk(struct bench_thread *thread, const struct bench_row *row,
                     const struct bench_step *steps, size_t count)
{
    void *objects[BENCH_HANDFUL];
    (void)steps;
    for (size_t done = 0; done < count; done += BENCH_HANDFUL) {
        enum bsa_status status =
            bsa_cpu_alloc_bulk(thread->cpu, row->low, 8, BENCH_HANDFUL, objects, NULL);
        if (status != BSA_OK)
            bench_fail("bsa_cpu_alloc_bulk: %s", bsa_strerror(status));
        for (size_t i = 0; i < BENCH_HANDFUL; i++)
            touch(objects[i]);
        status = bsa_cpu_free_bulk(thread->cpu, objects, BENCH_HANDFUL, NULL);
        if (status != BSA_OK)
            bench_fail("bsa_cpu_free_bulk: %s", bsa_strerror(status));
    }
}

/* A cache of its own, and the calls that name it. */
static bsa_cache *cache;

static void prepare_cache(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
    (void)steps, (void)count;
    config.name = "bench";
    config.object_size = row->low;
    enum bsa_status status = bsa_cache_create(thread->heap, &config, &cache);
    if (status != BSA_OK)
        bench_fail("bsa_cache_create: %s", bsa_strerror(status));
}

static void run_cache(struct bench_thread *thread, const struct bench_row *row,
                      const struct bench_step *steps, size_t count)
{
    (void)row, (void)steps;
    for (size_t i = 0; i < count; i++) {
        void *p;
        enum bsa_status status = bsa_cpu_cache_alloc(thread->cpu, cache, &p);
        if (__builtin_expect(status != BSA_OK, 0))
            bench_fail("bsa_cpu_cache_alloc: %s", bsa_strerror(status));
        touch(p);
        status = bsa_cpu_cache_free(thread->cpu, cache, p);
        if (__builtin_expect(status != BSA_OK, 0))
            bench_fail("bsa_cpu_cache_free: %s", bsa_strerror(status));
    }
}

static void finish_cache(struct bench_thread *thread, const struct bench_row *row,
                         const struct bench_step *steps, size_t count)
{
    (void)thread, (void)row, (void)steps, (void)count;
    enum bsa_status status = bsa_cache_destroy(&cache, NULL);
    if (status != BSA_OK)
        bench_fail("bsa_cache_destroy: %s", bsa_strerror(status));
}

const struct bench_work bench_works_handle[BENCH_WORKLOADS] = {
    BENCH_WORKS,
    BENCH_WORKS_MERGED,
    [BENCH_BULK] = {NULL, run_bulk, NULL},
    [BENCH_CACHE] = {prepare_cache, run_cache, finish_cache},
    [BENCH_REMOTE] = {NULL, run_remote, NULL},
    [BENCH_SLABS] = {bench_crowd_slabs, run_batch, bench_crowd_end},
    [BENCH_SECTIONS] = {bench_crowd_sections, bench_crowd_page_batch, bench_crowd_end},
    [BENCH_ODD_PAGES] = {bench_crowd_odd_pages, bench_crowd_page_batch, bench_crowd_end},
};

/* For tables of size classes: only what they are about. */
const struct bench_work bench_works_classes[BENCH_WORKLOADS] = {
    [BENCH_OCCUPANCY] = {NULL, run_occupancy, empty},
};
