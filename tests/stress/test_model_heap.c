/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a heap against the model of heap_model.h: every public function that
 * allocates, frees, moves memory between the layers, or refuses, in random order, through phases in
 * which the heap fills up and empties again. One loop of the test per set-up.
 */
#include "heap_world.h"

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
    refused_any(w, size, align);
}

enum { BULK_MAX = 400 };

static void do_bulk_alloc(struct world *w)
{
    void *p[BULK_MAX];
    size_t most = MODEL_LIVE_MAX - 1 - w->model->count;
    size_t n = rng_below(&w->rng, rng_below(&w->rng, 4) == 0 ? BULK_MAX : 30), got = SIZE_MAX;
    size_t size = random_size(w), align = (size_t)1 << rng_below(&w->rng, 5);
    n = n < most ? n : most;
    enum bsa_status status =
        rng_below(&w->rng, 2) == 0
            ? bsa_heap_alloc_bulk(w->heap, size, align, n, p, &got)
            : bsa_cpu_alloc_bulk(bsa_heap_cpu(w->heap, this_cpu), size, align, n, p, &got);
    expect_status(status, got == n ? BSA_OK : BSA_ERR_NO_MEMORY);
    expect(got <= n);
    if (status != BSA_OK)
        refused_any(w, size, align);
    for (size_t i = 0; i < got; i++)
        enter(w, p[i], size, align);
    for (size_t i = got; i < n; i++)
        expect(p[i] == NULL);
}

/* Named caches, of which each lives until somebody ends it while nothing of it is live. */

static size_t live_in(const struct world *w, const bsa_cache *cache)
{
    size_t live = 0;
    for (size_t i = 0; i < w->model->count; i++)
        live += w->model->live[i].cache == cache;
    return live;
}

static void end_cache(struct world *w, bsa_cache **cache)
{
    size_t live = SIZE_MAX, expected = live_in(w, *cache);
    unsigned before = w->faults.count;
    expect_status(bsa_cache_destroy(cache, &live), expected == 0 ? BSA_OK : BSA_ERR_INVALID_PARAM);
    expect_eq(live, expected);
    expect_eq(w->faults.count, before + (expected != 0));
    expect((*cache == NULL) == (expected == 0));
}

static void begin_cache(struct world *w, bsa_cache **cache)
{
    struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
    config.name = "model";
    /* One in four may be larger than 16 pages, up to 1 MiB. */
    bool large = rng_below(&w->rng, 4) == 0;
    config.object_size = rng_between(&w->rng, 1, (size_t)16 << rng_below(&w->rng, large ? 17 : 9));
    config.align = (size_t)1 << rng_below(&w->rng, large ? 18 : 9);
    config.magazine_objects = rng_below(&w->rng, 3) == 0 ? BSA_NONE : 0;
    config.keep_empty = (unsigned)rng_below(&w->rng, 4);
    expect_status(bsa_cache_create(w->heap, &config, cache), BSA_OK);
}

static void do_cache(struct world *w)
{
    bsa_cache **cache = &w->caches[rng_below(&w->rng, WORLD_CACHES)];
    struct bsa_cache_stats s = BSA_CACHE_STATS_INIT;
    void *p = NULL;
    if (*cache == NULL)
        begin_cache(w, cache);
    else if (rng_below(&w->rng, 50) == 0)
        end_cache(w, cache);
    if (*cache == NULL)
        return;
    enum bsa_status status = rng_below(&w->rng, 2) == 0
                                 ? bsa_cache_alloc(*cache, &p)
                                 : bsa_cpu_cache_alloc(bsa_heap_cpu(w->heap, this_cpu), *cache, &p);
    expect_status(bsa_cache_stats(*cache, &s), BSA_OK);
    if (status == BSA_OK) {
        struct live *entry = model_add(w->model, w->heap, p, s.object_size, s.align, 0, 1);
        entry->cache = *cache;
        expect_eq(entry->usable, s.objects.object_size);
        return;
    }
    expect_status(status, BSA_ERR_NO_MEMORY);
    expect(p == NULL);
    expect_eq(s.objects.free + s.objects.remote_pending, 0);
    if ((w->setup->flags & BSA_HEAP_EXCLUSIVE_CPUS) == 0)
        expect_eq(s.objects.in_magazines, 0);
    size_t slab_bytes = s.objects.slab_pages * w->setup->page_size;
    refused(w, 2 * s.objects.slab_pages, slab_bytes > s.align ? slab_bytes : s.align);
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
    bool sized =
        entry.cache == NULL && (entry.pages == 0 || class_size(w, entry.bytes, entry.align) == 0);
    switch (rng_below(&w->rng, 7)) {
    case 5:
    case 6:
        if (entry.cache != NULL) {
            expect_status(rng_below(&w->rng, 2) == 0
                              ? bsa_cache_free(entry.cache, entry.at)
                              : bsa_cpu_cache_free(cpu, entry.cache, entry.at),
                          BSA_OK);
            break;
        }
        /* fall through */
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

/* Some of what is live, mixed with what is to be skipped and what is to be refused: a word inside
 * of something that stays live. */
static void do_bulk_free(struct world *w)
{
    void *p[BULK_MAX];
    unsigned n = 0, wrong = 0, before = w->faults.count;
    size_t most = rng_below(&w->rng, 8) == 0 ? BULK_MAX - 3 : 20, freed = SIZE_MAX, good = 0;
    const struct live *stays = &w->model->live[any_live(w)];
    unsigned char *inside = stays->at + stays->usable / 2;
    uint64_t serial = stays->serial;
    for (size_t left = rng_below(&w->rng, most); left > 0 && w->model->count > 1; left--) {
        size_t i = any_live(w);
        if (w->model->live[i].serial == serial)
            continue;
        p[n++] = model_remove(w->model, i).at;
        good++;
        if (n == 5)
            p[n++] = NULL;
        if (n == 7 || n == 9) {
            p[n++] = inside;
            wrong++;
        }
    }
    enum bsa_status status = rng_below(&w->rng, 2) == 0
                                 ? bsa_heap_free_bulk(w->heap, p, n, &freed)
                                 : bsa_cpu_free_bulk(bsa_heap_cpu(w->heap, this_cpu), p, n, &freed);
    expect_status(status, wrong == 0 ? BSA_OK : BSA_ERR_INVALID_PARAM);
    expect_eq(freed, good);
    expect_eq(w->faults.count, before + wrong);
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
        model_add(w->model, w->heap, old.at, old.bytes, old.align, old.pages, w->setup->page_size)
            ->cache = old.cache;
        w->filling = false;
        return;
    }
    model_check_moved(&old, p, size);
    size_t object = class_size(w, size, align);
    bool same = object != 0 ? old.cache == NULL && old.pages == 0 && object == old.usable
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
        if (dice < 130)
            do_calloc(w);
        else if (dice < 150)
            do_bulk_alloc(w);
        else if (dice < 250)
            do_cache(w);
        else if (dice < 350)
            do_pages(w);
        else
            do_alloc(w);
    } else if (dice < 110) {
        do_bulk_free(w);
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
    for (unsigned i = 0; i < WORLD_CACHES; i++) {
        if (w->caches[i] != NULL)
            end_cache(w, &w->caches[i]);
    }
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
