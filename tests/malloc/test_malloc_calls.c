/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of the malloc library, as its manual page and C's promise it. */
#include "preloaded.h"

#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

START_TEST(malloc_is_ours)
{
    /* A heap of ours manages hundreds of megabytes from the start. */
    free(used(malloc(1)));
    ck_assert_uint_ge(mallinfo2().arena, (size_t)32 << 20);
}
END_TEST

/* Sizes around everything at which something changes: classes, pages, mappings of their own. */
static const size_t sizes[] = {0,       1,
                               7,       8,
                               9,       15,
                               16,      17,
                               24,      25,
                               100,     255,
                               1000,    2047,
                               2048,    2049,
                               4095,    4096,
                               4097,    8193,
                               9000,    65536,
                               70000,   262144,
                               300000,  (1 << 20) - 1,
                               1 << 20, (1 << 20) + 1,
                               5 << 20};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static size_t least_align(size_t size)
{
    return size >= 16 ? 16 : size >= 8 ? 8 : 1;
}

START_TEST(malloc_gives_aligned_memory_of_the_size)
{
    unsigned char *p[SIZES];
    for (size_t i = 0; i < SIZES; i++) {
        p[i] = malloc(sizes[i]);
        must(p[i] != NULL && (uintptr_t)p[i] % least_align(sizes[i]) == 0);
        must(malloc_usable_size(p[i]) >= sizes[i]);
        memset(p[i], (int)i + 1, malloc_usable_size(p[i]));
    }
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t at = 0; at < malloc_usable_size(p[i]); at++)
            must(p[i][at] == (unsigned char)(i + 1));
        free(p[i]);
    }
}
END_TEST

START_TEST(calloc_gives_zeroes_where_others_wrote)
{
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *dirty = malloc(sizes[i]);
        memset(dirty, 0xff, sizes[i]);
        free(used(dirty));
        unsigned char *p = calloc(1, sizes[i]);
        must(p != NULL);
        for (size_t at = 0; at < sizes[i]; at++)
            must(p[at] == 0);
        free(p);
    }
}
END_TEST

START_TEST(realloc_keeps_the_contents)
{
    for (size_t from = 1; from < SIZES; from++) {
        for (size_t to = 1; to < SIZES; to++) {
            unsigned char *p = malloc(sizes[from]);
            for (size_t at = 0; at < sizes[from]; at++)
                p[at] = (unsigned char)(at * 7 + from);
            p = realloc(p, sizes[to]);
            must(p != NULL && malloc_usable_size(p) >= sizes[to]);
            must((uintptr_t)p % least_align(sizes[to]) == 0);
            for (size_t at = 0; at < sizes[from] && at < sizes[to]; at++)
                must(p[at] == (unsigned char)(at * 7 + from));
            free(p);
        }
    }
}
END_TEST

START_TEST(realloc_of_null_allocates_and_to_zero_frees)
{
    void *p = realloc(NULL, 50);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_null(realloc(p, 0));
    /* It was freed: of two objects allocated now, one is it. */
    void *a = malloc(50), *b = malloc(50);
    ck_assert(a == p || b == p);
    free(a);
    free(b);
    p = reallocarray(NULL, 10, 30);
    ck_assert_uint_ge(malloc_usable_size(p), 300);
    p = reallocarray(p, 100, 30);
    ck_assert_uint_ge(malloc_usable_size(p), 3000);
    free(p);
}
END_TEST

START_TEST(frees_may_tell_the_size)
{
    free_sized(NULL, 100);
    free_aligned_sized(NULL, 64, 100);
    for (size_t i = 0; i < SIZES; i++) {
        size_t live = mallinfo2().uordblks + mallinfo2().hblkhd;
        free_sized(used(malloc(sizes[i])), sizes[i]);
        free_aligned_sized(used(aligned_alloc(64, sizes[i])), 64, sizes[i]);
        ck_assert_uint_eq(mallinfo2().uordblks + mallinfo2().hblkhd, live);
    }
}
END_TEST

START_TEST(a_block_that_grows_little_by_little_is_seldom_moved)
{
    size_t moves = 0;
    char *p = malloc(2048);
    for (size_t size = 4096; size <= 8 << 20; size += 4096) {
        char *grown = realloc(p, size);
        must(grown != NULL);
        moves += grown != p;
        p = grown;
    }
    free(p);
    /* Of 2047 steps; a fourth at a time makes 30 or so below a megabyte, and mappings beyond. */
    ck_assert_uint_lt(moves, 400);
}
END_TEST

START_TEST(what_cannot_be_had_is_enomem)
{
    volatile size_t most = SIZE_MAX; /* the compiler need not know what is coming */
    void *p = malloc(10), *out = p;
    errno = 0;
    ck_assert(malloc(most) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(malloc(most / 2 + 1) == NULL && errno == ENOMEM);
    errno = 0;
    /* Half of an address space of 32 bits may be to be had. */
    ck_assert(sizeof(void *) == 4 || (malloc(most / 4) == NULL && errno == ENOMEM));
    errno = 0;
    ck_assert(calloc(most / 2, 3) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(calloc(1, most - 5) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(realloc(p, most / 2 + 1) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(reallocarray(p, most / 2, 3) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(aligned_alloc(64, most - 63) == NULL && errno == ENOMEM);
    errno = 0;
    ck_assert(pvalloc(most) == NULL && errno == ENOMEM);
    errno = 7;
    ck_assert_int_eq(posix_memalign(&out, 64, most / 2 + 1), ENOMEM);
    ck_assert_int_eq(errno, 7);
    ck_assert_ptr_eq(out, p);
    void *huge = malloc(2 << 20);
    errno = 0;
    ck_assert(realloc(huge, most / 2 + 1) == NULL && errno == ENOMEM);
    ck_assert_uint_ge(malloc_usable_size(huge), 2 << 20);
    free(huge);
    free(p);
}
END_TEST

START_TEST(success_keeps_errno)
{
    static const size_t some[] = {10, 5000, 3 << 20};
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        errno = 77;
        void *p = malloc(some[i]);
        p = realloc(p, some[i] * 2);
        free(p);
        free(calloc(some[i], 2));
        free(aligned_alloc(8192, some[i]));
        free(NULL);
        ck_assert_int_eq(errno, 77);
    }
}
END_TEST

START_TEST(alignments_are_kept)
{
    static const size_t some[] = {0, 1, 100, 3000, 100000, 2 << 20};
    for (size_t align = sizeof(void *); align <= (size_t)8 << 20; align *= 2) {
        for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
            void *p = NULL;
            must(posix_memalign(&p, align, some[i]) == 0 && p != NULL);
            must((uintptr_t)p % align == 0 && malloc_usable_size(p) >= some[i]);
            memset(p, 1, some[i]);
            free(p);
            p = aligned_alloc(align, some[i]);
            must(p != NULL && (uintptr_t)p % align == 0);
            free(p);
            p = memalign(align, some[i]);
            must(p != NULL && (uintptr_t)p % align == 0);
            free(p);
        }
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = valloc(10), *q = pvalloc(10), *r = pvalloc(0);
    must((uintptr_t)p % page == 0 && (uintptr_t)q % page == 0 && (uintptr_t)r % page == 0);
    must(malloc_usable_size(q) >= page && malloc_usable_size(r) >= page);
    free(p);
    free(q);
    free(r);
}
END_TEST

START_TEST(bad_alignments_are_einval)
{
    volatile size_t three = 3; /* the compiler need not know */
    void *out = &out;
    errno = 0;
    ck_assert(aligned_alloc(three, 30) == NULL && errno == EINVAL);
    errno = 0;
    ck_assert(memalign(three * 16, 96) == NULL && errno == EINVAL);
    errno = 0;
    ck_assert(aligned_alloc(three - 3, 30) == NULL && errno == EINVAL);
    ck_assert_int_eq(posix_memalign(&out, three, 30), EINVAL);
    ck_assert_int_eq(posix_memalign(&out, three - 1, 30), EINVAL);
    ck_assert_ptr_eq(out, &out);
}
END_TEST

START_TEST(figures_follow_what_is_live)
{
    struct mallinfo2 before = mallinfo2();
    void *p = used(malloc(100000)), *huge = used(malloc(10 << 20));
    struct mallinfo2 with = mallinfo2();
    ck_assert_uint_ge(with.uordblks, before.uordblks + 100000);
    ck_assert_uint_eq(with.hblks, before.hblks + 1);
    ck_assert_uint_ge(with.hblkhd, before.hblkhd + ((size_t)10 << 20));
    ck_assert_uint_eq(with.uordblks + with.fordblks, with.arena);
    free(p);
    free(huge);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_eq(after.hblks, before.hblks);
    ck_assert_uint_eq(after.uordblks, before.uordblks);
    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    ck_assert_int_eq(mallopt(12345, 1), 0);
    ck_assert_uint_eq(malloc_usable_size(NULL), 0);
}
END_TEST

/* Resident bytes of this process. */
static size_t resident(void)
{
    char line[128] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_gt(read(file, line, sizeof(line) - 1), 0);
    close(file);
    return strtoul(strchr(line, ' '), NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(a_mapping_of_its_own_gives_back_what_realloc_takes_off)
{
    size_t large = 400 << 20;
    char *p = used(malloc(large));
    p = used(realloc(p, large - large / 5));
    ck_assert_uint_le(malloc_usable_size(p), large - large / 5 + 65536);
    p = used(realloc(p, large - large / 5 - 1000)); /* not worth a system call */
    ck_assert_uint_ge(malloc_usable_size(p), large - large / 5);
    free(p);
}
END_TEST

START_TEST(a_mapping_of_its_own_goes_back_at_once)
{
    size_t before = resident(), bytes = (size_t)64 << 20;
    char *p = used(malloc(bytes));
    memset(p, 1, bytes);
    p = used(p);
    ck_assert_uint_ge(resident(), before + bytes / 2);
    free(p);
    ck_assert_uint_lt(resident(), before + bytes / 2);
}
END_TEST

START_TEST(trim_gives_free_pages_back)
{
    enum { OBJECTS = 20000, SIZE = 2000 };
    static char *p[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++)
        p[i] = memset(malloc(SIZE), 1, SIZE);
    size_t with = resident();
    for (size_t i = 0; i < OBJECTS; i++)
        free(p[i]);
    ck_assert_int_eq(malloc_trim(0), 1);
    ck_assert_uint_lt(resident(), with - (size_t)OBJECTS * SIZE * 9 / 10);
}
END_TEST

/* A program that once needed much and goes on with little. */
START_TEST(free_pages_go_back_in_time)
{
    enum { OBJECTS = 20000, SIZE = 2000, LATER = 200000 };
    static char *p[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++)
        p[i] = memset(malloc(SIZE), 1, SIZE);
    for (size_t i = 0; i < 20; i++)
        free(used(malloc(100000))); /* a look at the heap while it is large */
    size_t with = resident();
    for (size_t i = 0; i < OBJECTS; i++)
        free(p[i]);
    for (size_t i = 0; i < LATER; i++) {
        p[i % 2] = used(malloc(100));
        if (i % 2 != 0) {
            free(p[0]);
            free(p[1]);
        }
    }
    ck_assert_uint_lt(resident(), with - (size_t)OBJECTS * SIZE / 2);
}
END_TEST

START_TEST(the_heap_grows_beyond_its_first_region)
{
    /* The region that main has asked for is smaller than this. */
    enum { BLOCKS = 300, BLOCK = 900000 };
    static char *p[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        p[i] = malloc(BLOCK);
        must(p[i] != NULL);
        p[i][0] = p[i][BLOCK - 1] = (char)i;
    }
    ck_assert_uint_gt(mallinfo2().arena, (size_t)BLOCKS * BLOCK);
    for (size_t i = 0; i < BLOCKS; i++) {
        must(p[i][0] == (char)i && p[i][BLOCK - 1] == (char)i);
        free(p[i]);
    }
    /* Nothing that is not there is made up: an alignment beyond memory fails. */
    char *aligned = aligned_alloc((size_t)1 << 28, 100000);
    must(aligned == NULL || (uintptr_t)aligned % ((size_t)1 << 28) == 0);
    free(aligned);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    run_with(argv, "BSA_MALLOC_REGION", "64M");
    Suite *suite = suite_create("malloc_calls");
    TCase *tc = tcase_create("calls");
    tcase_add_test(tc, malloc_is_ours);
    tcase_add_test(tc, malloc_gives_aligned_memory_of_the_size);
    tcase_add_test(tc, calloc_gives_zeroes_where_others_wrote);
    tcase_add_test(tc, realloc_keeps_the_contents);
    tcase_add_test(tc, realloc_of_null_allocates_and_to_zero_frees);
    tcase_add_test(tc, frees_may_tell_the_size);
    tcase_add_test(tc, a_block_that_grows_little_by_little_is_seldom_moved);
    tcase_add_test(tc, what_cannot_be_had_is_enomem);
    tcase_add_test(tc, success_keeps_errno);
    tcase_add_test(tc, alignments_are_kept);
    tcase_add_test(tc, bad_alignments_are_einval);
    tcase_add_test(tc, figures_follow_what_is_live);
    tcase_add_test(tc, a_mapping_of_its_own_gives_back_what_realloc_takes_off);
    tcase_add_test(tc, a_mapping_of_its_own_goes_back_at_once);
    tcase_add_test(tc, trim_gives_free_pages_back);
    tcase_add_test(tc, free_pages_go_back_in_time);
    tcase_add_test(tc, the_heap_grows_beyond_its_first_region);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
