/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers that interrupt each other and a thread, all of them in the recorder: a call that fails
 * before malloc, so that each one has a record. Prints how many there were.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

enum { SIGNALS = 500 };
static volatile sig_atomic_t signals;
static volatile unsigned long alarms, others, calls;

static void fail(void)
{
    if (reallocarray(NULL, SIZE_MAX, 2) != NULL)
        abort();
}

static void on_alarm(int number)
{
    (void)number;
    for (int i = 0; i < 10; i++) {
        fail();
        alarms++;
    }
    signals++;
}

static void on_other(int number)
{
    (void)number;
    for (int i = 0; i < 3; i++) {
        fail();
        others++;
    }
}

/* Behind a buffer that a thread makes lies the end of its stack, which is nobody's to read. */
static void *run(void *unused)
{
    while (signals < SIGNALS) {
        fail();
        calls++;
    }
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm}, other = {.sa_handler = on_other};
    struct itimerspec often = {{0, 100000}, {0, 100000}}, at_times = {{0, 37000}, {0, 37000}};
    struct sigevent alarm_event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct sigevent other_event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t first, second;
    sigset_t both;
    pthread_t thread;
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &other, NULL);
    sigemptyset(&both);
    sigaddset(&both, SIGALRM);
    sigaddset(&both, SIGUSR1);
    pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_BLOCK, &both, NULL);
    timer_create(CLOCK_MONOTONIC, &alarm_event, &first);
    timer_create(CLOCK_MONOTONIC, &other_event, &second);
    timer_settime(first, 0, &often, NULL);
    timer_settime(second, 0, &at_times, NULL);
    pthread_join(thread, NULL);
    printf("%lu\n", alarms + others + calls);
    return 0;
}
