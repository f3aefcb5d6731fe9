/* SPDX-License-Identifier: Apache-2.0 */
/* Regions come and go. What has gone is unmapped, so that a look at it ends the test. */
#include <stdlib.h>

#include "buddies.h"

static struct machine m;

static bsa_buddy *buddy_on_machine(void *region, size_t bytes)
{
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;
    machine_start(&m);
    config.platform = &m.platform;
    assert_ok(bsa_buddy_init(&buddy, region, bytes, &config));
    return buddy;
}

static struct region add(bsa_buddy *buddy, size_t bytes, size_t offset)
{
    struct region region = region_make(bytes, 2 * MIB, offset);
    assert_ok(bsa_buddy_add_region(buddy, region.start, bytes));
    return region;
}

START_TEST(a_region_leaves)
{
    bsa_buddy *buddy = buddy_on_machine(region_new(MIB / 2, PAGE, 0), MIB / 2);
    size_t managed = bsa_buddy_managed_bytes(buddy);
    for (int round = 0; round < 100; round++) {
        struct region region = add(buddy, (size_t)MIB + (size_t)round * 10000, (size_t)round);
        void *p = buddy_get(buddy, 200, 1); /* more than the first region has */
        assert_status(bsa_buddy_remove_region(buddy, region.start), BSA_ERR_MEMORY_OVERLAP);
        ck_assert_uint_eq(bsa_buddy_section_count(buddy), 2);
        assert_ok(bsa_buddy_free(buddy, p, 200));
        ck_assert_uint_eq(m.faults.count, 0);
        assert_ok(bsa_buddy_remove_region(buddy, region.start));
        ck_assert_str_eq(m.log_message, "buddy: a region was removed");
        region_free(&region);
        ck_assert_uint_eq(bsa_buddy_section_count(buddy), 1);
        ck_assert_uint_eq(bsa_buddy_managed_bytes(buddy), managed);
        ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 0);
        assert_status(bsa_buddy_free(buddy, p, 200), BSA_ERR_NOT_FOUND);
        faults_expect(&m.faults, BSA_ERR_NOT_FOUND, p, "outside the memory");
        assert_ok(bsa_buddy_validate(buddy));
    }
}
END_TEST

START_TEST(what_may_not_leave)
{
    unsigned char *first = region_new(MIB / 2, PAGE, 0);
    bsa_buddy *buddy = buddy_on_machine(first, MIB / 2);
    struct region region = add(buddy, MIB, 0);
    assert_status(bsa_buddy_remove_region(NULL, first), BSA_ERR_NOT_INITIALIZED);
    assert_status(bsa_buddy_remove_region(buddy, first), BSA_ERR_INVALID_PARAM);
    faults_expect(&m.faults, BSA_ERR_INVALID_PARAM, first, "first region");
    unsigned char *const wrong[] = {NULL,
                                    first + 1,
                                    region.start + 1,
                                    region.start - 1,
                                    region.start + PAGE,
                                    region.start + region.bytes};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_status(bsa_buddy_remove_region(buddy, wrong[i]), BSA_ERR_NOT_FOUND);
        faults_expect(&m.faults, BSA_ERR_NOT_FOUND, wrong[i], "not added");
    }
    /* A single page at either end keeps it. */
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_ok(bsa_buddy_section(buddy, 1, &info));
    void *all = buddy_get(buddy, info.total_pages, 1);
    ck_assert_ptr_eq(all, info.start);
    assert_ok(bsa_buddy_free(buddy, all, info.total_pages));
    ck_assert_uint_eq(bsa_buddy_section_count(buddy), 2);
    /* Withdrawn pages do not: they are the caller's. */
    assert_ok(bsa_buddy_reserve(buddy, info.start, 10 * PAGE));
    assert_ok(bsa_buddy_remove_region(buddy, region.start));
    assert_ok(bsa_buddy_validate(buddy));
    assert_status(bsa_buddy_remove_region(buddy, region.start), BSA_ERR_NOT_FOUND);
    faults_expect(&m.faults, BSA_ERR_NOT_FOUND, region.start, "not added");
    memset(region.start, 0xff, region.bytes);
    assert_ok(bsa_buddy_add_region(buddy, region.start, region.bytes));
    assert_ok(bsa_buddy_validate(buddy));
    ck_assert_ptr_eq(buddy_get(buddy, info.total_pages, 1), all);
    region_free(&region);
}
END_TEST

/* Both parts of a region that straddles 4 GiB leave, or none. */
START_TEST(straddling_regions_leave_whole)
{
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    struct region region = region_make(4 * MIB, PAGE, 0);
    machine_start(&m);
    machine_place_low(&m, region.start, region.bytes, ((uint64_t)1 << 32) - 2 * MIB);
    config.platform = &m.platform;
    assert_ok(bsa_buddy_init(&buddy, region_new(MIB, PAGE, 0), MIB, &config));
    size_t managed = bsa_buddy_managed_bytes(buddy);
    assert_ok(bsa_buddy_add_region(buddy, region.start, region.bytes));
    void *p[2];
    assert_ok(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p[0]));
    p[1] = buddy_get(buddy, 300, 1);
    for (int i = 0; i < 2; i++) {
        assert_status(bsa_buddy_remove_region(buddy, region.start), BSA_ERR_MEMORY_OVERLAP);
        assert_ok(bsa_buddy_free(buddy, p[i], i == 0 ? 1 : 300));
    }
    assert_ok(bsa_buddy_remove_region(buddy, region.start));
    region_free(&region);
    ck_assert_uint_eq(bsa_buddy_managed_bytes(buddy), managed);
    assert_status(bsa_buddy_alloc_lowmem(buddy, 1, 1, &p[0]), BSA_ERR_NO_MEMORY);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* Many regions of many sizes in any order: each page is found as long as its region is there. */
enum { SLOTS = 100 };

struct slot {
    struct region region;
    void *block; /* in any region */
    size_t pages;
};

static void check_found(bsa_buddy *buddy, const struct slot *slot, bool there)
{
    unsigned flags;
    uintptr_t end = (uintptr_t)slot->region.start + slot->region.bytes;
    const void *last = (const void *)((end & ~(uintptr_t)(PAGE - 1)) - 1);
    enum bsa_status status = there ? BSA_OK : BSA_ERR_NOT_FOUND;
    assert_status(bsa_buddy_page_flags(buddy, last, &flags), status);
}

START_TEST(many_come_and_go)
{
    struct rng rng = rng_for("many_come_and_go");
    struct slot *slot = calloc(SLOTS, sizeof *slot);
    bsa_buddy *buddy = buddy_on_machine(region_new(64 * MIB, PAGE, 0), 64 * MIB);
    /* The first region has a table for all, but few pages. */
    void *first = buddy_get(buddy, free_pages(buddy, PAGE) - 200, 1);
    size_t there = 0, most = 0, left = 0, refused = 0;
    ck_assert_ptr_nonnull(slot);
    for (size_t i = 0; i < scaled(20000); i++) {
        struct slot *s = &slot[rng_below(&rng, SLOTS)];
        bool more = i / 4000 % 2 == 0; /* times in which regions come, and in which they go */
        if (s->region.start == NULL && (more || rng_below(&rng, 8) == 0)) {
            size_t bytes = rng_between(&rng, 20000, (size_t)1 << rng_between(&rng, 15, 22));
            s->region = add(buddy, bytes, rng_below(&rng, PAGE));
            most = ++there > most ? there : most;
            check_found(buddy, s, true);
        } else if (s->region.start != NULL && (!more || rng_below(&rng, 8) == 0)) {
            struct region gone = s->region;
            enum bsa_status status = bsa_buddy_remove_region(buddy, gone.start);
            check_found(buddy, s, status != BSA_OK);
            if (status == BSA_OK) {
                s->region.start = NULL;
                region_free(&gone);
                there--;
                left++;
            } else {
                assert_status(status, BSA_ERR_MEMORY_OVERLAP);
                refused++;
            }
        }
        s = &slot[rng_below(&rng, SLOTS)];
        if (s->block != NULL) {
            memset(s->block, 1, PAGE);
            assert_ok(bsa_buddy_free(buddy, s->block, s->pages));
            s->block = NULL;
        } else if (more) {
            s->pages = rng_between(&rng, 1, 40);
            if (bsa_buddy_alloc(buddy, s->pages, 1, &s->block) != BSA_OK)
                s->block = NULL;
        }
        if (i % 512 == 0)
            assert_ok(bsa_buddy_validate(buddy));
    }
    printf("# at most %zu regions; %zu left, %zu were refused\n", most, left, refused);
    ck_assert(most > SLOTS / 2 && left > SLOTS && refused > 0);
    for (size_t i = 0; i < SLOTS; i++) {
        if (slot[i].block != NULL)
            assert_ok(bsa_buddy_free(buddy, slot[i].block, slot[i].pages));
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (slot[i].region.start != NULL)
            assert_ok(bsa_buddy_remove_region(buddy, slot[i].region.start));
    }
    assert_ok(bsa_buddy_free(buddy, first, bsa_buddy_allocated_bytes(buddy) / PAGE));
    ck_assert_uint_eq(bsa_buddy_section_count(buddy), 1);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 0);
    assert_ok(bsa_buddy_validate(buddy));
    free(slot);
}
END_TEST

/* Where the first region has no room for the table, another is pinned by it, and only that one. */
START_TEST(a_table_pins_its_region)
{
    enum { REGIONS = 40 };
    bsa_buddy *buddy = buddy_on_machine(region_new(16 * KIB, PAGE, 0), 16 * KIB);
    struct region region[REGIONS];
    void *p;
    while (bsa_buddy_alloc(buddy, 1, 1, &p) == BSA_OK)
        ck_assert_ptr_nonnull(p);
    for (int i = 0; i < REGIONS; i++)
        region[i] = add(buddy, MIB, 0);
    size_t stayed = 0;
    for (int i = 0; i < REGIONS; i++) {
        enum bsa_status status = bsa_buddy_remove_region(buddy, region[i].start);
        stayed += status == BSA_ERR_MEMORY_OVERLAP;
        ck_assert(status == BSA_OK || status == BSA_ERR_MEMORY_OVERLAP);
        if (status == BSA_OK)
            region_free(&region[i]);
    }
    ck_assert_uint_eq(stayed, 1);
    ck_assert_uint_eq(m.faults.count, 0);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

static unsigned quiesced;

static void quiesce(void *ctx)
{
    ck_assert_ptr_eq(ctx, &m);
    ck_assert_uint_eq(m.inside, 0);
    quiesced++;
}

START_TEST(heaps_send_home_what_keeps_a_region)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    machine_brackets(&m);
    m.platform.quiesce = quiesce;
    config.cpus = 3;
    bsa_heap *heap = heap_new(&m, 2 * MIB, config);
    struct region region = region_make(2 * MIB, PAGE, 100);
    assert_status(bsa_heap_remove_region(NULL, region.start), BSA_ERR_NOT_INITIALIZED);
    size_t managed = bsa_heap_managed_bytes(heap);
    for (unsigned round = 0; round < 20; round++) {
        void *p[600];
        size_t n = 0;
        assert_ok(bsa_heap_add_region(heap, region.start, region.bytes));
        ck_assert_str_eq(m.log_message, "buddy: a region was added");
        for (; bsa_heap_allocated_bytes(heap) < managed + MIB; n++) {
            m.cpu = (unsigned)n % 3;
            ck_assert_uint_lt(n, 600);
            p[n] = n % 8 == 0 ? heap_get_pages(heap, 16, 1) : heap_get(heap, 2048, 8);
        }
        for (size_t i = 0; i < n; i++) {
            if (i % 16 == 0)
                assert_status(bsa_heap_remove_region(heap, region.start), BSA_ERR_MEMORY_OVERLAP);
            m.cpu = (unsigned)i % 2;
            assert_ok(bsa_heap_free(heap, p[i]));
        }
        /* Slabs, their records and blocks are on CPUs' lists now. */
        ck_assert_uint_eq(quiesced, round);
        assert_ok(bsa_heap_remove_region(heap, region.start));
        ck_assert_uint_eq(quiesced, round + 1);
        memset(region.start, 0xff, region.bytes);
        ck_assert_uint_eq(bsa_heap_managed_bytes(heap), managed);
        ck_assert_uint_eq(bsa_heap_section_count(heap), 1);
        check_heap_sums(heap);
        assert_status(bsa_heap_free(heap, region.start + MIB), BSA_ERR_NOT_FOUND);
        faults_expect(&m.faults, BSA_ERR_NOT_FOUND, region.start + MIB, "not in this heap");
        ck_assert_uint_eq(bsa_usable_size(heap, region.start + MIB), 0);
    }
    region_free(&region);
}
END_TEST

/* What is not pages: tables, descriptors and, in the first region, room for CPUs' states, which is
 * at most 1/32 of it. */
START_TEST(metadata_is_small)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, 64 * MIB, config);
    struct bsa_heap_stats first, both;
    heap_stats(heap, &first);
    ck_assert_uint_le(first.metadata_bytes, first.managed_bytes / PAGE * 20);
    size_t bytes = 64 * MIB;
    for (int round = 0; round < 5; round++, bytes *= 2) {
        struct region region = region_make(bytes, PAGE, (size_t)round * 1000);
        assert_ok(bsa_heap_add_region(heap, region.start, bytes));
        heap_stats(heap, &both);
        size_t pages = (both.managed_bytes - first.managed_bytes) / PAGE;
        ck_assert_uint_eq(bytes, pages * PAGE + both.metadata_bytes - first.metadata_bytes);
        ck_assert_uint_le(both.metadata_bytes - first.metadata_bytes, pages * 20);
        assert_ok(bsa_heap_remove_region(heap, region.start));
        region_free(&region);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("regions");
    TCase *tcase = tcase_create("regions");
    tcase_add_test(tcase, a_region_leaves);
    tcase_add_test(tcase, what_may_not_leave);
    tcase_add_test(tcase, straddling_regions_leave_whole);
    tcase_add_test(tcase, many_come_and_go);
    tcase_add_test(tcase, a_table_pins_its_region);
    tcase_add_test(tcase, heaps_send_home_what_keeps_a_region);
    tcase_add_test(tcase, metadata_is_small);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
