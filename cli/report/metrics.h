/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measures of a report, as functions of counts. Each has its formula here, in words that
 * report.txt repeats.
 */
#ifndef BSA_CLI_REPORT_METRICS_H
#define BSA_CLI_REPORT_METRICS_H

#include <glib.h>

#include "../replay/account.h"
#include "../replay/backend.h"

/* Orders for which fragmentation is reported: to 4 MiB at 4 KiB pages, as Linux's buddy allocator.
 */
#define REPORT_ORDERS 11u

/* Where the bytes of the regions are. Every byte is in exactly one part. */
enum split_part {
    SPLIT_REQUESTED,
    SPLIT_CLASS_ROUNDING,
    SPLIT_BLOCK_ROUNDING,
    SPLIT_FREE_SLOTS,
    SPLIT_EMPTY_SLABS,
    SPLIT_CACHED,
    SPLIT_REMOTE_PENDING,
    SPLIT_SLAB_RECORDS,
    SPLIT_METADATA,
    SPLIT_FREE,
    SPLIT_PARTS
};

struct memory_split {
    guint64 part[SPLIT_PARTS];
};

struct split_name {
    const char *key; /* in timeline.csv and report.json */
    const char *formula;
};

extern const struct split_name split_names[SPLIT_PARTS];

/*
 * Splits the regions of a snapshot, with the replay's books for what was asked. False and error
 * when the two disagree or the parts do not add up to the bytes of all regions: one of them counts
 * wrongly.
 */
gboolean split_compute(struct memory_split *split, const struct replay_snapshot *snapshot,
                       const struct replay_account *account, GError **error);

/* F: pages in free blocks. */
guint64 free_pages(const guint64 counts[REPLAY_ORDERS]);

/* (F - S_j 2^j) / F, S_j = sum over o >= j of n_o 2^(o-j): the part of free memory that a request
 * of order j cannot use. F = 0 gives 1. */
double unusable_free_space_index(const guint64 counts[REPLAY_ORDERS], guint order);

/*
 * 1 - (1 + F/2^j) / B, B = number of free blocks, when a request of order j would fail: towards 0
 * it fails for lack of memory, towards 1 for fragmentation. NaN when it would succeed; 0 when
 * nothing is free. May fall below 0 where blocks of more than the request's size are missing
 * altogether.
 */
double fragmentation_index(const guint64 counts[REPLAY_ORDERS], guint order);

/* Pages of the largest free block / F; F = 0 gives 0. */
double largest_free_share(const guint64 counts[REPLAY_ORDERS]);

/* The three of them at a moment, or their mean over moments. */
struct external_fragmentation {
    double unusable[REPORT_ORDERS];      /* unusable free space index */
    double fragmentation[REPORT_ORDERS]; /* index; NaN where a request would succeed; no mean */
    double largest_free_share;
};
struct external_fragmentation external_fragmentation(const guint64 counts[REPLAY_ORDERS]);

/* part / whole, and 0 for nothing of nothing. */
double ratio(double part, double whole);

/* Internal fragmentation, each (given - requested) / given over ... */
struct internal_fragmentation {
    double cumulative;  /* all allocations made */
    double at_end;      /* what is live after the last event */
    double at_peak;     /* what is live when most is requested */
    double over_events; /* live bytes summed over events */
    double over_bytes;  /* live bytes summed over bytes allocated */
};
struct internal_fragmentation internal_fragmentation(const struct replay_account *account);

/* Wilson and Johnstone's four ratios of a heap's size H to the live bytes L, and the ratio of
 * means. */
struct heap_ratios {
    double average;      /* 1: mean of H/L over events with L > 0 */
    double at_max_live;  /* 2: H / L when L is first at its maximum */
    double at_max_heap;  /* 3: H / L when H is first at its maximum; infinite when L is 0 then */
    double max_over_max; /* 4: max H / max L */
    double of_means;     /* mean H / mean L */
};
struct heap_ratios heap_ratios(const struct replay_account *account,
                               const struct replay_growth *growth);

#endif
