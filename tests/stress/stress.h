/* SPDX-License-Identifier: Apache-2.0 */
/* What the random and the threaded tests share: CPU ids, contents that can be checked, threads. */
#ifndef BSA_TESTS_STRESS_H
#define BSA_TESTS_STRESS_H

#include <buddyslab.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#ifndef BSA_CHECKS
#define BSA_CHECKS 0
#endif

#if defined(__SANITIZE_THREAD__)
#define SANITIZED_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREADS 1
#endif
#endif
#ifndef SANITIZED_THREADS
#define SANITIZED_THREADS 0
#endif

/* n times the scale; a part of it where each operation costs many times as much. */
static inline size_t fewer_sanitized(size_t n, size_t part)
{
    return scaled(SANITIZED_THREADS ? n / part : n);
}

/* The CPU that the calling thread takes itself for. */
static _Thread_local unsigned this_cpu;

static inline unsigned hook_cpu_id(void *ctx)
{
    (void)ctx;
    return this_cpu;
}

static inline void hook_relax(void *ctx)
{
    (void)ctx;
    sched_yield();
}

/* The address of a thread's own variable tells threads apart. */
static inline uintptr_t hook_context_id(void *ctx)
{
    (void)ctx;
    return (uintptr_t)&this_cpu;
}

static inline void hook_log(void *ctx, int level, const char *message)
{
    (void)ctx;
    printf("# %s: %s\n", level == BSA_LOG_ERROR ? "error" : "note", message);
    fflush(stdout);
}

/* No thread test misuses anything: a fault is the library's mistake, and ends the test where it is.
 */
static inline void hook_fault_abort(void *ctx, enum bsa_status status, const void *addr,
                                    const char *what)
{
    (void)ctx;
    printf("# fault: %s (%s) at %p\n", what, bsa_strerror(status), addr);
    fflush(stdout);
    abort();
}

static inline struct bsa_platform stress_platform(void)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.cpu_id = hook_cpu_id;
    platform.relax = hook_relax;
    platform.context_id = hook_context_id;
    platform.log = hook_log;
    platform.fault = hook_fault_abort;
    return platform;
}

/* Contents that follow from the address and a serial number: the whole of a small object; the ends
 * and one word of each 512 bytes of a large one. */
static inline uint64_t stamp_at(const unsigned char *at, uint64_t serial)
{
    return ((uint64_t)(uintptr_t)at ^ serial) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline size_t stamp_step(size_t bytes, size_t at)
{
    return bytes <= 512 || at + 16 >= bytes ? 8 : at + 520 < bytes ? 512 : bytes - 8 - at;
}

static inline void stamp(void *p, size_t bytes, uint64_t serial)
{
    unsigned char *base = p;
    size_t at = 0;
    for (; at + 8 <= bytes; at += stamp_step(bytes, at)) {
        uint64_t value = stamp_at(base + at, serial);
        __builtin_memcpy(base + at, &value, 8);
    }
    for (; bytes < 8 && at < bytes; at++)
        base[at] = (unsigned char)(stamp_at(base, serial) >> (8 * at));
}

static inline bool stamp_is_whole(const void *p, size_t bytes, uint64_t serial)
{
    const unsigned char *base = p;
    size_t at = 0;
    for (; at + 8 <= bytes; at += stamp_step(bytes, at)) {
        uint64_t value;
        __builtin_memcpy(&value, base + at, 8);
        if (value != stamp_at(base + at, serial))
            return false;
    }
    for (; bytes < 8 && at < bytes; at++) {
        if (base[at] != (unsigned char)(stamp_at(base, serial) >> (8 * at)))
            return false;
    }
    return true;
}

/* Threads, which start together. */
struct crew {
    pthread_t threads[16];
    unsigned count;
    pthread_barrier_t start;
};

struct crew_member {
    struct crew *crew;
    unsigned number;
    void (*work)(void *job, unsigned number);
    void *job;
};

static inline void *crew_main(void *arg)
{
    struct crew_member member = *(struct crew_member *)arg;
    free(arg);
    this_cpu = member.number;
    pthread_barrier_wait(&member.crew->start);
    member.work(member.job, member.number);
    return NULL;
}

/* Runs work(job, 0 .. count - 1), each in a thread of its own that begins as the CPU of its number.
 */
static inline void crew_run(unsigned count, void (*work)(void *job, unsigned number), void *job)
{
    struct crew crew = {.count = count};
    ck_assert_uint_le(count, 16);
    pthread_barrier_init(&crew.start, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        struct crew_member *member = malloc(sizeof(*member));
        ck_assert_ptr_nonnull(member);
        *member = (struct crew_member){&crew, i, work, job};
        ck_assert_int_eq(pthread_create(&crew.threads[i], NULL, crew_main, member), 0);
    }
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_join(crew.threads[i], NULL), 0);
    pthread_barrier_destroy(&crew.start);
}

/* libcheck's own macros leave a mark on each call, which costs more than what is tested here. */
#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s does not hold", #condition);                                          \
    } while (0)
#define expect_eq(a, b)                                                                            \
    do {                                                                                           \
        size_t expect_a = (size_t)(a), expect_b = (size_t)(b);                                     \
        if (expect_a != expect_b)                                                                  \
            ck_abort_msg("%s is %zu, %s is %zu", #a, expect_a, #b, expect_b);                      \
    } while (0)
#define expect_status(call, status)                                                                \
    do {                                                                                           \
        enum bsa_status expect_got = (call);                                                       \
        if (expect_got != (status))                                                                \
            ck_abort_msg("%s: got \"%s\", expected \"%s\"", #call, bsa_strerror(expect_got),       \
                         bsa_strerror(status));                                                    \
    } while (0)

/* The same in every thread of a test: libcheck's macros are for its main thread. */
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# %s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                 \
            fflush(stdout);                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A stream for each thread of a test. */
static inline struct rng rng_of(const char *test, unsigned number)
{
    struct rng rng = rng_for(test);
    rng.state += number * UINT64_C(0x9e3779b97f4a7c15);
    rng_next(&rng);
    rng_next(&rng);
    return rng;
}

#endif
