/* SPDX-License-Identifier: Apache-2.0 */
/* The heap that is measured, and the CPU ids of its threads. */
#include "bench.h"

/* Room for 2000 objects of up to 256 KiB, ten times over. */
#define REGION_BYTES ((size_t)512 << 20)

static _Thread_local unsigned this_cpu;

static unsigned ask_cpu(void *ctx)
{
    (void)ctx;
    return this_cpu;
}

void bench_attach_handle(struct bench_thread *thread)
{
    thread->cpu = bsa_heap_cpu(thread->heap, thread->index);
    if (thread->cpu == NULL)
        bench_fail("bsa_heap_cpu(%u) gave no handle", thread->index);
}

void bench_attach_hook(struct bench_thread *thread)
{
    this_cpu = thread->index;
}

static void report_fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx;
    bench_fail("the heap reports misuse at %p: %s (%s)", addr, what, bsa_strerror(status));
}

bsa_heap *bench_heap_open(const struct bench_subject *subject)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;

    platform.cpu_id = ask_cpu;
    platform.fault = report_fault;
    config.cpus = subject->cpus;
    config.flags = subject->flags;
    config.platform = &platform;
    enum bsa_status status =
        bsa_heap_init(&heap, bench_memory(REGION_BYTES), REGION_BYTES, &config);
    if (status != BSA_OK)
        bench_fail("bsa_heap_init: %s", bsa_strerror(status));
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
