/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way to use a heap wrongly. Each case is run in every mode, with and without magazines, by CPU
 * hook and by handle: it must give its status, exactly one call of the fault hook that says what is
 * wrong, change nothing, and leave a heap that works.
 */
#include "bed.h"

struct misuse {
    const char *name;
    enum bsa_status status;
    const char *says; /* part of the fault's message */
    void (*prepare)(struct bed *bed);
    enum bsa_status (*commit)(struct bed *bed);
    bool nowhere; /* no address is to blame */
};

/* What is done. */

static enum bsa_status frees(struct bed *bed)
{
    return bed_free(bed, bed->p);
}

static enum bsa_status frees_pages(struct bed *bed)
{
    return bed_free_pages(bed, bed->p, bed->n);
}

static enum bsa_status frees_sized(struct bed *bed)
{
    return bsa_heap_free_sized(bed->heap, bed->p, bed->n, bed->align);
}

static enum bsa_status frees_like_c(struct bed *bed)
{
    bsa_free(bed->heap, bed->p);
    return bed->m.faults.status;
}

static enum bsa_status reallocates(struct bed *bed)
{
    ck_assert_ptr_null(bsa_realloc(bed->heap, bed->p, 100));
    return bed->m.faults.status;
}

static enum bsa_status allocates(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bed_alloc(bed, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

static enum bsa_status allocates_pages(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bed_alloc_pages(bed, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

static enum bsa_status allocates_low(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bsa_heap_alloc_pages_lowmem(bed->heap, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

/* To whom. */

static unsigned char nobodys[64];

static void a_variable(struct bed *bed)
{
    bed->p = nobodys;
    bed->n = 1;
    bed->align = 8;
}

static void first_bytes_of_memory(struct bed *bed)
{
    bed->p = (void *)(uintptr_t)8;
    bed->n = 1;
}

static void last_byte_of_memory(struct bed *bed)
{
    bed->p = (void *)UINTPTR_MAX;
    bed->n = 1;
}

static void before_the_region(struct bed *bed)
{
    bed->p = bed->region - 1;
    bed->n = 1;
}

static void behind_the_region(struct bed *bed)
{
    bed->p = bed->region + bed->region_bytes;
    bed->n = 1;
}

static void the_heap_itself(struct bed *bed)
{
    bed->p = bed->heap;
    bed->n = 1;
}

static void last_byte_of_metadata(struct bed *bed)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    assert_ok(bsa_heap_section(bed->heap, 0, &info));
    bed->p = (char *)info.start - 1;
    bed->n = 1;
}

static void object_of_another_heap(struct bed *bed)
{
    bsa_heap *other = NULL;
    size_t bytes = (size_t)1 << 20;
    assert_ok(bsa_heap_init(&other, region_new(bytes, 4096, 0), bytes, NULL));
    bed->p = heap_get(other, 64, 8);
    bed->n = 64;
    bed->align = 8;
}

/* A page with these flags and without those. */
static void *page_that_is(struct bed *bed, unsigned with, unsigned without)
{
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    unsigned flags;
    assert_ok(bsa_heap_section(bed->heap, 0, &info));
    for (size_t at = 0; at < info.bytes; at += bed->way.page_size) {
        assert_ok(bsa_heap_page_flags(bed->heap, (char *)info.start + at, &flags));
        if ((flags & with) == with && (flags & without) == 0)
            return (char *)info.start + at;
    }
    ck_abort_msg("no page has flags %#x without %#x", with, without);
    return NULL;
}

static void page_of_records(struct bed *bed)
{
    bed->p = page_that_is(bed, BSA_PAGE_META, 0);
    bed->n = 1;
}

static void reserved_page(struct bed *bed)
{
    bed->p = page_that_is(bed, BSA_PAGE_FREE, BSA_PAGE_CACHED);
    assert_ok(bsa_heap_reserve(bed->heap, bed->p, 1));
    bed->n = 1;
}

static void page_never_allocated(struct bed *bed)
{
    bed->p = page_that_is(bed, BSA_PAGE_FREE, BSA_PAGE_CACHED);
    bed->n = 1;
}

static void inside_a_page_never_allocated(struct bed *bed)
{
    page_never_allocated(bed);
    bed->p = (char *)bed->p + 24;
}

static void second_byte(struct bed *bed)
{
    bed->p = (char *)bed->live[SMALL].p + 1;
}

static void second_word(struct bed *bed)
{
    bed->p = (char *)bed->live[SMALL].p + 8;
    bed->n = 56;
    bed->align = 8;
}

static void last_byte(struct bed *bed)
{
    bed->p = (char *)bed->live[LARGE].p + 2047;
}

static void middle_of_an_object(struct bed *bed)
{
    bed->p = (char *)bed->live[LARGE].p + 1024;
}

static void second_byte_of_a_page(struct bed *bed)
{
    bed->p = (char *)bed->live[ONE_PAGE].p + 1;
    bed->n = 1;
}

static void second_page(struct bed *bed)
{
    bed->p = (char *)bed->live[THREE_PAGES].p + bed->way.page_size;
    bed->n = 2;
    bed->align = 1;
}

static void last_page(struct bed *bed)
{
    bed->p = (char *)bed->live[FIVE_PAGES].p + 4 * bed->way.page_size;
    bed->n = 1;
}

static void inside_the_last_page(struct bed *bed)
{
    bed->p = (char *)bed->live[FIVE_PAGES].p + 5 * bed->way.page_size - 16;
    bed->n = 1;
}

/* Blocks under another count. */

static void too_few_pages(struct bed *bed)
{
    bed->p = bed->live[THREE_PAGES].p;
    bed->n = 2;
}

static void too_many_pages(struct bed *bed)
{
    bed->p = bed->live[THREE_PAGES].p;
    bed->n = 4;
}

static void too_many_pages_to_count(struct bed *bed)
{
    bed->p = bed->live[ONE_PAGE].p;
    bed->n = SIZE_MAX;
}

/* 2^29 + 1 is 1 in the 29 bits that a page's word has for the count. */
static void count_that_wraps(struct bed *bed)
{
    bed->p = bed->live[ONE_PAGE].p;
    bed->n = ((size_t)1 << 29) + 1;
}

static void no_pages(struct bed *bed)
{
    bed->p = bed->live[ONE_PAGE].p;
    bed->n = 0;
    bed->align = 1;
}

static void object_as_pages(struct bed *bed)
{
    bed->p = bed->live[LARGE].p;
    bed->n = 1;
}

/* Sized frees. */

static void sized_too_small(struct bed *bed)
{
    bed->p = bed->live[SMALL].p;
    bed->n = 32;
    bed->align = 8;
}

static void sized_too_large(struct bed *bed)
{
    bed->p = bed->live[SMALL].p;
    bed->n = 65;
    bed->align = 8;
}

static void sized_as_pages(struct bed *bed)
{
    bed->p = bed->live[SMALL].p;
    bed->n = 4 * bed->way.page_size;
    bed->align = 8;
}

static void sized_with_more_alignment(struct bed *bed)
{
    bed->p = bed->live[SMALL].p;
    bed->n = 64;
    bed->align = 128;
}

static void sized_block_as_object(struct bed *bed)
{
    bed->p = bed->live[THREE_PAGES].p;
    bed->n = 100;
    bed->align = 8;
}

static void sized_block_too_small(struct bed *bed)
{
    bed->p = bed->live[THREE_PAGES].p;
    bed->n = 2 * bed->way.page_size;
    bed->align = 8;
}

static void sized_at_the_end_of_numbers(struct bed *bed)
{
    bed->p = bed->live[THREE_PAGES].p;
    bed->n = SIZE_MAX;
    bed->align = 8;
}

static void sized_with_alignment_0(struct bed *bed)
{
    bed->p = bed->live[SMALL].p;
    bed->n = 64;
    bed->align = 0;
}

static void sized_with_alignment_24(struct bed *bed)
{
    sized_with_alignment_0(bed);
    bed->align = 24;
}

static void sized_interior(struct bed *bed)
{
    bed->p = (char *)bed->live[SMALL].p + 8;
    bed->n = 64;
    bed->align = 8;
}

/* Freed before. */

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

/* Many objects are allocated and freed, on another CPU or the same: they fill magazines, the depot and
 * slabs. The one in question is the first, the middle, or the last. */
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

/* Requests. */

static void alignment_0(struct bed *bed)
{
    bed->n = 64;
    bed->align = 0;
}

static void alignment_3(struct bed *bed)
{
    bed->n = 64;
    bed->align = 3;
}

static void alignment_all_ones(struct bed *bed)
{
    bed->n = 1;
    bed->align = SIZE_MAX;
}

static void alignment_24_for_pages(struct bed *bed)
{
    bed->n = 3 * bed->way.page_size;
    bed->align = 24;
}

/* CPU ids. */

static void cpu_out_of_range(struct bed *bed)
{
    bed->way.handles = false; /* a handle names its CPU */
    bed->p = bed->live[SMALL].p;
    bed->n = 64;
    bed->align = 1;
    bed->m.cpu = 3;
}

static void block_and_cpu_out_of_range(struct bed *bed)
{
    cpu_out_of_range(bed);
    bed->p = bed->live[ONE_PAGE].p;
    bed->n = 1;
    bed->m.cpu = UINT32_MAX;
}

static void cpu_argument_out_of_range(struct bed *bed)
{
    bed->n = 3;
}

static void cpu_argument_of_all_ones(struct bed *bed)
{
    bed->n = UINT32_MAX;
}

static enum bsa_status drains(struct bed *bed)
{
    return bsa_heap_drain(bed->heap, (unsigned)bed->n);
}

static enum bsa_status takes_offline(struct bed *bed)
{
    return bsa_heap_cpu_offline(bed->heap, (unsigned)bed->n);
}

static enum bsa_status takes_online(struct bed *bed)
{
    return bsa_heap_cpu_online(bed->heap, (unsigned)bed->n);
}

#define WILD(subject)                                                                              \
    {"free of " #subject, BSA_ERR_NOT_FOUND, "", subject, frees, false},                           \
    {                                                                                              \
        "free_pages of " #subject, BSA_ERR_NOT_FOUND, "", subject, frees_pages, false              \
    }
#define FREE(status, says, subject)                                                                \
    {                                                                                              \
        "free of " #subject, BSA_ERR_##status, says, subject, frees, false                         \
    }
#define FREE_PAGES(status, says, subject)                                                          \
    {                                                                                              \
        "free_pages of " #subject, BSA_ERR_##status, says, subject, frees_pages, false             \
    }
#define FREE_SIZED(status, says, subject)                                                          \
    {                                                                                              \
        "free_sized of " #subject, BSA_ERR_##status, says, subject, frees_sized, false             \
    }
#define REQUEST(says, subject, action)                                                             \
    {                                                                                              \
#action " with " #subject, BSA_ERR_INVALID_PARAM, says, subject, action, true              \
    }

static const struct misuse cases[] = {
    WILD(a_variable),
    WILD(first_bytes_of_memory),
    WILD(last_byte_of_memory),
    WILD(before_the_region),
    WILD(behind_the_region),
    WILD(the_heap_itself),
    WILD(last_byte_of_metadata),
    WILD(object_of_another_heap),
    WILD(page_of_records),
    WILD(reserved_page),
    FREE_SIZED(NOT_FOUND, "", object_of_another_heap),
    FREE_SIZED(NOT_FOUND, "", a_variable),
    {"realloc of a variable", BSA_ERR_NOT_FOUND, "", a_variable, reallocates, false},
    {"free like C's of a variable", BSA_ERR_NOT_FOUND, "", a_variable, frees_like_c, false},

    FREE(INVALID_PARAM, "inside an object", second_byte),
    FREE(INVALID_PARAM, "inside an object", second_word),
    FREE(INVALID_PARAM, "inside an object", last_byte),
    FREE(INVALID_PARAM, "inside an object", middle_of_an_object),
    FREE(INVALID_PARAM, "inside a", second_byte_of_a_page),
    FREE(INVALID_PARAM, "inside a", second_page),
    FREE(INVALID_PARAM, "inside a", last_page),
    FREE(INVALID_PARAM, "inside a", inside_the_last_page),
    FREE_PAGES(INVALID_PARAM, "inside a", second_byte_of_a_page),
    FREE_PAGES(INVALID_PARAM, "inside a", second_page),
    FREE_PAGES(INVALID_PARAM, "inside a", last_page),
    FREE_PAGES(INVALID_PARAM, "inside a", inside_the_last_page),
    {"realloc of the second word", BSA_ERR_INVALID_PARAM, "inside", second_word, reallocates,
     false},
    {"realloc of the second page", BSA_ERR_INVALID_PARAM, "inside", second_page, reallocates,
     false},

    FREE_PAGES(INVALID_PARAM, "count", too_few_pages),
    FREE_PAGES(INVALID_PARAM, "count", too_many_pages),
    FREE_PAGES(INVALID_PARAM, "count", too_many_pages_to_count),
    FREE_PAGES(INVALID_PARAM, "count", count_that_wraps),
    FREE_PAGES(INVALID_PARAM, "no pages", no_pages),
    FREE_PAGES(INVALID_PARAM, "object", object_as_pages),

    FREE_SIZED(INVALID_PARAM, "another size", sized_too_small),
    FREE_SIZED(INVALID_PARAM, "another size", sized_too_large),
    FREE_SIZED(INVALID_PARAM, "another size", sized_as_pages),
    FREE_SIZED(INVALID_PARAM, "alignment", sized_with_more_alignment),
    FREE_SIZED(INVALID_PARAM, "another size", sized_block_as_object),
    FREE_SIZED(INVALID_PARAM, "another size", sized_block_too_small),
    FREE_SIZED(INVALID_PARAM, "another size", sized_at_the_end_of_numbers),
    FREE_SIZED(INVALID_PARAM, "power of two", sized_with_alignment_0),
    FREE_SIZED(INVALID_PARAM, "power of two", sized_with_alignment_24),
    FREE_SIZED(INVALID_PARAM, "inside", sized_interior),
    FREE_SIZED(INVALID_PARAM, "inside", second_page),

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
    FREE_PAGES(NOT_ALLOCATED, "", page_never_allocated),
    FREE(NOT_ALLOCATED, "", inside_a_page_never_allocated),

    REQUEST("power of two", alignment_0, allocates),
    REQUEST("power of two", alignment_3, allocates),
    REQUEST("power of two", alignment_all_ones, allocates),
    REQUEST("power of two", alignment_24_for_pages, allocates),
    REQUEST("power of two", alignment_0, allocates_pages),
    REQUEST("power of two", alignment_3, allocates_pages),
    REQUEST("power of two", alignment_all_ones, allocates_pages),
    REQUEST("power of two", alignment_3, allocates_low),
    REQUEST("no pages", no_pages, allocates_pages),
    REQUEST("no pages", no_pages, allocates_low),

    REQUEST("out of range", cpu_out_of_range, allocates),
    REQUEST("out of range", cpu_out_of_range, allocates_pages),
    REQUEST("out of range", cpu_out_of_range, frees),
    REQUEST("out of range", cpu_out_of_range, frees_sized),
    REQUEST("out of range", block_and_cpu_out_of_range, frees),
    REQUEST("out of range", block_and_cpu_out_of_range, frees_pages),
    REQUEST("out of range", cpu_argument_out_of_range, drains),
    REQUEST("out of range", cpu_argument_of_all_ones, drains),
    REQUEST("out of range", cpu_argument_out_of_range, takes_offline),
    REQUEST("out of range", cpu_argument_out_of_range, takes_online),
    REQUEST("out of range", cpu_argument_of_all_ones, takes_online),
};

static void run_case(const struct misuse *misuse, const struct way *way)
{
    struct bed bed;
    struct bsa_heap_stats before, after;
    bed_open(&bed, way);
    misuse->prepare(&bed);
    heap_stats(bed.heap, &before);
    ck_assert_uint_eq(bed.m.faults.count, 0);

    enum bsa_status status = misuse->commit(&bed);
    ck_assert_msg(status == misuse->status, "%s, %s: the status is \"%s\"", misuse->name, way->name,
                  bsa_strerror(status));
    ck_assert_msg(bed.m.faults.count == 1, "%s, %s: %u calls of the fault hook", misuse->name,
                  way->name, bed.m.faults.count);
    ck_assert_msg(bed.m.faults.status == misuse->status && strlen(bed.m.faults.what) > 8 &&
                      strstr(bed.m.faults.what, misuse->says) != NULL,
                  "%s, %s: the fault is \"%s\", in words \"%s\"", misuse->name, way->name,
                  bsa_strerror(bed.m.faults.status), bed.m.faults.what);
    ck_assert_msg(misuse->nowhere || bed.m.faults.addr == bed.p,
                  "%s, %s: the fault names %p, not %p", misuse->name, way->name, bed.m.faults.addr,
                  bed.p);

    bed.way = *way;
    bed.m.cpu = 0;
    heap_stats(bed.heap, &after);
    ck_assert_msg(memcmp(&before, &after, sizeof before) == 0, "%s, %s: the statistics changed",
                  misuse->name, way->name);
    bed_check_live(&bed);
    check_heap_sums(bed.heap);

    /* The same again must be found again. */
    bed.m.faults.count = 0;
    if (!misuse->nowhere) {
        ck_assert_int_eq((int)misuse->commit(&bed), (int)misuse->status);
        ck_assert_uint_eq(bed.m.faults.count, 1);
        bed.m.faults.count = 0;
    }
    bed_work(&bed);
    check_heap_sums(bed.heap);
    bed_close(&bed);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}

START_TEST(misuse_is_found_and_harmless)
{
    struct way way;
    for (unsigned i = 0; way_number(i, &way); i++)
        run_case(&cases[_i], &way);
}
END_TEST

static Suite *misuse_suite(void)
{
    Suite *suite = suite_create("misuse of a heap");
    TCase *all = tcase_create("every mode");
    tcase_add_loop_test(all, misuse_is_found_and_harmless, 0, (int)(sizeof cases / sizeof *cases));
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return run_suite(misuse_suite());
}
