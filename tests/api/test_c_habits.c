/* SPDX-License-Identifier: Apache-2.0 */
/* malloc and its relatives over a heap. */
#include "machine.h"

struct bed {
    struct machine m;
    bsa_heap *heap;
};

static void bed_open(struct bed *bed, size_t bytes)
{
    machine_start(&bed->m);
    bed->heap = heap_new(&bed->m, bytes, (struct bsa_heap_config)BSA_HEAP_CONFIG_INIT);
}

static bool all_bytes(const void *p, size_t n, unsigned char value)
{
    const unsigned char *at = p;
    for (size_t i = 0; i < n; i++) {
        if (at[i] != value)
            return false;
    }
    return true;
}

/* Alignment min(16, largest power of two <= size). */
START_TEST(malloc_aligns_by_size)
{
    struct bed bed;
    bed_open(&bed, 4 * MIB);
    for (size_t size = 0; size <= 3000; size += size < 40 ? 1 : 37) {
        size_t align = 1;
        while (align < 16 && align * 2 <= size)
            align *= 2;
        void *p = bsa_malloc(bed.heap, size), *q = bsa_malloc(bed.heap, size);
        ck_assert_ptr_nonnull(p);
        ck_assert_ptr_nonnull(q);
        ck_assert_ptr_ne(p, q);
        ck_assert(is_aligned(p, align) && is_aligned(q, align));
        ck_assert_uint_ge(bsa_usable_size(bed.heap, p), size);
        memset(p, 1, size);
        memset(q, 2, size);
        ck_assert(all_bytes(p, size, 1));
        bsa_free(bed.heap, p);
        bsa_free(bed.heap, q);
    }
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

START_TEST(aligned_alloc_takes_any_size_and_alignment)
{
    struct bed bed;
    bed_open(&bed, 16 * MIB);
    for (size_t align = 1; align <= MIB; align *= 2) {
        for (size_t size = 0; size <= 10000; size += 1111) {
            void *p = bsa_aligned_alloc(bed.heap, align, size);
            ck_assert_ptr_nonnull(p);
            ck_assert(is_aligned(p, align));
            ck_assert_uint_ge(bsa_usable_size(bed.heap, p), size);
            bsa_free(bed.heap, p);
        }
    }
    ck_assert_uint_eq(bed.m.faults.count, 0);
    ck_assert_ptr_null(bsa_aligned_alloc(bed.heap, 24, 100));
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "power of two");
    check_heap_sums(bed.heap);
}
END_TEST

/* Memory that was full of something else comes zeroed. */
START_TEST(calloc_zeroes)
{
    static const size_t sizes[] = {1, 8, 100, 2048, 2049, 10000, 100000};
    struct bed bed;
    void *p[20];
    bed_open(&bed, 8 * MIB);
    for (unsigned k = 0; k < 7; k++) {
        for (unsigned i = 0; i < 20; i++) {
            p[i] = bsa_malloc(bed.heap, sizes[k]);
            memset(p[i], 0xff, sizes[k]);
        }
        for (unsigned i = 0; i < 20; i++)
            bsa_free(bed.heap, p[i]);
        for (unsigned i = 0; i < 20; i++) {
            p[i] =
                i % 2 == 0 ? bsa_calloc(bed.heap, sizes[k], 1) : bsa_calloc(bed.heap, 1, sizes[k]);
            ck_assert_ptr_nonnull(p[i]);
            ck_assert(all_bytes(p[i], sizes[k], 0));
        }
        for (unsigned i = 0; i < 20; i++)
            bsa_free(bed.heap, p[i]);
    }
    void *none = bsa_calloc(bed.heap, 0, 100), *other = bsa_calloc(bed.heap, 100, 0);
    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(other);
    ck_assert_ptr_ne(none, other);
    ck_assert_ptr_null(bsa_calloc(bed.heap, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(bsa_calloc(bed.heap, SIZE_MAX / 100, 100));
    check_heap_sums(bed.heap);
}
END_TEST

/* From every size to every other one: what fits both is kept, and only one of the two is live. */
START_TEST(realloc_keeps_contents)
{
    static const size_t sizes[] = {1,    8,    9,    64,    100,   1000,  2047,  2048,
                                   2049, 4096, 4097, 12288, 12289, 50000, 300000};
    enum { N = sizeof sizes / sizeof *sizes };
    struct bed bed;
    bed_open(&bed, 8 * MIB);
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++) {
            size_t common = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            struct bsa_heap_stats s;
            unsigned char *p = bsa_malloc(bed.heap, sizes[i]);
            ck_assert_ptr_nonnull(p);
            for (size_t k = 0; k < sizes[i]; k++)
                p[k] = pattern_byte(i, k);
            unsigned char *q = bsa_realloc(bed.heap, p, sizes[j]);
            ck_assert_ptr_nonnull(q);
            for (size_t k = 0; k < common; k++)
                ck_assert_uint_eq(q[k], pattern_byte(i, k));
            ck_assert_uint_ge(bsa_usable_size(bed.heap, q), sizes[j]);
            ck_assert(is_aligned(q, sizes[j] >= 16 ? 16 : sizes[j] >= 8 ? 8 : 1));
            memset(q, 0xee, sizes[j]);
            heap_stats(bed.heap, &s);
            size_t live = s.blocks;
            for (unsigned c = 0; c < s.classes; c++)
                live += s.size_class[c].live;
            ck_assert_uint_eq(live, 1);
            bsa_free(bed.heap, q);
        }
    }
    check_heap_sums(bed.heap);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

START_TEST(realloc_of_null_and_to_nothing)
{
    struct bed bed;
    bed_open(&bed, MIB);
    void *p = bsa_realloc(bed.heap, NULL, 100);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 128);
    void *q = bsa_realloc(bed.heap, p, 0);
    ck_assert_ptr_nonnull(q);
    ck_assert_uint_eq(bsa_usable_size(bed.heap, q), 8);
    ck_assert_ptr_nonnull(bsa_realloc(bed.heap, NULL, 0));
    bsa_free(bed.heap, q);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}
END_TEST

/* What still fits stays where it is: the same class, or the same count of pages. */
START_TEST(realloc_within_the_same_class_moves_nothing)
{
    struct bed bed;
    bed_open(&bed, MIB);
    void *p = bsa_malloc(bed.heap, 65);
    for (size_t size = 65; size <= 128; size++)
        ck_assert_ptr_eq(bsa_realloc(bed.heap, p, size), p);
    void *q = bsa_malloc(bed.heap, 2 * PAGE + 1);
    for (size_t size = 2 * PAGE + 1; size <= 3 * PAGE; size += 111)
        ck_assert_ptr_eq(bsa_realloc(bed.heap, q, size), q);
    check_heap_sums(bed.heap);
}
END_TEST

/* When there is no memory the old block stays, with its contents. */
START_TEST(a_failed_realloc_changes_nothing)
{
    struct bed bed;
    bed_open(&bed, MIB);
    unsigned char *p = bsa_malloc(bed.heap, 1000), *q = bsa_malloc(bed.heap, 5 * PAGE);
    pattern_write(p, 1000, 1);
    pattern_write(q, 5 * PAGE, 2);
    ck_assert_ptr_null(bsa_realloc(bed.heap, p, 2 * MIB));
    ck_assert_ptr_null(bsa_realloc(bed.heap, q, 2 * MIB));
    ck_assert_ptr_null(bsa_realloc(bed.heap, q, SIZE_MAX));
    ck_assert(pattern_holds(p, 1000, 1));
    ck_assert(pattern_holds(q, 5 * PAGE, 2));
    ck_assert_uint_eq(bsa_usable_size(bed.heap, p), 1024);
    ck_assert_uint_eq(bsa_usable_size(bed.heap, q), 5 * PAGE);
    ck_assert_uint_eq(bed.m.faults.count, 0);
    bsa_free(bed.heap, p);
    bsa_free(bed.heap, q);
    check_heap_sums(bed.heap);
}
END_TEST

/* All of an object's usable bytes are its user's. */
START_TEST(usable_bytes_may_be_used)
{
    enum { N = 600 };
    static void *p[N];
    struct bed bed;
    bed_open(&bed, 8 * MIB);
    for (unsigned i = 0; i < N; i++) {
        p[i] = bsa_malloc(bed.heap, i * 11);
        pattern_write(p[i], bsa_usable_size(bed.heap, p[i]), i);
    }
    for (unsigned i = 0; i < N; i++) {
        ck_assert(pattern_holds(p[i], bsa_usable_size(bed.heap, p[i]), i));
        bsa_free(bed.heap, p[i]);
        ck_assert_uint_eq(bsa_usable_size(bed.heap, p[i]), 0);
    }
    check_heap_sums(bed.heap);
}
END_TEST

static Suite *habits_suite(void)
{
    Suite *suite = suite_create("C habits");
    TCase *all = tcase_create("all");
    tcase_add_test(all, malloc_aligns_by_size);
    tcase_add_test(all, aligned_alloc_takes_any_size_and_alignment);
    tcase_add_test(all, calloc_zeroes);
    tcase_add_test(all, realloc_keeps_contents);
    tcase_add_test(all, realloc_of_null_and_to_nothing);
    tcase_add_test(all, realloc_within_the_same_class_moves_nothing);
    tcase_add_test(all, a_failed_realloc_changes_nothing);
    tcase_add_test(all, usable_bytes_may_be_used);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(habits_suite());
}
