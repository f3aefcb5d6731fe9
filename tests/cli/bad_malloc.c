/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A malloc to be preloaded that works, except for requests of 4242 bytes: BAD_MALLOC says what it
 * does with them. Memory is handed out once; it is enough for a small trace.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_SIZE 4242u
#define ROOM ((size_t)64 << 20)

static _Alignas(4096) unsigned char room[ROOM];
static _Atomic size_t used;

/* The size lies in front of each object. */
static void *take(size_t size, size_t align)
{
    if (size > ROOM / 2 || align > ROOM / 4)
        return NULL;
    size_t start = atomic_fetch_add(&used, size + 2 * align + 32);
    if (start > ROOM - size - 2 * align - 32)
        return NULL;
    start = (start + 16 + align - 1) & ~(align - 1);
    memcpy(room + start - sizeof(size), &size, sizeof(size));
    return room + start;
}

static void *misbehave(void)
{
    static void *same;
    const char *how = getenv("BAD_MALLOC");
    if (how == NULL)
        return take(BAD_SIZE, 16);
    if (strcmp(how, "fail") == 0)
        return NULL;
    if (strcmp(how, "crash") == 0)
        abort();
    while (strcmp(how, "hang") == 0)
        pause();
    if (strcmp(how, "misalign") == 0)
        return (unsigned char *)take(BAD_SIZE, 16) + 4;
    if (same == NULL)
        same = take(BAD_SIZE, 16);
    return same;
}

void *malloc(size_t size)
{
    return size == BAD_SIZE ? misbehave() : take(size, 16);
}

void free(void *object)
{
    (void)object;
}

void *calloc(size_t count, size_t size)
{
    return size != 0 && count > SIZE_MAX / size ? NULL : take(count * size, 16);
}

void *realloc(void *object, size_t size)
{
    size_t old = 0;
    void *other = malloc(size);
    if (object != NULL && other != NULL) {
        memcpy(&old, (unsigned char *)object - sizeof(old), sizeof(old));
        memcpy(other, object, old < size ? old : size);
    }
    return other;
}

int posix_memalign(void **out, size_t align, size_t size)
{
    *out = take(size, align < 16 ? 16 : align);
    return *out == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t align, size_t size)
{
    return take(size, align < 16 ? 16 : align);
}
