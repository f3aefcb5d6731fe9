/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures that allocators of this kind have had: a test for each, which the behaviour told in its
 * comment would fail. Here what concerns several CPUs and objects in use; how memory is spent on
 * slabs is in test_failures_slabs.c, and pages are in test_failures_pages.c. A bound on cost counts
 * steps, which builds with checks do.
 */
#include <sys/mman.h>

#include "failures.h"

static size_t free_pages_of(bsa_heap *heap)
{
    return (bsa_heap_managed_bytes(heap) - bsa_heap_allocated_bytes(heap)) / PAGE;
}

/* Makes the pages that hold objects inaccessible, or accessible again. */
static void protect_slabs(bsa_heap *heap, unsigned char *is_slab, int access)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_ok(bsa_heap_section(heap, 0, &info));
    for (size_t i = 0; i < info.bytes / PAGE; i++) {
        char *page = (char *)info.start + i * PAGE;
        unsigned flags;
        assert_ok(bsa_heap_page_flags(heap, page, &flags));
        if (access == PROT_NONE)
            is_slab[i] = (flags & BSA_PAGE_SLAB) != 0;
        if (is_slab[i])
            ck_assert_int_eq(mprotect(page, PAGE, access), 0);
    }
}

/*
 * 1. A free from another CPU counted in the slab's header after it had published the object. By
 * then the slab could be gone, and its page's next owner found a word of its data increased. Here
 * slabs are never touched: with their pages inaccessible, objects are freed from elsewhere,
 * collected, and the slabs go home and become blocks, which keep their contents while the records
 * do as they please.
 */
START_TEST(remote_frees_do_not_touch_the_slab)
{
    enum { N = 2000, REGION = 4 * MIB };
    static const unsigned magazines[] = {0, BSA_NONE};
    static void *p[N];
    static unsigned char is_slab[REGION / PAGE];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = magazines[_i];
    bsa_heap *heap = heap_new(&m, REGION, config);
    for (unsigned i = 0; i < N; i++) {
        p[i] = heap_get(heap, 96, 1);
        pattern_write(p[i], 128, i);
    }

    protect_slabs(heap, is_slab, PROT_NONE);
    m.cpu = 1;
    for (unsigned i = 0; i < N; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    assert_ok(bsa_heap_free(heap, heap_get(heap, 96, 1)));
    assert_ok(bsa_heap_validate(heap));
    m.cpu = 0;
    assert_ok(bsa_heap_free(heap, heap_get(heap, 96, 1)));
    assert_ok(bsa_heap_drain(heap, 0));
    assert_ok(bsa_heap_drain(heap, 1));
    bsa_heap_reclaim(heap);
    struct bsa_heap_stats stats;
    heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.slab_bytes, 0);
    protect_slabs(heap, is_slab, PROT_READ | PROT_WRITE);

    for (unsigned i = 0; i < N; i++)
        ck_assert_msg(pattern_holds(p[i], 128, i), "object %u was written to", i);
    check_heap_sums(heap);
}
END_TEST

/* The same for the slab allocator alone, which may not even read the pages it is given. */
START_TEST(the_slab_allocator_does_not_touch_its_pages)
{
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    struct slabs s;
    void *p[300];
    slabs_start(&s, 256, config);
    ck_assert_int_eq(mprotect(s.range, 256 * PAGE, PROT_NONE), 0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 300; i++)
            p[i] = slabs_get(&s, i % 2, (size_t)8 << (i % 9), 1);
        for (unsigned i = 0; i < 300; i++)
            slabs_put(&s, i % 3, p[i]);
        assert_ok(bsa_slab_validate(s.slab));
    }
    slabs_reclaim(&s);
    ck_assert_uint_eq(s.lent, 0);
}
END_TEST

/*
 * 2. The base of a slab was searched backward by a magic number: user data that looked like a
 * header corrupted a live object and lost the freed one. Here objects and blocks hold copies of all
 * that the allocator itself keeps, and every free goes where it should.
 */
START_TEST(data_that_looks_like_metadata_is_only_data)
{
    enum { N = 1200, REGION = 4 * MIB };
    static void *p[N];
    static unsigned char copy[2 * MIB];
    struct machine m;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, REGION, (struct bsa_heap_config)BSA_HEAP_CONFIG_INIT);
    size_t total = 0;
    for (unsigned i = 0; i < N; i++)
        p[i] = heap_get(heap, (size_t)8 << (i % 9), 1);

    /* The prefix, and the pages of records. */
    assert_ok(bsa_heap_section(heap, 0, &info));
    char *prefix = (char *)heap;
    total = (size_t)((char *)info.start - prefix);
    ck_assert_uint_lt(total, sizeof copy / 2);
    memcpy(copy, prefix, total);
    for (size_t i = 0; i < info.bytes / PAGE && total < sizeof copy - PAGE; i++) {
        char *page = (char *)info.start + i * PAGE;
        unsigned flags;
        assert_ok(bsa_heap_page_flags(heap, page, &flags));
        if ((flags & BSA_PAGE_META) != 0) {
            memcpy(copy + total, page, PAGE);
            total += PAGE;
        }
    }
    for (unsigned i = 0; i < N; i++) {
        size_t bytes = (size_t)8 << (i % 9);
        memcpy(p[i], copy + (size_t)i * 2048 % (total - 2048), bytes);
    }
    for (unsigned i = 0; i < N; i += 2)
        assert_ok(bsa_heap_free(heap, p[i]));
    assert_ok(bsa_heap_validate(heap));
    for (unsigned i = 1; i < N; i += 2) {
        size_t bytes = (size_t)8 << (i % 9);
        ck_assert_mem_eq(p[i], copy + (size_t)i * 2048 % (total - 2048), bytes);
        ck_assert_uint_eq(bsa_usable_size(heap, p[i]), bytes);
        assert_ok(bsa_heap_free(heap, p[i]));
    }
    assert_ok(bsa_heap_drain(heap, 0));
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), 0);
    ck_assert_uint_eq(m.faults.count, 0);
}
END_TEST

/* And so do the remains of a heap that lay in the same memory before a warm restart. */
START_TEST(a_warm_restart_finds_nothing_of_before)
{
    enum { N = 1000, REGION = 4 * MIB };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.platform = &m.platform;
    config.cpus = 4;
    char *region = region_new(REGION, PAGE, 0);
    for (unsigned round = 0; round < 4; round++) {
        bsa_heap *heap = NULL;
        assert_ok(bsa_heap_init(&heap, region, REGION, &config));
        ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), 0);
        check_heap_sums(heap);
        for (unsigned i = 0; round > 0 && i < N; i++) {
            m.faults.count = 0;
            assert_status(bsa_heap_free(heap, p[i]), BSA_ERR_NOT_ALLOCATED);
            ck_assert_uint_eq(m.faults.count, 1);
        }
        for (unsigned i = 0; i < N; i++) {
            m.cpu = i % 4;
            p[i] = heap_get(heap, (size_t)8 << ((i + round) % 9), 1);
        }
        check_heap_sums(heap);
        m.cpu = 0;
    }
}
END_TEST

/*
 * 3. Objects freed by another CPU waited for the slab's owner: while it idled they stayed, and with
 * the heap full of them every allocation failed. Here CPU 0 fills the heap and never calls again;
 * CPU 1 frees everything and CPU 2 gets it, as pages and as objects.
 */
START_TEST(memory_freed_elsewhere_does_not_wait_for_an_idle_cpu)
{
    enum { N = 300000, REGION = 16 * MIB };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_heap_stats stats;
    machine_start(&m);
    config.cpus = 3;
    config.flags = _i % 2 != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    config.magazine_objects = _i / 2 != 0 ? BSA_NONE : 0;
    bsa_heap *heap = heap_new(&m, REGION, config);
    for (unsigned id = 0; id < 3; id++)
        ck_assert_ptr_nonnull(bsa_heap_cpu(heap, id));
    void **p = pointers(N);
    size_t n = take_all(heap, 64, p, N);
    ck_assert_uint_gt(n * 64, REGION / 10 * 9);

    m.cpu = 1;
    for (size_t i = 0; i < n; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    m.cpu = 2;
    size_t again = take_all(heap, 2048, p, N);
    ck_assert_uint_gt(again * 2048, REGION / 10 * 9);
    for (size_t i = 0; i < again; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    /* In exclusive mode the two other CPUs keep what is in their magazines, each at most a few
     * slabs. */
    heap_stats(heap, &stats);
    size_t before = free_pages_of(heap);
    size_t taken = take_all_pages(heap);
    ck_assert_uint_ge(taken, before);
    size_t left = stats.managed_bytes / PAGE - taken - stats.cpu_bytes / PAGE;
    if (config.flags == 0 || config.magazine_objects == BSA_NONE)
        ck_assert_uint_eq(left, 0);
    else
        ck_assert_uint_le(left, 9 * 16);
    check_heap_sums(heap);
}
END_TEST

/*
 * 4. With no slab partly free, an allocation looked through all full ones, under the lock. Here the
 * steps of a pair are the same however many full slabs there are.
 */
START_TEST(full_slabs_cost_an_allocation_nothing)
{
    enum { REGION = 192 * MIB, FEW = 100, MANY = 10000, PAIRS = 500 };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = BSA_NONE;
    bsa_heap *heap = heap_new(&m, REGION, config);
    size_t allocated = 0, steps[2];
    for (unsigned i = 0; i < 2; i++) {
        size_t objects = (i == 0 ? FEW : MANY) * 8;
        for (; allocated < objects; allocated++)
            heap_get(heap, 2048, 1);
        size_t before = bsa_heap_steps(heap);
        for (unsigned pair = 0; pair < PAIRS; pair++) {
            m.cpu = 0;
            void *p = heap_get(heap, 2048, 1);
            m.cpu = pair % 2;
            assert_ok(bsa_heap_free(heap, p));
        }
        m.cpu = 0;
        steps[i] = bsa_heap_steps(heap) - before;
    }
    ck_assert_uint_le(steps[1], steps[0] + PAIRS / 4);
    ck_assert_uint_le(steps[1], 16 * PAIRS);
    assert_ok(bsa_heap_validate(heap));
}
END_TEST

/* The same when each of many full slabs has an object that another CPU freed. */
START_TEST(slabs_with_remote_frees_are_found_step_by_step)
{
    enum { REGION = 192 * MIB, SLABS = 10000, ALLOCS = 200 };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = BSA_NONE;
    bsa_heap *heap = heap_new(&m, REGION, config);
    void **p = pointers(SLABS * 8);
    for (size_t i = 0; i < SLABS * 8; i++)
        p[i] = heap_get(heap, 2048, 1);
    m.cpu = 1;
    for (size_t i = 0; i < SLABS * 8; i += 8)
        assert_ok(bsa_heap_free(heap, p[i]));
    m.cpu = 0;
    for (unsigned i = 0; i < ALLOCS; i++) {
        size_t before = bsa_heap_steps(heap);
        void *q = heap_get(heap, 2048, 1);
        ck_assert_uint_le(bsa_heap_steps(heap) - before, 64);
        pattern_write(q, 2048, i);
    }
    check_heap_sums(heap);
}
END_TEST

/*
 * 5. An allocation that found no object added a slab and asked again; when another CPU had taken
 * the slab's objects meanwhile, it said that there was no memory, with nearly all of it free. Here,
 * with the heap full, CPU 1 takes again all that it is made to give back, twenty times, and only
 * then lets go.
 */
struct restless {
    struct machine m; /* first: the hooks' ctx */
    bsa_heap *heap;
    void **hoard;
    size_t hoarded, visits, give_up_after;
};

enum { BATCH = 4 };

static int run_on_restless_cpu(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    struct restless *r = ctx;
    unsigned caller = r->m.cpu;
    r->m.cpu = cpu;
    fn(arg);
    if (cpu == 1 && r->give_up_after != 0 && ++r->visits < r->give_up_after) {
        void *taken[BATCH];
        for (unsigned i = 0; i < BATCH; i++)
            taken[i] = heap_get(r->heap, 64, 1);
        for (unsigned i = 0; i < BATCH; i++) {
            assert_ok(bsa_heap_free(r->heap, r->hoard[--r->hoarded]));
            r->hoard[r->hoarded] = NULL;
        }
        for (unsigned i = 0; i < BATCH; i++)
            pattern_write(taken[i], 64, i);
    }
    r->m.cpu = caller;
    return 0;
}

START_TEST(no_memory_is_not_said_while_memory_moves)
{
    enum { REGION = MIB, N = REGION / 64 };
    static struct restless r;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    void *p = NULL;
    machine_start(&r.m);
    r.m.platform.run_on_cpu = run_on_restless_cpu;
    config.cpus = 2;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    config.magazine_objects = 2 * BATCH;
    r.heap = heap_new(&r.m, REGION, config);
    ck_assert_ptr_nonnull(bsa_heap_cpu(r.heap, 0));
    r.hoard = pointers(N);
    r.m.cpu = 1;
    r.hoarded = take_all(r.heap, 64, r.hoard, N);
    for (unsigned i = 0; i < BATCH; i++)
        assert_ok(bsa_heap_free(r.heap, r.hoard[--r.hoarded]));

    r.give_up_after = 20;
    r.m.cpu = 0;
    assert_ok(bsa_heap_alloc(r.heap, 64, 1, &p));
    ck_assert_uint_eq(r.visits, 20);
    check_heap_sums(r.heap);
}
END_TEST

/* The slab allocator alone then asks for a slab once more. */
START_TEST(a_stolen_slab_is_asked_for_again)
{
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    struct bsa_slab_result result;
    struct slabs s;
    slabs_start(&s, 64, config);
    for (unsigned round = 0; round < 5; round++) {
        assert_ok(bsa_slab_alloc(s.slab, 0, 2048, 1, &result));
        ck_assert_ptr_null(result.object);
        void *base = slabs_lend(&s, result.needs_pages, result.needs_align);
        assert_ok(bsa_slab_add(s.slab, 0, result.needs_class, base, result.needs_pages));
        unsigned stolen = 0;
        for (;; stolen++) {
            struct bsa_slab_result other;
            assert_ok(bsa_slab_alloc(s.slab, 1, 2048, 1, &other));
            if (other.object == NULL)
                break;
        }
        ck_assert_uint_eq(stolen, result.needs_pages * PAGE / 2048);
    }
}
END_TEST

/*
 * 6. The CPU's id was read several times in one operation: a thread that migrated between two
 * readings used one CPU's lock and another one's lists. Here it is asked once, and an id that is
 * another one at each question does no harm.
 */
static unsigned restless_cpu_id(void *ctx)
{
    struct machine *m = ctx;
    return m->cpu = (unsigned)(++m->cpu_questions * 7 % 5);
}

#define asked_once(m, call)                                                                        \
    do {                                                                                           \
        size_t asked_before = (m)->cpu_questions;                                                  \
        assert_ok(call);                                                                           \
        ck_assert_msg((m)->cpu_questions == asked_before + 1, "%s asked for the CPU %zu times",    \
                      #call, (m)->cpu_questions - asked_before);                                   \
    } while (0)

START_TEST(the_cpu_id_is_read_once)
{
    enum { N = 1500 };
    static const unsigned magazines[] = {0, BSA_NONE, 3};
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    m.platform.cpu_id = restless_cpu_id;
    config.cpus = 5;
    config.magazine_objects = magazines[_i];
    bsa_heap *heap = heap_new(&m, 8 * MIB, config);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < N; i++) {
            size_t size = (size_t)8 << ((i + round) % 9);
            if (i % 50 == 7)
                asked_once(&m, bsa_heap_alloc_pages(heap, i % 3 + 1, 1, &p[i]));
            else
                asked_once(&m, bsa_heap_alloc(heap, size, 1, &p[i]));
        }
        for (unsigned i = 0; i < N; i++) {
            if (i % 50 == 7)
                asked_once(&m, bsa_heap_free_pages(heap, p[i], i % 3 + 1));
            else if (i % 3 == 0)
                asked_once(&m, bsa_heap_free_sized(heap, p[i], (size_t)8 << ((i + round) % 9), 1));
            else
                asked_once(&m, bsa_heap_free(heap, p[i]));
        }
        check_heap_sums(heap);
    }
    bsa_heap_reclaim(heap);
    for (unsigned id = 0; id < 5; id++)
        assert_ok(bsa_heap_drain(heap, id));
    bsa_heap_reclaim(heap);
    struct bsa_heap_stats stats;
    heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.slab_bytes + stats.block_bytes, 0);
}
END_TEST

static Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures of others: objects");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, remote_frees_do_not_touch_the_slab, 0, 2);
    tcase_add_test(all, the_slab_allocator_does_not_touch_its_pages);
    tcase_add_test(all, data_that_looks_like_metadata_is_only_data);
    tcase_add_test(all, a_warm_restart_finds_nothing_of_before);
    tcase_add_loop_test(all, memory_freed_elsewhere_does_not_wait_for_an_idle_cpu, 0, 4);
    tcase_add_test(all, full_slabs_cost_an_allocation_nothing);
    tcase_add_test(all, slabs_with_remote_frees_are_found_step_by_step);
    tcase_add_test(all, no_memory_is_not_said_while_memory_moves);
    tcase_add_test(all, a_stolen_slab_is_asked_for_again);
    tcase_add_loop_test(all, the_cpu_id_is_read_once, 0, 3);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(failures_suite());
}
