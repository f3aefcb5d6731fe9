/* SPDX-License-Identifier: Apache-2.0 */
#include "books.h"

#include <string.h>

#include "error.h"

G_STATIC_ASSERT(REPLAY_ALL_CLASSES < SLOT_BLOCK);

gboolean replay_allocator_error(const struct replay_execution *execution,
                                const struct trace_event *event, guint cpu, GError **error)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "event %" G_GUINT64_FORMAT " (line %" G_GUINT64_FORMAT ") on CPU %u: %s",
                event->number, event->line, cpu, execution->backend->last_error);
    return FALSE;
}

static gboolean stream_error(const struct trace_event *event, const char *what, GError **error)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE,
                "event %" G_GUINT64_FORMAT " (line %" G_GUINT64_FORMAT
                "): %s; the trace reader contradicts itself",
                event->number, event->line, what);
    return FALSE;
}

guint64 replay_event_align(const struct replay_execution *execution,
                           const struct trace_event *event)
{
    guint64 align = 1;
    if (event->kind == TRACE_PAGE_ALLOC)
        return event->size;
    if (event->align != 0)
        return event->align;
    if (execution->default_align != 0)
        return execution->default_align;
    while (align < 16 && align * 2 <= event->size)
        align *= 2;
    return align;
}

gboolean replay_books_read(struct replay_execution *execution, const struct trace_event *event,
                           GError **error)
{
    if (event->slot >= execution->slots)
        return stream_error(event, "its slot is out of range", error);
    struct replay_slot *slot = &execution->slot[event->slot];
    if (trace_kind_is_alloc(event->kind)) {
        if (slot->held)
            return stream_error(event, "its slot is in use", error);
        slot->held = TRUE;
        slot->pages = event->kind == TRACE_PAGE_ALLOC;
        return TRUE;
    }
    if (!slot->held)
        return stream_error(event,
                            event->kind == TRACE_REALLOC ? "it resizes a slot that holds no object"
                                                         : "it frees a slot that is not in use",
                            error);
    if (event->kind == TRACE_REALLOC)
        return !slot->pages || stream_error(event, "it resizes a slot that holds no object", error);
    slot->held = FALSE;
    return TRUE;
}

/* Which class the event's object is of, or REPLAY_NO_CLASS. */
static guint class_of(const struct replay_execution *execution, const struct trace_event *event)
{
    if (event->kind == TRACE_PAGE_ALLOC || replay_lowmem_serves(&execution->low, event))
        return REPLAY_NO_CLASS;
    return replay_number_of(execution->backend, execution->caches, event,
                            replay_event_align(execution, event));
}

static enum replay_memory memory_then(const struct replay_execution *execution,
                                      const struct trace_event *event,
                                      const struct replay_outcome *outcome)
{
    const struct replay_backend *backend = execution->backend;
    guint size_class = class_of(execution, event);
    guint64 wanted = size_class == REPLAY_NO_CLASS
                         ? replay_given(backend, size_class, event->size) / backend->page_size
                         : backend->class_pages[size_class];
    if (outcome->free_blocks == NULL)
        return REPLAY_MEMORY_UNKNOWN;
    return outcome->usable < wanted ? REPLAY_MEMORY_SHORT : REPLAY_MEMORY_FRAGMENTED;
}

static void note_failure(struct replay_execution *execution, const struct trace_event *event,
                         guint cpu, const struct replay_outcome *outcome)
{
    enum replay_memory memory = memory_then(execution, event, outcome);
    gboolean low = replay_lowmem_serves(&execution->low, event);
    if (execution->failed < REPLAY_FAILURES_KEPT) {
        gboolean pages = event->kind == TRACE_PAGE_ALLOC;
        struct replay_failure *failure = &execution->failure[execution->failed];
        *failure = (struct replay_failure){
            .number = event->number,
            .line = event->line,
            .time_ns = event->time_ns,
            .size = event->size,
            .align = replay_event_align(execution, event),
            .thread = event->thread,
            .cpu = cpu,
            .order = pages ? event->order : 0,
            .kind = event->kind,
            .pages = pages,
            .low = low,
            .memory = (guint8)memory,
        };
        if (outcome->free_blocks != NULL)
            memcpy(failure->free_blocks, outcome->free_blocks, sizeof(failure->free_blocks));
    }
    execution->low.failed += low ? 1 : 0;
    execution->failed++;
    execution->failed_by[memory]++;
    execution->failed_bytes += event->size;
}

/* Whatever table of classes there is: an object that another one could serve counts. */
static void book_demand(struct replay_execution *execution, struct replay_slot *slot,
                        const struct trace_event *event)
{
    gboolean cache =
        slot->size_class != SLOT_BLOCK && slot->size_class >= execution->backend->classes;
    slot->level = 0;
    if (execution->demand == NULL || cache || event->kind == TRACE_PAGE_ALLOC ||
        replay_lowmem_serves(&execution->low, event))
        return;
    slot->level = (guint8)demand_level(event->size, replay_event_align(execution, event));
    if (slot->level != 0)
        demand_add(execution->demand, slot->level, event->size, execution->events);
}

/* Books an allocation that worked, in the slot and in the account. */
static gboolean book_alloc(struct replay_execution *execution, const struct trace_event *event,
                           guint cpu, void *address, GError **error)
{
    struct replay_slot *slot = &execution->slot[event->slot];
    gboolean pages = event->kind == TRACE_PAGE_ALLOC;
    guint size_class = class_of(execution, event);
    guint64 given = replay_given(execution->backend, size_class, event->size);
    slot->address = address;
    slot->requested = event->size;
    slot->cpu = (guint16)cpu;
    slot->size_class = size_class == REPLAY_NO_CLASS ? SLOT_BLOCK : (guint16)size_class;
    slot->order = pages ? event->order : SLOT_NO_ORDER;
    slot->failed = FALSE;
    book_demand(execution, slot, event);
    replay_account_alloc(&execution->account, size_class, event->size, given);
    if (pages)
        replay_account_pages(&execution->account, event->size, 0);
    if (execution->regions == NULL ||
        replay_account_address(&execution->account, execution->regions, address, given))
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "event %" G_GUINT64_FORMAT
                ": the allocator handed out an address outside of its regions",
                event->number);
    return FALSE;
}

static void book_free(struct replay_execution *execution, const struct replay_slot *slot)
{
    guint size_class = slot->size_class == SLOT_BLOCK ? REPLAY_NO_CLASS : slot->size_class;
    if (slot->level != 0)
        demand_remove(execution->demand, slot->level, slot->requested, execution->events);
    replay_account_free(&execution->account, size_class, slot->requested,
                        replay_given(execution->backend, size_class, slot->requested));
    if (slot->order != SLOT_NO_ORDER)
        replay_account_pages(&execution->account, 0, slot->requested);
}

static void book_remote(struct replay_execution *execution, const struct replay_slot *slot,
                        guint cpu)
{
    if (slot->cpu != cpu) {
        execution->cpu[cpu].remote_out++;
        execution->cpu[slot->cpu].remote_in++;
    }
}

static gboolean enter_alloc(struct replay_execution *execution, const struct trace_event *event,
                            guint cpu, const struct replay_outcome *outcome, GError **error)
{
    struct replay_slot *slot = &execution->slot[event->slot];
    slot->born = replay_event_tag(event);
    execution->low.asked += replay_lowmem_asks(&execution->low, event) ? 1 : 0;
    if (outcome->status == REPLAY_OP_DONE) {
        if ((event->flags & TRACE_PRELUDE) == 0)
            *(event->kind == TRACE_PAGE_ALLOC ? &execution->cpu[cpu].page_allocs
                                              : &execution->cpu[cpu].allocs) += 1;
        return book_alloc(execution, event, cpu, outcome->address, error);
    }
    slot->address = NULL;
    slot->failed = TRUE;
    note_failure(execution, event, cpu, outcome);
    return TRUE;
}

static void enter_free(struct replay_execution *execution, const struct trace_event *event,
                       guint cpu)
{
    struct replay_slot *slot = &execution->slot[event->slot];
    gboolean pages = slot->order != SLOT_NO_ORDER;
    if (slot->failed) {
        execution->skipped_frees++;
        return;
    }
    book_free(execution, slot);
    book_remote(execution, slot, cpu);
    *(pages ? &execution->cpu[cpu].page_frees : &execution->cpu[cpu].frees) += 1;
    slot->address = NULL;
}

/* An object that moves is freed where it was; one that stays is still its first CPU's. */
static gboolean enter_realloc(struct replay_execution *execution, const struct trace_event *event,
                              guint cpu, const struct replay_outcome *outcome, GError **error)
{
    struct replay_slot *slot = &execution->slot[event->slot];
    if (slot->failed) {
        execution->skipped_reallocs++;
        return TRUE;
    }
    if (outcome->status != REPLAY_OP_DONE) {
        note_failure(execution, event, cpu, outcome);
        return TRUE;
    }
    gboolean moved = outcome->address != slot->address;
    execution->cpu[cpu].reallocs++;
    execution->cpu[cpu].moved += moved ? 1 : 0;
    if (moved)
        book_remote(execution, slot, cpu);
    book_free(execution, slot);
    return book_alloc(execution, event, moved ? cpu : slot->cpu, outcome->address, error);
}

/* Bytes of pages in use after the latest event. */
static guint64 occupied(const struct replay_execution *execution)
{
    struct replay_backend *backend = execution->backend;
    return execution->ahead                 ? REPLAY_UNKNOWN
           : backend->ops->occupied == NULL ? 0
                                            : backend->ops->occupied(backend);
}

/* Is this the moment when most is requested? */
static gboolean at_peak(struct replay_execution *execution)
{
    gboolean peak = !execution->peak_seen && !execution->ahead &&
                    execution->account.requested == execution->summary->peak_live_bytes;
    if (peak)
        execution->peak_seen = TRUE;
    if (peak && execution->demand != NULL)
        demand_peak(execution->demand);
    return peak;
}

/* With all that is older than the trace in its place the time line begins: so many bytes are live
 * before the first event. */
static gboolean after_placing(struct replay_execution *execution, GError **error)
{
    struct replay_observer *observer = execution->observer;
    if (++execution->placed < execution->summary->prelude)
        return TRUE;
    replay_account_tick(&execution->account, 0, 0, occupied(execution));
    return observer->sample(observer->data, execution, at_peak(execution), error);
}

/* After an event: the account, the observer, the progress line. */
static gboolean after_event(struct replay_execution *execution, guint64 allocated, GError **error)
{
    struct replay_observer *observer = execution->observer;
    execution->events++;
    atomic_store_explicit(&execution->beat, execution->events, memory_order_relaxed);
    replay_account_tick(&execution->account, execution->events, allocated, occupied(execution));
    gboolean peak = allocated > 0 && at_peak(execution);
    if (peak || execution->events == observer->next) {
        if (!observer->sample(observer->data, execution, peak, error))
            return FALSE;
    }
    if (execution->events == execution->control.next && !replay_control_act(execution, error))
        return FALSE;
    if (execution->events % 4096 == 0) {
        execution->progress->live_bytes = execution->account.requested;
        progress_update(execution->progress, execution->events);
    }
    return TRUE;
}

gboolean replay_books_enter(struct replay_execution *execution, const struct trace_event *event,
                            guint cpu, const struct replay_outcome *outcome, GError **error)
{
    guint64 failed = execution->failed;
    gboolean done = TRUE;
    if ((event->flags & TRACE_PRELUDE) != 0) {
        if (execution->observer->event != NULL)
            execution->observer->event(execution->observer->data, event, cpu);
        return enter_alloc(execution, event, cpu, outcome, error) &&
               after_placing(execution, error);
    }
    execution->time_ns = MAX(execution->time_ns, event->time_ns);
    if (cpu != execution->last_cpu && execution->last_cpu != G_MAXUINT)
        execution->switches++;
    execution->last_cpu = cpu;
    execution->cpu[cpu].events++;
    if (execution->observer->event != NULL)
        execution->observer->event(execution->observer->data, event, cpu);
    if (!replay_event_asks(event))
        return after_event(execution, 0, error);
    if (trace_kind_is_free(event->kind))
        enter_free(execution, event, cpu);
    else if (event->kind == TRACE_REALLOC)
        done = enter_realloc(execution, event, cpu, outcome, error);
    else
        done = enter_alloc(execution, event, cpu, outcome, error);
    gboolean asked = !trace_kind_is_free(event->kind) && execution->failed == failed;
    return done && after_event(execution, asked ? event->size : 0, error);
}
