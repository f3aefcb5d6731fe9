/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that allocate in the last round of destructors only: what they leave does not add up. */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 400, BEGIN = 100, BYTES_MAX = 8 << 20 };
static pthread_key_t key;

static void end(void *round)
{
    if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS)
        pthread_setspecific(key, (void *)((uintptr_t)round + 1));
    else
        free(malloc(80));
}

static void *run(void *nothing)
{
    pthread_setspecific(key, (void *)1);
    return nothing;
}

/* Of address space. */
static long bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * 4096;
}

int main(void)
{
    long before = 0;
    if (pthread_key_create(&key, end) != 0)
        abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, NULL) != 0)
            abort();
        pthread_join(thread, NULL);
        if (i == BEGIN)
            before = bytes();
    }
    return bytes() - before > BYTES_MAX;
}
