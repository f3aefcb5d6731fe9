/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers that interrupt each other and the program, in the middle of records of both lengths;
 * with any_malloc.c. Prints how many objects there were.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum { SIGNALS = 500 };
static volatile sig_atomic_t signals;
static volatile unsigned long objects;

static void use(size_t size)
{
    free(malloc(size));
}

static void on_other(int number)
{
    (void)number;
    use(1003);
    use(70003);
}

static void on_alarm(int number)
{
    (void)number;
    for (int i = 0; i < 3; i++) {
        use(1003);
        use(70003);
        raise(SIGUSR1);
    }
    signals++;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm}, other = {.sa_handler = on_other};
    struct itimerval often = {{0, 100}, {0, 100}};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &other, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (signals < SIGNALS) {
        use(1001);
        use(70001);
        objects++;
    }
    often = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    printf("%lu\n", objects);
    return 0;
}
