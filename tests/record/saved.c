/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints how many objects there were. A thread is interrupted by a handler, mostly in the middle of
 * a record, and another thread saves all. Between the checksum and the write the handler returns,
 * and the record goes on by so many instructions, in each round by another number; it ends when all
 * is written. The recorder's system calls and its masks of signals come by here. With any_malloc.c,
 * and linked with -rdynamic.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 200, STEPS = 50, LOOKS = 10000, BUSY = 2000 };
enum { RUNNING, IN_HANDLER, GO_ON, STOPPED };
static atomic_int state = RUNNING;
static atomic_bool saving, ends;
static int steps; /* that are left */
static unsigned long objects;

static void look_again(void)
{
    nanosleep(&(struct timespec){0, 10000}, NULL);
}

/* At most for a while, as who is waited for may wait for the file. */
static void await(int wanted)
{
    for (int i = 0; i < LOOKS && atomic_load(&state) != wanted; i++)
        look_again();
}

long syscall(long number, ...)
{
    static long (*next)(long, ...);
    va_list rest;
    long a[6];
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    if (next == NULL)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_writev && atomic_exchange(&saving, 0)) {
        atomic_store(&state, GO_ON);
        await(STOPPED);
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* A step that cannot be told would end the program. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
    sigset_t without;
    if (set != NULL) {
        without = *set;
        sigdelset(&without, SIGTRAP);
    }
    return sigprocmask(how, set != NULL ? &without : NULL, before);
}

static void use(size_t size)
{
    free(malloc(size));
}

/* Steps: the processor's flag for a trap behind each instruction. */
static void step(void *context, int on)
{
#ifdef __x86_64__
    greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
    *flags = on ? *flags | 0x100 : *flags & ~0x100;
#else
    (void)context;
    atomic_store(&state, on ? STOPPED : RUNNING);
#endif
}

static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    if (--steps > 0)
        return;
    atomic_store(&state, STOPPED);
    while (atomic_load(&state) == STOPPED)
        look_again();
    step(context, 0);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    use(1003);
    atomic_store(&state, IN_HANDLER);
    while (atomic_load(&state) == IN_HANDLER)
        look_again();
    if (atomic_load(&state) == GO_ON)
        step(context, 1);
}

static void *work(void *nothing)
{
    while (!atomic_load(&ends)) {
        for (int i = 0; i < BUSY; i++)
            use(1001);
        objects += BUSY;
        look_again();
    }
    return nothing;
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO, .sa_sigaction = on_signal};
    struct sigaction trap = {.sa_flags = SA_SIGINFO, .sa_sigaction = on_step};
    char *const nothing[] = {NULL};
    pthread_t thread;
    sigaddset(&trap.sa_mask, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTRAP, &trap, NULL);
    pthread_create(&thread, NULL, work, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        steps = 1 + i % STEPS;
        pthread_kill(thread, SIGUSR1);
        await(IN_HANDLER);
        atomic_store(&saving, 1);
        execve("/nonexistent", nothing, nothing);
        atomic_store(&saving, 0);
        atomic_store(&state, RUNNING);
        look_again();
    }
    atomic_store(&ends, 1);
    pthread_join(thread, NULL);
    printf("%lu\n", objects);
    return 0;
}
