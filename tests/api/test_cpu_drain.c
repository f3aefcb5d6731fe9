/* SPDX-License-Identifier: Apache-2.0 */
/* What a CPU keeps goes home: at its own hands, at others, by request. */
#include "cpus.h"

/* Shared CPUs: anybody sends what one holds back home. */
START_TEST(drain_of_another_cpu)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 4, 0);
    for (unsigned id = 0; id < 4; id++)
        work(heap, &m, id);
    m.cpu = 0;
    for (unsigned id = 0; id < 4; id++) {
        assert_ok(bsa_heap_drain(heap, id));
        ck_assert_uint_eq(held_back(heap, id), 0);
        check_heap_sums(heap);
    }
    for (unsigned id = 0; id < 4; id++)
        work(heap, &m, id);
    ck_assert_uint_gt(bsa_heap_reclaim(heap), 0);
    for (unsigned id = 0; id < 4; id++)
        ck_assert_uint_eq(held_back(heap, id), 0);
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.slab_bytes + s.record_bytes + s.block_bytes + s.pages_listed_bytes, 0);
}
END_TEST

/* Exclusive CPUs: only a CPU itself does, at once; another one posts a request that it meets when
 * it next leaves its magazines. */
START_TEST(a_posted_request_is_met_by_its_owner)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, BSA_HEAP_EXCLUSIVE_CPUS);
    work(heap, &m, 0);
    work(heap, &m, 1);
    size_t held = held_back(heap, 1);
    m.cpu = 0;
    assert_ok(bsa_heap_drain(heap, 0));
    ck_assert_uint_eq(held_back(heap, 0), 0);
    assert_ok(bsa_heap_drain(heap, 1));
    ck_assert_uint_eq(held_back(heap, 1), held);

    m.cpu = 1;
    assert_ok(bsa_heap_free(heap, heap_get(heap, 64, 1))); /* a magazine hit: not yet */
    ck_assert_uint_eq(held_back(heap, 1), held);
    void *p = heap_get(heap, 1500, 1); /* of a class that it has none of */
    ck_assert_uint_eq(stats_of(heap, 1).pages_listed, 0);
    ck_assert_uint_lt(held_back(heap, 1), held);
    assert_ok(bsa_heap_free(heap, p));

    work(heap, &m, 0);
    held = held_back(heap, 0);
    m.cpu = 1;
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(held_back(heap, 1), 0);
    ck_assert_uint_eq(held_back(heap, 0), held);
    m.cpu = 0;
    void *pages = heap_get_pages(heap, 3, 1); /* no list has three */
    ck_assert_uint_eq(held_back(heap, 0), 0);
    assert_ok(bsa_heap_free_pages(heap, pages, 3));
    check_heap_sums(heap);
}
END_TEST

/* Pages on an exclusive CPU's list can be had by others once it has met the request. */
START_TEST(a_failed_allocation_asks_the_others)
{
    struct machine m;
    void *p;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 2, BSA_HEAP_EXCLUSIVE_CPUS);
    work(heap, &m, 1);
    size_t listed = stats_of(heap, 1).pages_listed;
    ck_assert_uint_gt(listed, 0);
    m.cpu = 0;
    while (bsa_heap_alloc_pages(heap, 1, 1, &p) == BSA_OK)
        ;
    ck_assert_uint_eq(stats_of(heap, 1).pages_listed, listed);
    m.cpu = 1;
    assert_ok(bsa_heap_alloc(heap, 1000, 1, &p)); /* meets the request, and takes what it needs */
    m.cpu = 0;
    assert_ok(bsa_heap_alloc_pages(heap, 1, 1, &p));
    check_heap_sums(heap);
}
END_TEST

/* While a CPU is offline its state is anybody's. */
START_TEST(offline_and_online)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_of_cpus(&m, 3, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    work(heap, &m, 1);
    m.cpu = 0;
    assert_ok(bsa_heap_cpu_offline(heap, 1));
    ck_assert_uint_eq(held_back(heap, 1), 0);
    assert_ok(bsa_heap_drain(heap, 1));
    assert_ok(bsa_heap_cpu_offline(heap, 1)); /* twice is as once */
    assert_ok(bsa_heap_cpu_online(heap, 1));
    work(heap, &m, 1);
    m.cpu = 0;
    size_t held = held_back(heap, 1);
    assert_ok(bsa_heap_drain(heap, 1));
    ck_assert_uint_eq(held_back(heap, 1), _i == 0 ? 0 : held);
    assert_ok(bsa_heap_cpu_offline(heap, 2)); /* one that never called */
    bsa_heap_reclaim(heap);
    assert_ok(bsa_heap_cpu_online(heap, 2));
    work(heap, &m, 2);
    check_heap_sums(heap);
}
END_TEST

/* With run_on_cpu the other CPU does it at once. */

struct runner {
    struct machine m; /* first: the hooks' ctx */
    unsigned runs, last_cpu;
    bool refuse;
};

static int run_on_cpu(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    struct runner *r = ctx;
    unsigned before = r->m.cpu;
    r->runs++;
    r->last_cpu = cpu;
    ck_assert_uint_eq(r->m.inside, 0);
    if (r->refuse)
        return -1;
    r->m.cpu = cpu;
    fn(arg);
    r->m.cpu = before;
    return 0;
}

START_TEST(drain_by_way_of_the_other_cpu)
{
    struct runner r = {.runs = 0};
    machine_start(&r.m);
    if (_i != 0)
        machine_brackets(&r.m);
    r.m.platform.run_on_cpu = run_on_cpu;
    bsa_heap *heap = heap_of_cpus(&r.m, 3, BSA_HEAP_EXCLUSIVE_CPUS);
    for (unsigned id = 0; id < 3; id++)
        work(heap, &r.m, id);
    r.m.cpu = 0;
    assert_ok(bsa_heap_drain(heap, 1));
    ck_assert_uint_eq(r.runs, 1);
    ck_assert_uint_eq(r.last_cpu, 1);
    ck_assert_uint_eq(held_back(heap, 1), 0);
    assert_ok(bsa_heap_drain(heap, 0)); /* its own: no detour */
    ck_assert_uint_eq(r.runs, 1);

    /* Refused, it becomes a request. */
    r.refuse = true;
    size_t held = held_back(heap, 2);
    assert_ok(bsa_heap_drain(heap, 2));
    ck_assert_uint_eq(r.runs, 2);
    ck_assert_uint_eq(held_back(heap, 2), held);
    r.m.cpu = 2;
    heap_get(heap, 1900, 1);
    ck_assert_uint_eq(stats_of(heap, 2).pages_listed, 0);

    r.refuse = false;
    work(heap, &r.m, 1);
    r.m.cpu = 0;
    bsa_heap_reclaim(heap);
    for (unsigned id = 0; id < 3; id++)
        ck_assert_uint_eq(held_back(heap, id), 0);

    /* And memory on other CPUs' lists is not missing. */
    void *p;
    size_t pages = 0;
    work(heap, &r.m, 1);
    r.m.cpu = 0;
    size_t free_pages = (bsa_heap_managed_bytes(heap) - bsa_heap_allocated_bytes(heap)) / PAGE;
    while (bsa_heap_alloc_pages(heap, 1, 1, &p) == BSA_OK)
        pages++;
    ck_assert_uint_ge(pages, free_pages);
    check_heap_sums(heap);
    ck_assert_uint_eq(r.m.inside, 0);
}
END_TEST

/*
 * An allocation that is short of memory leaves its CPU to have others drained. It goes on as the
 * CPU that it then runs on, and touches nothing more of the one that it came from.
 */
struct migrant {
    struct machine m; /* first: the hooks' ctx */
    unsigned to, visits;
};

static int run_and_migrate(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    struct migrant *r = ctx;
    ck_assert_uint_eq(r->m.inside, 0);
    r->m.cpu = cpu;
    fn(arg);
    r->m.cpu = r->to;
    r->visits++;
    return 0;
}

START_TEST(a_call_that_migrates_goes_on_where_it_is)
{
    enum { REGION = MIB, N = REGION / 1024 };
    static void *hoard[N];
    bool objects = (_i & 1) == 0;
    size_t size = objects ? 1024 : PAGE, n = 0;
    struct migrant r = {.to = 2};
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    void *p = NULL;
    machine_start(&r.m);
    if ((_i & 2) != 0) /* else threads change only where they want to, as in the hook */
        machine_brackets(&r.m);
    r.m.platform.run_on_cpu = run_and_migrate;
    config.cpus = 3;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    config.magazine_objects = 16;
    config.page_list_pages = 64;
    bsa_heap *heap = heap_new(&r.m, REGION, config);
    for (unsigned id = 0; id < 3; id++)
        ck_assert_ptr_nonnull(bsa_heap_cpu(heap, id));
    r.m.cpu = 1;
    while (bsa_heap_alloc(heap, size, 1, &hoard[n]) == BSA_OK)
        n++;
    for (unsigned i = 0; i < 8; i++) /* they stay with CPU 1 */
        assert_ok(bsa_heap_free(heap, hoard[i]));
    r.m.cpu = 0;
    r.visits = 0;
    assert_ok(bsa_heap_alloc(heap, size, 1, &p));
    ck_assert_uint_ge(r.visits, 1);
    ck_assert_uint_eq(r.m.cpu, 2);
    struct bsa_cpu_stats from = stats_of(heap, 0), to = stats_of(heap, 2);
    ck_assert_uint_eq(from.objects_cached + from.pages_listed, 0);
    if (objects)
        ck_assert_uint_gt(to.objects_cached, 0); /* what came with p */
    else
        ck_assert_uint_eq(to.page_allocs, from.page_allocs + 1);
    ck_assert_uint_eq(r.m.inside, 0);
    check_heap_sums(heap);
}
END_TEST

static Suite *cpu_suite(void)
{
    Suite *suite = suite_create("CPUs: going home");
    TCase *all = tcase_create("all");
    tcase_add_test(all, drain_of_another_cpu);
    tcase_add_test(all, a_posted_request_is_met_by_its_owner);
    tcase_add_test(all, a_failed_allocation_asks_the_others);
    tcase_add_loop_test(all, offline_and_online, 0, 2);
    tcase_add_loop_test(all, drain_by_way_of_the_other_cpu, 0, 2);
    tcase_add_loop_test(all, a_call_that_migrates_goes_on_where_it_is, 0, 4);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(cpu_suite());
}
