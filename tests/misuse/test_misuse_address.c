/* SPDX-License-Identifier: Apache-2.0 */
/* Frees of what was never handed out, of a part of it, and with another size, count or alignment.
 */
#include "case.h"

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

static void first_byte_of_memory(struct bed *bed)
{
    bed->p = (void *)(uintptr_t)1;
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

static const struct misuse cases[] = {
    WILD(a_variable),
    WILD(first_byte_of_memory),
    WILD(first_bytes_of_memory),
    WILD(last_byte_of_memory),
    WILD(before_the_region),
    WILD(behind_the_region),
    WILD(the_heap_itself),
    WILD(last_byte_of_metadata),
    WILD(object_of_another_heap),
    FREE(NOT_ALLOCATED, "the allocator has them", page_of_records),
    {"free_pages of page_of_records", BSA_ERR_NOT_ALLOCATED, "the allocator has them",
     page_of_records, frees_pages, false},
    WILD(reserved_page),
    FREE_SIZED(NOT_FOUND, "", object_of_another_heap),
    FREE_SIZED(NOT_FOUND, "", a_variable),
    {"realloc of a variable", BSA_ERR_NOT_FOUND, "", a_variable, reallocates, false},
    {"C's realloc of a variable", BSA_ERR_NOT_FOUND, "", a_variable, reallocates_like_c, false},
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
    FREE_PAGES(NOT_ALLOCATED, "", page_never_allocated),
    FREE(NOT_ALLOCATED, "", inside_a_page_never_allocated),
};

int main(void)
{
    return run_misuses("addresses and sizes", cases, sizeof cases / sizeof *cases);
}
