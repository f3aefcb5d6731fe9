/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slab object at address a lies on the page frame (a - base) / page size,
 * where base is the start of the kernel's direct map: a constant on x86-64,
 * moved by a multiple of 1 GiB where the kernel randomises it (KASLR), and
 * something else on other machines.
 *
 * Finding base. A slab's first object mostly follows the allocation of its
 * pages at once, on the same CPU. So each slab allocation is held against the
 * last page allocations of its CPU: where the two fit to a base of 1 GiB
 * alignment, that base gets a vote. By chance one pair in 2^18 fits (for
 * 4 KiB pages), and to one of many bases; the true base is far ahead.
 *
 * Marking. The page blocks live at a moment are kept by frame number; an
 * object's frame is looked up as head of a block of every order that is live.
 * Where several blocks contain it (the free of one was lost) the youngest is
 * the true one.
 */
#include "slabpages.h"

#include "error.h"
#include "map.h"

#define GIB ((guint64)1 << 30)
#define X86_64_BASE G_GUINT64_CONSTANT(0xffff888000000000)
#define ORDERS 64u
#define RECENT 16u /* page allocations held per CPU */
#define CANDIDATES 64u

struct trace_page_marks {
    GArray *words; /* guint64: 64 marks each */
    guint64 base;
};

gboolean trace_page_marks_test(const trace_page_marks *marks, guint64 block)
{
    if (block / 64 >= marks->words->len) {
        return FALSE;
    }
    return (g_array_index(marks->words, guint64, block / 64) >> (block % 64) & 1) != 0;
}

static void set_mark(trace_page_marks *marks, guint64 block)
{
    if (block / 64 >= marks->words->len) {
        g_array_set_size(marks->words, (guint)(block / 64 + 1));
    }
    g_array_index(marks->words, guint64, block / 64) |= (guint64)1 << (block % 64);
}

guint64 trace_page_marks_base(const trace_page_marks *marks)
{
    return marks->base;
}

void trace_page_marks_free(trace_page_marks *marks)
{
    if (marks != NULL) {
        g_array_free(marks->words, TRUE);
        g_free(marks);
    }
}

struct recent {
    guint64 frame[RECENT];
    guint8 order[RECENT];
    guint count; /* the place of the next is count % RECENT; never falls below RECENT again */
};

struct candidate {
    guint64 base;
    guint64 votes;
};

struct search {
    guint64 page_size;
    GArray *recent; /* struct recent per CPU */
    struct candidate candidates[CANDIDATES];
    guint count;
    guint64 objects;         /* slab allocations */
    guint64 blocks;          /* page allocations */
    guint64 lowest, highest; /* addresses of slab objects */
    guint64 last_frame;      /* highest page frame number */
};

/* A table of the bases with most votes; one without room takes a vote from each (Misra, Gries). */
static void vote(struct search *search, guint64 base)
{
    for (guint i = 0; i < search->count; i++) {
        if (search->candidates[i].base == base) {
            search->candidates[i].votes++;
            return;
        }
    }
    if (search->count < CANDIDATES) {
        search->candidates[search->count++] = (struct candidate){base, 1};
        return;
    }
    guint kept = 0;
    for (guint i = 0; i < search->count; i++) {
        if (--search->candidates[i].votes > 0) {
            search->candidates[kept++] = search->candidates[i];
        }
    }
    search->count = kept;
}

static void compare(struct search *search, const struct recent *recent, guint64 address)
{
    guint64 page = address / search->page_size;
    guint64 step = GIB / search->page_size;
    for (guint i = 0; i < MIN(recent->count, RECENT); i++) {
        guint64 distance = page - recent->frame[i];
        guint64 inside = distance % step;
        if (inside < (guint64)1 << recent->order[i]) {
            vote(search, (distance - inside) * search->page_size);
        }
    }
}

static void search_record(struct search *search, const struct trace_record *record)
{
    if (record->cpu >= search->recent->len) {
        g_array_set_size(search->recent, record->cpu + 1u);
    }
    struct recent *recent = &g_array_index(search->recent, struct recent, record->cpu);
    if (record->kind == TRACE_PAGE_ALLOC) {
        recent->frame[recent->count % RECENT] = record->address;
        recent->order[recent->count % RECENT] = record->order;
        /* Stays below twice RECENT, so that it never wraps to "few". */
        recent->count = recent->count + 1 == 2 * RECENT ? RECENT : recent->count + 1;
        search->blocks++;
        search->last_frame = MAX(search->last_frame, record->address);
    } else if (record->kind == TRACE_ALLOC) {
        compare(search, recent, record->address);
        search->objects++;
        search->lowest = MIN(search->lowest, record->address);
        search->highest = MAX(search->highest, record->address);
    }
}

/*
 * The base with most votes, when it has twice those of the next. With none, the constant one of
 * x86-64 will do if all addresses lie in the map of as much memory as the frame numbers tell of:
 * too few slabs began in a short trace. 0: none fits.
 */
static guint64 elect(const struct search *search)
{
    struct candidate best = {0, 0};
    guint64 second = 0;
    for (guint i = 0; i < search->count; i++) {
        const struct candidate *candidate = &search->candidates[i];
        gboolean tie = candidate->votes == best.votes && candidate->base == X86_64_BASE;
        if (candidate->votes > best.votes || tie) {
            second = best.votes;
            best = *candidate;
        } else {
            second = MAX(second, candidate->votes);
        }
    }
    if (best.votes > 0 && (best.votes / 2 >= second || best.base == X86_64_BASE)) {
        return best.base;
    }
    guint64 room = MAX(64 * GIB, 2 * search->last_frame * search->page_size);
    gboolean fits = search->lowest >= X86_64_BASE && search->highest - X86_64_BASE < room;
    return best.votes == 0 && fits ? X86_64_BASE : 0;
}

static gboolean fail(const char *name, gboolean hashed, GError **error)
{
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_LAYER,
                "%s: cannot tell which pages held slab objects: %s; use --layer=slab or "
                "--layer=page",
                name,
                hashed ? "the addresses of the objects are hashed (or of a 32-bit machine)"
                       : "no start of the kernel's direct map fits the addresses of the objects "
                         "to the page frames (too few of both, or another architecture)");
    return FALSE;
}

static gboolean find_base(trace_page_marks *marks, trace_spool *spool, guint64 page_size,
                          const char *name, GError **error)
{
    const struct trace_record *record;
    struct search search = {.page_size = page_size, .lowest = G_MAXUINT64};
    int got;
    if (!trace_spool_rewind(spool, error)) {
        return FALSE;
    }
    search.recent = g_array_new(FALSE, TRUE, sizeof(struct recent));
    while ((got = trace_spool_next(spool, &record, error)) > 0) {
        search_record(&search, record);
    }
    g_array_free(search.recent, TRUE);
    if (got < 0) {
        return FALSE;
    }
    if (search.objects == 0 || search.blocks == 0) {
        return TRUE; /* one layer only: nothing can be on the other */
    }
    if (search.highest <= G_MAXUINT32) {
        return fail(name, TRUE, error);
    }
    marks->base = elect(&search);
    return marks->base != 0 || fail(name, FALSE, error);
}

struct live_blocks {
    struct trace_map heads; /* page frame number -> index into blocks */
    GArray *blocks;         /* struct block, those of the live heads and free ones */
    GArray *unused;         /* guint32: indices into blocks */
    guint64 live[ORDERS];   /* blocks per order */
    guint64 count;          /* page allocations so far */
};

struct block {
    guint64 number;
    guint8 order;
};

static void block_ends(struct live_blocks *live, guint64 frame)
{
    guint32 index;
    if (trace_map_remove(&live->heads, frame, &index)) {
        live->live[g_array_index(live->blocks, struct block, index).order]--;
        g_array_append_val(live->unused, index);
    }
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

static void mark_block_at(trace_page_marks *marks, const struct live_blocks *live, guint64 frame)
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
        set_mark(marks, youngest->number);
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
    live.blocks = g_array_new(FALSE, FALSE, sizeof(struct block));
    live.unused = g_array_new(FALSE, FALSE, sizeof(guint32));
    while ((got = trace_spool_next(spool, &record, error)) > 0) {
        if (record->kind == TRACE_PAGE_ALLOC) {
            block_begins(&live, record);
        } else if (record->kind == TRACE_PAGE_FREE) {
            block_ends(&live, record->address);
        } else {
            mark_block_at(marks, &live, (record->address - marks->base) / page_size);
        }
    }
    g_array_free(live.unused, TRUE);
    g_array_free(live.blocks, TRUE);
    trace_map_destroy(&live.heads);
    return got == 0;
}

trace_page_marks *trace_page_marks_new(trace_spool *spool, guint64 page_size, const char *name,
                                       GError **error)
{
    trace_page_marks *marks = g_new0(trace_page_marks, 1);
    marks->words = g_array_new(FALSE, TRUE, sizeof(guint64));
    if (find_base(marks, spool, page_size, name, error) &&
        (marks->base == 0 || mark_blocks(marks, spool, page_size, error))) {
        return marks;
    }
    trace_page_marks_free(marks);
    return NULL;
}
