/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that the target would call without the recorder: libc's, or another allocator's
 * that is linked or preloaded behind it.
 *
 * They are found at the first call, which may come from the dynamic linker. What dlsym allocates on
 * its way comes from a small store; its objects are known by their addresses and never used again.
 * All are found at once: a child of a program with threads may call exec, but not dlsym.
 */
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STORE_ALIGN = 16 };
_Alignas(4096) char bsar_store[BSAR_STORE_BYTES];
static size_t store_used; /* atomic */

/* The size stands in front of each object. */
static void *store_take(size_t align, size_t size)
{
    if (align < STORE_ALIGN)
        align = STORE_ALIGN;
    size_t used = __atomic_load_n(&store_used, __ATOMIC_RELAXED), start;
    do {
        start = (used + STORE_ALIGN + align - 1) & ~(align - 1);
        if (size > BSAR_STORE_BYTES || align > BSAR_STORE_BYTES ||
            start > BSAR_STORE_BYTES - size) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&store_used, &used, start + size, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    memcpy(&bsar_store[start - sizeof(size)], &size, sizeof(size));
    return &bsar_store[start];
}

size_t bsar_store_size(const void *p)
{
    size_t size;
    memcpy(&size, (const char *)p - sizeof(size), sizeof(size));
    return size;
}

/* The first calls. ------------------------------------------------------------------------------ */

static bool finding; /* the one thread that there is then */

static void *first_malloc(size_t size)
{
    if (finding)
        return store_take(STORE_ALIGN, size);
    bsar_find_real();
    return bsar_real.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (finding) /* the store has been zero since the program began */
        return __builtin_mul_overflow(count, size, &bytes) ? NULL : store_take(STORE_ALIGN, bytes);
    bsar_find_real();
    return bsar_real.calloc(count, size);
}

static void *first_realloc(void *p, size_t size)
{
    if (finding) /* what is not in the store, of which calls.c makes a malloc, is nobody's */
        return store_take(STORE_ALIGN, size);
    bsar_find_real();
    return bsar_real.realloc(p, size);
}

static void first_free(void *p)
{
    if (finding)
        return;
    bsar_find_real();
    bsar_real.free(p);
}

static void *first_memalign(size_t align, size_t size)
{
    if (finding)
        return store_take(align, size);
    bsar_find_real();
    return bsar_real.memalign(align, size);
}

static void *first_aligned_alloc(size_t align, size_t size)
{
    if (finding)
        return store_take(align, size);
    bsar_find_real();
    return bsar_real.aligned_alloc(align, size);
}

static int first_posix_memalign(void **p, size_t align, size_t size)
{
    if (finding)
        return (*p = store_take(align, size)) != NULL ? 0 : ENOMEM;
    bsar_find_real();
    return bsar_real.posix_memalign(p, align, size);
}

static void *first_valloc(size_t size)
{
    if (finding)
        return store_take(4096, size);
    bsar_find_real();
    return bsar_real.valloc(size);
}

static void *first_pvalloc(size_t size)
{
    if (finding)
        return store_take(4096, size);
    bsar_find_real();
    return bsar_real.pvalloc(size);
}

static size_t first_usable_size(void *p)
{
    if (finding)
        return 0;
    bsar_find_real();
    return bsar_real.malloc_usable_size(p);
}

static void exit_by_system(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

struct bsar_real bsar_real = {
    .malloc = first_malloc,
    .free = first_free,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .memalign = first_memalign,
    .aligned_alloc = first_aligned_alloc,
    .posix_memalign = first_posix_memalign,
    .valloc = first_valloc,
    .pvalloc = first_pvalloc,
    .malloc_usable_size = first_usable_size,
    .exit_now = exit_by_system,
};

/* ----------------------------------------------------------------------------------------------- */

/* The program's own malloc, or that of a library before this one, gets the calls. A program that
 * takes malloc's address may have an entry for it in its procedure linkage table, which is found
 * then, but calls go on from there.
 */
void bsar_tell_rival(void)
{
    char text[512];
    Dl_info ours, theirs;
    void *symbol = NULL, *first = dlsym(RTLD_DEFAULT, "malloc");
    if (first == NULL || dladdr1(first, &theirs, &symbol, RTLD_DL_SYMENT) == 0 ||
        dladdr(&bsar_real, &ours) == 0 || theirs.dli_fbase == ours.dli_fbase ||
        (symbol != NULL && ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF))
        return;
    int length = snprintf(text, sizeof(text),
                          "bsa-record: what calls the malloc of %.400s is not recorded, as the "
                          "dynamic linker finds that one first\n",
                          theirs.dli_fname);
    if (length > 0)
        bsar_say(text, (size_t)length);
}

/* A conversion between pointers to data and to functions, which POSIX allows and C does not. */
#define FIND(member, name)                                                                         \
    do {                                                                                           \
        void *found = dlsym(RTLD_NEXT, name);                                                      \
        if (found != NULL)                                                                         \
            memcpy(&real.member, &found, sizeof(found));                                           \
    } while (0)

void bsar_find_real(void)
{
    struct bsar_real real = bsar_real;
    if (finding)
        return;
    finding = true;
    FIND(malloc, "malloc");
    FIND(free, "free");
    FIND(calloc, "calloc");
    FIND(realloc, "realloc");
    FIND(memalign, "memalign");
    FIND(aligned_alloc, "aligned_alloc");
    FIND(posix_memalign, "posix_memalign");
    FIND(valloc, "valloc");
    FIND(pvalloc, "pvalloc");
    FIND(malloc_usable_size, "malloc_usable_size");
    FIND(exit_now, "_exit");
    FIND(longjmp, "longjmp");
    FIND(execve, "execve");
    FIND(execv, "execv");
    FIND(execvp, "execvp");
    FIND(execvpe, "execvpe");
    FIND(fexecve, "fexecve");
    FIND(execveat, "execveat");
    FIND(daemon, "daemon");
    bsar_real = real;
    finding = false;
}
