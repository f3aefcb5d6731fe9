/* SPDX-License-Identifier: Apache-2.0 */
/* A heap and its model, in every set-up that the model test runs through. */
#ifndef BSA_TESTS_HEAP_WORLD_H
#define BSA_TESTS_HEAP_WORLD_H

#include "heap_model.h"

struct setup {
    const char *name;
    size_t page_size;
    unsigned cpus, used; /* configured, and those that the test takes on */
    unsigned flags, magazines, lists, keep, depot;
    size_t region_pages;
    unsigned at_start; /* regions at init; the others are added on the way */
    size_t offset;     /* of each region's start behind a large alignment */
    bool zones;        /* regions lie above, below and across 4 GiB */
    enum { NINE, KMALLOC, FINE, ODD } classes;
};

static const unsigned odd_sizes[] = {8, 24, 40, 72, 136, 328, 600, 1000, 1736, 2040};

static const struct bsa_class_table odd_table = {sizeof(odd_table), 10, odd_sizes};

static inline const struct bsa_class_table *table_of(const struct setup *s)
{
    switch (s->classes) {
    case KMALLOC:
        return bsa_standard_classes(BSA_CLASSES_KMALLOC);
    case FINE:
        return bsa_standard_classes(BSA_CLASSES_FINE);
    case ODD:
        return &odd_table;
    default:
        return bsa_standard_classes(BSA_CLASSES_NINE);
    }
}

static const struct setup setups[] = {
    {"defaults", 4096, 1, 1, 0, 0, 0, 0, 0, 600, 1, 0, false, NINE},
    {"four CPUs", 4096, 4, 4, 0, 0, 0, 0, 0, 900, 2, 64, false, NINE},
    {"no magazines, no lists", 4096, 4, 4, 0, BSA_NONE, BSA_NONE, BSA_NONE, BSA_NONE, 300, 1, 1,
     false, NINE},
    {"magazines of one", 4096, 3, 3, 0, 1, 1, 2, 1, 300, 5, 4096, false, NINE},
    {"small magazines, deep depot", 4096, 4, 4, 0, 4, 16, 1, 8, 400, 3, 100, false, NINE},
    {"large magazines", 4096, 2, 2, 0, 256, 64, 3, 0, 900, 1, 0, false, NINE},
    {"1 KiB pages", 1024, 4, 4, 0, 8, 32, 0, 4, 1500, 3, 333, false, NINE},
    {"64 KiB pages", 65536, 2, 2, 0, 16, 16, 0, 2, 200, 2, 7, false, NINE},
    {"exclusive CPUs", 4096, 4, 4, BSA_HEAP_EXCLUSIVE_CPUS, 8, 32, 0, 4, 600, 2, 0, false, NINE},
    {"exclusive, defaults", 16384, 2, 2, BSA_HEAP_EXCLUSIVE_CPUS, 0, 0, 0, 0, 400, 2, 5, false,
     NINE},
    {"kmalloc classes", 4096, 4, 4, 0, 0, 0, 0, 0, 800, 2, 0, false, KMALLOC},
    {"fine classes", 4096, 2, 2, 0, 0, 0, 0, 0, 900, 2, 0, false, FINE},
    {"fine classes, 1 KiB pages", 1024, 3, 3, BSA_HEAP_EXCLUSIVE_CPUS, 4, 8, 1, 2, 1500, 3, 8,
     false, FINE},
    {"odd classes", 4096, 3, 3, 0, 6, 8, 1, 2, 500, 4, 96, false, ODD},
    {"4096 CPUs, few pages", 4096, 4096, 64, 0, 0, 0, 0, 0, 300, 1, 0, false, NINE},
    {"zones", 4096, 2, 2, 0, 8, 16, 0, 0, 400, 3, 0, true, NINE},
    {"tiny regions", 4096, 2, 2, 0, 2, 4, 0, 0, 24, 5, 48, false, NINE},
};

enum { WORLD_CACHES = 3 };

struct world {
    const struct setup *setup;
    struct model *model;
    bsa_heap *heap;
    bsa_cache *caches[WORLD_CACHES];
    struct rng rng;
    struct faults faults;
    bool filling;
    size_t failures;
    unsigned char *last_freed; /* by the step before, */
    unsigned last_cpu;         /*   as this CPU */
};

static struct world *the_world; /* for the hooks, which the heap's copy of the platform leads to */

static inline uint64_t hook_physical(void *ctx, const void *addr)
{
    (void)ctx;
    return model_physical(the_world->model, addr);
}

static const uint64_t physical_base[MODEL_REGIONS] = {
    UINT64_C(0x200000000), /* above 4 GiB */
    UINT64_C(0x010000000), /* below */
    0,                     /* across: set below */
    UINT64_C(0x300000000),
    UINT64_C(0x040000000),
};

static inline void make_world(struct world *w, int i)
{
    const struct setup *s = w->setup = &setups[i];
    w->rng = rng_for(s->name);
    w->model = calloc(1, sizeof(*w->model));
    expect(w->model != NULL);
    the_world = w;
    for (unsigned r = 0; r < MODEL_REGIONS; r++) {
        size_t bytes = s->region_pages * s->page_size + rng_below(&w->rng, 4096);
        /* Physical addresses agree with virtual ones below the page size. */
        uint64_t physical = physical_base[r] + s->offset;
        if (r == 2)
            physical = (UINT64_C(1) << 32) - s->region_pages / 2 * s->page_size + s->offset;
        model_make_region(w->model, r, bytes, (size_t)1 << 21, s->offset, physical);
    }
    struct bsa_platform platform = stress_platform();
    platform.fault = faults_record;
    platform.ctx = &w->faults;
    if (s->zones)
        platform.virt_to_phys = hook_physical;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    config.page_size = s->page_size;
    config.cpus = s->cpus;
    config.flags = s->flags;
    config.platform = &platform;
    config.magazine_objects = s->magazines;
    config.page_list_pages = s->lists;
    config.keep_empty = s->keep;
    config.depot_magazines = s->depot;
    config.caches = WORLD_CACHES;
    config.classes = s->classes != NINE ? table_of(s) : NULL;
    struct region *first = &w->model->region[0];
    expect_status(bsa_heap_init(&w->heap, first->start, first->bytes, &config), BSA_OK);
    for (unsigned r = 1; r < s->at_start; r++)
        expect_status(
            bsa_heap_add_region(w->heap, w->model->region[r].start, w->model->region[r].bytes),
            BSA_OK);
    w->model->regions = s->at_start;
}

static inline size_t random_size(struct world *w)
{
    switch (rng_below(&w->rng, 8)) {
    case 0:
        return rng_below(&w->rng, 17);
    case 1:
        return rng_between(&w->rng, 2000, 2100);
    case 2:
        return rng_between(&w->rng, 2049, 3 * w->setup->page_size);
    default:
        return rng_below(&w->rng, (size_t)16 << rng_below(&w->rng, 8));
    }
}

/* Object size of the class that such a request gets; 0: it is one for pages. */
static inline size_t class_size(const struct world *w, size_t size, size_t align)
{
    const struct bsa_class_table *table = table_of(w->setup);
    for (unsigned c = 0; c < table->count; c++) {
        size_t k = table->object_sizes[c];
        if (k >= size && (k & (0 - k)) >= align)
            return k;
    }
    return 0;
}

static inline size_t pages_of(const struct world *w, size_t size)
{
    return size == 0 ? 1 : (size - 1) / w->setup->page_size + 1;
}

/* Memory was refused: then there must not have been any. Pages on this path: nothing is cached any
 * more but in exclusive mode, where other CPUs keep what they have. */
static inline void refused(struct world *w, size_t pages, size_t align)
{
    size_t counts[BSA_MAX_ORDER + 1];
    w->failures++;
    w->filling = false;
    if (w->setup->zones)
        return; /* low memory is kept back from ordinary requests */
    size_t size = 1;
    unsigned order = 0;
    while (size < pages || size * w->setup->page_size < align) {
        size *= 2;
        order++;
    }
    expect_status(bsa_heap_free_blocks(w->heap, counts, BSA_MAX_ORDER + 1), BSA_OK);
    for (; order <= BSA_MAX_ORDER; order++)
        if (counts[order] != 0)
            ck_abort_msg("%zu pages refused with a free block of 2^%u", pages, order);
}

static inline void refused_object(struct world *w, size_t object_size)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    expect_status(bsa_heap_stats(w->heap, &s), BSA_OK);
    unsigned c = 0;
    while (s.size_class[c].object_size != object_size)
        c++;
    const struct bsa_class_stats *k = &s.size_class[c];
    expect_eq(k->free + k->remote_pending, 0);
    if ((w->setup->flags & BSA_HEAP_EXCLUSIVE_CPUS) == 0)
        expect_eq(k->in_magazines + k->in_depot, 0);
    /* A page for the record may have to come from the only block that is large enough. */
    refused(w, 2 * k->slab_pages, 1);
}

static inline void refused_any(struct world *w, size_t size, size_t align)
{
    if (class_size(w, size, align) != 0)
        refused_object(w, class_size(w, size, align));
    else
        refused(w, pages_of(w, size), align);
}

static inline void enter(struct world *w, void *p, size_t size, size_t align)
{
    size_t object = class_size(w, size, align);
    struct live *entry = model_add(w->model, w->heap, p, size, align,
                                   object != 0 ? 0 : pages_of(w, size), w->setup->page_size);
    if (object != 0)
        expect_eq(entry->usable, object);
}

#endif
