/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base is a constant on x86-64, moved by a multiple of 1 GiB where the
 * kernel randomises it (KASLR), and something else on other machines.
 *
 * A slab's first object mostly follows the allocation of its pages at once, on
 * the same CPU. So each slab allocation is held against the last page
 * allocations of its CPU: where the two fit to a base of 1 GiB alignment, that
 * base gets a vote. By chance one pair in 2^18 fits (for 4 KiB pages), and to
 * one of many bases; the true base is far ahead.
 *
 * A short trace may have no vote. Then it is asked whether any object lies on
 * any live block within its GiB at all: if none does, none does under any
 * base, and which it is does not matter.
 */
#include "directmap.h"

#include "error.h"
#include "map.h"

#define GIB ((guint64)1 << 30)
#define X86_64_BASE G_GUINT64_CONSTANT(0xffff888000000000)
#define ORDERS 32u
#define RECENT 16u /* page allocations held per CPU */
#define CANDIDATES 64u

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
    guint64 objects;         /* slab allocations and frees */
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
    if (!trace_record_has_object(record)) {
        return;
    }
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
    } else if (record->kind != TRACE_PAGE_FREE) {
        if (record->kind == TRACE_ALLOC) {
            compare(search, recent, record->address);
        }
        search->objects++;
        search->lowest = MIN(search->lowest, record->address);
        search->highest = MAX(search->highest, record->address);
    }
}

/*
 * The base with most votes, when it has twice those of the next; a single vote may be chance, but
 * for the constant base of x86-64. That one will do without a vote if all addresses lie in the map
 * of as much memory as the frame numbers tell of: few slabs begin in a short trace. 0: none fits.
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
    gboolean clear = best.votes >= 2 && best.votes / 2 >= second;
    if (clear || (best.votes > 0 && best.base == X86_64_BASE)) {
        return best.base;
    }
    guint64 room = MAX(64 * GIB, 2 * search->last_frame * search->page_size);
    gboolean fits = search->lowest >= X86_64_BASE && search->highest - X86_64_BASE < room;
    return fits ? X86_64_BASE : 0;
}

/* Live blocks by what a base cannot change: the place of the first page within its GiB. */
struct places {
    struct trace_map orders; /* page frame number of a live block -> its order */
    struct trace_map blocks; /* place and order -> how many live blocks */
    guint64 pages_per_gib;
    guint64 live[ORDERS];
};

static guint64 place_key(const struct places *places, guint64 page, guint order)
{
    return (page >> order << order) % places->pages_per_gib * ORDERS + order;
}

static void place_block(struct places *places, guint64 frame, guint32 order)
{
    guint64 key = place_key(places, frame, order);
    guint32 *count = trace_map_find(&places->blocks, key);
    if (count != NULL) {
        *count += 1;
    } else {
        trace_map_insert(&places->blocks, key, 1);
    }
    places->live[order]++;
    trace_map_insert(&places->orders, frame, order);
}

static void remove_block(struct places *places, guint64 frame)
{
    guint32 order;
    if (trace_map_remove(&places->orders, frame, &order)) {
        guint64 key = place_key(places, frame, order);
        guint32 *count = trace_map_find(&places->blocks, key);
        places->live[order]--;
        if (--*count == 0) {
            guint32 none;
            trace_map_remove(&places->blocks, key, &none);
        }
    }
}

static gboolean object_may_lie_on_block(const struct places *places, guint64 page)
{
    for (guint order = 0; order < ORDERS; order++) {
        if (places->live[order] > 0 &&
            trace_map_find(&places->blocks, place_key(places, page, order)) != NULL) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Whether some base puts an object on a live block: 1 or 0, -1 and error. */
static int layers_may_meet(trace_spool *spool, guint64 page_size, GError **error)
{
    const struct trace_record *record;
    struct places places = {.pages_per_gib = GIB / page_size};
    gboolean meet = FALSE;
    int got = -1;
    trace_map_init(&places.orders);
    trace_map_init(&places.blocks);
    if (trace_spool_rewind(spool, error)) {
        while (!meet && (got = trace_spool_next(spool, &record, error)) > 0) {
            if (!trace_record_has_object(record)) {
                continue;
            }
            if (record->kind == TRACE_PAGE_ALLOC || record->kind == TRACE_PAGE_FREE) {
                remove_block(&places, record->address);
            }
            if (record->kind == TRACE_PAGE_ALLOC) {
                place_block(&places, record->address, record->order);
            } else if (record->kind != TRACE_PAGE_FREE) {
                meet = object_may_lie_on_block(&places, record->address / page_size);
            }
        }
    }
    trace_map_destroy(&places.orders);
    trace_map_destroy(&places.blocks);
    return meet ? 1 : got;
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

static gboolean search_records(struct search *search, trace_spool *spool, GError **error)
{
    const struct trace_record *record;
    int got;
    if (!trace_spool_rewind(spool, error)) {
        return FALSE;
    }
    search->recent = g_array_new(FALSE, TRUE, sizeof(struct recent));
    while ((got = trace_spool_next(spool, &record, error)) > 0) {
        search_record(search, record);
    }
    g_array_free(search->recent, TRUE);
    return got == 0;
}

gboolean trace_find_direct_map(trace_spool *spool, guint64 page_size, const char *name,
                               guint64 *base, GError **error)
{
    struct search search = {.page_size = page_size, .lowest = G_MAXUINT64};
    *base = 0;
    if (!search_records(&search, spool, error)) {
        return FALSE;
    }
    if (search.objects == 0 || search.blocks == 0) {
        return TRUE;
    }
    if (search.highest <= G_MAXUINT32) {
        return fail(name, TRUE, error);
    }
    *base = elect(&search);
    if (*base != 0) {
        return TRUE;
    }
    int meet = layers_may_meet(spool, page_size, error);
    return meet == 0 || (meet > 0 && fail(name, FALSE, error));
}
