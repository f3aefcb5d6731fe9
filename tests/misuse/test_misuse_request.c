/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that make no sense, and CPU ids out of range. */
#include "case.h"

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

static void no_pages(struct bed *bed)
{
    bed->p = bed->live[ONE_PAGE].p;
    bed->n = 0;
    bed->align = 1;
}

/* A live object, and the request that it is to serve. */

static void object_and_alignment_3(struct bed *bed)
{
    alignment_3(bed);
    bed->p = bed->live[SMALL].p;
}

static void block_and_alignment_24(struct bed *bed)
{
    alignment_24_for_pages(bed);
    bed->p = bed->live[THREE_PAGES].p;
}

static void object_to_grow(struct bed *bed)
{
    cpu_out_of_range(bed);
    bed->n = 500;
}

static void block_to_shrink(struct bed *bed)
{
    cpu_out_of_range(bed);
    bed->p = bed->live[FIVE_PAGES].p;
    bed->n = 3 * bed->way.page_size;
}

static enum bsa_status reallocates_to_n(struct bed *bed)
{
    return reallocates_to(bed, bed->n, bed->align);
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

static const struct misuse cases[] = {
    REQUEST("power of two", alignment_0, allocates),
    REQUEST("power of two", alignment_3, allocates),
    REQUEST("power of two", alignment_all_ones, allocates),
    REQUEST("power of two", alignment_24_for_pages, allocates),
    REQUEST("power of two", alignment_0, allocates_pages),
    REQUEST("power of two", alignment_3, allocates_pages),
    REQUEST("power of two", alignment_all_ones, allocates_pages),
    REQUEST("power of two", alignment_3, allocates_low),
    REQUEST("power of two", object_and_alignment_3, reallocates_to_n),
    REQUEST("power of two", block_and_alignment_24, reallocates_to_n),
    REQUEST("no pages", no_pages, allocates_pages),
    REQUEST("no pages", no_pages, allocates_low),

    REQUEST("out of range", cpu_out_of_range, allocates),
    REQUEST("out of range", cpu_out_of_range, allocates_pages),
    REQUEST("out of range", cpu_out_of_range, frees),
    REQUEST("out of range", cpu_out_of_range, frees_sized),
    REQUEST("out of range", block_and_cpu_out_of_range, frees),
    REQUEST("out of range", block_and_cpu_out_of_range, frees_pages),
    REQUEST("out of range", object_to_grow, reallocates_to_n),
    REQUEST("out of range", block_to_shrink, reallocates_to_n),
    REQUEST("out of range", cpu_argument_out_of_range, drains),
    REQUEST("out of range", cpu_argument_of_all_ones, drains),
    REQUEST("out of range", cpu_argument_out_of_range, takes_offline),
    REQUEST("out of range", cpu_argument_out_of_range, takes_online),
    REQUEST("out of range", cpu_argument_of_all_ones, takes_online),
};

int main(void)
{
    return run_misuses("requests and CPU ids", cases, sizeof cases / sizeof *cases);
}
