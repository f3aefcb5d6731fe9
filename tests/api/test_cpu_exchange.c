/* SPDX-License-Identifier: Apache-2.0 */
/* How much CPUs hold back, and what they have of each other: shares, loans, what is freed away. */
#include "cpus.h"

/* What goes up and down by more than a magazine holds stays with its CPU in the end, up to a 64th
 * of the CPU's share of memory, slots included; a drain gives all of it back. A setting is kept to.
 */
START_TEST(magazines_follow_demand)
{
    enum { N = 2000, ROUNDS = 12 };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = plain;
    struct bsa_heap_stats s;
    machine_start(&m);
    config.cpus = 2;
    config.flags = _i % 2 == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS;
    config.magazine_objects = _i < 2 ? 0 : 50;
    bsa_heap *heap = heap_new(&m, 16 * MIB, config);
    size_t most = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < N; i++)
            p[i] = heap_get(heap, 64, 1);
        for (unsigned i = 0; i < N; i++)
            assert_ok(bsa_heap_free(heap, p[i]));
        size_t held = class_of(heap, 64).in_magazines;
        most = held > most ? held : most;
        check_heap_sums(heap);
    }
    heap_stats(heap, &s);
    if (_i < 2) {
        ck_assert_uint_ge(most, 1024);
        ck_assert_uint_gt(s.cpu_bytes, 0);
        /* What it leaves over, and twice what it had: two thirds of a 64th of memory. */
        ck_assert_uint_le(s.cpu_bytes + most * 64, 16 * MIB / 64 * 2 / 3 + PAGE);
    } else {
        ck_assert_uint_le(most, 50);
        ck_assert_uint_eq(s.cpu_bytes, 0);
    }
    assert_ok(bsa_heap_drain(heap, 0));
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.cpu_bytes, 0);
    ck_assert_uint_eq(class_of(heap, 64).in_magazines, 0);
    check_heap_sums(heap);
}
END_TEST

/* Objects of 64 bytes in magazines after so many of them have come and gone on this CPU. */
static size_t ready_after_demand(bsa_heap *heap)
{
    enum { N = 2000, ROUNDS = 12 };
    static void *p[N];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < N; i++)
            p[i] = heap_get(heap, 64, 1);
        for (unsigned i = 0; i < N; i++)
            assert_ok(bsa_heap_free(heap, p[i]));
    }
    return class_of(heap, 64).in_magazines;
}

/* What goes up and down by a little more than a magazine holds is sent home and missed for good
 * where a CPU is alone, which costs no memory; beside others it stays with its CPU soon. */
START_TEST(magazines_hold_what_swings_beside_others)
{
    enum { N = 80, ROUNDS = 60, LAST = 20 };
    void *p[N];
    struct machine m;
    struct bsa_heap_stats s;
    machine_start(&m);
    unsigned cpus = _i < 2 ? 1 : 2;
    bsa_heap *heap = heap_of_cpus(&m, 2, _i % 2 == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    size_t missed[2] = {0, 0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (m.cpu = 0; m.cpu < cpus; m.cpu++) {
            size_t before = stats_of(heap, m.cpu).magazine_refills;
            for (unsigned i = 0; i < N; i++)
                p[i] = heap_get(heap, 64, 1);
            for (unsigned i = 0; i < N; i++)
                assert_ok(bsa_heap_free(heap, p[i]));
            if (round >= ROUNDS - LAST)
                missed[m.cpu] += stats_of(heap, m.cpu).magazine_refills - before;
        }
    }
    heap_stats(heap, &s);
    for (unsigned cpu = 0; cpu < cpus; cpu++)
        ck_assert_uint_eq(missed[cpu], cpus == 1 ? LAST : 0);
    ck_assert_int_eq(s.cpu_bytes != 0, cpus == 2);
    for (m.cpu = 0; m.cpu < 2; m.cpu++)
        assert_ok(bsa_heap_drain(heap, m.cpu));
    m.cpu = 0;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.cpu_bytes, 0);
    check_heap_sums(heap);
}
END_TEST

/* Of many CPUs the one that has demand gets what the others leave over, and the next one less: all
 * together a 64th of memory, beyond the small share of each. */
START_TEST(magazines_have_what_others_leave)
{
    enum { CPUS = 64 };
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, CPUS, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    size_t share = bsa_heap_managed_bytes(heap) / 64 / CPUS;
    size_t first = ready_after_demand(heap);
    ck_assert_uint_gt(first * 64, 8 * share);
    m.cpu = 1;
    size_t both = ready_after_demand(heap);
    ck_assert_uint_gt(both, first);
    ck_assert_uint_lt(both - first, first);
    ck_assert_uint_le(both * 64, CPUS * share + 2 * share + 4 * PAGE);
    check_heap_sums(heap);

    m.cpu = 0;
    assert_ok(bsa_heap_drain(heap, 0));
    m.cpu = 1;
    ck_assert_uint_gt(ready_after_demand(heap), both - first);
    check_heap_sums(heap);
}
END_TEST

/* Pages on the CPU's lists after it has freed blocks of 1 to 32 pages, more than they hold. */
static size_t listed_after_frees(bsa_heap *heap, unsigned cpu)
{
    enum { COUNTS = 32, EACH = 4 };
    void *p[COUNTS * EACH];
    for (size_t i = 0; i < COUNTS * EACH; i++)
        p[i] = heap_get_pages(heap, i % COUNTS + 1, 1);
    for (size_t i = 0; i < COUNTS * EACH; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    check_heap_sums(heap);
    return stats_of(heap, cpu).pages_listed;
}

/* A CPU's page lists may have the shares of those that list nothing, and no longer. */
START_TEST(page_lists_have_what_others_leave)
{
    enum { CPUS = 4 };
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, CPUS, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    size_t share = bsa_heap_managed_bytes(heap) / PAGE / (16 * CPUS) + 1;
    size_t listed = listed_after_frees(heap, 0);
    ck_assert_uint_gt(listed, 2 * share);
    ck_assert_uint_le(listed, CPUS * share);

    for (m.cpu = 1; m.cpu < CPUS; m.cpu++)
        ck_assert_uint_gt(listed_after_frees(heap, m.cpu), share / 2);
    m.cpu = 0;
    ck_assert_uint_le(listed_after_frees(heap, 0), share);
    for (unsigned cpu = 1; cpu < CPUS; cpu++)
        ck_assert_uint_le(stats_of(heap, cpu).pages_listed, 3 * share);
    for (m.cpu = 1; m.cpu < CPUS; m.cpu++)
        ck_assert_uint_le(listed_after_frees(heap, m.cpu), share);
}
END_TEST

/* Two CPUs that have nothing to do with each other do not come to use the same slabs. */
START_TEST(cpus_beside_each_other_stay_apart)
{
    enum { LIVE = 1500, STEPS = 60000 };
    static void *p[2][LIVE];
    struct rng rng = rng_for("two CPUs");
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    for (unsigned i = 0; i < 2 * LIVE; i++) {
        m.cpu = i % 2;
        p[m.cpu][i / 2] = heap_get(heap, (size_t)8 << rng_below(&rng, 9), 1);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        m.cpu = i / 64 % 2;
        void **slot = &p[m.cpu][rng_below(&rng, LIVE)];
        assert_ok(bsa_heap_free(heap, *slot));
        *slot = heap_get(heap, (size_t)8 << rng_below(&rng, 9), 1);
    }
    for (m.cpu = 0; m.cpu < 2; m.cpu++) {
        for (unsigned i = 0; i < LIVE; i++)
            assert_ok(bsa_heap_free(heap, p[m.cpu][i]));
        assert_ok(bsa_heap_drain(heap, m.cpu));
        struct bsa_cpu_stats s = stats_of(heap, m.cpu);
        /* Of the other's slabs are only objects of those that were nearly empty once. */
        ck_assert_uint_le(s.objects_sent_home + s.depot_puts * 32, STEPS / 2 / 50);
    }
    m.cpu = 0;
    check_heap_sums(heap);
}
END_TEST

/* Objects that a CPU frees for others are not handed out again by it as long as it has its own: so
 * two CPUs that swap all they have come to use slabs of their own again. In the last resort they
 * are, and nothing of a full heap is lost. */
START_TEST(what_is_freed_away_travels_on)
{
    enum { MANY = 400 };
    static void *p[MANY], *mine[MANY];
    struct machine m;
    bool bulk = (_i & 1) != 0;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, (_i & 2) == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    m.cpu = 0;
    for (unsigned i = 0; i < MANY; i++)
        p[i] = heap_get(heap, 64, 1);
    m.cpu = 1;
    void *own = heap_get(heap, 64, 1);
    assert_ok(bsa_heap_free(heap, own));
    if (bulk)
        assert_ok(bsa_heap_free_bulk(heap, p, MANY / 2, NULL));
    for (unsigned i = bulk ? MANY / 2 : 0; i < MANY; i++) {
        /* One of the other's freed, and one had: it is not one of those. */
        if (i % 40 == 0)
            assert_ok(bsa_heap_validate(heap));
        assert_ok(bsa_heap_free(heap, p[i]));
        mine[i] = heap_get(heap, 64, 1);
        for (unsigned j = i < 20 ? 0 : i - 20; j <= i; j++)
            ck_assert_ptr_ne(mine[i], p[j]);
    }
    struct bsa_cpu_stats s = stats_of(heap, 1);
    ck_assert_uint_ge(s.objects_sent_home + s.depot_puts * 32, MANY - s.objects_cached);
    assert_ok(bsa_heap_validate(heap));
    for (unsigned i = bulk ? MANY / 2 : 0; i < MANY; i++)
        assert_ok(bsa_heap_free(heap, mine[i]));

    /* Memory is full, and this CPU's magazine empty: what the other CPU had, from a slab that it
     * made for itself, is all that there is. */
    m.cpu = 0;
    void *others = NULL, *q;
    for (unsigned i = 0; bsa_heap_alloc(heap, 64, 8, &q) == BSA_OK; i++)
        others = i <= 2 * MANY ? q : others;
    m.cpu = 1;
    while (bsa_heap_alloc(heap, 64, 8, &q) == BSA_OK)
        ck_assert_ptr_ne(q, others);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(bsa_heap_free(heap, others));
        assert_ok(bsa_heap_alloc(heap, 64, 8, &q));
        ck_assert_ptr_eq(q, others);
    }
    check_heap_sums(heap);
}
END_TEST

/* A CPU whose magazines have become small fetches what others have freed of it all the same. */
START_TEST(small_magazines_get_from_the_depot)
{
    enum { MANY = 400, MISSES = 3 };
    static void *p[MANY];
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    for (unsigned i = 0; i < MANY; i++)
        p[i] = heap_get(heap, 64, 1);
    m.cpu = 1;
    for (unsigned i = 0; i < MANY; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    ck_assert_uint_gt(stats_of(heap, 1).depot_puts, 0);
    m.cpu = 0;
    assert_ok(bsa_heap_drain(heap, 0));
    size_t before = stats_of(heap, 0).magazine_refills;
    while (stats_of(heap, 0).magazine_refills < before + MISSES)
        heap_get(heap, 64, 1);
    ck_assert_uint_eq(stats_of(heap, 0).depot_gets, 1);
    check_heap_sums(heap);
}
END_TEST

/* What an offline CPU's slabs get back is anybody's. */
START_TEST(an_offline_cpu_keeps_nothing)
{
    enum { N = 20000 };
    static void *p[N];
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    for (unsigned i = 0; i < N; i++)
        p[i] = heap_get(heap, 256, 1);
    assert_ok(bsa_heap_cpu_offline(heap, 0));
    size_t before = bsa_heap_allocated_bytes(heap);
    m.cpu = 1;
    for (unsigned i = 0; i < N; i++) {
        if (i % 16 < 11)
            assert_ok(bsa_heap_free(heap, p[i]));
    }
    for (unsigned i = 0; i < N; i++) {
        if (i % 16 < 11)
            p[i] = heap_get(heap, 256, 1);
    }
    ck_assert_uint_le(bsa_heap_allocated_bytes(heap), before + before / 50);
    check_heap_sums(heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpu exchange");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, magazines_follow_demand, 0, 4);
    tcase_add_loop_test(all, magazines_hold_what_swings_beside_others, 0, 4);
    tcase_add_loop_test(all, magazines_have_what_others_leave, 0, 2);
    tcase_add_loop_test(all, page_lists_have_what_others_leave, 0, 2);
    tcase_add_loop_test(all, cpus_beside_each_other_stay_apart, 0, 2);
    tcase_add_loop_test(all, what_is_freed_away_travels_on, 0, 4);
    tcase_add_loop_test(all, small_magazines_get_from_the_depot, 0, 2);
    tcase_add_loop_test(all, an_offline_cpu_keeps_nothing, 0, 2);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
