/* SPDX-License-Identifier: Apache-2.0 */
#include "class_cost.h"

#include <errno.h>

#include <sys/mman.h>

#include "../replay/error.h"

/* A larger region changes no slab, a smaller one may not hold a heap of so many classes. */
#define MOST_PAGES 16384u
#define LEAST_PAGES 512u

/* The costs of count class sizes from first on. */
static gboolean ask(struct class_cost *cost, guint first, guint count, void *region, gsize bytes)
{
    unsigned sizes[BSA_MAX_CLASSES];
    struct bsa_class_table table = {sizeof(table), count, sizes};
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    bsa_heap *heap = NULL;
    for (guint i = 0; i < count; i++)
        sizes[i] = (first + i) * DEMAND_UNIT;
    config.page_size = (size_t)cost->page_size;
    config.classes = &table;
    if (bsa_heap_init(&heap, region, bytes, &config) != BSA_OK)
        return FALSE;
    gboolean ok = bsa_heap_stats(heap, &stats) == BSA_OK;
    for (guint i = 0; ok && i < count; i++) {
        const struct bsa_class_stats *class = &stats.size_class[i];
        double slab = (double)(class->slab_pages * config.page_size + class->record_bytes);
        cost->object[first + i] = slab / (double)class->objects_per_slab;
    }
    return bsa_heap_fini(&heap, NULL) == BSA_OK && ok;
}

gboolean class_cost_ask(struct class_cost *cost, guint64 page_size, guint64 region_bytes,
                        GError **error)
{
    gsize bytes =
        (gsize)CLAMP(region_bytes, LEAST_PAGES * page_size, (guint64)MOST_PAGES * page_size);
    void *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *cost = (struct class_cost){.page_size = page_size};
    if (region == MAP_FAILED) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                    "no address space to ask the library for its slabs in: %s", g_strerror(errno));
        return FALSE;
    }
    gboolean ok = TRUE;
    for (guint first = 1; ok && first < DEMAND_SIZES; first += BSA_MAX_CLASSES)
        ok = ask(cost, first, MIN(BSA_MAX_CLASSES, DEMAND_SIZES - first), region, bytes);
    munmap(region, bytes);
    if (!ok)
        g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                            "the library does not say how it lays out slabs");
    return ok;
}

double class_cost_pages(const struct class_cost *cost, guint units)
{
    guint64 bytes = (guint64)units * DEMAND_UNIT;
    return (double)((bytes + cost->page_size - 1) / cost->page_size * cost->page_size);
}

/* The smallest class whose size and alignment suffice, as the library finds it. */
static guint class_for(const struct class_table *table, guint level, guint units)
{
    guint i = 0;
    while (i < table->count &&
           (table->size[i] < units * DEMAND_UNIT || table->size[i] % (DEMAND_UNIT << level) != 0))
        i++;
    return i;
}

struct class_waste class_waste_of(const struct demand_load *load, const struct class_cost *cost,
                                  const struct class_table *table)
{
    struct class_waste waste = {.requested = demand_load_bytes(load)};
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 1; units < DEMAND_SIZES; units++) {
            double objects = load->objects[level][units], bytes = load->bytes[level][units];
            if (objects <= 0.0)
                continue;
            guint i = class_for(table, level, units);
            if (i == table->count) {
                waste.page_rounding += objects * class_cost_pages(cost, units) - bytes;
                continue;
            }
            double size = (double)table->size[i];
            waste.rounding += objects * size - bytes;
            waste.slab_ends += objects * (cost->object[table->size[i] / DEMAND_UNIT] - size);
        }
    }
    waste.total = waste.rounding + waste.slab_ends + waste.page_rounding;
    return waste;
}

struct class_table class_table_of(const struct replay_heap_options *heap)
{
    struct class_table table = {.count = heap->class_count};
    for (guint i = 0; i < table.count; i++)
        table.size[i] = heap->class_size[i];
    return table;
}

struct class_table class_table_standard(enum bsa_class_set set)
{
    const struct bsa_class_table *standard = bsa_standard_classes(set);
    struct class_table table = {.count = standard->count};
    for (guint i = 0; i < table.count; i++)
        table.size[i] = standard->object_sizes[i];
    return table;
}
