/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address is live from its allocation to the first free of it, whatever the
 * names of the two events: kfree takes objects of named caches too. The same
 * address handed out while it is live proves a free that left no line; that
 * free is handed out first, with the time and the CPU of the allocation. A
 * free of an address that is not live is an orphan and yields no event.
 *
 * While a realloc runs its object is at no address: another thread may get the
 * old one before the realloc's end is recorded. Its slot waits by thread; a
 * signal handler that reallocates inside a realloc ends first, so that they
 * wait on a stack.
 *
 * A block of pages that held slab objects has no slot where it is left out;
 * LEFT_OUT stands in the map instead, so that its free is recognised.
 *
 * Where there is a prelude, what an orphan frees has the first slots, in the order of the orphans.
 */
#include "resolve.h"

#include <string.h>

#define LEFT_OUT (TRACE_NO_SLOT - 1)

/* What is known of a slot's object. */
struct trace_object {
    guint64 size; /* bytes */
    guint8 order; /* page blocks */
    guint8 flags; /* TRACE_SLAB_PAGES */
};

/* A realloc that has begun. */
struct trace_open {
    guint64 address;
    guint32 slot;  /* TRACE_NO_SLOT: the object is older than the trace */
    guint32 below; /* the thread's one before it, index + 1; 0: none */
};

void trace_resolver_init(struct trace_resolver *resolver)
{
    *resolver = (struct trace_resolver){0};
    trace_map_init(&resolver->objects);
    trace_map_init(&resolver->pages);
    trace_map_init(&resolver->open_tops);
    resolver->open = g_array_new(FALSE, FALSE, sizeof(struct trace_open));
    resolver->open_unused = g_array_new(FALSE, FALSE, sizeof(guint32));
}

void trace_resolver_restart(struct trace_resolver *resolver, struct trace_hygiene *hygiene,
                            struct trace_summary *summary)
{
    trace_map_clear(&resolver->objects);
    trace_map_clear(&resolver->pages);
    trace_map_clear(&resolver->open_tops);
    g_array_set_size(resolver->open, 0);
    g_array_set_size(resolver->open_unused, 0);
    resolver->hygiene = hygiene;
    resolver->summary = summary;
    resolver->slots = 0;
    resolver->free_count = 0;
    resolver->page_blocks = 0;
    resolver->page_orphans = 0;
    resolver->live_bytes = 0;
    resolver->live_pages = 0;
    resolver->number = 0;
}

void trace_resolver_destroy(struct trace_resolver *resolver)
{
    trace_map_destroy(&resolver->objects);
    trace_map_destroy(&resolver->pages);
    trace_map_destroy(&resolver->open_tops);
    g_array_free(resolver->open, TRUE);
    g_array_free(resolver->open_unused, TRUE);
    g_free(resolver->object);
    g_free(resolver->free_slots);
}

static const struct trace_map *map_of(const struct trace_resolver *resolver,
                                      const struct trace_record *record)
{
    return trace_kind_is_page(record->kind) ? &resolver->pages : &resolver->objects;
}

static guint32 new_slot(struct trace_resolver *resolver)
{
    if (resolver->slots == resolver->slots_held) {
        if (resolver->slots_held >= LEFT_OUT / 2) {
            g_error("more than %u objects live at once", resolver->slots_held);
        }
        resolver->slots_held = MAX(1024, resolver->slots_held * 2);
        resolver->object = g_renew(struct trace_object, resolver->object, resolver->slots_held);
        resolver->free_slots = g_renew(guint32, resolver->free_slots, resolver->slots_held);
    }
    return resolver->slots++;
}

static guint32 take_slot(struct trace_resolver *resolver)
{
    return resolver->free_count > 0 ? resolver->free_slots[--resolver->free_count]
                                    : new_slot(resolver);
}

/* An event with what every kind of record has. */
static void start(struct trace_resolver *resolver, const struct trace_record *record,
                  struct trace_event *event, guint32 slot)
{
    *event = trace_event_of(record);
    event->number = ++resolver->number;
    event->line = record->line;
    event->time_ns -= resolver->first_ns;
    event->slot = slot;
    resolver->summary->duration_ns = MAX(resolver->summary->duration_ns, event->time_ns);
}

static void end_life(struct trace_resolver *resolver, const struct trace_record *record,
                     struct trace_event *event, guint32 slot, guint8 flags)
{
    const struct trace_object *object = &resolver->object[slot];
    gboolean page = trace_kind_is_page(record->kind);
    start(resolver, record, event, slot);
    event->kind = page ? TRACE_PAGE_FREE : TRACE_FREE;
    event->flags = flags | object->flags;
    event->size = object->size;
    event->given = 0;
    event->align = 0;
    event->order = object->order;
    if (page) {
        resolver->live_pages -= event->size / resolver->page_size;
        resolver->hygiene->page_frees++;
    } else {
        resolver->hygiene->frees++;
    }
    if ((flags & TRACE_IMPLICIT) != 0) {
        /* What is known of the record is known of the new object, not of this one. */
        event->cache = TRACE_NO_NAME;
        event->site = TRACE_NO_NAME;
        event->gfp = TRACE_NO_NAME;
        event->node = TRACE_NO_NODE;
        event->migratetype = TRACE_NO_MIGRATETYPE;
    }
    resolver->live_bytes -= event->size;
    resolver->free_slots[resolver->free_count++] = slot;
}

static void note_size(struct trace_resolver *resolver, guint64 size)
{
    struct trace_summary *summary = resolver->summary;
    resolver->live_bytes += size;
    summary->max_size = MAX(summary->max_size, size);
    trace_summary_live(summary, resolver->live_bytes, resolver->number);
    summary->peak_live_pages = MAX(summary->peak_live_pages, resolver->live_pages);
}

static void begin_life(struct trace_resolver *resolver, const struct trace_record *record,
                       struct trace_event *event, guint8 flags)
{
    gboolean page = trace_kind_is_page(record->kind);
    guint32 slot = take_slot(resolver);
    start(resolver, record, event, slot);
    event->flags |= flags;
    if (page) {
        event->size = resolver->page_size << record->order;
        event->given = event->size;
        resolver->live_pages += (guint64)1 << record->order;
        resolver->hygiene->page_allocs++;
    } else {
        resolver->hygiene->allocs++;
    }
    resolver->object[slot] = (struct trace_object){event->size, record->order, flags};
    trace_map_insert(page ? &resolver->pages : &resolver->objects, record->address, slot);
    note_size(resolver, event->size);
}

void trace_resolver_prelude(struct trace_resolver *resolver)
{
    trace_prelude_restart(resolver->prelude);
    for (guint i = 0; i < trace_prelude_count(resolver->prelude); i++) {
        struct trace_event event = trace_prelude_event(resolver->prelude, i);
        guint32 slot = new_slot(resolver);
        resolver->object[slot] = (struct trace_object){event.size, event.order, 0};
        if (trace_kind_is_page(event.kind)) {
            resolver->live_pages += (guint64)1 << event.order;
        }
        note_size(resolver, event.size);
    }
}

/* The slot of what is freed though it never began; TRACE_NO_SLOT: it has none. */
static guint32 orphan(struct trace_resolver *resolver, const struct trace_record *record)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    gboolean page = trace_kind_is_page(record->kind);
    gboolean slab = page && resolver->marks != NULL &&
                    trace_page_marks_test_orphan(resolver->marks, resolver->page_orphans);
    guint32 slot = TRACE_NO_SLOT;
    resolver->page_orphans += page ? 1 : 0;
    if (resolver->prelude != NULL && slab) {
        hygiene->slab_page_frees++;
        return TRACE_NO_SLOT;
    }
    if (resolver->prelude != NULL) {
        slot = trace_prelude_orphan(resolver->prelude, record);
    }
    if (slot == TRACE_NO_SLOT) {
        *(page ? &hygiene->orphan_page_frees : &hygiene->orphan_frees) += 1;
    }
    return slot;
}

/* The address is handed out: what was there went without a line. 0 or 1 event. */
static int end_former(struct trace_resolver *resolver, const struct trace_record *record,
                      struct trace_event *event)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    gboolean page = trace_kind_is_page(record->kind);
    guint32 slot;
    if (!trace_map_remove(page ? &resolver->pages : &resolver->objects, record->address, &slot) ||
        slot == LEFT_OUT) {
        return 0;
    }
    *(page ? &hygiene->implicit_page_frees : &hygiene->implicit_frees) += 1;
    end_life(resolver, record, event, slot, TRACE_IMPLICIT);
    return 1;
}

static int resolve_alloc(struct trace_resolver *resolver, const struct trace_record *record,
                         struct trace_event *events)
{
    gboolean marked = FALSE;
    int count = end_former(resolver, record, events);
    if (trace_kind_is_page(record->kind) && resolver->marks != NULL) {
        marked = trace_page_marks_test(resolver->marks, resolver->page_blocks++);
    }
    if (marked && !resolver->keep_marked) {
        trace_map_insert(&resolver->pages, record->address, LEFT_OUT);
        resolver->hygiene->slab_page_allocs++;
        return count;
    }
    begin_life(resolver, record, &events[count++], marked ? TRACE_SLAB_PAGES : 0);
    return count;
}

static int resolve_free(struct trace_resolver *resolver, const struct trace_record *record,
                        struct trace_event *events)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    gboolean page = trace_kind_is_page(record->kind);
    guint32 slot;
    if (!trace_map_remove(page ? &resolver->pages : &resolver->objects, record->address, &slot)) {
        slot = orphan(resolver, record);
        if (slot == TRACE_NO_SLOT) {
            return 0;
        }
    }
    if (slot == LEFT_OUT) {
        hygiene->slab_page_frees++;
        return 0;
    }
    end_life(resolver, record, &events[0], slot, 0);
    return 1;
}

static void resolve_realloc_begin(struct trace_resolver *resolver,
                                  const struct trace_record *record)
{
    struct trace_open open = {record->address, TRACE_NO_SLOT, 0};
    guint32 *top = trace_map_find(&resolver->open_tops, record->thread);
    guint32 index = resolver->open->len;
    if (!trace_map_remove(&resolver->objects, record->address, &open.slot) &&
        resolver->prelude != NULL && record->address != 0) {
        open.slot = trace_prelude_orphan(resolver->prelude, record);
    }
    open.below = top == NULL ? 0 : *top;
    if (resolver->open_unused->len > 0) {
        index = g_array_index(resolver->open_unused, guint32, resolver->open_unused->len - 1);
        g_array_set_size(resolver->open_unused, resolver->open_unused->len - 1);
        g_array_index(resolver->open, struct trace_open, index) = open;
    } else {
        g_array_append_val(resolver->open, open);
    }
    if (top == NULL) {
        trace_map_insert(&resolver->open_tops, record->thread, index + 1);
    } else {
        *top = index + 1;
    }
}

/* The realloc that the thread began last; slot TRACE_NO_SLOT and address 0 where it began none. */
static struct trace_open take_open(struct trace_resolver *resolver, guint32 thread)
{
    guint32 *top = trace_map_find(&resolver->open_tops, thread), same;
    struct trace_open none = {0, TRACE_NO_SLOT, 0};
    if (top == NULL) {
        return none;
    }
    guint32 index = *top - 1;
    struct trace_open open = g_array_index(resolver->open, struct trace_open, index);
    g_array_index(resolver->open, struct trace_open, index) = none;
    g_array_append_val(resolver->open_unused, index);
    if (open.below == 0) {
        trace_map_remove(&resolver->open_tops, thread, &same);
    } else {
        *top = open.below;
    }
    return open;
}

static int failed_realloc(struct trace_resolver *resolver, const struct trace_record *record,
                          struct trace_event *events, const struct trace_open *open)
{
    struct trace_record stays = *record;
    int count = 0;
    stays.address = open->address;
    resolver->hygiene->failed_allocs++;
    if (open->slot != TRACE_NO_SLOT) {
        count = end_former(resolver, &stays, events);
        trace_map_insert(&resolver->objects, open->address, open->slot);
    }
    start(resolver, record, &events[count], open->slot);
    return count + 1;
}

/* The object is at the record's address now, or, with no address and no failure, gone. */
static int resolve_realloc(struct trace_resolver *resolver, const struct trace_record *record,
                           struct trace_event *events)
{
    struct trace_open open = take_open(resolver, record->thread);
    if ((record->flags & TRACE_FAILED) != 0) {
        return failed_realloc(resolver, record, events, &open);
    }
    if (open.slot == TRACE_NO_SLOT) {
        struct trace_record begins = *record;
        begins.kind = TRACE_ALLOC;
        if (open.address != 0) {
            *(record->address == 0 ? &resolver->hygiene->orphan_frees
                                   : &resolver->hygiene->orphan_reallocs) += 1;
        }
        return record->address == 0 ? 0 : resolve_alloc(resolver, &begins, events);
    }
    if (record->address == 0) {
        struct trace_record ends = *record;
        ends.address = open.address;
        end_life(resolver, &ends, &events[0], open.slot, 0);
        return 1;
    }
    int count = end_former(resolver, record, events);
    start(resolver, record, &events[count], open.slot);
    resolver->hygiene->reallocs++;
    resolver->live_bytes -= resolver->object[open.slot].size;
    resolver->object[open.slot].size = record->size;
    trace_map_insert(&resolver->objects, record->address, open.slot);
    note_size(resolver, record->size);
    return count + 1;
}

/* An event that concerns no object. */
static int resolve_other(struct trace_resolver *resolver, const struct trace_record *record,
                         struct trace_event *events)
{
    start(resolver, record, &events[0], TRACE_NO_SLOT);
    if (record->kind == TRACE_LOST) {
        resolver->hygiene->lost_events += record->size;
        resolver->hygiene->lost_reports++;
    } else if (trace_kind_is_alloc(record->kind)) {
        resolver->hygiene->failed_allocs++;
        if (trace_kind_is_page(record->kind)) {
            events[0].size = resolver->page_size << record->order;
        }
    }
    return 1;
}

int trace_resolve(struct trace_resolver *resolver, const struct trace_record *record,
                  struct trace_event *events)
{
    int count = 0;
    if (record->kind == TRACE_REALLOC_BEGIN) {
        resolve_realloc_begin(resolver, record);
    } else if (record->kind == TRACE_REALLOC) {
        count = resolve_realloc(resolver, record, events);
    } else if (trace_kind_is_free(record->kind)) {
        count = resolve_free(resolver, record, events);
    } else if (trace_kind_is_alloc(record->kind) && (record->flags & TRACE_FAILED) == 0) {
        count = resolve_alloc(resolver, record, events);
    } else {
        count = resolve_other(resolver, record, events);
    }
    resolver->hygiene->events += (guint64)count;
    return count;
}

/* Where the record's object is known, and then what is known of it. */
#define ADDRESS_AHEAD 16u
#define OBJECT_AHEAD 8u

static void expect(const struct trace_resolver *resolver, const trace_spool *spool)
{
    const struct trace_record *ahead = trace_spool_ahead(spool, ADDRESS_AHEAD);
    if (ahead != NULL) {
        trace_map_expect(map_of(resolver, ahead), ahead->address);
        ahead = trace_spool_ahead(spool, OBJECT_AHEAD);
        const guint32 *slot = trace_map_find(map_of(resolver, ahead), ahead->address);
        if (slot != NULL && *slot < resolver->slots) {
            __builtin_prefetch(&resolver->object[*slot], 1);
        }
    }
}

int trace_resolve_next(struct trace_resolver *resolver, trace_spool *spool,
                       struct trace_event *events, int *count, GError **error)
{
    const struct trace_record *record;
    int got = trace_spool_next(spool, &record, error);
    if (got > 0) {
        expect(resolver, spool);
        *count = trace_resolve(resolver, record, events);
    }
    return got;
}

void trace_resolver_finish(struct trace_resolver *resolver)
{
    struct trace_hygiene *hygiene = resolver->hygiene;
    hygiene->open_reallocs = resolver->open->len - resolver->open_unused->len;
    hygiene->never_freed = resolver->objects.count;
    for (guint i = 0; i < resolver->open->len; i++) {
        hygiene->never_freed +=
            g_array_index(resolver->open, struct trace_open, i).slot != TRACE_NO_SLOT;
    }
    hygiene->never_freed_bytes = resolver->live_bytes - resolver->live_pages * resolver->page_size;
    hygiene->pages_never_freed = resolver->live_pages;
    resolver->summary->events = resolver->number;
    resolver->summary->peak_slots = resolver->slots;
}
