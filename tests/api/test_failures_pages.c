/* SPDX-License-Identifier: Apache-2.0 */
/* Failures that allocators of this kind have had, in what concerns pages; see test_failures.c. */
#include "machine.h"

static bsa_buddy *buddy_new(struct machine *m, void *region, size_t bytes)
{
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    config.platform = &m->platform;
    assert_ok(bsa_buddy_init(&buddy, region, bytes, &config));
    return buddy;
}

static void *buddy_get(bsa_buddy *buddy, size_t pages, size_t align)
{
    void *p = NULL;
    assert_ok(bsa_buddy_alloc(buddy, pages, align, &p));
    ck_assert(is_aligned(p, align));
    return p;
}

/* Page by page until there is none; how many, and where when p is not NULL. */
static size_t take_all_pages(bsa_buddy *buddy, void **p)
{
    size_t n = 0;
    void *page;
    while (bsa_buddy_alloc(buddy, 1, 1, &page) == BSA_OK) {
        if (p != NULL)
            p[n] = page;
        n++;
    }
    return n;
}

/*
 * 7. A request that was aligned to more than the start of memory failed: 1024 pages at 4 MiB with
 * 198 MiB free. Here alignment is that of the address, and regions begin anywhere.
 */
START_TEST(any_alignment_in_a_region_that_begins_anywhere)
{
    static const size_t offsets[] = {0, 1, PAGE, 5 * PAGE + 64, MIB, 2 * MIB + PAGE, 33 * MIB + 7};
    struct machine m;
    machine_start(&m);
    char *region = region_new(200 * MIB, 64 * MIB, offsets[_i]);
    bsa_buddy *buddy = buddy_new(&m, region, 200 * MIB);
    for (size_t align = PAGE; align <= 64 * MIB; align *= 2) {
        void *p = buddy_get(buddy, 1024, align), *q = buddy_get(buddy, 1, align);
        assert_ok(bsa_buddy_free(buddy, p, 1024));
        assert_ok(bsa_buddy_free(buddy, q, 1));
    }
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 0);

    /* 44 aligned blocks of 4 MiB and more are in any 200 MiB. */
    for (unsigned i = 0; i < 44; i++)
        buddy_get(buddy, 1024, 4 * MIB);
    assert_ok(bsa_buddy_validate(buddy));

    bsa_heap *heap = NULL;
    assert_ok(bsa_heap_init(&heap, region, 200 * MIB, NULL));
    for (size_t align = PAGE; align <= 64 * MIB; align *= 2) {
        void *p = heap_get_pages(heap, 3, align), *q = heap_get(heap, 10, align);
        assert_ok(bsa_heap_free_pages(heap, p, 3));
        assert_ok(bsa_heap_free(heap, q));
    }
    check_heap_sums(heap);
}
END_TEST

/*
 * 9. Memory was managed in units of 2 MiB: a region of 2 MiB gave nothing, one of 4 MiB half, and a
 * region that gave nothing was reported as a success. Here what is not metadata is pages, or an
 * error is given.
 */
START_TEST(small_regions_give_what_they_have)
{
    struct machine m;
    machine_start(&m);
    for (unsigned offset = 0; offset < 3; offset++) {
        for (size_t bytes = 2 * MIB; bytes <= 8 * MIB; bytes += MIB) {
            char *region = region_new(bytes, 2 * MIB, offset * (PAGE / 2 + 1));
            bsa_buddy *buddy = buddy_new(&m, region, bytes);
            ck_assert_uint_ge(bsa_buddy_managed_bytes(buddy), bytes / 100 * 98);
            ck_assert_uint_eq(take_all_pages(buddy, NULL) * PAGE, bsa_buddy_managed_bytes(buddy));

            bsa_heap *heap = NULL;
            assert_ok(bsa_heap_init(&heap, region, bytes, NULL));
            ck_assert_uint_ge(bsa_heap_managed_bytes(heap), bytes / 100 * 94);
        }
    }
}
END_TEST

START_TEST(a_region_that_gives_nothing_is_an_error)
{
    struct machine m;
    machine_start(&m);
    char *region = region_new(4 * MIB, 2 * MIB, 0);
    size_t refused = 0, taken = 0;
    for (size_t bytes = 0; bytes < 24 * KIB; bytes += 509) {
        bsa_buddy *buddy = NULL;
        char *start = region_new(24 * KIB, PAGE, bytes % 7 * 600);
        enum bsa_status status = bsa_buddy_init(&buddy, start, bytes, NULL);
        if (status == BSA_OK) {
            ck_assert_uint_ge(bsa_buddy_managed_bytes(buddy), PAGE);
            taken++;
        } else {
            assert_status(status, BSA_ERR_INVALID_PARAM);
            ck_assert_ptr_null(buddy);
            refused++;
        }

        buddy = buddy_new(&m, region, 4 * MIB);
        size_t managed = bsa_buddy_managed_bytes(buddy);
        status = bsa_buddy_add_region(buddy, start, bytes);
        if (status == BSA_OK) {
            ck_assert_uint_ge(bsa_buddy_managed_bytes(buddy), managed + PAGE);
            ck_assert_uint_eq(bsa_buddy_section_count(buddy), 2);
        } else {
            assert_status(status, BSA_ERR_INVALID_PARAM);
            ck_assert_uint_eq(bsa_buddy_managed_bytes(buddy), managed);
            ck_assert_uint_eq(bsa_buddy_section_count(buddy), 1);
        }
    }
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_gt(taken, 0);
}
END_TEST

/*
 * 10. Every free searched the sections one by one. Here the steps of a free are the same with 4
 * sections and with 1024 of different sizes.
 */
START_TEST(many_sections_cost_a_free_nothing)
{
    enum { SECTIONS = 1024, FREES = 1000 };
    static void *p[FREES];
    struct machine m;
    machine_start(&m);
    struct rng rng = rng_for("many_sections");
    char *memory = region_new((size_t)SECTIONS * 256 * KIB, 2 * MIB, 0);
    bsa_heap *heap = NULL;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.platform = &m.platform;
    config.page_list_pages = BSA_NONE;
    config.magazine_objects = BSA_NONE;
    assert_ok(bsa_heap_init(&heap, memory, 256 * KIB, &config));
    for (size_t i = 1; i < SECTIONS; i++) {
        size_t bytes = rng_between(&rng, 16 * KIB, 256 * KIB);
        assert_ok(bsa_heap_add_region(heap, memory + i * 256 * KIB, bytes));
    }
    ck_assert_uint_eq(bsa_heap_section_count(heap), SECTIONS);

    /* Pages of all sections, of which a thousand, evenly spread, are freed and taken again. */
    size_t n = 0, most = (size_t)SECTIONS * 64;
    void **pages = region_new(most * sizeof *pages, PAGE, 0);
    while (n < most && bsa_heap_alloc_pages(heap, 1, 1, &pages[n]) == BSA_OK)
        n++;
    for (size_t i = 0; i < FREES; i++)
        p[i] = pages[i * n / FREES];
    size_t most_steps = 0;
    for (size_t i = 0; i < FREES; i++) {
        size_t before = bsa_heap_steps(heap);
        assert_ok(bsa_heap_free(heap, p[i]));
        size_t steps = bsa_heap_steps(heap) - before;
        most_steps = steps > most_steps ? steps : most_steps;
        ck_assert_uint_eq(bsa_usable_size(heap, p[i]), 0);
    }
    ck_assert_uint_le(most_steps, 40);
    for (size_t i = 0; i < FREES; i++)
        heap_get_pages(heap, 1, 1);
    void *none;
    assert_status(bsa_heap_alloc_pages(heap, 1, 1, &none), BSA_ERR_NO_MEMORY);
    check_heap_sums(heap);
}
END_TEST

/*
 * 11. A request for aligned pages walked the free list: the more pages of the wrong parity, the
 * longer. Here it takes as many steps with 100 000 of them as with 1000, whether it fails or
 * succeeds.
 */
static size_t steps_among_wrong_parity(size_t pages)
{
    enum { TIMES = 200 };
    struct machine m;
    machine_start(&m);
    machine_place_high(&m);
    size_t bytes = 2 * pages * PAGE + pages * PAGE / 8;
    bsa_buddy *buddy = buddy_new(&m, region_new(bytes, 64 * MIB, 0), bytes);
    void **p = region_new(3 * pages * sizeof *p, PAGE, 0);
    size_t n = take_all_pages(buddy, p);
    for (size_t i = 0; i < n; i++) {
        if (!is_aligned(p[i], 2 * PAGE))
            assert_ok(bsa_buddy_free(buddy, p[i], 1));
    }
    size_t before = bsa_buddy_steps(buddy), free_then;
    void *out;
    assert_status(bsa_buddy_alloc(buddy, 1, 2 * PAGE, &out), BSA_ERR_NO_MEMORY); /* may look once */
    size_t first = bsa_buddy_steps(buddy) - before;
    ck_assert_uint_le(first, 2 * (n / 512 + 8)); /* a step for 512 pages at most, not for each */
    before = bsa_buddy_steps(buddy);
    free_then = bsa_buddy_allocated_bytes(buddy);
    for (unsigned i = 0; i < TIMES; i++) {
        assert_status(bsa_buddy_alloc(buddy, 1, 2 * PAGE, &out), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(buddy, 1, 64 * PAGE, &out), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(buddy, 2, 1, &out), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &out), BSA_ERR_NO_MEMORY);
        out = buddy_get(buddy, 1, 1);
        assert_ok(bsa_buddy_free(buddy, out, 1));
    }
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), free_then);
    size_t steps = bsa_buddy_steps(buddy) - before;

    /* One page of the right parity is found. */
    size_t even = n / 2;
    while (!is_aligned(p[even], 2 * PAGE))
        even++;
    assert_ok(bsa_buddy_free(buddy, p[even], 1));
    before = bsa_buddy_steps(buddy);
    ck_assert_ptr_eq(buddy_get(buddy, 1, 2 * PAGE), p[even]);
    ck_assert_uint_le(bsa_buddy_steps(buddy) - before, 64);
    assert_ok(bsa_buddy_validate(buddy));
    return steps;
}

START_TEST(aligned_requests_do_not_walk_free_pages)
{
    size_t few = steps_among_wrong_parity(1000), many = steps_among_wrong_parity(100000);
    ck_assert_uint_le(many, few + 200 * 8);
}
END_TEST

/*
 * 12. Ordinary pages were taken from low memory while high memory was free, until none was left for
 * those who need it. Here they come from high memory first, wherever in the order of registration
 * it is, and leave a reserve of 1/32 of the low memory.
 */
START_TEST(low_memory_keeps_a_reserve)
{
    enum { LOW = 8 * MIB, HIGH = 16 * MIB };
    static const unsigned reserves[] = {0, 4, BSA_NONE};
    struct machine m;
    machine_start(&m);
    char *low = region_new(LOW, 2 * MIB, 0), *high = region_new(HIGH, 2 * MIB, 0);
    machine_place_low(&m, low, LOW, 16 * MIB);
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    config.platform = &m.platform;
    config.lowmem_reserve = reserves[_i];
    assert_ok(bsa_buddy_init(&buddy, low, LOW, &config));
    size_t low_pages = bsa_buddy_managed_bytes(buddy) / PAGE;
    assert_ok(bsa_buddy_add_region(buddy, high, HIGH));
    size_t high_pages = bsa_buddy_managed_bytes(buddy) / PAGE - low_pages;

    void *p;
    for (size_t i = 0; i < high_pages; i++) {
        assert_ok(bsa_buddy_alloc(buddy, 1, 1, &p));
        ck_assert_uint_lt((size_t)((char *)p - high), HIGH);
    }
    size_t reserve = reserves[_i] == BSA_NONE ? 0 : low_pages / (reserves[_i] == 0 ? 32 : 4);
    size_t n = take_all_pages(buddy, NULL);
    ck_assert_uint_eq(n, low_pages - reserve);
    for (size_t i = 0; i < reserve; i++) {
        assert_ok(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p));
        ck_assert_uint_lt((size_t)((char *)p - low), LOW);
    }
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p), BSA_ERR_NO_MEMORY);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), bsa_buddy_managed_bytes(buddy));
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* A heap's page lists hand no low page to anybody, nor do its slabs take one. */
START_TEST(a_heap_keeps_low_pages_for_those_who_ask)
{
    enum { LOW = 4 * MIB, HIGH = 8 * MIB, N = 64 };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *p[N];
    machine_start(&m);
    char *low = region_new(LOW, 2 * MIB, 0), *high = region_new(HIGH, 2 * MIB, 0);
    machine_place_low(&m, low, LOW, 0);
    config.platform = &m.platform;
    assert_ok(bsa_heap_init(&heap, low, LOW, &config));
    assert_ok(bsa_heap_add_region(heap, high, HIGH));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < N; i++) {
            assert_ok(bsa_heap_alloc_pages_lowmem(heap, i % 4 + 1, 1, &p[i]));
            ck_assert_uint_lt((size_t)((char *)p[i] - low), LOW);
        }
        for (unsigned i = 0; i < N; i++)
            assert_ok(bsa_heap_free_pages(heap, p[i], i % 4 + 1));
        for (unsigned i = 0; i < N; i++) {
            p[i] = i % 2 == 0 ? heap_get_pages(heap, i % 4 + 1, 1) : heap_get(heap, 1000, 8);
            ck_assert_uint_lt((size_t)((char *)p[i] - high), HIGH);
        }
        for (unsigned i = 0; i < N; i++)
            assert_ok(bsa_heap_free(heap, p[i]));
    }
    check_heap_sums(heap);
}
END_TEST

/* 13. 3 pages cost 4, 33 cost 64, 257 cost 512. Here n pages cost n, and the rest of a block can be
 * had. */
START_TEST(pages_cost_what_was_asked_for)
{
    static const size_t counts[] = {3, 5, 33, 100, 257, 511, 513, 1000, 1025, 1, 2, 2047};
    enum { N = sizeof counts / sizeof *counts, REGION = 64 * MIB };
    struct machine m;
    void *p[N], *q[N];
    machine_start(&m);
    bsa_buddy *buddy = buddy_new(&m, region_new(REGION, 2 * MIB, 3 * PAGE), REGION);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = heap_new(&m, REGION, config);
    size_t pages = 0;
    for (unsigned i = 0; i < N; i++) {
        p[i] = buddy_get(buddy, counts[i], 1);
        q[i] = heap_get_pages(heap, counts[i], 1);
        pages += counts[i];
        ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), pages * PAGE);
        ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), pages * PAGE);
        ck_assert_uint_eq(bsa_usable_size(heap, q[i]), counts[i] * PAGE);
    }
    size_t rest = bsa_buddy_managed_bytes(buddy) / PAGE - pages;
    ck_assert_uint_eq(take_all_pages(buddy, NULL), rest);
    for (unsigned i = 0; i < N; i++) {
        assert_ok(bsa_buddy_free(buddy, p[i], counts[i]));
        assert_ok(bsa_heap_free_pages(heap, q[i], counts[i]));
        pages -= counts[i];
        ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), pages * PAGE);
    }
    assert_ok(bsa_buddy_validate(buddy));
    check_heap_sums(heap);
}
END_TEST

/*
 * 15. All CPUs took one lock for each page, twice to fill a CPU's cache, and neighbouring CPUs'
 * state shared cache lines. Here a CPU's pages and objects come and go without a step below its own
 * lists, and each CPU's state begins on a cache line of its own.
 */
START_TEST(cpus_keep_out_of_each_others_way)
{
    enum { CPUS = 16, LINE = 64, PAIRS = 2000 };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_heap_stats stats;
    machine_start(&m);
    config.cpus = CPUS;
    bsa_heap *heap = heap_new(&m, 64 * MIB, config);
    heap_stats(heap, &stats);
    uintptr_t state[CPUS];
    for (unsigned i = 0; i < CPUS; i++) {
        state[i] = (uintptr_t)bsa_heap_cpu(heap, i);
        ck_assert_uint_eq(state[i] % LINE, 0);
        for (unsigned j = 0; j < i; j++)
            ck_assert_uint_ge(state[i] > state[j] ? state[i] - state[j] : state[j] - state[i],
                              stats.cpu_state_bytes);
    }
    ck_assert_uint_eq(stats.cpu_state_bytes % LINE, 0);

    for (m.cpu = 0; m.cpu < 2; m.cpu++) { /* once, to fill the lists */
        assert_ok(bsa_heap_free(heap, heap_get(heap, 64, 1)));
        assert_ok(bsa_heap_free(heap, heap_get_pages(heap, 1, 1)));
    }
    size_t before = bsa_heap_steps(heap);
    for (unsigned i = 0; i < PAIRS; i++) {
        m.cpu = i % 2;
        assert_ok(bsa_heap_free(heap, heap_get(heap, 64, 1)));
        assert_ok(bsa_heap_free_pages(heap, heap_get_pages(heap, 1, 1), 1));
    }
    ck_assert_uint_eq(bsa_heap_steps(heap), before);
    for (unsigned id = 0; id < 2; id++) {
        struct bsa_cpu_stats cpu = BSA_CPU_STATS_INIT;
        assert_ok(bsa_heap_cpu_stats(heap, id, &cpu));
        ck_assert_uint_eq(cpu.page_allocs, PAIRS / 2 + 1);
        ck_assert_uint_ge(cpu.page_list_hits, PAIRS / 2);
        ck_assert_uint_le(cpu.magazine_refills, 2);
        ck_assert_uint_eq(cpu.magazine_flushes, 0);
    }
    check_heap_sums(heap);
}
END_TEST

static Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures of others: pages");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, any_alignment_in_a_region_that_begins_anywhere, 0, 7);
    tcase_add_test(all, small_regions_give_what_they_have);
    tcase_add_test(all, a_region_that_gives_nothing_is_an_error);
    tcase_add_test(all, many_sections_cost_a_free_nothing);
    tcase_add_test(all, aligned_requests_do_not_walk_free_pages);
    tcase_add_loop_test(all, low_memory_keeps_a_reserve, 0, 3);
    tcase_add_test(all, a_heap_keeps_low_pages_for_those_who_ask);
    tcase_add_test(all, pages_cost_what_was_asked_for);
    tcase_add_test(all, cpus_keep_out_of_each_others_way);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(failures_suite());
}
