/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs by the public interface: handles, what each keeps to itself, and how that goes home. */
#include "machine.h"

enum { KIB = 1024, MIB = 1024 * 1024, PAGE = 4096 };

static const struct bsa_heap_config plain = BSA_HEAP_CONFIG_INIT;

static struct bsa_cpu_stats stats_of(bsa_heap *heap, unsigned cpu)
{
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    assert_ok(bsa_heap_cpu_stats(heap, cpu, &stats));
    return stats;
}

/* What a CPU holds back, in its magazines and on its page lists. */
static size_t held_back(bsa_heap *heap, unsigned cpu)
{
    struct bsa_cpu_stats stats = stats_of(heap, cpu);
    return stats.objects_cached + stats.pages_listed;
}

/* Objects and pages that are allocated and freed again: the CPU holds some back. */
static void work(bsa_heap *heap, struct machine *m, unsigned cpu)
{
    void *p[60];
    m->cpu = cpu;
    for (unsigned i = 0; i < 60; i++)
        p[i] = i % 20 == 0 ? heap_get_pages(heap, 1, 1) : heap_get(heap, 64, 1);
    for (unsigned i = 0; i < 60; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    ck_assert_uint_gt(held_back(heap, cpu), 0);
}

static bsa_heap *heap_of_cpus(struct machine *m, unsigned cpus, unsigned flags)
{
    struct bsa_heap_config config = plain;
    config.cpus = cpus;
    config.flags = flags;
    return heap_new(m, 16 * MIB, config);
}

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

/* Going home. */

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
    tcase_add_loop_test(all, four_thousand_cpus_on_a_small_region, 0, 6);
    tcase_add_test(all, drain_of_another_cpu);
    tcase_add_test(all, a_posted_request_is_met_by_its_owner);
    tcase_add_test(all, a_failed_allocation_asks_the_others);
    tcase_add_loop_test(all, offline_and_online, 0, 2);
    tcase_add_loop_test(all, drain_by_way_of_the_other_cpu, 0, 2);
    tcase_add_loop_test(all, magazines_are_bounded, 0, 7);
    tcase_add_test(all, page_lists_are_bounded);
    tcase_add_loop_test(all, the_depot, 0, 2);
    tcase_add_loop_test(all, calls_are_bracketed, 0, 2);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(cpu_suite());
}
