/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of pages as naturally aligned blocks, as a buddy allocator would hold them: counts of the
 * largest ones by order, kept while the set changes. Pages come in groups of 64, a bit each.
 */
#ifndef BSA_CLI_REPORT_ALIGNED_H
#define BSA_CLI_REPORT_ALIGNED_H

#include <glib.h>

#include "../replay/backend.h"
#include "../trace/map.h"

#define ALIGNED_GROUP_ORDER 6u
#define ALIGNED_GROUP ((guint64)1 << ALIGNED_GROUP_ORDER)

struct aligned_blocks {
    guint64 count[REPLAY_ORDERS]; /* blocks of 2^order pages that are in no larger one */
    struct trace_map whole;       /* first group of each block of whole groups -> its order */
};

void aligned_init(struct aligned_blocks *blocks);
void aligned_clear(struct aligned_blocks *blocks);

/* Which pages of a group are in the set: they were, they are. */
void aligned_change(struct aligned_blocks *blocks, guint64 group, guint64 before, guint64 after);

#endif
