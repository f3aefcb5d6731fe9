/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured. */
#include <string.h>

#include "bench.h"

enum { BLOCKS = 64, MIB = 1024 * 1024 };
#define GIB ((uint64_t)1 << 30)

#define ROW(n, g, w, t) .name = (n), .group = (g), .workload = (w), .threads = (t)

#define PAIR(bytes)                                                                                \
    {                                                                                              \
        ROW("pair-" #bytes, "pair", BENCH_PAIR, 1), .low = (bytes), .crate = 3.7                   \
    }
#define BATCH(n, o, c)                                                                             \
    {                                                                                              \
        ROW("batch-" n, "batch", BENCH_BATCH, 1), .low = 64, .live = 10000, .order = (o),          \
                                                  .crate = (c)                                     \
    }
#define CHURN(n, most, l, c)                                                                       \
    {                                                                                              \
        ROW("churn-" n, "churn", BENCH_CHURN, 1), .low = 8, .high = (most), .live = (l),           \
                                                  .crate = (c)                                     \
    }
#define PAGE_PAIR(order, c)                                                                        \
    {                                                                                              \
        ROW("page-pair-" #order, "page-pair", BENCH_PAGE_PAIR, 1), .low = (order), .live = BLOCKS, \
                                                                   .crate = (c)                    \
    }
#define PAGE_MERGED(order)                                                                         \
    {                                                                                              \
        ROW("page-merged-" #order, "page-merged", BENCH_PAGE_PAIR_MERGED, 1), .low = (order)       \
    }
#define REALLOC(n, from, to, step)                                                                 \
    {                                                                                              \
        ROW("realloc-" n, "realloc", BENCH_REALLOC, 1), .low = (from), .high = (to),               \
                                                        .count = (step), .live = 1                 \
    }

/* Objects, pages, and what goes past the magazines, in so many threads. */
#define THREADS_AND_CRATE(n, c, cp)                                                                \
    {ROW("threads-64-x" #n, "threads-64", BENCH_PAIR, n), .low = 64, .scales = true,               \
     .crate = (c)},                                                                                \
        {ROW("threads-page-x" #n, "threads-page", BENCH_PAGE_PAIR, n), .low = 0, .live = BLOCKS,   \
         .scales = true, .crate = (cp)},                                                           \
    {                                                                                              \
        ROW("threads-churn-x" #n, "threads-churn", BENCH_CHURN, n), .low = 8, .high = 2048,        \
                                                                    .live = 1000, .scales = true   \
    }
#define THREADS(n) THREADS_AND_CRATE(n, 0, 0)

#define SLABS(n)                                                                                   \
    {                                                                                              \
        ROW("slabs-" #n, "slabs", BENCH_SLABS, 1), .low = 2048, .live = 1024, .count = (n),        \
                                                   .region = 8 * GIB, .only = "excl"               \
    }
#define SECTIONS(n)                                                                                \
    {                                                                                              \
        ROW("sections-" #n, "sections", BENCH_SECTIONS, 1), .high = 1, .live = 8192, .count = (n), \
                                                            .region = GIB / 2, .only = "excl"      \
    }
#define ODD_PAGES(n)                                                                               \
    {                                                                                              \
        ROW("odd-pages-" #n, "odd-pages", BENCH_ODD_PAGES, 1),                                     \
            .high = 2, .live = 8192, .count = (n), .region = GIB + GIB / 4, .only = "excl"         \
    }

#define OCCUPANCY(n, most, l)                                                                      \
    {                                                                                              \
        ROW("occupied-" n, "occupied", BENCH_OCCUPANCY, 1), .low = 8, .high = (most), .live = (l)  \
    }
#define USABLE(bytes)                                                                              \
    {                                                                                              \
        ROW("usable-" #bytes, "usable", BENCH_USABLE, 1), .low = (bytes), .only = "excl"           \
    }
#define METADATA(n, bytes)                                                                         \
    {                                                                                              \
        ROW("metadata-" n, "metadata", BENCH_METADATA, 1), .region = (bytes), .only = "excl"       \
    }

const struct bench_row bench_rows[] = {
    PAIR(8),
    PAIR(16),
    PAIR(32),
    PAIR(64),
    PAIR(128),
    PAIR(256),
    PAIR(512),
    PAIR(1024),
    PAIR(2048),
    BATCH("last-first", BENCH_LAST_FIRST, 0),
    BATCH("first-first", BENCH_FIRST_FIRST, 0),
    BATCH("random", BENCH_RANDOM, 2.6),
    {ROW("bulk", "bulk", BENCH_BULK, 1), .low = 64},
    {ROW("cache", "cache", BENCH_CACHE, 1), .low = 72},
    CHURN("2K", 2048, 10000, 5.5),
    CHURN("256K", 256 * 1024, 2000, 3.1),
    PAGE_PAIR(0, 1.9),
    PAGE_PAIR(3, 1.9),
    PAGE_PAIR(6, 1.9),
    PAGE_PAIR(7, 0),
    PAGE_PAIR(9, 0),
    PAGE_MERGED(0),
    PAGE_MERGED(3),
    PAGE_MERGED(6),
    PAGE_MERGED(9),
    {ROW("page-churn", "page-churn", BENCH_PAGE_CHURN, 1), .low = 0, .high = 6, .live = 1000,
     .crate = 1.8},
    {ROW("producer", "exchange", BENCH_PRODUCE, 2), .low = 64},
    {ROW("hand-over", "exchange", BENCH_HAND_OVER, 2), .low = 64, .live = 100000},
    {ROW("larson", "exchange", BENCH_LARSON, 2), .low = 8, .high = 1024, .live = 5000},
    {ROW("remote", "exchange", BENCH_REMOTE, 1), .low = 64},
    REALLOC("1M", MIB - 1, MIB, 1),
    REALLOC("double", 16, MIB, 0),
    REALLOC("append", BENCH_PAGE, MIB, BENCH_PAGE),
    THREADS(1),
    THREADS_AND_CRATE(2, 11, 23),
    THREADS(3),
    THREADS(4),
    THREADS(6),
    THREADS(8),
    THREADS(12),
    THREADS(16),
    THREADS(24),
    THREADS(32),
    THREADS(48),
    THREADS(64),
    SLABS(100),
    SLABS(1000),
    SLABS(10000),
    SLABS(100000),
    SECTIONS(1),
    SECTIONS(4),
    SECTIONS(16),
    SECTIONS(64),
    SECTIONS(256),
    SECTIONS(1024),
    ODD_PAGES(1000),
    ODD_PAGES(10000),
    ODD_PAGES(100000),
    OCCUPANCY("10K", 2048, 10000),
    OCCUPANCY("100K", 2048, 100000),
    OCCUPANCY("mixed", 256 * 1024, 2000),
    USABLE(8),
    USABLE(16),
    USABLE(32),
    USABLE(64),
    USABLE(128),
    USABLE(256),
    USABLE(512),
    USABLE(1024),
    USABLE(2048),
    METADATA("64M", 64 * MIB),
    METADATA("1G", GIB),
    METADATA("16G", 16 * GIB),
    {ROW("cpu-state", "metadata", BENCH_CPU_BYTES, 1), .only = "excl"},
};

const unsigned bench_row_count = sizeof(bench_rows) / sizeof(bench_rows[0]);
_Static_assert(sizeof(bench_rows) / sizeof(bench_rows[0]) <= BENCH_ROWS_MAX, "more rows than room");

const struct bench_row *bench_find_row(const char *name)
{
    for (unsigned i = 0; i < bench_row_count; i++)
        if (strcmp(bench_rows[i].name, name) == 0)
            return &bench_rows[i];
    return NULL;
}

bool bench_row_matches(const struct bench_row *row, const char *name)
{
    return strcmp(row->name, name) == 0 || strcmp(row->group, name) == 0;
}

enum bench_unit bench_row_unit(const struct bench_row *row)
{
    switch (row->workload) {
    case BENCH_OCCUPANCY:
        return BENCH_TIMES;
    case BENCH_USABLE:
        return BENCH_PERCENT;
    case BENCH_METADATA:
    case BENCH_CPU_BYTES:
        return BENCH_BYTES;
    default:
        return BENCH_NS;
    }
}

const char *bench_unit_name(enum bench_unit unit)
{
    static const char *const names[] = {"ns", "times", "%", "bytes"};
    return names[unit];
}

bool bench_row_is_exact(const struct bench_row *row)
{
    return bench_row_unit(row) != BENCH_NS;
}
