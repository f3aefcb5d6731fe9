/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that are linked with libbuddyslab-malloc.so: libcheck and all the rest run on it. */
#ifndef BSA_TESTS_PRELOADED_H
#define BSA_TESTS_PRELOADED_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Starts the program again with a variable in the environment, which is read before main. */
static inline void run_with(char **argv, const char *name, const char *value)
{
    if (getenv(name) != NULL)
        return;
    setenv(name, value, 1);
    execv("/proc/self/exe", argv);
    abort();
}

/* C23's, which C libraries older than it do not declare. */
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

/* What is made and thrown away again is not left out by the compiler, which knows malloc. */
static inline void *used(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

#if defined(__x86_64__)
/* Single steps: a SIGTRAP between any two instructions of this thread. */
static inline void step(bool on)
{
    if (on)
        __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq" ::: "memory", "cc");
    else
        __asm__ volatile("pushfq; andl $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}
#endif

#endif
