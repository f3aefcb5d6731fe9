/* SPDX-License-Identifier: Apache-2.0 */
/* Failures that allocators of this kind have had, in what slabs cost; see test_failures.c. */
#include "failures.h"

/*
 * 8. Slabs had to begin at a multiple of 16 KiB: on a page allocator whose memory begins otherwise,
 * the classes from 512 bytes on never got one. Here pages at any page boundary will do.
 */
START_TEST(slabs_need_no_more_than_page_alignment)
{
    for (size_t offset = 0; offset < 16; offset++) {
        bsa_buddy *buddy = NULL;
        struct bsa_slab_config config = BSA_SLAB_CONFIG_INIT;
        struct bsa_section_info info = BSA_SECTION_INFO_INIT;
        char *region = region_new(2 * MIB, 64 * KIB, offset * PAGE);
        assert_ok(bsa_buddy_init(&buddy, region, 2 * MIB, NULL));
        assert_ok(bsa_buddy_section(buddy, 0, &info));
        config.range = info.start;
        config.range_bytes = info.bytes;
        size_t bytes = bsa_slab_storage_bytes(&config);
        bsa_slab *slab = NULL;
        assert_ok(bsa_slab_init(&slab, region_new(bytes, 64, 0), bytes, &config));
        void *keep_odd;
        assert_ok(bsa_buddy_alloc(buddy, 1, 1, &keep_odd));
        for (size_t size = 8; size <= 2048; size *= 2) {
            struct bsa_slab_result result;
            void *base;
            assert_ok(bsa_slab_alloc(slab, 0, size, size, &result));
            ck_assert_uint_le(result.needs_align, PAGE);
            assert_ok(bsa_buddy_alloc(buddy, result.needs_pages, 1, &base));
            assert_ok(bsa_slab_add(slab, 0, result.needs_class, base, result.needs_pages));
            assert_ok(bsa_slab_alloc(slab, 0, size, size, &result));
            ck_assert_ptr_nonnull(result.object);
            ck_assert(is_aligned(result.object, size));
        }
        assert_ok(bsa_slab_validate(slab));
    }
}
END_TEST

/*
 * 14. Empty slabs that were kept for later were not given up when memory was short: with nothing
 * live, an allocation failed. Here all of memory can be had as pages after all of it was objects of
 * each class.
 */
START_TEST(kept_slabs_are_given_up_under_pressure)
{
    enum { REGION = 4 * MIB, N = REGION / 8 };
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.cpus = 2;
    config.keep_empty = 1000;
    bsa_heap *heap = heap_new(&m, REGION, config);
    ck_assert_ptr_nonnull(bsa_heap_cpu(heap, 1));
    void **p = pointers(N);
    for (size_t size = 8; size <= 2048; size *= 2) {
        size_t n = take_all(heap, size, p, N);
        ck_assert_uint_ge(n * size, REGION / 10 * 9);
        for (size_t i = 0; i < n; i++)
            assert_ok(bsa_heap_free(heap, p[i]));
    }
    ck_assert_uint_gt(bsa_heap_allocated_bytes(heap), REGION / 2); /* kept */
    m.cpu = (unsigned)_i;
    struct bsa_heap_stats stats;
    size_t pages = take_all_pages(heap);
    heap_stats(heap, &stats);
    ck_assert_uint_eq(pages * PAGE, stats.managed_bytes - stats.cpu_bytes);
    ck_assert_uint_eq(stats.free_bytes, 0);
    check_heap_sums(heap);
}
END_TEST

/*
 * 17. With 64 KiB pages a slab of 8 byte objects was used to 6 %; with 1 KiB pages 2048 byte
 * objects did not exist. Here each class fills its slabs to 98 % at every page size.
 */
START_TEST(every_class_fills_its_slabs_at_every_page_size)
{
    struct machine m;
    struct bsa_heap_stats stats;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    machine_start(&m);
    config.page_size = (size_t)1024 << _i;
    bsa_heap *heap = heap_new(&m, 600 * config.page_size + MIB, config);
    for (size_t size = 8; size <= 2048; size *= 2)
        pattern_write(heap_get(heap, size, size), size, (unsigned)size);
    heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.classes, 9);
    for (unsigned c = 0; c < 9; c++) {
        const struct bsa_class_stats *k = &stats.size_class[c];
        size_t bytes = k->slab_pages * config.page_size;
        ck_assert_uint_eq(k->object_size, (size_t)8 << c);
        ck_assert_uint_eq(k->slabs, 1);
        ck_assert_uint_eq(k->live, 1);
        ck_assert_uint_ge(k->objects_per_slab * k->object_size * 100, bytes * 98);
        ck_assert_uint_ge(k->objects_per_slab, 8);
        ck_assert_uint_le(k->slab_pages, 16);
    }
    check_heap_sums(heap);
}
END_TEST

/*
 * 19. The header of a slab took the place of 2 of its 8 or 16 objects. Here it lies elsewhere, and
 * nearly all memory is objects.
 */
START_TEST(headers_cost_no_objects)
{
    enum { REGION = 8 * MIB, N = REGION / 256 };
    for (size_t size = 256; size <= 2048; size *= 2) {
        struct machine m;
        struct bsa_heap_stats stats;
        machine_start(&m);
        bsa_heap *heap = heap_new(&m, REGION, (struct bsa_heap_config)BSA_HEAP_CONFIG_INIT);
        void **p = pointers(N);
        size_t n = take_all(heap, size, p, N);
        ck_assert_uint_ge(n * size, bsa_heap_managed_bytes(heap) / 100 * 97);
        heap_stats(heap, &stats);
        for (unsigned c = 0; c < stats.classes; c++)
            ck_assert_uint_eq(stats.size_class[c].objects_per_slab *
                                  stats.size_class[c].object_size,
                              stats.size_class[c].slab_pages * PAGE);
    }
}
END_TEST

/*
 * 18. Misuse in ordinary builds: a double free handed a live slab to the page allocator, or, by
 * another CPU, looped for ever under the lock; a page freed twice was given to two; a free with
 * another size overlapped live objects; an id out of range was a crash. The programs of misuse/ go
 * through all of it; here is what those failures led to.
 */
START_TEST(misuse_does_no_damage)
{
    struct machine m;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    void *objects[64], *again, *page, *other;
    machine_start(&m);
    config.cpus = 2;
    config.magazine_objects = BSA_NONE;
    config.page_list_pages = BSA_NONE;
    bsa_heap *heap = heap_new(&m, MIB, config);
    for (unsigned i = 0; i < 64; i++)
        objects[i] = heap_get(heap, 64, 1);

    /* One slab, all but one object freed twice: the slab stays. */
    for (unsigned i = 1; i < 64; i++) {
        m.cpu = i % 2;
        assert_ok(bsa_heap_free(heap, objects[i]));
        for (m.cpu = 0; m.cpu < 2; m.cpu++)
            assert_status(bsa_heap_free(heap, objects[i]), BSA_ERR_NOT_ALLOCATED);
    }
    m.cpu = 0;
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(bsa_usable_size(heap, objects[0]), 64);
    for (unsigned i = 0; i < 63; i++)
        ck_assert_ptr_ne(heap_get(heap, 64, 1), objects[0]);

    /* A page that is freed twice is given out once. */
    page = heap_get_pages(heap, 1, 1);
    assert_ok(bsa_heap_free_pages(heap, page, 1));
    assert_status(bsa_heap_free_pages(heap, page, 1), BSA_ERR_NOT_ALLOCATED);
    again = heap_get_pages(heap, 1, 1);
    other = heap_get_pages(heap, 1, 1);
    ck_assert_ptr_ne(again, other);

    /* With another count or class it stays whole. */
    assert_status(bsa_heap_free_pages(heap, again, 2), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_free_sized(heap, objects[0], 2048, 1), BSA_ERR_INVALID_PARAM);
    m.cpu = 2;
    assert_status(bsa_heap_free(heap, objects[0]), BSA_ERR_INVALID_PARAM);
    assert_status(bsa_heap_alloc(heap, 64, 1, &page), BSA_ERR_INVALID_PARAM);
    m.cpu = 0;
    assert_status(bsa_heap_alloc(heap, SIZE_MAX - 6, 8, &page), BSA_ERR_NO_MEMORY);
    check_heap_sums(heap);
}
END_TEST

/* Requests of no bytes behaved by chance. They are objects of their own. */
START_TEST(objects_of_no_bytes_are_unique)
{
    enum { N = 3000 };
    static void *p[N];
    struct machine m;
    machine_start(&m);
    bsa_heap *heap = heap_new(&m, MIB, (struct bsa_heap_config)BSA_HEAP_CONFIG_INIT);
    for (unsigned i = 0; i < N; i++) {
        p[i] = heap_get(heap, 0, i % 2 == 0 ? 1 : 8);
        ck_assert_uint_eq(bsa_usable_size(heap, p[i]), 8);
        memcpy(p[i], &p[i], sizeof p[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        ck_assert_mem_eq(p[i], &p[i], sizeof p[i]);
        assert_ok(bsa_heap_free_sized(heap, p[i], 0, 1));
    }
    ck_assert(is_aligned(heap_get(heap, 0, 4 * PAGE), 4 * PAGE));
    check_heap_sums(heap);
}
END_TEST

static Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures of others: slabs");
    TCase *all = tcase_create("all");
    tcase_add_test(all, slabs_need_no_more_than_page_alignment);
    tcase_add_loop_test(all, kept_slabs_are_given_up_under_pressure, 0, 2);
    tcase_add_loop_test(all, every_class_fills_its_slabs_at_every_page_size, 0, 7);
    tcase_add_test(all, headers_cost_no_objects);
    tcase_add_test(all, misuse_does_no_damage);
    tcase_add_test(all, objects_of_no_bytes_are_unique);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(failures_suite());
}
