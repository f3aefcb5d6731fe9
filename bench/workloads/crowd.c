/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work beside a crowd: full slabs, full sections, free pages that do not fit. What is measured is
 * the same at each size of the crowd, and so much at a time that it goes past the caches of a CPU.
 */
#include "bench.h"
#include "touch.h"

/* The crowd of this process, which measures one cell. */
static void **crowd;
static size_t crowd_count;

static void *must(enum bsa_status status, void *p, const char *what)
{
    if (status != BSA_OK)
        bench_fail("%s: %s", what, bsa_strerror(status));
    return p;
}

static void *take_object(struct bench_thread *thread, size_t size)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc(thread->cpu, size, 8, &p);
    return must(status, p, "an object of the crowd");
}

static void *take_page(struct bench_thread *thread)
{
    void *p;
    enum bsa_status status = bsa_cpu_alloc_pages(thread->cpu, 1, BENCH_PAGE, &p);
    return must(status, p, "a page of the crowd");
}

static void give(struct bench_thread *thread, void *p)
{
    must(bsa_cpu_free(thread->cpu, p), NULL, "the crowd goes");
}

static void drain(struct bench_thread *thread)
{
    must(bsa_heap_drain(thread->heap, thread->index), NULL, "bsa_heap_drain");
}

/* Of the class that serves size. */
static const struct bsa_class_stats *class_of(struct bench_thread *thread, size_t size,
                                              struct bsa_heap_stats *stats)
{
    *stats = (struct bsa_heap_stats)BSA_HEAP_STATS_INIT;
    must(bsa_heap_stats(thread->heap, stats), NULL, "bsa_heap_stats");
    unsigned i = 0;
    while (i < stats->classes && stats->size_class[i].object_size < size)
        i++;
    if (i == stats->classes)
        bench_fail("no class for %zu bytes", size);
    return &stats->size_class[i];
}

/* row->count slabs of the class, all full. Their objects are not touched. */
void bench_crowd_slabs(struct bench_thread *thread, const struct bench_row *row,
                       const struct bench_step *steps, size_t count)
{
    struct bsa_heap_stats stats;
    (void)steps, (void)count;
    crowd_count = row->count * class_of(thread, row->low, &stats)->objects_per_slab;
    crowd = bench_memory(crowd_count * sizeof(*crowd));
    for (size_t i = 0; i < crowd_count; i++)
        crowd[i] = take_object(thread, row->low);
    drain(thread);
    size_t slabs = class_of(thread, row->low, &stats)->slabs;
    if (slabs < row->count)
        bench_fail("%zu full slabs were wanted, there are %zu", row->count, slabs);
}

/* Seven eighths of all sections' pages. */
void bench_crowd_sections(struct bench_thread *thread, const struct bench_row *row,
                          const struct bench_step *steps, size_t count)
{
    (void)steps, (void)count;
    if (bsa_heap_section_count(thread->heap) != row->count)
        bench_fail("%zu sections were wanted, there are %zu", row->count,
                   bsa_heap_section_count(thread->heap));
    crowd_count = bsa_heap_managed_bytes(thread->heap) / BENCH_PAGE / 8 * 7;
    crowd = bench_memory(crowd_count * sizeof(*crowd));
    for (size_t i = 0; i < crowd_count; i++)
        crowd[i] = take_page(thread);
}

/* row->count free pages, each between two that are live, at addresses that are odd in pages. */
void bench_crowd_odd_pages(struct bench_thread *thread, const struct bench_row *row,
                           const struct bench_step *steps, size_t count)
{
    size_t odd = 0, kept = 0;
    (void)steps, (void)count;
    crowd_count = 2 * row->count;
    crowd = bench_memory(crowd_count * sizeof(*crowd));
    for (size_t i = 0; i < crowd_count; i++)
        crowd[i] = take_page(thread);
    for (size_t i = 0; i < crowd_count; i++) {
        if ((uintptr_t)crowd[i] / BENCH_PAGE % 2 != 0 && odd < row->count) {
            give(thread, crowd[i]);
            odd++;
        } else {
            crowd[kept++] = crowd[i];
        }
    }
    crowd_count = kept;
    drain(thread);
}

void bench_crowd_end(struct bench_thread *thread, const struct bench_row *row,
                     const struct bench_step *steps, size_t count)
{
    (void)row, (void)steps, (void)count;
    for (size_t i = 0; i < crowd_count; i++)
        give(thread, crowd[i]);
}

/* Single pages at multiples of row->high pages, freed in the order of the steps. */
void bench_crowd_page_batch(struct bench_thread *thread, const struct bench_row *row,
                            const struct bench_step *steps, size_t count)
{
    struct bench_live *live = thread->live;
    size_t align = row->high * BENCH_PAGE;
    for (size_t done = 0; done < count; done += row->live) {
        for (size_t i = 0; i < row->live; i++) {
            must(bsa_cpu_alloc_pages(thread->cpu, 1, align, &live[i].p), NULL, "a page");
            touch(live[i].p);
        }
        for (size_t i = 0; i < row->live; i++)
            must(bsa_cpu_free_pages(thread->cpu, live[steps[done + i].slot].p, 1), NULL, "a page");
    }
}
