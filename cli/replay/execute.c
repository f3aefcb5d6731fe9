/* SPDX-License-Identifier: Apache-2.0 */
#include "execute.h"

#include "error.h"

#define SLOT_BLOCK 0xffu    /* size_class of what is served by pages */
#define SLOT_NO_ORDER 0xffu /* not allocated as a page block */

/* An object or block that the trace holds. address NULL: none, or its allocation failed. */
struct replay_slot {
    void *address;
    guint64 requested;
    guint16 cpu; /* that allocated it; 4096 CPUs at most */
    guint8 size_class;
    guint8 order;
    gboolean failed;
};

G_STATIC_ASSERT(REPLAY_MAX_CLASSES < SLOT_BLOCK);

gboolean replay_execution_init(struct replay_execution *execution, GError **error)
{
    execution->slots = execution->summary->peak_slots;
    execution->last_cpu = G_MAXUINT;
    execution->cpu = g_new0(struct replay_cpu, execution->cpus);
    if (execution->slots <= G_MAXSIZE)
        execution->slot = g_try_new0(struct replay_slot, (gsize)MAX(execution->slots, 1));
    if (execution->slot != NULL)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "no memory for a table of %" G_GUINT64_FORMAT
                " objects, as many as the trace has alive at once",
                execution->slots);
    return FALSE;
}

void replay_execution_clear(struct replay_execution *execution)
{
    g_free(execution->slot);
    g_free(execution->cpu);
    execution->slot = NULL;
    execution->cpu = NULL;
}

static gboolean allocator_error(const struct replay_execution *execution,
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

/* The alignment of an object that the trace gives none for. */
static guint64 object_align(const struct replay_execution *execution,
                            const struct trace_event *event)
{
    guint64 align = 1;
    if (event->align != 0)
        return event->align;
    if (execution->default_align != 0)
        return execution->default_align;
    while (align < 16 && align * 2 <= event->size)
        align *= 2;
    return align;
}

/* What an allocation or a realloc asks for; *object is the one to be resized, else the result. */
static enum replay_status request(struct replay_execution *execution,
                                  const struct trace_event *event, guint cpu, guint64 align,
                                  void **object)
{
    struct replay_backend *backend = execution->backend;
    if (event->kind == TRACE_PAGE_ALLOC)
        return backend->ops->page_alloc(backend, cpu, event->order, object);
    if (event->kind == TRACE_REALLOC)
        return backend->ops->realloc(backend, cpu, object, event->size, align);
    return backend->ops->alloc(backend, cpu, event->size, align, object);
}

/* Hands the next region over; false when there is none. */
static enum replay_status next_region(struct replay_execution *execution)
{
    struct replay_regions *regions = execution->regions;
    struct replay_backend *backend = execution->backend;
    if (regions->used == regions->count)
        return REPLAY_NO_MEMORY;
    struct replay_region *region = &regions->region[regions->used];
    enum replay_status status = backend->ops->add_region(backend, region->start, region->bytes);
    if (status != REPLAY_OK)
        return status;
    region->added = execution->events;
    regions->used++;
    return REPLAY_OK;
}

/* The same, with further regions while memory is short and there are some. */
static enum replay_status request_growing(struct replay_execution *execution,
                                          const struct trace_event *event, guint cpu, guint64 align,
                                          void **object)
{
    enum replay_status status = request(execution, event, cpu, align, object);
    while (status == REPLAY_NO_MEMORY && execution->regions->used < execution->regions->count) {
        status = next_region(execution);
        if (status == REPLAY_OK)
            status = request(execution, event, cpu, align, object);
        else
            break;
    }
    return status;
}

static void note_failure(struct replay_execution *execution, const struct trace_event *event,
                         guint cpu, guint64 align)
{
    if (execution->failed < REPLAY_FAILURES_SHOWN) {
        gboolean pages = event->kind == TRACE_PAGE_ALLOC;
        execution->failure[execution->failed] = (struct replay_failure){
            .number = event->number,
            .line = event->line,
            .time_ns = event->time_ns,
            .size = event->size,
            .align = align,
            .cpu = cpu,
            .order = pages ? event->order : 0,
            .pages = pages,
        };
    }
    execution->failed++;
    execution->failed_bytes += event->size;
}

/* Books an allocation that worked, in the slot and in the account. */
static gboolean book_alloc(struct replay_execution *execution, const struct trace_event *event,
                           guint cpu, guint64 align, void *address, GError **error)
{
    gboolean pages = event->kind == TRACE_PAGE_ALLOC;
    guint size_class =
        pages ? REPLAY_NO_CLASS : replay_class_of(execution->backend, event->size, align);
    guint64 given = replay_given(execution->backend, size_class, event->size);
    struct replay_slot *slot = &execution->slot[event->slot];
    *slot = (struct replay_slot){
        .address = address,
        .requested = event->size,
        .cpu = (guint16)cpu,
        .size_class = size_class == REPLAY_NO_CLASS ? SLOT_BLOCK : (guint8)size_class,
        .order = pages ? event->order : SLOT_NO_ORDER,
    };
    replay_account_alloc(&execution->account, size_class, event->size, given);
    if (!replay_account_address(&execution->account, execution->regions, address, given)) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                    "event %" G_GUINT64_FORMAT
                    ": the allocator handed out an address outside of its "
                    "regions",
                    event->number);
        return FALSE;
    }
    return TRUE;
}

static void book_free(struct replay_execution *execution, const struct replay_slot *slot)
{
    guint size_class = slot->size_class == SLOT_BLOCK ? REPLAY_NO_CLASS : slot->size_class;
    replay_account_free(&execution->account, size_class, slot->requested,
                        replay_given(execution->backend, size_class, slot->requested));
}

static void book_remote(struct replay_execution *execution, const struct replay_slot *slot,
                        guint cpu)
{
    if (slot->cpu != cpu) {
        execution->cpu[cpu].remote_out++;
        execution->cpu[slot->cpu].remote_in++;
    }
}

static gboolean do_alloc(struct replay_execution *execution, const struct trace_event *event,
                         guint cpu, GError **error)
{
    struct replay_slot *slot = &execution->slot[event->slot];
    if (slot->address != NULL)
        return stream_error(event, "its slot is in use", error);
    void *address = NULL;
    guint64 align = event->kind == TRACE_PAGE_ALLOC ? event->size : object_align(execution, event);
    enum replay_status status = request_growing(execution, event, cpu, align, &address);
    if (status == REPLAY_OK) {
        *(event->kind == TRACE_PAGE_ALLOC ? &execution->cpu[cpu].page_allocs
                                          : &execution->cpu[cpu].allocs) += 1;
        return book_alloc(execution, event, cpu, align, address, error);
    }
    if (status == REPLAY_ERROR)
        return allocator_error(execution, event, cpu, error);
    *slot = (struct replay_slot){.failed = TRUE};
    note_failure(execution, event, cpu, align);
    return TRUE;
}

static gboolean do_free(struct replay_execution *execution, const struct trace_event *event,
                        guint cpu, GError **error)
{
    struct replay_backend *backend = execution->backend;
    struct replay_slot slot = execution->slot[event->slot];
    execution->slot[event->slot] = (struct replay_slot){0};
    if (slot.failed) {
        execution->skipped_frees++;
        return TRUE;
    }
    if (slot.address == NULL)
        return stream_error(event, "it frees a slot that is not in use", error);

    gboolean pages = slot.order != SLOT_NO_ORDER;
    enum replay_status status =
        pages ? backend->ops->page_free(backend, cpu, slot.address, slot.order)
              : backend->ops->free(backend, cpu, slot.address);
    if (status != REPLAY_OK)
        return allocator_error(execution, event, cpu, error);
    book_free(execution, &slot);
    book_remote(execution, &slot, cpu);
    *(pages ? &execution->cpu[cpu].page_frees : &execution->cpu[cpu].frees) += 1;
    return TRUE;
}

/* An object that moves is freed where it was; one that stays is still its first CPU's. */
static gboolean do_realloc(struct replay_execution *execution, const struct trace_event *event,
                           guint cpu, GError **error)
{
    struct replay_slot old = execution->slot[event->slot];
    if (old.failed) {
        execution->skipped_reallocs++;
        return TRUE;
    }
    if (old.address == NULL || old.order != SLOT_NO_ORDER)
        return stream_error(event, "it resizes a slot that holds no object", error);
    void *address = old.address;
    guint64 align = object_align(execution, event);
    enum replay_status status = request_growing(execution, event, cpu, align, &address);
    if (status == REPLAY_ERROR)
        return allocator_error(execution, event, cpu, error);
    if (status != REPLAY_OK) {
        note_failure(execution, event, cpu, align);
        return TRUE;
    }
    gboolean moved = address != old.address;
    execution->cpu[cpu].reallocs++;
    execution->cpu[cpu].moved += moved ? 1 : 0;
    if (moved)
        book_remote(execution, &old, cpu);
    book_free(execution, &old);
    return book_alloc(execution, event, moved ? cpu : old.cpu, align, address, error);
}

/* After an event: the account, the observer, the progress line. */
static gboolean after_event(struct replay_execution *execution, guint64 allocated, GError **error)
{
    struct replay_observer *observer = execution->observer;
    execution->events++;
    replay_account_tick(&execution->account, execution->events, allocated,
                        execution->backend->ops->occupied(execution->backend));
    gboolean peak = !execution->peak_seen && allocated > 0 &&
                    execution->account.requested == execution->summary->peak_live_bytes;
    if (peak)
        execution->peak_seen = TRUE;
    if (peak || execution->events == observer->next) {
        if (!observer->sample(observer->data, execution, peak, error))
            return FALSE;
    }
    if (execution->events % 4096 == 0)
        progress_update(execution->progress, execution->events);
    return TRUE;
}

gboolean replay_step(struct replay_execution *execution, const struct trace_event *event, guint cpu,
                     GError **error)
{
    gboolean failed_then = (event->flags & TRACE_FAILED) != 0;
    guint64 failed = execution->failed;
    gboolean done = TRUE;
    execution->time_ns = MAX(execution->time_ns, event->time_ns);
    if (cpu != execution->last_cpu && execution->last_cpu != G_MAXUINT)
        execution->switches++;
    execution->last_cpu = cpu;
    execution->cpu[cpu].events++;
    if (execution->observer->event != NULL)
        execution->observer->event(execution->observer->data, event, cpu);
    /* What got nothing when it was recorded asks for nothing now. */
    if (failed_then || !trace_kind_has_slot(event->kind))
        return after_event(execution, 0, error);
    if (event->slot >= execution->slots)
        return stream_error(event, "its slot is out of range", error);
    if (trace_kind_is_free(event->kind))
        done = do_free(execution, event, cpu, error);
    else if (event->kind == TRACE_REALLOC)
        done = do_realloc(execution, event, cpu, error);
    else
        done = do_alloc(execution, event, cpu, error);
    gboolean asked = !trace_kind_is_free(event->kind) && execution->failed == failed;
    return done && after_event(execution, asked ? event->size : 0, error);
}

const void *replay_object_address(const struct replay_execution *execution, guint64 slot)
{
    return execution->slot[slot].address;
}

gboolean replay_run(struct replay_execution *execution, GError **error)
{
    struct trace_event event;
    int more;
    while ((more = trace_next(execution->reader, &event, error)) == 1) {
        guint cpu = replay_schedule_cpu(execution->schedule, &event);
        if (!replay_step(execution, &event, cpu, error))
            return FALSE;
        if (execution->failure_ends && execution->failed > 0)
            return TRUE;
    }
    return more == 0;
}
