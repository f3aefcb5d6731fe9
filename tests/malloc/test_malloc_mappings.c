/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large requests, whose mappings are kept when they are freed: they serve the next ones, what is in
 * them stays theirs, and no program needs more memory at its peak because of them.
 */
#include "preloaded.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

enum { MIB = 1 << 20 };

static size_t faults(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (size_t)used.ru_minflt;
}

/* What the system says of this process in its n-th word: 0 all that is mapped, 1 resident. */
static size_t memory(unsigned n)
{
    char line[128] = "", *at = line;
    int file = open("/proc/self/statm", O_RDONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_gt(read(file, line, sizeof(line) - 1), 0);
    close(file);
    for (; n > 0; n--)
        at = strchr(at, ' ') + 1;
    return strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static char *written(size_t bytes)
{
    char *p = malloc(bytes);
    must(p != NULL);
    return used(memset(p, 1, bytes));
}

/* Faults of rounds of so many blocks of about so many bytes, but for the first ones'. */
static size_t faults_of_rounds(size_t blocks, size_t bytes)
{
    enum { ROUNDS = 12, FIRST = 2 };
    char *p[8];
    size_t before = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        if (round == FIRST)
            before = faults();
        for (size_t i = 0; i < blocks; i++)
            p[i] = written(bytes + i * 4096);
        for (size_t i = 0; i < blocks; i++)
            free(p[i]);
    }
    return faults() - before;
}

START_TEST(a_mapping_serves_again)
{
    static const size_t sizes[] = {MIB + 1, 2 * MIB, 8 * MIB, 32 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        ck_assert_uint_lt(faults_of_rounds(1, sizes[i]), sizes[i] / 4096);
}
END_TEST

START_TEST(mappings_of_several_sizes_serve_again)
{
    ck_assert_uint_lt(faults_of_rounds(4, MIB + MIB / 10), 4 * 280);
    ck_assert_uint_lt(faults_of_rounds(8, 3 * MIB), 8 * 768);
}
END_TEST

START_TEST(a_mapping_grows_into_what_is_kept)
{
    size_t before = 0;
    for (size_t round = 0; round < 4; round++) {
        char *p = NULL;
        if (round == 2)
            before = faults();
        for (size_t size = 65536; size <= 16 * MIB; size += 65536) {
            p = realloc(p, size);
            must(p != NULL);
            memset(p + size - 65536, (int)round, 65536);
        }
        free(used(p));
    }
    ck_assert_uint_lt(faults() - before, 16 * MIB / 4096); /* of twice as many */
}
END_TEST

START_TEST(calloc_gives_zeroes_in_what_is_kept)
{
    for (size_t bytes = 2 * MIB; bytes <= 8 * MIB; bytes += MIB + 5000) {
        free(written(bytes));
        char *p = calloc(1, bytes + MIB); /* some of it is fresh */
        must(p != NULL);
        for (size_t at = 0; at < bytes + MIB; at++)
            must(p[at] == 0);
        memset(p, 1, bytes + MIB);
        free(used(p));
    }
}
END_TEST

/* As a whole a mapping may have been several, which cannot grow together. */
START_TEST(mappings_that_were_joined_grow)
{
    enum { COUNT = 6 };
    char *p[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        p[i] = written(2 * MIB);
    for (size_t i = 0; i < COUNT; i++)
        p[i] = realloc(p[i], (i + 3) * MIB); /* moved, so that the system keeps them apart */
    for (size_t i = 0; i < COUNT; i++)
        free(p[i]);
    char *joined = written(12 * MIB);
    joined = realloc(joined, 40 * MIB);
    must(joined != NULL);
    for (size_t at = 0; at < 12 * MIB; at++)
        must(joined[at] == 1);
    free(joined);
}
END_TEST

/* Of blocks, then of objects, which come by the magazine. */
START_TEST(what_is_kept_raises_no_peak)
{
    enum { BYTES = 30 * MIB, LEAST = 100 };
    static char *p[BYTES / LEAST];
    size_t block = _i == 0 ? 100000 : LEAST, blocks = BYTES / block;
    size_t before = memory(1) + sizeof(p) / (_i == 0 ? block / LEAST : 1);
    free(written(BYTES));
    for (size_t i = 0; i < blocks; i++)
        p[i] = written(block);
    ck_assert_uint_lt(memory(1), before + BYTES + BYTES / 2);
    for (size_t i = 0; i < blocks; i++)
        free(p[i]);
}
END_TEST

START_TEST(what_is_kept_goes_in_time)
{
    enum { LATER = 2000 };
    size_t before = memory(1);
    free(written(30 * MIB));
    for (size_t i = 0; i < LATER; i++)
        free(used(malloc(200000)));
    ck_assert_uint_lt(memory(1), before + 15 * MIB);
}
END_TEST

START_TEST(trim_gives_back_what_is_kept)
{
    size_t before = memory(0);
    free(written(30 * MIB));
    ck_assert_uint_ge(memory(0), before + 30 * MIB);
    ck_assert_int_eq(malloc_trim(0), 1);
    ck_assert_uint_lt(memory(0), before + 15 * MIB);
}
END_TEST

/* Rows of which none is large enough to grow to what is asked for. */
START_TEST(what_is_kept_goes_where_addresses_are_short)
{
    enum { COUNT = 10 };
    char *p[2 * COUNT];
    for (size_t i = 0; i < 2 * COUNT; i++)
        p[i] = written(3 * MIB);
    for (size_t i = 0; i < COUNT; i++)
        free(p[2 * i]);
    struct rlimit limit, tight;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    tight = limit;
    tight.rlim_cur = memory(0) + MIB;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
    size_t live = mallinfo2().hblkhd;
    char *large = used(malloc(20 * MIB));
    size_t with = mallinfo2().hblkhd;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_ge(with, live + 20 * MIB);
    free(large);
    for (size_t i = 0; i < COUNT; i++)
        free(p[2 * i + 1]);
}
END_TEST

/* A block with its number at its start and at the start of its last word. */
struct block {
    char *p;
    size_t bytes;
};

static void mark(struct block *b, size_t number)
{
    memcpy(b->p, &number, sizeof(number));
    memcpy(b->p + b->bytes - sizeof(number), &number, sizeof(number));
}

static void check(const struct block *b, size_t number, bool whole)
{
    must(memcmp(b->p, &number, sizeof(number)) == 0);
    must(!whole || memcmp(b->p + b->bytes - sizeof(number), &number, sizeof(number)) == 0);
}

static void *churn(void *seed)
{
    enum { BLOCKS = 12, STEPS = 4000 };
    struct block blocks[BLOCKS] = {{NULL, 0}};
    struct rng rng = {.state = (size_t)seed};
    for (size_t step = 0; step < STEPS; step++) {
        size_t number = rng_below(&rng, BLOCKS);
        struct block *b = &blocks[number];
        size_t bytes = rng_between(&rng, 200000, 6 * MIB), old = b->bytes;
        size_t align = (size_t)4096 << rng_below(&rng, 10);
        if (b->p != NULL)
            check(b, number, true);
        if (b->p != NULL && rng_below(&rng, 3) != 0) {
            b->p = realloc(b->p, b->bytes = bytes);
            must(b->p != NULL);
            check(b, number, bytes == old);
        } else {
            free(b->p);
            b->bytes = bytes;
            b->p = rng_below(&rng, 4) != 0 ? malloc(bytes) : aligned_alloc(align, bytes);
            must(b->p != NULL);
        }
        mark(b, number);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i].p);
    return NULL;
}

START_TEST(threads_share_what_is_kept)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    size_t live = mallinfo2().hblkhd;
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(mallinfo2().hblkhd, live);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("malloc_mappings");
    TCase *tc = tcase_create("mappings");
    tcase_add_test(tc, a_mapping_serves_again);
    tcase_add_test(tc, mappings_of_several_sizes_serve_again);
    tcase_add_test(tc, a_mapping_grows_into_what_is_kept);
    tcase_add_test(tc, calloc_gives_zeroes_in_what_is_kept);
    tcase_add_test(tc, mappings_that_were_joined_grow);
    tcase_add_loop_test(tc, what_is_kept_raises_no_peak, 0, 2);
    tcase_add_test(tc, what_is_kept_goes_in_time);
    tcase_add_test(tc, trim_gives_back_what_is_kept);
    tcase_add_test(tc, what_is_kept_goes_where_addresses_are_short);
    tcase_add_test(tc, threads_share_what_is_kept);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
