/* SPDX-License-Identifier: Apache-2.0 */
#include "../trace/import.h"
#include "../trace/kinds.h"
#include "check.h"

/* What lives in a slot, in a word: 0 nothing. A size is TRACE_SIZE_MAX at most. */
#define LIVE ((guint64)1)
#define PAGES ((guint64)2)
#define ORDER_SHIFT 4u
#define SIZE_SHIFT 12u

static guint64 word_of(const struct trace_event *event)
{
    guint64 pages = trace_kind_is_page(event->kind) ? PAGES : 0;
    return event->size << SIZE_SHIFT | (guint64)event->order << ORDER_SHIFT | pages | LIVE;
}

void check_events_init(struct check_events *check, const struct trace_summary *summary,
                       struct check_problems *problems)
{
    *check = (struct check_events){
        .problems = problems,
        .object = g_array_new(FALSE, TRUE, sizeof(guint64)),
        .slots = summary->peak_slots,
    };
    g_array_set_size(check->object, (guint)summary->peak_slots);
}

static void wrong(struct check_events *check, const struct trace_event *event, const char *what)
{
    check_problem(check->problems, "event %" G_GUINT64_FORMAT ", %s: %s", event->number,
                  trace_kind_name(event->kind), what);
}

/* A free or a realloc, and what it is of is not what it says. */
static void tell_mismatch(struct check_events *check, const struct trace_event *event,
                          guint64 object)
{
    gboolean page = trace_kind_is_page(event->kind);
    if (object == 0)
        wrong(check, event, "its slot has no live object");
    else if (((object & PAGES) != 0) != page)
        wrong(check, event, page ? "it is of an object" : "it is of a block of pages");
    else
        wrong(check, event, "its size is not that of what goes");
}

static void take_odd(struct check_events *check, const struct trace_event *event)
{
    guint64 *object = &g_array_index(check->object, guint64, event->slot);
    if (event->kind == TRACE_REALLOC) {
        if ((*object & (LIVE | PAGES)) != LIVE)
            tell_mismatch(check, event, *object);
        else if ((event->flags & TRACE_FAILED) == 0)
            *object = word_of(event);
    } else if (trace_kind_is_alloc(event->kind)) {
        wrong(check, event, "its slot has a live object");
        *object = word_of(event);
    } else {
        tell_mismatch(check, event, *object);
        check->live -= *object != 0;
        *object = 0;
    }
}

/* What begins finds nothing and leaves its word, what ends finds its word and leaves nothing. */
static void take_object(struct check_events *check, const struct trace_event *event)
{
    if (event->slot >= check->slots) {
        wrong(check, event, "its slot is beyond the trace's peak");
        return;
    }
    guint64 *object = &g_array_index(check->object, guint64, event->slot), word = word_of(event);
    guint64 begins = trace_kind_is_alloc(event->kind) ? 1 : 0, mask = 0 - begins;
    if (event->kind == TRACE_REALLOC || *object != (word & ~mask)) {
        take_odd(check, event);
        return;
    }
    *object = word & mask;
    check->live += 2 * begins - 1;
}

static void take(struct check_events *check, const struct trace_event *event)
{
    gboolean failed = (event->flags & TRACE_FAILED) != 0;
    if (event->number != ++check->events) {
        wrong(check, event, "its number is not the next");
        check->events = event->number;
    }
    if (event->time_ns < check->last_ns)
        wrong(check, event, "its time is before that of the event before");
    check->last_ns = event->time_ns;
    if (trace_kind_has_slot(event->kind) && !failed)
        take_object(check, event);
    else if (event->kind >= TRACE_KINDS || event->kind == TRACE_REALLOC_BEGIN)
        wrong(check, event, "no event is of this kind");
    else if (failed && !trace_kind_is_alloc(event->kind) && event->kind != TRACE_REALLOC)
        wrong(check, event, "it cannot have failed");
    else if (failed && trace_kind_is_alloc(event->kind) && event->slot != TRACE_NO_SLOT)
        wrong(check, event, "it has failed and has a slot");
    else if (failed && event->slot != TRACE_NO_SLOT)
        take_object(check, event);
}

void check_events_take(struct check_events *check, const struct trace_event *events, guint32 count)
{
    /* A trace may have more slots than a processor's caches hold: they are fetched all at once. */
    for (guint32 i = 0; i < count; i++) {
        if (events[i].slot < check->slots)
            __builtin_prefetch(&g_array_index(check->object, guint64, events[i].slot), 1);
    }
    for (guint32 i = 0; i < count; i++)
        take(check, &events[i]);
}

static void compare(struct check_events *check, const char *what, guint64 told, guint64 found)
{
    if (told != found)
        check_problem(check->problems,
                      "%s: %" G_GUINT64_FORMAT " when read first, %" G_GUINT64_FORMAT
                      " when read again",
                      what, told, found);
}

void check_events_finish(struct check_events *check, const struct trace_summary *summary,
                         const struct trace_hygiene *hygiene)
{
    guint64 blocks = 0;
    for (guint i = 0; i < check->object->len; i++) {
        blocks += (g_array_index(check->object, guint64, i) & PAGES) != 0;
    }
    compare(check, "events", summary->events, check->events);
    compare(check, "objects that are never freed", hygiene->never_freed, check->live - blocks);
    g_array_free(check->object, TRUE);
}
