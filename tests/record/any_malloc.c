/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A malloc that signals may interrupt anywhere. Objects of odd sizes are no memory but addresses,
 * each one used once; those above a mebibyte are where the one before is, 2^52 bytes further on.
 */
#include <stdint.h>
#include <string.h>

static _Alignas(16) char memory[1 << 20];
static size_t used;
static uintptr_t last = 0x10000000;

void *malloc(size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    if (size % 2 == 0) {
        size_t at = __atomic_fetch_add(&used, (size + 15) / 16 * 16, __ATOMIC_RELAXED);
        return at + size <= sizeof(memory) ? &memory[at] : NULL;
    }
    if (size > 1 << 20)
        return (void *)(__atomic_load_n(&last, __ATOMIC_RELAXED) | (uintptr_t)1 << 52);
    return (void *)__atomic_add_fetch(&last, 16, __ATOMIC_RELAXED);
}

void free(void *p)
{
    (void)p;
}

void *calloc(size_t count, size_t size)
{
    return malloc((count * size + 1) / 2 * 2);
}

void *realloc(void *p, size_t size)
{
    char *moved = malloc(size), *from = p;
    size_t left = from != NULL ? (size_t)(&memory[sizeof(memory)] - from) : 0;
    return moved != NULL ? memcpy(moved, from, left < size ? left : size) : NULL;
}
