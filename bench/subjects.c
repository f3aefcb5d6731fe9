/* SPDX-License-Identifier: Apache-2.0 */
/* Who is measured. A peer that replaces malloc is an entry here, or --peer. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PEER(n, library, later, package)                                                           \
    {                                                                                              \
        .name = (n), .what = "preloaded", .kind = BENCH_PEER, .works = bench_works_malloc,         \
        .preload = (library), .or_preload = (later), .from = "Debian's package " package           \
    }

#define HEAP(n, w, f, how)                                                                         \
    .name = (n), .what = (w), .kind = BENCH_OURS, .layer = BENCH_HEAP, .flags = (f),               \
    .works = bench_works_##how, .attach = bench_attach_##how

#define CLASSES(n, w, set)                                                                         \
    {                                                                                              \
        .name = (n), .what = (w), .kind = BENCH_OURS, .layer = BENCH_HEAP,                         \
        .flags = BSA_HEAP_EXCLUSIVE_CPUS, .works = bench_works_classes,                            \
        .attach = bench_attach_handle, .classes = (set)                                            \
    }

struct bench_subject bench_subjects[BENCH_SUBJECTS_MAX] = {
    PEER("tcmalloc", "libtcmalloc_minimal.so.4", NULL, "libtcmalloc-minimal4"),
    PEER("jemalloc", "libjemalloc.so.2", NULL, "libjemalloc2"),
    PEER("mimalloc", "libmimalloc.so.2", "libmimalloc.so.3", "libmimalloc2.0 or libmimalloc3"),
    {.name = "libc",
     .what = "the C library's malloc",
     .kind = BENCH_PEER,
     .works = bench_works_malloc},
    {.name = "null",
     .what = "no allocator: the time of the driver itself, which is in all others too",
     .kind = BENCH_NO_ALLOCATOR,
     .works = bench_works_null},
    {.name = "locked",
     .what = "no allocator, but one atomic exchange in each call",
     .kind = BENCH_NO_ALLOCATOR,
     .works = bench_works_locked},
    {.name = "control",
     .what = "no allocator, but arithmetic: what this machine's CPUs disturb each other",
     .kind = BENCH_NO_ALLOCATOR,
     .works = bench_works_control,
     .control = true},
    {HEAP("excl-1", "exclusive CPUs, by handle, a heap of one CPU", BSA_HEAP_EXCLUSIVE_CPUS,
          handle),
     .one_cpu = true},
    {HEAP("excl", "exclusive CPUs, by handle, a heap of two CPUs or more", BSA_HEAP_EXCLUSIVE_CPUS,
          handle)},
    {HEAP("excl-hook", "the same by the cpu_id hook", BSA_HEAP_EXCLUSIVE_CPUS, hook)},
    {HEAP("excl-enter", "as excl-hook, with the hooks enter and leave, which do nothing",
          BSA_HEAP_EXCLUSIVE_CPUS, hook),
     .brackets = true},
    {HEAP("shared", "shared CPUs (a lock for each), by handle, a heap of two CPUs or more", 0,
          handle)},
    {HEAP("shared-hook", "the same by the cpu_id hook", 0, hook)},
    CLASSES("kmalloc", "as excl, with the size classes of Linux's kmalloc", BSA_CLASSES_KMALLOC),
    CLASSES("fine", "as excl, with four size classes per doubling", BSA_CLASSES_FINE),
    {.name = "buddy",
     .what = "the buddy alone, which locks itself",
     .kind = BENCH_OURS,
     .layer = BENCH_BUDDY,
     .works = bench_works_buddy},
    {.name = "preload",
     .what = "libbuddyslab-malloc.so, preloaded",
     .kind = BENCH_OURS,
     .works = bench_works_malloc,
     .preload = "libbuddyslab-malloc.so",
     .from = "this build's folder malloc/"},
};

unsigned bench_subject_count;

/* The library as make has built it; an installed one where there is none. */
static void find_preload(void)
{
    static char path[PATH_MAX];
    static const char built[] = "/../malloc/.libs/libbuddyslab-malloc.so";
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(built));
    if (length <= 0)
        return;
    path[length] = '\0';
    strcpy(strrchr(path, '/'), built);
    char *found = realpath(path, NULL);
    if (found != NULL)
        bench_find_subject("preload")->preload = found;
}

void bench_subjects_prepare(void)
{
    while (bench_subjects[bench_subject_count].name != NULL)
        bench_subject_count++;
    find_preload();
}

const char *bench_add_peer(const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0')
        return "wants NAME=LIBRARY";
    if (strpbrk(equals, " :") != NULL)
        return "the library's path may have no blank and no colon in it: LD_PRELOAD would split it";
    if (bench_subject_count == BENCH_SUBJECTS_MAX)
        return "too many peers";
    char *name = strndup(text, (size_t)(equals - text));
    if (name == NULL)
        bench_fail("no memory");
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] !=
        '\0') {
        free(name);
        return "a name has letters, digits, '-', '_' and '.' only";
    }
    if (bench_find_subject(name) != NULL) {
        free(name);
        return "there is an allocator of this name; --list tells which there are";
    }
    bench_subjects[bench_subject_count++] = (struct bench_subject){.name = name,
                                                                   .what = "preloaded",
                                                                   .kind = BENCH_PEER,
                                                                   .works = bench_works_malloc,
                                                                   .preload = equals + 1,
                                                                   .from = "where --peer says"};
    return NULL;
}

struct bench_subject *bench_find_subject(const char *name)
{
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (strcmp(bench_subjects[i].name, name) == 0)
            return &bench_subjects[i];
    return NULL;
}

bool bench_has_cell(const struct bench_row *row, const struct bench_subject *subject)
{
    if (row->region > SIZE_MAX / 4) /* more than an address space of 32 bits gives */
        return false;
    if (row->only != NULL && strcmp(row->only, subject->name) != 0)
        return false;
    if (subject->one_cpu && (row->threads > 1 || row->workload == BENCH_REMOTE))
        return false;
    if ((subject->control && !row->scales) || (subject->brackets && row->threads > 1))
        return false;
    return row->workload == BENCH_USABLE || row->workload == BENCH_METADATA ||
           row->workload == BENCH_CPU_BYTES || subject->works[row->workload].pass != NULL;
}
