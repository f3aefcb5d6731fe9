/* SPDX-License-Identifier: Apache-2.0 */
/* What the library's own tables take: by its statistics, not by the clock. */
#include "bench.h"

/* One object is live meanwhile: a CPU's state and a slab's record are made at first use. */
static void look_at(bsa_heap *heap, size_t size, struct bsa_heap_stats *stats)
{
    void *p;
    enum bsa_status status = bsa_heap_alloc(heap, size, 8, &p);
    *stats = (struct bsa_heap_stats)BSA_HEAP_STATS_INIT;
    if (status == BSA_OK)
        status = bsa_heap_stats(heap, stats);
    if (status == BSA_OK)
        status = bsa_heap_free(heap, p);
    if (status != BSA_OK)
        bench_fail("the heap's layout: %s", bsa_strerror(status));
}

static double usable_share(const struct bsa_heap_stats *stats, size_t size)
{
    for (unsigned i = 0; i < stats->classes; i++) {
        const struct bsa_class_stats *class = &stats->size_class[i];
        if (class->object_size == size)
            return 100 * (double)(class->objects_per_slab * size) /
                   (double)(class->slab_pages * stats->page_size + class->record_bytes);
    }
    bench_fail("there is no class of %zu bytes", size);
}

double bench_cell_layout(const struct bench_row *row, const struct bench_subject *subject)
{
    bsa_heap *heap = bench_heap_open(subject, row);
    struct bsa_heap_stats stats;
    double figure;
    look_at(heap, row->low, &stats);
    if (row->workload == BENCH_USABLE)
        figure = usable_share(&stats, row->low);
    else if (row->workload == BENCH_CPU_BYTES)
        figure = (double)stats.cpu_state_bytes;
    else
        figure = (double)((size_t)row->region - stats.managed_bytes) * (double)BENCH_PAGE /
                 (double)row->region;
    bench_heap_close(heap);
    return figure;
}
