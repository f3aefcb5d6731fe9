/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of CPUs share. */
#ifndef BSA_TESTS_API_CPUS_H
#define BSA_TESTS_API_CPUS_H

#include "machine.h"

enum { KIB = 1024, MIB = 1024 * 1024, PAGE = 4096 };

static const struct bsa_heap_config plain = BSA_HEAP_CONFIG_INIT;

static inline struct bsa_cpu_stats stats_of(bsa_heap *heap, unsigned cpu)
{
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    assert_ok(bsa_heap_cpu_stats(heap, cpu, &stats));
    return stats;
}

/* What a CPU holds back, in its magazines and on its page lists. */
static inline size_t held_back(bsa_heap *heap, unsigned cpu)
{
    struct bsa_cpu_stats stats = stats_of(heap, cpu);
    return stats.objects_cached + stats.pages_listed;
}

/* Objects and pages that are allocated and freed again: the CPU holds some back. */
static inline void work(bsa_heap *heap, struct machine *m, unsigned cpu)
{
    void *p[60];
    m->cpu = cpu;
    for (unsigned i = 0; i < 60; i++)
        p[i] = i % 20 == 0 ? heap_get_pages(heap, 1, 1) : heap_get(heap, 64, 1);
    for (unsigned i = 0; i < 60; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    ck_assert_uint_gt(held_back(heap, cpu), 0);
}

static inline bsa_heap *heap_of_cpus(struct machine *m, unsigned cpus, unsigned flags)
{
    struct bsa_heap_config config = plain;
    config.cpus = cpus;
    config.flags = flags;
    return heap_new(m, 16 * MIB, config);
}

#endif
