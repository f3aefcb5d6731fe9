/* SPDX-License-Identifier: Apache-2.0 */
/* Frees of what was freed before, wherever it is by then: magazine, depot, slab, page list, or
 * merged. */
#include "case.h"

static void free_live(struct bed *bed, unsigned i, unsigned cpu)
{
    unsigned before = bed->m.cpu;
    bed->p = bed->live[i].p;
    bed->n = bed->live[i].pages != 0 ? bed->live[i].pages : bed->live[i].bytes;
    bed->align = 1;
    bed->live[i].gone = true;
    bed->m.cpu = cpu;
    assert_ok(bed_free(bed, bed->p));
    bed->m.cpu = before;
}

static void freed_just_now(struct bed *bed)
{
    free_live(bed, SMALL, 0);
}

static void tiny_freed_just_now(struct bed *bed)
{
    free_live(bed, TINY, 0);
}

static void freed_before_its_neighbour(struct bed *bed)
{
    free_live(bed, NEIGHBOUR, 0);
    free_live(bed, SMALL, 0);
    bed->p = bed->live[NEIGHBOUR].p;
}

/* Local, remote, and one of each. */

static void freed_by_another_cpu(struct bed *bed)
{
    free_live(bed, SMALL, 1);
}

static void freed_here_then_elsewhere(struct bed *bed)
{
    free_live(bed, SMALL, 0);
    bed->m.cpu = 1;
}

static void freed_elsewhere_twice(struct bed *bed)
{
    free_live(bed, SMALL, 1);
    bed->m.cpu = 1;
}

static void freed_on_two_others(struct bed *bed)
{
    free_live(bed, SMALL, 1);
    bed->m.cpu = 2;
}

static void freed_and_drained(struct bed *bed)
{
    free_live(bed, SMALL, 0);
    assert_ok(bsa_heap_drain(bed->heap, 0));
}

/* Many objects are allocated and freed, on another CPU or the same: they fill magazines, the depot
 * and slabs. The one in question is the first, the middle, or the last. */
static void crowd(struct bed *bed, unsigned cpu, unsigned which)
{
    enum { N = 600 };
    void *p[N];
    for (unsigned i = 0; i < N; i++)
        assert_ok(bed_alloc(bed, 128, 8, &p[i]));
    bed->m.cpu = cpu;
    for (unsigned i = 0; i < N; i++)
        assert_ok(bed_free(bed, p[i]));
    bed->p = p[which == 0 ? 0 : which == 1 ? N / 2 : N - 1];
    bed->n = 128;
    bed->align = 8;
}

static void first_of_a_crowd(struct bed *bed)
{
    crowd(bed, 0, 0);
}

static void middle_of_a_crowd(struct bed *bed)
{
    crowd(bed, 0, 1);
}

static void first_of_a_remote_crowd(struct bed *bed)
{
    crowd(bed, 1, 0);
}

static void middle_of_a_remote_crowd(struct bed *bed)
{
    crowd(bed, 1, 1);
}

static void last_of_a_remote_crowd(struct bed *bed)
{
    crowd(bed, 1, 2);
}

/* The slab has gone home. */

static void everything_home(struct bed *bed)
{
    for (bed->m.cpu = 0; bed->m.cpu < 3; bed->m.cpu++)
        assert_ok(bsa_heap_drain(bed->heap, bed->m.cpu));
    bed->m.cpu = 0;
    bsa_heap_reclaim(bed->heap);
}

static void slab_is_gone(struct bed *bed)
{
    unsigned flags;
    crowd(bed, 1, 1);
    everything_home(bed);
    assert_ok(bsa_heap_page_flags(bed->heap, bed->p, &flags));
    ck_assert_uint_ne(flags & BSA_PAGE_FREE, 0);
}

/* And its page belongs to a block that somebody uses. */
static void slab_became_a_block(struct bed *bed)
{
    enum { N = 800 };
    void *p[N];
    unsigned n = 0, flags = 0;
    slab_is_gone(bed);
    char *page = (char *)((uintptr_t)bed->p & ~(bed->way.page_size - 1));
    while ((flags & BSA_PAGE_HEAD) == 0) {
        assert_ok(bsa_heap_alloc_pages(bed->heap, 1, 1, &p[n++]));
        assert_ok(bsa_heap_page_flags(bed->heap, page, &flags));
    }
    bed->further = p[--n];
    ck_assert_ptr_eq(bed->further, page);
    while (n > 0)
        assert_ok(bsa_heap_free(bed->heap, p[--n]));
    bed->p = page + 64;
}

/* Pages. */

static void page_freed(struct bed *bed)
{
    free_live(bed, ONE_PAGE, 0);
}

static void page_freed_elsewhere(struct bed *bed)
{
    free_live(bed, ONE_PAGE, 2);
}

static void three_pages_freed(struct bed *bed)
{
    free_live(bed, THREE_PAGES, 0);
}

static void page_merged(struct bed *bed)
{
    free_live(bed, ONE_PAGE, 0);
    everything_home(bed);
}

static void tail_of_a_merged_block(struct bed *bed)
{
    free_live(bed, FIVE_PAGES, 0);
    everything_home(bed);
    bed->p = (char *)bed->p + 3 * bed->way.page_size;
    bed->n = 1;
}

static const struct misuse cases[] = {
    FREE(NOT_ALLOCATED, "double free", freed_just_now),
    FREE(NOT_ALLOCATED, "double free", tiny_freed_just_now),
    FREE(NOT_ALLOCATED, "double free", freed_before_its_neighbour),
    FREE(NOT_ALLOCATED, "double free", freed_by_another_cpu),
    FREE(NOT_ALLOCATED, "double free", freed_here_then_elsewhere),
    FREE(NOT_ALLOCATED, "double free", freed_elsewhere_twice),
    FREE(NOT_ALLOCATED, "double free", freed_on_two_others),
    FREE(NOT_ALLOCATED, "double free", freed_and_drained),
    FREE(NOT_ALLOCATED, "double free", first_of_a_crowd),
    FREE(NOT_ALLOCATED, "double free", middle_of_a_crowd),
    FREE(NOT_ALLOCATED, "double free", first_of_a_remote_crowd),
    FREE(NOT_ALLOCATED, "double free", middle_of_a_remote_crowd),
    FREE(NOT_ALLOCATED, "double free", last_of_a_remote_crowd),
    FREE(NOT_ALLOCATED, "double free", slab_is_gone),
    FREE(INVALID_PARAM, "inside a", slab_became_a_block),
    FREE_SIZED(NOT_ALLOCATED, "double free", freed_just_now),
    FREE_SIZED(NOT_ALLOCATED, "double free", slab_is_gone),
    {"realloc after free", BSA_ERR_NOT_ALLOCATED, "double free", freed_just_now, reallocates,
     false},
    {"free like C's, twice", BSA_ERR_NOT_ALLOCATED, "double free", freed_just_now, frees_like_c,
     false},

    FREE(NOT_ALLOCATED, "double free", page_freed),
    FREE(NOT_ALLOCATED, "double free", page_merged),
    FREE_PAGES(NOT_ALLOCATED, "double free", page_freed),
    FREE_PAGES(NOT_ALLOCATED, "double free", page_freed_elsewhere),
    FREE_PAGES(NOT_ALLOCATED, "double free", three_pages_freed),
    FREE_PAGES(NOT_ALLOCATED, "double free", page_merged),
    FREE_PAGES(NOT_ALLOCATED, "double free", tail_of_a_merged_block),
};

int main(void)
{
    return run_misuses("freed before", cases, sizeof cases / sizeof *cases);
}
