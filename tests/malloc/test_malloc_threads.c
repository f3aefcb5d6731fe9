/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of a program on the malloc library: more of them than CPU ids, ids that are handed on,
 * frees of others' objects, calls at a thread's end, forks and signals in the middle.
 */
#include "preloaded.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { IDS = 4, THREADS = 3 * IDS, SLOTS = 500 };

/* An object filled with a number that is its own. */
struct object {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static void make(struct object *o, struct rng *rng)
{
    static const size_t limits[] = {64, 64, 2048, 2048, 40000, 1500000};
    size_t which = rng_below(rng, 60);
    o->size = rng_between(rng, 1, limits[which < 5 ? which : which < 59 ? 2 : 5]);
    o->mark = (unsigned char)rng_next(rng);
    o->bytes = malloc(o->size);
    must(o->bytes != NULL);
    o->bytes[0] = o->bytes[o->size - 1] = o->mark;
}

static void unmake(struct object *o)
{
    must(o->bytes[0] == o->mark && o->bytes[o->size - 1] == o->mark);
    free(o->bytes);
    o->bytes = NULL;
}

/* A table of objects that all threads take from and put into. */
static struct object exchange[64];
static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;

static void swap_with_others(struct object *o, size_t at)
{
    pthread_mutex_lock(&exchange_lock);
    struct object other = exchange[at];
    exchange[at] = *o;
    *o = other;
    pthread_mutex_unlock(&exchange_lock);
}

static void churn(struct rng *rng, size_t steps)
{
    static __thread struct object mine[SLOTS];
    memset(mine, 0, sizeof(mine));
    for (size_t i = 0; i < steps; i++) {
        struct object *o = &mine[rng_below(rng, SLOTS)];
        if (o->bytes != NULL)
            unmake(o);
        make(o, rng);
        if (i % 8 == 0)
            swap_with_others(o, rng_below(rng, 64));
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (mine[i].bytes != NULL)
            unmake(&mine[i]);
    }
}

static void empty_exchange(void)
{
    for (size_t i = 0; i < 64; i++) {
        if (exchange[i].bytes != NULL)
            unmake(&exchange[i]);
    }
}

static void *churn_thread(void *arg)
{
    struct rng rng = {(uintptr_t)arg};
    churn(&rng, scaled(20000));
    return NULL;
}

static size_t live_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void start_all(pthread_t *threads, size_t n, void *(*run)(void *), struct rng *rng)
{
    for (size_t i = 0; i < n; i++)
        must(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)(rng_next(rng) | 1)) == 0);
}

static void join_all(const pthread_t *threads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        must(pthread_join(threads[i], NULL) == 0);
}

START_TEST(more_threads_than_ids)
{
    struct rng rng = rng_for("more_threads_than_ids");
    pthread_t threads[THREADS];
    start_all(threads, 1, churn_thread, &rng); /* what the C library keeps for later threads */
    join_all(threads, 1);
    empty_exchange();
    size_t before = live_bytes();
    for (unsigned round = 0; round < 3; round++) {
        start_all(threads, THREADS, churn_thread, &rng);
        join_all(threads, THREADS);
    }
    empty_exchange();
    ck_assert_uint_le(live_bytes(), before + 4096 * THREADS); /* the C library's own */
}
END_TEST

static void *allocate_and_end(void *arg)
{
    (void)arg;
    return malloc(3000);
}

START_TEST(ids_are_handed_on)
{
    /* Without their ids back, and what they had cached, these would fill a heap. */
    size_t before = 0;
    for (size_t i = 0; i < scaled(2000); i++) {
        pthread_t thread;
        void *p;
        must(pthread_create(&thread, NULL, allocate_and_end, NULL) == 0);
        must(pthread_join(thread, &p) == 0 && p != NULL);
        free(p);
        if (i == 100)
            before = live_bytes();
    }
    ck_assert_uint_le(live_bytes(), before + 10000);
}
END_TEST

/* Key destructors that allocate and free until there are no more rounds. */
static pthread_key_t late_key;
static unsigned late_rounds;

static void allocate_late(void *p)
{
    free(p);
    late_rounds++;
    pthread_setspecific(late_key, malloc(100 + late_rounds));
}

static void *end_late(void *arg)
{
    (void)arg;
    pthread_setspecific(late_key, malloc(100));
    return NULL;
}

START_TEST(destructors_may_call)
{
    pthread_t thread;
    must(pthread_key_create(&late_key, allocate_late) == 0);
    for (unsigned i = 0; i < 3 * IDS; i++) {
        must(pthread_create(&thread, NULL, end_late, NULL) == 0);
        must(pthread_join(thread, NULL) == 0);
    }
    ck_assert_uint_ge(late_rounds, 3 * IDS * 4);
    pthread_key_delete(late_key);
    /* The ids came back, or the shared one would serve all: either way all works. */
    struct rng rng = rng_for("destructors_may_call");
    churn(&rng, 1000);
    empty_exchange();
}
END_TEST

/* Forks in the middle. */

static volatile bool stop;

static void *churn_until_stopped(void *arg)
{
    struct rng rng = {(uintptr_t)arg};
    while (!stop)
        churn(&rng, 200);
    return NULL;
}

/* In the child: one thread, then several, on a heap that others were using. */
static void work_in_child(struct rng *rng)
{
    pthread_t threads[IDS + 2];
    pthread_mutex_init(&exchange_lock, NULL); /* another thread's, who is not here */
    memset(exchange, 0, sizeof(exchange));
    churn(rng, 500);
    stop = true;
    start_all(threads, IDS + 2, churn_thread, rng);
    join_all(threads, IDS + 2);
    empty_exchange();
    malloc_trim(0);
    _exit(mallinfo2().arena != 0 ? 33 : 1);
}

/* The handlers of others allocate: those registered before the library's run where it is stopped.
 */
static void *from_handler;
static void handler_allocates(void)
{
    free(from_handler);
    from_handler = malloc(700);
    must(from_handler != NULL);
}

START_TEST(forks_among_threads)
{
    struct rng rng = rng_for("forks_among_threads");
    pthread_t threads[IDS + 2];
    pthread_atfork(handler_allocates, handler_allocates, handler_allocates);
    stop = false;
    start_all(threads, IDS + 2, churn_until_stopped, &rng);
    for (size_t i = 0; i < scaled(30); i++) {
        int status;
        pid_t child = fork();
        must(child >= 0);
        if (child == 0) {
            setenv("BSA_TEST_SCALE", "0", 1);
            alarm(100);
            work_in_child(&rng);
        }
        must(waitpid(child, &status, 0) == child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 33, "child %zu: status %x", i,
                      (unsigned)status);
        malloc_trim(0);
    }
    stop = true;
    join_all(threads, IDS + 2);
    empty_exchange();
}
END_TEST

/* Signals in the middle. */

enum { HANDLED = 40 };
static struct object handled[HANDLED];
static struct rng handler_rng = {1};
static volatile size_t interrupts;

static void on_alarm(int signal)
{
    (void)signal;
    int saved = errno;
    for (unsigned i = 0; i < 4; i++) {
        struct object *o = &handled[rng_below(&handler_rng, HANDLED)];
        if (o->bytes != NULL && interrupts % 3 != 0) {
            must(o->bytes[0] == o->mark && o->bytes[o->size - 1] == o->mark);
            o->bytes = realloc(o->bytes, o->size);
            must(o->bytes != NULL && o->bytes[0] == o->mark && o->bytes[o->size - 1] == o->mark);
        }
        if (o->bytes != NULL)
            unmake(o);
        make(o, &handler_rng);
    }
    interrupts++;
    errno = saved;
}

static void interrupted_churn(size_t wanted, size_t steps)
{
    struct rng rng = rng_for("interrupted_churn");
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    signal(SIGPROF, on_alarm);
    interrupts = 0;
    setitimer(ITIMER_PROF, &often, NULL);
    while (interrupts < wanted)
        churn(&rng, steps);
    setitimer(ITIMER_PROF, &never, NULL);
    signal(SIGPROF, SIG_IGN);
    for (unsigned i = 0; i < HANDLED; i++) {
        if (handled[i].bytes != NULL)
            unmake(&handled[i]);
    }
    empty_exchange();
}

START_TEST(signal_handlers_may_call)
{
    free(used(malloc(10)));
    size_t before = live_bytes();
    interrupted_churn(scaled(300), 5000);
    free(used(malloc(10))); /* what waited is freed now */
    ck_assert_uint_le(live_bytes(), before + 4096);
}
END_TEST

/* The same on a thread that shares a CPU. */
static void *sit(void *arg)
{
    free(used(malloc(10)));
    pthread_barrier_wait(arg);
    pthread_barrier_wait(arg);
    return NULL;
}

static void *interrupted_thread(void *arg)
{
    (void)arg;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    interrupted_churn(scaled(300), 5000);
    return NULL;
}

START_TEST(signal_handlers_may_call_where_a_cpu_is_shared)
{
    pthread_t sitting[IDS], interrupted;
    pthread_barrier_t barrier;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_barrier_init(&barrier, NULL, IDS + 1);
    for (unsigned i = 0; i < IDS; i++)
        must(pthread_create(&sitting[i], NULL, sit, &barrier) == 0);
    pthread_barrier_wait(&barrier); /* all ids are taken now */
    must(pthread_create(&interrupted, NULL, interrupted_thread, NULL) == 0);
    must(pthread_join(interrupted, NULL) == 0);
    pthread_barrier_wait(&barrier);
    join_all(sitting, IDS);
}
END_TEST

#if defined(__x86_64__)
/* A handler that calls between any two instructions. It leaves the fast paths, as these look at
 * nothing that another call may have left half done. */
static size_t traps;

static void on_trap(int signal)
{
    (void)signal;
    int saved = errno;
    free(used(malloc(300000)));
    traps++;
    errno = saved;
}

START_TEST(signal_handlers_may_call_between_any_two_instructions)
{
    static const size_t sizes[] = {24, 6000, 40000, 400000, 40 << 20};
    signal(SIGTRAP, on_trap);
    for (unsigned i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        free(used(malloc(24)));
        step(true);
        free(used(malloc(sizes[i / 2])));
        step(false);
    }
    signal(SIGTRAP, SIG_DFL);
    ck_assert_uint_gt(traps, 1000);
}
END_TEST

/* What a handler frees inside a thread's last call. */
enum { WAITING = 300 };
static void *volatile waiting[WAITING];

static void on_trap_free(int signal)
{
    (void)signal;
    for (size_t i = 0; i < WAITING; i++) {
        if (waiting[i] != NULL) {
            free(waiting[i]);
            waiting[i] = NULL;
            return;
        }
    }
}

static void *step_through_a_call(void *arg)
{
    (void)arg;
    free(used(malloc(10)));
    step(true);
    void *p = used(malloc(400000));
    step(false);
    return p;
}

START_TEST(what_waits_at_a_threads_end_is_freed)
{
    size_t before = 0;
    signal(SIGTRAP, on_trap_free);
    for (unsigned round = 0; round < 2; round++) {
        pthread_t thread;
        void *p;
        for (size_t i = 0; i < WAITING; i++)
            waiting[i] = malloc(100);
        must(pthread_create(&thread, NULL, step_through_a_call, NULL) == 0);
        must(pthread_join(thread, &p) == 0);
        free(p);
        for (size_t i = 0; i < WAITING; i++)
            free(waiting[i]);
        if (round == 0)
            before = live_bytes();
    }
    ck_assert_uint_le(live_bytes(), before + 4096);
    signal(SIGTRAP, SIG_DFL);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    (void)argc;
    run_with(argv, "BSA_MALLOC_THREADS", "4");
    Suite *suite = suite_create("malloc_threads");
    TCase *tc = tcase_create("threads");
    tcase_add_test(tc, more_threads_than_ids);
    tcase_add_test(tc, ids_are_handed_on);
    tcase_add_test(tc, destructors_may_call);
    tcase_add_test(tc, forks_among_threads);
    tcase_add_test(tc, signal_handlers_may_call);
    tcase_add_test(tc, signal_handlers_may_call_where_a_cpu_is_shared);
#if defined(__x86_64__)
    tcase_add_test(tc, signal_handlers_may_call_between_any_two_instructions);
    tcase_add_test(tc, what_waits_at_a_threads_end_is_freed);
#endif
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
