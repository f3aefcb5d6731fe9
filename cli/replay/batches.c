/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <string.h>

#include "books.h"
#include "control.h"
#include "error.h"

#define NO_OP G_MAXUINT32

static guint runner_of(const struct replay_batches *batches, guint cpu)
{
    return batches->batch.shared->terms.runners == 1 ? 0 : cpu;
}

/* Events until the next one after which something looks at the allocator, as it does when most is
 * requested; the prelude is done before the first. */
static guint room(const struct replay_batches *batches)
{
    const struct replay_execution *execution = batches->execution;
    guint64 next = MIN(execution->observer->next, execution->control.next);
    guint64 peak = execution->summary->peak_event;
    if (peak > execution->events)
        next = MIN(next, peak);
    guint64 most = batches->batch.shared->terms.capacity;
    if (execution->placed < execution->summary->prelude)
        return (guint)MIN(most, execution->summary->prelude - execution->placed);
    return (guint)(next > execution->events ? MIN(most, next - execution->events) : most);
}

/* Fills event[] and cpu[], and counts each runner's ops. 1, 0 when there are no more, -1. */
static int read_events(struct replay_batches *batches, GError **error)
{
    struct replay_execution *execution = batches->execution;
    const struct replay_batch *batch = &batches->batch;
    guint most = room(batches);
    int more = 1;
    for (guint i = 0; i < batch->shared->terms.runners; i++)
        batch->runner[i].count = 0;
    for (batches->count = 0; batches->count < most && more == 1; batches->count++) {
        struct trace_event *event = &batches->event[batches->count];
        more = trace_next(execution->reader, event, error);
        if (more != 1)
            break;
        guint cpu = replay_schedule_cpu(execution->schedule, event);
        batches->cpu[batches->count] = (guint16)cpu;
        if (replay_event_asks(event))
            batch->runner[runner_of(batches, cpu)].count++;
    }
    return more == 0 && batches->count > 0 ? 1 : more;
}

static guint8 log2_of(guint64 value)
{
    return (guint8)(value <= 1 ? 0 : 63 - __builtin_clzll(value));
}

/* An event that asks, as an op in its runner's part. */
static gboolean place_op(struct replay_batches *batches, guint32 seq, GError **error)
{
    struct replay_execution *execution = batches->execution;
    const struct replay_batch *batch = &batches->batch;
    const struct trace_event *event = &batches->event[seq];
    if (!replay_books_read(execution, event, error))
        return FALSE;
    struct replay_slot *slot = &execution->slot[event->slot];
    guint cpu = batches->cpu[seq];
    guint32 index = batches->next[runner_of(batches, cpu)]++;
    gboolean begins = trace_kind_is_alloc(event->kind);
    gboolean here = !begins && slot->batch == batches->number;
    struct replay_op *op = &batch->op[index];
    *op = (struct replay_op){
        .address = begins || here ? NULL : slot->address,
        .size = event->size,
        .seq = seq,
        .before = here ? slot->op : 0,
        .cpu = (guint16)cpu,
        .by = here ? (guint16)runner_of(batches, batch->op[slot->op - 1].cpu) : 0,
        .kind = event->kind,
        .align = log2_of(replay_event_align(execution, event)),
        .order = event->order,
    };
    if (replay_lowmem_serves(&execution->low, event))
        op->align |= REPLAY_OP_LOW;
    if (trace_kind_is_free(event->kind)) {
        op->kind = slot->pages ? TRACE_PAGE_FREE : TRACE_FREE;
        op->order = here ? batch->op[slot->op - 1].order : slot->order;
    }
    if (begins) {
        guint cache = replay_cache_of(execution->caches, event);
        op->cache = cache != REPLAY_NO_CACHE ? (guint16)(cache + 1) : 0;
        slot->born = replay_event_tag(event);
    }
    batch->held[index] =
        (struct replay_held){.size = begins ? 0 : slot->requested, .tag = slot->born};
    batch->time_ns[index] = event->time_ns;
    batches->place[seq] = index;
    slot->batch = batches->number;
    slot->op = index + 1;
    return TRUE;
}

static gboolean place_ops(struct replay_batches *batches, GError **error)
{
    const struct replay_batch *batch = &batches->batch;
    guint32 first = 0;
    for (guint i = 0; i < batch->shared->terms.runners; i++) {
        batch->runner[i].first = batches->next[i] = first;
        first += batch->runner[i].count;
    }
    for (guint32 seq = 0; seq < batches->count; seq++) {
        batches->place[seq] = NO_OP;
        if (replay_event_asks(&batches->event[seq]) && !place_op(batches, seq, error))
            return FALSE;
    }
    return TRUE;
}

/* Before the runners start: nobody has done anything; who has nothing to do holds nobody up. */
static void arm(struct replay_batches *batches)
{
    const struct replay_batch *batch = &batches->batch;
    struct replay_batch_shared *shared = batch->shared;
    atomic_store(&shared->shortages, 0);
    shared->base = batches->execution->events;
    shared->first_ns = batches->event[0].time_ns;
    for (guint i = 0; i < shared->terms.runners; i++) {
        struct replay_runner *runner = &batch->runner[i];
        atomic_store(&runner->at, runner->first);
        atomic_store(&runner->wait, REPLAY_RUNS);
        atomic_store(&runner->done,
                     runner->count == 0 ? REPLAY_ALL_DONE : batch->op[runner->first].seq);
    }
}

/* What was free when the op failed. */
static void tell_shortage(const struct replay_batches *batches, guint32 index,
                          struct replay_outcome *outcome)
{
    const struct replay_batch_shared *shared = batches->batch.shared;
    guint count = MIN(atomic_load(&shared->shortages), REPLAY_SHORTAGES);
    for (guint i = 0; i < count; i++) {
        const struct replay_shortage *shortage = &shared->shortage[i];
        if (shortage->index != index || !shortage->known)
            continue;
        outcome->free_blocks = shortage->free_blocks;
        outcome->usable = shortage->usable;
    }
}

/* Where the replay was ended within the batch, what was not run is not entered. */
static gboolean is_entered(const struct replay_batches *batches, guint seq)
{
    guint32 index = batches->place[seq];
    return index == NO_OP || batches->batch.op[index].status != REPLAY_OP_NOT_RUN;
}

/* What has been done, in recorded order. */
static gboolean settle(struct replay_batches *batches, GError **error)
{
    struct replay_execution *execution = batches->execution;
    guint count = batches->count;
    while (count > 0 && !is_entered(batches, count - 1))
        count--;
    for (guint seq = 0; seq < count; seq++) {
        struct replay_outcome outcome = {.status = REPLAY_OP_SKIPPED};
        execution->ahead = seq + 1 < count;
        guint32 index = batches->place[seq];
        if (index != NO_OP) {
            const struct replay_op *op = &batches->batch.op[index];
            outcome.status = op->status;
            outcome.address = op->address;
            if (op->status == REPLAY_OP_NOT_RUN)
                continue;
            if (op->status == REPLAY_OP_FAILED)
                tell_shortage(batches, index, &outcome);
        }
        if (!replay_books_enter(execution, &batches->event[seq], batches->cpu[seq], &outcome,
                                error))
            return FALSE;
    }
    execution->ahead = FALSE;
    return TRUE;
}

static gboolean run_batch(struct replay_batches *batches, GError **error)
{
    arm(batches);
    if (!batches->host->run(batches->host, &batches->batch, error))
        return FALSE;
    batches->batch.shared->before = (struct replay_before){0};
    replay_measure_batch(batches->measure, &batches->batch);
    return TRUE;
}

static gboolean look_at_memory(struct replay_batches *batches, GError **error)
{
    struct replay_memory_now now;
    if (batches->host->memory == NULL)
        return TRUE;
    if (!batches->host->memory(batches->host, &now, error))
        return FALSE;
    replay_measure_memory(batches->measure, batches->execution, &now);
    return TRUE;
}

/* Each object that is left, as an op that looks at it: as many batches as it takes. */
static gboolean check_what_is_left(struct replay_batches *batches, GError **error)
{
    const struct replay_execution *execution = batches->execution;
    const struct replay_batch *batch = &batches->batch;
    guint64 slot = 0;
    while (slot < execution->slots) {
        guint32 count = 0;
        for (; slot < execution->slots && count < batch->shared->terms.capacity; slot++) {
            const struct replay_slot *object = &execution->slot[slot];
            if (object->address == NULL)
                continue;
            batch->op[count] = (struct replay_op){
                .address = object->address,
                .size = object->requested,
                .seq = count,
                .kind = REPLAY_OP_CHECK,
            };
            batch->held[count] = (struct replay_held){object->requested, object->born};
            batch->time_ns[count++] = 0;
        }
        for (guint i = 0; i < batch->shared->terms.runners; i++) {
            batch->runner[i].first = 0;
            batch->runner[i].count = i == 0 ? count : 0;
        }
        batches->event[0].time_ns = 0;
        arm(batches);
        if (count > 0 && !batches->host->run(batches->host, batch, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean run_all(struct replay_batches *batches, GError **error)
{
    const struct replay_terms *terms = &batches->batch.shared->terms;
    int more;
    while ((more = read_events(batches, error)) == 1) {
        batches->number++;
        if (!place_ops(batches, error) || !run_batch(batches, error) || !settle(batches, error) ||
            !look_at_memory(batches, error))
            return FALSE;
        if (!replay_goes_on(batches->execution))
            return TRUE;
    }
    return more == 0 && (!terms->verify || check_what_is_left(batches, error));
}

gboolean replay_batches_run(struct replay_batches *batches, GError **error)
{
    const struct replay_terms *terms = &batches->batch.shared->terms;
    batches->event = g_new(struct trace_event, terms->capacity);
    batches->cpu = g_new(guint16, terms->capacity);
    batches->place = g_new(guint32, terms->capacity);
    batches->next = g_new(guint32, terms->runners);
    gboolean ok = look_at_memory(batches, error) && run_all(batches, error);
    g_free(batches->event);
    g_free(batches->cpu);
    g_free(batches->place);
    g_free(batches->next);
    return ok;
}
