/* SPDX-License-Identifier: Apache-2.0 */
/* What an allocation does before it says that there is no memory, seen from another CPU that it has
 * asked: memory that this one moves meanwhile is waited for, and nobody is asked more often than
 * needed. */
#include "support.h"

#include <buddyslab.h>

#include "heap/heap.h"

enum { SIZE = 2048, ROUNDS = 2 };

struct other {
    bsa_heap *heap;
    unsigned visits;
    void (*on_visit)(struct other *other);
    /* In its hands: a block or objects at first, then pages that are neither taken nor free. */
    void *object[64];
    unsigned objects;
    void *pages;
    size_t count;
    struct bsai_slab *slab;
    struct bsai_call call;
};

static int visit(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    struct other *other = ctx;
    (void)cpu;
    fn(arg);
    other->visits++;
    if (other->on_visit != NULL)
        other->on_visit(other);
    return 0;
}

/* All memory is above 4 GiB, but for this region, if there is one. */
static const struct region *low;

static uint64_t physical(void *ctx, const void *addr)
{
    (void)ctx;
    uintptr_t at = (uintptr_t)addr, start = low != NULL ? (uintptr_t)low->start : 0;
    bool is_low = low != NULL && at >= start && at - start <= low->bytes;
    return is_low ? at - start : at + ((uint64_t)1 << 32);
}

static bsa_heap *open_heap(struct other *other, const struct region *region)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    platform.ctx = other;
    platform.run_on_cpu = visit;
    platform.virt_to_phys = physical;
    config.platform = &platform;
    config.cpus = 2;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    config.magazine_objects = BSA_NONE;
    config.page_list_pages = BSA_NONE;
    assert_status(bsa_heap_init(&other->heap, region->start, region->bytes, &config), BSA_OK);
    for (unsigned id = 0; id < 2; id++)
        ck_assert_ptr_nonnull(bsa_heap_cpu(other->heap, id));
    bsai_call_begin(&other->call, &other->heap->buddy.platform);
    return other->heap;
}

/* All pages; a list through the pages themselves. */
static void **take_all_pages(bsa_heap *heap)
{
    void *p, **last = NULL;
    while (bsa_heap_alloc_pages(heap, 1, 1, &p) == BSA_OK) {
        *(void ***)p = last;
        last = p;
    }
    return last;
}

static struct bsai_cache *cache_of(bsa_heap *heap)
{
    return &heap->caches[bsai_class_for(&heap->classes, SIZE, 8)];
}

/* CPU 1 makes a slab, its pages are its own; at the next visit it has no use for it any more. */
static void on_the_way_from_the_buddy(struct other *other)
{
    bsa_heap *heap = other->heap;
    if (other->visits == 1) {
        assert_status(bsa_heap_free_pages(heap, other->pages, other->count), BSA_OK);
        void *again = bsai_buddy_take(&heap->buddy, &other->call, other->count,
                                      heap->buddy.page_size, false, BSAI_USE_SLABS, BSAI_PAGE_META);
        ck_assert_ptr_eq(again, other->pages);
    } else if (other->visits == 2) {
        bsai_heap_give_back(heap, &other->call, other->pages, other->count);
    }
}

START_TEST(pages_of_a_slab_that_is_made)
{
    struct other other = {.count = 32};
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    void *p;
    bsa_heap *heap = open_heap(&other, &region);
    assert_status(bsa_heap_alloc_pages(heap, other.count, 1, &other.pages), BSA_OK);
    ck_assert_ptr_nonnull(take_all_pages(heap));
    other.visits = 0;
    other.on_visit = on_the_way_from_the_buddy;
    assert_status(
        _i == 0 ? bsa_heap_alloc(heap, SIZE, 8, &p) : bsa_heap_alloc_pages(heap, 1, 1, &p), BSA_OK);
    ck_assert_uint_eq(other.visits, 2);
    region_free(&region);
}
END_TEST

/* CPU 1 frees a slab's last objects and takes it out of its cache; then its pages are free. */
static void on_the_way_to_the_buddy(struct other *other)
{
    bsa_heap *heap = other->heap;
    struct bsai_cache *cache = cache_of(heap);
    if (other->visits == 1) {
        while (other->objects != 0)
            assert_status(bsa_heap_free(heap, other->object[--other->objects]), BSA_OK);
        other->slab = bsai_cache_settle(cache, &other->call, 0, 1);
        ck_assert_ptr_nonnull(other->slab);
    } else if (other->visits == 2) {
        size_t page, pages = other->slab->pages;
        struct bsai_section *section = bsai_section_find(&heap->buddy, other->slab->base, &page);
        bsai_slab_unmake(&section->map, page, pages);
        ck_assert_ptr_null(bsai_records_put(cache->records, &other->call, other->slab));
        bsai_buddy_give(&heap->buddy, &other->call, section, page, pages);
    }
}

START_TEST(pages_of_a_slab_that_goes)
{
    struct other other = {.objects = 0};
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    void *p;
    bsa_heap *heap = open_heap(&other, &region);
    const struct bsai_cache *cache = cache_of(heap);
    do
        assert_status(bsa_heap_alloc(heap, SIZE, 8, &other.object[other.objects++]), BSA_OK);
    while (other.objects < cache->objects);
    ck_assert_ptr_nonnull(take_all_pages(heap));
    other.visits = 0;
    other.on_visit = on_the_way_to_the_buddy;
    assert_status(bsa_heap_alloc(heap, SIZE, 8, &p), BSA_OK);
    ck_assert_uint_eq(other.visits, 2);
    region_free(&region);
}
END_TEST

/* So few pages are left that there is no slab, or none besides the page of its record. */
START_TEST(an_object_in_vain)
{
    struct other other = {.visits = 0};
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct region reserved = region_make((size_t)1 << 20, 4096, 0);
    void *p;
    low = _i == 1 ? &reserved : NULL;
    bsa_heap *heap = open_heap(&other, &region);
    if (low != NULL) /* of which the reserve is left over */
        assert_status(bsa_heap_add_region(heap, low->start, low->bytes), BSA_OK);
    size_t slab_pages = cache_of(heap)->geometry.slab_pages;
    void **list = take_all_pages(heap);
    for (size_t free_pages = 0; free_pages <= slab_pages; free_pages++) {
        other.visits = 0;
        assert_status(bsa_heap_alloc(heap, SIZE, 8, &p), BSA_ERR_NO_MEMORY);
        ck_assert_uint_le(other.visits, ROUNDS);
        void **next = *list;
        assert_status(bsa_heap_free_pages(heap, list, 1), BSA_OK);
        list = next;
    }
    assert_status(bsa_heap_alloc(heap, SIZE, 8, &p), BSA_OK);
    low = NULL;
    region_free(&reserved);
    region_free(&region);
}
END_TEST

/* CPU 1 takes again, each time, what has just been sent home, and keeps all but one in its
 * magazine: at last it is made to wait, so that one more try finds it. */
START_TEST(others_stand_still)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsai_call call;
    bsa_heap *heap = NULL;
    void *p;
    config.cpus = 2;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    struct bsa_cpu *zero = bsa_heap_cpu(heap, 0), *one = bsa_heap_cpu(heap, 1);
    struct bsai_cache *cache = cache_of(heap);
    struct bsai_pressure pressure = {.cache = _i == 0 ? cache : NULL};
    size_t free_pages = bsai_buddy_free_pages(&heap->buddy);

    ck_assert_ptr_eq(bsai_heap_begin(heap, &call, zero), zero);
    for (;;) {
        ck_assert_ptr_eq(bsai_heap_relieve(zero, &call, &pressure), zero);
        if (pressure.alone)
            break;
        ck_assert_uint_lt(pressure.rounds, 100);
        assert_status(bsa_cpu_alloc(one, SIZE, 8, &p), BSA_OK);
        assert_status(bsa_cpu_free(one, p), BSA_OK);
        ck_assert_uint_gt(bsai_magazine_count(&one->magazines[cache->id]), 0);
    }
    ck_assert_uint_eq(bsai_magazine_count(&one->magazines[cache->id]), 0);
    ck_assert_uint_eq(cache->objects, 0);
    ck_assert_uint_eq(bsai_buddy_free_pages(&heap->buddy), free_pages);
    ck_assert(!bsai_lock_try_word(&one->lock.word));
    ck_assert_ptr_null(bsai_heap_relieve(zero, &call, &pressure));

    bsai_heap_relieved(zero, &call, &pressure);
    ck_assert(!bsai_lock_try_word(&zero->lock.word));
    assert_status(bsa_cpu_alloc(one, SIZE, 8, &p), BSA_OK);
    assert_status(bsa_cpu_free(one, p), BSA_OK);
    bsai_heap_end(&call);
    assert_status(bsa_cpu_alloc(zero, SIZE, 8, &p), BSA_OK);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* What all may have says how far a CPU's magazines grow beyond its own share. */
START_TEST(magazines_are_rationed)
{
    enum { BATCHES = 20, BATCH = 3000 };
    static void *p[BATCH];
    struct region region = region_make((size_t)16 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    config.cpus = 4;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0);
    if (_i == 0)
        bsai_magazines_ration(&heap->growth, 0);
    for (unsigned round = 0; round < BATCHES; round++) {
        for (unsigned i = 0; i < BATCH; i++)
            assert_status(bsa_cpu_alloc(cpu, 64, 8, &p[i]), BSA_OK);
        for (unsigned i = 0; i < BATCH; i++)
            assert_status(bsa_cpu_free(cpu, p[i]), BSA_OK);
    }
    ck_assert_uint_ne(cpu->grown_bytes, 0);
    ck_assert_int_eq(cpu->grown_bytes > heap->shape.grown_most, _i != 0);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* CPU 2 asks for a page. It has seen that CPU 0 has none, and waits for CPU 1: then one comes to
 * CPU 0, and the one that CPU 1 had goes, from its list, so that nothing shared tells of either. */
struct swap {
    struct bsa_cpu *zero, *one, *two;
    void *page, *listed, *other;
};

static void swap_pages(void *ctx)
{
    struct swap *swap = ctx;
    if (swap->page == NULL)
        return;
    void *page = swap->page;
    swap->page = NULL;
    bsai_lock_clear_word(&swap->one->lock.word);
    assert_status(bsa_cpu_free_pages(swap->zero, page, 1), BSA_OK);
    assert_status(bsa_cpu_alloc_pages(swap->one, 1, 1, &swap->other), BSA_OK);
}

/* Nothing is left but the page on CPU 1's list, whose lock is held. The platform's ctx begins with
 * the swap. */
static bsa_heap *open_swap(struct swap *swap, struct bsa_platform *platform,
                           const struct region *region)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *page;
    platform->ctx = swap;
    platform->relax = swap_pages;
    config.platform = platform;
    config.cpus = 3;
    config.page_list_pages = 16;
    assert_status(bsa_heap_init(&heap, region->start, region->bytes, &config), BSA_OK);
    swap->zero = bsa_heap_cpu(heap, 0);
    swap->one = bsa_heap_cpu(heap, 1);
    swap->two = bsa_heap_cpu(heap, 2);
    assert_status(bsa_heap_alloc_pages(heap, 1, 1, &page), BSA_OK);
    assert_status(bsa_heap_alloc_pages(heap, 1, 1, &swap->listed), BSA_OK);
    take_all_pages(heap);
    assert_status(bsa_cpu_free_pages(swap->one, swap->listed, 1), BSA_OK);
    ck_assert(bsai_lock_try_word(&swap->one->lock.word));
    swap->page = page;
    return heap;
}

START_TEST(a_page_that_goes_behind_one)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct swap swap = {.page = NULL};
    bsa_heap *heap = open_swap(&swap, &platform, &region);
    void *p, *page = swap.page;
    assert_status(bsa_cpu_alloc_pages(swap.two, 1, 1, &p), BSA_OK);
    ck_assert_ptr_eq(p, page);
    ck_assert_ptr_eq(swap.other, swap.listed);
    ck_assert(bsa_cpu_alloc_pages(swap.two, 1, 1, &p) == BSA_ERR_NO_MEMORY);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* The same while somebody validates as soon as the others go on: the block is counted by then. A
 * build with checks asks at each lock which context takes it. */
struct sight {
    struct swap swap; /* first: the other hook's */
    bsa_heap *heap;
    bool looks, stopped;
    enum bsa_status status;
};

static uintptr_t look(void *ctx)
{
    struct sight *sight = ctx;
    if (sight->heap == NULL || sight->looks)
        return 1;
    bool stopped = bsai_peek(&sight->heap->registry.word) != 0;
    if (sight->stopped && !stopped) {
        sight->looks = true;
        sight->status = bsa_heap_validate(sight->heap);
    }
    sight->stopped = stopped;
    return 1;
}

START_TEST(a_block_is_counted_before_others_go_on)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct sight sight = {.heap = NULL};
    platform.context_id = look;
    sight.heap = open_swap(&sight.swap, &platform, &region);
    void *p, *page = sight.swap.page;
    assert_status(bsa_cpu_alloc_pages(sight.swap.two, 1, 1, &p), BSA_OK);
    ck_assert_ptr_eq(p, page);
    ck_assert(sight.looks || BSA_CHECKS == 0);
    assert_status(sight.status, BSA_OK);
    region_free(&region);
}
END_TEST

/* There is no low memory at all: nobody is asked for any. */
START_TEST(low_memory_in_vain)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *p;
    platform.virt_to_phys = physical;
    config.platform = &platform;
    config.cpus = 2;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    struct bsa_cpu *one = bsa_heap_cpu(heap, 1);
    assert_status(bsa_cpu_alloc(one, SIZE, 8, &p), BSA_OK);
    unsigned objects = bsai_magazine_count(&one->magazines[cache_of(heap)->id]);
    ck_assert_uint_gt(objects, 0);
    assert_status(bsa_heap_alloc_pages_lowmem(heap, 1, 1, &p), BSA_ERR_NO_MEMORY);
    ck_assert_uint_eq(bsai_magazine_count(&one->magazines[cache_of(heap)->id]), objects);
    region_free(&region);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pressure");
    TCase *tcase = tcase_create("in vain, and not");
    tcase_add_loop_test(tcase, pages_of_a_slab_that_is_made, 0, 2);
    tcase_add_test(tcase, pages_of_a_slab_that_goes);
    tcase_add_loop_test(tcase, an_object_in_vain, 0, 2);
    tcase_add_loop_test(tcase, others_stand_still, 0, 2);
    tcase_add_loop_test(tcase, magazines_are_rationed, 0, 2);
    tcase_add_test(tcase, a_page_that_goes_behind_one);
    tcase_add_test(tcase, low_memory_in_vain);
    tcase_add_test(tcase, a_block_is_counted_before_others_go_on);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
