/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves a malloc by a handler's jump, in each of two ways; jumps_malloc.c calls the handler. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

static sigjmp_buf place;

static void leave(int number)
{
    if (number == SIGUSR1)
        siglongjmp(place, 1);
    longjmp(place, 1);
}

static void allocate(int number, size_t size)
{
    if (sigsetjmp(place, 1) == 0) {
        signal(number, leave);
        free(malloc(size));
        abort();
    }
    for (int i = 0; i < 10; i++)
        free(malloc(90));
}

int main(void)
{
    allocate(SIGUSR1, 1000001);
    allocate(SIGUSR2, 1000002);
    return 0;
}
