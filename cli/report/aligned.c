/* SPDX-License-Identifier: Apache-2.0 */
#include "aligned.h"

/* Where blocks of an order may begin in a group. */
static const guint64 heads[ALIGNED_GROUP_ORDER + 1] = {
    G_MAXUINT64,
    G_GUINT64_CONSTANT(0x5555555555555555),
    G_GUINT64_CONSTANT(0x1111111111111111),
    G_GUINT64_CONSTANT(0x0101010101010101),
    G_GUINT64_CONSTANT(0x0001000100010001),
    G_GUINT64_CONSTANT(0x0000000100000001),
    1,
};

void aligned_init(struct aligned_blocks *blocks)
{
    *blocks = (struct aligned_blocks){.count = {0}};
    trace_map_init(&blocks->whole);
}

void aligned_clear(struct aligned_blocks *blocks)
{
    trace_map_destroy(&blocks->whole);
}

/* Adds the blocks within a group to its counts, or (a negative number) takes them away. */
static void count_group(struct aligned_blocks *blocks, guint64 pages, gboolean add)
{
    guint64 block = pages; /* a bit for the first page of each block of the order */
    for (guint order = 0; order < ALIGNED_GROUP_ORDER && block != 0; order++) {
        guint64 length = (guint64)1 << order;
        guint64 pair = block & block >> length & heads[order + 1];
        guint64 single = block & ~(pair | pair << length);
        guint64 blocks_here = (guint64)__builtin_popcountll(single);
        blocks->count[order] += add ? blocks_here : 0 - blocks_here;
        block = pair;
    }
}

/* Groups of a block. */
static guint64 groups_of(guint order)
{
    return (guint64)1 << (order - ALIGNED_GROUP_ORDER);
}

static void add_whole(struct aligned_blocks *blocks, guint64 group)
{
    guint order = ALIGNED_GROUP_ORDER;
    for (; order + 1 < REPLAY_ORDERS; order++) {
        guint64 buddy = group ^ groups_of(order);
        const guint32 *of_buddy = trace_map_find(&blocks->whole, buddy);
        guint32 same;
        if (of_buddy == NULL || *of_buddy != order)
            break;
        trace_map_remove(&blocks->whole, buddy, &same);
        blocks->count[order]--;
        group = MIN(group, buddy);
    }
    trace_map_insert(&blocks->whole, group, order);
    blocks->count[order]++;
}

/* The block that the group is in is split down to it. */
static void remove_whole(struct aligned_blocks *blocks, guint64 group)
{
    guint64 first = group;
    guint order = ALIGNED_GROUP_ORDER;
    guint32 found;
    for (;; order++) {
        const guint32 *of_first;
        first = group / groups_of(order) * groups_of(order);
        of_first = trace_map_find(&blocks->whole, first);
        if (of_first != NULL && *of_first == order)
            break;
        g_assert(order + 1 < REPLAY_ORDERS);
    }
    trace_map_remove(&blocks->whole, first, &found);
    blocks->count[order]--;
    while (order-- > ALIGNED_GROUP_ORDER) {
        gboolean low = group - first < groups_of(order);
        trace_map_insert(&blocks->whole, low ? first + groups_of(order) : first, order);
        blocks->count[order]++;
        first = low ? first : first + groups_of(order);
    }
}

void aligned_change(struct aligned_blocks *blocks, guint64 group, guint64 before, guint64 after)
{
    if (before == after)
        return;
    if (before == G_MAXUINT64)
        remove_whole(blocks, group);
    else
        count_group(blocks, before, FALSE);
    if (after == G_MAXUINT64)
        add_whole(blocks, group);
    else
        count_group(blocks, after, TRUE);
}
