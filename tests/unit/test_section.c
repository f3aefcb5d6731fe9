/* SPDX-License-Identifier: Apache-2.0 */
/* How regions are cut into sections, and the way from an address to its section. */
#include <buddyslab/debug.h>

#include <stdlib.h>
#include <string.h>

#include "buddy/internal.h"
#include "section/lookup.h"
#include "support.h"

/* Cutting --------------------------------------------------------------------------------------- */

/* Bytes from the start of the sections' structs to the end of the metadata, if `first` were the
 * first page: what section.c says in its own words. */
static size_t naive_bytes(const struct bsai_plan *plan, size_t first)
{
    size_t sum = 0;
    size_t border[3] = {first, plan->split < first ? first : plan->split, plan->end};
    for (int part = 0; part < 2; part++) {
        size_t pages = border[part + 1] - border[part];
        size_t groups = 0;
        for (size_t page = border[part]; page < border[part + 1]; page++)
            groups += page == border[part] || page % BSAI_GROUP_PAGES == 0;
        if (pages == 0)
            continue;
        size_t bytes = (sizeof(struct bsai_section) + 7) / 8 * 8 +
                       (pages * sizeof(void *) + 7) / 8 * 8 +
                       groups * (sizeof(struct bsai_tree) + 1) + (pages + pages % 2) * 4;
        sum += (bytes + 63) / 64 * 64;
    }
    return sum;
}

/* What holds of every plan: order, room for the metadata, and not a page less than possible. */
static void check_plan(const struct bsai_plan *plan)
{
    uintptr_t first = (uintptr_t)plan->first << plan->page_shift;
    must(plan->first < plan->end);
    must(plan->first <= plan->split && plan->split <= plan->end);
    must(plan->extra_at >= plan->region + plan->front);
    must(plan->sections_at >= plan->extra_at + plan->extra);
    must(first > plan->sections_at);
    /* The end, counted from the start of the region, as it may be the end of the address space. */
    must(((uintptr_t)plan->end << plan->page_shift) - plan->region <= plan->bytes);
    must(plan->bytes - (((uintptr_t)plan->end << plan->page_shift) - plan->region) <
         (size_t)1 << plan->page_shift);
    must(first - plan->sections_at >= naive_bytes(plan, plan->first));
    /* One page more would not fit. */
    uintptr_t earlier = (uintptr_t)(plan->first - 1) << plan->page_shift;
    must(earlier < plan->sections_at ||
         earlier - plan->sections_at < naive_bytes(plan, plan->first - 1));
}

static struct bsai_plan plan_of(uintptr_t region, size_t bytes, unsigned shift)
{
    struct bsai_plan plan;
    memset(&plan, 0, sizeof(plan));
    plan.region = region;
    plan.bytes = bytes;
    plan.page_shift = shift;
    plan.cold = true;
    return plan;
}

START_TEST(plans_fit)
{
    struct rng rng = rng_for("plans");
    size_t planned = 0;
    for (size_t round = 0; round < scaled(5000); round++) {
        unsigned shift = (unsigned)rng_between(&rng, 10, 16);
        size_t bytes = rng_between(&rng, 1, (size_t)1 << rng_between(&rng, 10, 26));
        struct bsai_plan plan = plan_of(rng_between(&rng, 1, 1u << 30), bytes, shift);
        plan.front = rng_below(&rng, 3) == 0 ? rng_below(&rng, 5000) : 0;
        plan.extra = rng_below(&rng, 3) == 0 ? rng_below(&rng, 5000) : 0;
        plan.low_bytes = rng_below(&rng, 2) == 0 ? rng_below(&rng, bytes + 1) : 0;
        if (!bsai_section_plan(&plan))
            continue;
        check_plan(&plan);
        planned++;
    }
    must(planned > scaled(1000));
}
END_TEST

START_TEST(plans_reach_the_top_of_the_address_space)
{
    for (unsigned shift = 10; shift <= 16; shift++) {
        for (size_t below = 0; below < 3; below++) {
            size_t bytes = (size_t)16 << 20;
            struct bsai_plan plan = plan_of((uintptr_t)0 - bytes - below, bytes, shift);
            must(bsai_section_plan(&plan));
            size_t pages = UINTPTR_MAX >> shift;
            must(plan.end == (below == 0 ? pages + 1 : pages));
            must(plan.first < plan.end && plan.first > (plan.region >> shift));
        }
        struct bsai_plan beyond = plan_of(UINTPTR_MAX - 100, 101, shift);
        must(!bsai_section_plan(&beyond));
        beyond = plan_of(UINTPTR_MAX - 100000, 100001, shift);
        beyond.front = 100002;
        must(!bsai_section_plan(&beyond));
        beyond.front = 0;
        beyond.extra = SIZE_MAX - 10;
        must(!bsai_section_plan(&beyond));
    }
}
END_TEST

/* The smallest region that serves, at every offset: a byte less is refused, and what is served is
 * used. */
START_TEST(smallest_regions)
{
    for (size_t page_size = 1024; page_size <= 65536; page_size *= 2) {
        for (size_t offset = 0; offset < page_size; offset += page_size / 4 + 1) {
            struct region region = region_make(4 * page_size + 8192, 65536, offset);
            struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
            bsa_buddy *buddy = NULL;
            config.page_size = page_size;
            size_t bytes = 1;
            while (bsa_buddy_init(&buddy, region.start, bytes, &config) == BSA_ERR_INVALID_PARAM) {
                must(buddy == NULL);
                must(bytes < region.bytes);
                bytes++;
            }
            must(buddy != NULL);
            must(bsa_buddy_managed_bytes(buddy) == page_size);
            /* Metadata of one page, less than the 2 KiB, and what rounding to pages takes. */
            must(bytes <= page_size + 2048 + page_size);
            void *p = NULL, *q = NULL;
            assert_status(bsa_buddy_alloc(buddy, 1, page_size, &p), BSA_OK);
            must((unsigned char *)p + page_size == region.start + bytes);
            assert_status(bsa_buddy_alloc(buddy, 1, 1, &q), BSA_ERR_NO_MEMORY);
            memset(p, 0xff, page_size);
            assert_status(bsa_buddy_validate(buddy), BSA_OK);
            assert_status(bsa_buddy_free(buddy, p, 1), BSA_OK);
            region_free(&region);
        }
    }
}
END_TEST

START_TEST(three_small_pages_give_one)
{
    struct region region = region_make(3 * 1024, 4096, 0);
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;
    config.page_size = 1024;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &config), BSA_OK);
    must(bsa_buddy_managed_bytes(buddy) >= 1024);
    region_free(&region);
}
END_TEST

#if SIZE_MAX > UINT32_MAX && !defined(__SANITIZE_THREAD__)
/* A terabyte: the pages, and all metadata but the state bytes, cost nothing until they are used.
 * The thread sanitizer leaves programs little more address space, and not always in one piece. */
START_TEST(terabyte)
{
    size_t bytes = (size_t)1 << 40;
    struct region region = region_make(bytes, 4096, 4096);
    bsa_buddy *buddy = NULL;
    void *p = NULL, *q = NULL, *r = NULL;
    assert_status(bsa_buddy_init(&buddy, region.start, bytes, NULL), BSA_OK);
    size_t managed = bsa_buddy_managed_bytes(buddy);
    must(managed > bytes - bytes / 512);
    assert_status(bsa_buddy_alloc(buddy, (size_t)1 << 20, (size_t)1 << 38, &p), BSA_OK);
    must((uintptr_t)p % ((uintptr_t)1 << 38) == 0);
    assert_status(bsa_buddy_alloc(buddy, 1, 4096, &q), BSA_OK);
    assert_status(bsa_buddy_alloc(buddy, 100000000, 4096, &r), BSA_OK);
    must(bsa_buddy_allocated_bytes(buddy) == (((size_t)1 << 20) + 1 + 100000000) * 4096);
    assert_status(bsa_buddy_free(buddy, q, 1), BSA_OK);
    assert_status(bsa_buddy_free(buddy, p, (size_t)1 << 20), BSA_OK);
    assert_status(bsa_buddy_free(buddy, r, 100000000), BSA_OK);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    must(bsa_buddy_managed_bytes(buddy) == managed);
    size_t counts[BSA_MAX_ORDER + 1];
    assert_status(bsa_buddy_free_blocks(buddy, counts, BSA_MAX_ORDER + 1), BSA_OK);
    size_t sum = 0;
    for (unsigned order = 0; order <= BSA_MAX_ORDER; order++)
        sum += counts[order] << order;
    must(sum == managed / 4096);
    must(counts[BSA_MAX_ORDER] >= 254);
    region_free(&region);
}
END_TEST
#endif

/* Look-up --------------------------------------------------------------------------------------- */

enum { MANY = 1024, LOT = 1 << 20 };

static void shuffle(struct rng *rng, size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = rng_below(rng, i);
        size_t t = order[j];
        order[j] = order[i - 1];
        order[i - 1] = t;
    }
}

/* Regions of many sizes, side by side or not, added in any order: each page is found in its own
 * section, what lies between in none, and a look-up takes no more steps than with few of them. */
START_TEST(many_sections_are_found)
{
    struct rng rng = rng_for("many_sections");
    struct region all = region_make((size_t)MANY * LOT, LOT, 0);
    size_t order[MANY], bytes[MANY], offset[MANY];
    bsa_buddy *buddy = NULL;
    for (size_t i = 0; i < MANY; i++) {
        order[i] = i;
        bytes[i] = rng_below(&rng, 4) == 0 ? LOT : rng_between(&rng, 32768, LOT);
        offset[i] = i * LOT + rng_below(&rng, LOT - bytes[i] + 1);
    }
    shuffle(&rng, order, MANY);
    size_t most_with_few = 0, most = 0;
    for (size_t n = 0; n < MANY; n++) {
        size_t i = order[n];
        if (buddy == NULL)
            assert_status(bsa_buddy_init(&buddy, all.start + offset[i], bytes[i], NULL), BSA_OK);
        else
            assert_status(bsa_buddy_add_region(buddy, all.start + offset[i], bytes[i]), BSA_OK);
        must(bsa_buddy_section_count(buddy) == n + 1);
        if (n != 15 && n != MANY - 1 && n % 100 != 0)
            continue;
        for (size_t k = 0; k <= n; k++) {
            struct bsa_section_info info = BSA_SECTION_INFO_INIT;
            size_t page = 0, steps = bsa_buddy_steps(buddy);
            assert_status(bsa_buddy_section(buddy, k, &info), BSA_OK);
            uintptr_t start = (uintptr_t)info.start;
            struct bsai_section *s = bsai_section_find(buddy, start + info.bytes - 1, &page);
            steps = bsa_buddy_steps(buddy) - steps;
            must(s != NULL && s->map.start == start && page == s->map.pages - 1);
            must(bsai_section_find(buddy, start, &page) == s && page == 0);
            must(bsai_section_find(buddy, start - 1, &page) != s);
            must(bsai_section_find(buddy, start + info.bytes, &page) != s);
            must(bsai_section_find(buddy, (uintptr_t)all.start + offset[order[k]], &page) == NULL);
            if (n == 15)
                most_with_few = steps > most_with_few ? steps : most_with_few;
            most = steps > most ? steps : most;
        }
    }
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    if (BSA_CHECKS >= 1) {
        must(most > 0);
        /* Probes of up to six sizes at half load; 64 times as many sections may not show. */
        must(most <= most_with_few + 64);
    }
    region_free(&all);
}
END_TEST

/* Adding many regions takes memory for tables from the regions; all of it is accounted for. */
START_TEST(tables_are_paid_for)
{
    struct region all = region_make((size_t)512 * 65536, 65536, 0);
    bsa_buddy *buddy = NULL;
    size_t added = 0;
    for (size_t i = 0; i < 512; i++, added++) {
        enum bsa_status status = buddy == NULL
                                     ? bsa_buddy_init(&buddy, all.start, 65536, NULL)
                                     : bsa_buddy_add_region(buddy, all.start + i * 65536, 65536);
        if (status != BSA_OK) {
            assert_status(status, BSA_ERR_NO_MEMORY);
            break;
        }
    }
    must(added == 512);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    size_t free_pages = 0, managed = 0, metadata = 0;
    for (struct bsai_section *s = buddy->first; s != NULL; s = s->next) {
        free_pages += s->free_pages;
        managed += s->total_pages;
        metadata += s->metadata_bytes;
    }
    must(managed * 4096 + metadata == added * 65536);
    must(free_pages == managed && bsa_buddy_allocated_bytes(buddy) == 0);
    region_free(&all);
}
END_TEST

/* With all memory in use a region that is too small for the table is refused, and nothing is lost.
 */
START_TEST(table_without_memory)
{
    struct region all = region_make((size_t)2000 * 16384, 65536, 0);
    bsa_buddy *buddy = NULL;
    enum bsa_status status = BSA_OK;
    size_t added = 0;
    while (status == BSA_OK && added < 2000) {
        void *p = NULL;
        unsigned char *start = all.start + added * 16384;
        status = buddy == NULL ? bsa_buddy_init(&buddy, start, 16384, NULL)
                               : bsa_buddy_add_region(buddy, start, 16384);
        added += status == BSA_OK;
        while (bsa_buddy_alloc(buddy, 1, 1, &p) == BSA_OK)
            must(p != NULL);
    }
    assert_status(status, BSA_ERR_NO_MEMORY);
    must(added > 64);
    must(bsa_buddy_section_count(buddy) == added);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    /* A large one brings its own table. */
    struct region large = region_make(1 << 20, 4096, 0);
    assert_status(bsa_buddy_add_region(buddy, large.start, large.bytes), BSA_OK);
    assert_status(bsa_buddy_add_region(buddy, all.start + added * 16384, 16384), BSA_OK);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    region_free(&large);
    region_free(&all);
}
END_TEST

/* Refusals -------------------------------------------------------------------------------------- */

START_TEST(regions_are_refused)
{
    struct region region = region_make(1 << 20, 4096, 0);
    struct faults faults = {0};
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    unsigned char *half = region.start + region.bytes / 2;
    bsa_buddy *buddy = NULL;
    platform.ctx = &faults;
    platform.fault = faults_record;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, half, 100000, &config), BSA_OK);
    const struct {
        unsigned char *start;
        size_t bytes;
        enum bsa_status status;
    } bad[] = {
        {NULL, 100000, BSA_ERR_INVALID_PARAM},
        {region.start, 0, BSA_ERR_INVALID_PARAM},
        {region.start, 1000, BSA_ERR_INVALID_PARAM},
        {region.start, SIZE_MAX, BSA_ERR_INVALID_PARAM},
        {half, 100000, BSA_ERR_MEMORY_OVERLAP},
        {half + 10, 5, BSA_ERR_MEMORY_OVERLAP}, /* in the metadata */
        {half - 50000, 50001, BSA_ERR_MEMORY_OVERLAP},
        {half + 99999, 50000, BSA_ERR_MEMORY_OVERLAP},
        {region.start, region.bytes, BSA_ERR_MEMORY_OVERLAP},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(bsa_buddy_add_region(buddy, bad[i].start, bad[i].bytes), bad[i].status);
        faults_expect(&faults, bad[i].status, bad[i].start, "a region");
        must(bsa_buddy_section_count(buddy) == 1);
    }
    assert_status(bsa_buddy_add_region(buddy, half - 50000, 50000), BSA_OK);
    assert_status(bsa_buddy_add_region(buddy, half + 100000, 50000), BSA_OK);
    assert_status(bsa_buddy_validate(buddy), BSA_OK);
    must(faults.count == 0);
    region_free(&region);
}
END_TEST

START_TEST(configurations_are_refused)
{
    struct region region = region_make(1 << 20, 4096, 0);
    struct bsa_buddy_config good = BSA_BUDDY_CONFIG_INIT;
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    bsa_buddy *buddy = NULL;
    const size_t sizes[] = {512, 1023, 3000, 4097, 131072, SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bsa_buddy_config config = good;
        config.page_size = sizes[i];
        assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &config),
                      BSA_ERR_INVALID_PARAM);
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        struct bsa_buddy_config config = good;
        config.flags = 1u << bit;
        assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &config),
                      BSA_ERR_INVALID_PARAM);
    }
    struct {
        struct bsa_buddy_config config;
        size_t more;
    } larger = {good, 1};
    larger.config.size = sizeof(larger);
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &larger.config),
                  BSA_ERR_INVALID_PARAM);
    good.size = 0;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &good), BSA_ERR_INVALID_PARAM);
    good.size = sizeof(good);
    platform.size = 3;
    good.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &good), BSA_ERR_INVALID_PARAM);
    must(buddy == NULL);
    assert_status(bsa_buddy_init(NULL, region.start, region.bytes, NULL), BSA_ERR_INVALID_PARAM);

    /* Without its last members, and with a tail of zeros. */
    larger.more = 0;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &larger.config), BSA_OK);
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, NULL),
                  BSA_ERR_ALREADY_INITIALIZED);
    buddy = NULL;
    larger.config.size = offsetof(struct bsa_buddy_config, flags);
    larger.config.page_size = 8192;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &larger.config), BSA_OK);
    must(buddy->page_size == 8192);
    buddy = NULL;
    larger.config.page_size = 0;
    assert_status(bsa_buddy_init(&buddy, region.start, region.bytes, &larger.config), BSA_OK);
    must(buddy->page_size == 4096);
    region_free(&region);
}
END_TEST

/* As the heap does it: with bytes of its own in front, and an array of slab records. */
START_TEST(setup_leaves_the_front_alone)
{
    struct region region = region_make(1 << 20, 4096, 24);
    struct bsa_buddy buddy;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    const size_t front = 10000;
    memset(region.start, 0x77, front);
    assert_status(bsai_buddy_setup(&buddy, region.start, region.bytes, region.bytes, &config),
                  BSA_ERR_INVALID_PARAM);
    config.flags = 1;
    assert_status(bsai_buddy_setup(&buddy, region.start, region.bytes, front, &config),
                  BSA_ERR_INVALID_PARAM);
    config.flags = 0;
    assert_status(bsai_buddy_setup(&buddy, region.start, region.bytes, front, &config), BSA_OK);
    const struct bsai_map *map = &buddy.first->map;
    must((uintptr_t)map->cold >= (uintptr_t)region.start + front);
    must((uintptr_t)&map->cold[map->pages] <= map->start);
    must((uintptr_t)&map->hot[map->pages] <= map->start);
    must((uintptr_t)&map->state[bsai_map_groups(map)] <= map->start);
    for (size_t i = 0; i < front; i++)
        must(region.start[i] == 0x77);
    assert_status(bsa_buddy_validate(&buddy), BSA_OK);
    region_free(&region);
}
END_TEST

static Suite *section_suite(void)
{
    Suite *suite = suite_create("section");
    TCase *cutting = tcase_create("cutting");
    tcase_add_test(cutting, plans_fit);
    tcase_add_test(cutting, plans_reach_the_top_of_the_address_space);
    tcase_add_test(cutting, smallest_regions);
    tcase_add_test(cutting, three_small_pages_give_one);
#if SIZE_MAX > UINT32_MAX && !defined(__SANITIZE_THREAD__)
    tcase_add_test(cutting, terabyte);
#endif
    tcase_add_test(cutting, setup_leaves_the_front_alone);
    suite_add_tcase(suite, cutting);
    TCase *lookup = tcase_create("look-up");
    tcase_add_test(lookup, many_sections_are_found);
    tcase_add_test(lookup, tables_are_paid_for);
    tcase_add_test(lookup, table_without_memory);
    suite_add_tcase(suite, lookup);
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, regions_are_refused);
    tcase_add_test(refusals, configurations_are_refused);
    suite_add_tcase(suite, refusals);
    return suite;
}

int main(void)
{
    return run_suite(section_suite());
}
