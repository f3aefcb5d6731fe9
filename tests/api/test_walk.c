/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over a heap: what is live, and what its pages are used for. */
#include "machine.h"

static const struct bsa_heap_config plain = BSA_HEAP_CONFIG_INIT;

struct walk {
    struct bsa_live_block seen[400];
    unsigned n, stop_at;
};

static int note(void *arg, const struct bsa_live_block *block)
{
    struct walk *walk = arg;
    ck_assert_uint_lt(walk->n, 400);
    walk->seen[walk->n++] = *block;
    return walk->stop_at != 0 && walk->n == walk->stop_at ? 42 : 0;
}

static const struct bsa_live_block *find_seen(const struct walk *walk, const void *p)
{
    for (unsigned i = 0; i < walk->n; i++) {
        if (walk->seen[i].address == p)
            return &walk->seen[i];
    }
    return NULL;
}

START_TEST(a_walk_sees_what_is_live)
{
    enum { N = 300 };
    static struct walk walk;
    struct machine m;
    struct bsa_heap_config config = plain;
    void *p[N];
    size_t bytes[N];
    machine_start(&m);
    config.cpus = 2;
    bsa_heap *heap = heap_new(&m, 8 * MIB, config);
    ck_assert_int_eq(bsa_heap_walk(heap, note, &walk), 0);
    ck_assert_uint_eq(walk.n, 0);
    for (unsigned i = 0; i < N; i++) {
        m.cpu = i % 2;
        bytes[i] = i % 10 == 0 ? (i % 30 + 1) * (size_t)PAGE : (size_t)8 << (i % 9);
        p[i] = i % 10 == 0 ? heap_get_pages(heap, i % 30 + 1, 1) : heap_get(heap, bytes[i], 1);
    }
    unsigned live = N;
    for (unsigned i = 0; i < N; i++) {
        if (i % 7 == 0 || i % 7 == 1) {
            assert_ok(bsa_heap_free(heap, p[i]));
            bytes[i] = 0;
            live--;
        }
    }
    ck_assert_int_eq(bsa_heap_walk(heap, note, &walk), 0);
    ck_assert_uint_eq(walk.n, live);
    for (unsigned i = 0; i < N; i++) {
        const struct bsa_live_block *seen = find_seen(&walk, p[i]);
        if (bytes[i] == 0)
            continue;
        ck_assert_ptr_nonnull(seen);
        ck_assert_uint_eq(seen->bytes, bytes[i]);
        ck_assert_uint_eq(seen->slab, i % 10 != 0);
    }
    for (unsigned i = 1; i < walk.n; i++)
        ck_assert_uint_gt((uintptr_t)walk.seen[i].address, (uintptr_t)walk.seen[i - 1].address);

    walk = (struct walk){.stop_at = 17};
    ck_assert_int_eq(bsa_heap_walk(heap, note, &walk), 42);
    ck_assert_uint_eq(walk.n, 17);
    ck_assert_int_eq(bsa_heap_walk(heap, NULL, NULL), 0);
    check_heap_sums(heap);
}
END_TEST

/* What a walk over pages adds up to. */
struct page_sums {
    size_t runs, slab_pages, block_pages, listed_pages, meta_pages, withdrawn_pages;
    size_t live, objects;
    uintptr_t end; /* of the run before */
    unsigned stop_at;
};

static int add_run(void *arg, const struct bsa_page_run *run)
{
    struct page_sums *sums = arg;
    size_t *of = run->flags == BSA_PAGE_HEAD     ? &sums->block_pages
                 : run->flags == BSA_PAGE_SLAB   ? &sums->slab_pages
                 : run->flags == BSA_PAGE_CACHED ? &sums->listed_pages
                 : run->flags == BSA_PAGE_META   ? &sums->meta_pages
                                                 : &sums->withdrawn_pages;
    ck_assert_uint_ge((uintptr_t)run->address, sums->end);
    ck_assert_uint_eq(run->flags == BSA_PAGE_SLAB, run->object_size != 0);
    ck_assert_uint_le(run->live, run->objects);
    sums->end = (uintptr_t)run->address + run->pages * PAGE;
    *of += run->pages;
    sums->live += run->live;
    sums->objects += run->objects;
    sums->runs++;
    return sums->stop_at != 0 && sums->runs == sums->stop_at ? 42 : 0;
}

/* The runs are what the statistics count, page for page. */
START_TEST(a_walk_over_pages_adds_up)
{
    enum { N = 300 };
    struct machine m;
    struct bsa_heap_config config = plain;
    struct bsa_heap_stats stats = BSA_HEAP_STATS_INIT;
    struct bsa_section_info section = BSA_SECTION_INFO_INIT;
    struct page_sums sums = {0};
    void *p[N];
    machine_start(&m);
    config.cpus = 2;
    bsa_heap *heap = heap_new(&m, 8 * MIB, config);
    for (unsigned i = 0; i < N; i++) {
        m.cpu = i % 2;
        p[i] = i % 10 == 0 ? heap_get_pages(heap, i % 30 + 1, 1)
                           : heap_get(heap, (size_t)8 << (i % 9), 1);
    }
    assert_ok(bsa_heap_section(heap, 0, &section));
    assert_ok(bsa_heap_reserve(heap, (char *)section.start + section.bytes - 5 * PAGE, 5 * PAGE));
    for (unsigned i = 0; i < N; i++) {
        if (i % 7 == 0 || i % 7 == 1)
            assert_ok(bsa_heap_free(heap, p[i]));
    }
    assert_ok(bsa_heap_stats(heap, &stats));
    ck_assert_int_eq(bsa_heap_walk_pages(heap, add_run, &sums), 0);
    ck_assert_uint_eq(sums.slab_pages * PAGE, stats.slab_bytes);
    ck_assert_uint_eq(sums.block_pages * PAGE, stats.block_bytes);
    ck_assert_uint_eq(sums.listed_pages * PAGE, stats.pages_listed_bytes);
    ck_assert_uint_gt(sums.listed_pages, 0);
    ck_assert_uint_eq(sums.meta_pages * PAGE, stats.record_bytes + stats.cpu_bytes);
    ck_assert_uint_eq(sums.withdrawn_pages, 5);
    size_t live = 0, objects = 0;
    for (unsigned i = 0; i < stats.classes; i++) {
        live += stats.size_class[i].live;
        objects += stats.size_class[i].slabs * stats.size_class[i].objects_per_slab;
    }
    ck_assert_uint_eq(sums.live, live);
    ck_assert_uint_eq(sums.objects, objects);

    struct page_sums some = {.stop_at = 3};
    ck_assert_int_eq(bsa_heap_walk_pages(heap, add_run, &some), 42);
    ck_assert_uint_eq(some.runs, 3);
    ck_assert_int_eq(bsa_heap_walk_pages(heap, NULL, NULL), 0);
    ck_assert_int_eq(bsa_heap_walk_pages(NULL, add_run, &some), 0);
    check_heap_sums(heap);
}
END_TEST

static Suite *walk_suite(void)
{
    Suite *suite = suite_create("walks over a heap");
    TCase *all = tcase_create("all");
    tcase_add_test(all, a_walk_sees_what_is_live);
    tcase_add_test(all, a_walk_over_pages_adds_up);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(walk_suite());
}
