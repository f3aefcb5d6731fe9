/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to use the slab allocator alone wrongly: status, one fault, no change, and it goes on.
 */
#include "../api/slabs.h"

enum { TINY, FIRST, SECOND, LARGE, LIVE };

static const size_t sizes[LIVE] = {8, 64, 64, 2048};
static const size_t page_sizes[] = {4096, 1024, 65536};

struct bed {
    struct slabs s;
    char *live[LIVE];
    char *local, *remote; /* freed: by the CPU that allocated it, and by another one */
    char *gone;           /* freed, and its slab went home */
    struct bsa_slab_freed gone_slab;
};

static void bed_open(struct bed *bed, int way)
{
    struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
    memset(bed, 0, sizeof *bed);
    machine_start(&bed->s.m);
    if (way % 2 != 0)
        machine_brackets(&bed->s.m);
    config.page_size = page_sizes[way / 4];
    config.flags = way / 2 % 2 != 0 ? BSA_SLAB_UNLOCKED : 0;
    config.keep_empty = BSA_NONE;
    slabs_open(&bed->s, 300, config);
    for (unsigned i = 0; i < LIVE; i++) {
        bed->live[i] = slabs_get(&bed->s, 0, sizes[i], 1);
        pattern_write(bed->live[i], sizes[i], i);
    }
    bed->local = slabs_get(&bed->s, 0, 64, 1);
    bed->remote = slabs_get(&bed->s, 0, 64, 1);
    slabs_put(&bed->s, 0, bed->local);
    slabs_put(&bed->s, 1, bed->remote);
    bed->gone = slabs_get(&bed->s, 0, 256, 1);
    assert_ok(bsa_slab_free(bed->s.slab, 0, bed->gone, &bed->gone_slab));
    ck_assert_ptr_nonnull(bed->gone_slab.base);
    slabs_take_back(&bed->s, &bed->gone_slab);
}

static void bed_check(const struct bed *bed)
{
    assert_ok(bsa_slab_validate(bed->s.slab));
    for (unsigned i = 0; i < LIVE; i++)
        ck_assert(pattern_holds(bed->live[i], sizes[i], i));
    ck_assert_uint_eq(bsa_slab_pending(bed->s.slab), 1);
}

/* Work as usual, then everything goes home. */
static void bed_close(struct bed *bed)
{
    void *p[100];
    for (unsigned i = 0; i < 100; i++) {
        p[i] = slabs_get(&bed->s, i % 3, sizes[i % LIVE], 1);
        pattern_write(p[i], sizes[i % LIVE], i + LIVE);
    }
    for (unsigned i = 0; i < LIVE; i++)
        ck_assert(pattern_holds(bed->live[i], sizes[i], i));
    for (unsigned i = 0; i < 100; i++) {
        ck_assert(pattern_holds(p[i], sizes[i % LIVE], i + LIVE));
        slabs_put(&bed->s, i % 2, p[i]);
    }
    for (unsigned i = 0; i < LIVE; i++)
        slabs_put(&bed->s, i, bed->live[i]);
    slabs_reclaim(&bed->s);
    ck_assert_uint_eq(bed->s.lent, 0);
    assert_ok(bsa_slab_validate(bed->s.slab));
    ck_assert_uint_eq(bed->s.m.faults.count, 0);
    ck_assert_uint_eq(bed->s.m.inside, 0);
}

START_TEST(wrong_frees_are_refused)
{
    struct bed bed;
    bed_open(&bed, _i);
    char *end = bed.s.range + bed.s.pages * bed.s.page_size;
    const struct {
        const char *name;
        char *p;
        unsigned cpu;
        enum bsa_status status;
        const char *says;
    } wrong[] = {
        {"a variable", (char *)&bed, 0, BSA_ERR_NOT_FOUND, "outside"},
        {"the last byte of memory", (char *)UINTPTR_MAX, 0, BSA_ERR_NOT_FOUND, "outside"},
        {"before the range", bed.s.range - 1, 0, BSA_ERR_NOT_FOUND, "outside"},
        {"behind the range", end, 0, BSA_ERR_NOT_FOUND, "outside"},
        {"the allocator itself", (char *)bed.s.slab, 0, BSA_ERR_NOT_FOUND, "outside"},
        {"a page never brought", end - bed.s.page_size, 0, BSA_ERR_NOT_ALLOCATED, "without a slab"},
        {"the second byte", bed.live[FIRST] + 1, 0, BSA_ERR_INVALID_PARAM, "inside"},
        {"the second word", bed.live[FIRST] + 8, 1, BSA_ERR_INVALID_PARAM, "inside"},
        {"the middle", bed.live[LARGE] + 1024, 0, BSA_ERR_INVALID_PARAM, "inside"},
        {"the last byte", bed.live[LARGE] + 2047, 2, BSA_ERR_INVALID_PARAM, "inside"},
        {"freed here, here", bed.local, 0, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"freed here, elsewhere", bed.local, 1, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"freed elsewhere, there", bed.remote, 1, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"freed elsewhere, here", bed.remote, 0, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"freed elsewhere, on a third", bed.remote, 2, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"its slab went home", bed.gone, 0, BSA_ERR_NOT_ALLOCATED, "without a slab"},
        {"never handed out", bed.live[LARGE] + 2048, 0, BSA_ERR_NOT_ALLOCATED, ""},
        {"CPU id out of range", bed.live[FIRST], BSA_MAX_CPUS, BSA_ERR_INVALID_PARAM, "CPU id"},
        {"CPU id of all ones", bed.live[FIRST], UINT32_MAX, BSA_ERR_INVALID_PARAM, "CPU id"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bsa_slab_freed freed = {&bed, 1};
        enum bsa_status got = bsa_slab_free(bed.s.slab, wrong[i].cpu, wrong[i].p, &freed);
        ck_assert_msg(got == wrong[i].status, "%s: \"%s\"", wrong[i].name, bsa_strerror(got));
        ck_assert_msg(bed.s.m.faults.count == 1, "%s: %u faults", wrong[i].name,
                      bed.s.m.faults.count);
        faults_expect(&bed.s.m.faults, wrong[i].status, wrong[i].p, wrong[i].says);
        ck_assert_ptr_null(freed.base);
        bed_check(&bed);
    }
    bed_close(&bed);
}
END_TEST

START_TEST(requests_that_make_no_sense_are_refused)
{
    static const struct {
        unsigned cpu;
        size_t align;
        const char *says;
    } wrong[] = {
        {0, 0, "power of two"},        {0, 3, "power of two"},      {1, 24, "power of two"},
        {0, SIZE_MAX, "power of two"}, {BSA_MAX_CPUS, 1, "CPU id"}, {UINT32_MAX, 8, "CPU id"},
    };
    struct bed bed;
    bed_open(&bed, _i);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bsa_slab_result result = {.object = &bed};
        assert_status(bsa_slab_alloc(bed.s.slab, wrong[i].cpu, 64, wrong[i].align, &result),
                      BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(result.object);
        faults_expect(&bed.s.m.faults, BSA_ERR_INVALID_PARAM, NULL, wrong[i].says);
        bed_check(&bed);
    }
    bed_close(&bed);
}
END_TEST

START_TEST(larger_than_the_largest_class_is_no_memory)
{
    static const struct {
        size_t size, align;
    } requests[] = {
        {2049, 1},
        {SIZE_MAX, 1},
        {SIZE_MAX - 6, 8},
        {SIZE_MAX / 2 + 2, 64},
        {8, 4096},
        {0, SIZE_MAX / 2 + 1},
        {SIZE_MAX, SIZE_MAX / 2 + 1},
    };
    struct bed bed;
    bed_open(&bed, _i);
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct bsa_slab_result result = {.object = &bed};
        assert_status(bsa_slab_alloc(bed.s.slab, 0, requests[i].size, requests[i].align, &result),
                      BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(result.object);
        ck_assert_uint_eq(result.needs_pages, 0);
        ck_assert_uint_eq(bed.s.m.faults.count, 0);
        bed_check(&bed);
    }
    bed_close(&bed);
}
END_TEST

/* Slabs that do not fit, overlap, or lie elsewhere are refused and told, and nothing is noted of
 * them. */
START_TEST(wrong_slabs_are_refused)
{
    struct bed bed;
    struct bsa_slab_result need;
    bed_open(&bed, _i);
    bsa_slab *slab = bed.s.slab;
    assert_ok(bsa_slab_alloc(slab, 0, 512, 1, &need));
    ck_assert_ptr_null(need.object);
    char *base = slabs_lend(&bed.s, need.needs_pages, need.needs_align);
    char *taken = (char *)((uintptr_t)bed.live[FIRST] & ~(bed.s.page_size - 1));
    char *end = bed.s.range + bed.s.pages * bed.s.page_size;
    unsigned c = need.needs_class;
    size_t pages = need.needs_pages, page = bed.s.page_size;

    const struct {
        unsigned cpu, size_class;
        void *base;
        size_t pages;
        enum bsa_status status;
        const char *says;
    } wrong[] = {
        {0, 9, base, pages, BSA_ERR_INVALID_PARAM, "class"},
        {0, UINT32_MAX, base, pages, BSA_ERR_INVALID_PARAM, "class"},
        {BSA_MAX_CPUS, c, base, pages, BSA_ERR_INVALID_PARAM, "CPU id"},
        {0, c, base, pages + 1, BSA_ERR_INVALID_PARAM, "pages"},
        {0, c, base, pages - 1, BSA_ERR_INVALID_PARAM, "pages"},
        {0, c, base, SIZE_MAX, BSA_ERR_INVALID_PARAM, "pages"},
        {0, c, base + page / 2, pages, BSA_ERR_INVALID_PARAM, "alignment"},
        {0, c, NULL, pages, BSA_ERR_NOT_FOUND, "range"},
        {0, c, bed.s.range - pages * page, pages, BSA_ERR_NOT_FOUND, "range"},
        {0, c, end, pages, BSA_ERR_NOT_FOUND, "range"},
        {0, c, (void *)(UINTPTR_MAX - page + 1), pages, BSA_ERR_NOT_FOUND, "range"},
        {0, c, taken, pages, BSA_ERR_MEMORY_OVERLAP, "another slab"},
        {0, c, end - page, pages, BSA_ERR_NOT_FOUND, "range"}, /* unless it has one page */
    };
    size_t n = sizeof wrong / sizeof *wrong - (pages == 1);
    for (size_t i = 0; i < n; i++) {
        assert_status(
            bsa_slab_add(slab, wrong[i].cpu, wrong[i].size_class, wrong[i].base, wrong[i].pages),
            wrong[i].status);
        faults_expect(&bed.s.m.faults, wrong[i].status, wrong[i].base, wrong[i].says);
    }
    bed_check(&bed);

    assert_ok(bsa_slab_add(slab, 0, c, base, pages));
    assert_status(bsa_slab_add(slab, 0, c, base, pages), BSA_ERR_MEMORY_OVERLAP);
    faults_expect(&bed.s.m.faults, BSA_ERR_MEMORY_OVERLAP, base, "another slab");
    assert_ok(bsa_slab_alloc(slab, 0, 512, 1, &need));
    ck_assert_ptr_nonnull(need.object);
    slabs_put(&bed.s, 0, need.object);
    bed_check(&bed);
    bed_close(&bed);
}
END_TEST

START_TEST(null_handles_and_results)
{
    struct bed bed;
    struct bsa_slab_result result = {.object = &bed};
    struct bsa_slab_freed freed = {&bed, 1};
    assert_status(bsa_slab_alloc(NULL, 0, 8, 8, &result), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(result.object);
    assert_status(bsa_slab_add(NULL, 0, 0, &bed, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_slab_free(NULL, 0, &bed, &freed), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(freed.base);
    assert_status(bsa_slab_reclaim(NULL, &freed), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_slab_validate(NULL), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bsa_slab_pending(NULL), 0);

    bed_open(&bed, 0);
    assert_status(bsa_slab_alloc(bed.s.slab, 0, 8, 8, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_slab_free(bed.s.slab, 0, bed.live[0], NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_slab_reclaim(bed.s.slab, NULL), BSA_ERR_INVALID_PARAM);
    assert_ok(bsa_slab_free(bed.s.slab, 0, NULL, &freed));
    ck_assert_ptr_null(freed.base);
    ck_assert_uint_eq(bed.s.m.faults.count, 0);
    bed_check(&bed);
    bed_close(&bed);
}
END_TEST

static Suite *slab_suite(void)
{
    int ways = (int)(4 * sizeof page_sizes / sizeof *page_sizes);
    Suite *suite = suite_create("misuse of the slab allocator");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, wrong_frees_are_refused, 0, ways);
    tcase_add_loop_test(all, requests_that_make_no_sense_are_refused, 0, ways);
    tcase_add_loop_test(all, larger_than_the_largest_class_is_no_memory, 0, ways);
    tcase_add_loop_test(all, wrong_slabs_are_refused, 0, ways);
    tcase_add_test(all, null_handles_and_results);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(slab_suite());
}
