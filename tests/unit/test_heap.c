/* SPDX-License-Identifier: Apache-2.0 */
/* The heap from inside: what two threads must never see, made to happen one step at a time. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <buddyslab.h>

#include "heap/fast.h"

static unsigned relaxed;
static unsigned reclaimed; /* set when the other thread is done */

static void hook_relax(void *ctx)
{
    (void)ctx;
    __atomic_fetch_add(&relaxed, 1, __ATOMIC_RELAXED);
    sched_yield();
}

static bsa_heap *make_heap(const struct region *region, unsigned cpus)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    platform.relax = hook_relax;
    config.platform = &platform;
    config.cpus = cpus;
    assert_status(bsa_heap_init(&heap, region->start, region->bytes, &config), BSA_OK);
    return heap;
}

static void *reclaim(void *heap)
{
    bsa_heap_reclaim(heap);
    __atomic_store_n(&reclaimed, 1u, __ATOMIC_RELEASE);
    return NULL;
}

/* While a snapshot holds its locks, reclaiming moves nothing: neither a depot's objects nor empty
 * slabs. */
START_TEST(a_snapshot_keeps_memory_still)
{
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    bsa_heap *heap = make_heap(&region, 2);
    struct bsai_call call;
    pthread_t thread;
    void *p;
    assert_status(bsa_heap_alloc(heap, 2048, 8, &p), BSA_OK);
    assert_status(bsa_heap_free(heap, p), BSA_OK);
    assert_status(bsa_heap_drain(heap, 0), BSA_OK);
    size_t slabs = 0;
    for (unsigned c = 0; c < heap->classes.count; c++)
        slabs += heap->caches[c].slabs;
    ck_assert_uint_eq(slabs, 1); /* empty and kept */

    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_lock_take(&heap->common->lock, BSAI_RANK_CPU, &call);
    ck_assert_int_eq(pthread_create(&thread, NULL, reclaim, heap), 0);
    while (__atomic_load_n(&relaxed, __ATOMIC_RELAXED) == 0 &&
           __atomic_load_n(&reclaimed, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    ck_assert_uint_eq(__atomic_load_n(&reclaimed, __ATOMIC_ACQUIRE), 0);
    ck_assert_uint_eq(bsai_peek(&heap->caches[heap->classes.count - 1].slabs), 1);
    bsai_lock_drop(&heap->common->lock, BSAI_RANK_CPU, &call);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(heap->caches[heap->classes.count - 1].slabs, 0);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

static int count_blocks(void *arg, const struct bsa_live_block *block)
{
    (void)block;
    ++*(size_t *)arg;
    return 0;
}

/* A slab that is being unmade: its first page says nothing any more, the others still do. A walk
 * must not take one of these for a slab's first. */
START_TEST(a_walk_skips_half_a_slab)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    bsa_heap *heap = make_heap(&region, 1);
    size_t page, count = 0;
    void *p;
    assert_status(bsa_heap_alloc(heap, 2048, 8, &p), BSA_OK); /* a slab of four pages */
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)p, &page);
    uint32_t head = section->map.hot[page];
    ck_assert_uint_eq(bsai_word_kind(head), BSAI_PAGE_SLAB);
    section->map.hot[page] = BSAI_PAGE_NONE;
    ck_assert_int_eq(bsa_heap_walk(heap, count_blocks, &count), 0);
    ck_assert_uint_eq(count, 0);
    section->map.hot[page] = head;
    ck_assert_int_eq(bsa_heap_walk(heap, count_blocks, &count), 0);
    ck_assert_uint_eq(count, 1);
    region_free(&region);
}
END_TEST

/* An object that was freed twice at once, and lies in a magazine or the depot although it is LIVE,
 * is told of by whoever sends it home: a drain by way of the other CPU, or a reclaim. */

static unsigned told;

static void note(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx, (void)addr;
    told += status == BSA_ERR_NOT_ALLOCATED && strcmp(what, BSAI_FREED_TWICE) == 0;
}

static int run_here(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    (void)ctx, (void)cpu;
    fn(arg);
    return 0;
}

START_TEST(freed_twice_is_told_late)
{
    enum { N = 1000 };
    static void *p[N];
    struct region region = region_make((size_t)8 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    platform.fault = note;
    platform.run_on_cpu = run_here;
    config.platform = &platform;
    config.cpus = 2;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0), *other = bsa_heap_cpu(heap, 1);
    for (unsigned i = 0; i < N; i++)
        assert_status(bsa_cpu_alloc(cpu, 64, 8, &p[i]), BSA_OK);
    for (unsigned i = 0; i < N; i++)
        assert_status(bsa_cpu_free(other, p[i]), BSA_OK);
    told = 0;
    struct bsai_magazine *m = &other->magazines[3];
    struct bsai_depot *depot = &heap->depots[3];
    ck_assert_uint_gt(bsai_magazine_count(m), 0);
    ck_assert_uint_gt(depot->count, 0);
    if (_i == 0) {
        m->base[0].states->away ^= m->base[0].bit;
        assert_status(bsa_heap_drain(heap, 1), BSA_OK);
    } else {
        depot->slots[0].states->away ^= depot->slots[0].bit;
        bsa_heap_reclaim(heap);
    }
    ck_assert_uint_eq(told, 1);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/*
 * A CPU hands out an object, another frees it and then has the whole slab, and the object comes
 * back to the first CPU and is freed there: as one of another CPU's, whose states it must not write
 * plainly, though it handed the same address out from a slot that it still has.
 */
START_TEST(a_slot_does_not_outlive_its_home)
{
    enum { MOST = 64 };
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *p[MOST], *again = NULL;
    unsigned n = 0;
    config.cpus = 2;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0), *other = bsa_heap_cpu(heap, 1);
    do
        assert_status(bsa_cpu_alloc(cpu, 2048, 8, &p[n]), BSA_OK);
    while (bsai_magazine_count(&cpu->magazines[8]) != 0 && ++n < MOST);
    ck_assert_uint_lt(n, MOST);
    for (unsigned i = 0; i <= n; i++)
        assert_status(bsa_cpu_free(other, p[i]), BSA_OK);
    assert_status(bsa_heap_cpu_offline(heap, 1), BSA_OK); /* its objects go home */
    assert_status(bsa_heap_cpu_online(heap, 1), BSA_OK);
    for (unsigned i = 0; i < MOST && again != p[n]; i++)
        assert_status(bsa_cpu_alloc(other, 2048, 8, &again), BSA_OK);
    ck_assert_ptr_eq(again, p[n]);
    assert_status(bsa_cpu_free(cpu, again), BSA_OK);
    ck_assert_uint_eq(bsai_magazine_count(&cpu->magazines[8]), 1);
    ck_assert_uint_eq(cpu->magazines[8].base[0].addr, BSAI_NO_ADDRESS);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* Shared mode: a CPU's own frees leave a slab private, however they are made; another CPU's first
 * one exposes it, and a double free is found before and after, whoever was first. */
START_TEST(exposed_by_another_cpu)
{
    enum { N = 8, OBJECT = 64, NUMBER = 3 };
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    bsa_heap *heap = make_heap(&region, 2);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0), *other = bsa_heap_cpu(heap, 1);
    void *p[N], *bulk[2];
    size_t freed;
    for (unsigned i = 0; i < N; i++)
        assert_status(bsa_cpu_alloc(cpu, OBJECT, 8, &p[i]), BSA_OK);
    struct bsai_slab *slab = bsai_slab_at(heap, p[0]);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(bsa_cpu_free(cpu, p[i]), BSA_OK);
        assert_status(bsa_cpu_free(cpu, p[i]), BSA_ERR_NOT_ALLOCATED);
    }
    assert_status(bsa_cpu_free_bulk(cpu, &p[2], 1, NULL), BSA_OK);
    ck_assert(!bsai_slab_is_exposed(slab));
    for (unsigned w = 0; w < bsai_slab_words(slab); w++)
        ck_assert_uint_eq(slab->states[w].away, 0);

    assert_status(bsa_cpu_free(other, p[3]), BSA_OK);
    ck_assert(bsai_slab_is_exposed(slab));
    ck_assert_uint_eq(other->magazines[NUMBER].away, 1);
    bsai_word here = slab->states[0].here, away = slab->states[0].away;
    bulk[0] = p[4], bulk[1] = p[5];
    assert_status(bsa_cpu_free_bulk(other, bulk, 2, &freed), BSA_OK);
    ck_assert_uint_eq(freed, 2);
    assert_status(bsa_cpu_free(cpu, p[6]), BSA_OK); /* its home, now atomically */
    ck_assert_uint_eq(slab->states[0].here, here);
    ck_assert_uint_eq(bsai_popcount64(slab->states[0].away ^ away), 3);
    for (unsigned i = 3; i < 7; i++) {
        assert_status(bsa_cpu_free(cpu, p[i]), BSA_ERR_NOT_ALLOCATED);
        assert_status(bsa_cpu_free(other, p[i]), BSA_ERR_NOT_ALLOCATED);
    }
    assert_status(bsa_cpu_free(other, p[7]), BSA_OK);
    assert_status(bsa_heap_drain(heap, 0), BSA_OK);
    bsa_heap_reclaim(heap);
    ck_assert_uint_eq(heap->caches[NUMBER].slabs, 0);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* An exclusive CPU that found no memory for its state has a lock, others have none: what it frees
 * of theirs takes no lock of theirs. */
START_TEST(without_a_state_nothing_is_exposed)
{
    struct region region = region_make((size_t)1 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *p;
    unsigned id = 1;
    config.cpus = 64;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    bsa_cpu *home = bsa_heap_cpu(heap, 0), *other;
    ck_assert(home != heap->common);
    while ((other = bsa_heap_cpu(heap, id)) != NULL && other != heap->common)
        id++;
    ck_assert(other == heap->common);
    assert_status(bsa_cpu_alloc(home, 64, 8, &p), BSA_OK);
    struct bsai_slab *slab = bsai_slab_at(heap, p);
    assert_status(bsa_cpu_free(other, p), BSA_OK);
    ck_assert(!bsai_slab_is_exposed(slab));
    assert_status(bsa_cpu_free(other, p), BSA_ERR_NOT_ALLOCATED);
    assert_status(bsa_cpu_free(home, p), BSA_ERR_NOT_ALLOCATED);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* What is dead exposes no slab, as that waits for its home's lock, and it may go meanwhile. */
START_TEST(a_double_free_exposes_nothing)
{
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    bsa_heap *heap = make_heap(&region, 2);
    bsa_cpu *home = bsa_heap_cpu(heap, 0), *other = bsa_heap_cpu(heap, 1);
    struct bsai_call call;
    void *p;
    assert_status(bsa_cpu_alloc(home, 64, 8, &p), BSA_OK);
    struct bsai_slab *slab = bsai_slab_at(heap, p);
    size_t index = ((uintptr_t)p - slab->base) / 64;
    struct bsai_slot slot = {(uintptr_t)p, slab, bsai_states_of(slab, index), bsai_bit(index)};
    assert_status(bsa_cpu_free(home, p), BSA_OK);
    assert_status(bsa_cpu_free(other, p), BSA_ERR_NOT_ALLOCATED);
    ck_assert(!bsai_slab_is_exposed(slab));
    /* It was LIVE still when the other CPU looked first. */
    bsai_call_begin(&call, &heap->buddy.platform);
    bsai_cpu_own(other, &call);
    bsai_heap_expose(other, &call, &slot);
    ck_assert(!bsai_slab_is_exposed(slab));
    bsai_cpu_disown(other, &call);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* A region that has left: when calls in progress are waited for, no CPU leads to it any more. */

static bsa_cpu *remembers;
static unsigned still_led_there, quiesced;

static void look_at_cpu(void *ctx)
{
    (void)ctx;
    quiesced++;
    still_led_there += remembers->lists.fast != 0;
}

START_TEST(nothing_leads_to_a_region_that_left)
{
    struct region region = region_make((size_t)8 << 20, 4096, 0);
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    size_t half = region.bytes / 2;
    bsa_heap *heap = NULL;
    void *p;
    platform.quiesce = look_at_cpu;
    config.platform = &platform;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    assert_status(bsa_heap_init(&heap, region.start, half, &config), BSA_OK);
    assert_status(bsa_heap_add_region(heap, (char *)region.start + half, half), BSA_OK);
    remembers = bsa_heap_cpu(heap, 0);
    assert_status(bsa_heap_alloc_pages(heap, 1, 1, &p), BSA_OK);
    assert_status(bsa_heap_free_pages(heap, p, 1), BSA_OK);
    ck_assert(BSA_CHECKS != 0 || remembers->lists.fast != 0);
    assert_status(bsa_heap_remove_region(heap, (char *)region.start + half), BSA_OK);
    ck_assert_uint_eq(quiesced, 1);
    ck_assert_uint_eq(still_led_there, 0);
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* A contradiction in what one CPU holds is found. */
START_TEST(contradictions)
{
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    bsa_heap *heap = make_heap(&region, 1);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0);
    void *object, *block;
    assert_status(bsa_heap_alloc(heap, 64, 8, &object), BSA_OK);
    assert_status(bsa_heap_alloc_pages(heap, 1, 1, &block), BSA_OK);
    assert_status(bsa_heap_free_pages(heap, block, 1), BSA_OK);
    assert_status(bsa_heap_validate(heap), BSA_OK);

    struct bsai_magazine *m = &cpu->magazines[3];
    ck_assert_uint_gt(bsai_magazine_count(m), 0);
    struct bsai_slot slot = m->base[0];
    m->base[0].addr += 64;
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    m->base[0] = slot;
    ck_assert(bsai_hand_out(slot.states, slot.bit));
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    ck_assert(bsai_take_back(slot.states, slot.bit));

    size_t page;
    struct bsai_section *section = bsai_section_find(&heap->buddy, (uintptr_t)block, &page);
    uint32_t word = section->map.hot[page];
    section->map.hot[page] = bsai_word_run(BSAI_PAGE_BLOCK, 1);
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    section->map.hot[page] = word;
    heap->buddy.roster[section->zone].count++;
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    heap->buddy.roster[section->zone].count--;
    heap->caches[3].slabs++;
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    heap->caches[3].slabs--;
    heap->caches[3].remote++;
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    heap->caches[3].remote--;
    m->top--;
    assert_status(bsa_heap_validate(heap), BSA_ERR_INVALID_PARAM);
    m->top++;
    assert_status(bsa_heap_validate(heap), BSA_OK);
    region_free(&region);
}
END_TEST

/* The pages of a section that came as zero bytes: looked up without their groups having been made,
 * and refused as long as nothing is there. */
static void check_zeroed(bsa_heap *heap, const struct bsai_section *section)
{
    const struct bsai_map *map = &section->map;
    size_t groups = bsai_map_groups(map), ready = 0;
    ck_assert_uint_eq(map->ready, map->pages);
    for (size_t group = 0; group < groups; group++)
        ready += (map->state[group] & BSAI_GROUP_READY) != 0;
    ck_assert_uint_lt(ready, groups / 2);
    for (size_t page = 1; page < map->pages; page += BSAI_GROUP_PAGES / 2)
        assert_status(bsa_cpu_free(bsa_heap_cpu(heap, 0), (void *)bsai_map_addr(map, page)),
                      BSA_ERR_NOT_ALLOCATED);
}

START_TEST(zero_regions_need_no_words)
{
    enum { MIB = 1 << 20, BLOCK = 48, BLOCKS = 4096 };
    static void *p[BLOCKS];
    struct region first = region_make((size_t)64 * MIB, 4096, 0);
    struct region second = region_make((size_t)32 * MIB, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    config.cpus = 2;
    config.flags = BSA_HEAP_ZEROED | (_i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    assert_status(bsa_heap_init(&heap, first.start, first.bytes, &config), BSA_OK);
    assert_status(bsa_heap_add_region(heap, second.start, second.bytes), BSA_OK);
    check_zeroed(heap, heap->buddy.first);
    check_zeroed(heap, heap->buddy.last);

    for (unsigned round = 0; round < 2; round++) {
        size_t n = 0;
        while (n < BLOCKS && bsa_heap_alloc_pages(heap, BLOCK, 4096, &p[n]) == BSA_OK)
            n++;
        ck_assert_uint_gt(n * BLOCK * 4096, (size_t)80 * MIB);
        ck_assert_uint_lt(n, BLOCKS);
        assert_status(bsa_heap_validate(heap), BSA_OK);
        while (n-- > 0)
            assert_status(bsa_cpu_free(bsa_heap_cpu(heap, n % 2), p[n]), BSA_OK);
        assert_status(bsa_heap_drain(heap, 0), BSA_OK);
        assert_status(bsa_heap_validate(heap), BSA_OK);
    }
    region_free(&first);
    region_free(&second);
}
END_TEST

/* Statistics of exclusive CPUs at work may see an object or page on both of two CPUs, or a count
 * before another one that belongs to it. Here they are wrong by hand. */
START_TEST(no_figure_is_less_than_nothing)
{
    struct region region = region_make((size_t)4 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    struct bsa_cache_config named = BSA_CACHE_CONFIG_INIT;
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    struct bsa_cache_stats n = BSA_CACHE_STATS_INIT;
    struct bsa_cpu_stats c = BSA_CPU_STATS_INIT;
    bsa_heap *heap = NULL;
    bsa_cache *cache = NULL;
    void *p;
    config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    named.name = "named";
    named.object_size = 64;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    assert_status(bsa_cache_create(heap, &named, &cache), BSA_OK);
    assert_status(bsa_cache_alloc(cache, &p), BSA_OK);
    assert_status(bsa_heap_free(heap, p), BSA_OK);
    assert_status(bsa_heap_alloc(heap, 64, 8, &p), BSA_OK);
    assert_status(bsa_heap_free(heap, p), BSA_OK);
    assert_status(bsa_heap_alloc_pages(heap, 1, 4096, &p), BSA_OK);
    assert_status(bsa_heap_free_pages(heap, p, 1), BSA_OK);

    bsa_cpu *cpu = bsa_heap_cpu(heap, 0);
    unsigned of_class = bsai_class_for(&heap->classes, 64, 8);
    cpu->magazines[of_class].top++;
    cpu->magazines[cache->number].top++;
    cpu->lists.listed += bsai_buddy_total_pages(&heap->buddy);
    cpu->lists.given++;
    cpu->lists.misses = cpu->lists.allocs + 1;
    assert_status(bsa_heap_stats(heap, &s), BSA_OK);
    assert_status(bsa_cache_stats(cache, &n), BSA_OK);
    assert_status(bsa_heap_cpu_stats(heap, 0, &c), BSA_OK);
    const struct bsa_class_stats *k = &s.size_class[of_class];
    ck_assert_uint_eq(k->live, 0);
    ck_assert_uint_eq(k->in_magazines, k->objects - k->free - k->remote_pending - k->in_depot);
    ck_assert_uint_eq(n.objects.live, 0);
    ck_assert_uint_eq(s.blocks, 0);
    ck_assert_uint_eq(s.block_bytes, 0);
    ck_assert_uint_eq(s.free_bytes + s.slab_bytes + s.record_bytes + s.cpu_bytes, s.managed_bytes);
    ck_assert_uint_eq(c.page_list_hits, 0);
    region_free(&region);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap");
    TCase *tcase = tcase_create("inside");
    tcase_add_test(tcase, a_snapshot_keeps_memory_still);
    tcase_add_test(tcase, a_walk_skips_half_a_slab);
    tcase_add_test(tcase, a_slot_does_not_outlive_its_home);
    tcase_add_test(tcase, exposed_by_another_cpu);
    tcase_add_test(tcase, without_a_state_nothing_is_exposed);
    tcase_add_test(tcase, a_double_free_exposes_nothing);
    tcase_add_loop_test(tcase, freed_twice_is_told_late, 0, 2);
    tcase_add_test(tcase, nothing_leads_to_a_region_that_left);
    tcase_add_test(tcase, contradictions);
    tcase_add_test(tcase, no_figure_is_less_than_nothing);
    tcase_add_loop_test(tcase, zero_regions_need_no_words, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
