/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another placement policy in the place of the library's, to compare with.
 *
 * A program that links a policy's object before the library's gets the policy's
 * bsai_section_search_block, and lib/buddy/search.c is left in the archive. Everything else, from
 * the page lists of the CPUs to the rows of pages that serve where there is no block, is the
 * library's: policies differ in where a naturally aligned block is taken, and in nothing else.
 */
#ifndef BSA_BENCH_PLACEMENT_POLICY_H
#define BSA_BENCH_PLACEMENT_POLICY_H

/* The library's own search for blocks, by another name. */
#define bsai_section_search_block policy_library_search_block
#include "../../lib/buddy/search.c"
#undef bsai_section_search_block

/* The policy's; blocks.h has what the arguments mean. Where it finds no block it ends with the
 * library's search, which finds none either and lowers the bounds that said there was one. */
size_t bsai_section_search_block(const struct bsa_buddy *b, struct bsai_section *s, size_t n,
                                 unsigned align, enum bsai_use use);

#endif
