/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU's page lists from inside: blocks that are freed twice at the same moment, one step at a
 * time. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <buddyslab.h>

#include "heap/fast_blocks.h"

enum { PAGES = 3 };

static unsigned told;

static void note(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx, (void)addr;
    told += status == BSA_ERR_NOT_ALLOCATED && strcmp(what, BSAI_BLOCK_FREED_TWICE) == 0;
}

static int run_here(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    (void)ctx, (void)cpu;
    fn(arg);
    return 0;
}

/* A heap of two CPUs, and a live block that the first one has handed out. */
struct bed {
    struct region region;
    bsa_heap *heap;
    bsa_cpu *cpu, *other;
    void *block;
    uint32_t *at;
};

static void bed_make(struct bed *bed, unsigned flags)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    size_t page;
    bed->region = region_make((size_t)8 << 20, 4096, 0);
    platform.fault = note;
    platform.run_on_cpu = run_here;
    config.platform = &platform;
    config.cpus = 2;
    config.flags = flags;
    bed->heap = NULL;
    assert_status(bsa_heap_init(&bed->heap, bed->region.start, bed->region.bytes, &config), BSA_OK);
    bed->cpu = bsa_heap_cpu(bed->heap, 0);
    bed->other = bsa_heap_cpu(bed->heap, 1);
    assert_status(bsa_cpu_alloc_pages(bed->cpu, PAGES, 4096, &bed->block), BSA_OK);
    struct bsai_section *s = bsai_section_find(&bed->heap->buddy, (uintptr_t)bed->block, &page);
    bed->at = &s->map.hot[page];
    told = 0;
}

static void bed_free(struct bed *bed)
{
    assert_status(bsa_heap_drain(bed->heap, 0), BSA_OK);
    assert_status(bsa_heap_drain(bed->heap, 1), BSA_OK);
    assert_status(bsa_heap_validate(bed->heap), BSA_OK);
    region_free(&bed->region);
}

static size_t listed(const struct bsa_cpu *cpu)
{
    return bsai_blocks_listed(&cpu->lists);
}

/* The rest of a free by the first CPU that found the block live before somebody else freed it. */
static void free_late(struct bed *bed)
{
    struct bsai_page_list *list = bsai_page_list(&bed->cpu->lists, PAGES);
    bsai_poke(bsai_word_lower(bed->at), (bsai_half)list->kept);
    bsai_page_list_push(&bed->cpu->lists, list, PAGES, bed->block, bed->at);
}

/* Two frees have seen the same live block: of those that exchange its word, the second is told. */
START_TEST(a_block_is_claimed_once)
{
    struct bed bed;
    bed_make(&bed, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    uint32_t seen = *bed.at;
    bool to_list = _i < 2; /* else straight home, which has to be exact */
    ck_assert(bsai_block_claim(&bed.other->lists, bed.at, seen, to_list));
    ck_assert(!bsai_block_claim(&bed.other->lists, bed.at, seen, to_list));
    ck_assert(!bsai_block_claim(&bed.cpu->lists, bed.at, seen, to_list));
    ck_assert(!bsai_block_claim(&bed.cpu->lists, bed.at, *bed.at, to_list));
    ck_assert(!bsai_block_claim(&bed.heap->common->lists, bed.at, seen, to_list));
    *bed.at = seen;
    ck_assert(bsai_block_claim(&bed.cpu->lists, bed.at, seen, to_list));
    ck_assert(!bsai_block_claim(&bed.cpu->lists, bed.at, seen, to_list));
    ck_assert(!bsai_block_claim(&bed.other->lists, bed.at, seen, to_list));
    *bed.at = seen;
    assert_status(bsa_cpu_free(bed.cpu, bed.block), BSA_OK);
    bed_free(&bed);
}
END_TEST

/* A block that another CPU frees is that CPU's. */
START_TEST(a_block_changes_its_holder)
{
    struct bed bed;
    void *again;
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    ck_assert_uint_eq(*bed.at, bsai_word_run(bed.cpu->lists.lent, PAGES));
    assert_status(bsa_cpu_free_pages(bed.other, bed.block, PAGES), BSA_OK);
    ck_assert_uint_eq(*bed.at, bsai_word_run(bed.other->lists.away, PAGES));
    ck_assert_uint_eq(listed(bed.other), 1);
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    assert_status(bsa_cpu_free_pages(bed.cpu, bed.block, PAGES), BSA_ERR_NOT_ALLOCATED);
    assert_status(bsa_cpu_free_pages(bed.other, bed.block, PAGES), BSA_ERR_NOT_ALLOCATED);
    assert_status(bsa_cpu_alloc_pages(bed.other, PAGES, 4096, &again), BSA_OK);
    ck_assert_ptr_eq(again, bed.block);
    ck_assert_uint_eq(*bed.at, bsai_word_run(bed.other->lists.lent, PAGES));
    assert_status(bsa_cpu_free_pages(bed.other, bed.block, PAGES), BSA_OK);
    ck_assert_uint_eq(*bed.at, bsai_word_run(bed.other->lists.kept, PAGES));
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    bed_free(&bed);
}
END_TEST

/* The CPU that handed a block out and another one free it at the same moment. It lies on both lists
 * then; whoever looks first, by an allocation or by sending it home, is told, and the other one has
 * it: it is handed out once. */
START_TEST(freed_twice_at_once)
{
    struct bed bed;
    void *p, *q;
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    assert_status(bsa_cpu_free_pages(bed.other, bed.block, PAGES), BSA_OK);
    free_late(&bed);
    ck_assert_uint_eq(listed(bed.cpu) + listed(bed.other), 2);
    bsa_cpu *first = _i % 2 == 0 ? bed.cpu : bed.other;
    bsa_cpu *second = _i % 2 == 0 ? bed.other : bed.cpu;
    if (_i < 2)
        assert_status(bsa_heap_drain(bed.heap, first->id), BSA_OK);
    else
        assert_status(bsa_cpu_alloc_pages(first, PAGES, 4096, &p), BSA_OK);
    ck_assert_uint_eq(told, 1);
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    assert_status(bsa_cpu_alloc_pages(second, PAGES, 4096, &q), BSA_OK);
    ck_assert_uint_eq(told, 1);
    ck_assert_ptr_eq(q, bed.block);
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    if (_i >= 2) {
        ck_assert_ptr_ne(p, q);
        assert_status(bsa_cpu_free(first, p), BSA_OK);
    }
    assert_status(bsa_cpu_free(first, q), BSA_OK);
    bed_free(&bed);
    ck_assert_uint_eq(told, 1);
}
END_TEST

/* The same, but the other CPU has sent the block home, or handed it out, when the first one's store
 * arrives: what is on the first one's list is not its own. */
START_TEST(freed_twice_and_gone)
{
    struct bed bed;
    void *p, *q = NULL;
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    assert_status(bsa_cpu_free_pages(bed.other, bed.block, PAGES), BSA_OK);
    if (_i == 0)
        assert_status(bsa_heap_drain(bed.heap, 1), BSA_OK);
    else
        assert_status(bsa_cpu_alloc_pages(bed.other, PAGES, 4096, &q), BSA_OK);
    uint32_t word = *bed.at;
    free_late(&bed);
    *bed.at = word;
    assert_status(bsa_cpu_alloc_pages(bed.cpu, PAGES, 4096, &p), BSA_OK);
    ck_assert_uint_eq(told, 1);
    if (q != NULL) {
        ck_assert_ptr_ne(p, q);
        assert_status(bsa_cpu_free(bed.cpu, q), BSA_OK);
    }
    assert_status(bsa_cpu_free(bed.cpu, p), BSA_OK);
    bed_free(&bed);
}
END_TEST

/* A resize by another CPU makes the block that CPU's, so that a late free of it is found. */
START_TEST(a_resize_changes_the_holder)
{
    struct bed bed;
    void *p;
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    p = bed.block;
    assert_status(bsa_cpu_realloc(bed.other, &p, 2 * 4096, 4096), BSA_OK);
    ck_assert_ptr_eq(p, bed.block);
    uint32_t word = *bed.at;
    ck_assert_uint_eq(word, bsai_word_run(bed.other->lists.lent, 2));
    free_late(&bed);
    *bed.at = word;
    assert_status(bsa_cpu_alloc_pages(bed.cpu, PAGES, 4096, &p), BSA_OK);
    ck_assert_uint_eq(told, 1);
    ck_assert_ptr_ne(p, bed.block);
    assert_status(bsa_cpu_free(bed.cpu, p), BSA_OK);
    assert_status(bsa_cpu_free(bed.cpu, bed.block), BSA_OK);
    bed_free(&bed);
}
END_TEST

/* What a CPU handed out last it knows by its address, but not once the region has left: what is at
 * its descriptors' place then is not looked at. */
START_TEST(a_slot_does_not_outlive_its_region)
{
    struct bed bed;
    void *p = NULL;
    struct region more = region_make((size_t)2 << 20, 4096, 0);
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    assert_status(bsa_heap_add_region(bed.heap, more.start, more.bytes), BSA_OK);
    struct bsai_page_list *list = bsai_page_list(&bed.cpu->lists, PAGES);
    do
        assert_status(bsa_cpu_alloc_pages(bed.cpu, PAGES, 4096, &p), BSA_OK);
    while ((uintptr_t)p - (uintptr_t)more.start >= more.bytes);
    assert_status(bsa_cpu_free(bed.cpu, p), BSA_OK);
    assert_status(bsa_cpu_alloc_pages(bed.cpu, PAGES, 4096, &p), BSA_OK);
    ck_assert_ptr_eq(list->top->start, p);
    assert_status(bsa_cpu_free(bed.other, p), BSA_OK);
    assert_status(bsa_heap_remove_region(bed.heap, more.start), BSA_OK);
    memset(more.start, 0xff, more.bytes);
    ck_assert_uint_eq(bed.cpu->lists.fast, 0);
    ck_assert(!bsai_fast_undo_run(bed.cpu, p, PAGES));
    assert_status(bsa_cpu_free_pages(bed.cpu, p, PAGES), BSA_ERR_NOT_FOUND);
    assert_status(bsa_cpu_free(bed.cpu, bed.block), BSA_OK);
    assert_status(bsa_cpu_alloc_pages(bed.cpu, PAGES, 4096, &p), BSA_OK);
    ck_assert_uint_eq(bed.cpu->lists.fast, bed.cpu->lists.fast_most);
    for (struct bsai_block *slot = list->top; bed.heap->caller.plain && slot < list->limit; slot++)
        ck_assert((uintptr_t)slot->start - (uintptr_t)more.start >= more.bytes);
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    region_free(&more);
    region_free(&bed.region);
}
END_TEST

/* Room goes where it is used: blocks of one count take over what blocks of another had. */
START_TEST(lists_share_their_room)
{
    enum { MOST = 64, MANY = 2 * MOST };
    struct region region = region_make((size_t)8 << 20, 4096, 0);
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *p[MANY];
    config.page_list_pages = MOST;
    config.flags = _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS;
    assert_status(bsa_heap_init(&heap, region.start, region.bytes, &config), BSA_OK);
    bsa_cpu *cpu = bsa_heap_cpu(heap, 0);
    static const size_t counts[] = {1, 16, 3, 1};
    for (unsigned round = 0; round < 4; round++) {
        size_t each = counts[round];
        struct bsai_page_list *list = bsai_page_list(&cpu->lists, each);
        for (unsigned i = 0; i < MANY / each; i++)
            assert_status(bsa_cpu_alloc_pages(cpu, each, 4096, &p[i]), BSA_OK);
        for (unsigned i = 0; i < MANY / each; i++) {
            assert_status(bsa_cpu_free_pages(cpu, p[i], each), BSA_OK);
            ck_assert_uint_le(cpu->lists.listed, MOST);
        }
        /* At least a half of what its slots, or all the room, would hold. */
        size_t slots = (size_t)(list->limit - list->base);
        size_t most = slots * each < MOST ? slots : MOST / each;
        ck_assert_uint_ge((size_t)(list->top - list->base), (most + 1) / 2);
        assert_status(bsa_heap_validate(heap), BSA_OK);
    }
    region_free(&region);
}
END_TEST

static int by_address(const void *a, const void *b)
{
    const char *p = *(char *const *)a, *q = *(char *const *)b;
    return p < q ? -1 : p > q;
}

static size_t pages_on(const struct bsai_page_lists *lists)
{
    size_t pages = 0;
    for (unsigned i = 0; i < lists->count; i++)
        pages += (size_t)(lists->list[i].top - lists->list[i].base) * bsai_list_pages(i);
    return pages;
}

/* Figures count blocks, whatever room there is for them. */
START_TEST(room_on_loan_is_no_page)
{
    struct bed bed;
    bed_make(&bed, BSA_HEAP_EXCLUSIVE_CPUS);
    assert_status(bsa_cpu_free_pages(bed.cpu, bed.block, PAGES), BSA_OK);
    size_t allocated = bsa_heap_allocated_bytes(bed.heap), pages = pages_on(&bed.cpu->lists);
    ck_assert_uint_ge(pages, PAGES);
    ck_assert_uint_eq(bed.cpu->lists.listed, pages);
    /* What another CPU sees between the two halves of a loan, and of one that goes back. */
    bed.cpu->lists.most += 64;
    ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), allocated);
    bed.cpu->lists.most -= 2 * 64;
    ck_assert_uint_eq(bsa_heap_allocated_bytes(bed.heap), allocated);
    bed.cpu->lists.most += 64;
    bed_free(&bed);
}
END_TEST

/* A smaller share takes nothing away at once, and lets nothing more come. */
START_TEST(rationed_lists_shed_what_is_beyond)
{
    enum { PAIRS = 8, SHARE = PAIRS };
    struct bed bed;
    void *pairs[PAIRS], *p;
    bed_make(&bed, _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    struct bsai_page_lists *lists = &bed.cpu->lists;
    const struct bsai_page_list *singles = bsai_page_list(lists, 1);
    for (unsigned i = 0; i < PAIRS; i++)
        assert_status(bsa_cpu_alloc_pages(bed.cpu, 2, 4096, &pairs[i]), BSA_OK);
    for (unsigned i = 0; i < PAIRS; i++)
        assert_status(bsa_cpu_free_pages(bed.cpu, pairs[i], 2), BSA_OK);
    size_t before = lists->listed;
    ck_assert_uint_gt(before, SHARE);
    bsai_page_lists_ration(lists, SHARE);
    ck_assert_uint_eq(lists->listed, before);
    ck_assert_ptr_eq(singles->top, singles->base);
    assert_status(bsa_cpu_alloc_pages(bed.cpu, 1, 4096, &p), BSA_OK);
    ck_assert_uint_eq(lists->listed, before);
    assert_status(bsa_cpu_free_pages(bed.cpu, p, 1), BSA_OK);
    ck_assert_uint_le(lists->listed, lists->most);
    ck_assert_uint_lt(lists->most, before); /* the share, and a loan */
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);

    bsai_page_lists_ration(lists, 8 * SHARE);
    ck_assert_uint_eq(lists->most, 8 * SHARE);
    assert_status(bsa_cpu_free(bed.cpu, bed.block), BSA_OK);
    bed_free(&bed);
}
END_TEST

/* A block grows into what the CPU's own list has behind it, but not into what another's has, or
 * where something live is further on. */
START_TEST(a_block_grows_into_listed_ones)
{
    enum { MANY = 12, EACH = 4, BYTES = EACH * 4096 };
    enum { OWN, OTHERS, LIVE } behind = (unsigned)_i / 2;
    struct bed bed;
    char *p[MANY];
    void *grown;
    bed_make(&bed, _i % 2 == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS);
    for (unsigned i = 0; i < MANY; i++) {
        assert_status(bsa_cpu_alloc_pages(bed.cpu, EACH, 4096, &grown), BSA_OK);
        p[i] = grown;
    }
    qsort(p, MANY, sizeof(p[0]), by_address);
    unsigned at = 0;
    while (at + 3 < MANY && p[at + 3] - p[at] != 3 * BYTES)
        at++;
    ck_assert_uint_lt(at + 3, MANY);
    grown = p[at];
    memset(grown, 7, BYTES);
    assert_status(bsa_cpu_free(behind == OTHERS ? bed.other : bed.cpu, p[at + 1]), BSA_OK);
    if (behind != LIVE)
        assert_status(bsa_cpu_free(bed.cpu, p[at + 2]), BSA_OK);
    size_t before = listed(bed.cpu) + listed(bed.other);
    assert_status(bsa_cpu_realloc(bed.cpu, &grown, 5 * BYTES / 2, 4096), BSA_OK);
    ck_assert(((char *)grown)[0] == 7 && ((char *)grown)[BYTES - 1] == 7);
    if (behind == OWN) {
        ck_assert_ptr_eq(grown, p[at]);
        ck_assert_uint_eq(listed(bed.cpu), before - 2);
    } else {
        ck_assert_ptr_ne(grown, p[at]);
        ck_assert_uint_eq(listed(bed.cpu) + listed(bed.other), before + 1); /* the old block */
    }
    assert_status(bsa_heap_validate(bed.heap), BSA_OK);
    assert_status(bsa_cpu_free(bed.cpu, grown), BSA_OK);
    assert_status(bsa_cpu_free(bed.cpu, bed.block), BSA_OK);
    bed_free(&bed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page lists");
    TCase *tcase = tcase_create("inside");
    tcase_add_loop_test(tcase, a_block_is_claimed_once, 0, 3);
    tcase_add_test(tcase, a_block_changes_its_holder);
    tcase_add_loop_test(tcase, freed_twice_at_once, 0, 4);
    tcase_add_loop_test(tcase, freed_twice_and_gone, 0, 2);
    tcase_add_test(tcase, a_resize_changes_the_holder);
    tcase_add_test(tcase, a_slot_does_not_outlive_its_region);
    tcase_add_loop_test(tcase, lists_share_their_room, 0, 2);
    tcase_add_test(tcase, room_on_loan_is_no_page);
    tcase_add_loop_test(tcase, rationed_lists_shed_what_is_beyond, 0, 2);
    tcase_add_loop_test(tcase, a_block_grows_into_listed_ones, 0, 6);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
