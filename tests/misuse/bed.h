/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap in use, to which something wrong is done: objects and blocks of several sizes with known
 * contents, and a look at everything before and after.
 */
#ifndef BSA_TESTS_MISUSE_BED_H
#define BSA_TESTS_MISUSE_BED_H

#include "../api/machine.h"

/* What is live, by what the cases need of it. */
enum { TINY, SMALL, NEIGHBOUR, MEDIUM, LARGE, ONE_PAGE, THREE_PAGES, FIVE_PAGES, LIVE };

/* One way to run a heap. */
struct way {
    char name[120];
    unsigned flags;
    unsigned magazine_objects;
    unsigned page_list_pages;
    size_t page_size;
    bool handles;  /* by bsa_cpu_alloc and the like instead of bsa_heap_alloc */
    bool brackets; /* with enter and leave hooks, which rules out the shortest paths */
};

struct bed {
    struct way way;
    struct machine m;
    bsa_heap *heap;
    char *region;
    size_t region_bytes;
    struct {
        void *p;
        size_t bytes;
        size_t pages; /* 0: an object */
        bool gone;    /* freed by the case itself */
    } live[LIVE];

    void *further; /* a block that a case adds, or NULL */

    /* What the case is about. */
    void *p;
    size_t n;
    size_t align;
};

/* Every way there is: number 0, 1, 2 ... until false. */
static inline bool way_number(unsigned number, struct way *way)
{
    static const unsigned magazines[] = {0, BSA_NONE, 2};
    static const size_t page_sizes[] = {4096, 1024, 65536};
    if (number >= 24)
        return false;
    *way = (struct way){.flags = (number & 1) != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0,
                        .handles = (number & 2) != 0,
                        .brackets = (number & 4) != 0,
                        .magazine_objects = magazines[number / 8],
                        .page_list_pages = number / 8 == 1 ? BSA_NONE : 0,
                        .page_size = page_sizes[(number / 8 + number) % 3]};
    snprintf(way->name, sizeof way->name, "%s CPUs, by %s, %s hooks, magazines %d, %zu byte pages",
             way->flags != 0 ? "exclusive" : "shared", way->handles ? "handle" : "hook",
             way->brackets ? "all" : "few", (int)way->magazine_objects, way->page_size);
    return true;
}

static inline enum bsa_status bed_alloc(struct bed *bed, size_t size, size_t align, void **out)
{
    return bed->way.handles ? bsa_cpu_alloc(bsa_heap_cpu(bed->heap, bed->m.cpu), size, align, out)
                            : bsa_heap_alloc(bed->heap, size, align, out);
}

static inline enum bsa_status bed_free(struct bed *bed, void *p)
{
    return bed->way.handles ? bsa_cpu_free(bsa_heap_cpu(bed->heap, bed->m.cpu), p)
                            : bsa_heap_free(bed->heap, p);
}

static inline enum bsa_status bed_alloc_pages(struct bed *bed, size_t pages, size_t align,
                                              void **out)
{
    return bed->way.handles
               ? bsa_cpu_alloc_pages(bsa_heap_cpu(bed->heap, bed->m.cpu), pages, align, out)
               : bsa_heap_alloc_pages(bed->heap, pages, align, out);
}

static inline enum bsa_status bed_free_pages(struct bed *bed, void *p, size_t pages)
{
    return bed->way.handles ? bsa_cpu_free_pages(bsa_heap_cpu(bed->heap, bed->m.cpu), p, pages)
                            : bsa_heap_free_pages(bed->heap, p, pages);
}

static inline void bed_open(struct bed *bed, const struct way *way)
{
    static const size_t sizes[LIVE] = {
        [TINY] = 8, [SMALL] = 64, [NEIGHBOUR] = 64, [MEDIUM] = 500, [LARGE] = 2048};
    static const size_t pages[LIVE] = {[ONE_PAGE] = 1, [THREE_PAGES] = 3, [FIVE_PAGES] = 5};
    memset(bed, 0, sizeof *bed);
    bed->way = *way;
    machine_start(&bed->m);
    if (way->brackets)
        machine_brackets(&bed->m);

    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.page_size = way->page_size;
    config.cpus = 3;
    config.flags = way->flags;
    config.magazine_objects = way->magazine_objects;
    config.page_list_pages = way->page_list_pages;
    config.platform = &bed->m.platform;
    bed->region_bytes = 700 * way->page_size + ((size_t)1 << 18);
    bed->region = region_new(bed->region_bytes, (size_t)1 << 21, 0);
    assert_ok(bsa_heap_init(&bed->heap, bed->region, bed->region_bytes, &config));
    for (unsigned id = 0; id < config.cpus; id++)
        ck_assert_ptr_nonnull(bsa_heap_cpu(bed->heap, id));

    for (unsigned i = 0; i < LIVE; i++) {
        bed->live[i].pages = pages[i];
        bed->live[i].bytes = pages[i] != 0 ? pages[i] * way->page_size : sizes[i];
        if (pages[i] != 0)
            assert_ok(bed_alloc_pages(bed, pages[i], 1, &bed->live[i].p));
        else
            assert_ok(bed_alloc(bed, sizes[i], 1, &bed->live[i].p));
        pattern_write(bed->live[i].p, bed->live[i].bytes, i);
    }
    ck_assert_uint_eq(bed->m.faults.count, 0);
}

/* What is live is where it was, with its contents. */
static inline void bed_check_live(const struct bed *bed)
{
    for (unsigned i = 0; i < LIVE; i++) {
        if (bed->live[i].gone)
            continue;
        ck_assert_msg(pattern_holds(bed->live[i].p, bed->live[i].bytes, i),
                      "the contents of live block %u changed", i);
        ck_assert_uint_ge(bsa_usable_size(bed->heap, bed->live[i].p), bed->live[i].bytes);
    }
}

/* Ordinary work on all CPUs, objects and pages, freed elsewhere than allocated. */
static inline void bed_work(struct bed *bed)
{
    enum { N = 150 };
    void *p[N];
    size_t bytes[N];
    for (unsigned i = 0; i < N; i++) {
        bed->m.cpu = i % 3;
        bytes[i] = (size_t)1 << (i % 12);
        if (i % 10 == 9) {
            bytes[i] = (i % 4 + 1) * bed->way.page_size;
            assert_ok(bed_alloc_pages(bed, i % 4 + 1, 1, &p[i]));
        } else {
            assert_ok(bed_alloc(bed, bytes[i], 1, &p[i]));
        }
        pattern_write(p[i], bytes[i], i + LIVE);
    }
    bed_check_live(bed);
    for (unsigned i = 0; i < N; i++) {
        bed->m.cpu = i / 7 % 3;
        ck_assert(pattern_holds(p[i], bytes[i], i + LIVE));
        assert_ok(bed_free(bed, p[i]));
    }
    bed->m.cpu = 0;
    bed_check_live(bed);
}

/* Everything freed, nothing but the CPUs' own state stays. */
static inline void bed_close(struct bed *bed)
{
    struct bsa_heap_stats stats;
    size_t left = 0;
    for (unsigned i = 0; i < LIVE; i++) {
        if (!bed->live[i].gone)
            assert_ok(bed_free(bed, bed->live[i].p));
    }
    assert_ok(bed_free(bed, bed->further));
    for (bed->m.cpu = 0; bed->m.cpu < 3; bed->m.cpu++)
        assert_ok(bsa_heap_drain(bed->heap, bed->m.cpu));
    bed->m.cpu = 0;
    bsa_heap_reclaim(bed->heap);
    check_heap_sums(bed->heap);
    heap_stats(bed->heap, &stats);
    ck_assert_uint_eq(stats.slab_bytes + stats.block_bytes + stats.record_bytes, 0);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(bed->heap), stats.cpu_bytes);
    assert_ok(bsa_heap_fini(&bed->heap, &left));
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_eq(bed->m.inside, 0);
}

#endif
