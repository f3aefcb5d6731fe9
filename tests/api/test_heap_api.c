/* SPDX-License-Identifier: Apache-2.0 */
/* The heap by its public interface: objects and pages, from where, and where they go. */
#include "machine.h"

static const struct bsa_heap_config plain = BSA_HEAP_CONFIG_INIT;

static bool within(const void *p, size_t bytes, const void *region, size_t region_bytes)
{
    uintptr_t offset = (uintptr_t)p - (uintptr_t)region;
    return offset < region_bytes && region_bytes - offset >= bytes;
}

static void send_all_home(bsa_heap *heap, struct machine *m, unsigned cpus)
{
    unsigned cpu = m->cpu;
    for (m->cpu = 0; m->cpu < cpus; m->cpu++)
        assert_ok(bsa_heap_drain(heap, m->cpu));
    m->cpu = cpu;
    bsa_heap_reclaim(heap);
}

/* Bytes of the CPUs' own state that are in managed memory. */
static size_t cpu_bytes(bsa_heap *heap)
{
    struct bsa_heap_stats stats;
    heap_stats(heap, &stats);
    return stats.cpu_bytes;
}

/* Sizes from 0 to 8192 and all alignments, at every page size: aligned, apart, and all of it back.
 */
START_TEST(small_and_large)
{
    enum { N = 3000 };
    static void *p[N];
    static size_t size[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct rng rng = rng_for("small_and_large");
    machine_start(&m);
    config.page_size = (size_t)1024 << _i % 7;
    config.flags = _i / 7 != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    config.cpus = 2;
    bsa_heap *heap = heap_new(&m, 32 * MIB + 4000 * config.page_size, config);
    for (unsigned i = 0; i < N; i++) {
        size_t align = (size_t)1 << rng_below(&rng, 14);
        size[i] = rng_below(&rng, 8193);
        m.cpu = i % 2;
        p[i] = heap_get(heap, size[i], align);
        ck_assert_uint_ge(bsa_usable_size(heap, p[i]), size[i]);
        if (size[i] > 0)
            pattern_write(p[i], size[i], i);
    }
    check_heap_sums(heap);
    for (unsigned i = 0; i < N; i++) {
        m.cpu = i / 3 % 2;
        ck_assert(size[i] == 0 || pattern_holds(p[i], size[i], i));
        assert_ok(bsa_heap_free(heap, p[i]));
    }
    send_all_home(heap, &m, 2);
    check_heap_sums(heap);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), cpu_bytes(heap));
}
END_TEST

/* The smallest class whose size and natural alignment suffice; above, whole pages. */
START_TEST(what_a_request_gets)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, 16 * MIB, plain);
    for (size_t size = 0; size <= 2048; size++) {
        for (size_t align = 1; align <= 2048; align *= 2) {
            size_t wanted = 8;
            while (wanted < size || wanted < align)
                wanted *= 2;
            void *p = heap_get(heap, size, align);
            ck_assert_uint_eq(bsa_usable_size(heap, p), wanted);
            assert_ok(bsa_heap_free_sized(heap, p, size, align));
        }
    }
    for (size_t size = 2049; size <= 40 * KIB; size += 1021) {
        void *p = heap_get(heap, size, 8);
        ck_assert(is_aligned(p, PAGE));
        ck_assert_uint_eq(bsa_usable_size(heap, p), (size + PAGE - 1) / PAGE * PAGE);
        ck_assert_uint_ge(bsa_heap_allocated_bytes(heap), bsa_usable_size(heap, p));
        assert_ok(bsa_heap_free_sized(heap, p, size, 8));
    }
    void *p = heap_get(heap, 10, PAGE), *q = heap_get(heap, 0, 64 * KIB);
    ck_assert_uint_eq(bsa_usable_size(heap, p), PAGE);
    ck_assert_uint_eq(bsa_usable_size(heap, q), PAGE);
    assert_ok(bsa_heap_free_sized(heap, p, 10, PAGE));
    assert_ok(bsa_heap_free_sized(heap, q, 0, 64 * KIB));
    ck_assert_uint_eq(m.faults.count, 0);
}
END_TEST

/* Blocks and objects of every alignment from first and later regions that begin at any byte. */
START_TEST(regions_that_begin_anywhere)
{
    static const size_t offsets[] = {1, 8, 100, PAGE + 1, 7 * PAGE, MIB + 17};
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    machine_start(&m);
    config.platform = &m.platform;
    char *first = region_new(6 * MIB, 2 * MIB, offsets[_i]);
    char *second = region_new(6 * MIB, 2 * MIB, offsets[5 - _i]);
    assert_ok(bsa_heap_init(&heap, first, 6 * MIB, &config));
    ck_assert(within(heap_get_pages(heap, 512, 2 * MIB), 2 * MIB, first, 6 * MIB));
    assert_ok(bsa_heap_add_region(heap, second, 6 * MIB));
    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        for (size_t size = 0; size <= 64 * KIB; size = size * 3 + 1) {
            void *p = heap_get(heap, size, align);
            ck_assert(within(p, size, first, 6 * MIB) || within(p, size, second, 6 * MIB));
        }
    }
    ck_assert(within(heap_get_pages(heap, 512, 2 * MIB), 2 * MIB, second, 6 * MIB));
    check_heap_sums(heap);
}
END_TEST

/* The smallest heaps: refused, or able to give a page and an object; and nothing in between. */
START_TEST(tiny_regions)
{
    size_t page = (size_t)1024 << _i, accepted = 0;
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.platform = &m.platform;
    config.page_size = page;
    for (size_t bytes = 0; bytes < 8 * page + 24 * KIB; bytes += page / 8 + 1) {
        bsa_heap *heap = NULL;
        char *region = region_new(bytes + 1, 64 * KIB, 8);
        enum bsa_status status = bsa_heap_init(&heap, region, bytes, &config);
        if (status != BSA_OK) {
            assert_status(status, BSA_ERR_INVALID_PARAM);
            ck_assert_ptr_null(heap);
            ck_assert_msg(accepted == 0, "%zu bytes are refused, fewer were not", bytes);
            continue;
        }
        accepted++;
        ck_assert_uint_ge(bsa_heap_managed_bytes(heap), page);
        for (unsigned round = 0; round < 3; round++) {
            void *p = heap_get_pages(heap, 1, 1), *none;
            ck_assert(within(p, page, region, bytes));
            pattern_write(p, page, round);
            while (bsa_heap_alloc(heap, 32, 8, &none) == BSA_OK)
                pattern_write(none, 32, round);
            check_heap_sums(heap);
            ck_assert(pattern_holds(p, page, round));
            assert_ok(bsa_heap_free_pages(heap, p, 1));
        }
    }
    ck_assert_uint_gt(accepted, 3);
}
END_TEST

/* Objects freed on another CPU can be had by the first one. */
START_TEST(ten_objects_freed_elsewhere)
{
    void *p[10];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = _i != 0 ? BSA_NONE : 0;
    config.page_list_pages = BSA_NONE;
    bsa_heap *heap = heap_new(&m, MIB, config);
    for (unsigned round = 0; round < 20; round++) {
        size_t before = bsa_heap_allocated_bytes(heap);
        m.cpu = 0;
        for (unsigned i = 0; i < 10; i++)
            pattern_write(p[i] = heap_get(heap, 100, 1), 100, i);
        m.cpu = 1;
        for (unsigned i = 0; i < 10; i++) {
            ck_assert(pattern_holds(p[i], 100, i));
            assert_ok(bsa_heap_free(heap, p[i]));
        }
        if (round > 1 && config.magazine_objects == BSA_NONE)
            ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), before);
        check_heap_sums(heap);
    }
    /* Two slabs of 32 objects for each magazine of 64, two for the batch under way, records. */
    ck_assert_uint_le(bsa_heap_allocated_bytes(heap), 7 * PAGE);
}
END_TEST

/* Every page as 2048 byte objects; all freed, here or elsewhere; then 16 pages in a row, and the
 * page count is what it was. */
START_TEST(exhaustion_and_recovery)
{
    enum { N = 2048 };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    bsa_heap *heap = heap_new(&m, 2 * MIB, config);
    send_all_home(heap, &m, 2);
    for (unsigned round = 0; round < 4; round++) {
        size_t before = bsa_heap_allocated_bytes(heap), n = 0;
        void *none = &none;
        m.cpu = 0;
        while (n < N && bsa_heap_alloc(heap, 2048, 1, &p[n]) == BSA_OK)
            n++;
        ck_assert_uint_ge(n * 2048, bsa_heap_managed_bytes(heap) / 10 * 9);
        assert_status(bsa_heap_alloc_pages(heap, 16, 1, &none), BSA_ERR_NO_MEMORY);
        ck_assert_ptr_null(none);
        for (size_t i = 0; i < n; i++) {
            m.cpu = round % 2 == 0 ? 0 : (unsigned)(i % 2);
            assert_ok(bsa_heap_free(heap, p[i]));
        }
        void *block = heap_get_pages(heap, 16, 16 * PAGE);
        assert_ok(bsa_heap_free_pages(heap, block, 16));
        send_all_home(heap, &m, 2);
        if (round > 0)
            ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), before);
        check_heap_sums(heap);
    }
}
END_TEST

/* Slabs whose objects were all freed elsewhere come back as the first CPU goes on working. */
START_TEST(slabs_come_back_as_work_goes_on)
{
    enum { N = 4000 };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    bsa_heap *heap = heap_new(&m, 8 * MIB, config);
    for (unsigned i = 0; i < N; i++)
        p[i] = heap_get(heap, 64, 1);
    size_t full = bsa_heap_allocated_bytes(heap);
    m.cpu = 1;
    for (unsigned i = 0; i < N; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    m.cpu = 0;
    for (unsigned i = 0; i < 400; i++)
        p[i] = heap_get(heap, 64, 1);
    for (unsigned i = 0; i < 400; i++)
        assert_ok(bsa_heap_free(heap, p[i]));
    ck_assert_uint_le(bsa_heap_allocated_bytes(heap), full - N * 64 / 2);
    heap_get_pages(heap, 16, 1);
    check_heap_sums(heap);
}
END_TEST

/* An empty slab that is kept counts as allocated, until it is reclaimed. */
START_TEST(kept_slabs_count)
{
    struct machine m;
    struct bsa_heap_stats stats;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.magazine_objects = BSA_NONE;
    config.page_list_pages = BSA_NONE;
    bsa_heap *heap = heap_new(&m, MIB, config);
    assert_ok(bsa_heap_free(heap, heap_get(heap, 64, 1)));
    heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.slab_bytes, PAGE);
    ck_assert_uint_eq(stats.size_class[3].empty_slabs + stats.size_class[3].slabs, 2);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), stats.slab_bytes + stats.record_bytes);
    ck_assert_uint_eq(bsa_heap_reclaim(heap), stats.slab_bytes + stats.record_bytes);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), 0);
    ck_assert_uint_eq(bsa_heap_reclaim(heap), 0);
}
END_TEST

/* Memory that comes later, here and there, serves large requests. */
START_TEST(regions_added_later)
{
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, MIB, plain);
    void *p;
    size_t managed = bsa_heap_managed_bytes(heap);
    assert_status(bsa_heap_alloc_pages(heap, 300, 1, &p), BSA_ERR_NO_MEMORY);
    for (unsigned i = 1; i <= 10; i++) {
        char *region = region_new(2 * MIB, 2 * MIB, i * 1000);
        assert_ok(bsa_heap_add_region(heap, region, 2 * MIB));
        ck_assert_uint_gt(bsa_heap_managed_bytes(heap), managed + MIB);
        managed = bsa_heap_managed_bytes(heap);
        ck_assert_uint_eq(bsa_heap_section_count(heap), i + 1);
        p = heap_get_pages(heap, 300, 1);
        ck_assert(within(p, 300 * PAGE, region, 2 * MIB));
        m.faults.count = 0;
        assert_status(bsa_heap_add_region(heap, region + PAGE, PAGE), BSA_ERR_MEMORY_OVERLAP);
        ck_assert_uint_eq(bsa_heap_managed_bytes(heap), managed);
    }
    check_heap_sums(heap);
}
END_TEST

/* Low memory full of holes, and whole again when they are filled. */
START_TEST(low_memory_with_holes)
{
    enum { N = 1024 };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    machine_start(&m);
    char *low = region_new(2 * MIB, 2 * MIB, 0), *high = region_new(2 * MIB, 2 * MIB, 0);
    machine_place_low(&m, low, 2 * MIB, 16 * MIB);
    config.platform = &m.platform;
    assert_ok(bsa_heap_init(&heap, high, 2 * MIB, &config));
    assert_ok(bsa_heap_alloc_pages_lowmem(heap, 1, 1, &p[0]) == BSA_ERR_NO_MEMORY
                  ? BSA_OK
                  : BSA_ERR_NOT_FOUND);
    assert_ok(bsa_heap_add_region(heap, low, 2 * MIB));
    size_t n = 0;
    while (bsa_heap_alloc_pages_lowmem(heap, 1, 1, &p[n]) == BSA_OK) {
        ck_assert(within(p[n], PAGE, low, 2 * MIB));
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if ((uintptr_t)p[i] / PAGE % 2 == 0)
            assert_ok(bsa_heap_free_pages(heap, p[i], 1));
    }
    void *q;
    assert_status(bsa_heap_alloc_pages_lowmem(heap, 2, 1, &q), BSA_ERR_NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        if ((uintptr_t)p[i] / PAGE % 2 != 0)
            assert_ok(bsa_heap_free_pages(heap, p[i], 1));
    }
    assert_ok(bsa_heap_alloc_pages_lowmem(heap, 100, 1, &q));
    ck_assert(within(q, 100 * PAGE, low, 2 * MIB));
    check_heap_sums(heap);
}
END_TEST

/* Every second CPU's requests; a region of which the first half lies below 4 GiB says so. */
START_TEST(low_memory_of_a_straddling_region)
{
    enum { N = 512 };
    static void *p[N];
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    bsa_heap *heap = NULL;
    machine_start(&m);
    char *region = region_new(2 * MIB, 2 * MIB, 0);
    machine_place_low(&m, region, 2 * MIB, ((uint64_t)1 << 32) - MIB);
    config.platform = &m.platform;
    config.cpus = 2;
    assert_ok(bsa_heap_init(&heap, region, 2 * MIB, &config));
    assert_ok(bsa_heap_section(heap, 0, &info));
    ck_assert_ptr_eq((char *)info.start + info.low_bytes, region + MIB);
    ck_assert_uint_eq(info.low_free_pages, info.low_bytes / PAGE);
    ck_assert_uint_eq(info.free_pages, info.bytes / PAGE);
    size_t pages = info.low_free_pages, n = 0;
    while (bsa_cpu_alloc_pages_lowmem(bsa_heap_cpu(heap, n % 2), 1, 1, &p[n]) == BSA_OK) {
        ck_assert(within(p[n], PAGE, region, MIB));
        n++;
    }
    ck_assert_uint_eq(n, pages);
    assert_ok(bsa_heap_free_pages(heap, p[7], 1)); /* to a CPU's list, and still free */
    assert_ok(bsa_heap_section(heap, 0, &info));
    ck_assert_uint_eq(info.low_free_pages, 1);
    ck_assert_uint_eq(info.free_pages, 1 + (info.bytes - info.low_bytes) / PAGE);
    assert_status(bsa_cpu_alloc_pages_lowmem(NULL, 1, 1, &p[7]), BSA_ERR_NOT_INITIALIZED);
    check_heap_sums(heap);
}
END_TEST

/* Without a hook addresses are physical: memory above 4 GiB is not low. */
START_TEST(ordinary_addresses_are_their_own_physical_ones)
{
    struct machine m;
    unsigned flags;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, MIB, plain);
    void *p = heap_get_pages(heap, 1, 1), *q;
    assert_ok(bsa_heap_page_flags(heap, p, &flags));
    bool low = (uintptr_t)p >> 31 >> 1 == 0;
    ck_assert_int_eq((flags & BSA_PAGE_LOW) != 0, low);
    assert_status(bsa_heap_alloc_pages_lowmem(heap, 1, 1, &q), low ? BSA_OK : BSA_ERR_NO_MEMORY);
}
END_TEST

START_TEST(reserved_ranges)
{
    enum { N = 1024 };
    static void *p[N];
    struct machine m;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, 2 * MIB, plain);
    size_t managed = bsa_heap_managed_bytes(heap), n = 0;
    assert_ok(bsa_heap_section(heap, 0, &info));
    char *frame = (char *)info.start + 37 * PAGE;
    assert_ok(bsa_heap_reserve(heap, frame + 1, 9 * PAGE));
    ck_assert_uint_eq(bsa_heap_managed_bytes(heap), managed - 10 * PAGE);
    assert_ok(bsa_heap_page_flags(heap, frame + 5 * PAGE, &flags));
    ck_assert_uint_eq(flags & BSA_PAGE_RESERVED, BSA_PAGE_RESERVED);
    assert_status(bsa_heap_reserve(heap, frame, PAGE), BSA_ERR_MEMORY_OVERLAP);
    assert_status(bsa_heap_reserve(heap, &m, 1), BSA_ERR_NOT_FOUND);
    while (n < N && bsa_heap_alloc_pages(heap, 1, 1, &p[n]) == BSA_OK) {
        ck_assert(!within(p[n], 1, frame, 10 * PAGE));
        n++;
    }
    ck_assert_uint_eq(n * PAGE, managed - 10 * PAGE - cpu_bytes(heap));
    check_heap_sums(heap);
}
END_TEST

START_TEST(heaps_side_by_side)
{
    enum { HEAPS = 6, EACH = 200 };
    struct machine m[HEAPS];
    bsa_heap *heap[HEAPS];
    static void *p[HEAPS][EACH];
    for (unsigned h = 0; h < HEAPS; h++) {
        struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
        machine_start(&m[h]);
        config.page_size = (size_t)1024 << h;
        config.cpus = h + 1;
        config.flags = h % 2 != 0 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
        heap[h] = heap_new(&m[h], (size_t)MIB << (h / 2), config);
    }
    for (unsigned i = 0; i < EACH; i++) {
        for (unsigned h = 0; h < HEAPS; h++) {
            m[h].cpu = i % (h + 1);
            p[h][i] = heap_get(heap[h], 100, 4);
            pattern_write(p[h][i], 100, h * EACH + i);
        }
    }
    for (unsigned h = 0; h < HEAPS; h++) {
        assert_status(bsa_heap_free(heap[h], p[(h + 1) % HEAPS][3]), BSA_ERR_NOT_FOUND);
        ck_assert_uint_eq(m[h].faults.count, 1);
        for (unsigned i = 0; i < EACH; i++) {
            ck_assert(pattern_holds(p[h][i], 100, h * EACH + i));
            assert_ok(bsa_heap_free(heap[h], p[h][i]));
        }
        check_heap_sums(heap[h]);
    }
}
END_TEST

/* A table of one's own: Linux's sizes, with 96 and 192, whose alignment is their own. */
START_TEST(classes_of_ones_own)
{
    static const unsigned sizes[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048};
    static const struct {
        size_t size, align, expected;
    } requests[] = {
        {65, 1, 96},   {96, 32, 96},    {96, 64, 128},   {90, 16, 96},
        {129, 1, 192}, {180, 64, 192},  {180, 128, 256}, {193, 1, 256},
        {1, 64, 64},   {2049, 1, PAGE}, {1, 4096, PAGE},
    };
    struct bsa_class_table table = {sizeof table, 11, sizes};
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_heap_stats stats;
    struct machine m;
    machine_start(&m);
    config.classes = &table;
    bsa_heap *heap = heap_new(&m, 4 * MIB, config);
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        void *p = heap_get(heap, requests[i].size, requests[i].align);
        ck_assert_uint_eq(bsa_usable_size(heap, p), requests[i].expected);
        assert_ok(bsa_heap_free_sized(heap, p, requests[i].size, requests[i].align));
    }
    /* Behind the last whole object of a slab no object begins. */
    struct bsa_class_table odd = {sizeof odd, 1, (const unsigned[]){1000}};
    config.classes = &odd;
    bsa_heap *other = heap_new(&m, 4 * MIB, config);
    heap_stats(other, &stats);
    char *last = NULL;
    for (size_t i = 0; i < stats.size_class[0].objects_per_slab; i++) {
        char *p = heap_get(other, 1000, 1);
        last = p > last ? p : last;
    }
    m.faults.count = 0;
    assert_status(bsa_heap_free(other, last + 1000), BSA_ERR_INVALID_PARAM);
    faults_expect(&m.faults, BSA_ERR_INVALID_PARAM, last + 1000, "inside");
    ck_assert_uint_eq(bsa_usable_size(other, last + 1000), 0);
    ck_assert_uint_eq(bsa_usable_size(other, last), 1000);
    heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.classes, 11);
    for (unsigned c = 0; c < 11; c++)
        ck_assert_uint_eq(stats.size_class[c].object_size, sizes[c]);
    check_heap_sums(heap);
}
END_TEST

static Suite *heap_suite(void)
{
    Suite *suite = suite_create("the heap");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, small_and_large, 0, 14);
    tcase_add_test(all, what_a_request_gets);
    tcase_add_loop_test(all, regions_that_begin_anywhere, 0, 6);
    tcase_add_loop_test(all, tiny_regions, 0, 7);
    tcase_add_loop_test(all, ten_objects_freed_elsewhere, 0, 2);
    tcase_add_test(all, exhaustion_and_recovery);
    tcase_add_test(all, slabs_come_back_as_work_goes_on);
    tcase_add_test(all, kept_slabs_count);
    tcase_add_test(all, regions_added_later);
    tcase_add_test(all, low_memory_with_holes);
    tcase_add_test(all, low_memory_of_a_straddling_region);
    tcase_add_test(all, ordinary_addresses_are_their_own_physical_ones);
    tcase_add_test(all, reserved_ranges);
    tcase_add_test(all, heaps_side_by_side);
    tcase_add_test(all, classes_of_ones_own);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(heap_suite());
}
