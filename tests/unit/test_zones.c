/* SPDX-License-Identifier: Apache-2.0 */
/* Memory below 4 GiB: who may take it, and regions that straddle the border. */
#include <buddyslab/debug.h>

#include <string.h>

#include "buddy/internal.h"
#include "support.h"

#define GIB ((uint64_t)1 << 30)
enum { MIB = 1 << 20, PAGE = 4096 };

/* Physical addresses as the test wants them: each region's offset is its own. */
struct machine {
    struct faults faults; /* first, as it is the ctx of faults_record too */
    struct {
        const unsigned char *start;
        size_t bytes;
        uint64_t phys;
    } region[4];
    size_t regions;
    const unsigned char *liar; /* the page of this address is somewhere else */
};

static uint64_t to_phys(void *ctx, const void *addr)
{
    const struct machine *machine = ctx;
    const unsigned char *p = addr;
    for (size_t i = 0; i < machine->regions; i++) {
        size_t offset = (size_t)(p - machine->region[i].start);
        if (p >= machine->region[i].start && offset < machine->region[i].bytes) {
            bool lie = machine->liar != NULL && p - machine->liar < PAGE && p >= machine->liar;
            return machine->region[i].phys + offset + (lie ? PAGE : 0);
        }
    }
    ck_abort_msg("virt_to_phys of %p, which is in no region", addr);
    return 0;
}

static void place(struct machine *machine, const unsigned char *start, size_t bytes, uint64_t phys)
{
    machine->region[machine->regions].start = start;
    machine->region[machine->regions].bytes = bytes;
    machine->region[machine->regions].phys = phys;
    machine->regions++;
}

static bsa_buddy *buddy_over(struct machine *machine, struct region *region, unsigned reserve)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;
    platform.ctx = machine;
    platform.fault = faults_record;
    platform.virt_to_phys = to_phys;
    config.platform = &platform;
    config.lowmem_reserve = reserve;
    assert_status(bsa_buddy_init(&buddy, region->start, region->bytes, &config), BSA_OK);
    return buddy;
}

static uint64_t phys_of(struct machine *machine, const void *p)
{
    return to_phys(machine, p);
}

static size_t free_in(bsa_buddy *buddy, size_t index)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_status(bsa_buddy_section(buddy, index, &info), BSA_OK);
    return info.free_pages;
}

static size_t take_all(bsa_buddy *buddy, size_t pages, bool low)
{
    size_t n = 0;
    void *p = NULL;
    while ((low ? bsa_buddy_alloc_lowmem(buddy, pages, 1, &p)
                : bsa_buddy_alloc(buddy, pages, 1, &p)) == BSA_OK)
        n++;
    return n;
}

/* A low region first, a high one later: ordinary pages come from the high one, then from the low
 * one down to the reserve; low pages from the low one alone, to the last. */
START_TEST(high_first_then_low_to_the_reserve)
{
    const unsigned reserves[] = {0, 8, 1, BSA_NONE, 1000000};
    for (size_t i = 0; i < sizeof(reserves) / sizeof(reserves[0]); i++) {
        struct machine machine = {0};
        struct region low = region_make(2 * MIB, 2 * MIB, 0), high = region_make(MIB, MIB, 0);
        place(&machine, low.start, low.bytes, GIB);
        place(&machine, high.start, high.bytes, 5 * GIB);
        bsa_buddy *buddy = buddy_over(&machine, &low, reserves[i]);
        size_t low_total = free_in(buddy, 0);

        /* All memory is low: there is no reserve. */
        void *all = NULL;
        for (size_t n = 0; n < low_total; n++)
            assert_status(bsa_buddy_alloc(buddy, 1, 1, &all), BSA_OK);
        assert_status(bsa_buddy_alloc(buddy, 1, 1, &all), BSA_ERR_NO_MEMORY);
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        assert_status(bsa_buddy_section(buddy, 0, &info), BSA_OK);
        for (size_t n = 0; n < low_total; n++)
            assert_status(bsa_buddy_free(buddy, (unsigned char *)info.start + n * PAGE, 1), BSA_OK);

        assert_status(bsa_buddy_add_region(buddy, high.start, high.bytes), BSA_OK);
        size_t reserve =
            reserves[i] == BSA_NONE ? 0 : low_total / (reserves[i] == 0 ? 32 : reserves[i]);
        size_t high_total = free_in(buddy, 1);
        for (size_t n = 0; n < high_total; n++) {
            void *p = NULL;
            assert_status(bsa_buddy_alloc(buddy, 1, 1, &p), BSA_OK);
            must(phys_of(&machine, p) >= 5 * GIB);
        }
        must(free_in(buddy, 0) == low_total && free_in(buddy, 1) == 0);
        must(take_all(buddy, 1, false) == low_total - reserve);
        must(free_in(buddy, 0) == reserve);
        assert_status(bsa_buddy_validate(buddy), BSA_OK);
        must(take_all(buddy, 1, true) == reserve);
        must(free_in(buddy, 0) == 0);
        region_free(&low);
        region_free(&high);
    }
}
END_TEST

START_TEST(low_memory_never_comes_from_above)
{
    struct machine machine = {0};
    struct region high = region_make(4 * MIB, MIB, 0), low[2];
    place(&machine, high.start, high.bytes, 8 * GIB);
    bsa_buddy *buddy = buddy_over(&machine, &high, 0);
    void *p = NULL;
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p), BSA_ERR_NO_MEMORY);
    for (int i = 0; i < 2; i++) {
        low[i] = region_make(MIB, MIB, 0);
        place(&machine, low[i].start, low[i].bytes, (uint64_t)(i + 1) * GIB);
        assert_status(bsa_buddy_add_region(buddy, low[i].start, low[i].bytes), BSA_OK);
    }
    size_t n = 0;
    while (bsa_buddy_alloc_lowmem(buddy, 7, 2 * PAGE, &p) == BSA_OK) {
        must(phys_of(&machine, p) + 7 * PAGE <= 4 * GIB);
        must((uintptr_t)p % (2 * PAGE) == 0);
        n++;
    }
    must(n > 60); /* both were searched */
    must(free_in(buddy, 0) * PAGE > 3 * MIB);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    region_free(&high);
    region_free(&low[0]);
    region_free(&low[1]);
}
END_TEST

START_TEST(holes_in_low_memory_are_found)
{
    struct machine machine = {0};
    struct region low = region_make(4 * MIB, 2 * MIB, 0);
    void *pages[1024];
    size_t n = 0;
    place(&machine, low.start, low.bytes, 0);
    bsa_buddy *buddy = buddy_over(&machine, &low, 0);
    while (bsa_buddy_alloc_lowmem(buddy, 1, 1, &pages[n]) == BSA_OK)
        n++;
    for (size_t i = 0; i < n; i += 3)
        assert_status(bsa_buddy_free(buddy, pages[i], 1), BSA_OK);
    for (size_t i = 0; i < n; i += 3)
        assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &pages[i]), BSA_OK);
    void *p = NULL;
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p), BSA_ERR_NO_MEMORY);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    region_free(&low);
}
END_TEST

/* Straddling ------------------------------------------------------------------------------------ */

/* The border lies `before` bytes behind the start of the region, at any place within a page. */
START_TEST(straddling_region_is_split_inside)
{
    const size_t befores[] = {4 * MIB, 4 * MIB + 1, 4 * MIB + PAGE - 1, 3 * MIB + 4321, 2 * MIB};
    for (size_t i = 0; i < sizeof(befores) / sizeof(befores[0]); i++) {
        struct machine machine = {0};
        struct region region = region_make(8 * MIB, 2 * MIB, 0);
        uint64_t start = 4 * GIB - befores[i];
        uintptr_t border = (uintptr_t)region.start + befores[i];
        place(&machine, region.start, region.bytes, start);
        bsa_buddy *buddy = buddy_over(&machine, &region, BSA_NONE);
        must(bsa_buddy_section_count(buddy) == 1);
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        assert_status(bsa_buddy_section(buddy, 0, &info), BSA_OK);
        must(info.bytes == info.total_pages * PAGE && info.free_pages == info.total_pages);
        must((unsigned char *)info.start + info.bytes == region.start + region.bytes);
        must(bsa_buddy_managed_bytes(buddy) == info.bytes);
        assert_status(bsa_buddy_section(buddy, 1, &info), BSA_ERR_NOT_FOUND);

        size_t low_pages = (border & ~(uintptr_t)(PAGE - 1)) / PAGE - (uintptr_t)info.start / PAGE;
        unsigned flags = 0;
        for (size_t page = 0; page < info.total_pages; page++) {
            unsigned char *p = (unsigned char *)info.start + page * PAGE;
            bool low = phys_of(&machine, p) + PAGE <= 4 * GIB;
            assert_status(bsa_buddy_page_flags(buddy, p, &flags), BSA_OK);
            must(flags == (BSA_PAGE_FREE | (low ? (unsigned)BSA_PAGE_LOW : 0)));
            must(low == (page < low_pages));
        }
        must(take_all(buddy, 1, true) == low_pages);
        must(take_all(buddy, 1, false) == info.total_pages - low_pages);
        assert_status(bsa_buddy_validate(buddy), BSA_OK);
        region_free(&region);
    }
}
END_TEST

START_TEST(blocks_do_not_cross_the_border)
{
    struct machine machine = {0};
    struct region region = region_make(8 * MIB, 8 * MIB, 0);
    place(&machine, region.start, region.bytes, 4 * GIB - 4 * MIB);
    bsa_buddy *buddy = buddy_over(&machine, &region, BSA_NONE);
    void *p = NULL;
    assert_status(bsa_buddy_alloc(buddy, 1025, 1, &p), BSA_ERR_NO_MEMORY);
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1024, 1, &p), BSA_ERR_NO_MEMORY); /* metadata */
    assert_status(bsa_buddy_alloc_lowmem(buddy, 900, 1, &p), BSA_OK);
    must(phys_of(&machine, p) + 900 * PAGE <= 4 * GIB);
    void *q = NULL;
    assert_status(bsa_buddy_alloc(buddy, 1024, 4 * MIB, &q), BSA_OK);
    must(phys_of(&machine, q) == 4 * GIB);
    assert_status(bsa_buddy_free(buddy, p, 900), BSA_OK);
    assert_status(bsa_buddy_free(buddy, q, 1024), BSA_OK);

    /* Withdrawing does cross it, whole or not at all. */
    unsigned char *border = region.start + 4 * MIB;
    size_t managed = bsa_buddy_managed_bytes(buddy);
    assert_status(bsa_buddy_alloc(buddy, 1, 1, &q), BSA_OK);
    must(q == border);
    assert_status(bsa_buddy_reserve(buddy, border - PAGE, 2 * PAGE), BSA_ERR_MEMORY_OVERLAP);
    must(bsa_buddy_managed_bytes(buddy) == managed);
    assert_status(bsa_buddy_free(buddy, q, 1), BSA_OK);
    size_t most = free_in(buddy, 0) - 1024; /* all low pages in a row, up to the border */
    assert_status(bsa_buddy_alloc_lowmem(buddy, most, 1, &q), BSA_OK);
    must((unsigned char *)q + most * PAGE == border);
    assert_status(bsa_buddy_reserve(buddy, border - PAGE, 2 * PAGE), BSA_ERR_MEMORY_OVERLAP);
    must(bsa_buddy_managed_bytes(buddy) == managed);
    assert_status(bsa_buddy_free(buddy, q, most), BSA_OK);
    assert_status(bsa_buddy_reserve(buddy, border - 1, 2), BSA_OK);
    must(bsa_buddy_managed_bytes(buddy) == managed - 2 * PAGE);
    must(bsa_buddy_allocated_bytes(buddy) == 0);
    unsigned flags = 0;
    assert_status(bsa_buddy_page_flags(buddy, border - 1, &flags), BSA_OK);
    must(flags == (BSA_PAGE_RESERVED | BSA_PAGE_LOW));
    assert_status(bsa_buddy_page_flags(buddy, border, &flags), BSA_OK);
    must(flags == BSA_PAGE_RESERVED);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    region_free(&region);
}
END_TEST

START_TEST(growth_spares_the_reserve)
{
    struct machine machine = {0};
    struct region low = region_make(2 * MIB, 2 * MIB, 0), high = region_make(MIB, MIB, 0);
    struct bsai_call call;
    void *p = NULL;
    size_t page = 0;
    place(&machine, low.start, low.bytes, GIB);
    place(&machine, high.start, high.bytes, 5 * GIB);
    bsa_buddy *buddy = buddy_over(&machine, &low, 2);
    assert_status(bsa_buddy_add_region(buddy, high.start, high.bytes), BSA_OK);
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p), BSA_OK);
    bsai_call_begin(&call, &buddy->platform);
    struct bsai_section *s = bsai_section_find(buddy, (uintptr_t)p, &page);
    size_t room = s->map.pages - page - 1;
    size_t half = s->map.pages / 2;
    must(room > half);
    uint32_t one = bsai_word_run(BSAI_PAGE_BLOCK, 1);
    uint32_t rest = bsai_word_run(BSAI_PAGE_BLOCK, s->map.pages - half);
    must(!bsai_buddy_grow(buddy, &call, s, page, one, rest + one - BSAI_PAGE_BLOCK));
    must(bsai_buddy_grow(buddy, &call, s, page, one, rest));
    assert_status(bsa_buddy_free(buddy, p, s->map.pages - half), BSA_OK);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    region_free(&low);
    region_free(&high);
}
END_TEST

START_TEST(crooked_mappings_are_refused)
{
    struct region region = region_make(4 * MIB, MIB, 0), first = region_make(MIB, MIB, 0);
    struct machine machine = {0};
    place(&machine, first.start, first.bytes, 5 * GIB);
    place(&machine, region.start, region.bytes, 0 - (uint64_t)(3 * MIB));
    bsa_buddy *buddy = buddy_over(&machine, &first, 0);
    assert_status(bsa_buddy_add_region(buddy, region.start, region.bytes), BSA_ERR_INVALID_PARAM);
    faults_expect(&machine.faults, BSA_ERR_INVALID_PARAM, region.start, "physical");
    machine.region[1].phys = GIB;
    const size_t lies[] = {0, 4 * MIB - PAGE, MIB, 4 * MIB / 64 * 63};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        machine.liar = region.start + lies[i];
        assert_status(bsa_buddy_add_region(buddy, region.start, region.bytes),
                      BSA_ERR_INVALID_PARAM);
        faults_expect(&machine.faults, BSA_ERR_INVALID_PARAM, region.start, "plus a constant");
    }
    machine.liar = NULL;
    assert_status(bsa_buddy_add_region(buddy, region.start, region.bytes), BSA_OK);
    region_free(&region);
    region_free(&first);
}
END_TEST

static Suite *zones_suite(void)
{
    Suite *suite = suite_create("zones");
    TCase *tests = tcase_create("zones");
    tcase_add_test(tests, high_first_then_low_to_the_reserve);
    tcase_add_test(tests, low_memory_never_comes_from_above);
    tcase_add_test(tests, holes_in_low_memory_are_found);
    tcase_add_test(tests, straddling_region_is_split_inside);
    tcase_add_test(tests, blocks_do_not_cross_the_border);
    tcase_add_test(tests, growth_spares_the_reserve);
    tcase_add_test(tests, crooked_mappings_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(zones_suite());
}
