/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another placement policy in the place of lib/buddy/search.c, to compare with.
 *
 * A program that links a policy's object before the library's gets the policy's
 * bsai_section_search: the library's own is then left in the archive. Everything else, from the
 * page lists of the CPUs to what a tree is, is the library's. A policy decides where a naturally
 * aligned block is taken; where there is none, it asks what the library asks for then, rows of
 * pages that are no block, so that policies differ in placement and in nothing else.
 */
#ifndef BSA_BENCH_PLACEMENT_POLICY_H
#define BSA_BENCH_PLACEMENT_POLICY_H

/* The library's own search, under another name. */
#define bsai_section_search policy_library_search
#include "../../lib/buddy/search.c"
#undef bsai_section_search

/* The policy's; search.c has what the arguments mean. */
size_t bsai_section_search(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                           unsigned align, enum bsai_use use);

/* The order of a block that holds n pages at a multiple of 2^align pages. */
static unsigned policy_order(size_t n, unsigned align)
{
    unsigned order = bsai_log2_up(n);
    return order > align ? order : align;
}

#endif
