/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU ids of a program on the malloc library that threads do not return as they should, or that
 * have no memory.
 */
#include "preloaded.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { IDS = 4 };

static bool ids_to_be_had(void)
{
    return strcmp(getenv("BSA_MALLOC_THREADS"), "0") != 0;
}

/* Lists through the objects. */
static void *put(void *p, void *pile)
{
    *(void **)p = pile;
    return p;
}

static void free_pile(void *pile)
{
    while (pile != NULL) {
        void *p = pile;
        pile = *(void **)p;
        free(p);
    }
}

/* A forked child's last act: all of the heap still works. */
static _Noreturn void end_well(void)
{
    malloc_trim(0);
    _exit(mallinfo2().arena != 0 ? 33 : 1);
}

static void ends_well(pid_t child)
{
    int status;
    must(child >= 0);
    must(waitpid(child, &status, 0) == child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 33, "status %x", (unsigned)status);
}

static pthread_key_t late_key;

/* A thread that calls by key destructors only, from a certain round of them on. */
static unsigned first_round;

static void free_in_a_round(void *p)
{
    static __thread unsigned round;
    if (++round < first_round)
        pthread_setspecific(late_key, p);
    else
        free(p);
}

static void *carry(void *p)
{
    pthread_setspecific(late_key, p);
    return NULL;
}

/* Threads that do so, and whose memory is gone when they are. */
static void run_and_unmap(void *(*run)(void *), void *arg)
{
    size_t bytes = (size_t)1 << 18;
    pthread_attr_t attributes;
    pthread_t thread;
    void *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(pthread_attr_init(&attributes) == 0);
    must(stack != MAP_FAILED && pthread_attr_setstack(&attributes, stack, bytes) == 0);
    must(pthread_create(&thread, &attributes, run, arg) == 0);
    must(pthread_join(thread, NULL) == 0);
    must(munmap(stack, bytes) == 0);
}

static void run_from_a_round(unsigned round)
{
    first_round = round;
    free(used(malloc(10)));
    must(pthread_key_create(&late_key, free_in_a_round) == 0);
    for (unsigned i = 0; i < 3 * IDS; i++)
        run_and_unmap(carry, malloc(10));
    pthread_key_delete(late_key);
}

START_TEST(a_threads_first_call_may_be_a_destructors)
{
    run_from_a_round((unsigned)_i);
    malloc_trim(0); /* it looks at no thread that has gone */
    run_from_a_round((unsigned)_i);
    pid_t child = fork(); /* neither does this */
    if (child == 0)
        end_well();
    ends_well(child);
}
END_TEST

/* What one thread has freed another one is given only where they share a CPU: next, or after all
 * that is free where it is of another CPU's slab. */
enum { OBJECTS = 3000 };
static pthread_barrier_t start, turns;
static void *freed_by_the_first, *given_to_the_second;

static void *first_of_two(void *arg)
{
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < 2 * IDS; i++) /* threads that have gone are looked for in turn */
        free(used(malloc(100)));
    pthread_barrier_wait(&turns);
    free(freed_by_the_first = used(malloc(48)));
    pthread_barrier_wait(&turns);
    pthread_barrier_wait(&turns);
    return arg;
}

static void *second_of_two(void *arg)
{
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < 2 * IDS; i++)
        free(used(malloc(100)));
    pthread_barrier_wait(&turns);
    pthread_barrier_wait(&turns);
    void *p, *pile = NULL;
    for (unsigned i = 0; i < OBJECTS && (p = malloc(48)) != NULL; i++) {
        pile = put(p, pile);
        if ((given_to_the_second = p) == freed_by_the_first)
            break;
    }
    free_pile(pile);
    pthread_barrier_wait(&turns);
    return arg;
}

static void make_two(pthread_t *threads)
{
    must(pthread_barrier_init(&start, NULL, 3) == 0 && pthread_barrier_init(&turns, NULL, 2) == 0);
    must(pthread_create(&threads[0], NULL, first_of_two, NULL) == 0);
    must(pthread_create(&threads[1], NULL, second_of_two, NULL) == 0);
}

static bool they_share_a_cpu(const pthread_t *threads)
{
    pthread_barrier_wait(&start);
    must(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
    return freed_by_the_first == given_to_the_second;
}

static bool two_threads_share_a_cpu(void)
{
    pthread_t threads[2];
    make_two(threads);
    return they_share_a_cpu(threads);
}

START_TEST(the_ids_of_such_threads_are_handed_on)
{
    run_from_a_round((unsigned)_i);
    ck_assert_int_eq(two_threads_share_a_cpu(), !ids_to_be_had());
}
END_TEST

#if defined(__x86_64__)
/* Threads that end in the middle of a call. */

enum way { BY_EXIT, BY_JUMP, WHILE_OTHERS_ARE_STOPPED, WAYS };
static enum way way;
static unsigned last_step; /* how many instructions in the call it takes */
static __thread sigjmp_buf before_call;
static volatile bool in_call, stopping;
static volatile pid_t tid;

static void end_in_call(int signal)
{
    static __thread unsigned steps;
    (void)signal;
    void *p = malloc(24);
    bool inside = malloc_usable_size(p) == 4096; /* from the emergency store */
    free(p);
    if (!inside || ++steps < last_step)
        return;
    if (way == BY_JUMP)
        siglongjmp(before_call, 1);
    if (way == WHILE_OTHERS_ARE_STOPPED) {
        in_call = true;
        while (!stopping)
            sched_yield();
        for (unsigned i = 0; i < 1000; i++) /* mostly that thread waits for this one by then */
            sched_yield();
    }
    syscall(SYS_exit, 0);
}

static void *end_early(void *arg)
{
    free(used(malloc(24)));
    tid = (pid_t)syscall(SYS_gettid);
    if (sigsetjmp(before_call, 1) == 0) {
        step(true);
        free(used(malloc(24)));
        step(false);
        _exit(2);
    }
    return arg;
}

static void stops(void)
{
    stopping = true;
}

static _Noreturn void lose_ids(void)
{
    alarm(100);
    signal(SIGTRAP, end_in_call);
    if (way == WHILE_OTHERS_ARE_STOPPED)
        must(pthread_atfork(stops, NULL, NULL) == 0);
    for (last_step = 1; last_step < IDS; last_step++) { /* this thread has an id, too */
        pthread_t thread;
        tid = 0;
        in_call = stopping = false;
        must(pthread_create(&thread, NULL, end_early, NULL) == 0);
        if (way == WHILE_OTHERS_ARE_STOPPED) {
            while (!in_call)
                sched_yield();
            pid_t child = fork();
            if (child == 0)
                end_well();
            ends_well(child);
        }
        while (tid == 0 || syscall(SYS_tgkill, getpid(), tid, 0) == 0)
            sched_yield();
    }
    must(two_threads_share_a_cpu()); /* there is no id left */
    end_well();
}

/* A handler that interrupts a call forks, when nobody can be stopped. */
static volatile bool forked;
static volatile pid_t forked_child;

static void fork_in_call(int signal)
{
    (void)signal;
    void *p = malloc(24);
    bool inside = malloc_usable_size(p) == 4096;
    free(p);
    if (!inside || forked)
        return;
    forked = true;
    forked_child = fork();
}

static _Noreturn void fork_from_a_call(void)
{
    alarm(100);
    free(used(malloc(24)));
    signal(SIGTRAP, fork_in_call);
    step(true);
    free(used(malloc(24)));
    step(false);
    must(forked);
    if (forked_child == 0) { /* it stops threads now, and forks again */
        pid_t child = fork();
        if (child == 0)
            end_well();
        ends_well(child);
        end_well();
    }
    ends_well(forked_child);
    end_well();
}

START_TEST(a_handler_in_a_call_forks)
{
    pid_t child = fork();
    if (child == 0)
        fork_from_a_call();
    ends_well(child);
}
END_TEST

START_TEST(ids_of_threads_that_end_in_a_call_are_lost)
{
    if (!ids_to_be_had())
        return; /* they would take with them what all share */
    way = (enum way)_i;
    pid_t child = fork();
    if (child == 0)
        lose_ids();
    ends_well(child);
}
END_TEST
#endif

/* Ids without memory. */

enum { MANY = 24, GROWTH = 2000 };

static void *sit(void *barrier)
{
    free(used(malloc(10)));
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    return NULL;
}

/* In a small heap, where more ids may be had than CPUs have memory. */
static int starve(void)
{
    static pthread_t sitting[MANY];
    static void *memory[GROWTH];
    pthread_barrier_t barrier;
    alarm(100);
    must(pthread_barrier_init(&barrier, NULL, MANY + 1) == 0);
    for (unsigned i = 0; i < MANY; i++)
        must(pthread_create(&sitting[i], NULL, sit, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    must(two_threads_share_a_cpu());
    for (unsigned i = 0; i < GROWTH; i++)
        must((memory[i] = malloc(7000)) != NULL);
    must(!two_threads_share_a_cpu()); /* the heap has grown */
    for (unsigned i = 0; i < GROWTH; i++)
        free(memory[i]);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < MANY; i++)
        must(pthread_join(sitting[i], NULL) == 0);
    end_well();
}

/* There, too, threads may go without returning their ids. */
static int starve_and_go(void)
{
    alarm(100);
    free(used(malloc(10)));
    first_round = PTHREAD_DESTRUCTOR_ITERATIONS;
    must(pthread_key_create(&late_key, free_in_a_round) == 0);
    for (unsigned i = 0; i < MANY; i++)
        run_and_unmap(carry, malloc(10));
    must(!two_threads_share_a_cpu());
    end_well();
}

/* Ids that found no memory for their CPUs while the program had all of it: more than have room of
 * their own in the region. */
enum { SITTING = 62 };

/* Takes all memory but for objects of the sizes that the two threads ask for. */
static void *take_all(void)
{
    static void *objects[2][OBJECTS];
    void *p, *pile = NULL;
    for (unsigned i = 0; i < OBJECTS; i++) {
        must((objects[0][i] = malloc(48)) != NULL);
        must((objects[1][i] = malloc(100)) != NULL);
    }
    for (unsigned i = 1; i < OBJECTS; i += 2) { /* no slab becomes empty */
        free(objects[0][i]);
        free(objects[1][i]);
    }
    malloc_trim(0); /* they are anybody's */
    for (size_t bytes = 1 << 18; bytes >= 512; bytes /= 2) {
        while ((p = malloc(bytes)) != NULL)
            pile = put(p, pile);
    }
    return pile;
}

static int starve_for_a_while(void)
{
    static pthread_t sitting[SITTING];
    struct rlimit limit;
    pthread_barrier_t barrier;
    pthread_t two[2];
    alarm(100);
    must(pthread_barrier_init(&barrier, NULL, SITTING + 1) == 0);
    for (unsigned i = 0; i < SITTING; i++)
        must(pthread_create(&sitting[i], NULL, sit, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    make_two(two);
    must(getrlimit(RLIMIT_AS, &limit) == 0);
    must(setrlimit(RLIMIT_AS, &(struct rlimit){0, limit.rlim_max}) == 0); /* no other region */
    void *memory = take_all();
    must(they_share_a_cpu(two));
    must(setrlimit(RLIMIT_AS, &limit) == 0);
    free_pile(memory);
    must(!two_threads_share_a_cpu());
    end_well();
}

/* The program again, in a heap of its own. */
static void runs_well(const char *what, const char *threads, const char *region)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("BSA_MALLOC_THREADS", threads, 1);
        setenv("BSA_MALLOC_REGION", region, 1);
        execl("/proc/self/exe", "test_malloc_ids", what, (char *)NULL);
        _exit(127);
    }
    ends_well(child);
}

START_TEST(ids_without_memory_are_passed_over)
{
    runs_well("starve", "31", "4M");
}
END_TEST

START_TEST(ids_of_threads_that_have_gone_are_found_where_others_have_no_memory)
{
    runs_well("go", "31", "4M");
}
END_TEST

START_TEST(ids_get_memory_when_there_is_some_again)
{
    runs_well("starve-for-a-while", "255", "32M");
}
END_TEST

int main(int argc, char **argv)
{
    run_with(argv, "BSA_MALLOC_THREADS", "4");
    if (argc == 2 && strcmp(argv[1], "starve") == 0)
        return starve();
    if (argc == 2 && strcmp(argv[1], "go") == 0)
        return starve_and_go();
    if (argc == 2 && strcmp(argv[1], "starve-for-a-while") == 0)
        return starve_for_a_while();
    Suite *suite = suite_create("malloc_ids");
    TCase *tc = tcase_create("ids");
    tcase_add_loop_test(tc, a_threads_first_call_may_be_a_destructors, 1, 5);
    tcase_add_loop_test(tc, the_ids_of_such_threads_are_handed_on, 1, 5);
#if defined(__x86_64__)
    tcase_add_loop_test(tc, ids_of_threads_that_end_in_a_call_are_lost, 0, WAYS);
    tcase_add_test(tc, a_handler_in_a_call_forks);
#endif
    tcase_add_test(tc, ids_without_memory_are_passed_over);
    tcase_add_test(tc, ids_of_threads_that_have_gone_are_found_where_others_have_no_memory);
    tcase_add_test(tc, ids_get_memory_when_there_is_some_again);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
