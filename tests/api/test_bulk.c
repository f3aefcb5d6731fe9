/* SPDX-License-Identifier: Apache-2.0 */
/* Many objects in one call. */
#include "cpus.h"

#include <setjmp.h>

static void bed_with(struct bed *bed, int way, unsigned magazine_objects, size_t bytes)
{
    struct bsa_heap_config config = config_of(way);
    config.magazine_objects = magazine_objects;
    bed_open(bed, way, config, bytes);
}

static enum bsa_status get(struct bed *bed, size_t size, size_t align, size_t n, void **out,
                           size_t *got)
{
    return bed->handles
               ? bsa_cpu_alloc_bulk(bsa_heap_cpu(bed->heap, bed->m.cpu), size, align, n, out, got)
               : bsa_heap_alloc_bulk(bed->heap, size, align, n, out, got);
}

static enum bsa_status put(struct bed *bed, void **objects, size_t n, size_t *freed)
{
    return bed->handles ? bsa_cpu_free_bulk(bsa_heap_cpu(bed->heap, bed->m.cpu), objects, n, freed)
                        : bsa_heap_free_bulk(bed->heap, objects, n, freed);
}

static size_t live_of(bsa_heap *heap)
{
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    size_t live = s.blocks;
    for (unsigned c = 0; c < s.classes; c++)
        live += s.size_class[c].live;
    return live;
}

/* None, one, some, more than a magazine holds, more than is owned at a time; of every kind. */
START_TEST(as_many_as_asked_for)
{
    static const size_t sizes[] = {0, 8, 100, 2048, 5000};
    static const size_t counts[] = {0, 1, 2, 33, 256, 257, 1000};
    static const unsigned magazines[] = {0, BSA_NONE, 1};
    static void *p[1000];
    struct bed bed;
    bed_with(&bed, _i % WAYS, magazines[_i / WAYS], 32 * MIB);
    for (unsigned k = 0; k < sizeof counts / sizeof *counts; k++) {
        for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t n = counts[k], got = SIZE_MAX, freed = SIZE_MAX;
            size_t usable = sizes[s] == 0 ? 8 : sizes[s] == 100 ? 128 : sizes[s];
            usable = usable == 5000 ? 2 * PAGE : usable;
            assert_ok(get(&bed, sizes[s], 8, n, p, &got));
            ck_assert_uint_eq(got, n);
            ck_assert_uint_eq(live_of(bed.heap), n);
            for (size_t i = 0; i < n; i++) {
                ck_assert_uint_eq(bsa_usable_size(bed.heap, p[i]), usable);
                pattern_write(p[i], usable, (unsigned)i);
            }
            for (size_t i = 0; i < n; i++)
                ck_assert(pattern_holds(p[i], usable, (unsigned)i));
            check_heap_sums(bed.heap);
            bed.m.cpu = k % 2;
            assert_ok(put(&bed, p, n, &freed));
            ck_assert_uint_eq(freed, n);
            ck_assert_uint_eq(live_of(bed.heap), 0);
            check_heap_sums(bed.heap);
        }
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* What was got when memory ended is the caller's, and it is all that there was. */
START_TEST(as_many_as_there_are)
{
    static const size_t sizes[] = {64, 2048, 3 * PAGE};
    enum { N = 40000 };
    static void *p[N + 1];
    struct bed bed;
    void *one;
    bed_with(&bed, _i, 0, MIB);
    for (unsigned s = 0; s < 3; s++) {
        size_t got = SIZE_MAX, freed = 0;
        memset(p, 0xee, sizeof p);
        assert_status(get(&bed, sizes[s], 64, N, p, &got), BSA_ERR_NO_MEMORY);
        ck_assert(got > 0 && got < N);
        ck_assert_uint_gt(got * sizes[s], MIB / 2);
        ck_assert_uint_eq(live_of(bed.heap), got);
        for (size_t i = 0; i < N; i++)
            ck_assert((p[i] != NULL) == (i < got));
        ck_assert_ptr_nonnull(p[N]); /* not ours */
        assert_status(bsa_heap_alloc(bed.heap, sizes[s], 64, &one), BSA_ERR_NO_MEMORY);
        check_heap_sums(bed.heap);
        assert_ok(put(&bed, p, N, &freed)); /* the NULLs of the rest are skipped */
        ck_assert_uint_eq(freed, got);
        ck_assert_uint_eq(live_of(bed.heap), 0);
        for (unsigned cpu = 0; cpu < 2; cpu++)
            assert_ok(bsa_heap_drain(bed.heap, cpu));
        bsa_heap_reclaim(bed.heap);
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* Wrong ones among right ones: each is told, nothing else is touched. */
START_TEST(wrong_ones_are_told_and_the_others_freed)
{
    enum { N = 600 };
    static void *p[N];
    struct bed bed;
    struct faults *faults = &bed.m.faults;
    int variable = 0;
    size_t freed = 0;
    bed_with(&bed, _i, _i % 3 == 0 ? BSA_NONE : 0, 8 * MIB);
    for (unsigned i = 0; i < N; i++)
        p[i] = i % 5 == 4 ? heap_get_pages(bed.heap, i % 3 + 1, 1) : heap_get(bed.heap, i, 8);
    void *stays = heap_get(bed.heap, 64, 8);
    pattern_write(stays, 64, 1);
    void *first = p[0];
    assert_ok(bsa_heap_free(bed.heap, p[3])); /* is dead when it is met */
    p[10] = NULL;                             /* skipped */
    p[11] = (char *)stays + 8;
    p[12] = &variable;
    p[13] = p[0]; /* twice in one call */
    p[300] = p[301];
    p[N - 1] = p[N - 6];

    assert_status(put(&bed, p, N, &freed), BSA_ERR_NOT_ALLOCATED); /* the first of them: p[3] */
    ck_assert_uint_eq(faults->count, 6);
    ck_assert_uint_eq(freed, N - 1 - 6);
    ck_assert_ptr_eq(faults->addr, p[N - 6]);
    ck_assert_uint_eq(faults->status, BSA_ERR_NOT_ALLOCATED);
    ck_assert(pattern_holds(stays, 64, 1));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, first), 0);
    /* What was overwritten in the array, and what stays, is all that is live. */
    ck_assert_uint_eq(live_of(bed.heap), 6 + 1);
    check_heap_sums(bed.heap);

    static const enum bsa_status expected[] = {BSA_ERR_INVALID_PARAM, BSA_ERR_NOT_FOUND};
    static const char *const words[] = {"inside an object", "not in this heap"};
    for (unsigned i = 0; i < 2; i++) {
        faults->count = 0;
        assert_status(put(&bed, &p[11 + i], 1, &freed), expected[i]);
        ck_assert_uint_eq(freed, 0);
        faults_expect(faults, expected[i], p[11 + i], words[i]);
    }
}
END_TEST

/* What a CPU frees for others travels on in batches, be its magazine as wide as it may. */
START_TEST(what_is_freed_away_does_not_pile_up)
{
    enum { N = 1500, ROUNDS = 20, FEW = 160 };
    static void *p[N], *q[N];
    struct bed bed;
    bed_with(&bed, _i, 0, 32 * MIB);
    bed.m.cpu = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_ok(get(&bed, 64, 8, N, q, NULL));
        assert_ok(put(&bed, q, N, NULL));
    }
    ck_assert_uint_gt(stats_of(bed.heap, 1).objects_cached, 4 * FEW); /* it is wide */
    assert_ok(get(&bed, 64, 8, N, q, NULL));
    bed.m.cpu = 0;
    assert_ok(get(&bed, 64, 8, N, p, NULL));
    bed.m.cpu = 1;
    size_t before = stats_of(bed.heap, 1).objects_cached;
    assert_ok(put(&bed, p, N, NULL));
    ck_assert_uint_le(stats_of(bed.heap, 1).objects_cached, before + FEW);
    check_heap_sums(bed.heap);
}
END_TEST

/* A magazine that is full of what was freed away has room for what its CPU needs next. */
START_TEST(what_is_freed_away_makes_room)
{
    enum { N = 32 }; /* their states are in one word, so that they come as one */
    void *p[N], *q;
    struct bed bed;
    struct bsa_heap_config config = config_of(_i);
    config.magazine_objects = N;
    config.depot_magazines = BSA_NONE; /* where half of it would go at once */
    bed_open(&bed, _i, config, 8 * MIB);
    assert_ok(get(&bed, 64, 8, N, p, NULL));
    bed.m.cpu = 1;
    assert_ok(put(&bed, p, N, NULL));
    ck_assert_uint_eq(stats_of(bed.heap, 1).objects_cached, N);
    assert_ok(get(&bed, 64, 8, 1, &q, NULL));
    ck_assert_uint_le(stats_of(bed.heap, 1).objects_cached, N);
    check_heap_sums(bed.heap);
    assert_ok(put(&bed, &q, 1, NULL));
}
END_TEST

/* A refused run leaves nothing behind that a wild free could be taken for. */
START_TEST(a_refused_run_leaves_nothing)
{
    struct bed bed;
    void *p[2], *own[2], *again;
    size_t freed;
    bed_with(&bed, 4, 0, 8 * MIB);
    for (unsigned i = 0; i < 2; i++)
        p[i] = heap_get(bed.heap, 64, 8);
    bed.m.cpu = 1;
    for (unsigned i = 0; i < 2; i++)
        own[i] = heap_get(bed.heap, 64, 8);
    bed.m.cpu = 0;
    assert_ok(bsa_heap_free(bed.heap, p[1]));
    bed.m.cpu = 1;
    assert_status(put(&bed, p, 2, &freed), BSA_ERR_NOT_ALLOCATED);
    bed.m.cpu = 0;
    again = heap_get(bed.heap, 64, 8);
    ck_assert_ptr_eq(again, p[1]);
    bed.m.cpu = 1;
    assert_status(bsa_heap_free(bed.heap, (void *)(uintptr_t)1), BSA_ERR_NOT_FOUND);
    assert_ok(bsa_heap_free(bed.heap, again));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(bsa_heap_free(bed.heap, own[i]));
    check_heap_sums(bed.heap);
}
END_TEST

/* A fault hook that does not return leaves the rest live and the heap whole. */

static jmp_buf escape;

static void escaping_fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    machine_fault(ctx, status, addr, what);
    longjmp(escape, 1);
}

START_TEST(a_hook_that_does_not_return)
{
    struct machine m;
    void *volatile kept[8];
    void *p[9];
    machine_start(&m);
    if (_i == 1)
        machine_brackets(&m);
    m.platform.fault = escaping_fault;
    bsa_heap *volatile heap = heap_new(&m, 4 * MIB, plain);
    assert_ok(bsa_heap_alloc_bulk(heap, 64, 8, 8, p, NULL));
    for (unsigned i = 0; i < 8; i++)
        kept[i] = p[i];
    p[8] = p[7];
    p[4] = p[0];
    if (setjmp(escape) == 0) {
        bsa_heap_free_bulk(heap, p, 9, NULL);
        ck_abort_msg("the hook was not called");
    }
    ck_assert_uint_eq(m.inside, 0);
    ck_assert_uint_eq(live_of(heap), 4);
    for (unsigned i = 4; i < 8; i++)
        assert_ok(bsa_heap_free(heap, kept[i]));
    check_heap_sums(heap);
}
END_TEST

START_TEST(wrong_calls)
{
    struct bed bed;
    void *p[4] = {&bed, &bed, &bed, &bed};
    size_t got = SIZE_MAX;
    bed_with(&bed, _i, 0, 4 * MIB);
    assert_status(get(&bed, 64, 24, 4, p, &got), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "power of two");
    ck_assert_uint_eq(got, 0);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_ptr_null(p[i]);
    assert_status(get(&bed, 64, 8, 4, NULL, &got), BSA_ERR_INVALID_PARAM);
    assert_status(put(&bed, NULL, 4, &got), BSA_ERR_INVALID_PARAM);
    assert_status(get(&bed, SIZE_MAX, 8, 4, p, &got), BSA_ERR_NO_MEMORY);
    ck_assert_uint_eq(got, 0);
    assert_status(bsa_heap_alloc_bulk(NULL, 8, 8, 4, p, &got), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cpu_alloc_bulk(NULL, 8, 8, 4, p, &got), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_free_bulk(NULL, p, 4, &got), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_cpu_free_bulk(NULL, p, 4, &got), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bed.m.faults.count, 0);

    assert_ok(get(&bed, 64, 8, 4, p, NULL));
    void *q[4];
    bed.handles = false;
    bed.m.cpu = 2;
    assert_status(get(&bed, 64, 8, 4, q, &got), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "out of range");
    ck_assert(got == 0 && q[0] == NULL && q[3] == NULL);
    assert_status(put(&bed, p, 4, &got), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "out of range");
    ck_assert_uint_eq(got, 0);
    bed.m.cpu = 0;
    ck_assert_uint_eq(live_of(bed.heap), 4);
    assert_ok(put(&bed, p, 4, NULL));
    check_heap_sums(bed.heap);
}
END_TEST

/* The CPU is asked once for many. */
START_TEST(one_question_for_many)
{
    static void *p[500];
    struct bed bed;
    bed_with(&bed, 1, 0, 8 * MIB);
    assert_ok(get(&bed, 64, 8, 100, p, NULL));
    size_t questions = bed.m.cpu_questions, brackets = bed.m.brackets;
    assert_ok(put(&bed, p, 100, NULL));
    ck_assert_uint_eq(bed.m.cpu_questions, questions + 1);
    ck_assert_uint_eq(bed.m.brackets, brackets + 1);
    assert_ok(get(&bed, 64, 8, 500, p, NULL));
    ck_assert_uint_eq(bed.m.cpu_questions, questions + 3);
    ck_assert_uint_eq(bed.m.brackets, brackets + 3);
    assert_ok(put(&bed, p, 500, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bulk");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, as_many_as_asked_for, 0, 3 * WAYS);
    tcase_add_loop_test(all, as_many_as_there_are, 0, WAYS);
    tcase_add_loop_test(all, wrong_ones_are_told_and_the_others_freed, 0, WAYS);
    tcase_add_loop_test(all, what_is_freed_away_does_not_pile_up, 0, WAYS);
    tcase_add_loop_test(all, what_is_freed_away_makes_room, 0, WAYS);
    tcase_add_test(all, a_refused_run_leaves_nothing);
    tcase_add_loop_test(all, a_hook_that_does_not_return, 0, 2);
    tcase_add_loop_test(all, wrong_calls, 0, WAYS);
    tcase_add_test(all, one_question_for_many);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
