/* SPDX-License-Identifier: Apache-2.0 */
/* The heap by its public interface: how it is made and ended, and what it says about itself. */
#include "machine.h"

static const struct bsa_heap_config plain = BSA_HEAP_CONFIG_INIT;

/* Making one. */

static void refused(bsa_heap **heap, char *region, struct bsa_heap_config *config)
{
    assert_status(bsa_heap_init(heap, region, MIB, config), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(*heap);
    *config = plain;
}

START_TEST(configurations)
{
    static const size_t page_sizes[] = {1, 512, 1000, 4097, 131072, SIZE_MAX};
    static const unsigned falling[] = {64, 32}, odd[] = {8, 12}, large[] = {64, 16384};
    const struct bsa_class_table tables[] = {
        {sizeof *tables, 2, falling}, {sizeof *tables, 2, odd},  {sizeof *tables, 2, large},
        {sizeof *tables, 0, odd},     {sizeof *tables, 2, NULL}, {1, 2, large},
    };
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = plain;
    bsa_heap *heap = NULL;
    char *region = region_new(MIB, PAGE, 0);

    for (unsigned i = 0; i < sizeof page_sizes / sizeof *page_sizes; i++) {
        config.page_size = page_sizes[i];
        refused(&heap, region, &config);
    }
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        config.classes = &tables[i];
        refused(&heap, region, &config);
    }
    for (unsigned bit = 2; bit < 32; bit++) {
        config.flags = 1u << bit;
        refused(&heap, region, &config);
    }
    config.cpus = BSA_MAX_CPUS + 1;
    refused(&heap, region, &config);
    config.cpus = UINT32_MAX;
    refused(&heap, region, &config);
    for (size_t size = 0; size < sizeof(size_t); size++) {
        config.size = size;
        refused(&heap, region, &config);
    }
    config.platform = &platform;
    platform.size = 3;
    refused(&heap, region, &config);
    assert_status(bsa_heap_init(&heap, NULL, MIB, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(&heap, region, 0, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(&heap, region, PAGE, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(&heap, region, SIZE_MAX, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(&heap, (void *)UINTPTR_MAX, 1, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(NULL, region, MIB, NULL), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(heap);
}
END_TEST

/* A struct of an older program, and one of a newer program that asks for nothing new. */
START_TEST(configurations_of_other_versions)
{
    struct {
        struct bsa_heap_config config;
        unsigned char tail[40];
    } larger = {.config = BSA_HEAP_CONFIG_INIT};
    struct {
        struct bsa_platform platform;
        unsigned char tail[16];
    } platform = {.platform = BSA_PLATFORM_INIT};
    bsa_heap *heap = NULL;
    char *region = region_new(MIB, PAGE, 0);

    larger.config.size = offsetof(struct bsa_heap_config, cpus);
    larger.config.cpus = UINT32_MAX;
    larger.config.flags = UINT32_MAX;
    assert_ok(bsa_heap_init(&heap, region, MIB, &larger.config));
    ck_assert_ptr_nonnull(bsa_heap_cpu(heap, 0));
    ck_assert_ptr_null(bsa_heap_cpu(heap, 1));
    heap = NULL;

    larger.config = plain;
    larger.config.size = sizeof larger;
    larger.config.platform = &platform.platform;
    platform.platform.size = sizeof platform;
    assert_ok(bsa_heap_init(&heap, region, MIB, &larger.config));
    heap = NULL;
    platform.tail[15] = 1;
    assert_status(bsa_heap_init(&heap, region, MIB, &larger.config), BSA_ERR_INVALID_PARAM);
    platform.tail[15] = 0;
    larger.tail[0] = 1;
    assert_status(bsa_heap_init(&heap, region, MIB, &larger.config), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(heap);
}
END_TEST

START_TEST(a_live_heap_is_not_made_again)
{
    char *region = region_new(2 * MIB, PAGE, 0);
    bsa_heap *heap = NULL, *same;
    assert_ok(bsa_heap_init(&heap, region, MIB, NULL));
    same = heap;
    void *p = heap_get(heap, 100, 1);
    assert_status(bsa_heap_init(&heap, region + MIB, MIB, NULL), BSA_ERR_ALREADY_INITIALIZED);
    ck_assert_ptr_eq(heap, same);
    ck_assert_uint_eq(bsa_usable_size(heap, p), 128);
    check_heap_sums(heap);
}
END_TEST

/* A failed init leaves nothing behind: the same variable and memory serve the next one. */
START_TEST(after_a_failed_init_the_next_one_works)
{
    char *region = region_new(MIB, PAGE, 0);
    struct bsa_heap_config config = plain;
    bsa_heap *heap = NULL;
    config.page_size = 3;
    assert_status(bsa_heap_init(&heap, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_init(&heap, region, 5000, NULL), BSA_ERR_INVALID_PARAM);
    assert_ok(bsa_heap_init(&heap, region, MIB, NULL));
    heap_get(heap, 64, 1);
    check_heap_sums(heap);
}
END_TEST

/* fini tells what is live, and the memory is the caller's again. */
START_TEST(the_end_of_a_heap)
{
    struct machine m;
    struct bsa_heap_config config = plain;
    char *region = region_new(MIB, PAGE, 0), *second = region_new(MIB, PAGE, 0);
    bsa_heap *heap = NULL;
    machine_start(&m);
    config.platform = &m.platform;
    config.cpus = 3;
    for (unsigned round = 0; round < 3; round++) {
        size_t live = 99;
        void *p[20];
        assert_ok(bsa_heap_init(&heap, region, MIB, &config));
        assert_ok(bsa_heap_add_region(heap, second, MIB));
        for (unsigned i = 0; i < 20; i++) {
            m.cpu = i % 3;
            p[i] = i % 4 == 0 ? heap_get_pages(heap, i + 1, 1) : heap_get(heap, i * 20, 1);
        }
        for (unsigned i = 0; i < 20; i += 2)
            assert_ok(bsa_heap_free(heap, p[i]));
        assert_ok(bsa_heap_fini(&heap, round == 0 ? NULL : &live));
        ck_assert_ptr_null(heap);
        ck_assert_uint_eq(live, round == 0 ? 99 : 10);
        assert_status(bsa_heap_fini(&heap, &live), BSA_ERR_NOT_INITIALIZED);
        memset(region, (int)(0x55 * round), MIB);
        memset(second, (int)(0x55 * round), MIB);
    }
    size_t live = 99;
    assert_ok(bsa_heap_init(&heap, region, MIB, &config));
    assert_ok(bsa_heap_fini(&heap, &live));
    ck_assert_uint_eq(live, 0);
}
END_TEST

/* Statistics. */

/* All sums hold at every moment of ordinary work, whatever the configuration. */
START_TEST(sums_hold_at_every_moment)
{
    enum { N = 500 };
    static const unsigned magazines[] = {0, BSA_NONE, 1, 5, 256};
    static const unsigned depots[] = {0, BSA_NONE, 3};
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = plain;
    struct rng rng = rng_for("sums_hold_at_every_moment");
    machine_start(&m);
    config.cpus = 4;
    config.flags = _i % 2 != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    config.magazine_objects = magazines[_i % 5];
    config.depot_magazines = depots[_i % 3];
    config.keep_empty = _i % 4 == 0 ? BSA_NONE : (unsigned)_i % 4;
    config.page_list_pages = _i % 4 == 1 ? BSA_NONE : 0;
    bsa_heap *heap = heap_new(&m, 4 * MIB, config);
    for (unsigned step = 0; step < 2000; step++) {
        unsigned i = (unsigned)rng_below(&rng, N);
        m.cpu = (unsigned)rng_below(&rng, 4);
        if (p[i] != NULL) {
            assert_ok(bsa_heap_free(heap, p[i]));
            p[i] = NULL;
        } else if (rng_below(&rng, 8) == 0) {
            if (bsa_heap_alloc_pages(heap, rng_between(&rng, 1, 9), 1, &p[i]) != BSA_OK)
                p[i] = NULL;
        } else {
            p[i] = bsa_malloc(heap, rng_below(&rng, 3000));
        }
        if (step % 40 == 0)
            check_heap_sums(heap);
        if (step % 500 == 499)
            assert_ok(bsa_heap_drain(heap, m.cpu));
    }
    size_t live = 0;
    struct bsa_heap_stats stats;
    heap_stats(heap, &stats);
    for (unsigned i = 0; i < N; i++)
        live += p[i] != NULL;
    for (unsigned c = 0; c < stats.classes; c++)
        live -= stats.size_class[c].live;
    ck_assert_uint_eq(live, stats.blocks);
}
END_TEST

/* Each number of a small scene. */
START_TEST(figures_of_a_scene)
{
    struct machine m;
    struct bsa_heap_stats s;
    struct bsa_heap_config config = plain;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = BSA_NONE;
    config.page_list_pages = 8;
    bsa_heap *heap = heap_new(&m, 4 * MIB, config);
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.size, sizeof s);
    ck_assert_uint_eq(s.page_size, PAGE);
    ck_assert_uint_eq(s.sections, 1);
    ck_assert_uint_eq(s.cpus_used, 0);
    ck_assert_uint_eq(s.free_bytes, s.managed_bytes);
    ck_assert_uint_eq(s.metadata_bytes, 4 * MIB - s.managed_bytes);

    void *object = heap_get(heap, 64, 1), *second = heap_get(heap, 64, 1);
    void *large = heap_get(heap, 3 * PAGE - 5, 1), *page = heap_get_pages(heap, 1, 1);
    assert_ok(bsa_heap_free_pages(heap, page, 1));
    m.cpu = 1;
    assert_ok(bsa_heap_free(heap, object));
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.cpus_used, 2);
    ck_assert_uint_eq(s.blocks, 1);
    ck_assert_uint_eq(s.block_bytes, 3 * PAGE);
    ck_assert_uint_eq(s.record_bytes, PAGE);
    ck_assert_uint_gt(s.pages_listed_bytes, 0);
    ck_assert_uint_le(s.pages_listed_bytes, 8 * PAGE);
    const struct bsa_class_stats *c = &s.size_class[3];
    ck_assert_uint_eq(c->object_size, 64);
    ck_assert_uint_eq(c->objects_per_slab, c->slab_pages * PAGE / 64);
    ck_assert_uint_eq(c->slabs, 1);
    ck_assert_uint_eq(s.slab_bytes, c->slab_pages * PAGE);
    ck_assert_uint_eq(c->live, 1);
    ck_assert_uint_eq(c->remote_pending, 1);
    ck_assert_uint_eq(c->free, c->objects_per_slab - 2);
    ck_assert_uint_gt(c->record_bytes, 0);
    for (unsigned i = 0; i < s.classes; i++) {
        if (i != 3)
            ck_assert_uint_eq(s.size_class[i].slabs, 0);
    }

    m.cpu = 0;
    assert_ok(bsa_heap_free(heap, second));
    assert_ok(bsa_heap_free(heap, large));
    bsa_heap_reclaim(heap);
    assert_ok(bsa_heap_drain(heap, 0));
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.blocks, 0);
    ck_assert_uint_eq(s.free_bytes, s.managed_bytes - s.cpu_bytes);
    ck_assert_uint_eq(s.pages_listed_bytes, 0);
    check_heap_sums(heap);
}
END_TEST

/* Structs of any size are filled as far as they go. */
START_TEST(statistics_of_any_size)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, MIB, plain);
    heap_get(heap, 64, 1);
    for (size_t size = sizeof(size_t); size <= sizeof(struct bsa_heap_stats) + 8; size += 8) {
        static union {
            struct bsa_heap_stats stats;
            unsigned char bytes[sizeof(struct bsa_heap_stats) + 16];
        } u;
        memset(&u, 0x5a, sizeof u);
        u.stats.size = size;
        assert_ok(bsa_heap_stats(heap, &u.stats));
        ck_assert_uint_eq(u.stats.size, size);
        for (size_t i = size; i < sizeof u; i++)
            ck_assert_uint_eq(u.bytes[i], 0x5a);
        if (size > offsetof(struct bsa_heap_stats, managed_bytes) + 8)
            ck_assert_uint_eq(u.stats.managed_bytes, bsa_heap_managed_bytes(heap));
    }
    struct bsa_cpu_stats cpu = BSA_CPU_STATS_INIT;
    cpu.size = sizeof(size_t);
    cpu.slabs_added = 77;
    assert_ok(bsa_heap_cpu_stats(heap, 0, &cpu));
    ck_assert_uint_eq(cpu.slabs_added, 77);
    cpu.size = 2;
    assert_status(bsa_heap_cpu_stats(heap, 0, &cpu), BSA_ERR_INVALID_PARAM);
}
END_TEST

/* Sections: pages on a CPU's list are free in them, too. */
START_TEST(sections_of_a_heap)
{
    struct machine m;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, 4 * MIB, plain);
    assert_ok(bsa_heap_add_region(heap, region_new(2 * MIB, PAGE, 5), 2 * MIB));
    ck_assert_uint_eq(bsa_heap_section_count(heap), 2);
    void *p[40];
    for (unsigned i = 0; i < 40; i++)
        p[i] = heap_get_pages(heap, i % 4 + 1, 1);
    for (unsigned i = 0; i < 40; i++) {
        size_t free = 0, total = 0;
        assert_ok(bsa_heap_free(heap, p[i]));
        for (size_t s = 0; s < 2; s++) {
            assert_ok(bsa_heap_section(heap, s, &info));
            free += info.free_pages;
            total += info.total_pages;
        }
        ck_assert_uint_eq(total * PAGE, bsa_heap_managed_bytes(heap));
        ck_assert_uint_eq((total - free) * PAGE, bsa_heap_allocated_bytes(heap));
    }
    assert_status(bsa_heap_section(heap, 2, &info), BSA_ERR_NOT_FOUND);
}
END_TEST

/* What the pages of a heap are; each counted as one thing. */
START_TEST(flags_of_pages)
{
    struct machine m;
    struct bsa_heap_stats s;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags;
    size_t slab = 0, meta = 0, cached = 0, block = 0, free = 0;
    machine_start(&m);
    machine_place_high(&m);
    bsa_heap *heap = heap_new(&m, 4 * MIB, plain);
    void *object = heap_get(heap, 100, 1), *pages = heap_get_pages(heap, 3, 1);
    for (unsigned i = 0; i < 300; i++)
        heap_get(heap, 700, 1);
    assert_ok(bsa_heap_free(heap, heap_get_pages(heap, 1, 1)));
    assert_ok(bsa_heap_page_flags(heap, object, &flags));
    ck_assert_uint_eq(flags, BSA_PAGE_SLAB);
    assert_ok(bsa_heap_page_flags(heap, pages, &flags));
    ck_assert_uint_eq(flags, BSA_PAGE_HEAD);
    assert_ok(bsa_heap_page_flags(heap, (char *)pages + PAGE + 1, &flags));
    ck_assert_uint_eq(flags, BSA_PAGE_TAIL);
    assert_status(bsa_heap_page_flags(heap, heap, &flags), BSA_ERR_NOT_FOUND);

    assert_ok(bsa_heap_section(heap, 0, &info));
    for (size_t i = 0; i < info.bytes / PAGE; i++) {
        assert_ok(bsa_heap_page_flags(heap, (char *)info.start + i * PAGE, &flags));
        slab += (flags & BSA_PAGE_SLAB) != 0;
        meta += (flags & BSA_PAGE_META) != 0;
        cached += (flags & BSA_PAGE_CACHED) != 0;
        block += (flags & (BSA_PAGE_HEAD | BSA_PAGE_TAIL)) != 0;
        free += (flags & BSA_PAGE_FREE) != 0;
    }
    heap_stats(heap, &s);
    ck_assert_uint_eq(slab * PAGE, s.slab_bytes);
    ck_assert_uint_eq(meta * PAGE, s.record_bytes + s.cpu_bytes);
    ck_assert_uint_eq(cached * PAGE, s.pages_listed_bytes);
    ck_assert_uint_eq(block * PAGE, s.block_bytes);
    ck_assert_uint_eq(free * PAGE, s.free_bytes);
    ck_assert_uint_gt(cached, 0);

    /* Free blocks are those of the page allocator: without the pages on lists. */
    size_t counts[BSA_MAX_ORDER + 1], sum = 0;
    assert_ok(bsa_heap_free_blocks(heap, counts, BSA_MAX_ORDER + 1));
    for (unsigned o = 0; o <= BSA_MAX_ORDER; o++)
        sum += counts[o] << o;
    ck_assert_uint_eq(sum, free - cached);
}
END_TEST

static Suite *heap_suite(void)
{
    Suite *suite = suite_create("the heap: making and asking");
    TCase *all = tcase_create("all");
    tcase_add_test(all, configurations);
    tcase_add_test(all, configurations_of_other_versions);
    tcase_add_test(all, a_live_heap_is_not_made_again);
    tcase_add_test(all, after_a_failed_init_the_next_one_works);
    tcase_add_test(all, the_end_of_a_heap);
    tcase_add_loop_test(all, sums_hold_at_every_moment, 0, 60);
    tcase_add_test(all, figures_of_a_scene);
    tcase_add_test(all, statistics_of_any_size);
    tcase_add_test(all, sections_of_a_heap);
    tcase_add_test(all, flags_of_pages);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(heap_suite());
}
