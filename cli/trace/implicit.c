/* SPDX-License-Identifier: Apache-2.0 */
#include "implicit.h"

void trace_implicit_init(struct trace_implicit *implicit)
{
    *implicit = (struct trace_implicit){.number = 0};
    implicit->slots = g_array_new(FALSE, TRUE, sizeof(guint64));
    implicit->last = g_array_new(FALSE, FALSE, sizeof(guint64));
}

void trace_implicit_destroy(struct trace_implicit *implicit)
{
    if (implicit->slots != NULL) {
        g_array_free(implicit->slots, TRUE);
        g_array_free(implicit->last, TRUE);
    }
    *implicit = (struct trace_implicit){.number = 0};
}

static guint64 *of_slot(struct trace_implicit *implicit, guint32 slot)
{
    if (slot >= implicit->slots->len) {
        g_array_set_size(implicit->slots, slot + 1);
    }
    return &g_array_index(implicit->slots, guint64, slot);
}

/* Does an event change what its slot holds? */
static gboolean has_object(const struct trace_event *event)
{
    return trace_kind_has_slot(event->kind) && (event->flags & TRACE_FAILED) == 0 &&
           event->slot != TRACE_NO_SLOT;
}

void trace_implicit_note(struct trace_implicit *implicit, const struct trace_event *event)
{
    if (!has_object(event)) {
        return;
    }
    guint64 *number = of_slot(implicit, event->slot);
    if (!trace_kind_is_free(event->kind)) {
        *number = event->number;
    } else if ((event->flags & TRACE_IMPLICIT) != 0) {
        g_array_append_val(implicit->last, *number);
    }
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    guint64 left = *(const guint64 *)a, right = *(const guint64 *)b;
    return (left > right) - (left < right);
}

void trace_implicit_settle(struct trace_implicit *implicit)
{
    g_array_sort(implicit->last, by_number);
    g_array_set_size(implicit->slots, 0);
    trace_implicit_restart(implicit);
}

void trace_implicit_restart(struct trace_implicit *implicit)
{
    implicit->next = 0;
    implicit->number = 0;
    implicit->ends = FALSE;
    implicit->live_bytes = implicit->live_pages = 0;
    implicit->peak_bytes = implicit->peak_pages = 0;
}

gboolean trace_implicit_due(struct trace_implicit *implicit, struct trace_event *event)
{
    if (!implicit->ends) {
        return FALSE;
    }
    *event = implicit->end;
    event->number = ++implicit->number;
    implicit->ends = FALSE;
    return TRUE;
}

/* What ends the object of an event, directly behind it. */
static struct trace_event end_of(const struct trace_event *event)
{
    gboolean page = trace_kind_is_page(event->kind);
    return (struct trace_event){
        .line = event->line,
        .time_ns = event->time_ns,
        .size = event->size,
        .address = event->address,
        .slot = event->slot,
        .cpu = event->cpu,
        .thread = event->thread,
        .node = TRACE_NO_NODE,
        .kind = page ? TRACE_PAGE_FREE : TRACE_FREE,
        .flags = (guint8)(TRACE_IMPLICIT | (event->flags & TRACE_SLAB_PAGES)),
        .order = event->order,
        .migratetype = TRACE_NO_MIGRATETYPE,
    };
}

gboolean trace_implicit_pass(struct trace_implicit *implicit, struct trace_event *event)
{
    if (event->number == 0) {
        return TRUE; /* of the prelude */
    }
    if (trace_kind_is_free(event->kind) && (event->flags & TRACE_IMPLICIT) != 0) {
        return FALSE;
    }
    if (implicit->next < implicit->last->len &&
        g_array_index(implicit->last, guint64, implicit->next) == event->number) {
        implicit->next++;
        implicit->ends = TRUE;
        implicit->end = end_of(event);
    }
    event->number = ++implicit->number;
    return TRUE;
}

void trace_implicit_count(struct trace_implicit *implicit, const struct trace_event *event,
                          guint64 page_size)
{
    if (!has_object(event)) {
        return;
    }
    guint64 *bytes = of_slot(implicit, event->slot);
    implicit->live_bytes -= *bytes;
    if (event->kind == TRACE_PAGE_FREE) {
        implicit->live_pages -= *bytes / page_size;
    }
    *bytes = trace_kind_is_free(event->kind) ? 0 : event->size;
    implicit->live_bytes += *bytes;
    if (event->kind == TRACE_PAGE_ALLOC) {
        implicit->live_pages += *bytes / page_size;
    }
    if (implicit->live_bytes > implicit->peak_bytes) {
        implicit->peak_bytes = implicit->live_bytes;
        implicit->peak_event = event->number;
    }
    implicit->peak_pages = MAX(implicit->peak_pages, implicit->live_pages);
}
