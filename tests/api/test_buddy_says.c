/* SPDX-License-Identifier: Apache-2.0 */
/* The page allocator alone: how it is made, and what it says about itself. */
#include "buddies.h"

/* Making one. */

START_TEST(configurations)
{
    static const size_t page_sizes[] = {1, 512, 1000, 1025, 4095, 6144, 131072, SIZE_MAX};
    struct {
        struct bsa_buddy_config config;
        unsigned char tail[24];
    } larger = {.config = BSA_BUDDY_CONFIG_INIT};
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    bsa_buddy *buddy = NULL;
    char *region = region_new(MIB, PAGE, 0);

    for (unsigned i = 0; i < sizeof page_sizes / sizeof *page_sizes; i++) {
        config.page_size = page_sizes[i];
        assert_status(bsa_buddy_init(&buddy, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    }
    config.page_size = PAGE;
    for (unsigned bit = 0; bit < 32; bit++) {
        config.flags = 1u << bit;
        assert_status(bsa_buddy_init(&buddy, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    }
    config.flags = 0;
    for (size_t size = 0; size < sizeof(size_t); size++) {
        config.size = size;
        assert_status(bsa_buddy_init(&buddy, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    }
    ck_assert_ptr_null(buddy);

    /* Of an older program, and of a newer one as long as it asks for nothing that is new. */
    config.size = offsetof(struct bsa_buddy_config, flags);
    config.flags = ~0u;
    assert_ok(bsa_buddy_init(&buddy, region, MIB, &config));
    buddy = NULL;
    larger.config.size = sizeof larger;
    assert_ok(bsa_buddy_init(&buddy, region, MIB, &larger.config));
    buddy = NULL;
    larger.tail[23] = 1;
    assert_status(bsa_buddy_init(&buddy, region, MIB, &larger.config), BSA_ERR_INVALID_PARAM);

    struct bsa_platform platform = BSA_PLATFORM_INIT;
    platform.size = 3;
    config = (struct bsa_buddy_config)BSA_BUDDY_CONFIG_INIT;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(buddy);
}
END_TEST

START_TEST(defaults_are_4096_byte_pages)
{
    bsa_buddy *buddy = NULL;
    struct bsa_buddy_config config = {.size = sizeof config};
    char *region = region_new(MIB, PAGE, 0);
    assert_ok(bsa_buddy_init(&buddy, region, MIB, _i == 0 ? NULL : &config));
    buddy_get(buddy, 1, 1);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), PAGE);
}
END_TEST

START_TEST(a_handle_in_use_is_not_overwritten)
{
    char *region = region_new(2 * MIB, PAGE, 0);
    bsa_buddy *buddy = buddy_new(region, MIB, PAGE), *same = buddy;
    assert_status(bsa_buddy_init(&buddy, region + MIB, MIB, NULL), BSA_ERR_ALREADY_INITIALIZED);
    ck_assert_ptr_eq(buddy, same);
    assert_status(bsa_buddy_init(NULL, region + MIB, MIB, NULL), BSA_ERR_INVALID_PARAM);
    bsa_buddy *none = NULL;
    assert_status(bsa_buddy_init(&none, NULL, MIB, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_init(&none, region, 0, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_init(&none, region, SIZE_MAX, NULL), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_init(&none, (void *)(UINTPTR_MAX - 100), 101, NULL),
                  BSA_ERR_INVALID_PARAM);
    assert_status(bsa_buddy_init(&none, (void *)UINTPTR_MAX, SIZE_MAX, NULL),
                  BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(none);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* Physical addresses that are not linear. */
static uint64_t crooked(void *ctx, const void *addr)
{
    size_t offset = (size_t)((const char *)addr - (const char *)ctx);
    return ((uint64_t)1 << 33) + offset + (offset >= 700 * KIB ? 16 : 0);
}

START_TEST(physical_addresses_must_be_linear)
{
    bsa_buddy *buddy = NULL;
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    char *region = region_new(MIB, PAGE, 0);
    platform.ctx = region;
    platform.virt_to_phys = crooked;
    config.platform = &platform;
    assert_status(bsa_buddy_init(&buddy, region, MIB, &config), BSA_ERR_INVALID_PARAM);
    ck_assert_ptr_null(buddy);
    assert_ok(bsa_buddy_init(&buddy, region, 512 * KIB, &config));
    assert_status(bsa_buddy_add_region(buddy, region + 640 * KIB, 256 * KIB),
                  BSA_ERR_INVALID_PARAM);
    ck_assert_uint_eq(bsa_buddy_section_count(buddy), 1);
}
END_TEST

/* What it says. */

START_TEST(flags_of_pages)
{
    char *region = region_new(8 * MIB, 2 * MIB, 0);
    bsa_buddy *buddy = buddy_new(region, 8 * MIB, PAGE);
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags = ~0u;
    assert_ok(bsa_buddy_section(buddy, 0, &info));
    char *block = buddy_get(buddy, 3, 1), *large = buddy_get(buddy, 1100, 1);
    char *last = (char *)info.start + info.bytes - PAGE;
    assert_ok(bsa_buddy_reserve(buddy, last - 3 * PAGE + 1, 2 * PAGE));
    const struct {
        const char *at;
        unsigned flags;
    } pages[] = {
        {block, BSA_PAGE_HEAD},
        {block + 4095, BSA_PAGE_HEAD},
        {block + PAGE, BSA_PAGE_TAIL},
        {block + 2 * PAGE + 7, BSA_PAGE_TAIL},
        {large, BSA_PAGE_HEAD},
        {large + 512 * PAGE, BSA_PAGE_TAIL},
        {large + 1099 * PAGE, BSA_PAGE_TAIL},
        {last, BSA_PAGE_FREE},
        {last - PAGE, BSA_PAGE_RESERVED},
        {last - 3 * PAGE, BSA_PAGE_RESERVED},
        {last - 4 * PAGE, BSA_PAGE_FREE},
    };
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_ok(bsa_buddy_page_flags(buddy, pages[i].at, &flags));
        flags &= ~(unsigned)BSA_PAGE_LOW; /* where addresses have 32 bits */
        ck_assert_msg(flags == pages[i].flags, "page %u: %#x", i, flags);
    }
    assert_status(bsa_buddy_page_flags(buddy, region, &flags), BSA_ERR_NOT_FOUND);
    assert_status(bsa_buddy_page_flags(buddy, region + 8 * MIB, &flags), BSA_ERR_NOT_FOUND);
    assert_status(bsa_buddy_page_flags(buddy, NULL, &flags), BSA_ERR_NOT_FOUND);

    /* Every page is of one kind, and they are as many as the counters say. */
    size_t free = 0;
    for (char *at = info.start; at <= last; at += PAGE) {
        assert_ok(bsa_buddy_page_flags(buddy, at, &flags));
        flags &= ~(unsigned)BSA_PAGE_LOW;
        free += flags == BSA_PAGE_FREE ? 1 : 0;
        ck_assert_uint_eq(flags & (flags - 1), 0);
    }
    ck_assert_uint_eq(free, free_pages(buddy, PAGE));
}
END_TEST

/* The maximal free blocks, counted page by page: blocks are aligned by address. */
static void count_free_blocks(const bsa_buddy *buddy, size_t *counts)
{
    static bool is_free[MOST];
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    memset(counts, 0, (BSA_MAX_ORDER + 1) * sizeof *counts);
    assert_ok(bsa_buddy_section(buddy, 0, &info));
    size_t pages = info.bytes / PAGE, first = (uintptr_t)info.start / PAGE;
    ck_assert_uint_le(pages, MOST);
    for (size_t i = 0; i < pages; i++) {
        unsigned flags;
        assert_ok(bsa_buddy_page_flags(buddy, (char *)info.start + i * PAGE, &flags));
        is_free[i] = (flags & BSA_PAGE_FREE) != 0;
    }
    for (unsigned order = BSA_MAX_ORDER + 1; order-- > 0;) {
        size_t block = (size_t)1 << order;
        for (size_t i = (0 - first) & (block - 1); i + block <= pages; i += block) {
            size_t n = 0;
            while (n < block && is_free[i + n])
                n++;
            if (n == block) {
                counts[order]++;
                memset(is_free + i, 0, block);
            }
        }
    }
}

static void check_free_blocks(const bsa_buddy *buddy)
{
    size_t counts[BSA_MAX_ORDER + 1], expected[BSA_MAX_ORDER + 1], few[3];
    size_t sum = 0;
    count_free_blocks(buddy, expected);
    assert_ok(bsa_buddy_free_blocks(buddy, counts, BSA_MAX_ORDER + 1));
    for (unsigned o = 0; o <= BSA_MAX_ORDER; o++) {
        ck_assert_msg(counts[o] == expected[o], "%zu blocks of order %u, expected %zu", counts[o],
                      o, expected[o]);
        sum += counts[o] << o;
    }
    ck_assert_uint_eq(sum, free_pages(buddy, PAGE));
    /* Larger ones count as several of the last order that there is room for. */
    assert_ok(bsa_buddy_free_blocks(buddy, few, 3));
    ck_assert_uint_eq(few[0], expected[0]);
    ck_assert_uint_eq(few[1], expected[1]);
    ck_assert_uint_eq(few[0] + 2 * few[1] + 4 * few[2], sum);
}

START_TEST(free_blocks_by_order)
{
    enum { N = 400 };
    struct rng rng = rng_for("free_blocks_by_order");
    void *p[N] = {NULL};
    size_t count[N];
    bsa_buddy *buddy = buddy_new(region_new(24 * MIB, 16 * MIB, 9 * PAGE), 24 * MIB, PAGE);
    check_free_blocks(buddy);
    for (unsigned step = 0; step < 3000; step++) {
        unsigned i = (unsigned)rng_below(&rng, N);
        if (p[i] != NULL) {
            assert_ok(bsa_buddy_free(buddy, p[i], count[i]));
            p[i] = NULL;
        } else {
            count[i] = rng_between(&rng, 1, rng_below(&rng, 10) == 0 ? 700 : 20);
            if (bsa_buddy_alloc(buddy, count[i], 1, &p[i]) != BSA_OK)
                p[i] = NULL;
        }
        if (step % 100 == 0)
            check_free_blocks(buddy);
    }
    check_free_blocks(buddy);
}
END_TEST

START_TEST(reserved_ranges_are_gone_for_good)
{
    static void *p[MOST];
    char *region = region_new(8 * MIB, 2 * MIB, 0);
    bsa_buddy *buddy = buddy_new(region, 8 * MIB, PAGE);
    size_t managed = bsa_buddy_managed_bytes(buddy);
    char *image = region + 3 * MIB + 100;
    assert_ok(bsa_buddy_reserve(buddy, image, 2 * MIB)); /* 513 pages */
    ck_assert_uint_eq(bsa_buddy_managed_bytes(buddy), managed - 513 * PAGE);
    ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy), 0);
    memset(image, 0xa5, 2 * MIB);
    size_t n = take_all_pages(buddy, p);
    ck_assert_uint_eq(n * PAGE, managed - 513 * PAGE);
    for (size_t i = 0; i < n; i++) {
        memset(p[i], 0, PAGE);
        ck_assert(!within(p[i], 1, region + 3 * MIB, 513 * PAGE));
    }
    for (size_t i = 0; i < 2 * MIB; i++)
        ck_assert(image[i] == (char)0xa5);
    for (size_t i = 0; i < n; i++)
        assert_ok(bsa_buddy_free(buddy, p[i], 1));
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_ok(bsa_buddy_section(buddy, 0, &info));
    ck_assert_uint_eq(info.total_pages * PAGE, bsa_buddy_managed_bytes(buddy));
    ck_assert_uint_eq(info.bytes, managed);
    assert_ok(bsa_buddy_validate(buddy));
}
END_TEST

/* A struct of an older program is filled as far as it goes. */
START_TEST(section_info_of_any_size)
{
    struct bsa_section_info info;
    bsa_buddy *buddy = buddy_new(region_new(MIB, PAGE, 0), MIB, PAGE);
    for (size_t size = 0; size <= sizeof info + 8; size += sizeof(size_t)) {
        union {
            struct bsa_section_info info;
            unsigned char bytes[sizeof(struct bsa_section_info) + 8];
        } u;
        memset(&u, 0x5a, sizeof u);
        u.info.size = size;
        if (size == 0) {
            assert_status(bsa_buddy_section(buddy, 0, &u.info), BSA_ERR_INVALID_PARAM);
            continue;
        }
        assert_ok(bsa_buddy_section(buddy, 0, &u.info));
        ck_assert_uint_eq(u.info.size, size);
        for (size_t i = size; i < sizeof u; i++)
            ck_assert_uint_eq(u.bytes[i], 0x5a);
    }
    info = (struct bsa_section_info)BSA_SECTION_INFO_INIT;
    assert_status(bsa_buddy_section(buddy, 1, &info), BSA_ERR_NOT_FOUND);
    assert_status(bsa_buddy_section(buddy, SIZE_MAX, &info), BSA_ERR_NOT_FOUND);
}
END_TEST

START_TEST(several_side_by_side)
{
    enum { N = 5 };
    bsa_buddy *buddy[N];
    void *p[N];
    for (unsigned i = 0; i < N; i++) {
        size_t page = (size_t)1024 << i;
        buddy[i] = buddy_new(region_new(200 * page, PAGE, 0), 200 * page, page);
        p[i] = buddy_get(buddy[i], i + 1, 1);
    }
    for (unsigned i = 0; i < N; i++) {
        size_t page = (size_t)1024 << i;
        ck_assert_uint_eq(bsa_buddy_allocated_bytes(buddy[i]), (i + 1) * page);
        assert_status(bsa_buddy_free(buddy[i], p[(i + 1) % N], (i + 1) % N + 1), BSA_ERR_NOT_FOUND);
        assert_ok(bsa_buddy_free(buddy[i], p[i], i + 1));
        assert_ok(bsa_buddy_validate(buddy[i]));
    }
}
END_TEST

START_TEST(every_status_has_a_text)
{
    for (int i = BSA_OK; i <= BSA_ERR_NOT_FOUND; i++) {
        ck_assert_uint_gt(strlen(bsa_strerror((enum bsa_status)i)), 3);
        for (int j = BSA_OK; j < i; j++)
            ck_assert_str_ne(bsa_strerror((enum bsa_status)i), bsa_strerror((enum bsa_status)j));
    }
    ck_assert_ptr_nonnull(bsa_strerror((enum bsa_status)(BSA_ERR_NOT_FOUND + 1)));
    ck_assert_uint_eq(bsa_version(), BSA_VERSION);
}
END_TEST

static Suite *buddy_suite(void)
{
    Suite *suite = suite_create("the page allocator: making and asking");
    TCase *making = tcase_create("making");
    tcase_add_test(making, configurations);
    tcase_add_loop_test(making, defaults_are_4096_byte_pages, 0, 2);
    tcase_add_test(making, a_handle_in_use_is_not_overwritten);
    tcase_add_test(making, physical_addresses_must_be_linear);
    tcase_add_test(making, several_side_by_side);
    tcase_add_test(making, every_status_has_a_text);
    suite_add_tcase(suite, making);

    TCase *saying = tcase_create("saying");
    tcase_add_test(saying, flags_of_pages);
    tcase_add_test(saying, free_blocks_by_order);
    tcase_add_test(saying, reserved_ranges_are_gone_for_good);
    tcase_add_test(saying, section_info_of_any_size);
    suite_add_tcase(suite, saying);
    return suite;
}

int main(void)
{
    return run_suite(buddy_suite());
}
