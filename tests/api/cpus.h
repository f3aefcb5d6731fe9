/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of CPUs share. */
#ifndef BSA_TESTS_API_CPUS_H
#define BSA_TESTS_API_CPUS_H

#include "machine.h"

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

static inline struct bsa_class_stats class_of(bsa_heap *heap, size_t object_size)
{
    struct bsa_heap_stats s;
    unsigned c = 0;
    heap_stats(heap, &s);
    while (s.size_class[c].object_size != object_size)
        c++;
    return s.size_class[c];
}

/* A heap of two CPUs, and whether it is called by its handles. */
struct bed {
    struct machine m;
    bsa_heap *heap;
    bool handles;
};

/* Every combination of hooks, handles and modes. */
enum { WAYS = 8 };

static inline struct bsa_heap_config config_of(int way)
{
    struct bsa_heap_config config = plain;
    config.cpus = 2;
    config.flags = (way & 4) != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    return config;
}

static inline void bed_open(struct bed *bed, int way, struct bsa_heap_config config, size_t bytes)
{
    machine_start(&bed->m);
    if ((way & 1) != 0)
        machine_brackets(&bed->m);
    bed->handles = (way & 2) != 0;
    bed->heap = heap_new(&bed->m, bytes, config);
    for (unsigned id = 0; id < 2; id++)
        ck_assert_ptr_nonnull(bsa_heap_cpu(bed->heap, id));
}

#endif
