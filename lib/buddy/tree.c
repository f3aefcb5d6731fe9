/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

_Static_assert(BSAI_GROUP_PAGES == 512 && BSAI_TREE_LEVELS == 10, "the folds below know both");

enum { WORD_ORDER = 6 }; /* a block of this order is one word */

/* Multiples of 2^order within a word, or within the eight words' summary. */
static const uint64_t aligned_bits[WORD_ORDER + 1] = {
    UINT64_C(0xffffffffffffffff), UINT64_C(0x5555555555555555), UINT64_C(0x1111111111111111),
    UINT64_C(0x0101010101010101), UINT64_C(0x0001000100010001), UINT64_C(0x0000000100000001),
    UINT64_C(0x0000000000000001)};

/* Leaves a bit at each first page of a free aligned block of 2^order pages of x. Shifts by
 * constants: by a variable they would be library calls on some 32-bit targets. */
static BSAI_ALWAYS_INLINE uint64_t fold(uint64_t x, unsigned order)
{
    switch (order) {
    case 6:
        return x == ~UINT64_C(0) ? 1 : 0;
    case 5:
        x &= x >> 16;
        /* fall through */
    case 4:
        x &= x >> 8;
        /* fall through */
    case 3:
        x &= x >> 4;
        /* fall through */
    case 2:
        x &= x >> 2;
        /* fall through */
    case 1:
        x &= x >> 1;
        /* fall through */
    default:
        return x & aligned_bits[order];
    }
}

/* Of the blocks of one order, `small`, those that lie in no block of the next order, `large`. */
static BSAI_ALWAYS_INLINE uint64_t unpaired(uint64_t small, uint64_t large, unsigned order)
{
    return small & ~(large | large << (1u << order));
}

/* A bit for each word that is all free: the orders from 6 on are found in it as those from 0 on. */
static unsigned full_words(const struct bsai_tree *tree)
{
    unsigned full = 0;
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++)
        full |= (tree->free[w] == ~UINT64_C(0) ? 1u : 0u) << w;
    return full;
}

static BSAI_ALWAYS_INLINE unsigned find_in_words(const struct bsai_tree *tree, unsigned order)
{
    unsigned found = BSAI_TREE_NONE;
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++) {
        uint64_t blocks = fold(tree->free[w], order);
        if (blocks == 0)
            continue;
        uint64_t single = unpaired(blocks, fold(tree->free[w], order + 1), order);
        if (single != 0)
            return w * 64 + bsai_ctz64(single);
        if (found == BSAI_TREE_NONE)
            found = w * 64 + bsai_ctz64(blocks);
    }
    return found;
}

static unsigned find_in_full_words(const struct bsai_tree *tree, unsigned order)
{
    uint64_t full = full_words(tree);
    uint64_t blocks = fold(full, order - WORD_ORDER);
    if (blocks == 0)
        return BSAI_TREE_NONE;
    uint64_t single = unpaired(blocks, fold(full, order + 1 - WORD_ORDER), order - WORD_ORDER);
    return bsai_ctz64(single != 0 ? single : blocks) * 64;
}

unsigned bsai_tree_find(const struct bsai_tree *tree, unsigned order)
{
    /* An order that the compiler knows makes a fold a few shifts. */
    switch (order) {
    case 0:
        return find_in_words(tree, 0);
    case 1:
        return find_in_words(tree, 1);
    case 2:
        return find_in_words(tree, 2);
    case 3:
        return find_in_words(tree, 3);
    case 4:
        return find_in_words(tree, 4);
    case 5:
        return find_in_words(tree, 5);
    default:
        return find_in_full_words(tree, order);
    }
}

/* Of bits where rows of some length begin, leaves those of rows that are `step` longer, which is no
 * more than that length, and less than a word. */
static BSAI_ALWAYS_INLINE void lengthen(uint64_t *begins, unsigned step)
{
#pragma GCC unroll 8
    for (unsigned w = 0; w + 1 < BSAI_TREE_WORDS; w++)
        begins[w] &= begins[w] >> step | begins[w + 1] << 1 << (63 - step);
    begins[BSAI_TREE_WORDS - 1] &= begins[BSAI_TREE_WORDS - 1] >> step;
}

static void lengthen_by_word(uint64_t *begins)
{
    for (unsigned w = 0; w + 1 < BSAI_TREE_WORDS; w++)
        begins[w] &= begins[w + 1];
    begins[BSAI_TREE_WORDS - 1] = 0;
}

unsigned bsai_tree_find_run(const struct bsai_tree *tree, unsigned n, unsigned align)
{
    uint64_t begins[BSAI_TREE_WORDS];
    unsigned length = 1, step;
    bsai_memcpy(begins, tree->free, sizeof(begins));
    for (; length < n && length < 64; length += step) {
        step = length < n - length ? length : n - length;
        lengthen(begins, step);
    }
    for (; n - length >= 64; length += 64)
        lengthen_by_word(begins);
    lengthen(begins, n - length);
    unsigned stride = align > WORD_ORDER ? 1u << (align - WORD_ORDER) : 1;
    uint64_t mask = aligned_bits[align < WORD_ORDER ? align : WORD_ORDER];
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w += stride) {
        if ((begins[w] & mask) != 0)
            return w * 64 + bsai_ctz64(begins[w] & mask);
    }
    return BSAI_TREE_NONE;
}

int bsai_tree_largest(const struct bsai_tree *tree, int most)
{
    int order = most;
    while (order >= 0 && bsai_tree_find(tree, (unsigned)order) == BSAI_TREE_NONE)
        order--;
    return order;
}

/* The bits of word w that [page, end) covers. */
static BSAI_ALWAYS_INLINE uint64_t range_mask(unsigned w, unsigned page, unsigned end)
{
    uint64_t mask = ~UINT64_C(0);
    if (page > w * 64)
        mask <<= page - w * 64;
    if (end < w * 64 + 64)
        mask &= ~UINT64_C(0) >> (w * 64 + 64 - end);
    return mask;
}

bool bsai_tree_all_free(const struct bsai_tree *tree, unsigned page, unsigned n)
{
    for (unsigned w = page / 64; w * 64 < page + n; w++) {
        if ((~tree->free[w] & range_mask(w, page, page + n)) != 0)
            return false;
    }
    return true;
}

bool bsai_tree_all_taken(const struct bsai_tree *tree, unsigned page, unsigned n)
{
    for (unsigned w = page / 64; w * 64 < page + n; w++) {
        if ((tree->free[w] & range_mask(w, page, page + n)) != 0)
            return false;
    }
    return true;
}

void bsai_tree_set(struct bsai_tree *tree, unsigned page, unsigned n)
{
    for (unsigned w = page / 64; w * 64 < page + n; w++)
        tree->free[w] |= range_mask(w, page, page + n);
}

void bsai_tree_clear(struct bsai_tree *tree, unsigned page, unsigned n)
{
    for (unsigned w = page / 64; w * 64 < page + n; w++)
        tree->free[w] &= ~range_mask(w, page, page + n);
}

unsigned bsai_tree_grown(const struct bsai_tree *tree, unsigned page, unsigned n, unsigned bound)
{
    for (unsigned order = bound + 1; order <= BSAI_TREE_TOP; order++) {
        unsigned size = 1u << order;
        unsigned block = page & ~(size - 1);
        while (block < page + n && !bsai_tree_all_free(tree, block, size))
            block += size;
        if (block >= page + n)
            break;
        bound = order;
    }
    return bound;
}

void bsai_tree_around(const struct bsai_tree *tree, unsigned page, unsigned *low, unsigned *high)
{
    unsigned w = page / 64;
    uint64_t taken = ~tree->free[w] & ~(~UINT64_C(0) << (page % 64));
    while (taken == 0 && w > 0)
        taken = ~tree->free[--w];
    *low = taken == 0 ? 0 : w * 64 + 64 - bsai_clz64(taken);

    w = page / 64;
    taken = ~tree->free[w] & (~UINT64_C(0) << (page % 64));
    while (taken == 0 && w + 1 < BSAI_TREE_WORDS)
        taken = ~tree->free[++w];
    *high = taken == 0 ? (unsigned)BSAI_GROUP_PAGES : w * 64 + bsai_ctz64(taken);
}

unsigned bsai_tree_set_idle(struct bsai_tree *tree, unsigned page, unsigned n)
{
    unsigned count = 0;
    for (unsigned w = page / 64; w * 64 < page + n; w++) {
        uint64_t fresh = tree->free[w] & ~tree->idle[w] & range_mask(w, page, page + n);
        tree->idle[w] |= fresh;
        count += bsai_popcount64(fresh);
    }
    return count;
}

unsigned bsai_tree_clear_idle(struct bsai_tree *tree, unsigned page, unsigned n)
{
    unsigned count = 0;
    for (unsigned w = page / 64; w * 64 < page + n; w++) {
        uint64_t used = tree->idle[w] & range_mask(w, page, page + n);
        tree->idle[w] &= ~used;
        count += bsai_popcount64(used);
    }
    return count;
}

bool bsai_tree_next_used(const struct bsai_tree *tree, unsigned page, unsigned n, unsigned *low,
                         unsigned *high)
{
    struct bsai_tree used;
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++)
        used.free[w] = tree->free[w] & ~tree->idle[w];
    while (page < BSAI_GROUP_PAGES) {
        uint64_t rest = used.free[page / 64] >> (page % 64);
        if (rest == 0) {
            page = (page / 64 + 1) * 64;
            continue;
        }
        page += bsai_ctz64(rest);
        bsai_tree_around(&used, page, low, high);
        if (*high - *low >= n)
            return true;
        page = *high;
    }
    return false;
}

unsigned bsai_tree_count(const struct bsai_tree *tree)
{
    unsigned count = 0;
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++)
        count += bsai_popcount64(tree->free[w]);
    return count;
}

void bsai_tree_count_blocks(const struct bsai_tree *tree, size_t *counts)
{
    for (unsigned w = 0; w < BSAI_TREE_WORDS; w++) {
        for (unsigned order = 0; order < WORD_ORDER; order++) {
            uint64_t small = fold(tree->free[w], order);
            counts[order] +=
                bsai_popcount64(unpaired(small, fold(tree->free[w], order + 1), order));
        }
    }
    uint64_t full = full_words(tree);
    for (unsigned order = WORD_ORDER; order < BSAI_TREE_LEVELS; order++) {
        uint64_t small = fold(full, order - WORD_ORDER);
        uint64_t large = order + 1 < BSAI_TREE_LEVELS ? fold(full, order + 1 - WORD_ORDER) : 0;
        counts[order] += bsai_popcount64(unpaired(small, large, order - WORD_ORDER));
    }
}
