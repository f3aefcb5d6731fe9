/* SPDX-License-Identifier: Apache-2.0 */
/* Who is measured. A peer that replaces malloc is one line here. */
#include <string.h>

#include "bench.h"

const struct bench_subject bench_subjects[] = {
    {.name = "tcmalloc",
     .what = "libtcmalloc_minimal.so.4, preloaded: what the others are compared with",
     .loops = bench_loops_malloc,
     .preload = "libtcmalloc_minimal.so.4",
     .mark = "tc_version"},
    {.name = "libc", .what = "the C library's malloc", .loops = bench_loops_malloc},
    {.name = "null",
     .what = "no allocator: the time of the driver itself, which is in all others too",
     .loops = bench_loops_null},
    {.name = "excl-1",
     .what = "libbuddyslab, exclusive CPUs, by handle, a heap of one CPU",
     .loops = bench_loops_handle,
     .attach = bench_attach_handle,
     .ours = true,
     .cpus = 1,
     .flags = BSA_HEAP_EXCLUSIVE_CPUS},
    {.name = "excl",
     .what = "libbuddyslab, exclusive CPUs, by handle, a heap of two CPUs",
     .loops = bench_loops_handle,
     .attach = bench_attach_handle,
     .ours = true,
     .cpus = 2,
     .flags = BSA_HEAP_EXCLUSIVE_CPUS},
    {.name = "excl-hook",
     .what = "the same by the cpu_id hook",
     .loops = bench_loops_hook,
     .attach = bench_attach_hook,
     .ours = true,
     .cpus = 2,
     .flags = BSA_HEAP_EXCLUSIVE_CPUS},
    {.name = "shared",
     .what = "libbuddyslab, shared CPUs (a lock for each), by handle, a heap of two CPUs",
     .loops = bench_loops_handle,
     .attach = bench_attach_handle,
     .ours = true,
     .cpus = 2},
    {.name = "shared-hook",
     .what = "the same by the cpu_id hook",
     .loops = bench_loops_hook,
     .attach = bench_attach_hook,
     .ours = true,
     .cpus = 2},
};

const unsigned bench_subject_count = sizeof(bench_subjects) / sizeof(bench_subjects[0]);
const unsigned bench_reference = 0;
_Static_assert(sizeof(bench_subjects) / sizeof(bench_subjects[0]) <= BENCH_SUBJECTS_MAX,
               "more subjects than room");

const struct bench_subject *bench_find_subject(const char *name)
{
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (strcmp(bench_subjects[i].name, name) == 0)
            return &bench_subjects[i];
    return NULL;
}
