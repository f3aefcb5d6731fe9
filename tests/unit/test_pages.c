/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single behaviours of the buddy: what misuse is told, what pages are said to be, and what requests
 * cost where a plain free list would be walked.
 */
#include <buddyslab/debug.h>

#include <stdio.h>
#include <string.h>

#include "buddy/internal.h"
#include "support.h"

enum { MIB = 1 << 20, PAGE = 4096 };

struct fixture {
    struct faults faults;
    struct region region;
    bsa_buddy *buddy;
    unsigned char *start; /* first page */
    size_t pages;
};

static struct bsa_platform platform_of(struct fixture *f)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.ctx = f;
    platform.fault = faults_record;
    return platform;
}

static void begin(struct fixture *f, size_t bytes)
{
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    memset(f, 0, sizeof(*f));
    struct bsa_platform platform = platform_of(f);
    config.platform = &platform;
    f->region = region_make(bytes, 2 * MIB, 0);
    assert_status(bsa_buddy_init(&f->buddy, f->region.start, bytes, &config), BSA_OK);
    assert_status(bsa_buddy_section(f->buddy, 0, &info), BSA_OK);
    f->start = info.start;
    f->pages = info.total_pages;
}

static void end(struct fixture *f)
{
    assert_status(bsa_buddy_validate(f->buddy), BSA_OK);
    must(f->faults.count == 0);
    region_free(&f->region);
}

static unsigned char *alloc(struct fixture *f, size_t pages, size_t align)
{
    void *p = NULL;
    assert_status(bsa_buddy_alloc(f->buddy, pages, align, &p), BSA_OK);
    must((uintptr_t)p % align == 0);
    return p;
}

static void refuse_free(struct fixture *f, void *p, size_t pages, enum bsa_status status,
                        const char *what)
{
    size_t before = bsa_buddy_allocated_bytes(f->buddy);
    assert_status(bsa_buddy_free(f->buddy, p, pages), status);
    faults_expect(&f->faults, status, p, what);
    must(bsa_buddy_allocated_bytes(f->buddy) == before);
    assert_status(bsa_buddy_validate(f->buddy), BSA_OK);
}

/* Misuse ---------------------------------------------------------------------------------------- */

START_TEST(wild_frees)
{
    struct fixture f;
    int local = 0;
    begin(&f, 8 * MIB);
    refuse_free(&f, NULL, 1, BSA_ERR_NOT_FOUND, "outside");
    refuse_free(&f, &local, 1, BSA_ERR_NOT_FOUND, "outside");
    refuse_free(&f, (void *)UINTPTR_MAX, 1, BSA_ERR_NOT_FOUND, "outside");
    refuse_free(&f, f.region.start, 1, BSA_ERR_NOT_FOUND, "outside"); /* metadata */
    refuse_free(&f, f.start - 1, 1, BSA_ERR_NOT_FOUND, "outside");
    refuse_free(&f, f.start + f.pages * PAGE, 1, BSA_ERR_NOT_FOUND, "outside");
    assert_status(bsa_buddy_reserve(f.buddy, f.start + 5 * MIB, MIB), BSA_OK);
    refuse_free(&f, f.start + 5 * MIB, 1, BSA_ERR_NOT_FOUND, "reserved");
    refuse_free(&f, f.start + 5 * MIB + 77 * PAGE, 1, BSA_ERR_NOT_FOUND, "reserved");
    end(&f);
}
END_TEST

START_TEST(double_frees)
{
    struct fixture f;
    begin(&f, 8 * MIB);
    const size_t counts[] = {1, 3, 8, 300, 512, 700, 1024};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        /* A neighbour keeps the block from merging, or not. */
        for (int merged = 0; merged < 2; merged++) {
            unsigned char *p = alloc(&f, counts[i], PAGE);
            unsigned char *keep = merged ? NULL : alloc(&f, 1, PAGE);
            assert_status(bsa_buddy_free(f.buddy, p, counts[i]), BSA_OK);
            refuse_free(&f, p, counts[i], BSA_ERR_NOT_ALLOCATED, "double free");
            refuse_free(&f, p, 1, BSA_ERR_NOT_ALLOCATED, "double free");
            refuse_free(&f, p + (counts[i] - 1) * PAGE, 1, BSA_ERR_NOT_ALLOCATED, "double free");
            if (!merged)
                assert_status(bsa_buddy_free(f.buddy, keep, 1), BSA_OK);
        }
    }
    end(&f);
}
END_TEST

START_TEST(wrong_frees)
{
    struct fixture f;
    begin(&f, 16 * MIB);
    const size_t counts[] = {1, 2, 3, 8, 300, 511, 512, 513, 1024, 1700};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t n = counts[i];
        unsigned char *p = alloc(&f, n, PAGE);
        const size_t wrong[] = {0, n - 1, n + 1, 2 * n, SIZE_MAX, BSAI_COUNT_MAX + (size_t)1 + n};
        for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
            refuse_free(&f, p, wrong[k], BSA_ERR_INVALID_PARAM, "another page count");
        refuse_free(&f, p + 1, n, BSA_ERR_INVALID_PARAM, "misaligned");
        refuse_free(&f, p + n * PAGE - 1, n, BSA_ERR_INVALID_PARAM, "misaligned");
        for (size_t page = 1; page < n; page += n < 16 ? 1 : n / 7)
            refuse_free(&f, p + page * PAGE, n - page, BSA_ERR_INVALID_PARAM, "inside");
        assert_status(bsa_buddy_free(f.buddy, p, n), BSA_OK);
    }
    end(&f);
}
END_TEST

START_TEST(wrong_requests)
{
    struct fixture f;
    void *p = &p;
    begin(&f, 4 * MIB);
    const size_t aligns[] = {0, 3, PAGE + 1, SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
        p = &p;
        assert_status(bsa_buddy_alloc(f.buddy, 1, aligns[i], &p), BSA_ERR_INVALID_PARAM);
        must(p == NULL);
        faults_expect(&f.faults, BSA_ERR_INVALID_PARAM, NULL, "alignment");
    }
    assert_status(bsa_buddy_alloc(f.buddy, 0, PAGE, &p), BSA_ERR_INVALID_PARAM);
    faults_expect(&f.faults, BSA_ERR_INVALID_PARAM, NULL, "no pages");
    assert_status(bsa_buddy_alloc(f.buddy, 1, PAGE, NULL), BSA_ERR_INVALID_PARAM);
    /* Well formed, but too much: no fault. */
    const size_t many[] = {f.pages + 1, (size_t)BSAI_COUNT_MAX, (size_t)BSAI_COUNT_MAX + 1,
                           SIZE_MAX, SIZE_MAX / PAGE};
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        p = &p;
        assert_status(bsa_buddy_alloc(f.buddy, many[i], 1, &p), BSA_ERR_NO_MEMORY);
        must(p == NULL);
        assert_status(bsa_buddy_alloc(f.buddy, many[i], PAGE * 4, &p), BSA_ERR_NO_MEMORY);
    }
    for (unsigned bit = 23; bit < sizeof(size_t) * 8; bit++) {
        size_t align = (size_t)1 << bit;
        enum bsa_status status = bsa_buddy_alloc(f.buddy, 1, align, &p);
        must(status == BSA_ERR_NO_MEMORY || (uintptr_t)p % align == 0);
        if (status == BSA_OK)
            assert_status(bsa_buddy_free(f.buddy, p, 1), BSA_OK);
    }
    must(f.faults.count == 0);
    assert_status(bsa_buddy_reserve(f.buddy, f.start, 0), BSA_ERR_INVALID_PARAM);
    faults_expect(&f.faults, BSA_ERR_INVALID_PARAM, f.start, "reserve");
    assert_status(bsa_buddy_reserve(f.buddy, f.start, SIZE_MAX), BSA_ERR_INVALID_PARAM);
    faults_expect(&f.faults, BSA_ERR_INVALID_PARAM, f.start, "reserve");
    assert_status(bsa_buddy_reserve(f.buddy, f.start - 1, 1), BSA_ERR_NOT_FOUND);
    assert_status(bsa_buddy_reserve(f.buddy, f.start + f.pages * PAGE - 1, 2), BSA_ERR_NOT_FOUND);
    end(&f);
}
END_TEST

START_TEST(null_handles)
{
    void *p = &p;
    unsigned flags = 1;
    size_t counts[4];
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_status(bsa_buddy_alloc(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    must(p == NULL);
    assert_status(bsa_buddy_alloc_lowmem(NULL, 1, 1, &p), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_free(NULL, p, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_add_region(NULL, &p, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_reserve(NULL, &p, 1), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_section(NULL, 0, &info), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_page_flags(NULL, &p, &flags), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_free_blocks(NULL, counts, 4), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_validate(NULL), BSA_ERR_NOT_INITIALIZED);
    must(bsa_buddy_managed_bytes(NULL) == 0 && bsa_buddy_allocated_bytes(NULL) == 0);
    must(bsa_buddy_section_count(NULL) == 0 && bsa_buddy_steps(NULL) == 0);
}
END_TEST

/* Questions ------------------------------------------------------------------------------------- */

/* Without a hook a physical address is the virtual one. */
static unsigned low_flag(const unsigned char *p)
{
    return (uint64_t)(uintptr_t)p >> 32 == 0 ? BSA_PAGE_LOW : 0;
}

START_TEST(flags_of_pages)
{
    struct fixture f;
    struct bsai_call call;
    unsigned flags = 0;
    begin(&f, 16 * MIB);
    unsigned char *p = alloc(&f, 1500, PAGE);
    for (size_t page = 0; page < f.pages; page++) {
        unsigned char *q = f.start + page * PAGE;
        unsigned expected = q == p                         ? BSA_PAGE_HEAD
                            : q > p && q < p + 1500 * PAGE ? BSA_PAGE_TAIL
                                                           : BSA_PAGE_FREE;
        assert_status(bsa_buddy_page_flags(f.buddy, q + page % PAGE, &flags), BSA_OK);
        must(flags == (expected | low_flag(q)));
    }
    assert_status(bsa_buddy_page_flags(f.buddy, f.start - 1, &flags), BSA_ERR_NOT_FOUND);
    must(flags == 0);
    assert_status(bsa_buddy_page_flags(f.buddy, f.start, NULL), BSA_ERR_INVALID_PARAM);
    bsai_call_begin(&call, &f.buddy->platform);
    const struct {
        enum bsai_page_kind kind;
        unsigned flags;
        enum bsa_status status;
    } kinds[] = {
        {BSAI_PAGE_LISTED, BSA_PAGE_FREE | BSA_PAGE_CACHED, BSA_ERR_NOT_ALLOCATED},
        {BSAI_PAGE_META, BSA_PAGE_META, BSA_ERR_NOT_ALLOCATED},
        {BSAI_PAGE_SLAB, BSA_PAGE_SLAB, BSA_ERR_INVALID_PARAM},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned char *q =
            bsai_buddy_take(f.buddy, &call, 1, PAGE, false, BSAI_USE_SLABS, kinds[i].kind);
        assert_status(bsa_buddy_page_flags(f.buddy, q, &flags), BSA_OK);
        must(flags == (kinds[i].flags | low_flag(q)));
        refuse_free(&f, q, 1, kinds[i].status, "free of");
    }
    end(&f);
}
END_TEST

START_TEST(short_info_is_not_overrun)
{
    struct fixture f;
    struct bsa_section_info info;
    begin(&f, MIB);
    memset(&info, 0xee, sizeof(info));
    info.size = offsetof(struct bsa_section_info, free_pages);
    assert_status(bsa_buddy_section(f.buddy, 0, &info), BSA_OK);
    must(info.start == f.start && info.bytes == f.pages * PAGE);
    must((unsigned char)info.free_pages == 0xee);
    info.size = 0;
    assert_status(bsa_buddy_section(f.buddy, 0, &info), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_section(f.buddy, 0, NULL), BSA_ERR_INVALID_PARAM);
    end(&f);
}
END_TEST

START_TEST(free_blocks_are_counted)
{
    struct fixture f;
    size_t counts[BSA_MAX_ORDER + 1], few[3];
    begin(&f, 32 * MIB);
    unsigned char *block = alloc(&f, 1024, 4 * MIB);
    assert_status(bsa_buddy_free(f.buddy, block, 1024), BSA_OK);
    size_t before[BSA_MAX_ORDER + 1];
    assert_status(bsa_buddy_free_blocks(f.buddy, before, BSA_MAX_ORDER + 1), BSA_OK);
    alloc(&f, 1, 1); /* from the smallest that is there */
    assert_status(bsa_buddy_free_blocks(f.buddy, counts, BSA_MAX_ORDER + 1), BSA_OK);
    unsigned order = 0;
    while (before[order] == 0)
        order++;
    must(counts[order] == before[order] - 1);
    for (unsigned i = 0; i < order; i++)
        must(counts[i] == before[i] + 1);
    for (unsigned i = order + 1; i <= BSA_MAX_ORDER; i++)
        must(counts[i] == before[i]);
    assert_status(bsa_buddy_free_blocks(f.buddy, few, 3), BSA_OK);
    must(few[0] == counts[0] && few[1] == counts[1] &&
         few[2] == (f.pages - 1 - few[0] - 2 * few[1]) / 4);
    assert_status(bsa_buddy_free_blocks(f.buddy, few, 0), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_free_blocks(f.buddy, NULL, 3), BSA_ERR_INVALID_PARAM);
    end(&f);
}
END_TEST

/* Cost ------------------------------------------------------------------------------------------ */

/* Steps that aligned requests take while so many pages are free, all at odd page numbers. */
static size_t aligned_steps(size_t odd_pages)
{
    struct fixture f;
    begin(&f, odd_pages * 2 * PAGE + 4 * MIB);
    for (size_t page = 0; page < f.pages; page++)
        alloc(&f, 1, 1);
    size_t freed = 0;
    for (size_t page = 0; page < f.pages && freed < odd_pages; page++) {
        unsigned char *p = f.start + page * PAGE;
        if (((uintptr_t)p / PAGE) % 2 == 0)
            continue;
        assert_status(bsa_buddy_free(f.buddy, p, 1), BSA_OK);
        freed++;
    }
    must(freed == odd_pages);
    void *p = NULL;
    assert_status(bsa_buddy_alloc(f.buddy, 1, 2 * PAGE, &p), BSA_ERR_NO_MEMORY);
    size_t steps = bsa_buddy_steps(f.buddy);
    for (size_t round = 0; round < 1000; round++) {
        /* One that lies right comes and goes, each time elsewhere. */
        size_t page = round * 37 % (odd_pages - 4) + 1;
        unsigned char *even = f.start + page * PAGE;
        even += (uintptr_t)even / PAGE % 2 == 0 ? 0 : PAGE;
        assert_status(bsa_buddy_free(f.buddy, even, 1), BSA_OK);
        assert_status(bsa_buddy_alloc(f.buddy, 1, 2 * PAGE, &p), BSA_OK);
        must(p == even);
        assert_status(bsa_buddy_alloc(f.buddy, 1, 2 * PAGE, &p), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(f.buddy, 2, 4 * PAGE, &p), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(f.buddy, 3, 1, &p), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(f.buddy, 1, 2 * MIB, &p), BSA_ERR_NO_MEMORY);
        assert_status(bsa_buddy_alloc(f.buddy, 1, 8 * MIB, &p), BSA_ERR_NO_MEMORY);
    }
    steps = bsa_buddy_steps(f.buddy) - steps;
    end(&f);
    return steps;
}

START_TEST(aligned_requests_do_not_search)
{
    size_t few = aligned_steps(1000), many = aligned_steps(100000);
    if (BSA_CHECKS == 0)
        return; /* nothing is counted; the answers were checked */
    must(few > 0);
    must(many <= 2 * few + 1000);
}
END_TEST

/* Steps of 80 requests for three pages that only the section's last pages can serve, in rows that
 * are no blocks, while so many single pages are free before them. */
static size_t row_steps(size_t single_pages)
{
    struct fixture f;
    void *p = NULL;
    begin(&f, (single_pages * 2 * PAGE / (2 * MIB) + 4) * (2 * MIB));
    for (size_t page = 0; page < f.pages; page++)
        alloc(&f, 1, 1);
    for (size_t i = 0; i < single_pages; i++)
        assert_status(bsa_buddy_free(f.buddy, f.start + 2 * i * PAGE, 1), BSA_OK);
    unsigned char *last = f.region.start + f.region.bytes - 2 * MIB;
    must((uintptr_t)last % (2 * MIB) == 0);
    for (size_t page = 0; page < 512; page++) {
        if (page % 4 != 0)
            assert_status(bsa_buddy_free(f.buddy, last + page * PAGE, 1), BSA_OK);
    }
    size_t steps = bsa_buddy_steps(f.buddy);
    for (int i = 0; i < 80; i++) {
        assert_status(bsa_buddy_alloc(f.buddy, 3, 1, &p), BSA_OK);
        must((unsigned char *)p >= last && ((unsigned char *)p - last) / PAGE % 4 == 1);
    }
    steps = bsa_buddy_steps(f.buddy) - steps;
    end(&f);
    return steps;
}

START_TEST(rows_are_not_searched_for_each_time)
{
    size_t few = row_steps(1000), many = row_steps(100000);
    if (BSA_CHECKS == 0)
        return;
    must(few > 0);
    must(many <= few + 3 * 100000 / 256); /* the trees are looked at once or so */
}
END_TEST

/* Steps that 1000 allocations and frees take when all sections but the last are full. */
static size_t full_section_steps(size_t sections)
{
    struct fixture f;
    struct region more = region_make(sections * 65536, 65536, 0);
    void *p = NULL;
    begin(&f, 65536);
    for (size_t i = 0; i < sections; i++)
        assert_status(bsa_buddy_add_region(f.buddy, more.start + i * 65536, 65536), BSA_OK);
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_status(bsa_buddy_section(f.buddy, sections, &info), BSA_OK);
    void *first = alloc(&f, 1, 1); /* of the first section */
    while ((unsigned char *)p < (unsigned char *)info.start ||
           (unsigned char *)p >= (unsigned char *)info.start + info.bytes)
        p = alloc(&f, 1, 1);
    size_t steps = bsa_buddy_steps(f.buddy);
    for (size_t round = 0; round < 1000; round++) {
        void *q = NULL;
        assert_status(bsa_buddy_free(f.buddy, p, 1), BSA_OK);
        assert_status(bsa_buddy_alloc(f.buddy, 100, 1, &q), BSA_ERR_NO_MEMORY);
        /* By turns, so that the sections between are passed each time. */
        assert_status(bsa_buddy_free(f.buddy, first, 1), BSA_OK);
        must(alloc(&f, 1, 1) == first);
        must(alloc(&f, 1, 1) == p);
    }
    steps = bsa_buddy_steps(f.buddy) - steps;
    /* A page freed in the first section is the next one. */
    assert_status(bsa_buddy_free(f.buddy, first, 1), BSA_OK);
    must(alloc(&f, 1, 1) == first);
    must(alloc(&f, 1, 1) != first);
    end(&f);
    region_free(&more);
    return steps;
}

START_TEST(full_sections_do_not_slow_others)
{
    size_t few = full_section_steps(8), many = full_section_steps(800);
    if (BSA_CHECKS == 0)
        return;
    must(few > 0);
    must(many <= few + 8 * 1000); /* a few probes more, not one for each section */
}
END_TEST

static Suite *pages_suite(void)
{
    Suite *suite = suite_create("pages");
    TCase *misuse = tcase_create("misuse");
    tcase_add_test(misuse, wild_frees);
    tcase_add_test(misuse, double_frees);
    tcase_add_test(misuse, wrong_frees);
    tcase_add_test(misuse, wrong_requests);
    tcase_add_test(misuse, null_handles);
    suite_add_tcase(suite, misuse);
    TCase *questions = tcase_create("questions");
    tcase_add_test(questions, flags_of_pages);
    tcase_add_test(questions, short_info_is_not_overrun);
    tcase_add_test(questions, free_blocks_are_counted);
    suite_add_tcase(suite, questions);
    TCase *cost = tcase_create("cost");
    tcase_add_test(cost, aligned_requests_do_not_search);
    tcase_add_test(cost, rows_are_not_searched_for_each_time);
    tcase_add_test(cost, full_sections_do_not_slow_others);
    suite_add_tcase(suite, cost);
    return suite;
}

int main(void)
{
    return run_suite(pages_suite());
}
