/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address is live from its allocation to the first free of it, whatever the
 * names of the two events: kfree takes objects of named caches too. The same
 * address handed out while it is live proves a free that left no line; that
 * free is handed out first, with the time and the CPU of the allocation. A
 * free of an address that is not live is an orphan and yields no event.
 *
 * A block of pages that held slab objects has no slot; LEFT_OUT stands in the
 * map instead, so that its free is recognised.
 */
#include "resolve.h"

#include <string.h>

#define LEFT_OUT (TRACE_NO_SLOT - 1)

void trace_resolver_init(struct trace_resolver *resolver)
{
    *resolver = (struct trace_resolver){0};
    trace_map_init(&resolver->objects);
    trace_map_init(&resolver->pages);
}

void trace_resolver_restart(struct trace_resolver *resolver, struct trace_hygiene *hygiene,
                            struct trace_summary *summary)
{
    trace_map_clear(&resolver->objects);
    trace_map_clear(&resolver->pages);
    resolver->hygiene = hygiene;
    resolver->summary = summary;
    resolver->slots = 0;
    resolver->free_count = 0;
    resolver->page_blocks = 0;
    resolver->live_bytes = 0;
    resolver->live_pages = 0;
    resolver->number = 0;
}

void trace_resolver_destroy(struct trace_resolver *resolver)
{
    trace_map_destroy(&resolver->objects);
    trace_map_destroy(&resolver->pages);
    g_free(resolver->sizes);
    g_free(resolver->free_slots);
}

static gboolean is_page(guint8 kind)
{
    return kind == TRACE_PAGE_ALLOC || kind == TRACE_PAGE_FREE;
}

static guint32 take_slot(struct trace_resolver *resolver)
{
    if (resolver->free_count > 0) {
        return resolver->free_slots[--resolver->free_count];
    }
    if (resolver->slots == resolver->slots_held) {
        if (resolver->slots_held >= LEFT_OUT / 2) {
            g_error("more than %u objects live at once", resolver->slots_held);
        }
        resolver->slots_held = MAX(1024, resolver->slots_held * 2);
        resolver->sizes = g_renew(guint64, resolver->sizes, resolver->slots_held);
        resolver->free_slots = g_renew(guint32, resolver->free_slots, resolver->slots_held);
    }
    return resolver->slots++;
}

/* An event with what every kind of record has. */
static struct trace_event *start(struct trace_resolver *resolver, const struct trace_record *record,
                                 struct trace_event *event, guint32 slot)
{
    *event = (struct trace_event){
        .number = ++resolver->number,
        .line = record->line,
        .time_ns = record->time_ns - resolver->first_ns,
        .size = resolver->sizes[slot],
        .address = record->address,
        .slot = slot,
        .cpu = record->cpu,
        .thread = record->thread,
        .cache = record->cache,
        .site = record->site,
        .kind = record->kind,
        .order = record->order,
        .migratetype = record->migratetype,
    };
    resolver->summary->duration_ns = MAX(resolver->summary->duration_ns, event->time_ns);
    return event;
}

static guint8 order_of(const struct trace_resolver *resolver, guint64 size)
{
    return (guint8)(g_bit_storage((gulong)(size / resolver->page_size)) - 1);
}

static void end_life(struct trace_resolver *resolver, const struct trace_record *record,
                     struct trace_event *event, guint32 slot, guint8 flags)
{
    gboolean page = is_page(record->kind);
    start(resolver, record, event, slot);
    event->kind = page ? TRACE_PAGE_FREE : TRACE_FREE;
    event->flags = flags;
    if (page) {
        event->order = order_of(resolver, event->size);
        resolver->live_pages -= event->size / resolver->page_size;
        resolver->hygiene->page_frees++;
    } else {
        resolver->hygiene->frees++;
    }
    if (flags != 0) {
        /* What is known of the record is known of the new object, not of this one. */
        event->cache = TRACE_NO_NAME;
        event->site = TRACE_NO_NAME;
        event->migratetype = 255;
    }
    resolver->live_bytes -= event->size;
    resolver->free_slots[resolver->free_count++] = slot;
}

static void begin_life(struct trace_resolver *resolver, const struct trace_record *record,
                       struct trace_event *event)
{
    struct trace_summary *summary = resolver->summary;
    gboolean page = is_page(record->kind);
    guint32 slot = take_slot(resolver);
    resolver->sizes[slot] = page ? resolver->page_size << record->order : record->size;
    start(resolver, record, event, slot);
    event->given = page ? event->size : record->given;
    resolver->live_bytes += event->size;
    if (page) {
        resolver->live_pages += (guint64)1 << record->order;
        resolver->hygiene->page_allocs++;
    } else {
        resolver->hygiene->allocs++;
    }
    trace_map_insert(page ? &resolver->pages : &resolver->objects, record->address, slot);
    summary->max_size = MAX(summary->max_size, event->size);
    summary->peak_live_bytes = MAX(summary->peak_live_bytes, resolver->live_bytes);
    summary->peak_live_pages = MAX(summary->peak_live_pages, resolver->live_pages);
}

static int resolve_alloc(struct trace_resolver *resolver, const struct trace_record *record,
                         struct trace_event *events)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    gboolean page = is_page(record->kind);
    struct trace_map *map = page ? &resolver->pages : &resolver->objects;
    guint32 slot;
    int count = 0;
    if (trace_map_remove(map, record->address, &slot) && slot != LEFT_OUT) {
        *(page ? &hygiene->implicit_page_frees : &hygiene->implicit_frees) += 1;
        end_life(resolver, record, &events[count++], slot, TRACE_IMPLICIT);
    }
    if (page && resolver->marks != NULL &&
        trace_page_marks_test(resolver->marks, resolver->page_blocks++)) {
        trace_map_insert(map, record->address, LEFT_OUT);
        hygiene->slab_page_allocs++;
        return count;
    }
    begin_life(resolver, record, &events[count++]);
    return count;
}

static int resolve_free(struct trace_resolver *resolver, const struct trace_record *record,
                        struct trace_event *events)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    gboolean page = is_page(record->kind);
    guint32 slot;
    if (!trace_map_remove(page ? &resolver->pages : &resolver->objects, record->address, &slot)) {
        *(page ? &hygiene->orphan_page_frees : &hygiene->orphan_frees) += 1;
        return 0;
    }
    if (slot == LEFT_OUT) {
        hygiene->slab_page_frees++;
        return 0;
    }
    end_life(resolver, record, &events[0], slot, 0);
    return 1;
}

int trace_resolve(struct trace_resolver *resolver, const struct trace_record *record,
                  struct trace_event *events)
{
    gboolean alloc = record->kind == TRACE_ALLOC || record->kind == TRACE_PAGE_ALLOC;
    int count =
        alloc ? resolve_alloc(resolver, record, events) : resolve_free(resolver, record, events);
    resolver->hygiene->events += (guint64)count;
    return count;
}

void trace_resolver_finish(struct trace_resolver *resolver)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    hygiene->never_freed = resolver->objects.count;
    hygiene->never_freed_bytes = resolver->live_bytes - resolver->live_pages * resolver->page_size;
    hygiene->pages_never_freed = resolver->live_pages;
    resolver->summary->events = resolver->number;
    resolver->summary->peak_slots = resolver->slots;
}
