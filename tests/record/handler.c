/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal handler that allocates while the program does: not in the middle of malloc, where C
 * forbids it, but anywhere in the recorder. 1000 signals.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum { SIGNALS = 1000 };
static volatile sig_atomic_t count;
static void *volatile object;

static void handle(int number)
{
    (void)number;
    if (count < SIGNALS) {
        void *p = malloc(24);
        free(p);
        count++;
    }
}

int main(void)
{
    struct sigaction action = {.sa_handler = handle};
    struct itimerval often = {{0, 100}, {0, 100}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (count < SIGNALS) {
        object =
            realloc(NULL, (size_t)-1); /* fails at once: little of malloc, much of the recorder */
    }
    return 0;
}
