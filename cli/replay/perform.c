/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measured loop. A runner takes its ops one after the other; before one it may have to wait:
 * for the op of another runner that leaves the object, for the slowest runner when it is a window
 * ahead, for its time when the replay is paced. Its done is the only thing that others read:
 * published with a release after each op, so that who sees it sees the op's address and the object.
 */
#include "perform.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "verify.h"

#define SPINS 256u           /* looks at another runner before the processor is given up */
#define YIELDS 64u           /* times it is given up before the runner sleeps */
#define NAP_NS 50000         /* how long */
#define PACED_SPIN_NS 100000 /* the last part of a pause is waited for awake */

struct runner {
    struct replay_crew *crew;
    const struct replay_batch *batch;
    struct replay_backend *backend;
    struct replay_runner *self;
    const struct replay_terms *terms;
    guint number;
    guint64 horizon; /* ops below it are within the window */
    guint64 page;    /* of the system */
};

gboolean replay_break(const struct replay_batch *batch, const char *format, ...)
{
    guint32 nobody = 0;
    if (atomic_compare_exchange_strong(&batch->shared->broken, &nobody, 1)) {
        va_list arguments;
        va_start(arguments, format);
        g_vsnprintf(batch->shared->error, sizeof(batch->shared->error), format, arguments);
        va_end(arguments);
    }
    atomic_store(&batch->shared->stop, 1);
    return FALSE;
}

static guint64 event_of(const struct runner *r, const struct replay_op *op)
{
    return r->batch->shared->base + op->seq + 1;
}

static gboolean op_error(const struct runner *r, const struct replay_op *op, const char *what)
{
    return replay_break(r->batch, "event %" G_GUINT64_FORMAT " on CPU %u: %s", event_of(r, op),
                        op->cpu, what);
}

static gboolean stopped(const struct runner *r)
{
    return atomic_load_explicit(&r->batch->shared->stop, memory_order_relaxed) != 0;
}

/* Longer each time; a processor that is needed elsewhere is given up. */
static void pause_a_little(guint *times)
{
    (*times)++;
    if (*times < SPINS)
        return;
    if (*times < SPINS + YIELDS) {
        sched_yield();
        return;
    }
    nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

/* Until a runner's done is above seq; false when everybody stops. */
static gboolean wait_for(struct runner *r, guint whom, guint32 seq, enum replay_wait why)
{
    _Atomic guint32 *done = &r->batch->runner[whom].done;
    guint times = 0;
    atomic_store_explicit(&r->self->whom, whom, memory_order_relaxed);
    atomic_store_explicit(&r->self->wait, why, memory_order_release);
    gint64 start = replay_now_ns();
    while (atomic_load_explicit(done, memory_order_acquire) <= seq && !stopped(r))
        pause_a_little(&times);
    guint64 waited = (guint64)(replay_now_ns() - start);
    atomic_store_explicit(&r->self->wait, REPLAY_RUNS, memory_order_release);
    if (why == REPLAY_WAITS_OBJECT) {
        r->self->object_waits++;
        r->self->object_wait_ns += waited;
    } else {
        r->self->window_waits++;
        r->self->window_wait_ns += waited;
    }
    return !stopped(r);
}

/* How far the slowest runner lets this one go; whoever is too slow is waited for. */
static gboolean wait_window(struct runner *r, const struct replay_op *op)
{
    while (op->seq >= r->horizon) {
        guint32 slowest = REPLAY_ALL_DONE;
        guint whom = r->number;
        for (guint i = 0; i < r->terms->runners; i++) {
            guint32 done = atomic_load_explicit(&r->batch->runner[i].done, memory_order_acquire);
            if (i != r->number && done < slowest) {
                slowest = done;
                whom = i;
            }
        }
        r->horizon = slowest == REPLAY_ALL_DONE ? G_MAXUINT64 : (guint64)slowest + r->terms->window;
        if (op->seq >= r->horizon &&
            !wait_for(r, whom, op->seq - r->terms->window, REPLAY_WAITS_WINDOW))
            return FALSE;
    }
    return TRUE;
}

/* The recorded time of the op, counted from that of the batch's first. */
static gboolean wait_time(struct runner *r, const struct replay_op *op)
{
    guint64 recorded = r->batch->time_ns[op - r->batch->op];
    guint64 first = r->crew->paced_first;
    double distance = recorded > first ? (double)(recorded - first) / r->terms->speed : 0.0;
    gint64 due = r->crew->paced_ns + (gint64)distance, now;
    atomic_store_explicit(&r->self->wait, REPLAY_WAITS_TIME, memory_order_release);
    while ((now = replay_now_ns()) < due && !stopped(r)) {
        gint64 rest = MIN(due - now - PACED_SPIN_NS, 100000000);
        if (rest > 0)
            nanosleep(&(struct timespec){.tv_nsec = (long)rest}, NULL);
        else
            sched_yield();
    }
    atomic_store_explicit(&r->self->wait, REPLAY_RUNS, memory_order_release);
    replay_latency_add(&r->self->late, (guint64)MAX(now - due, 0));
    return !stopped(r);
}

static gboolean may_run(struct runner *r, const struct replay_op *op)
{
    if (op->before != 0 && op->by != r->number) {
        guint32 seq = r->batch->op[op->before - 1].seq;
        if (atomic_load_explicit(&r->batch->runner[op->by].done, memory_order_acquire) <= seq &&
            !wait_for(r, op->by, seq, REPLAY_WAITS_OBJECT))
            return FALSE;
    }
    if (op->seq >= r->horizon && !wait_window(r, op))
        return FALSE;
    return !r->terms->paced || wait_time(r, op);
}

static enum replay_status request(struct runner *r, const struct replay_op *op, void **object)
{
    const struct replay_backend_ops *ops = r->backend->ops;
    guint64 align = replay_op_align(op);
    gboolean named = op->cache != 0 && ops->cache_alloc != NULL; /* of an allocation */
    enum replay_status status;
    if (replay_op_is_low(op) && ops->low_alloc != NULL)
        return ops->low_alloc(r->backend, op->cpu, op->size, align, object);
    switch (op->kind) {
    case TRACE_PAGE_ALLOC:
        return ops->page_alloc(r->backend, op->cpu, op->order, object);
    case TRACE_REALLOC:
        return ops->realloc(r->backend, op->cpu, object, op->size, align);
    case TRACE_CALLOC:
        if (ops->calloc != NULL && !named)
            return ops->calloc(r->backend, op->cpu, op->size, align, object);
        status = named ? ops->cache_alloc(r->backend, op->cpu, op->cache - 1u, object)
                       : ops->alloc(r->backend, op->cpu, op->size, align, object);
        if (status == REPLAY_OK && !r->backend->no_memory_behind)
            memset(*object, 0, (gsize)op->size);
        return status;
    default:
        if (named)
            return ops->cache_alloc(r->backend, op->cpu, op->cache - 1u, object);
        return ops->alloc(r->backend, op->cpu, op->size, align, object);
    }
}

/* Hands out regions until the request is served or there are none. */
static enum replay_status request_growing(struct runner *r, const struct replay_op *op,
                                          void **object)
{
    struct replay_regions *regions = r->crew->regions;
    pthread_mutex_lock(&r->crew->lock);
    enum replay_status status = request(r, op, object); /* another runner may have brought one */
    while (status == REPLAY_NO_MEMORY && replay_regions_in_reserve(regions, replay_op_is_low(op))) {
        status = replay_regions_hand_over(regions, r->backend, event_of(r, op) - 1);
        if (status == REPLAY_OK)
            status = request(r, op, object);
    }
    pthread_mutex_unlock(&r->crew->lock);
    return status;
}

static void note_shortage(struct runner *r, const struct replay_op *op)
{
    struct replay_batch_shared *shared = r->batch->shared;
    guint32 number = atomic_fetch_add(&shared->shortages, 1);
    if (number < REPLAY_SHORTAGES) {
        struct replay_shortage *shortage = &shared->shortage[number];
        shortage->index = (guint32)(op - r->batch->op);
        shortage->known =
            r->backend->ops->free_blocks != NULL &&
            r->backend->ops->free_blocks(r->backend, shortage->free_blocks) == REPLAY_OK;
        if (shortage->known)
            shortage->usable =
                replay_usable_pages(r->backend, replay_op_is_low(op), shortage->free_blocks);
    }
    if (r->terms->failure_ends)
        atomic_store(&shared->stop, 1);
}

/* One byte of each page, or all: what is handed out is there to be written to. */
static void touch(const struct runner *r, void *object, guint64 from, guint64 to)
{
    volatile guint8 *bytes = object;
    if (r->terms->touch == REPLAY_TOUCH_ALL) {
        memset((guint8 *)object + from, 0x5a, (gsize)(to - from));
        return;
    }
    for (guint64 place = from; place < to;) {
        bytes[place] = 0x5a;
        guint64 into = ((guintptr)object + place) & (r->page - 1);
        place += r->page - into;
    }
}

static gboolean check(struct runner *r, const struct replay_op *op, const void *object,
                      guint64 bytes, guint64 tag, const char *when)
{
    char what[384];
    guint64 place = replay_verify_find(object, bytes, tag);
    if (place == bytes)
        return TRUE;
    replay_verify_say(what, sizeof(what), object, place, bytes, tag);
    char text[448];
    g_snprintf(text, sizeof(text), "%s: %s", when, what);
    return op_error(r, op, text);
}

static gboolean check_place(struct runner *r, const struct replay_op *op)
{
    char text[256];
    guint64 align = op->kind == TRACE_PAGE_ALLOC ? op->size : replay_op_align(op);
    return replay_verify_place(text, sizeof(text), op->address, op->size, align,
                               r->crew->regions) ||
           op_error(r, op, text);
}

/* After a request that was served. from: bytes that a realloc kept. */
static gboolean receive(struct runner *r, const struct replay_op *op, guint64 kept)
{
    guint64 index = (guint64)(op - r->batch->op);
    guint64 from = MIN(kept, op->size);
    if (r->terms->verify) {
        struct replay_held *held = &r->batch->held[index];
        if (!check_place(r, op) || !check(r, op, op->address, from, held->tag, "after a realloc"))
            return FALSE;
        replay_verify_fill(op->address, from, op->size, held->tag);
        held->size = op->size;
    } else if (r->terms->touch != REPLAY_TOUCH_NONE && from < op->size &&
               !r->backend->no_memory_behind) {
        touch(r, op->address, from, op->size);
    }
    return TRUE;
}

static gboolean serve(struct runner *r, struct replay_op *op, void *object, guint64 kept)
{
    gboolean timed = r->terms->latency != 0;
    guint64 start = timed ? replay_ticks() : 0;
    enum replay_status status = request(r, op, &object);
    guint64 end = timed ? replay_ticks() : 0;
    if (status == REPLAY_NO_MEMORY && r->crew->regions != NULL)
        status = request_growing(r, op, &object);
    if (status == REPLAY_ERROR)
        return op_error(r, op, r->backend->last_error);
    op->status = status == REPLAY_OK ? REPLAY_OP_DONE : REPLAY_OP_FAILED;
    op->address = object; /* what a realloc could not change is where it was */
    if (status != REPLAY_OK) {
        if (r->terms->verify)
            r->batch->held[op - r->batch->op].size = kept;
        note_shortage(r, op);
        return TRUE;
    }
    if (timed)
        replay_latency_add(&r->self->latency[op->kind == TRACE_PAGE_ALLOC ? REPLAY_CALL_PAGE_ALLOC
                                             : op->kind == TRACE_REALLOC  ? REPLAY_CALL_REALLOC
                                                                          : REPLAY_CALL_ALLOC],
                           end - start);
    return receive(r, op, kept);
}

static gboolean give_back(struct runner *r, struct replay_op *op, void *object)
{
    gboolean timed = r->terms->latency != 0, pages = op->kind == TRACE_PAGE_FREE;
    guint64 start = timed ? replay_ticks() : 0;
    enum replay_status status =
        pages ? r->backend->ops->page_free(r->backend, op->cpu, object, op->order)
              : r->backend->ops->free(r->backend, op->cpu, object);
    guint64 end = timed ? replay_ticks() : 0;
    if (timed)
        replay_latency_add(&r->self->latency[pages ? REPLAY_CALL_PAGE_FREE : REPLAY_CALL_FREE],
                           end - start);
    op->address = NULL;
    op->status = REPLAY_OP_DONE;
    return status == REPLAY_OK || op_error(r, op, r->backend->last_error);
}

static gboolean perform(struct runner *r, struct replay_op *op)
{
    const struct replay_batch *batch = r->batch;
    void *object = op->address;
    guint64 index = (guint64)(op - batch->op), kept = 0;
    if (op->kind == TRACE_FREE || op->kind == TRACE_PAGE_FREE || op->kind == TRACE_REALLOC ||
        op->kind == REPLAY_OP_CHECK) {
        if (op->before != 0)
            object = batch->op[op->before - 1].address;
        if (object == NULL) {
            op->status = REPLAY_OP_SKIPPED;
            return TRUE;
        }
        if (r->terms->verify) {
            kept = batch->held[op->before != 0 ? op->before - 1 : index].size;
            if (!check(r, op, object, kept, batch->held[index].tag,
                       op->kind == TRACE_REALLOC     ? "before a realloc"
                       : op->kind == REPLAY_OP_CHECK ? "after the last event"
                                                     : "before its free"))
                return FALSE;
        }
        if (op->kind != TRACE_REALLOC && op->kind != REPLAY_OP_CHECK)
            return give_back(r, op, object);
        if (op->kind == REPLAY_OP_CHECK) {
            op->status = REPLAY_OP_DONE;
            return TRUE;
        }
    }
    return serve(r, op, object, kept);
}

static void run_ops(struct runner *r)
{
    struct replay_op *op = &r->batch->op[r->self->first];
    for (const struct replay_op *end = op + r->self->count; op < end; op++) {
        atomic_store_explicit(&r->self->at, (guint32)(op - r->batch->op), memory_order_relaxed);
        if (stopped(r) || !may_run(r, op) || !perform(r, op))
            return;
        guint32 next = op + 1 < end ? op[1].seq : REPLAY_ALL_DONE;
        atomic_store_explicit(&r->self->done, next, memory_order_release);
    }
}

void replay_perform(struct replay_crew *crew, guint runner)
{
    const struct replay_batch *batch = &crew->batch;
    const struct replay_terms *terms = &batch->shared->terms;
    struct runner r = {
        .crew = crew,
        .batch = batch,
        .backend = crew->backend,
        .self = &batch->runner[runner],
        .terms = terms,
        .number = runner,
        .horizon = terms->window == 0 || terms->runners == 1 ? G_MAXUINT64 : 0,
        .page = (guint64)sysconf(_SC_PAGESIZE),
    };
    guint64 ticks = replay_ticks();
    r.self->start_ns = replay_now_ns();
    run_ops(&r);
    r.self->end_ns = replay_now_ns();
    r.self->ticks += replay_ticks() - ticks;
    r.self->ticks_ns += r.self->end_ns - r.self->start_ns;
    /* Who waits for a runner that was stopped has been stopped too. */
    atomic_store_explicit(&r.self->done, REPLAY_ALL_DONE, memory_order_release);
}
