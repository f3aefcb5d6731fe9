/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on the slab allocator alone against a shadow model: what is live, with which
 * contents, and which pages are a slab's. The pages come from a simple bitmap of the range, so that
 * an overlap or a page handed back twice shows at once.
 */
#include "stress.h"

#include <string.h>

enum { LIVE_MAX = 4000 };

struct setup {
    const char *name;
    size_t page_size, range_pages, skew; /* bytes that the range begins behind a page */
    unsigned flags, keep;
    bool tight; /* storage for a part of the range's slabs only */
    unsigned class_count;
    const unsigned *classes;
};

static const unsigned odd_sizes[] = {8, 24, 40, 72, 136, 328, 600, 1000, 1736, 2040};

static const struct setup setups[] = {
    {"defaults", 4096, 300, 0, 0, 0, false, 0, NULL},
    {"unlocked, nothing kept", 4096, 200, 1, BSA_SLAB_UNLOCKED, BSA_NONE, false, 0, NULL},
    {"1 KiB pages, three kept", 1024, 700, 1000, 0, 3, false, 0, NULL},
    {"64 KiB pages", 65536, 60, 0, 0, 0, false, 0, NULL},
    {"odd classes", 8192, 200, 7, 0, 2, false, 10, odd_sizes},
    {"storage runs out", 4096, 400, 0, 0, 1, true, 0, NULL},
};

struct object {
    unsigned char *at;
    size_t bytes, class_bytes;
    uint64_t serial;
};

struct world {
    const struct setup *setup;
    struct rng rng;
    struct region range, storage;
    bsa_slab *slab;
    struct faults faults;
    unsigned char *pages; /* first whole page */
    size_t page_count;
    bool *taken; /* by slabs, as far as the model knows */
    size_t taken_count;
    unsigned char *live_map; /* a byte for 8 bytes */
    struct object live[LIVE_MAX];
    size_t count;
    uint64_t serial;
    size_t refusals, handed_back;
    bool filling;
};

static struct world *make_world(int i)
{
    const struct setup *s = &setups[i];
    struct world *w = calloc(1, sizeof(*w));
    ck_assert_ptr_nonnull(w);
    w->setup = s;
    w->rng = rng_for(s->name);
    w->filling = true;
    w->range = region_make(s->range_pages * s->page_size + s->skew, s->page_size, s->skew);
    uintptr_t first =
        ((uintptr_t)w->range.start + s->page_size - 1) & ~(uintptr_t)(s->page_size - 1);
    w->pages = (unsigned char *)first;
    w->page_count = ((uintptr_t)w->range.start + w->range.bytes - first) / s->page_size;
    w->taken = calloc(w->page_count, sizeof(*w->taken));
    w->live_map = calloc(w->page_count * s->page_size / 8, 1);
    expect(w->taken != NULL && w->live_map != NULL);

    struct bsa_platform platform = stress_platform();
    platform.fault = faults_record;
    platform.ctx = &w->faults;
    struct bsa_class_table table = {sizeof(table), s->class_count, s->classes};
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    config.page_size = s->page_size;
    config.flags = s->flags;
    config.platform = &platform;
    config.keep_empty = s->keep;
    config.classes = s->classes != NULL ? &table : NULL;
    config.range = w->range.start;
    config.range_bytes = w->range.bytes;
    size_t bytes = bsa_slab_storage_bytes(&config);
    expect(bytes != 0);
    if (s->tight) {
        /* What can be left out is the room for records. */
        bsa_slab *probe = NULL;
        size_t least = bytes;
        struct region trial = region_make(bytes, 64, 0);
        while (bsa_slab_init(&probe, trial.start, least - s->page_size, &config) == BSA_OK) {
            probe = NULL;
            least -= s->page_size;
        }
        region_free(&trial);
        bytes = least + 5 * s->page_size;
    }
    w->storage = region_make(bytes, 64, 24);
    assert_status(bsa_slab_init(&w->slab, w->storage.start, bytes, &config), BSA_OK);
    return w;
}

static void end_world(struct world *w)
{
    region_free(&w->range);
    region_free(&w->storage);
    free(w->taken);
    free(w->live_map);
    free(w);
}

static size_t class_bytes(const struct world *w, size_t size, size_t align)
{
    unsigned n = w->setup->classes != NULL ? w->setup->class_count : 9;
    for (unsigned c = 0; c < n; c++) {
        size_t k = w->setup->classes != NULL ? w->setup->classes[c] : (size_t)8 << c;
        if (k >= size && (k & (0 - k)) >= align)
            return k;
    }
    return 0;
}

/* Pages in a row for a slab, aligned; NULL when the range has none. */
static void *find_pages(struct world *w, size_t pages, size_t align)
{
    size_t start = rng_below(&w->rng, w->page_count);
    for (size_t i = 0; i < w->page_count; i++) {
        size_t at = (start + i) % w->page_count, n = 0;
        if (at + pages > w->page_count ||
            ((uintptr_t)(w->pages + at * w->setup->page_size) & (align - 1)) != 0)
            continue;
        while (n < pages && !w->taken[at + n])
            n++;
        if (n == pages)
            return w->pages + at * w->setup->page_size;
    }
    return NULL;
}

static void set_taken(struct world *w, void *base, size_t pages, bool taken)
{
    size_t at = (size_t)((unsigned char *)base - w->pages) / w->setup->page_size;
    expect(at + pages <= w->page_count);
    for (size_t i = 0; i < pages; i++) {
        expect(w->taken[at + i] != taken);
        w->taken[at + i] = taken;
    }
    w->taken_count += taken ? pages : 0 - pages;
}

/* Pages that the allocator hands back hold nothing live. */
static void take_back(struct world *w, const struct bsa_slab_freed *freed)
{
    if (freed->base == NULL) {
        expect_eq(freed->pages, 0);
        return;
    }
    set_taken(w, freed->base, freed->pages, false);
    size_t offset = (size_t)((unsigned char *)freed->base - w->pages);
    expect(memchr(w->live_map + offset / 8, 1, freed->pages * w->setup->page_size / 8) == NULL);
    memset(freed->base, 0xee, freed->pages * w->setup->page_size);
    w->handed_back++;
}

static void enter(struct world *w, unsigned char *p, size_t size, size_t align)
{
    size_t bytes = class_bytes(w, size, align), offset = (size_t)(p - w->pages);
    expect_eq((uintptr_t)p & (align - 1), 0);
    expect(offset + bytes <= w->page_count * w->setup->page_size);
    expect(w->taken[offset / w->setup->page_size]);
    expect(w->taken[(offset + bytes - 1) / w->setup->page_size]);
    expect(memchr(w->live_map + offset / 8, 1, bytes / 8) == NULL);
    memset(w->live_map + offset / 8, 1, bytes / 8);
    w->live[w->count++] = (struct object){p, size, bytes, ++w->serial};
    stamp(p, bytes, w->serial);
}

static void do_alloc(struct world *w, unsigned cpu)
{
    size_t align = (size_t)1 << rng_below(&w->rng, rng_below(&w->rng, 8) == 0 ? 12 : 4);
    size_t size = rng_below(&w->rng, (size_t)16 << rng_below(&w->rng, 8));
    struct bsa_slab_result result;
    if (class_bytes(w, size, align) == 0) {
        expect_status(bsa_slab_alloc(w->slab, cpu, size, align, &result), BSA_ERR_NO_MEMORY);
        expect(result.object == NULL);
        return;
    }
    for (unsigned turn = 0;; turn++) {
        expect_status(bsa_slab_alloc(w->slab, cpu, size, align, &result), BSA_OK);
        if (result.object != NULL) {
            enter(w, result.object, size, align);
            return;
        }
        expect_eq(turn, 0); /* one slab is enough */
        void *pages = find_pages(w, result.needs_pages, result.needs_align);
        enum bsa_status status = BSA_ERR_NO_MEMORY;
        if (pages != NULL) {
            status = bsa_slab_add(w->slab, cpu, result.needs_class, pages, result.needs_pages);
            if (status == BSA_OK)
                set_taken(w, pages, result.needs_pages, true);
            else
                expect(w->setup->tight);
        }
        if (status != BSA_OK) {
            expect_status(status, BSA_ERR_NO_MEMORY);
            w->refusals++;
            w->filling = false;
            return;
        }
    }
}

static void do_free(struct world *w, unsigned cpu)
{
    size_t i = rng_below(&w->rng, w->count);
    struct object o = w->live[i];
    struct bsa_slab_freed freed;
    expect(stamp_is_whole(o.at, o.class_bytes, o.serial));
    memset(w->live_map + (size_t)(o.at - w->pages) / 8, 0, o.class_bytes / 8);
    w->live[i] = w->live[--w->count];
    expect_status(bsa_slab_free(w->slab, cpu, o.at, &freed), BSA_OK);
    take_back(w, &freed);
    if (rng_below(&w->rng, 50) == 0) {
        unsigned before = w->faults.count;
        expect_status(bsa_slab_free(w->slab, cpu, o.at, &freed), BSA_ERR_NOT_ALLOCATED);
        expect(freed.base == NULL);
        expect_eq(w->faults.count, before + 1);
    }
}

static void do_misuse(struct world *w, unsigned cpu)
{
    struct object *o = &w->live[rng_below(&w->rng, w->count)];
    struct bsa_slab_freed freed;
    struct bsa_slab_result result;
    unsigned before = w->faults.count;
    switch (rng_below(&w->rng, 6)) {
    case 0:
        expect_status(bsa_slab_free(w->slab, cpu, o->at + rng_between(&w->rng, 1, 7), &freed),
                      BSA_ERR_INVALID_PARAM);
        break;
    case 1:
        expect_status(bsa_slab_free(w->slab, cpu, &freed, &freed), BSA_ERR_NOT_FOUND);
        break;
    case 2:
        expect_status(bsa_slab_free(w->slab, BSA_MAX_CPUS, o->at, &freed), BSA_ERR_INVALID_PARAM);
        break;
    case 3:
        expect_status(bsa_slab_alloc(w->slab, cpu, 8, 12, &result), BSA_ERR_INVALID_PARAM);
        break;
    case 4: {
        /* Pages that hold an object cannot become another slab. */
        size_t page = w->setup->page_size;
        unsigned char *base = o->at - ((uintptr_t)o->at & (page - 1));
        enum bsa_status status = BSA_ERR_INVALID_PARAM; /* a count that is not the class's */
        for (size_t pages = 1; pages <= 16 && status == BSA_ERR_INVALID_PARAM; pages++)
            status = bsa_slab_add(w->slab, cpu, 0, base, pages);
        if (status != BSA_ERR_NOT_FOUND) /* the range ends before the slab would */
            expect_status(status, BSA_ERR_MEMORY_OVERLAP);
        before = w->faults.count - 1;
        break;
    }
    default:
        expect_status(bsa_slab_alloc(w->slab, cpu, SIZE_MAX, 1, &result), BSA_ERR_NO_MEMORY);
        expect_eq(w->faults.count, before);
        before--;
        break;
    }
    expect_eq(w->faults.count, before + 1);
}

static void do_reclaim(struct world *w)
{
    struct bsa_slab_freed freed;
    expect_status(bsa_slab_reclaim(w->slab, &freed), BSA_OK);
    take_back(w, &freed);
}

static void step(struct world *w)
{
    unsigned cpu = (unsigned)rng_below(&w->rng, 5) * 1000;
    size_t dice = rng_below(&w->rng, 1000);
    if (w->count == LIVE_MAX)
        w->filling = false;
    if (dice < 5)
        do_reclaim(w);
    else if (dice < 30 && w->count != 0)
        do_misuse(w, cpu);
    else if (w->count == 0 ||
             (w->count < LIVE_MAX && rng_below(&w->rng, 100) < (w->filling ? 70u : 30u)))
        do_alloc(w, cpu);
    else
        do_free(w, cpu);
}

START_TEST(random_operations)
{
    printf("# %s\n", setups[_i].name);
    struct world *w = make_world(_i);
    size_t steps = fewer_sanitized(BSA_CHECKS >= 2 ? 20000 : 300000, 10),
           every = BSA_CHECKS >= 2 ? 1 : 101;
    for (size_t i = 1; i <= steps; i++) {
        step(w);
        if (i % every == 0)
            expect_status(bsa_slab_validate(w->slab), BSA_OK);
        if (i % 7000 == 0)
            w->filling = !w->filling;
    }
    printf("# %zu refusals, %zu slabs handed back\n", w->refusals, w->handed_back);
    ck_assert_uint_gt(w->handed_back, 0);
    if (w->setup->tight)
        ck_assert_uint_gt(w->refusals, 0);
    while (w->count != 0)
        do_free(w, 0);
    for (size_t before = SIZE_MAX; w->taken_count != before;) {
        before = w->taken_count;
        do_reclaim(w);
    }
    ck_assert_uint_eq(w->taken_count, 0);
    ck_assert_uint_eq(bsa_slab_pending(w->slab), 0);
    assert_status(bsa_slab_validate(w->slab), BSA_OK);
    end_world(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slab model");
    TCase *tcase = tcase_create("random operations");
    tcase_add_loop_test(tcase, random_operations, 0, (int)(sizeof(setups) / sizeof(setups[0])));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
