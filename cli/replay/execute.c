/* SPDX-License-Identifier: Apache-2.0 */
#include "execute.h"

#include "books.h"
#include "error.h"
#include "interrupt.h"
#include "verify.h"

gboolean replay_execution_init(struct replay_execution *execution, GError **error)
{
    execution->slots = execution->summary->peak_slots;
    execution->last_cpu = G_MAXUINT;
    execution->cpu = g_new0(struct replay_cpu, execution->cpus);
    execution->failure = g_new0(struct replay_failure, REPLAY_FAILURES_KEPT);
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
    g_free(execution->failure);
    replay_lowmem_clear(&execution->low);
    execution->slot = NULL;
    execution->failure = NULL;
    execution->cpu = NULL;
}

/* What an allocation or a realloc asks for; *object is the one to be resized, else the result. */
static enum replay_status request(struct replay_execution *execution,
                                  const struct trace_event *event, guint cpu, guint64 align,
                                  void **object)
{
    struct replay_backend *backend = execution->backend;
    if (replay_lowmem_serves(&execution->low, event) && backend->ops->low_alloc != NULL)
        return backend->ops->low_alloc(backend, cpu, event->size, align, object);
    if (event->kind == TRACE_PAGE_ALLOC)
        return backend->ops->page_alloc(backend, cpu, event->order, object);
    if (event->kind == TRACE_REALLOC)
        return backend->ops->realloc(backend, cpu, object, event->size, align);
    guint cache = replay_cache_of(execution->caches, event);
    if (cache != REPLAY_NO_CACHE && backend->ops->cache_alloc != NULL)
        return backend->ops->cache_alloc(backend, cpu, cache, object);
    return backend->ops->alloc(backend, cpu, event->size, align, object);
}

/* The same, with further regions while memory is short and there are some. */
static enum replay_status request_growing(struct replay_execution *execution,
                                          const struct trace_event *event, guint cpu, guint64 align,
                                          void **object)
{
    enum replay_status status = request(execution, event, cpu, align, object);
    gboolean low = replay_lowmem_serves(&execution->low, event);
    while (status == REPLAY_NO_MEMORY && replay_regions_in_reserve(execution->regions, low)) {
        status =
            replay_regions_hand_over(execution->regions, execution->backend, execution->events);
        if (status != REPLAY_OK)
            break;
        status = request(execution, event, cpu, align, object);
    }
    return status;
}

/* What was free when a request failed; NULL where the allocator does not tell. */
static const guint64 *free_blocks_now(struct replay_execution *execution)
{
    struct replay_backend *backend = execution->backend;
    gboolean known = backend->ops->free_blocks != NULL &&
                     backend->ops->free_blocks(backend, execution->free_blocks) == REPLAY_OK;
    return known ? execution->free_blocks : NULL;
}

/* Before a free or a realloc: is the object as it was left? */
static gboolean check_object(const struct replay_execution *execution,
                             const struct replay_slot *slot, const struct trace_event *event,
                             GError **error)
{
    guint64 place = replay_verify_find(slot->address, slot->requested, slot->born);
    if (place == slot->requested)
        return TRUE;
    replay_verify_say(execution->backend->last_error, sizeof(execution->backend->last_error),
                      slot->address, place, slot->requested, slot->born);
    return replay_allocator_error(execution, event, slot->cpu, error);
}

static gboolean act_free(struct replay_execution *execution, const struct trace_event *event,
                         guint cpu, GError **error)
{
    struct replay_backend *backend = execution->backend;
    const struct replay_slot *slot = &execution->slot[event->slot];
    if (slot->failed)
        return TRUE;
    if (execution->verify && !check_object(execution, slot, event, error))
        return FALSE;
    enum replay_status status =
        slot->order != SLOT_NO_ORDER
            ? backend->ops->page_free(backend, cpu, slot->address, slot->order)
            : backend->ops->free(backend, cpu, slot->address);
    return status == REPLAY_OK || replay_allocator_error(execution, event, cpu, error);
}

/* What was handed out is checked before it is written to. */
static gboolean verify_new(const struct replay_execution *execution,
                           const struct trace_event *event, guint cpu, void *address, guint64 kept,
                           guint64 tag, GError **error)
{
    struct replay_backend *backend = execution->backend;
    guint64 from = MIN(kept, event->size);
    guint64 align = replay_event_align(execution, event);
    guint64 place;
    if (!replay_verify_place(backend->last_error, sizeof(backend->last_error), address, event->size,
                             align, execution->regions))
        return replay_allocator_error(execution, event, cpu, error);
    place = replay_verify_find(address, from, tag);
    if (place != from) {
        replay_verify_say(backend->last_error, sizeof(backend->last_error), address, place, from,
                          tag);
        return replay_allocator_error(execution, event, cpu, error);
    }
    replay_verify_fill(address, from, event->size, tag);
    return TRUE;
}

static gboolean act_request(struct replay_execution *execution, const struct trace_event *event,
                            guint cpu, struct replay_outcome *outcome, GError **error)
{
    const struct replay_slot *slot = &execution->slot[event->slot];
    gboolean resizes = event->kind == TRACE_REALLOC;
    void *address = resizes ? slot->address : NULL;
    if (resizes && slot->failed)
        return TRUE;
    if (resizes && execution->verify && !check_object(execution, slot, event, error))
        return FALSE;
    enum replay_status status =
        request_growing(execution, event, cpu, replay_event_align(execution, event), &address);
    if (status == REPLAY_ERROR)
        return replay_allocator_error(execution, event, cpu, error);
    if (status != REPLAY_OK) {
        outcome->status = REPLAY_OP_FAILED;
        outcome->free_blocks = free_blocks_now(execution);
        outcome->usable = replay_usable_pages(
            execution->backend, replay_lowmem_serves(&execution->low, event), outcome->free_blocks);
        return TRUE;
    }
    outcome->status = REPLAY_OP_DONE;
    outcome->address = address;
    return !execution->verify ||
           verify_new(execution, event, cpu, address, resizes ? slot->requested : 0,
                      resizes ? slot->born : replay_event_tag(event), error);
}

gboolean replay_step(struct replay_execution *execution, const struct trace_event *event, guint cpu,
                     GError **error)
{
    struct replay_outcome outcome = {.status = REPLAY_OP_SKIPPED};
    if (replay_event_asks(event)) {
        if (!replay_books_read(execution, event, error) ||
            !(trace_kind_is_free(event->kind)
                  ? act_free(execution, event, cpu, error)
                  : act_request(execution, event, cpu, &outcome, error)))
            return FALSE;
    }
    return replay_books_enter(execution, event, cpu, &outcome, error);
}

gboolean replay_never_sample(gpointer data, struct replay_execution *execution, gboolean peak,
                             GError **error)
{
    (void)data;
    (void)execution;
    (void)peak;
    (void)error;
    return TRUE;
}

const void *replay_object_address(const struct replay_execution *execution, guint64 slot)
{
    return execution->slot[slot].address;
}

gboolean replay_goes_on(struct replay_execution *execution)
{
    if (replay_interrupted() || (execution->failure_ends && execution->failed > 0))
        execution->partial = TRUE;
    return !execution->partial;
}

gboolean replay_check_left(struct replay_execution *execution, GError **error)
{
    struct replay_backend *backend = execution->backend;
    for (guint64 i = 0; execution->verify && i < execution->slots; i++) {
        const struct replay_slot *slot = &execution->slot[i];
        guint64 place = slot->address == NULL
                            ? slot->requested
                            : replay_verify_find(slot->address, slot->requested, slot->born);
        if (place == slot->requested)
            continue;
        replay_verify_say(backend->last_error, sizeof(backend->last_error), slot->address, place,
                          slot->requested, slot->born);
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "after the last event: %s",
                    backend->last_error);
        return FALSE;
    }
    return TRUE;
}

gboolean replay_run(struct replay_execution *execution, GError **error)
{
    const struct trace_event *events;
    guint32 count;
    int more;
    while ((more = trace_next_events(execution->reader, &events, &count, error)) == 1) {
        for (guint32 i = 0; i < count; i++) {
            guint cpu = replay_schedule_cpu(execution->schedule, &events[i]);
            if (!replay_step(execution, &events[i], cpu, error))
                return FALSE;
            if (!replay_goes_on(execution))
                return TRUE;
        }
    }
    return more == 0 && replay_check_left(execution, error);
}
