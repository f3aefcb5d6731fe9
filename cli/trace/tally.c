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

static void note_size(struct trace_tally *tally, guint64 size)
{
    struct trace_summary *summary = tally->summary;
    tally->live_bytes += size;
    summary->max_size = MAX(summary->max_size, size);
    summary->peak_live_bytes = MAX(summary->peak_live_bytes, tally->live_bytes);
    summary->peak_live_pages = MAX(summary->peak_live_pages, tally->live_pages);
}

static void begins(struct trace_tally *tally, const struct trace_event *event)
{
    if (event->kind == TRACE_PAGE_ALLOC) {
        tally->live_pages += event->size / tally->page_size;
        tally->hygiene->page_allocs++;
    } else {
        tally->live_objects++;
        tally->hygiene->allocs++;
    }
    note_size(tally, event->size);
}

static void ends(struct trace_tally *tally, const struct trace_event *event)
{
    struct trace_hygiene *hygiene = tally->hygiene;
    guint implicit = (event->flags & TRACE_IMPLICIT) != 0;
    tally->live_bytes -= event->size;
    if (event->kind == TRACE_PAGE_FREE) {
        tally->live_pages -= event->size / tally->page_size;
        hygiene->page_frees++;
        hygiene->implicit_page_frees += implicit;
    } else {
        tally->live_objects--;
        hygiene->frees++;
        hygiene->implicit_frees += implicit;
    }
}

static void changes(struct trace_tally *tally, const struct trace_event *event, guint64 former)
{
    if ((event->flags & TRACE_FAILED) != 0) {
        tally->hygiene->failed_allocs++;
        return;
    }
    tally->hygiene->reallocs++;
    tally->live_bytes -= former;
    note_size(tally, event->size);
}

static void concerns_no_object(struct trace_tally *tally, const struct trace_event *event)
{
    if (event->kind == TRACE_LOST) {
        tally->hygiene->lost_events += event->size;
        tally->hygiene->lost_reports++;
    } else if (trace_kind_is_alloc(event->kind)) {
        tally->hygiene->failed_allocs++;
    }
}

static void note_thread(struct trace_tally *tally, guint32 thread)
{
    if (tally->threads.count > 0 && thread == tally->last_thread) {
        return;
    }
    tally->last_thread = thread;
    if (trace_map_find(&tally->threads, thread) == NULL) {
        trace_map_insert(&tally->threads, thread, 0);
    }
}

void trace_tally_event(struct trace_tally *tally, const struct trace_event *event, guint64 former)
{
    struct trace_summary *summary = tally->summary;
    summary->events++;
    summary->duration_ns = MAX(summary->duration_ns, event->time_ns);
    summary->cpus = MAX(summary->cpus, event->cpu + 1);
    tally->first_ns = MIN(tally->first_ns, event->time_ns);
    note_thread(tally, event->thread);
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_BEGINS:
        begins(tally, event);
        break;
    case TRACE_REFERENCE_ENDS:
        ends(tally, event);
        break;
    case TRACE_REFERENCE_STAYS:
        changes(tally, event, former);
        break;
    case TRACE_REFERENCE_NONE:
        concerns_no_object(tally, event);
        break;
    }
}

void trace_tally_left_out(struct trace_tally *tally, enum trace_layer layer,
                          const struct trace_event *event)
{
    if (layer != TRACE_LAYER_BOTH) {
        tally->hygiene->other_layer++;
    } else if (event->kind == TRACE_PAGE_ALLOC) {
        tally->hygiene->slab_page_allocs++;
    } else if ((event->flags & TRACE_IMPLICIT) == 0) {
        tally->hygiene->slab_page_frees++;
    }
}

void trace_tally_finish(struct trace_tally *tally)
{
    struct trace_hygiene *hygiene = tally->hygiene;
    hygiene->lines = hygiene->events = tally->summary->events;
    hygiene->never_freed = tally->live_objects;
    hygiene->never_freed_bytes = tally->live_bytes - tally->live_pages * tally->page_size;
    hygiene->pages_never_freed = tally->live_pages;
    tally->summary->threads = (guint32)tally->threads.count;
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
