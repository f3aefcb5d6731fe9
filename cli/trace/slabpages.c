/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page blocks live at a moment are kept by frame number; an object's frame
 * is looked up as head of a block of every order that is live. Where several
 * blocks contain it (the free of one was lost) the youngest is the true one.
 *
 * A free tells as much of its page as an allocation does.
 */
#include "slabpages.h"

#include "directmap.h"
#include "map.h"

#define ORDERS 32u

struct trace_page_marks {
    GArray *words, *orphans; /* guint64: 64 marks each */
    guint64 base;
};

static gboolean test(const GArray *words, guint64 mark)
{
    if (mark / 64 >= words->len) {
        return FALSE;
    }
    return (g_array_index(words, guint64, mark / 64) >> (mark % 64) & 1) != 0;
}

guint64 trace_page_marks_base(const trace_page_marks *marks)
{
    return marks->base;
}

gboolean trace_page_marks_test(const trace_page_marks *marks, guint64 block)
{
    return test(marks->words, block);
}

gboolean trace_page_marks_test_orphan(const trace_page_marks *marks, guint64 orphan)
{
    return test(marks->orphans, orphan);
}

static void set_mark(GArray *words, guint64 mark)
{
    if (mark / 64 >= words->len) {
        g_array_set_size(words, (guint)(mark / 64 + 1));
    }
    g_array_index(words, guint64, mark / 64) |= (guint64)1 << (mark % 64);
}

void trace_page_marks_free(trace_page_marks *marks)
{
    if (marks != NULL) {
        g_array_free(marks->words, TRUE);
        g_array_free(marks->orphans, TRUE);
        g_free(marks);
    }
}

struct live_blocks {
    struct trace_map heads; /* page frame number -> index into blocks */
    GArray *blocks;         /* struct block, those of the live heads and free ones */
    GArray *unused;         /* guint32: indices into blocks */
    guint64 live[ORDERS];   /* blocks per order */
    guint64 count;          /* page allocations so far */
    struct trace_map older; /* frames of objects in blocks that are older than the trace */
    guint64 orphans;        /* frees of such blocks so far */
};

struct block {
    guint64 number;
    guint8 order;
};

static gboolean block_ends(struct live_blocks *live, guint64 frame)
{
    guint32 index;
    if (!trace_map_remove(&live->heads, frame, &index)) {
        return FALSE;
    }
    live->live[g_array_index(live->blocks, struct block, index).order]--;
    g_array_append_val(live->unused, index);
    return TRUE;
}

/* A block that the trace did not see allocated: it is a slab if an object was seen in it. */
static void orphan_ends(trace_page_marks *marks, struct live_blocks *live,
                        const struct trace_record *record)
{
    guint64 frames = (guint64)1 << MIN(record->order, ORDERS - 1);
    gboolean slab = FALSE;
    guint32 same;
    for (guint64 i = 0; i < frames && live->older.count > 0; i++) {
        slab = trace_map_remove(&live->older, record->address + i, &same) || slab;
    }
    if (slab) {
        set_mark(marks->orphans, live->orphans);
    }
    live->orphans++;
}

static void block_begins(struct live_blocks *live, const struct trace_record *record)
{
    struct block block = {live->count++, record->order};
    guint32 index = live->blocks->len;
    block_ends(live, record->address);
    if (live->unused->len > 0) {
        index = g_array_index(live->unused, guint32, live->unused->len - 1);
        g_array_set_size(live->unused, live->unused->len - 1);
        g_array_index(live->blocks, struct block, index) = block;
    } else {
        g_array_append_val(live->blocks, block);
    }
    live->live[record->order]++;
    trace_map_insert(&live->heads, record->address, index);
}

static void mark_block_at(trace_page_marks *marks, struct live_blocks *live, guint64 frame)
{
    const struct block *youngest = NULL;
    for (guint order = 0; order < ORDERS; order++) {
        if (live->live[order] == 0) {
            continue;
        }
        guint64 head = frame >> order << order;
        const guint32 *index = trace_map_find(&live->heads, head);
        if (index == NULL) {
            continue;
        }
        const struct block *block = &g_array_index(live->blocks, struct block, *index);
        if (block->order == order && (youngest == NULL || block->number > youngest->number)) {
            youngest = block;
        }
    }
    if (youngest != NULL) {
        set_mark(marks->words, youngest->number);
    } else if (trace_map_find(&live->older, frame) == NULL) {
        trace_map_insert(&live->older, frame, 0);
    }
}

static gboolean mark_blocks(trace_page_marks *marks, trace_spool *spool, guint64 page_size,
                            GError **error)
{
    const struct trace_record *record;
    struct live_blocks live = {.count = 0};
    int got;
    if (!trace_spool_rewind(spool, error)) {
        return FALSE;
    }
    trace_map_init(&live.heads);
    trace_map_init(&live.older);
    live.blocks = g_array_new(FALSE, FALSE, sizeof(struct block));
    live.unused = g_array_new(FALSE, FALSE, sizeof(guint32));
    while ((got = trace_spool_next(spool, &record, error)) > 0) {
        if (!trace_record_has_object(record)) {
            continue;
        }
        if (record->kind == TRACE_PAGE_ALLOC) {
            block_begins(&live, record);
        } else if (record->kind == TRACE_PAGE_FREE) {
            if (!block_ends(&live, record->address)) {
                orphan_ends(marks, &live, record);
            }
        } else {
            mark_block_at(marks, &live, (record->address - marks->base) / page_size);
        }
    }
    g_array_free(live.unused, TRUE);
    g_array_free(live.blocks, TRUE);
    trace_map_destroy(&live.heads);
    trace_map_destroy(&live.older);
    return got == 0;
}

trace_page_marks *trace_page_marks_new(trace_spool *spool, guint64 page_size, const char *name,
                                       GError **error)
{
    trace_page_marks *marks = g_new0(trace_page_marks, 1);
    marks->words = g_array_new(FALSE, TRUE, sizeof(guint64));
    marks->orphans = g_array_new(FALSE, TRUE, sizeof(guint64));
    if (trace_find_direct_map(spool, page_size, name, &marks->base, error) &&
        (marks->base == 0 || mark_blocks(marks, spool, page_size, error))) {
        return marks;
    }
    trace_page_marks_free(marks);
    return NULL;
}
