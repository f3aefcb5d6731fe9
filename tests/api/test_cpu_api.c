/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs by the public interface: handles, states, and what each CPU keeps to itself. */
#include "cpus.h"

/* Handles. */

START_TEST(a_handle_is_its_cpu)
{
    enum { N = 400 };
    void *p[N];
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 3, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    bsa_cpu *cpu[3];
    for (unsigned id = 0; id < 3; id++) {
        cpu[id] = bsa_heap_cpu(heap, id);
        ck_assert_ptr_nonnull(cpu[id]);
        ck_assert_ptr_eq(bsa_heap_cpu(heap, id), cpu[id]);
        ck_assert(id == 0 || cpu[id] != cpu[id - 1]);
    }
    size_t asked = m.cpu_questions;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < N; i++) {
            if (i % 40 == 3)
                assert_ok(bsa_cpu_alloc_pages(cpu[i % 3], i % 5 + 1, PAGE, &p[i]));
            else
                assert_ok(bsa_cpu_alloc(cpu[i % 3], i * 5, 8, &p[i]));
            ck_assert(is_aligned(p[i], 8));
            ck_assert_uint_ge(bsa_usable_size(heap, p[i]), i % 40 == 3 ? PAGE : i * 5);
        }
        for (unsigned i = 0; i < N; i++) {
            if (i % 80 == 3)
                assert_ok(bsa_cpu_free_pages(cpu[(i + round) % 3], p[i], i % 5 + 1));
            else
                assert_ok(bsa_cpu_free(cpu[(i + round) % 3], p[i]));
        }
        check_heap_sums(heap);
    }
    ck_assert_uint_eq(m.cpu_questions, asked);
    for (unsigned id = 0; id < 3; id++) {
        struct bsa_cpu_stats s = stats_of(heap, id);
        ck_assert_uint_gt(s.page_allocs, 0);
        ck_assert_uint_gt(s.magazine_refills, 0);
    }
}
END_TEST

/* What was allocated by handle is freed by hook, and the other way round. */
START_TEST(handles_and_hook_mix)
{
    struct machine m;
    void *p;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, 0);
    for (unsigned i = 0; i < 500; i++) {
        m.cpu = i % 2;
        assert_ok(bsa_cpu_alloc(bsa_heap_cpu(heap, i / 2 % 2), 48, 16, &p));
        assert_ok(bsa_heap_free(heap, p));
        p = heap_get(heap, 48, 16);
        assert_ok(bsa_cpu_free(bsa_heap_cpu(heap, i / 2 % 2), p));
    }
    check_heap_sums(heap);
}
END_TEST

/* States are made when CPUs first call, and cost nothing before. */
START_TEST(states_are_made_at_first_use)
{
    struct machine m;
    struct bsa_heap_stats s;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 100, 0);
    struct bsa_cpu_stats none = stats_of(heap, 50);
    ck_assert_uint_eq(none.page_allocs + none.magazine_refills + none.objects_cached, 0);
    for (unsigned n = 1; n <= 10; n++) {
        m.cpu = n * 9;
        heap_get(heap, 64, 1);
        heap_get(heap, 64, 1);
        heap_stats(heap, &s);
        ck_assert_uint_eq(s.cpus_used, n);
    }
    assert_ok(bsa_heap_drain(heap, 7)); /* of one that never called */
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.cpus_used, 10);
    check_heap_sums(heap);
}
END_TEST

/* Of CPUs whose ids are far apart none is left out. */
START_TEST(ids_far_apart)
{
    struct machine m;
    struct bsa_heap_stats s;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 200, 0);
    work(heap, &m, 150);
    work(heap, &m, 3);
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.cpus_used, 2);
    check_heap_sums(heap);
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(held_back(heap, 150), 0);
    ck_assert_uint_eq(held_back(heap, 3), 0);
}
END_TEST

/* All ids there can be on little memory: each works, and most of the memory remains. */
START_TEST(four_thousand_cpus_on_a_small_region)
{
    static const size_t regions[] = {256 * KIB, MIB, 8 * MIB};
    static void *p[BSA_MAX_CPUS];
    struct machine m;
    struct bsa_heap_stats s;
    struct bsa_heap_config config = plain;
    machine_start(&m);
    config.cpus = BSA_MAX_CPUS;
    config.flags = _i % 2 != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    bsa_heap *heap = heap_new(&m, regions[_i / 2], config);
    ck_assert_uint_ge(bsa_heap_managed_bytes(heap), regions[_i / 2] / 2);
    ck_assert_ptr_null(bsa_heap_cpu(heap, BSA_MAX_CPUS));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned id = 0; id < BSA_MAX_CPUS; id++) {
            m.cpu = id;
            p[id] = heap_get(heap, 8, 8);
            memcpy(p[id], &p[id], sizeof p[id]);
            void *q = heap_get_pages(heap, 1, 1);
            assert_ok(bsa_heap_free_pages(heap, q, 1));
        }
        check_heap_sums(heap);
        for (unsigned id = 0; id < BSA_MAX_CPUS; id++) {
            m.cpu = (id + 1) % BSA_MAX_CPUS;
            ck_assert_mem_eq(p[id], &p[id], sizeof p[id]);
            assert_ok(bsa_heap_free(heap, p[id]));
        }
    }
    m.cpu = 17;
    bsa_heap_reclaim(heap);
    heap_stats(heap, &s);
    ck_assert_uint_le(s.cpu_bytes, s.managed_bytes / 16);
    size_t pages = 0;
    void *page;
    while (bsa_heap_alloc_pages(heap, 1, 1, &page) == BSA_OK)
        pages++;
    ck_assert_uint_ge(pages * PAGE, s.managed_bytes / 10 * 8);
    check_heap_sums(heap);
}
END_TEST

/* What is kept, and how much. */

START_TEST(magazines_are_bounded)
{
    static const unsigned most[] = {BSA_NONE, 1, 2, 7, 64, 256, 100000};
    static const unsigned bound[] = {0, 1, 2, 7, 64, 256, 256};
    enum { N = 2000 };
    void *p[N];
    struct machine m;
    struct bsa_heap_config config = plain;
    machine_start(&m);
    config.magazine_objects = most[_i];
    bsa_heap *heap = heap_new(&m, 16 * MIB, config);
    size_t peak = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < N; i++) {
            p[i] = heap_get(heap, 64, 1);
            size_t cached = stats_of(heap, 0).objects_cached;
            peak = cached > peak ? cached : peak;
        }
        for (unsigned i = 0; i < N; i++) {
            assert_ok(bsa_heap_free(heap, p[i]));
            size_t cached = stats_of(heap, 0).objects_cached;
            peak = cached > peak ? cached : peak;
        }
    }
    ck_assert_uint_eq(peak, bound[_i]);
    if (bound[_i] > 1) {
        /* Half a magazine at a time, and what a new slab of 64 has. */
        struct bsa_cpu_stats s = stats_of(heap, 0);
        ck_assert_uint_le(s.magazine_refills, 3 * (N / (bound[_i] / 2) + N / 64 + 1));
        ck_assert_uint_le(s.magazine_flushes, 3 * (N / (bound[_i] / 2) + N / 64 + 1));
    }
    check_heap_sums(heap);
}
END_TEST

START_TEST(page_lists_are_bounded)
{
    enum { N = 300, MOST = 40 };
    void *p[N];
    struct machine m;
    struct bsa_heap_config config = plain;
    machine_start(&m);
    config.page_list_pages = MOST;
    bsa_heap *heap = heap_new(&m, 64 * MIB, config);
    for (unsigned order = 0; order <= 7; order++) {
        for (unsigned i = 0; i < N; i++)
            p[i] = heap_get_pages(heap, (size_t)1 << (i % (order + 1)), 1);
        for (unsigned i = 0; i < N; i++) {
            assert_ok(bsa_heap_free(heap, p[i]));
            ck_assert_uint_le(stats_of(heap, 0).pages_listed, MOST);
        }
        ck_assert_uint_gt(stats_of(heap, 0).pages_listed, 0);
        check_heap_sums(heap);
    }

    /* A block that was just freed is the next one given. */
    struct bsa_cpu_stats before = stats_of(heap, 0);
    void *q = heap_get_pages(heap, 4, 1);
    for (unsigned i = 0; i < 50; i++) {
        assert_ok(bsa_heap_free_pages(heap, q, 4));
        ck_assert_ptr_eq(heap_get_pages(heap, 4, 1), q);
    }
    struct bsa_cpu_stats after = stats_of(heap, 0);
    ck_assert_uint_eq(after.page_allocs - before.page_allocs, 51);
    ck_assert_uint_ge(after.page_list_hits - before.page_list_hits, 50);
}
END_TEST

/* What was refused is neither an allocation nor a hit or miss of the lists. */
START_TEST(refused_blocks_are_not_counted)
{
    struct machine m;
    struct bsa_heap_config config = plain;
    void *p = NULL;
    size_t got = 0, refused = 0;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, 512 * KIB, config);
    while (refused < 200) {
        if (bsa_heap_alloc_pages(heap, 1, 1, &p) == BSA_OK)
            got++;
        else
            refused++;
    }
    struct bsa_cpu_stats stats = stats_of(heap, 0);
    ck_assert_uint_gt(got, 0);
    ck_assert_uint_lt(got, refused);
    ck_assert_uint_eq(stats.page_allocs, got);
    ck_assert_uint_le(stats.page_list_hits, got);
}
END_TEST

/* Objects freed on one CPU travel to another in batches; without a depot they go home. */
START_TEST(the_depot)
{
    enum { N = 2000 };
    void *p[N];
    struct machine m;
    struct bsa_heap_config config = plain;
    machine_start(&m);
    config.cpus = 2;
    config.depot_magazines = _i == 0 ? 0 : BSA_NONE;
    bsa_heap *heap = heap_new(&m, 16 * MIB, config);
    for (unsigned round = 0; round < 5; round++) {
        m.cpu = 0;
        for (unsigned i = 0; i < N; i++)
            p[i] = heap_get(heap, 64, 1);
        m.cpu = 1;
        for (unsigned i = 0; i < N; i++)
            assert_ok(bsa_heap_free(heap, p[i]));
        check_heap_sums(heap);
    }
    struct bsa_cpu_stats from = stats_of(heap, 1), to = stats_of(heap, 0);
    ck_assert_uint_le(from.objects_cached, 32); /* no more than a batch waits */
    if (_i == 0) {
        ck_assert_uint_gt(from.depot_puts, 0);
        ck_assert_uint_gt(to.depot_gets, 0);
        ck_assert_uint_le(to.depot_gets, from.depot_puts);
    } else {
        ck_assert_uint_eq(from.depot_puts + to.depot_gets, 0);
        ck_assert_uint_gt(from.objects_sent_home, 0);
    }
    ck_assert_uint_gt(to.slabs_added, 0);
    ck_assert_uint_eq(from.slabs_added, 0);
    bsa_heap_reclaim(heap);
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.slab_bytes, 0);
}
END_TEST

/* A CPU hands out its last object, and another one frees it; its slab leaves, and the memory and
 * the record become another slab's. The first CPU must not take the old address for its last
 * object still. */
START_TEST(an_address_does_not_outlive_its_slab)
{
    enum { MOST = 64, OTHERS = 8 };
    struct machine m;
    void *p[MOST], *other[OTHERS];
    unsigned n = 0;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, BSA_HEAP_EXCLUSIVE_CPUS);
    do
        p[n++] = heap_get(heap, 256, 1);
    while (class_of(heap, 256).in_magazines != 0 && n < MOST);
    ck_assert_uint_lt(n, MOST);
    m.cpu = 1;
    for (unsigned i = 0; i < n; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    assert_ok(bsa_heap_drain(heap, 1));
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(class_of(heap, 256).slabs, 0);
    for (unsigned i = 0; i < OTHERS; i++)
        other[i] = heap_get(heap, 512, 1);

    m.cpu = 0;
    ck_assert_int_ne(bsa_heap_free(heap, p[n - 1]), BSA_OK);
    ck_assert_uint_eq(m.faults.count, 1);
    m.cpu = 1;
    for (unsigned i = 0; i < OTHERS; i++)
        assert_ok(bsa_heap_free(heap, other[i]));
    check_heap_sums(heap);
}
END_TEST

/* enter and leave bracket every call that has something to protect, once, and never nest. */
START_TEST(calls_are_bracketed)
{
    struct machine m;
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    unsigned flags;
    machine_start(&m);
    machine_brackets(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    void *object = heap_get(heap, 64, 1), *page = heap_get_pages(heap, 1, 1), *p;
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0);
#define ONE_BRACKET(call)                                                                          \
    do {                                                                                           \
        size_t before = m.brackets;                                                                \
        (void)(call);                                                                              \
        ck_assert_msg(m.brackets == before + 1 && m.inside == 0, "%s: %zu brackets", #call,        \
                      m.brackets - before);                                                        \
    } while (0)
    ONE_BRACKET(bsa_heap_alloc(heap, 64, 1, &p));
    ONE_BRACKET(bsa_heap_free(heap, p));
    ONE_BRACKET(bsa_heap_free(heap, p));
    ONE_BRACKET(bsa_heap_free(heap, &m));
    ONE_BRACKET(bsa_cpu_alloc(cpu, 64, 1, &p));
    ONE_BRACKET(bsa_cpu_free(cpu, p));
    ONE_BRACKET(bsa_heap_free_pages(heap, page, 1));
    ONE_BRACKET(bsa_heap_alloc_pages(heap, 5, 1, &p));
    ONE_BRACKET(bsa_heap_free_pages(heap, p, 5));
    ONE_BRACKET(bsa_heap_free_sized(heap, object, 64, 1));
    ONE_BRACKET(bsa_heap_validate(heap));
    ONE_BRACKET(bsa_heap_stats(heap, &s));
    ONE_BRACKET(bsa_heap_page_flags(heap, object, &flags));
    ONE_BRACKET(bsa_heap_drain(heap, 0));
    ck_assert_uint_eq(m.faults.count, 2);
}
END_TEST

static Suite *cpu_suite(void)
{
    Suite *suite = suite_create("CPUs");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, a_handle_is_its_cpu, 0, 2);
    tcase_add_test(all, handles_and_hook_mix);
    tcase_add_test(all, states_are_made_at_first_use);
    tcase_add_test(all, ids_far_apart);
    tcase_add_loop_test(all, four_thousand_cpus_on_a_small_region, 0, 6);
    tcase_add_loop_test(all, magazines_are_bounded, 0, 7);
    tcase_add_test(all, page_lists_are_bounded);
    tcase_add_test(all, refused_blocks_are_not_counted);
    tcase_add_loop_test(all, the_depot, 0, 2);
    tcase_add_test(all, an_address_does_not_outlive_its_slab);
    tcase_add_loop_test(all, calls_are_bracketed, 0, 2);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(cpu_suite());
}
