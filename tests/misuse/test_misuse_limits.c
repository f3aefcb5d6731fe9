/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of the interface of a heap: NULL handles and results, requests that are well formed but
 * impossible (no misuse: no fault call), frees of NULL, and a fault hook that does not return.
 */
#include <setjmp.h>

#include "bed.h"

/* Requests that no memory can meet. */

struct request {
    size_t size, align;
};

/* Powers of two near the end of numbers, and above what any region here has. */
#define HUGE_POWER(n) ((SIZE_MAX >> (1 + (n))) + 1)

static const struct request impossible_sizes[] = {
    {SIZE_MAX, 1},
    {SIZE_MAX, 4096},
    {SIZE_MAX - 1, 8},
    {SIZE_MAX - 4095, 1},
    {SIZE_MAX - 4096, 64},
    {SIZE_MAX / 2, 1},
    {SIZE_MAX / 2 + 1, 8},
    {SIZE_MAX / 2 + 2, 1},
    {(SIZE_MAX >> 3) + 1, 1},
    {(size_t)1 << 29, 1},
    {1, SIZE_MAX / 2 + 1},
    {0, SIZE_MAX / 2 + 1},
    {64, SIZE_MAX / 4 + 1},
    {SIZE_MAX, SIZE_MAX / 2 + 1},
    {2049, HUGE_POWER(1)},
    {1 << 20, HUGE_POWER(0)},
};

static const struct request impossible_pages[] = {
    {SIZE_MAX, 1},
    {SIZE_MAX, SIZE_MAX / 2 + 1},
    {SIZE_MAX >> 12, 4096},
    {(SIZE_MAX >> 12) + 1, 4096},
    {(SIZE_MAX >> 12) + 2, 1},
    {(size_t)1 << 29, 1},
    {((size_t)1 << 29) + 1, 1},
    {(SIZE_MAX >> 3) + 1, 1},
    {(SIZE_MAX >> 3) + 2, 1},
    {1, SIZE_MAX / 2 + 1},
    {1, HUGE_POWER(2)},
    {2, HUGE_POWER(0)},
    {100000, 1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void check_impossible(struct bed *bed, enum bsa_status status, void *const *out)
{
    assert_status(status, BSA_ERR_NO_MEMORY);
    ck_assert_ptr_null(*out);
    ck_assert_uint_eq(bed->m.faults.count, 0);
}

START_TEST(impossible_requests_find_no_memory)
{
    struct way way;
    for (unsigned w = 0; way_number(w, &way); w++) {
        struct bed bed;
        bed_open(&bed, &way);
        for (size_t i = 0; i < COUNT(impossible_sizes); i++) {
            const struct request *r = &impossible_sizes[i];
            void *out = &bed;
            check_impossible(&bed, bed_alloc(&bed, r->size, r->align, &out), &out);
            ck_assert_ptr_null(bsa_aligned_alloc(bed.heap, r->align, r->size));
            ck_assert_uint_eq(bed.m.faults.count, 0);
        }
        for (size_t i = 0; i < COUNT(impossible_pages); i++) {
            const struct request *r = &impossible_pages[i];
            void *out = &bed;
            check_impossible(&bed, bed_alloc_pages(&bed, r->size, r->align, &out), &out);
            out = &bed;
            check_impossible(&bed, bsa_heap_alloc_pages_lowmem(bed.heap, r->size, r->align, &out),
                             &out);
        }
        ck_assert_ptr_null(bsa_malloc(bed.heap, SIZE_MAX));
        ck_assert_ptr_null(bsa_malloc(bed.heap, SIZE_MAX - 64));
        ck_assert_ptr_null(bsa_calloc(bed.heap, SIZE_MAX, 2));
        ck_assert_ptr_null(bsa_calloc(bed.heap, SIZE_MAX / 8 + 2, 8));
        ck_assert_ptr_null(bsa_calloc(bed.heap, ((size_t)1 << (sizeof(size_t) * 4)),
                                      (size_t)1 << (sizeof(size_t) * 4)));
        ck_assert_ptr_null(bsa_realloc(bed.heap, bed.live[SMALL].p, SIZE_MAX));
        ck_assert_ptr_null(bsa_realloc(bed.heap, bed.live[THREE_PAGES].p, SIZE_MAX - 4095));
        ck_assert_uint_eq(bed.m.faults.count, 0);
        bed_check_live(&bed);
        check_heap_sums(bed.heap);
        bed_work(&bed);
        bed_close(&bed);
    }
}
END_TEST

START_TEST(a_null_heap_is_not_initialized)
{
    unsigned flags;
    size_t count = 0;
    void *p = &flags;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    struct bsa_cpu_stats cpu_stats = BSA_CPU_STATS_INIT;
    bsa_heap *none = NULL;

    assert_status(bsa_heap_fini(&none, &count), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_fini(NULL, NULL), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_add_region(NULL, &flags, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_reserve(NULL, &flags, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_alloc(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    assert_status(bsa_heap_free(NULL, &flags), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_free(NULL, NULL), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_free_sized(NULL, &flags, 1, 1), BSA_ERR_NOT_INITIALIZED);
    p = &flags;
    assert_status(bsa_heap_alloc_pages(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    p = &flags;
    assert_status(bsa_heap_alloc_pages_lowmem(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    assert_status(bsa_heap_free_pages(NULL, &flags, 1), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(bsa_heap_cpu(NULL, 0));
    p = &flags;
    assert_status(bsa_cpu_alloc(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    assert_status(bsa_cpu_free(NULL, &flags), BSA_ERR_NOT_INITIALIZED);
    p = &flags;
    assert_status(bsa_cpu_alloc_pages(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(p);
    assert_status(bsa_cpu_free_pages(NULL, &flags, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_drain(NULL, 0), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_cpu_offline(NULL, 0), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_cpu_online(NULL, 0), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_section(NULL, 0, &info), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_page_flags(NULL, &flags, &flags), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_free_blocks(NULL, &count, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_stats(NULL, &stats), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_cpu_stats(NULL, 0, &cpu_stats), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_heap_validate(NULL), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bsa_heap_reclaim(NULL), 0);
    ck_assert_uint_eq(bsa_heap_managed_bytes(NULL), 0);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(NULL), 0);
    ck_assert_uint_eq(bsa_heap_section_count(NULL), 0);
    ck_assert_uint_eq(bsa_heap_steps(NULL), 0);
    ck_assert_int_eq(bsa_heap_walk(NULL, NULL, NULL), 0);
    ck_assert_ptr_null(bsa_malloc(NULL, 8));
    ck_assert_ptr_null(bsa_calloc(NULL, 1, 8));
    ck_assert_ptr_null(bsa_aligned_alloc(NULL, 8, 8));
    ck_assert_ptr_null(bsa_realloc(NULL, NULL, 8));
    ck_assert_ptr_null(bsa_realloc(NULL, &flags, 8));
    ck_assert_uint_eq(bsa_usable_size(NULL, &flags), 0);
    bsa_free(NULL, &flags);
}
END_TEST

START_TEST(a_missing_result_pointer_is_refused)
{
    struct way way;
    for (unsigned w = 0; way_number(w, &way); w++) {
        struct bed bed;
        struct bsa_heap_stats small = {.size = 1};
        struct bsa_cpu_stats cpu_stats = BSA_CPU_STATS_INIT;
        bed_open(&bed, &way);
        assert_status(bed_alloc(&bed, 64, 8, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bed_alloc_pages(&bed, 1, 1, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_alloc_pages_lowmem(bed.heap, 1, 1, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_section(bed.heap, 0, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_page_flags(bed.heap, bed.region, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_free_blocks(bed.heap, NULL, 1), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_stats(bed.heap, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_stats(bed.heap, &small), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_cpu_stats(bed.heap, 0, NULL), BSA_ERR_INVALID_PARAM);
        assert_status(bsa_heap_cpu_stats(bed.heap, 3, &cpu_stats), BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(bsa_heap_cpu(bed.heap, 3));
        ck_assert_ptr_null(bsa_heap_cpu(bed.heap, UINT32_MAX));
        bed_check_live(&bed);
        bed_close(&bed);
    }
}
END_TEST

START_TEST(null_is_freed_without_a_word)
{
    struct way way;
    for (unsigned w = 0; way_number(w, &way); w++) {
        struct bed bed;
        struct bsa_heap_stats before, after;
        bed_open(&bed, &way);
        heap_stats(bed.heap, &before);
        assert_ok(bed_free(&bed, NULL));
        assert_ok(bsa_heap_free_sized(bed.heap, NULL, 64, 8));
        bsa_free(bed.heap, NULL);
        heap_stats(bed.heap, &after);
        ck_assert_mem_eq(&before, &after, sizeof before);
        ck_assert_uint_eq(bed.m.faults.count, 0);
        bed_close(&bed);
    }
}
END_TEST

START_TEST(usable_size_of_what_is_not_live_is_0)
{
    struct way way;
    for (unsigned w = 0; way_number(w, &way); w++) {
        struct bed bed;
        bed_open(&bed, &way);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, NULL), 0);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, &bed), 0);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, bed.heap), 0);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, (char *)bed.live[SMALL].p + 8), 0);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, (char *)bed.live[ONE_PAGE].p + 1), 0);
        ck_assert_uint_eq(
            bsa_usable_size(bed.heap, (char *)bed.live[THREE_PAGES].p + way.page_size), 0);
        for (unsigned i = 0; i < LIVE; i += 2) {
            assert_ok(bed_free(&bed, bed.live[i].p));
            bed.live[i].gone = true;
            ck_assert_uint_eq(bsa_usable_size(bed.heap, bed.live[i].p), 0);
        }
        ck_assert_uint_eq(bed.m.faults.count, 0);
        bed_close(&bed);
    }
}
END_TEST

/* A fault hook that jumps out of the call, as a kernel's panic or a test's longjmp does. */

struct jump {
    struct machine *m;
    jmp_buf back;
    unsigned faults;
};

static void jump_out(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    struct jump *jump = ctx;
    (void)status;
    (void)addr;
    (void)what;
    jump->faults++;
    longjmp(jump->back, 1);
}

static struct jump jump;

/* True when the call came back by the jump. */
#define jumps(call) (setjmp(jump.back) == 0 ? ((void)(call), false) : true)

static void use_wrongly(bsa_heap *heap, void *object, void *freed, void *block)
{
    void *out;
    ck_assert(jumps(bsa_heap_free(heap, freed)));
    ck_assert(jumps(bsa_heap_free(heap, (char *)object + 1)));
    ck_assert(jumps(bsa_heap_free(heap, &jump)));
    ck_assert(jumps(bsa_heap_free_sized(heap, object, 4000, 1)));
    ck_assert(jumps(bsa_heap_free_pages(heap, block, 7)));
    ck_assert(jumps(bsa_heap_free_pages(heap, block, 0)));
    ck_assert(jumps(bsa_heap_alloc(heap, 8, 3, &out)));
    ck_assert(jumps(bsa_heap_alloc_pages(heap, 0, 1, &out)));
    ck_assert(jumps(bsa_cpu_free(bsa_heap_cpu(heap, 0), freed)));
    ck_assert(jumps(bsa_heap_drain(heap, 77)));
    ck_assert(jumps(bsa_heap_add_region(heap, block, 4096)));
    ck_assert(jumps(bsa_realloc(heap, freed, 10)));
}

START_TEST(a_fault_hook_need_not_return)
{
    for (unsigned mode = 0; mode < 2; mode++) {
        enum { BYTES = 1 << 20 };
        bsa_heap *heap = NULL;
        struct bsa_platform platform = BSA_PLATFORM_INIT;
        struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
        platform.ctx = &jump;
        platform.fault = jump_out;
        config.platform = &platform;
        config.flags = mode == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS;
        assert_ok(bsa_heap_init(&heap, region_new(BYTES, 4096, 0), BYTES, &config));
        void *object = heap_get(heap, 48, 16);
        void *freed = heap_get(heap, 48, 16);
        void *block = heap_get_pages(heap, 3, 1);
        assert_ok(bsa_heap_free(heap, freed));

        jump.faults = 0;
        use_wrongly(heap, object, freed, block);
        ck_assert_uint_eq(jump.faults, 12);

        /* No lock was left behind, and nothing is lost. */
        assert_ok(bsa_heap_validate(heap));
        ck_assert_uint_ge(bsa_usable_size(heap, object), 48);
        assert_ok(bsa_heap_free(heap, object));
        assert_ok(bsa_heap_free_pages(heap, block, 3));
        assert_ok(bsa_heap_drain(heap, 0));
        bsa_heap_reclaim(heap);
        ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), 0);
        assert_ok(bsa_heap_validate(heap));
    }
}
END_TEST

static Suite *limits_suite(void)
{
    Suite *suite = suite_create("edges of the heap's interface");
    TCase *all = tcase_create("all");
    tcase_add_test(all, impossible_requests_find_no_memory);
    tcase_add_test(all, a_null_heap_is_not_initialized);
    tcase_add_test(all, a_missing_result_pointer_is_refused);
    tcase_add_test(all, null_is_freed_without_a_word);
    tcase_add_test(all, usable_size_of_what_is_not_live_is_0);
    tcase_add_test(all, a_fault_hook_need_not_return);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(limits_suite());
}
