/* SPDX-License-Identifier: Apache-2.0 */
/* A heap's beginning and end: how the prefix of its first region is divided. */
#include "heap.h"

enum {
    MAGAZINE_BYTES_MAX = 16384, /* objects in one magazine, in bytes */
    LIST_PAGES_MAX = 8192,
    LIST_SHARES = 4,     /* pages may be four times what objects may */
    ODD_BLOCKS_MAX = 16, /* in the list of a count that is no power of two */
    LARGE_MIN = 4,       /* lists of more than 64 pages are for so many blocks at least */
    DEPOT_BATCHES_MAX = 16,
    CACHES_DEFAULT = 32,
    CACHES_PART = 256, /* room for named caches, where nobody asked for some: 1/256 of memory */
    PER_CPU_PART = 64, /* what one CPU may hold back: 1/64 of its share of memory, and what all may
                          for whoever needs more: 1/64 of it */
    ARENA_PART = 32,   /* room made at once for CPU states: 1/32 of the region */
    FIRST_CPU_PART = 8 /*   but for the first one up to 1/8 */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Everything that is decided before a byte of the region is written. */
struct plan {
    struct bsa_heap_config config;
    struct bsa_buddy_config buddy;
    struct bsai_classes classes;
    struct bsai_cpu_shape shape;
    unsigned depot_batches;
    size_t caches, named, pools, depots, slots, leaves, common, arena,
        arena_end; /* offsets from the heap */
};

/* Named caches that there is room for, by default. */
static unsigned default_caches(const struct plan *plan, size_t bytes)
{
    size_t each =
        sizeof(struct bsai_cache) + sizeof(struct bsa_cache) + sizeof(struct bsai_records) +
        (plan->config.cpus + 1) * (sizeof(struct bsai_magazine) + sizeof(struct bsai_shelf));
    return (unsigned)min(CACHES_DEFAULT, bsai_divide(bytes / CACHES_PART, each));
}

static bool read_config(struct plan *plan, const struct bsa_heap_config *config)
{
    struct bsa_heap_config *c = &plan->config;
    if (config != NULL) {
        if (!bsai_copy_sized(c, sizeof(*c), config, config->size))
            return false;
    } else {
        bsai_memset(c, 0, sizeof(*c));
    }
    if (!bsai_read_page_size(&c->page_size))
        return false;
    if (c->cpus == 0)
        c->cpus = 1;
    if (c->caches > BSA_MAX_CACHES && c->caches != BSA_NONE)
        return false;
    unsigned known = BSA_HEAP_EXCLUSIVE_CPUS | BSA_HEAP_ZEROED;
    if (c->cpus > BSA_MAX_CPUS || (c->flags & ~known) != 0)
        return false;
    plan->buddy = (struct bsa_buddy_config){
        .size = sizeof(plan->buddy),
        .page_size = c->page_size,
        .flags = (c->flags & BSA_HEAP_ZEROED) != 0 ? BSAI_BUDDY_ZEROED : 0,
        .platform = c->platform,
        .lowmem_reserve = c->lowmem_reserve};
    return bsai_classes_make(&plan->classes, c->classes);
}

/* Divides slots among a CPU's lists, for so many pages in all. A list may have a fourth of them, or
 * an eighth where its count is no power of two, and the largest blocks are listed only where there
 * is room for some. */
static void share_lists(struct bsai_cpu_shape *shape, size_t pages)
{
    shape->list_pages = pages;
    shape->list_count = 0;
    for (unsigned i = 0; i < BSAI_LISTS; i++) {
        size_t each = bsai_list_pages(i);
        bool even = bsai_is_pow2(each);
        if (pages < (i < BSAI_LIST_RUN_MAX ? each : LARGE_MIN * each))
            continue;
        size_t blocks = bsai_divide(pages, (even ? 4 : 8) * each);
        blocks = min(blocks, even ? BSAI_LIST_SLOTS_MAX : ODD_BLOCKS_MAX);
        shape->list[i] = (uint16_t)(blocks == 0 ? 1 : blocks);
        shape->list_count = i + 1;
    }
}

/* Capacities of magazines and lists, from the memory there is for each CPU. */
static void shape_cpus(struct plan *plan, size_t bytes)
{
    const struct bsa_heap_config *c = &plan->config;
    struct bsai_cpu_shape *shape = &plan->shape;
    size_t share = bsai_divide(bytes, c->cpus) / PER_CPU_PART;

    bsai_memset(shape, 0, sizeof(*shape));
    shape->classes = plan->classes.count;
    shape->named = c->caches == 0          ? default_caches(plan, bytes)
                   : c->caches == BSA_NONE ? 0
                                           : c->caches;
    shape->object_bytes = min(share, MAGAZINE_BYTES_MAX);
    shape->adapts = c->magazine_objects == 0;
    shape->grown_most = share;
    for (unsigned i = 0; i < shape->classes; i++) {
        size_t most = min(BSAI_MAGAZINE_DEFAULT,
                          bsai_divide(share, shape->classes * sizeof(struct bsai_slot)));
        most = min(most, bsai_divide(shape->object_bytes, plan->classes.size[i]));
        if (c->magazine_objects != 0)
            most =
                c->magazine_objects == BSA_NONE ? 0 : min(c->magazine_objects, BSAI_MAGAZINE_MAX);
        shape->magazine[i] = (uint16_t)most;
    }
    size_t pages = min(LIST_PAGES_MAX, LIST_SHARES * share >> bsai_log2(c->page_size));
    if (c->page_list_pages != 0)
        pages = c->page_list_pages == BSA_NONE ? 0 : c->page_list_pages;
    share_lists(shape, pages);
    bsai_cpu_measure(shape);
}

/* Batches per class in the depot: none for one CPU, and never more than a thousandth of memory for
 * slots. */
static unsigned depot_batches(const struct plan *plan, size_t bytes)
{
    const struct bsa_heap_config *c = &plan->config;
    size_t slots = 0;
    if (c->cpus == 1 || c->depot_magazines == BSA_NONE)
        return 0;
    for (unsigned i = 0; i < plan->shape.classes; i++)
        slots += plan->shape.magazine[i] / 2;
    if (slots == 0)
        return 0;
    size_t most =
        c->depot_magazines != 0 ? c->depot_magazines : min(2 * (size_t)c->cpus, DEPOT_BATCHES_MAX);
    return (unsigned)min(most, bsai_divide(bytes / 1024, slots * sizeof(struct bsai_slot)));
}

static size_t place(size_t *at, size_t bytes)
{
    return bsai_append(at, bytes, BSA_CACHE_LINE);
}

static void lay_out(struct plan *plan, size_t bytes)
{
    unsigned n = plan->classes.count, named = plan->shape.named;
    size_t at = sizeof(struct bsa_heap), slots = 0;
    struct bsai_cpu_shape common = plan->shape;

    plan->depot_batches = depot_batches(plan, bytes);
    plan->caches = place(&at, (n + 1 + named) * sizeof(struct bsai_cache));
    plan->named = place(&at, named * sizeof(struct bsa_cache));
    plan->pools = place(&at, (n + named) * sizeof(struct bsai_records));
    plan->leaves = place(&at, (plan->config.cpus + BSAI_LEAF_CPUS - 1) / BSAI_LEAF_CPUS *
                                  sizeof(struct bsai_cpu_leaf *));
    plan->depots = plan->slots = 0;
    if (plan->depot_batches != 0) {
        plan->depots = place(&at, n * sizeof(struct bsai_depot));
        for (unsigned i = 0; i < n; i++)
            slots += plan->shape.magazine[i] / 2;
        plan->slots = place(&at, slots * plan->depot_batches * sizeof(struct bsai_slot));
    }

    bsai_memset(common.magazine, 0, sizeof(common.magazine));
    common.list_count = 0;
    bsai_cpu_measure(&common);
    plan->common = place(&at, common.bytes);

    size_t each = plan->shape.bytes,
           leaf = bsai_align_up(sizeof(struct bsai_cpu_leaf), BSA_CACHE_LINE);
    size_t room = bytes / ARENA_PART;
    if (room < each && each <= bytes / FIRST_CPU_PART)
        room = each;
    size_t all = plan->config.cpus * each + (plan->config.cpus - 1) / BSAI_LEAF_CPUS * leaf;
    plan->arena = place(&at, min(room, all));
    plan->arena_end = at;
}

static void make_depots(struct bsa_heap *heap, const struct plan *plan)
{
    char *base = (char *)heap;
    heap->depots = NULL;
    if (plan->depot_batches == 0)
        return;
    heap->depots = (struct bsai_depot *)(void *)(base + plan->depots);
    struct bsai_slot *slots = (struct bsai_slot *)(void *)(base + plan->slots);
    for (unsigned c = 0; c < heap->classes.count; c++) {
        struct bsai_depot *depot = &heap->depots[c];
        bsai_memset(depot, 0, sizeof(*depot));
        bsai_lock_init(&depot->lock);
        depot->batch = plan->shape.magazine[c] / 2u;
        depot->most = depot->batch == 0 ? 0 : plan->depot_batches;
        depot->slots = slots;
        slots += (size_t)depot->batch * plan->depot_batches;
    }
}

static void make_common(struct bsa_heap *heap, const struct plan *plan)
{
    struct bsai_cpu_shape shape = plan->shape;
    bsai_memset(shape.magazine, 0, sizeof(shape.magazine));
    shape.list_count = 0;
    heap->common = bsai_cpu_lay_out((char *)heap + plan->common, &shape, heap->caches);
    heap->common->heap = heap;
    heap->common->growth = &heap->growth;
    bsai_page_lists_furnish(&heap->common->lists, &heap->list_room, 0);
    heap->common->id = heap->cpus;
    heap->common->locked = 1;
    heap->common->atomic = !heap->exclusive; /* else exposing slabs would take locks of CPUs that
                                                have none */
    bsai_page_lists_own(&heap->common->lists, heap->cpus, true, true, false);
}

/* Instead of the cpu_id hook where there is none. */
static unsigned only_cpu(void *ctx)
{
    (void)ctx;
    return 0;
}

static void make_caller(struct bsa_heap *heap)
{
    const struct bsa_platform *platform = &heap->buddy.platform;
    struct bsai_caller *caller = &heap->caller;
    caller->cpu_id = platform->cpu_id != NULL ? platform->cpu_id : only_cpu;
    caller->ctx = platform->ctx;
    caller->cpus = (unsigned)min(heap->cpus, BSAI_LEAF_CPUS);
    caller->plain = !bsai_platform_brackets(platform) && BSA_CHECKS == 0;
    caller->stays = caller->plain && (!heap->exclusive || platform->run_on_cpu == NULL);
    heap->leaves[0] = &caller->leaf;
}

enum bsa_status bsa_heap_init(bsa_heap **heap, void *region, size_t bytes,
                              const struct bsa_heap_config *config)
{
    struct plan plan;
    size_t start, last;
    if (heap == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (*heap != NULL)
        return BSA_ERR_ALREADY_INITIALIZED;
    if (region == NULL || bytes == 0 || !bsai_add((uintptr_t)region, bytes - 1, &last) ||
        !bsai_round_up((uintptr_t)region, BSA_CACHE_LINE, &start) || start > last)
        return BSA_ERR_INVALID_PARAM;
    if (!read_config(&plan, config))
        return BSA_ERR_INVALID_PARAM;
    shape_cpus(&plan, bytes);
    lay_out(&plan, bytes);
    if (plan.arena >= last - start)
        return BSA_ERR_INVALID_PARAM;

    struct bsa_heap *h = (struct bsa_heap *)start;
    size_t front = start - (uintptr_t)region;
    bsai_memset(h, 0, sizeof(*h));
    enum bsa_status status =
        bsai_buddy_setup(&h->buddy, region, bytes, front + plan.arena_end, &plan.buddy);
    if (status != BSA_OK && plan.arena_end != plan.arena) {
        /* Where a page and the arena do not both fit, CPUs share a state. */
        plan.arena_end = plan.arena;
        status = bsai_buddy_setup(&h->buddy, region, bytes, front + plan.arena_end, &plan.buddy);
    }
    if (status != BSA_OK)
        return status;

    bsai_lock_init(&h->registry);
    h->classes = plan.classes;
    h->shape = plan.shape;
    h->cpus = plan.config.cpus;
    h->exclusive = (plan.config.flags & BSA_HEAP_EXCLUSIVE_CPUS) != 0;
    h->caches = (struct bsai_cache *)(start + plan.caches);
    h->pools = (struct bsai_records *)(start + plan.pools);
    h->leaves = (struct bsai_cpu_leaf **)(start + plan.leaves);
    h->arena = start + plan.arena;
    h->arena_end = start + plan.arena_end;
    bsai_memset(h->leaves, 0, (h->cpus + BSAI_LEAF_CPUS - 1) / BSAI_LEAF_CPUS * sizeof(*h->leaves));
    h->growth.most = bytes / PER_CPU_PART;
    if (plan.config.page_list_pages == 0) {
        h->list_room.most = LIST_PAGES_MAX;
        h->list_room.left = h->cpus * h->shape.list_pages;
    }
    h->slab_bytes = bytes / BSAI_SLABS_MIN;
    h->cache_count = h->classes.count + 1 + h->shape.named;
    h->named = (struct bsa_cache *)(start + plan.named);
    bsai_memset(h->named, 0, h->shape.named * sizeof(*h->named));
    bsai_memset(h->caches, 0, h->cache_count * sizeof(*h->caches));
    h->pool_count = bsai_caches_make(h->caches, h->pools, &h->classes, plan.config.keep_empty,
                                     plan.config.page_size, h->slab_bytes);
    bsai_fast_tables_make(&h->fast, &h->classes);
    for (unsigned c = 0; c < h->cache_count; c++)
        h->caches[c].tag = (uint16_t)BSAI_MAGAZINE_PLACE(c);
    make_depots(h, &plan);
    make_common(h, &plan);
    make_caller(h);
    *heap = h;
    return BSA_OK;
}

static int count_block(void *arg, const struct bsa_live_block *block)
{
    (void)block;
    ++*(size_t *)arg;
    return 0;
}

enum bsa_status bsa_heap_fini(bsa_heap **heap, size_t *live_blocks)
{
    size_t live = 0;
    if (heap == NULL || *heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsa_heap_walk(*heap, count_block, &live);
    if (live_blocks != NULL)
        *live_blocks = live;
    *heap = NULL;
    return BSA_OK;
}
