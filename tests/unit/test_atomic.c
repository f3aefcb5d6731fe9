/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base layer: bits, checked arithmetic, sized structs, and locks, whose order and re-entry are
 * checked where checks are compiled in.
 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <sched.h>

#include "base/arith.h"
#include "base/lock.h"

START_TEST(bits)
{
    struct rng rng = rng_for("bits");
    for (unsigned i = 0; i < 64; i++) {
        uint64_t one = UINT64_C(1) << i;
        ck_assert_uint_eq(bsai_ctz64(one), i);
        ck_assert_uint_eq(bsai_clz64(one), 63 - i);
        ck_assert_uint_eq(bsai_popcount64(one - 1), i);
        ck_assert_uint_eq(bsai_ctz64(one | UINT64_C(1) << 63), i);
        ck_assert_uint_eq(bsai_clz64(one | 1), i == 0 ? 63 : 63 - i);
    }
    for (unsigned i = 0; i < 32; i++) {
        ck_assert_uint_eq(bsai_ctz32(UINT32_C(1) << i), i);
        ck_assert_uint_eq(bsai_clz32(UINT32_C(1) << i), 31 - i);
    }
    ck_assert_uint_eq(bsai_popcount64(~UINT64_C(0)), 64);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&rng) >> rng_below(&rng, 64), count = 0;
        for (unsigned bit = 0; bit < 64; bit++)
            count += x >> bit & 1;
        ck_assert_uint_eq(bsai_popcount64(x), count);
    }
    for (size_t x = 1; x < 5000; x++) {
        unsigned low = 0;
        while ((size_t)2 << low <= x)
            low++;
        ck_assert_uint_eq(bsai_log2(x), low);
        ck_assert_uint_eq(bsai_log2_up(x), (size_t)1 << low == x ? low : low + 1);
        ck_assert(bsai_is_pow2(x) == ((size_t)1 << low == x));
    }
    ck_assert(!bsai_is_pow2(0));
    ck_assert_uint_eq(bsai_log2(SIZE_MAX), sizeof(size_t) * 8 - 1);
    ck_assert_uint_eq(bsai_log2_up(SIZE_MAX), sizeof(size_t) * 8);
}
END_TEST

START_TEST(checked_arithmetic)
{
    size_t x;
    ck_assert(bsai_add(SIZE_MAX - 1, 1, &x));
    ck_assert_uint_eq(x, SIZE_MAX);
    ck_assert(!bsai_add(SIZE_MAX, 1, &x));
    ck_assert(bsai_mul(SIZE_MAX / 2, 2, &x));
    ck_assert_uint_eq(x, SIZE_MAX - 1);
    ck_assert(!bsai_mul(SIZE_MAX / 2 + 1, 2, &x));
    ck_assert(bsai_round_up(4097, 4096, &x));
    ck_assert_uint_eq(x, 8192);
    ck_assert(bsai_round_up(0, 4096, &x));
    ck_assert_uint_eq(x, 0);
    ck_assert(bsai_round_up(SIZE_MAX - 4095, 4096, &x));
    ck_assert_uint_eq(x, SIZE_MAX - 4095);
    ck_assert(!bsai_round_up(SIZE_MAX - 4094, 4096, &x));
    ck_assert_uint_eq(bsai_align_up(65, 64), 128);
    ck_assert_uint_eq(bsai_align_up(64, 64), 64);
}
END_TEST

struct sized {
    size_t size;
    unsigned a, b;
};

START_TEST(sized_structs)
{
    struct sized from = {sizeof(from), 7, 9}, to = {1, 1, 1};
    ck_assert(bsai_copy_sized(&to, sizeof(to), &from, from.size));
    ck_assert_uint_eq(to.a + to.b, 16);
    /* An older, shorter one leaves zeros. */
    ck_assert(bsai_copy_sized(&to, sizeof(to), &from, offsetof(struct sized, b)));
    ck_assert_uint_eq(to.a, 7);
    ck_assert_uint_eq(to.b, 0);
    /* One without even a size is none. */
    ck_assert(!bsai_copy_sized(&to, sizeof(to), &from, sizeof(size_t) - 1));
    struct {
        struct sized first;
        unsigned char tail[3];
    } longer = {from, {0, 0, 0}};
    ck_assert(bsai_copy_sized(&to, sizeof(to), &longer, sizeof(to) + 3));
    longer.tail[2] = 1;
    ck_assert(!bsai_copy_sized(&to, sizeof(to), &longer, sizeof(to) + 3));
    ck_assert(bsai_copy_sized(&to, sizeof(to), &longer, sizeof(to) + 2));
}
END_TEST

/* Locks. */

static _Thread_local char self;

static uintptr_t hook_context_id(void *ctx)
{
    (void)ctx;
    return (uintptr_t)&self;
}

static unsigned relaxed;

static void hook_relax(void *ctx)
{
    (void)ctx;
    __atomic_fetch_add(&relaxed, 1, __ATOMIC_RELAXED);
    sched_yield();
}

static const struct bsa_platform platform = {
    .size = sizeof(platform), .relax = hook_relax, .context_id = hook_context_id};

static struct bsai_lock locks[3];
static size_t counted;

enum { TURNS = 20000 };

static void *count_up(void *unused)
{
    struct bsai_call call;
    (void)unused;
    for (unsigned i = 0; i < TURNS; i++) {
        bsai_call_begin(&call, &platform);
        bsai_lock_take(&locks[0], BSAI_RANK_CACHE, &call);
        counted++;
        bsai_lock_drop(&locks[0], BSAI_RANK_CACHE, &call);
    }
    return NULL;
}

START_TEST(locks_exclude)
{
    pthread_t threads[4];
    bsai_lock_init(&locks[0]);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(counted, 4 * TURNS);
}
END_TEST

static void *wait_for_it(void *unused)
{
    struct bsai_call call;
    (void)unused;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CPU, &call);
    bsai_lock_drop(&locks[0], BSAI_RANK_CPU, &call);
    return NULL;
}

/* Who waits calls the relax hook. */
START_TEST(waiting_relaxes)
{
    pthread_t thread;
    struct bsai_call call;
    bsai_call_begin(&call, &platform);
    bsai_lock_init(&locks[0]);
    bsai_lock_take(&locks[0], BSAI_RANK_CPU, &call);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_it, NULL), 0);
    while (__atomic_load_n(&relaxed, __ATOMIC_RELAXED) < 3)
        sched_yield();
    bsai_lock_drop(&locks[0], BSAI_RANK_CPU, &call);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(rising_ranks)
{
    struct bsai_call call;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CPU, &call);
    bsai_lock_take(&locks[1], BSAI_RANK_CACHE, &call);
    bsai_lock_also(&locks[2], BSAI_RANK_CACHE, &call);
    ck_assert(locks[0].word == 1 && locks[1].word == 1 && locks[2].word == 1);
    bsai_lock_drop(&locks[2], BSAI_RANK_CACHE, &call);
    bsai_lock_drop(&locks[1], BSAI_RANK_CACHE, &call);
    bsai_lock_drop(&locks[0], BSAI_RANK_CPU, &call);
    ck_assert(locks[0].word == 0 && locks[1].word == 0 && locks[2].word == 0);
    /* By the caller's word nobody else is here: no lock is taken. */
    call.unlocked = true;
    bsai_lock_take(&locks[0], BSAI_RANK_CPU, &call);
    bsai_lock_also(&locks[1], BSAI_RANK_CPU, &call);
    ck_assert(locks[0].word == 0 && locks[1].word == 0);
    bsai_lock_drop(&locks[0], BSAI_RANK_CPU, &call);
}
END_TEST

#if BSA_CHECKS >= 1
START_TEST(falling_rank_is_caught)
{
    struct bsai_call call;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_BUDDY, &call);
    bsai_lock_take(&locks[1], BSAI_RANK_CACHE, &call);
}
END_TEST

START_TEST(equal_rank_is_caught)
{
    struct bsai_call call;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CACHE, &call);
    bsai_lock_take(&locks[1], BSAI_RANK_CACHE, &call);
}
END_TEST

/* In another call, as an interrupt handler without the enter hook would. */
START_TEST(re_entry_is_caught)
{
    struct bsai_call call, inner;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CACHE, &call);
    bsai_call_begin(&inner, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CACHE, &inner);
}
END_TEST

START_TEST(leaving_with_a_lock_is_caught)
{
    struct bsai_call call;
    bsai_call_begin(&call, &platform);
    bsai_lock_take(&locks[0], BSAI_RANK_CACHE, &call);
    bsai_leave(&call);
}
END_TEST
#endif

START_TEST(every_status_has_a_text)
{
    for (int i = 0; i <= (int)BSA_ERR_NOT_FOUND + 1; i++) {
        const char *text = bsa_strerror((enum bsa_status)i);
        ck_assert_ptr_nonnull(text);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(text, bsa_strerror((enum bsa_status)j));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("arithmetic");
    tcase_add_test(tcase, bits);
    tcase_add_test(tcase, checked_arithmetic);
    tcase_add_test(tcase, sized_structs);
    tcase_add_test(tcase, every_status_has_a_text);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("locks");
    tcase_add_test(tcase, locks_exclude);
    tcase_add_test(tcase, waiting_relaxes);
    tcase_add_test(tcase, rising_ranks);
#if BSA_CHECKS >= 1
    tcase_add_test_raise_signal(tcase, falling_rank_is_caught, SIGILL);
    tcase_add_test_raise_signal(tcase, equal_rank_is_caught, SIGILL);
    tcase_add_test_raise_signal(tcase, re_entry_is_caught, SIGILL);
    tcase_add_test_raise_signal(tcase, leaving_with_a_lock_is_caught, SIGILL);
#endif
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
