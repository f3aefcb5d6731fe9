/* SPDX-License-Identifier: Apache-2.0 */
/* The slab allocator alone, by its public interface, on pages that the test brings. */
#include <stdlib.h>

#include "slabs.h"

enum { MOST = 20000 };

static const struct bsa_slab_config plain = BSA_SLAB_CONFIG_INIT;

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void sort(void **p, size_t n)
{
    qsort(p, n, sizeof *p, by_address);
}

/* Objects of one size until the slabs that are there are full; how many. */
static size_t fill(struct slabs *s, unsigned cpu, size_t size, void **p)
{
    struct bsa_slab_result result;
    for (size_t n = 0;; n++) {
        assert_ok(bsa_slab_alloc(s->slab, cpu, size, 1, &result));
        if (result.object == NULL)
            return n;
        p[n] = result.object;
    }
}

START_TEST(the_first_allocation_needs_a_slab)
{
    struct slabs s;
    struct bsa_slab_result result = {.object = &s};
    slabs_start(&s, 64, plain);
    assert_ok(bsa_slab_alloc(s.slab, 0, 64, 64, &result));
    ck_assert_ptr_null(result.object);
    ck_assert_uint_eq(result.needs_class, 3);
    ck_assert_uint_eq(result.needs_pages, 1);
    ck_assert_uint_eq(result.needs_align, PAGE);
    assert_ok(bsa_slab_add(s.slab, 0, 3, s.range + 5 * PAGE, 1));
    assert_ok(bsa_slab_alloc(s.slab, 0, 64, 64, &result));
    ck_assert_uint_eq((uintptr_t)result.object - (uintptr_t)(s.range + 5 * PAGE), 0);
    assert_ok(bsa_slab_validate(s.slab));
}
END_TEST

START_TEST(two_hundred_objects)
{
    struct slabs s;
    void *p[200];
    slabs_start(&s, 64, plain);
    for (unsigned i = 0; i < 200; i++) {
        p[i] = slabs_get(&s, 0, 32, 8);
        pattern_write(p[i], 32, i);
    }
    ck_assert_uint_eq(s.lent, 2);
    for (unsigned i = 0; i < 200; i++) {
        ck_assert(pattern_holds(p[i], 32, i));
        slabs_put(&s, 0, p[i]);
    }
    assert_ok(bsa_slab_validate(s.slab));
    ck_assert_uint_eq(s.lent, 1); /* one empty slab is kept */
}
END_TEST

/* Every size and alignment up to 2048, at every page size: aligned, in range, no two overlap. */
START_TEST(every_class_at_its_alignment)
{
    enum { EACH = 20 };
    struct slabs s;
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    config.page_size = (size_t)1024 << _i;
    config.flags = _i % 2 != 0 ? BSA_SLAB_UNLOCKED : 0;
    slabs_start(&s, 2048, config);
    void *p[9 * 9 * EACH];
    size_t bytes[9 * 9 * EACH], n = 0;
    for (size_t size = 8; size <= 2048; size *= 2) {
        for (size_t align = 8; align <= 2048; align *= 2) {
            for (unsigned k = 0; k < EACH; k++, n++) {
                bytes[n] = size - k % 8;
                p[n] = slabs_get(&s, k % 3, bytes[n], align);
                ck_assert_uint_lt((size_t)((char *)p[n] - s.range), s.pages * s.page_size);
                pattern_write(p[n], bytes[n], (unsigned)n);
            }
        }
    }
    assert_ok(bsa_slab_validate(s.slab));
    for (size_t i = 0; i < n; i++) {
        ck_assert(pattern_holds(p[i], bytes[i], (unsigned)i));
        slabs_put(&s, i % 2, p[i]);
    }
    slabs_reclaim(&s);
    ck_assert_uint_eq(s.lent, 0);
    assert_ok(bsa_slab_validate(s.slab));
}
END_TEST

/* No bytes: the smallest object. A page's alignment is above what classes have. */
START_TEST(smallest_and_largest)
{
    struct slabs s;
    struct bsa_slab_result result;
    slabs_start(&s, 16, plain);
    assert_ok(bsa_slab_alloc(s.slab, 0, 0, 1, &result));
    ck_assert_uint_eq(result.needs_class, 0);
    assert_ok(bsa_slab_alloc(s.slab, 0, 0, 2048, &result));
    ck_assert_uint_eq(result.needs_class, 8);
    assert_ok(bsa_slab_alloc(s.slab, 0, 2048, 1, &result));
    ck_assert_uint_eq(result.needs_class, 8);
    assert_status(bsa_slab_alloc(s.slab, 0, 2049, 1, &result), BSA_ERR_NO_MEMORY);
    assert_status(bsa_slab_alloc(s.slab, 0, 1, 4096, &result), BSA_ERR_NO_MEMORY);
    ck_assert_uint_eq(s.m.faults.count, 0);
}
END_TEST

/* A full slab needs another; after every other object was freed, exactly these come back. */
START_TEST(what_was_freed_comes_back)
{
    size_t size = (size_t)8 << _i % 9;
    bool remote = _i / 9 != 0;
    struct slabs s;
    void *p[MOST], *freed[MOST], *again[MOST];
    slabs_start(&s, 64, plain);
    p[0] = slabs_get(&s, 0, size, 1);
    size_t n = 1 + fill(&s, 0, size, p + 1), half = 0;
    for (size_t i = 0; i < n; i += 2) {
        freed[half++] = p[i];
        slabs_put(&s, remote ? 1 : 0, p[i]);
    }
    ck_assert_uint_eq(bsa_slab_pending(s.slab), remote ? half : 0);
    ck_assert_uint_eq(fill(&s, 0, size, again), half);
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 0);
    sort(freed, half);
    sort(again, half);
    ck_assert_mem_eq(freed, again, half * sizeof *freed);
    assert_ok(bsa_slab_validate(s.slab));
}
END_TEST

/* An object freed elsewhere is pending until its class is asked for one: 0, 1, 0. */
START_TEST(one_object_freed_elsewhere)
{
    struct slabs s;
    void *all[MOST];
    slabs_start(&s, 64, plain);
    void *p = slabs_get(&s, 0, 128, 1);
    size_t n = fill(&s, 0, 128, all);
    ck_assert_uint_gt(n, 10);
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 0);
    slabs_put(&s, 1, p);
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 1);
    slabs_get(&s, 0, 256, 1); /* of another class: nothing is collected */
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 1);
    ck_assert_ptr_eq(slabs_get(&s, 0, 128, 1), p);
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 0);
    assert_ok(bsa_slab_validate(s.slab));
}
END_TEST

/* Whole slabs freed by another CPU, round after round; then partly here, partly there. */
START_TEST(whole_slabs_freed_elsewhere)
{
    struct slabs s;
    void *p[500];
    slabs_start(&s, 64, plain);
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 500; i++)
            p[i] = slabs_get(&s, 0, 64, 1);
        assert_ok(bsa_slab_validate(s.slab));
        for (unsigned i = 0; i < 500; i++)
            slabs_put(&s, round % 3 == 0 ? 1 : round % 3 == 1 ? i % 2 : (i < 250 ? 1 : 0), p[i]);
        assert_ok(bsa_slab_validate(s.slab));
        ck_assert_uint_le(s.lent, 2);
    }
    slabs_reclaim(&s);
    ck_assert_uint_eq(s.lent, 0);
    ck_assert_uint_eq(bsa_slab_pending(s.slab), 0);
}
END_TEST

/* A full slab, its first half freed elsewhere and its second here, or the other way round: it is on
 * each list once, so that what can be taken is what was freed. */
START_TEST(remote_and_local_frees_of_a_full_slab)
{
    struct slabs s;
    void *p[MOST], *q[MOST];
    slabs_start(&s, 16, plain);
    p[0] = slabs_get(&s, 0, 512, 1);
    size_t n = 1 + fill(&s, 0, 512, p + 1);
    for (unsigned round = 0; round < 6; round++) {
        for (size_t i = 0; i + 1 < n; i++)
            slabs_put(&s, (i < n / 2) == (round % 2 == 0) ? 1 : 0, p[i]);
        assert_ok(bsa_slab_validate(s.slab));
        ck_assert_uint_eq(fill(&s, round % 3, 512, q), n - 1);
        sort(p, n - 1);
        sort(q, n - 1);
        ck_assert_mem_eq(p, q, (n - 1) * sizeof *p);
    }
}
END_TEST

/* No slab belongs to a CPU: another one may use up what the first left. */
START_TEST(any_cpu_may_take_what_is_free)
{
    struct slabs s;
    void *p[MOST];
    slabs_start(&s, 16, plain);
    slabs_get(&s, 0, 64, 1);
    ck_assert_uint_eq(fill(&s, 4095, 64, p), PAGE / 64 - 1);
    ck_assert_uint_eq(s.lent, 1);
}
END_TEST

/* How many empty slabs are kept, per class. */
START_TEST(empty_slabs_are_kept_as_configured)
{
    static const unsigned keep[] = {BSA_NONE, 0, 1, 3, 100};
    static const unsigned kept[] = {0, 1, 1, 3, 10};
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    struct slabs s;
    void *p[10 * 64];
    config.keep_empty = keep[_i];
    slabs_start(&s, 64, config);
    for (unsigned i = 0; i < 10 * 64; i++)
        p[i] = slabs_get(&s, 0, 64, 1);
    ck_assert_uint_eq(s.lent, 10);
    for (unsigned i = 0; i < 10 * 64; i++)
        slabs_put(&s, i % 2, p[i]);
    ck_assert_uint_eq(s.lent, kept[_i]);
    assert_ok(bsa_slab_validate(s.slab));
    slabs_reclaim(&s);
    ck_assert_uint_eq(s.lent, 0);
    struct bsa_slab_freed freed = {&s, 1};
    assert_ok(bsa_slab_reclaim(s.slab, &freed));
    ck_assert_ptr_null(freed.base);
}
END_TEST

/* Storage of the size that was named suffices for the range in any mix, and is not needed twice. */
START_TEST(storage_suffices_for_any_mix)
{
    static void *p[300 * 65536 / 8];
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    struct slabs s;
    struct rng rng = rng_for("storage_suffices_for_any_mix");
    config.page_size = (size_t)1024 << _i % 7;
    slabs_start(&s, 300, config);
    for (unsigned round = 0; round < 12; round++) {
        size_t n = 0;
        for (;;) {
            size_t size = (size_t)8 << (round < 9 ? round : rng_below(&rng, 9));
            if ((p[n] = slabs_try(&s, 0, size, 1)) == NULL)
                break;
            n++;
        }
        ck_assert_uint_ge(s.lent, 300 - 15);
        assert_ok(bsa_slab_validate(s.slab));
        for (size_t i = 0; i < n; i++)
            slabs_put(&s, 0, p[i]);
        slabs_reclaim(&s);
        ck_assert_uint_eq(s.lent, 0);
    }
}
END_TEST

/* With less, slabs are refused at some point; what is there works, and the rest is not lost. */
START_TEST(less_storage_means_fewer_slabs)
{
    enum { PAGES = 1024 };
    static void *p[PAGES * PAGE / 2048];
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    bsa_slab *slab = NULL;
    char *range = region_new((size_t)PAGES * PAGE, PAGE, 0), *storage;
    config.range = range;
    config.range_bytes = (size_t)PAGES * PAGE;
    size_t bytes = 0, enough = bsa_slab_storage_bytes(&config);
    storage = region_new(enough, PAGE, 8);
    for (;; bytes += 512) {
        enum bsa_status status = bsa_slab_init(&slab, storage, bytes, &config);
        if (status == BSA_OK)
            break;
        assert_status(status, BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(slab);
    }
    ck_assert_uint_lt(bytes + 6 * PAGE, enough);
    slab = NULL;
    assert_ok(bsa_slab_init(&slab, storage, bytes + 3 * PAGE, &config));

    for (unsigned round = 0; round < 3; round++) {
        struct bsa_slab_result result;
        enum bsa_status status = BSA_OK;
        size_t n = 0, slabs = 0;
        for (;;) {
            assert_ok(bsa_slab_alloc(slab, 0, 2048, 1, &result));
            if (result.object != NULL) {
                p[n++] = result.object;
                continue;
            }
            status = bsa_slab_add(slab, 0, 8, range + slabs * 4 * PAGE, 4);
            if (status != BSA_OK)
                break;
            slabs++;
        }
        assert_status(status, BSA_ERR_NO_MEMORY);
        ck_assert_uint_gt(slabs, 50);
        ck_assert_uint_eq(n, slabs * 8);
        assert_ok(bsa_slab_validate(slab));
        size_t back = 0;
        struct bsa_slab_freed freed;
        for (size_t i = 0; i < n; i++) {
            assert_ok(bsa_slab_free(slab, 0, p[i], &freed));
            back += freed.pages;
        }
        do {
            assert_ok(bsa_slab_reclaim(slab, &freed));
            back += freed.pages;
        } while (freed.base != NULL);
        ck_assert_uint_eq(back, slabs * 4);
    }
}
END_TEST

/* Classes of one's own. */

START_TEST(classes_of_ones_own)
{
    static const unsigned sizes[] = {8, 24, 40, 96, 192, 1000, 2040};
    struct bsa_class_table table = {sizeof table, 7, sizes};
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    static const struct {
        size_t size, align;
        unsigned expected;
    } requests[] = {
        {1, 1, 0},   {8, 8, 0},    {9, 8, 1},    {24, 8, 1},   {25, 1, 2}, {40, 8, 2},
        {41, 1, 3},  {8, 16, 3},   {96, 32, 3},  {96, 64, 4},  {97, 8, 4}, {192, 64, 4},
        {193, 1, 5}, {1000, 8, 5}, {1001, 1, 6}, {2040, 8, 6},
    };
    struct slabs s;
    config.classes = &table;
    config.page_size = (size_t)1024 << _i;
    slabs_start(&s, 200, config);
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct bsa_slab_result result;
        assert_ok(bsa_slab_alloc(s.slab, 0, requests[i].size, requests[i].align, &result));
        if (result.object == NULL)
            ck_assert_uint_eq(result.needs_class, requests[i].expected);
        void *p = slabs_get(&s, 0, requests[i].size, requests[i].align);
        pattern_write(p, requests[i].size, i);
    }
    struct bsa_slab_result result;
    assert_status(bsa_slab_alloc(s.slab, 0, 8, 128, &result), BSA_ERR_NO_MEMORY);
    assert_status(bsa_slab_alloc(s.slab, 0, 2041, 1, &result), BSA_ERR_NO_MEMORY);

    /* All objects of a slab are apart, and behind the last one is no object. */
    void *p[MOST];
    slabs_reclaim(&s);
    p[0] = slabs_get(&s, 0, 1000, 8);
    size_t n = 1 + fill(&s, 0, 1000, p + 1);
    sort(p, n);
    for (size_t i = 1; i < n; i++)
        ck_assert_uint_ge((size_t)((char *)p[i] - (char *)p[i - 1]), 1000);
    struct bsa_slab_freed freed;
    assert_status(bsa_slab_free(s.slab, 0, (char *)p[n - 1] + 1000, &freed),
                  ((uintptr_t)p[n - 1] + 1000) % s.page_size != 0 ? BSA_ERR_INVALID_PARAM
                                                                  : BSA_ERR_NOT_ALLOCATED);
    assert_ok(bsa_slab_validate(s.slab));
}
END_TEST

START_TEST(configurations)
{
    static const unsigned equal[] = {8, 8}, falling[] = {16, 8}, odd[] = {8, 12}, zero[] = {0, 8},
                          large[] = {8, BSA_MAX_CLASS_SIZE + 8};
    unsigned many[BSA_MAX_CLASSES + 1];
    for (unsigned i = 0; i <= BSA_MAX_CLASSES; i++)
        many[i] = 8 * (i + 1);
    const struct bsa_class_table tables[] = {
        {sizeof *tables, 2, equal}, {sizeof *tables, 2, falling}, {sizeof *tables, 2, odd},
        {sizeof *tables, 2, zero},  {sizeof *tables, 2, large},   {sizeof *tables, 65, many},
        {sizeof *tables, 0, many},  {sizeof *tables, 2, NULL},    {3, 2, many},
    };
    static const size_t page_sizes[] = {1, 512, 1000, 131072, SIZE_MAX};
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT, good;
    bsa_slab *slab = NULL;
    char *storage = region_new(1 << 20, 64, 0);
    config.range = region_new(1 << 20, PAGE, 0);
    config.range_bytes = 1 << 20;
    good = config;

    ck_assert_uint_eq(bsa_slab_storage_bytes(NULL), 0);
    assert_status(bsa_slab_init(&slab, storage, 1 << 20, NULL), BSA_ERR_INVALID_PARAM);
#define REFUSED()                                                                                  \
    do {                                                                                           \
        ck_assert_uint_eq(bsa_slab_storage_bytes(&config), 0);                                     \
        assert_status(bsa_slab_init(&slab, storage, 1 << 20, &config), BSA_ERR_INVALID_PARAM);     \
        ck_assert_ptr_null(slab);                                                                  \
        config = good;                                                                             \
    } while (0)
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        config.classes = &tables[i];
        REFUSED();
    }
    for (unsigned i = 0; i < sizeof page_sizes / sizeof *page_sizes; i++) {
        config.page_size = page_sizes[i];
        REFUSED();
    }
    for (unsigned bit = 1; bit < 32; bit++) {
        config.flags = 1u << bit;
        REFUSED();
    }
    config.size = 7;
    REFUSED();
    config.range_bytes = PAGE - 1;
    REFUSED();
    config.range_bytes = SIZE_MAX;
    REFUSED();
    struct bsa_class_table most = {sizeof most, BSA_MAX_CLASSES, many};
    config.classes = &most;
    ck_assert_uint_ne(bsa_slab_storage_bytes(&config), 0);
    config = good;

    assert_status(bsa_slab_init(NULL, storage, 1 << 20, &config), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_slab_init(&slab, NULL, 1 << 20, &config), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_slab_init(&slab, storage, 0, &config), BSA_ERR_NO_MEMORY);
    assert_status(bsa_slab_init(&slab, storage, 100, &config), BSA_ERR_NO_MEMORY);
    assert_ok(bsa_slab_init(&slab, storage, 1 << 20, &config));
    assert_status(bsa_slab_init(&slab, storage, 1 << 20, &config), BSA_ERR_ALREADY_INITIALIZED);
}
END_TEST

/* A range and storage that begin anywhere: whole pages of the range are used. */
START_TEST(ragged_ranges)
{
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    char *memory = region_new(1 << 20, PAGE, 0);
    for (size_t offset = 0; offset <= PAGE; offset += 511) {
        struct bsa_slab_result result;
        bsa_slab *slab = NULL;
        config.range = memory + offset;
        config.range_bytes = 10 * PAGE;
        size_t bytes = bsa_slab_storage_bytes(&config);
        assert_ok(bsa_slab_init(&slab, region_new(bytes, 64, offset % 64), bytes, &config));
        char *first = memory + (offset + PAGE - 1) / PAGE * PAGE;
        size_t pages = offset % PAGE == 0 ? 10 : 9;
        assert_status(bsa_slab_add(slab, 0, 0, first - PAGE, 1), BSA_ERR_NOT_FOUND);
        assert_status(bsa_slab_add(slab, 0, 0, first + pages * PAGE, 1), BSA_ERR_NOT_FOUND);
        for (size_t i = 0; i < pages; i++)
            assert_ok(bsa_slab_add(slab, 0, 0, first + i * PAGE, 1));
        assert_ok(bsa_slab_alloc(slab, 0, 1, 1, &result));
        ck_assert_ptr_nonnull(result.object);
        assert_ok(bsa_slab_validate(slab));
    }
}
END_TEST

static Suite *slab_suite(void)
{
    Suite *suite = suite_create("the slab allocator");
    TCase *all = tcase_create("all");
    tcase_add_test(all, the_first_allocation_needs_a_slab);
    tcase_add_test(all, two_hundred_objects);
    tcase_add_loop_test(all, every_class_at_its_alignment, 0, 7);
    tcase_add_test(all, smallest_and_largest);
    tcase_add_loop_test(all, what_was_freed_comes_back, 0, 18);
    tcase_add_test(all, one_object_freed_elsewhere);
    tcase_add_test(all, whole_slabs_freed_elsewhere);
    tcase_add_test(all, remote_and_local_frees_of_a_full_slab);
    tcase_add_test(all, any_cpu_may_take_what_is_free);
    tcase_add_loop_test(all, empty_slabs_are_kept_as_configured, 0, 5);
    tcase_add_loop_test(all, storage_suffices_for_any_mix, 0, 4);
    tcase_add_test(all, less_storage_means_fewer_slabs);
    tcase_add_loop_test(all, classes_of_ones_own, 0, 7);
    tcase_add_test(all, configurations);
    tcase_add_test(all, ragged_ranges);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(slab_suite());
}
