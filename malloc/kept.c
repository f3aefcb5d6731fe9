/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings that were freed, for who asks next: what the system gives anew costs a fault a page, a
 * thousand times what a free and an allocation take here.
 *
 * They are rows of pages, which are cut as requests want them, and joined where they meet: a
 * mapping can be unmapped in other pieces than it was made of. Of those that are large enough the
 * smallest serves; where none is, the largest grows, by its page tables, if it has a good part of
 * the pages already.
 *
 * What is live and what is kept are never more than what was live at one time (huge.c has the room
 * for it, heap.c makes that smaller): the peak of a program's memory is no higher for what is kept.
 * What was kept for longest goes first.
 */
#include "internal.h"

enum {
    ROWS = 16,
    ROW_MOST = 32 << 20,  /* larger ones go at once, */
    KEPT_MOST = 64 << 20, /*   and what is more in all */
    GROWS_FROM = 4        /* a row grows to so many times its size at most */
};

struct row {
    char *start;
    size_t bytes;
};
static struct row rows[ROWS]; /* the oldest first */
static size_t count, kept;

size_t bsam_kept_bytes(void)
{
    return kept;
}

static void remove_row(size_t at)
{
    kept -= rows[at].bytes;
    for (count--; at < count; at++)
        rows[at] = rows[at + 1];
}

/* Takes from a row's start. */
static void *take_start(size_t at, size_t bytes)
{
    void *p = rows[at].start;
    if (rows[at].bytes == bytes) {
        remove_row(at);
    } else {
        rows[at].start += bytes;
        rows[at].bytes -= bytes;
        kept -= bytes;
    }
    return p;
}

bool bsam_kept_put(void *p, size_t bytes)
{
    struct row row = {p, bytes};
    if (bytes > ROW_MOST)
        return false;
    for (size_t at = count; at-- > 0;) {
        bool before = rows[at].start + rows[at].bytes == row.start;
        if (!before && row.start + row.bytes != rows[at].start)
            continue;
        row.start = before ? rows[at].start : row.start;
        row.bytes += rows[at].bytes;
        remove_row(at);
    }
    if (count == ROWS)
        return false;
    rows[count++] = row;
    kept += row.bytes;
    return true;
}

void *bsam_kept_take(size_t bytes, size_t align, size_t *had)
{
    size_t best = ROWS, largest = ROWS;
    for (size_t at = 0; at < count; at++) {
        if (((uintptr_t)rows[at].start & (align - 1)) != 0)
            continue;
        if (rows[at].bytes >= bytes && (best == ROWS || rows[at].bytes < rows[best].bytes))
            best = at;
        if (largest == ROWS || rows[at].bytes > rows[largest].bytes)
            largest = at;
    }
    *had = bytes;
    if (best != ROWS)
        return take_start(best, bytes);
    if (largest == ROWS || rows[largest].bytes < bytes / GROWS_FROM || align > BSAM_PAGE)
        return NULL;
    *had = rows[largest].bytes;
    return take_start(largest, *had);
}

bool bsam_kept_extend(void *p, size_t bytes)
{
    for (size_t at = 0; at < count; at++) {
        if (rows[at].start == p && rows[at].bytes >= bytes) {
            take_start(at, bytes);
            return true;
        }
    }
    return false;
}

/* How much of the oldest goes, so that no more is left than that, and a row for the next. */
static size_t excess(size_t most)
{
    size_t bytes = kept > most ? kept - most : 0;
    return count == ROWS || bytes > rows[0].bytes ? rows[0].bytes : bytes;
}

static size_t at_most(size_t most)
{
    return most < KEPT_MOST ? most : KEPT_MOST;
}

bool bsam_kept_exceeds(size_t most)
{
    return excess(at_most(most)) != 0;
}

size_t bsam_kept_cut(size_t most, void **p)
{
    struct row *oldest = &rows[0];
    size_t bytes = excess(at_most(most));
    if (bytes == 0)
        return 0;
    *p = oldest->start + oldest->bytes - bytes;
    oldest->bytes -= bytes;
    kept -= bytes;
    if (oldest->bytes == 0)
        remove_row(0);
    return bytes;
}
