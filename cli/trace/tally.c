/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <string.h>

#include "columns.h"
#include "hygiene.h"

void trace_tally_init(struct trace_tally *tally, struct trace_summary *summary,
                      struct trace_hygiene *hygiene, guint64 page_size)
{
    *tally = (struct trace_tally){
        .summary = summary,
        .hygiene = hygiene,
        .page_size = page_size,
        .first_ns = G_MAXUINT64,
    };
    trace_map_init(&tally->threads);
}

void trace_tally_destroy(struct trace_tally *tally)
{
    trace_map_destroy(&tally->threads);
}

/* Kind and flags of an event, as the tally counts it: what it does to objects follows from these.
 */
#define FAILED 16u
#define IMPLICIT 32u

G_STATIC_ASSERT(TRACE_KINDS <= FAILED && 2 * IMPLICIT == TRACE_TALLY_KINDS);

static guint kind_of(const struct trace_event *event)
{
    return (event->kind & (FAILED - 1)) | (event->flags & TRACE_FAILED) / TRACE_FAILED * FAILED |
           (event->flags & TRACE_IMPLICIT) / TRACE_IMPLICIT * IMPLICIT;
}

static void note_thread(struct trace_tally *tally, guint32 thread)
{
    tally->last_thread = thread;
    if (trace_map_find(&tally->threads, thread) == NULL) {
        trace_map_insert(&tally->threads, thread, 0);
    }
}

static void note_size(struct trace_tally *tally, guint64 size, guint64 events)
{
    struct trace_summary *summary = tally->summary;
    tally->live_bytes += size;
    summary->max_size = MAX(summary->max_size, size);
    trace_summary_live(summary, tally->live_bytes, events);
}

static void change_pages(struct trace_tally *tally, guint64 bytes)
{
    tally->live_page_bytes += bytes;
    tally->peak_page_bytes = MAX(tally->peak_page_bytes, tally->live_page_bytes);
}

/* former: what a realloc had; events: so many with this one. */
static void take_object(struct trace_tally *tally, const struct trace_event *event, guint64 former,
                        guint64 events)
{
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_BEGINS:
        note_size(tally, event->size, events);
        if (event->kind == TRACE_PAGE_ALLOC) {
            change_pages(tally, event->size);
        }
        break;
    case TRACE_REFERENCE_ENDS:
        tally->live_bytes -= event->size;
        if (event->kind == TRACE_PAGE_FREE) {
            change_pages(tally, 0 - event->size);
        }
        break;
    case TRACE_REFERENCE_STAYS:
        if ((event->flags & TRACE_FAILED) == 0) {
            tally->live_bytes -= former;
            note_size(tally, event->size, events);
        }
        break;
    case TRACE_REFERENCE_NONE:
        tally->lost += event->kind == TRACE_LOST ? event->size : 0;
        break;
    }
}

void trace_tally_events(struct trace_tally *tally, const struct trace_event *events,
                        const guint64 *former, guint32 count)
{
    struct trace_summary *summary = tally->summary;
    guint64 last_ns = summary->duration_ns, first_ns = tally->first_ns;
    guint32 cpus = summary->cpus;
    for (guint32 i = 0; i < count; i++) {
        const struct trace_event *event = &events[i];
        if (event->thread != tally->last_thread || tally->threads.count == 0) {
            note_thread(tally, event->thread);
        }
        last_ns = MAX(last_ns, event->time_ns);
        first_ns = MIN(first_ns, event->time_ns);
        cpus = MAX(cpus, event->cpu + 1);
        tally->kind[kind_of(event)]++;
        take_object(tally, event, former[i], summary->events + i + 1);
    }
    summary->duration_ns = last_ns;
    summary->cpus = cpus;
    summary->events += count;
    tally->first_ns = first_ns;
}

void trace_tally_left_out(struct trace_tally *tally, const struct trace_event *event)
{
    tally->left_out[kind_of(event)]++;
}

/* Events of the kinds from first to last, of whose flags those in mask are as said. */
static guint64 sum(const guint64 *kind, guint first, guint last, guint mask, guint flags)
{
    guint64 events = 0;
    for (guint i = 0; i < TRACE_TALLY_KINDS; i++) {
        guint of = i & (FAILED - 1);
        events += of >= first && of <= last && (i & mask) == flags ? kind[i] : 0;
    }
    return events;
}

guint64 trace_tally_begun(const struct trace_tally *tally)
{
    return sum(tally->kind, TRACE_ALLOC, TRACE_ALIGNED_ALLOC, FAILED, 0) +
           sum(tally->kind, TRACE_PAGE_ALLOC, TRACE_PAGE_ALLOC, FAILED, 0);
}

guint64 trace_tally_of_objects(const struct trace_tally *tally)
{
    return sum(tally->kind, TRACE_ALLOC, TRACE_FREE, 0, 0) +
           sum(tally->left_out, TRACE_ALLOC, TRACE_FREE, 0, 0);
}

guint64 trace_tally_of_pages(const struct trace_tally *tally)
{
    return sum(tally->kind, TRACE_PAGE_ALLOC, TRACE_PAGE_FREE, 0, 0) +
           sum(tally->left_out, TRACE_PAGE_ALLOC, TRACE_PAGE_FREE, 0, 0);
}

static void finish_left_out(const struct trace_tally *tally, enum trace_layer layer)
{
    const guint64 *kind = tally->left_out;
    if (layer == TRACE_LAYER_BOTH) {
        tally->hygiene->slab_page_allocs = sum(kind, TRACE_PAGE_ALLOC, TRACE_PAGE_ALLOC, 0, 0);
        tally->hygiene->slab_page_frees = sum(kind, TRACE_PAGE_FREE, TRACE_PAGE_FREE, IMPLICIT, 0);
    } else {
        tally->hygiene->other_layer = sum(kind, 0, FAILED - 1, 0, 0);
    }
}

void trace_tally_finish(struct trace_tally *tally, enum trace_layer layer)
{
    struct trace_hygiene *hygiene = tally->hygiene;
    const guint64 *kind = tally->kind;
    guint64 live_pages = tally->live_page_bytes / tally->page_size;
    hygiene->lines = hygiene->events = tally->summary->events;
    hygiene->allocs = sum(kind, TRACE_ALLOC, TRACE_ALIGNED_ALLOC, FAILED, 0);
    hygiene->frees = sum(kind, TRACE_FREE, TRACE_FREE, 0, 0);
    hygiene->implicit_frees = sum(kind, TRACE_FREE, TRACE_FREE, IMPLICIT, IMPLICIT);
    hygiene->reallocs = sum(kind, TRACE_REALLOC, TRACE_REALLOC, FAILED, 0);
    hygiene->page_allocs = sum(kind, TRACE_PAGE_ALLOC, TRACE_PAGE_ALLOC, FAILED, 0);
    hygiene->page_frees = sum(kind, TRACE_PAGE_FREE, TRACE_PAGE_FREE, 0, 0);
    hygiene->implicit_page_frees = sum(kind, TRACE_PAGE_FREE, TRACE_PAGE_FREE, IMPLICIT, IMPLICIT);
    hygiene->failed_allocs = sum(kind, TRACE_ALLOC, TRACE_REALLOC, FAILED, FAILED) +
                             sum(kind, TRACE_PAGE_ALLOC, TRACE_PAGE_ALLOC, FAILED, FAILED);
    hygiene->lost_reports = sum(kind, TRACE_LOST, TRACE_LOST, 0, 0);
    hygiene->lost_events = tally->lost;
    hygiene->never_freed = hygiene->allocs - hygiene->frees;
    hygiene->never_freed_bytes = tally->live_bytes - tally->live_page_bytes;
    hygiene->pages_never_freed = live_pages;
    finish_left_out(tally, layer);
    tally->summary->threads = (guint32)tally->threads.count;
    tally->summary->peak_live_pages = tally->peak_page_bytes / tally->page_size;
}

struct imported {
    gsize offset;            /* in struct trace_hygiene */
    gboolean objects, pages; /* counts something of slab objects, of page blocks */
};

static const struct imported imported[] = {
    {G_STRUCT_OFFSET(struct trace_hygiene, lines), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, null_frees), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, orphan_frees), TRUE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, orphan_page_frees), FALSE, TRUE},
    {G_STRUCT_OFFSET(struct trace_hygiene, orphan_reallocs), TRUE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, open_reallocs), TRUE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, batched_repeats), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, incomplete_start), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, other_events), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, filler_lines), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, ignored_lines), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, out_of_order), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, cut_bytes), FALSE, FALSE},
    /* Some recorders say it in events, some not. */
    {G_STRUCT_OFFSET(struct trace_hygiene, lost_events), FALSE, FALSE},
    {G_STRUCT_OFFSET(struct trace_hygiene, lost_reports), FALSE, FALSE},
};

static const struct imported *find_imported(const struct trace_hygiene_field *field)
{
    for (gsize i = 0; i < G_N_ELEMENTS(imported); i++) {
        if (imported[i].offset == field->offset) {
            return &imported[i];
        }
    }
    return NULL;
}

void trace_tally_meta(struct trace_hygiene *hygiene, const trace_meta *meta, enum trace_layer layer)
{
    for (guint i = 0; i < trace_hygiene_field_count; i++) {
        const struct trace_hygiene_field *field = &trace_hygiene_fields[i];
        const struct imported *known = find_imported(field);
        if (known == NULL || (known->objects && layer == TRACE_LAYER_PAGE) ||
            (known->pages && layer == TRACE_LAYER_SLAB)) {
            continue;
        }
        char *key = g_strconcat("hygiene.", field->key, NULL);
        char *value = trace_meta_text(meta, key);
        guint64 count;
        if (value != NULL && g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT64, &count, NULL)) {
            trace_hygiene_set(hygiene, field, MAX(count, trace_hygiene_get(hygiene, field)));
        }
        g_free(value);
        g_free(key);
    }
}
