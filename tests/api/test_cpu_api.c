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

static struct bsa_class_stats class_of(bsa_heap *heap, size_t object_size)
{
    struct bsa_heap_stats s;
    unsigned c = 0;
    heap_stats(heap, &s);
    while (s.size_class[c].object_size != object_size)
        c++;
    return s.size_class[c];
}

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
        ck_assert_uint_le(s.cpu_bytes + most * 64, 16 * MIB / 2 / 64 + PAGE);
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

    /* Memory is full: what the other CPU had is all that there is. */
    m.cpu = 0;
    void *last = NULL, *q;
    while (bsa_heap_alloc(heap, 64, 8, &q) == BSA_OK)
        last = q;
    m.cpu = 1;
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(bsa_heap_free(heap, last));
        assert_ok(bsa_heap_alloc(heap, 64, 8, &q));
        ck_assert_ptr_eq(q, last);
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
    tcase_add_loop_test(all, magazines_are_bounded, 0, 7);
    tcase_add_test(all, page_lists_are_bounded);
    tcase_add_test(all, refused_blocks_are_not_counted);
    tcase_add_loop_test(all, the_depot, 0, 2);
    tcase_add_test(all, an_address_does_not_outlive_its_slab);
    tcase_add_loop_test(all, magazines_follow_demand, 0, 4);
    tcase_add_loop_test(all, magazines_have_what_others_leave, 0, 2);
    tcase_add_loop_test(all, page_lists_have_what_others_leave, 0, 2);
    tcase_add_loop_test(all, cpus_beside_each_other_stay_apart, 0, 2);
    tcase_add_loop_test(all, what_is_freed_away_travels_on, 0, 4);
    tcase_add_loop_test(all, small_magazines_get_from_the_depot, 0, 2);
    tcase_add_loop_test(all, an_offline_cpu_keeps_nothing, 0, 2);
    tcase_add_loop_test(all, calls_are_bracketed, 0, 2);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(cpu_suite());
}
