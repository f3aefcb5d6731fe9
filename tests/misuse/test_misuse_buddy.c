/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to use the page allocator alone wrongly: status, one fault, no change, and it goes on.
 */
#include "../api/machine.h"

enum { ONE, THREE, LONG, FREED, MERGED, WITHDRAWN, BLOCKS };

struct bed {
    struct machine m;
    bsa_buddy *buddy;
    size_t page_size;
    char *region, *second;
    size_t bytes;
    size_t pages[BLOCKS];
    char *block[BLOCKS];
};

static void bed_open(struct bed *bed, size_t page_size, bool brackets)
{
    static const size_t pages[BLOCKS] = {1, 3, 1200, 2, 64, 4};
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    memset(bed, 0, sizeof *bed);
    machine_start(&bed->m);
    if (brackets)
        machine_brackets(&bed->m);
    config.page_size = page_size;
    config.platform = &bed->m.platform;
    bed->page_size = page_size;
    bed->bytes = 2300 * page_size + 65536;
    bed->region = region_new(bed->bytes, (size_t)1 << 21, 1);
    bed->second = region_new(bed->bytes, (size_t)1 << 21, 4097);
    assert_ok(bsa_buddy_init(&bed->buddy, bed->region, bed->bytes, &config));
    assert_ok(bsa_buddy_add_region(bed->buddy, bed->second, bed->bytes));
    for (unsigned i = 0; i < BLOCKS; i++) {
        void *p;
        bed->pages[i] = pages[i];
        assert_ok(bsa_buddy_alloc(bed->buddy, pages[i], 1, &p));
        bed->block[i] = p;
        pattern_write(p, pages[i] * page_size, i);
    }
    assert_ok(bsa_buddy_free(bed->buddy, bed->block[FREED], bed->pages[FREED]));
    assert_ok(bsa_buddy_free(bed->buddy, bed->block[MERGED], bed->pages[MERGED]));
    assert_ok(bsa_buddy_free(bed->buddy, bed->block[WITHDRAWN], bed->pages[WITHDRAWN]));
    assert_ok(bsa_buddy_reserve(bed->buddy, bed->block[WITHDRAWN], 4 * page_size));
    assert_ok(bsa_buddy_validate(bed->buddy));
}

static void bed_check(const struct bed *bed, size_t allocated)
{
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(bed->buddy), allocated);
    assert_ok(bsa_buddy_validate(bed->buddy));
    for (unsigned i = 0; i <= LONG; i++)
        ck_assert(pattern_holds(bed->block[i], bed->pages[i] * bed->page_size, i));
}

static void bed_close(struct bed *bed)
{
    for (unsigned i = 0; i <= LONG; i++)
        assert_ok(bsa_buddy_free(bed->buddy, bed->block[i], bed->pages[i]));
    bed_check(bed, 0);
    ck_assert_uint_eq(bed->m.inside, 0);
}

static char *inside(const struct bed *bed, unsigned i, size_t page, size_t byte)
{
    return bed->block[i] + page * bed->page_size + byte;
}

/* The last free page of the second region. */
static char *free_page(const struct bed *bed)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags = 0;
    assert_ok(bsa_buddy_section(bed->buddy, 1, &info));
    char *at = (char *)info.start + info.bytes;
    while ((flags & BSA_PAGE_FREE) == 0) {
        at -= bed->page_size;
        assert_ok(bsa_buddy_page_flags(bed->buddy, at, &flags));
    }
    return at;
}

/* A free that must be refused. */
struct wrong_free {
    const char *name;
    char *p;
    size_t pages;
    enum bsa_status status;
    const char *says;
};

enum { WRONG_FREES = 36 };

static unsigned list_wrong_frees(const struct bed *bed, struct wrong_free *wrong)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_ok(bsa_buddy_section(bed->buddy, 0, &info));
    char *start = info.start, *end = start + info.bytes;
    const struct wrong_free all[WRONG_FREES] = {
        {"a variable", (char *)wrong, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"NULL", NULL, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"the last byte of memory", (char *)UINTPTR_MAX, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"before the region", bed->region - 1, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"the allocator itself", (char *)bed->buddy, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"the end of the metadata", start - 1, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"behind the last page", end, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"behind the second region", bed->second + bed->bytes, 1, BSA_ERR_NOT_FOUND, "outside"},
        {"withdrawn pages", bed->block[WITHDRAWN], 4, BSA_ERR_NOT_FOUND, "reserved"},
        {"a withdrawn page", inside(bed, WITHDRAWN, 2, 0), 1, BSA_ERR_NOT_FOUND, "reserved"},

        {"a free block", bed->block[FREED], 2, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"a free block, as one page", bed->block[FREED], 1, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"half of a free block", inside(bed, FREED, 1, 0), 1, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"a byte of a free block", inside(bed, FREED, 1, 9), 1, BSA_ERR_NOT_ALLOCATED, "free"},
        {"a merged block", bed->block[MERGED], 64, BSA_ERR_NOT_ALLOCATED, "double free"},
        {"a part of a merged block", inside(bed, MERGED, 33, 0), 1, BSA_ERR_NOT_ALLOCATED, "free"},
        {"a page never allocated", free_page(bed), 1, BSA_ERR_NOT_ALLOCATED, "free"},

        {"2 of 3 pages", bed->block[THREE], 2, BSA_ERR_INVALID_PARAM, "count"},
        {"4 of 3 pages", bed->block[THREE], 4, BSA_ERR_INVALID_PARAM, "count"},
        {"1 of 3 pages", bed->block[THREE], 1, BSA_ERR_INVALID_PARAM, "count"},
        {"0 of 3 pages", bed->block[THREE], 0, BSA_ERR_INVALID_PARAM, "count"},
        {"2 of 1 page", bed->block[ONE], 2, BSA_ERR_INVALID_PARAM, "count"},
        {"all pages there are", bed->block[ONE], SIZE_MAX, BSA_ERR_INVALID_PARAM, "count"},
        {"2^29 + 1 pages", bed->block[ONE], ((size_t)1 << 29) + 1, BSA_ERR_INVALID_PARAM, "count"},
        {"2^31 + 1 pages", bed->block[ONE], ((size_t)1 << 31) + 1, BSA_ERR_INVALID_PARAM, "count"},
        {"1024 of 1200 pages", bed->block[LONG], 1024, BSA_ERR_INVALID_PARAM, "count"},
        {"2048 of 1200 pages", bed->block[LONG], 2048, BSA_ERR_INVALID_PARAM, "count"},

        {"the second byte", inside(bed, ONE, 0, 1), 1, BSA_ERR_INVALID_PARAM, "misaligned"},
        {"the last byte of a page", inside(bed, ONE, 1, 0) - 1, 1, BSA_ERR_INVALID_PARAM,
         "misalig"},
        {"the second page", inside(bed, THREE, 1, 0), 2, BSA_ERR_INVALID_PARAM, "inside"},
        {"the third page", inside(bed, THREE, 2, 0), 1, BSA_ERR_INVALID_PARAM, "inside"},
        {"a byte of the third page", inside(bed, THREE, 2, 40), 1, BSA_ERR_INVALID_PARAM, "inside"},
        {"page 511 of 1200", inside(bed, LONG, 511, 0), 1, BSA_ERR_INVALID_PARAM, "inside"},
        {"page 512 of 1200", inside(bed, LONG, 512, 0), 688, BSA_ERR_INVALID_PARAM, "inside"},
        {"page 1024 of 1200", inside(bed, LONG, 1024, 0), 176, BSA_ERR_INVALID_PARAM, "inside"},
        {"the last page of 1200", inside(bed, LONG, 1199, 0), 1, BSA_ERR_INVALID_PARAM, "inside"},
    };
    memcpy(wrong, all, sizeof all);
    return WRONG_FREES;
}

static const size_t page_sizes[] = {4096, 1024, 16384, 65536};

START_TEST(wrong_frees_are_refused)
{
    struct wrong_free wrong[WRONG_FREES];
    struct bed bed;
    bed_open(&bed, page_sizes[_i / 2], _i % 2 == 1);
    unsigned n = list_wrong_frees(&bed, wrong);
    size_t allocated = bsa_buddy_allocated_bytes(bed.buddy);
    for (unsigned i = 0; i < n; i++) {
        struct wrong_free *w = &wrong[i];
        enum bsa_status status = bsa_buddy_free(bed.buddy, w->p, w->pages);
        ck_assert_msg(status == w->status, "%s: \"%s\", with \"%s\"", w->name, bsa_strerror(status),
                      bed.m.faults.count > 0 ? bed.m.faults.what : "");
        ck_assert_msg(bed.m.faults.count == 1, "%s: %u faults", w->name, bed.m.faults.count);
        faults_expect(&bed.m.faults, w->status, w->p, w->says);
        bed_check(&bed, allocated);
    }
    bed_close(&bed);
}
END_TEST

START_TEST(requests_that_make_no_sense_are_refused)
{
    static const size_t aligns[] = {0, 3, 24, 4097, SIZE_MAX, SIZE_MAX - 1};
    struct bed bed;
    bed_open(&bed, page_sizes[_i / 2], _i % 2 == 1);
    size_t allocated = bsa_buddy_allocated_bytes(bed.buddy);
    for (unsigned i = 0; i < sizeof aligns / sizeof *aligns; i++) {
        void *out = &bed;
        assert_status(bsa_buddy_alloc(bed.buddy, 1, aligns[i], &out), BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(out);
        faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "power of two");
        out = &bed;
        assert_status(bsa_buddy_alloc_lowmem(bed.buddy, 2, aligns[i], &out), BSA_ERR_INVALID_PARAM);
        ck_assert_ptr_null(out);
        faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "power of two");
    }
    void *out = &bed;
    assert_status(bsa_buddy_alloc(bed.buddy, 0, 4096, &out), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(out);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "no pages");
    assert_status(bsa_buddy_alloc_lowmem(bed.buddy, 0, 4096, &out), BSA_ERR_INVALID_PARAM);
    faults_expect(&bed.m.faults, BSA_ERR_INVALID_PARAM, NULL, "no pages");
    bed_check(&bed, allocated);
    bed_close(&bed);
}
END_TEST

START_TEST(impossible_requests_find_no_memory)
{
    static const struct {
        size_t pages, align;
    } requests[] = {
        {SIZE_MAX, 1},
        {SIZE_MAX, SIZE_MAX / 2 + 1},
        {SIZE_MAX / 1024, 1},
        {SIZE_MAX / 4096 + 1, 1},
        {SIZE_MAX / 65536 + 1, 65536},
        {SIZE_MAX / 2 + 2, 1},
        {((size_t)1 << 29) - 1, 1},
        {(size_t)1 << 29, 1},
        {((size_t)1 << 29) + 1, 1},
        {((size_t)1 << 31) + 1, 1},
        {1, SIZE_MAX / 2 + 1},
        {3, SIZE_MAX / 4 + 1},
        {5000, 1},
    };
    struct bed bed;
    bed_open(&bed, page_sizes[_i / 2], _i % 2 == 1);
    size_t allocated = bsa_buddy_allocated_bytes(bed.buddy);
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        void *out = &bed;
        assert_status(bsa_buddy_alloc(bed.buddy, requests[i].pages, requests[i].align, &out),
                      BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(out);
        out = &bed;
        assert_status(bsa_buddy_alloc_lowmem(bed.buddy, requests[i].pages, requests[i].align, &out),
                      BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(out);
        ck_assert_uint_eq(bed.m.faults.count, 0);
        bed_check(&bed, allocated);
    }
    bed_close(&bed);
}
END_TEST

START_TEST(a_null_buddy_is_not_initialized)
{
    void *out = &out;
    size_t count;
    unsigned flags;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_status(bsa_buddy_add_region(NULL, &out, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_reserve(NULL, &out, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_alloc(NULL, 1, 1, &out), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(out);
    out = &out;
    assert_status(bsa_buddy_alloc_lowmem(NULL, 1, 1, &out), BSA_ERR_NOT_INITIALIZED);
    ck_assert_ptr_null(out);
    assert_status(bsa_buddy_free(NULL, &out, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_section(NULL, 0, &info), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_page_flags(NULL, &out, &flags), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_free_blocks(NULL, &count, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_validate(NULL), BSA_ERR_NOT_INITIALIZED);
    ck_assert_uint_eq(bsa_buddy_managed_bytes(NULL), 0);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(NULL), 0);
    ck_assert_uint_eq(bsa_buddy_section_count(NULL), 0);
    ck_assert_uint_eq(bsa_buddy_steps(NULL), 0);
}
END_TEST

START_TEST(missing_results_are_refused)
{
    struct bed bed;
    struct bsa_section_info tiny = {.size = 1};
    size_t count;
    bed_open(&bed, 4096, true);
    assert_status(bsa_buddy_alloc(bed.buddy, 1, 1, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_alloc_lowmem(bed.buddy, 1, 1, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_section(bed.buddy, 0, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_section(bed.buddy, 0, &tiny), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_page_flags(bed.buddy, bed.block[0], NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_free_blocks(bed.buddy, NULL, 3), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_free_blocks(bed.buddy, &count, 0), BSA_ERR_INVALID_PARAM);
    bed_close(&bed);
}
END_TEST

/* Regions and reserved ranges: what overlaps or does not exist changes nothing. */
START_TEST(wrong_regions_and_ranges_are_refused)
{
    struct bed bed;
    bed_open(&bed, page_sizes[_i / 2], _i % 2 == 1);
    size_t managed = bsa_buddy_managed_bytes(bed.buddy);
    size_t allocated = bsa_buddy_allocated_bytes(bed.buddy);
    size_t page = bed.page_size;
    char *hole = region_new(64, 64, 0);
    const struct {
        const char *name;
        char *p;
        size_t bytes;
        enum bsa_status status;
    } regions[] =
        {
            {"the same again", bed.region, bed.bytes, BSA_ERR_MEMORY_OVERLAP},
            {"a part", bed.region + 5 * page, 8 * page, BSA_ERR_MEMORY_OVERLAP},
            {"the first byte", bed.region - 40 * page, 40 * page + 1, BSA_ERR_MEMORY_OVERLAP},
            {"the last byte", bed.region + bed.bytes - 1, 40 * page, BSA_ERR_MEMORY_OVERLAP},
            {"all and more", bed.region - page, bed.bytes + 2 * page, BSA_ERR_MEMORY_OVERLAP},
            {"of the second one", bed.second + bed.bytes / 2, page, BSA_ERR_MEMORY_OVERLAP},
            {"NULL", NULL, 64 * page, BSA_ERR_INVALID_PARAM},
            {"empty", hole, 0, BSA_ERR_INVALID_PARAM},
            {"too small", hole, 64, BSA_ERR_INVALID_PARAM},
            {"beyond the end", (char *)(UINTPTR_MAX - 10 * page), 11 * page, BSA_ERR_INVALID_PARAM},
            {"of all memory", (char *)page, SIZE_MAX, BSA_ERR_INVALID_PARAM},
        },
      ranges[] = {
          {"a live page", bed.block[ONE], 1, BSA_ERR_MEMORY_OVERLAP},
          {"free and live pages", bed.block[LONG] + 1199 * page, 2 * page, BSA_ERR_MEMORY_OVERLAP},
          {"withdrawn before", bed.block[WITHDRAWN], 1, BSA_ERR_MEMORY_OVERLAP},
          {"elsewhere", (char *)&bed, 8, BSA_ERR_NOT_FOUND},
          {"metadata", bed.region, 8, BSA_ERR_NOT_FOUND},
          {"of nothing", bed.block[FREED], 0, BSA_ERR_INVALID_PARAM},
          {"wrapping", bed.block[FREED], SIZE_MAX, BSA_ERR_INVALID_PARAM},
      };
    for (unsigned i = 0; i < sizeof regions / sizeof *regions; i++) {
        enum bsa_status got = bsa_buddy_add_region(bed.buddy, regions[i].p, regions[i].bytes);
        ck_assert_msg(got == regions[i].status, "region %s: %s", regions[i].name,
                      bsa_strerror(got));
    }
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        enum bsa_status got = bsa_buddy_reserve(bed.buddy, ranges[i].p, ranges[i].bytes);
        ck_assert_msg(got == ranges[i].status, "range %s: %s", ranges[i].name, bsa_strerror(got));
    }
    ck_assert_uint_eq(bsa_buddy_section_count(bed.buddy), 2);
    ck_assert_uint_eq(bsa_buddy_managed_bytes(bed.buddy), managed);
    bed_check(&bed, allocated);
    bed_close(&bed);
}
END_TEST

static Suite *buddy_suite(void)
{
    int ways = (int)(2 * sizeof page_sizes / sizeof *page_sizes);
    Suite *suite = suite_create("misuse of the page allocator");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, wrong_frees_are_refused, 0, ways);
    tcase_add_loop_test(all, requests_that_make_no_sense_are_refused, 0, ways);
    tcase_add_loop_test(all, impossible_requests_find_no_memory, 0, ways);
    tcase_add_test(all, a_null_buddy_is_not_initialized);
    tcase_add_test(all, missing_results_are_refused);
    tcase_add_loop_test(all, wrong_regions_and_ranges_are_refused, 0, ways);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(buddy_suite());
}
