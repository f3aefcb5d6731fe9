/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/check-freestanding.sh links this with lib/ as kernel.h has it built: a heap without one
 * hook, whose calls are each inside one pair of enter and leave and on the CPU that the kernel runs
 * on. The exit status is the number of the first check that does not hold.
 */
#include <buddyslab.h>

#include "kernel.h"

struct kernel kernel;

static _Alignas(4096) unsigned char memory[8 << 20];

enum { OBJECTS = 3000, CPUS = 2 };
static void *object[OBJECTS];

/* Whether a call succeeded, and was inside one pair of enter and leave. */
static int is_right(enum bsa_status status)
{
    static unsigned long before;
    unsigned long pairs = kernel.pairs - before;
    before = kernel.pairs;
    return status == BSA_OK && pairs == 1;
}

/* Whether a CPU has served objects from its magazines. */
static int has_served(bsa_heap *heap, unsigned cpu)
{
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    return bsa_heap_cpu_stats(heap, cpu, &stats) == BSA_OK && stats.magazine_refills > 0;
}

/* Objects of all kinds, taken by one CPU and freed by the other. */
static int work_as(bsa_heap *heap, bsa_cache *cache, unsigned cpu)
{
    kernel.cpu = cpu;
    is_right(BSA_OK); /* of what follows */
    for (unsigned i = 0; i < OBJECTS; i++)
        if (!is_right(i % 3 == 0   ? bsa_cache_alloc(cache, &object[i])
                      : i % 3 == 1 ? bsa_heap_alloc(heap, 8 + i % 2000, 8, &object[i])
                                   : bsa_heap_alloc_pages(heap, 1, 4096, &object[i])))
            return 0;
    kernel.cpu = CPUS - 1 - cpu;
    for (unsigned i = 0; i < OBJECTS; i++)
        if (!is_right(i % 3 == 0 ? bsa_cache_free(cache, object[i])
                                 : bsa_heap_free(heap, object[i])))
            return 0;
    return 1;
}

static int check(unsigned flags)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_cache_config named = BSA_CACHE_CONFIG_INIT;
    bsa_heap *heap = NULL;
    bsa_cache *cache = NULL;
    void *p;
    size_t live = 1;
    config.cpus = CPUS;
    config.flags = flags;
    config.caches = 1;
    named.name = "task";
    named.object_size = 192;
    if (bsa_heap_init(&heap, memory, sizeof(memory), &config) != BSA_OK ||
        bsa_cache_create(heap, &named, &cache) != BSA_OK)
        return 1;
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if (!work_as(heap, cache, cpu) || !has_served(heap, cpu))
            return 2;
    kernel.cpu = CPUS; /* there is none */
    if (bsa_heap_alloc(heap, 64, 8, &p) != BSA_ERR_INVALID_PARAM ||
        bsa_heap_alloc_pages(heap, 1, 4096, &p) != BSA_ERR_INVALID_PARAM ||
        bsa_cache_alloc(cache, &p) != BSA_ERR_INVALID_PARAM)
        return 3;
    kernel.cpu = 0;
    if (bsa_heap_free(heap, &live) != BSA_ERR_NOT_FOUND || bsa_heap_validate(heap) != BSA_OK ||
        bsa_heap_fini(&heap, &live) != BSA_OK || live != 0)
        return 4;
    return kernel.wrong != 0 || kernel.masked != 0 ? 5 : 0;
}

int main(void)
{
    int wrong = check(0);
    return wrong != 0 ? wrong : check(BSA_HEAP_EXCLUSIVE_CPUS);
}
