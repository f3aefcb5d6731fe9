/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Nth acquisition of a page fails, for every N of a scenario.
 *
 * All pages of a heap are taken, but N. The scenario runs; whenever memory is refused, nothing may
 * have changed, and pages are given one at a time until the same step succeeds. So each acquisition
 * from the Nth on fails once, in the middle of whatever needed it: a slab's pages, the record for
 * it, a CPU's state, a block, the refill of a list. Afterwards every page is back.
 */
#include "heap_model.h"

enum { HELD_MAX = 2048, STEPS = 400, CPUS = 6 };

struct setup {
    const char *name;
    size_t page_size, region_pages;
    unsigned flags, magazines, lists, keep;
};

static const struct setup setups[] = {
    {"defaults", 4096, 400, 0, 0, 0, 0},
    {"bare", 4096, 300, 0, BSA_NONE, BSA_NONE, BSA_NONE},
    {"exclusive", 4096, 400, BSA_HEAP_EXCLUSIVE_CPUS, 8, 8, 2},
    {"1 KiB pages", 1024, 900, 0, 4, 4, 1},
};

struct world {
    const struct setup *setup;
    struct model *model;
    bsa_heap *heap;
    struct faults faults;
    struct rng rng;
    void *held[HELD_MAX]; /* pages out of the scenario's reach */
    size_t held_count;
    size_t refusals;
};

static void make_world(struct world *w, const struct setup *s, size_t left)
{
    struct bsa_platform platform = stress_platform();
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    void *page;
    w->setup = s;
    w->model = calloc(1, sizeof(*w->model));
    expect(w->model != NULL);
    model_make_region(w->model, 0, s->region_pages * s->page_size, 65536, 0, 0);
    w->model->regions = 1;
    platform.fault = faults_record;
    platform.ctx = &w->faults;
    config.platform = &platform;
    config.page_size = s->page_size;
    config.cpus = CPUS;
    config.flags = s->flags;
    config.magazine_objects = s->magazines;
    config.page_list_pages = s->lists;
    config.keep_empty = s->keep;
    this_cpu = 0;
    expect_status(
        bsa_heap_init(&w->heap, w->model->region[0].start, w->model->region[0].bytes, &config),
        BSA_OK);
    while (bsa_heap_alloc_pages(w->heap, 1, 1, &page) == BSA_OK) {
        expect(w->held_count < HELD_MAX);
        w->held[w->held_count++] = page;
    }
    for (; left > 0 && w->held_count > 0; left--)
        expect_status(bsa_heap_free_pages(w->heap, w->held[--w->held_count], 1), BSA_OK);
    expect_status(bsa_heap_drain(w->heap, 0), BSA_OK);
}

/* The heap is as the model says, whose blocks are beside those that are held. */
static void check(struct world *w)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    size_t live = 0;
    expect_status(bsa_heap_validate(w->heap), BSA_OK);
    expect_status(bsa_heap_stats(w->heap, &s), BSA_OK);
    for (unsigned c = 0; c < s.classes; c++)
        live += s.size_class[c].live;
    expect_eq(live, w->model->count - w->model->blocks);
    expect_eq(s.blocks, w->model->blocks + w->held_count);
    expect_eq(s.block_bytes, w->model->block_bytes + w->held_count * w->setup->page_size);
    expect_eq(w->faults.count, 0);
}

struct request {
    enum kind { OBJECT, PAGES, ZEROED, RESIZED, KINDS } kind;
    size_t size, pages, align, victim;
};

/* One try; false when memory is refused. */
static bool try_request(struct world *w, const struct request *r)
{
    struct model *m = w->model;
    size_t page = w->setup->page_size, size = r->size;
    enum bsa_status status = BSA_OK;
    void *p = w;
    switch (r->kind) {
    case OBJECT:
        status = bsa_heap_alloc(w->heap, size, r->align, &p);
        break;
    case PAGES:
        status = bsa_heap_alloc_pages(w->heap, r->pages, page, &p);
        size = r->pages * page;
        break;
    case ZEROED:
        p = bsa_calloc(w->heap, 1, size);
        break;
    default: {
        struct live old = m->live[r->victim];
        expect(stamp_is_whole(old.at, old.usable, old.serial));
        p = bsa_realloc(w->heap, old.at, size);
        if (p != NULL) {
            model_check_moved(&old, p, size);
            model_forget(m, r->victim);
        }
        break;
    }
    }
    if (p == NULL || status != BSA_OK) {
        expect(p == NULL && (status == BSA_OK || status == BSA_ERR_NO_MEMORY));
        return false;
    }
    size_t usable = bsa_usable_size(w->heap, p);
    unsigned flags;
    expect_status(bsa_heap_page_flags(w->heap, p, &flags), BSA_OK);
    size_t pages = (flags & BSA_PAGE_SLAB) != 0 ? 0 : usable / page;
    model_add(m, w->heap, p, size, 1, pages, page);
    return true;
}

static void make_request(struct world *w, struct request *r)
{
    r->kind = (enum kind)rng_below(&w->rng, KINDS);
    if (r->kind == RESIZED && w->model->count == 0)
        r->kind = OBJECT;
    r->size = rng_below(&w->rng, 8) == 0 ? rng_between(&w->rng, 2049, 9000)
                                         : rng_below(&w->rng, (size_t)16 << rng_below(&w->rng, 8));
    r->pages = rng_between(&w->rng, 1, 5);
    r->align = (size_t)1 << rng_below(&w->rng, 8);
    if (w->model->count != 0)
        r->victim = rng_below(&w->rng, w->model->count);
}

static void step(struct world *w)
{
    struct request r = {OBJECT, 0, 0, 1, 0};
    this_cpu = (unsigned)rng_below(&w->rng, CPUS);
    if (w->model->count != 0 && rng_below(&w->rng, 3) == 0) {
        struct live entry = model_remove(w->model, rng_below(&w->rng, w->model->count));
        expect_status(bsa_heap_free(w->heap, entry.at), BSA_OK);
        return;
    }
    make_request(w, &r);
    while (!try_request(w, &r)) {
        w->refusals++;
        check(w);
        if (w->held_count == 0)
            return; /* truly out of memory */
        expect_status(bsa_heap_free_pages(w->heap, w->held[--w->held_count], 1), BSA_OK);
        expect_status(bsa_heap_drain(w->heap, this_cpu), BSA_OK);
    }
}

static void finish(struct world *w)
{
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    check(w);
    while (w->model->count > 0)
        expect_status(bsa_heap_free(w->heap, model_remove(w->model, w->model->count - 1).at),
                      BSA_OK);
    while (w->held_count > 0)
        expect_status(bsa_heap_free(w->heap, w->held[--w->held_count]), BSA_OK);
    for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
        expect_status(bsa_heap_drain(w->heap, this_cpu), BSA_OK);
    this_cpu = 0;
    bsa_heap_reclaim(w->heap);
    check(w);
    expect_status(bsa_heap_stats(w->heap, &s), BSA_OK);
    expect_eq(bsa_heap_allocated_bytes(w->heap), s.cpu_bytes);
    model_free(w->model);
}

START_TEST(nth_page)
{
    const struct setup *s = &setups[_i];
    size_t refusals = 0, runs = 0, n = 0;
    printf("# %s\n", s->name);
    for (bool last = false; !last; n += SANITIZED_THREADS ? 13 : 1) {
        struct world *w = calloc(1, sizeof(*w));
        ck_assert_ptr_nonnull(w);
        w->rng = rng_for(s->name); /* the same scenario each time */
        make_world(w, s, n);
        for (unsigned i = 0; i < STEPS; i++)
            step(w);
        last = w->refusals == 0 || w->held_count == 0;
        refusals += w->refusals;
        finish(w);
        free(w);
        runs++;
    }
    printf("# %zu runs, %zu refusals\n", runs, refusals);
    ck_assert_uint_gt(n, 10);
    ck_assert_uint_gt(refusals, runs);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nth page");
    TCase *tcase = tcase_create("fails");
    tcase_add_loop_test(tcase, nth_page, 0, (int)(sizeof(setups) / sizeof(setups[0])));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
