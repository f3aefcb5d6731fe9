/* SPDX-License-Identifier: Apache-2.0 */
/* The heap that is measured, and the CPU ids of its threads. */
#include "bench.h"

/* Room for 2000 objects of up to 256 KiB, ten times over. */
#define REGION_BYTES ((size_t)512 << 20)

/* Objects and pages that a CPU keeps in rows that are about what lies behind its caches. */
enum { FEW = 64 };

static _Thread_local unsigned this_cpu;

static unsigned ask_cpu(void *ctx)
{
    (void)ctx;
    return this_cpu;
}

void bench_attach_hook(struct bench_thread *thread)
{
    this_cpu = thread->index;
}

void bench_attach_handle(struct bench_thread *thread)
{
    thread->cpu = bsa_heap_cpu(thread->heap, thread->index);
    if (thread->cpu == NULL)
        bench_fail("bsa_heap_cpu(%u) gave no handle", thread->index);
    thread->other_cpu = bsa_heap_cpu(thread->heap, thread->index + 1);
}

static void report_fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx;
    bench_fail("the heap reports misuse at %p: %s (%s)", addr, what, bsa_strerror(status));
}

static uintptr_t enter(void *ctx)
{
    (void)ctx;
    return 0;
}

static void leave(void *ctx, uintptr_t state)
{
    (void)ctx;
    (void)state;
}

bsa_heap *bench_heap_open(const struct bench_subject *subject, const struct bench_row *row)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    size_t bytes = row->region == 0 ? REGION_BYTES : (size_t)row->region;
    size_t regions = row->workload == BENCH_SECTIONS ? row->count : 1;
    char *region = bench_memory(bytes);
    bsa_heap *heap = NULL;

    platform.cpu_id = ask_cpu;
    platform.fault = report_fault;
    if (subject->brackets) {
        platform.enter = enter;
        platform.leave = leave;
    }
    config.cpus = subject->one_cpu ? 1 : row->threads > 2 ? row->threads : 2;
    config.flags = subject->flags;
    config.classes = bsa_standard_classes(subject->classes);
    config.platform = &platform;
    if (row->only != NULL && row->count != 0)
        config.magazine_objects = config.page_list_pages = FEW;
    if (row->workload == BENCH_SECTIONS)
        config.page_list_pages =
            64; /* else what the first region has, which is one of them, decides */
    enum bsa_status status = bsa_heap_init(&heap, region, bytes / regions, &config);
    for (size_t i = 1; i < regions && status == BSA_OK; i++)
        status = bsa_heap_add_region(heap, region + bytes / regions * i, bytes / regions);
    if (status != BSA_OK)
        bench_fail("no heap of %zu MiB in %zu regions: %s", bytes >> 20, regions,
                   bsa_strerror(status));
    return heap;
}

void bench_heap_close(bsa_heap *heap)
{
    size_t live = 0;
    enum bsa_status status = bsa_heap_validate(heap);
    if (status != BSA_OK)
        bench_fail("the heap is not sound after the run: %s", bsa_strerror(status));
    status = bsa_heap_fini(&heap, &live);
    if (status != BSA_OK || live != 0)
        bench_fail("all was freed, and the heap has %zu live blocks: %s", live,
                   bsa_strerror(status));
}

bsa_buddy *bench_buddy_open(void)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;

    platform.fault = report_fault;
    config.platform = &platform;
    enum bsa_status status =
        bsa_buddy_init(&buddy, bench_memory(REGION_BYTES), REGION_BYTES, &config);
    if (status != BSA_OK)
        bench_fail("bsa_buddy_init: %s", bsa_strerror(status));
    return buddy;
}

void bench_buddy_close(bsa_buddy *buddy)
{
    enum bsa_status status = bsa_buddy_validate(buddy);
    if (status != BSA_OK)
        bench_fail("the buddy is not sound after the run: %s", bsa_strerror(status));
    if (bsa_buddy_allocated_bytes(buddy) != 0)
        bench_fail("all was freed, and the buddy has %zu bytes allocated",
                   bsa_buddy_allocated_bytes(buddy));
}
