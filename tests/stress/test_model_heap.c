/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a heap against the model of heap_model.h: every public function that
 * allocates, frees, moves memory between the layers, or refuses, in random order, through phases in
 * which the heap fills up and empties again. One loop of the test per set-up below.
 */
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

static const struct bsa_class_table *table_of(const struct setup *s)
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
    {"four CPUs", 4096, 4, 4, 0, 0, 0, 0, 0, 1200, 2, 64, false, NINE},
    {"no magazines, no lists", 4096, 4, 4, 0, BSA_NONE, BSA_NONE, BSA_NONE, BSA_NONE, 300, 1, 1,
     false, NINE},
    {"magazines of one", 4096, 3, 3, 0, 1, 1, 2, 1, 300, 5, 4096, false, NINE},
    {"small magazines, deep depot", 4096, 4, 4, 0, 4, 16, 1, 8, 400, 3, 100, false, NINE},
    {"large magazines", 4096, 2, 2, 0, 256, 64, 3, 0, 2000, 1, 0, false, NINE},
    {"1 KiB pages", 1024, 4, 4, 0, 8, 32, 0, 4, 1500, 3, 333, false, NINE},
    {"64 KiB pages", 65536, 2, 2, 0, 16, 16, 0, 2, 200, 2, 7, false, NINE},
    {"exclusive CPUs", 4096, 4, 4, BSA_HEAP_EXCLUSIVE_CPUS, 8, 32, 0, 4, 600, 2, 0, false, NINE},
    {"exclusive, defaults", 16384, 2, 2, BSA_HEAP_EXCLUSIVE_CPUS, 0, 0, 0, 0, 400, 2, 5, false,
     NINE},
    {"kmalloc classes", 4096, 4, 4, 0, 0, 0, 0, 0, 800, 2, 0, false, KMALLOC},
    {"fine classes", 4096, 2, 2, 0, 0, 0, 0, 0, 1200, 2, 0, false, FINE},
    {"fine classes, 1 KiB pages", 1024, 3, 3, BSA_HEAP_EXCLUSIVE_CPUS, 4, 8, 1, 2, 1500, 3, 8,
     false, FINE},
    {"odd classes", 4096, 3, 3, 0, 6, 8, 1, 2, 500, 4, 96, false, ODD},
    {"4096 CPUs, few pages", 4096, 4096, 64, 0, 0, 0, 0, 0, 300, 1, 0, false, NINE},
    {"zones", 4096, 2, 2, 0, 8, 16, 0, 0, 400, 3, 0, true, NINE},
    {"tiny regions", 4096, 2, 2, 0, 2, 4, 0, 0, 24, 5, 48, false, NINE},
};

struct world {
    const struct setup *setup;
    struct model *model;
    bsa_heap *heap;
    struct rng rng;
    struct faults faults;
    bool filling;
    size_t failures;
    unsigned char *last_freed; /* by the step before, */
    unsigned last_cpu;         /*   as this CPU */
};

static struct world *the_world; /* for the hooks, which the heap's copy of the platform leads to */

static uint64_t hook_physical(void *ctx, const void *addr)
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

static void make_world(struct world *w, int i)
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
    config.classes = s->classes != NINE ? table_of(s) : NULL;
    struct region *first = &w->model->region[0];
    expect_status(bsa_heap_init(&w->heap, first->start, first->bytes, &config), BSA_OK);
    for (unsigned r = 1; r < s->at_start; r++)
        expect_status(
            bsa_heap_add_region(w->heap, w->model->region[r].start, w->model->region[r].bytes),
            BSA_OK);
    w->model->regions = s->at_start;
}

static size_t random_size(struct world *w)
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
static size_t class_size(const struct world *w, size_t size, size_t align)
{
    const struct bsa_class_table *table = table_of(w->setup);
    for (unsigned c = 0; c < table->count; c++) {
        size_t k = table->object_sizes[c];
        if (k >= size && (k & (0 - k)) >= align)
            return k;
    }
    return 0;
}

static size_t pages_of(const struct world *w, size_t size)
{
    return size == 0 ? 1 : (size - 1) / w->setup->page_size + 1;
}

/* Memory was refused: then there must not have been any. Pages on this path: nothing is cached any
 * more but in exclusive mode, where other CPUs keep what they have. */
static void refused(struct world *w, size_t pages, size_t align)
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

static void refused_object(struct world *w, size_t object_size)
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

static void enter(struct world *w, void *p, size_t size, size_t align)
{
    size_t object = class_size(w, size, align);
    struct live *entry = model_add(w->model, w->heap, p, size, align,
                                   object != 0 ? 0 : pages_of(w, size), w->setup->page_size);
    if (object != 0)
        expect_eq(entry->usable, object);
}

static void do_alloc(struct world *w)
{
    size_t size = random_size(w), align = (size_t)1 << rng_below(&w->rng, 5);
    void *p = NULL;
    enum bsa_status status = BSA_OK;
    if (rng_below(&w->rng, 16) == 0)
        align = (size_t)1 << rng_below(&w->rng, 16);
    switch (rng_below(&w->rng, 5)) {
    case 0:
        align = size >= 16 ? 16 : 1;
        p = bsa_malloc(w->heap, size);
        status = p == NULL ? BSA_ERR_NO_MEMORY : BSA_OK;
        break;
    case 1:
        p = bsa_aligned_alloc(w->heap, align, size);
        status = p == NULL ? BSA_ERR_NO_MEMORY : BSA_OK;
        break;
    case 2:
        status = bsa_cpu_alloc(bsa_heap_cpu(w->heap, this_cpu), size, align, &p);
        break;
    default:
        status = bsa_heap_alloc(w->heap, size, align, &p);
        break;
    }
    if (status == BSA_OK) {
        enter(w, p, size, align);
        return;
    }
    expect_status(status, BSA_ERR_NO_MEMORY);
    expect(p == NULL);
    if (class_size(w, size, align) != 0)
        refused_object(w, class_size(w, size, align));
    else
        refused(w, pages_of(w, size), align);
}

static void do_calloc(struct world *w)
{
    size_t n = rng_between(&w->rng, 1, 40), size = rng_below(&w->rng, 100);
    unsigned char *p = bsa_calloc(w->heap, n, size);
    if (p == NULL) {
        w->filling = false;
        return;
    }
    for (size_t i = 0; i < n * size; i++)
        expect_eq(p[i], 0);
    enter(w, p, n * size, n * size >= 16 ? 16 : 1);
    expect(bsa_calloc(w->heap, SIZE_MAX / 2, 3) == NULL);
}

static void do_pages(struct world *w)
{
    size_t most = w->setup->region_pages < 100 ? 6 : 40;
    size_t pages = rng_below(&w->rng, 3) != 0 ? (size_t)1 << rng_below(&w->rng, 4)
                                              : rng_between(&w->rng, 1, most);
    size_t align = (size_t)1 << rng_below(&w->rng, 20);
    void *p = NULL;
    enum bsa_status status;
    bool low = rng_below(&w->rng, 6) == 0;
    if (rng_below(&w->rng, 4) != 0)
        align = w->setup->page_size;
    if (low)
        status = bsa_heap_alloc_pages_lowmem(w->heap, pages, align, &p);
    else if (rng_below(&w->rng, 3) == 0)
        status = bsa_cpu_alloc_pages(bsa_heap_cpu(w->heap, this_cpu), pages, align, &p);
    else
        status = bsa_heap_alloc_pages(w->heap, pages, align, &p);
    if (status == BSA_OK) {
        if (low && w->setup->zones)
            expect(model_physical(w->model, p) + pages * w->setup->page_size <= UINT64_C(1) << 32);
        model_add(w->model, w->heap, p, pages * w->setup->page_size, align, pages,
                  w->setup->page_size);
        return;
    }
    expect_status(status, BSA_ERR_NO_MEMORY);
    expect(p == NULL);
    /* Memory of the test machine lies above 4 GiB. */
    if (!low)
        refused(w, pages, align);
}

static size_t any_live(struct world *w)
{
    return rng_below(&w->rng, w->model->count);
}

static void do_free(struct world *w)
{
    struct live entry = model_remove(w->model, any_live(w));
    bsa_cpu *cpu = bsa_heap_cpu(w->heap, this_cpu);
    bool sized = entry.pages == 0 || class_size(w, entry.bytes, entry.align) == 0;
    switch (rng_below(&w->rng, 5)) {
    case 0:
        bsa_free(w->heap, entry.at);
        break;
    case 1:
        expect_status(bsa_cpu_free(cpu, entry.at), BSA_OK);
        break;
    case 2:
        if (sized) {
            expect_status(bsa_heap_free_sized(w->heap, entry.at, entry.bytes, entry.align), BSA_OK);
            break;
        }
        /* fall through */
    case 3:
        if (entry.pages != 0) {
            expect_status(rng_below(&w->rng, 2) == 0
                              ? bsa_heap_free_pages(w->heap, entry.at, entry.pages)
                              : bsa_cpu_free_pages(cpu, entry.at, entry.pages),
                          BSA_OK);
            break;
        }
        /* fall through */
    default:
        expect_status(bsa_heap_free(w->heap, entry.at), BSA_OK);
        break;
    }
    w->last_freed = entry.at;
    w->last_cpu = this_cpu;
}

/* By the status, by handle, or like C. */
static void *reallocated(struct world *w, void *p, size_t size, size_t *align)
{
    size_t way = rng_below(&w->rng, 3);
    if (way == 0) {
        *align = size >= 16 ? 16 : 1;
        return bsa_realloc(w->heap, p, size);
    }
    *align = (size_t)1 << rng_below(&w->rng, rng_below(&w->rng, 16) == 0 ? 16 : 5);
    void *at = p;
    enum bsa_status status =
        way == 1 ? bsa_heap_realloc(w->heap, &at, size, *align)
                 : bsa_cpu_realloc(bsa_heap_cpu(w->heap, this_cpu), &at, size, *align);
    if (status == BSA_OK)
        return at;
    expect_status(status, BSA_ERR_NO_MEMORY);
    expect(at == p);
    return NULL;
}

static void do_realloc(struct world *w)
{
    size_t size = random_size(w), align;
    if (rng_below(&w->rng, 3) == 0)
        size = rng_below(&w->rng, 12 * w->setup->page_size);
    struct live old = model_remove(w->model, any_live(w));
    unsigned char *p = reallocated(w, old.at, size, &align);
    if (p == NULL) {
        model_add(w->model, w->heap, old.at, old.bytes, old.align, old.pages, w->setup->page_size);
        w->filling = false;
        return;
    }
    model_check_moved(&old, p, size);
    size_t object = class_size(w, size, align);
    bool same = object != 0 ? old.pages == 0 && object == old.usable
                            : old.pages != 0 && pages_of(w, size) <= old.pages;
    if (same && ((uintptr_t)old.at & (align - 1)) == 0)
        expect(p == old.at);
    if (p != old.at)
        expect_eq(bsa_usable_size(w->heap, old.at), 0);
    enter(w, p, size, align);
}

/* What must be refused, and must change nothing: the next free of the victim finds it whole. */
static void do_misuse(struct world *w)
{
    struct live *victim = &w->model->live[any_live(w)];
    enum bsa_status status, expected;
    if (w->last_freed != NULL)
        this_cpu = w->last_cpu; /* a CPU's first call may take the page for its state */
    bsa_cpu *cpu = bsa_heap_cpu(w->heap, this_cpu);
    void *out = w;
    unsigned before = w->faults.count;
    switch (rng_below(&w->rng, 10)) {
    case 0:
        status = bsa_heap_free(w->heap, victim->at + rng_between(&w->rng, 1, victim->usable - 1));
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 1:
        status = bsa_cpu_free(cpu, victim->at + victim->usable / 2);
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 2:
        status = bsa_heap_free(w->heap, &out);
        expected = BSA_ERR_NOT_FOUND;
        break;
    case 3:
        if (w->last_freed == NULL)
            return;
        status = bsa_heap_free(w->heap, w->last_freed);
        expected = BSA_ERR_NOT_ALLOCATED;
        break;
    case 4:
        status = bsa_heap_free_sized(w->heap, victim->at, victim->usable + w->setup->page_size, 1);
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 5:
        status = bsa_heap_free_pages(w->heap, victim->at, victim->pages + 1);
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 6:
        status = bsa_heap_alloc(w->heap, 8, 3 * rng_below(&w->rng, 5), &out);
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 7:
        status = bsa_heap_alloc_pages(w->heap, 0, 1, &out);
        expected = BSA_ERR_INVALID_PARAM;
        break;
    case 8:
        before--; /* not a misuse */
        status = bsa_heap_alloc(w->heap, SIZE_MAX - rng_below(&w->rng, 9000), 1, &out);
        expected = BSA_ERR_NO_MEMORY;
        break;
    default: {
        unsigned was = this_cpu;
        this_cpu = w->setup->cpus + (unsigned)rng_below(&w->rng, 3);
        status = bsa_heap_free(w->heap, victim->at);
        this_cpu = was;
        expected = BSA_ERR_INVALID_PARAM;
        break;
    }
    }
    expect_status(status, expected);
    expect_eq(w->faults.count, before + 1);
    expect(w->faults.count == 0 || w->faults.what != NULL);
}

static void do_drain(struct world *w)
{
    unsigned cpu = (unsigned)rng_below(&w->rng, w->setup->used);
    struct bsa_cpu_stats stats = BSA_CPU_STATS_INIT;
    expect_status(bsa_heap_drain(w->heap, cpu), BSA_OK);
    if (cpu != this_cpu && (w->setup->flags & BSA_HEAP_EXCLUSIVE_CPUS) != 0)
        return; /* posted: met by its owner */
    expect_status(bsa_heap_cpu_stats(w->heap, cpu, &stats), BSA_OK);
    expect_eq(stats.objects_cached, 0);
    expect_eq(stats.pages_listed, 0);
}

static void do_reclaim(struct world *w)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    size_t before = bsa_heap_allocated_bytes(w->heap);
    size_t returned = bsa_heap_reclaim(w->heap);
    expect_eq(before - bsa_heap_allocated_bytes(w->heap), returned);
    if ((w->setup->flags & BSA_HEAP_EXCLUSIVE_CPUS) != 0)
        return;
    expect_status(bsa_heap_stats(w->heap, &s), BSA_OK);
    expect_eq(s.pages_listed_bytes, 0);
    for (unsigned c = 0; c < s.classes; c++) {
        expect_eq(s.size_class[c].in_magazines + s.size_class[c].in_depot, 0);
        expect_eq(s.size_class[c].empty_slabs, 0);
        if (s.size_class[c].live == 0)
            expect_eq(s.size_class[c].slabs, 0);
    }
}

static void do_add_region(struct world *w)
{
    struct model *m = w->model;
    if (m->regions < MODEL_REGIONS) {
        struct region *r = &m->region[m->regions];
        size_t before = bsa_heap_managed_bytes(w->heap);
        expect_status(bsa_heap_add_region(w->heap, r->start, r->bytes), BSA_OK);
        expect(bsa_heap_managed_bytes(w->heap) > before);
        m->regions++;
    }
    struct region *again = &m->region[rng_below(&w->rng, m->regions)];
    size_t skip = rng_below(&w->rng, again->bytes / 2);
    expect_status(bsa_heap_add_region(w->heap, again->start + skip, again->bytes - skip),
                  BSA_ERR_MEMORY_OVERLAP);
}

/* Withdraws a free page now and then; it is live for ever, as the model sees it. */
static void do_reserve(struct world *w)
{
    struct model *m = w->model;
    struct region *r = &m->region[rng_below(&w->rng, m->regions)];
    unsigned flags = 0;
    size_t page = w->setup->page_size;
    unsigned char *at = r->start + rng_below(&w->rng, r->bytes);
    at -= (uintptr_t)at & (page - 1);
    if (m->withdrawn > 8 * page || bsa_heap_page_flags(w->heap, at, &flags) != BSA_OK)
        return;
    size_t managed = bsa_heap_managed_bytes(w->heap), allocated = bsa_heap_allocated_bytes(w->heap);
    enum bsa_status status = bsa_heap_reserve(w->heap, at + 1, page - 1);
    /* What lies on a CPU's list or in an empty slab is asked back, where the CPU may be asked. */
    bool exclusive = (w->setup->flags & BSA_HEAP_EXCLUSIVE_CPUS) != 0;
    bool ready = (flags & BSA_PAGE_FREE) != 0 && ((flags & BSA_PAGE_CACHED) == 0 || !exclusive);
    expect(bsa_heap_allocated_bytes(w->heap) <= allocated);
    if (status != BSA_OK) {
        expect_status(status, BSA_ERR_MEMORY_OVERLAP);
        expect(!ready);
        expect_eq(bsa_heap_managed_bytes(w->heap), managed);
        return;
    }
    expect((flags & (BSA_PAGE_HEAD | BSA_PAGE_TAIL | BSA_PAGE_RESERVED)) == 0);
    expect_eq(bsa_heap_managed_bytes(w->heap), managed - page);
    model_mark(m, at, page, true);
    m->withdrawn += page;
    expect_status(bsa_heap_page_flags(w->heap, at, &flags), BSA_OK);
    expect_eq(flags & ~(unsigned)BSA_PAGE_LOW, BSA_PAGE_RESERVED);
}

static void step(struct world *w)
{
    struct model *m = w->model;
    this_cpu = (unsigned)rng_below(&w->rng, w->setup->used);
    size_t dice = rng_below(&w->rng, 1000);
    bool room = m->count + 1 < MODEL_LIVE_MAX;
    if (!room || m->count == 0)
        w->filling = room;
    if (dice < 25 && m->count != 0) {
        do_misuse(w);
        return;
    }
    w->last_freed = NULL;
    if (dice < 30)
        do_drain(w);
    else if (dice < 32)
        do_reclaim(w);
    else if (dice < 33)
        do_reserve(w);
    else if (dice < 34 && rng_below(&w->rng, 10) == 0)
        do_add_region(w);
    else if (dice < 100 && m->count != 0)
        do_realloc(w);
    else if (m->count == 0 || (room && rng_below(&w->rng, 100) < (w->filling ? 80u : 25u))) {
        if (dice < 150)
            do_calloc(w);
        else if (dice < 350)
            do_pages(w);
        else
            do_alloc(w);
    } else {
        do_free(w);
    }
}

static void finish(struct world *w)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    size_t left = w->model->count / 2, live = 1;
    while (w->model->count > left)
        do_free(w);
    model_compare(w->model, w->heap);
    while (w->model->count > 0)
        do_free(w);
    for (this_cpu = 0; this_cpu < w->setup->used; this_cpu++)
        expect_status(bsa_heap_drain(w->heap, this_cpu), BSA_OK);
    this_cpu = 0;
    bsa_heap_reclaim(w->heap);
    model_compare(w->model, w->heap);
    expect_status(bsa_heap_stats(w->heap, &s), BSA_OK);
    expect_eq(bsa_heap_allocated_bytes(w->heap), s.cpu_bytes);
    expect_status(bsa_heap_fini(&w->heap, &live), BSA_OK);
    expect_eq(live, 0);
    model_free(w->model);
}

START_TEST(random_operations)
{
    struct world w = {.filling = true};
    printf("# %s\n", setups[_i].name);
    make_world(&w, _i);
    size_t steps = fewer_sanitized(BSA_CHECKS >= 2 ? 15000 : 300000, 30);
    size_t every = BSA_CHECKS >= 2 ? 1 : 97;
    for (size_t i = 1; i <= steps; i++) {
        step(&w);
        if (i % every == 0)
            model_compare(w.model, w.heap);
        if (i % 5000 == 0)
            w.filling = !w.filling;
    }
    /* A short run need not have filled the heap yet; it goes on until it has. */
    w.filling = true;
    for (size_t i = 0; w.failures == 0 && i < 300000; i++)
        step(&w);
    expect(w.failures > 0);
    finish(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap model");
    TCase *tcase = tcase_create("random operations");
    tcase_add_loop_test(tcase, random_operations, 0, (int)(sizeof(setups) / sizeof(setups[0])));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
