/* SPDX-License-Identifier: Apache-2.0 */
/* Free pages are handed over to have their contents given up, and each only once. */
#include <stdlib.h>

#include "buddies.h"

enum { TREE = 512, PAGES = 8 * TREE };

/* What a test knows of each page of one region. */
struct world {
    bsa_buddy *buddy;
    unsigned char *base; /* aligned to a tree */
    size_t min_pages;
    size_t rows, pages; /* handed over in this call */
    bool taken[PAGES];  /* in the test's hands */
    bool used[PAGES];   /* since it was last handed over, or counts as such */
    size_t free_in_tree[PAGES / TREE];
    void (*in_hook)(struct world *w, void *addr, size_t bytes);
};

static size_t page_in(const struct world *w, const void *p)
{
    size_t page = (size_t)((const unsigned char *)p - w->base) / PAGE;
    must(page < PAGES);
    return page;
}

static void hand_over(void *ctx, void *addr, size_t bytes)
{
    struct world *w = ctx;
    size_t first = page_in(w, addr), n = bytes / PAGE;
    unsigned flags;
    must(is_aligned(addr, PAGE) && bytes % PAGE == 0);
    must(n >= w->min_pages && n <= 16 * TREE && first + n <= PAGES);
    for (size_t page = first; page < first + n; page++) {
        must(!w->taken[page]);
        must(w->used[page]);
    }
    for (size_t page = first; page < first + n; page++)
        w->used[page] = false;
    assert_ok(bsa_buddy_page_flags(w->buddy, addr, &flags));
    must((flags & BSA_PAGE_FREE) == 0);
    w->rows++;
    w->pages += n;
    if (w->in_hook != NULL)
        w->in_hook(w, addr, bytes);
}

/* A region whose first tree holds the metadata. */
static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    ck_assert_ptr_nonnull(w);
    w->base = region_new(PAGES * PAGE, TREE * PAGE, 0);
    w->buddy = buddy_new(w->base, PAGES * PAGE, PAGE);
    assert_ok(bsa_buddy_section(w->buddy, 0, &info));
    memset(w->used, true, sizeof w->used); /* nobody knows */
    for (size_t page = 0; page < PAGES; page++) {
        w->taken[page] = page < page_in(w, info.start);
        w->free_in_tree[page / TREE] += !w->taken[page];
    }
    return w;
}

static size_t release(struct world *w, size_t min_pages)
{
    w->min_pages = min_pages;
    w->rows = w->pages = 0;
    size_t bytes = bsa_buddy_release(w->buddy, min_pages * PAGE, hand_over, w);
    must(bytes == w->pages * PAGE);
    assert_ok(bsa_buddy_validate(w->buddy));
    return w->pages;
}

static void *take(struct world *w, size_t n)
{
    void *p = NULL;
    if (bsa_buddy_alloc(w->buddy, n, 1, &p) != BSA_OK)
        return NULL;
    size_t first = page_in(w, p);
    for (size_t page = first; page < first + n; page++) {
        must(!w->taken[page]);
        w->taken[page] = w->used[page] = true;
        w->free_in_tree[page / TREE]--;
    }
    return p;
}

static void give(struct world *w, void *p, size_t n)
{
    assert_ok(bsa_buddy_free(w->buddy, p, n));
    size_t first = page_in(w, p);
    for (size_t page = first; page < first + n; page++) {
        size_t tree = page / TREE;
        w->taken[page] = false;
        if (++w->free_in_tree[tree] == TREE) /* counts as used, all of it */
            memset(&w->used[tree * TREE], true, TREE);
    }
}

START_TEST(all_once)
{
    struct world *w = world_new();
    size_t all = free_pages(w->buddy, PAGE);
    ck_assert_uint_eq(release(w, 1), all);
    ck_assert_uint_eq(release(w, 1), 0);
    /* What was used, and nothing else. */
    void *p = take(w, 3), *q = take(w, 1), *large = take(w, 2 * TREE);
    ck_assert_uint_eq(release(w, 1), 0);
    give(w, p, 3);
    ck_assert_uint_eq(release(w, 4), 0);
    ck_assert_uint_eq(release(w, 1), 3);
    give(w, q, 1);
    give(w, large, 2 * TREE);
    ck_assert_uint_eq(release(w, 2 * TREE), 2 * TREE);
    ck_assert_uint_eq(w->rows, 1);
    ck_assert_uint_eq(release(w, 1), 1);
    ck_assert_uint_eq(release(w, 1), 0);
    ck_assert_uint_eq(free_pages(w->buddy, PAGE), all);
    /* A tree that was used in part: all of it, once. */
    void *some[PAGES]; /* which trees are taken first depends on where the region lies */
    size_t n = 0;
    while (w->free_in_tree[1] == TREE || w->free_in_tree[1] > TREE - 5)
        some[n++] = take(w, 1);
    while (n-- > 0)
        give(w, some[n], 1);
    ck_assert_uint_ge(release(w, 1), TREE);
    ck_assert_uint_eq(release(w, 1), 0);
    ck_assert_uint_eq(bsa_buddy_release(NULL, 0, hand_over, w), 0);
    ck_assert_uint_eq(bsa_buddy_release(w->buddy, 0, NULL, w), 0);
    free(w);
}
END_TEST

START_TEST(random_rows)
{
    enum { HELD = 200 };
    struct rng rng = rng_for("random_rows");
    struct world *w = world_new();
    struct {
        void *p;
        size_t n;
    } held[HELD] = {{NULL, 0}};
    size_t rows = 0;
    for (size_t i = 0; i < scaled(40000); i++) {
        size_t k = rng_below(&rng, HELD);
        bool grows = i / 2000 % 2 == 0;
        if (held[k].p != NULL && (!grows || rng_below(&rng, 4) == 0)) {
            give(w, held[k].p, held[k].n);
            held[k].p = NULL;
        } else if (held[k].p == NULL && (grows || rng_below(&rng, 4) == 0)) {
            held[k].n = rng_between(&rng, 1, rng_below(&rng, 16) == 0 ? 1200 : 30);
            held[k].p = take(w, held[k].n);
        }
        if (rng_below(&rng, 50) == 0) {
            release(w, rng_between(&rng, 1, rng_below(&rng, 4) == 0 ? 2000 : 20));
            rows += w->rows;
        }
    }
    for (size_t k = 0; k < HELD; k++) {
        if (held[k].p != NULL)
            give(w, held[k].p, held[k].n);
    }
    ck_assert_uint_gt(rows, 100);
    release(w, 1);
    for (size_t page = 0; page < PAGES; page++)
        must(w->taken[page] || !w->used[page]);
    ck_assert_uint_eq(release(w, 1), 0);
    free(w);
}
END_TEST

/* The hook may allocate, which is served from elsewhere; a region that is in it stays. */
static void allocate_meanwhile(struct world *w, void *addr, size_t bytes)
{
    void *p = NULL;
    if (w->rows == 1) {
        ck_assert_uint_eq(bsa_buddy_allocated_bytes(w->buddy), 0);
        assert_ok(bsa_buddy_alloc(w->buddy, 1, 1, &p));
        must((unsigned char *)p < (unsigned char *)addr ||
             (unsigned char *)p >= (unsigned char *)addr + bytes);
        assert_ok(bsa_buddy_free(w->buddy, p, 1));
    }
    assert_ok(bsa_buddy_validate(w->buddy));
}

START_TEST(the_hook_may_allocate)
{
    struct world *w = world_new();
    w->in_hook = allocate_meanwhile;
    ck_assert_uint_gt(release(w, 1), 7 * TREE);
    free(w);
}
END_TEST

static struct region added;

static void remove_meanwhile(void *ctx, void *addr, size_t bytes)
{
    bsa_heap *heap = ctx;
    if (within(addr, bytes, added.start, added.bytes))
        assert_status(bsa_heap_remove_region(heap, added.start), BSA_ERR_MEMORY_OVERLAP);
    memset(addr, 0xee, bytes); /* it is the caller's while it lasts */
    check_heap_sums(heap);
}

START_TEST(heaps_release_too)
{
    struct machine m;
    machine_start(&m);
    machine_brackets(&m);
    bsa_heap *heap = heap_new(&m, 4 * MIB, (struct bsa_heap_config)BSA_HEAP_CONFIG_INIT);
    added = region_make(3 * MIB, PAGE, 0);
    assert_ok(bsa_heap_add_region(heap, added.start, added.bytes));
    size_t managed = bsa_heap_managed_bytes(heap);
    ck_assert_uint_eq(bsa_heap_release(heap, 0, remove_meanwhile, heap), managed);
    ck_assert_uint_eq(bsa_heap_release(heap, 0, remove_meanwhile, heap), 0);
    void *p = heap_get(heap, 100, 8);
    assert_ok(bsa_heap_free(heap, p));
    bsa_heap_reclaim(heap);
    ck_assert_uint_gt(bsa_heap_release(heap, 0, remove_meanwhile, heap), 0);
    ck_assert_uint_eq(bsa_heap_release(NULL, 0, remove_meanwhile, heap), 0);
    assert_ok(bsa_heap_remove_region(heap, added.start));
    region_free(&added);
    check_heap_sums(heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("release");
    TCase *tcase = tcase_create("release");
    tcase_add_test(tcase, all_once);
    tcase_add_test(tcase, random_rows);
    tcase_add_test(tcase, the_hook_may_allocate);
    tcase_add_test(tcase, heaps_release_too);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
