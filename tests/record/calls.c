/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of malloc in odd ways; calls.expected has what is to be recorded of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is not told to the compiler cannot be left out by it. */
static void *volatile sink;
static volatile size_t huge = SIZE_MAX / 2, zero, one = 1;

static void resize(void)
{
    char *p = realloc(NULL, 100);
    p = realloc(p, 200);
    p = realloc(p, 100000);
    p = realloc(p, 10);
    if (realloc(p, huge) != NULL) /* fails, and p stays */
        abort();
    sink = realloc(p, zero); /* frees */
    p = reallocarray(NULL, 7, 100);
    p = reallocarray(p, 9, 100);
    if (reallocarray(p, huge, 4) != NULL) /* overflows */
        abort();
    free(p);
}

static void align(void)
{
    void *p = aligned_alloc(64, 640);
    free(p);
    if (posix_memalign(&p, 256, 1000) == 0)
        free(p);
    if (posix_memalign(&p, 3 * one, 1000) != EINVAL || posix_memalign(&p, 64, huge) != ENOMEM)
        abort();
    free(memalign(128, 1280));
    free(valloc(5000));
    free(pvalloc(6000));
    free(pvalloc(zero));
    sink = memalign(64, huge);
    sink = aligned_alloc(64, huge);
}

static void *in_thread(void *p)
{
    free(p);
    return malloc(777);
}

int main(void)
{
    pthread_t thread;
    void *p = malloc(1);
    memset(p, 1, malloc_usable_size(p));
    free(p);
    free(NULL);
    free(malloc(zero));
    free(calloc(3, 111));
    free(calloc(0, 5 * one));
    sink = calloc(huge, 16);
    sink = malloc(huge);
    resize();
    align();
    free(strdup("hello"));
    errno = 4711;
    free(malloc(one * 300000)); /* a mapping of its own */
    if (errno != 4711)
        abort();
    if (pthread_create(&thread, NULL, in_thread, malloc(555)) != 0 || pthread_join(thread, &p) != 0)
        abort();
    free(p);
    sink = malloc(4242); /* never freed */
    return 0;
}
