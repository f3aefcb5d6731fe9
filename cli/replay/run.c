/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "batches.h"
#include "error.h"
#include "guard.h"
#include "host.h"
#include "process.h"

static struct replay_terms terms_of(const struct replay_options *options, guint cpus,
                                    guint capacity, enum replay_touch by_use)
{
    const struct replay_engine_options *engine = &options->engine;
    guint runners = engine->order == REPLAY_STRICT ? 1 : cpus;
    /* A batch for one runner fits into its cache; several runners begin one at different moments,
     * and so not too often. */
    guint most = runners == 1 ? REPLAY_BATCH_OPS / 4 : REPLAY_BATCH_OPS;
    return (struct replay_terms){
        .runners = runners,
        .capacity = MIN(capacity, most),
        .window = engine->order == REPLAY_CAUSAL ? engine->window : 0,
        .touch = engine->touch == REPLAY_TOUCH_BY_USE ? by_use : engine->touch,
        .verify = engine->verify ? 1 : 0,
        .latency = engine->latency ? 1 : 0,
        .paced = engine->order == REPLAY_PACED,
        .failure_ends = engine->failure_ends ? 1 : 0,
        .page_size = options->page_size,
        .speed = engine->speed,
    };
}

/* Memory that another process can be given, by its file. */
static gboolean open_batch(struct replay_batch *batch, int *file, const struct replay_terms *terms,
                           GError **error)
{
    gsize bytes = replay_batch_bytes(terms);
    void *memory = MAP_FAILED;
    *file = memfd_create("bsa-replay", MFD_CLOEXEC);
    if (*file >= 0 && ftruncate(*file, (off_t)bytes) == 0)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
    if (memory != MAP_FAILED) {
        replay_batch_at(batch, memory, terms);
        batch->shared->terms = *terms;
        return TRUE;
    }
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "no memory for a batch of events (%" G_GSIZE_FORMAT " bytes): %s", bytes,
                g_strerror(errno));
    return FALSE;
}

static void close_batch(const struct replay_batch *batch, int file)
{
    if (batch->shared != NULL)
        munmap(batch->shared, replay_batch_bytes(&batch->shared->terms));
    if (file >= 0)
        close(file);
}

static gboolean run_here(struct replay_session *session, const struct replay_options *options,
                         struct replay_measure *measure, GError **error)
{
    struct replay_execution *execution = &session->execution;
    struct replay_terms terms =
        terms_of(options, execution->cpus, REPLAY_BATCH_OPS, REPLAY_TOUCH_NONE);
    struct replay_batches batches = {.execution = execution, .measure = measure};
    struct replay_here *here = g_new0(struct replay_here, 1);
    int file;
    gboolean ok = open_batch(&batches.batch, &file, &terms, error);
    if (ok) {
        batches.host = &here->host;
        replay_here_open(here, &batches.batch, execution->backend, execution->regions,
                         options->engine.watchdog);
        ok = replay_batches_run(&batches, error);
        replay_measure_finish(measure, &batches.batch);
        if (here->stuck) {
            session->stuck = TRUE; /* the runners go on using all of this */
            return FALSE;
        }
        replay_here_close(here);
    }
    close_batch(&batches.batch, file);
    g_free(here);
    return ok;
}

gboolean replay_session_run(struct replay_session *session, const struct replay_options *options,
                            struct replay_measure *measure, GError **error)
{
    if (!replay_control_act(&session->execution, error))
        return FALSE;
    if (options->engine.order != REPLAY_STRICT)
        return run_here(session, options, measure, error);
    struct replay_guard guard;
    replay_guard_begin(&guard, &session->execution, options->engine.watchdog);
    gboolean ok = options->threads ? replay_run_threads(&session->execution, error)
                                   : replay_run(&session->execution, error);
    replay_guard_end(&guard);
    return ok;
}

/* In the parent, where nobody allocates: what the books have to know. What is done to the allocator
 * between events is left to the process that has it. */
struct absent {
    struct replay_backend backend;
    struct replay_backend_ops ops;
    struct replay_before *before; /* of the next batch */
    guint regions;
};

static enum replay_status absent_add_region(struct replay_backend *backend, void *start,
                                            guint64 bytes)
{
    struct absent *absent = (struct absent *)backend;
    (void)start;
    (void)bytes;
    absent->before->regions = ++absent->regions;
    return REPLAY_OK;
}

static enum replay_status absent_reclaim(struct replay_backend *backend, guint64 *bytes)
{
    *bytes = 0; /* nobody counts it */
    ((struct absent *)backend)->before->reclaim = 1;
    return REPLAY_OK;
}

static enum replay_status absent_close(struct replay_backend *backend, guint64 *live)
{
    *live = 0;
    g_free(backend);
    return REPLAY_OK;
}

static struct replay_backend *absent_open(const char *name, guint64 page_size)
{
    struct absent *absent = g_new0(struct absent, 1);
    absent->ops.name = name;
    absent->ops.close = absent_close;
    absent->ops.add_region = absent_add_region;
    absent->backend.ops = &absent->ops;
    absent->backend.version = "";
    absent->backend.page_size = page_size;
    return &absent->backend;
}

struct beginning {
    struct replay_session *session;
    const struct replay_options *options;
    enum replay_allocator_kind kind;
};

static struct replay_backend *begin(gpointer data, GError **error)
{
    struct beginning *beginning = data;
    guint cpus = beginning->session->execution.cpus;
    if (beginning->kind == REPLAY_BUDDYSLAB)
        return replay_session_backend(beginning->session, beginning->options, cpus, error);
    struct replay_backend *backend = replay_backend_null(cpus, beginning->options->page_size);
    if (backend == NULL)
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                    "no address space for the null backend: %s", g_strerror(errno));
    return backend;
}

/* Regions at their events, and reclaims, are for the library alone. */
static gboolean begin_absent(struct replay_session *session,
                             const struct replay_allocator *allocator,
                             struct replay_batch_shared *shared, GError **error)
{
    struct replay_execution *execution = &session->execution;
    struct absent *absent = (struct absent *)execution->backend;
    absent->before = &shared->before;
    if (allocator->kind == REPLAY_BUDDYSLAB) {
        session->regions.used = absent->regions = 1; /* as the process begins */
        execution->control.regions = &session->regions;
        absent->ops.reclaim = absent_reclaim;
    }
    return replay_control_act(execution, error);
}

static gboolean run_process(struct replay_session *session, const struct replay_options *options,
                            const struct replay_allocator *allocator, const char *name,
                            struct replay_measure *measure, GError **error)
{
    struct replay_execution *execution = &session->execution;
    /* Memory is looked at after each batch: often enough for a mean, however short the trace. */
    guint capacity = (guint)CLAMP(execution->summary->events / 128, 1024, REPLAY_BATCH_OPS);
    struct replay_terms terms = terms_of(options, execution->cpus, capacity, REPLAY_TOUCH_FIRST);
    struct replay_batches batches = {.execution = execution, .measure = measure};
    struct replay_process process = {.channel = -1};
    struct beginning beginning = {session, options, allocator->kind};
    struct replay_start start = {
        .open = begin,
        .data = &beginning,
        .regions = allocator->kind == REPLAY_BUDDYSLAB ? &session->regions : NULL,
    };
    int file;
    if (allocator->kind == REPLAY_BUDDYSLAB &&
        !replay_regions_reserve(&session->regions, options, execution->summary, execution->cpus,
                                error))
        return FALSE;
    gboolean ok = open_batch(&batches.batch, &file, &terms, error) &&
                  begin_absent(session, allocator, batches.batch.shared, error) &&
                  replay_process_open(&process, name, allocator, &batches.batch, file, &start,
                                      options->engine.watchdog, error);
    if (ok) {
        batches.host = &process.host;
        ok = replay_batches_run(&batches, error);
        replay_measure_finish(measure, &batches.batch);
    }
    replay_process_close(&process);
    close_batch(&batches.batch, file);
    return ok;
}

gboolean replay_run_process(struct replay_session *session, const struct replay_options *options,
                            const char *name, trace_reader *reader, struct progress *progress,
                            struct replay_measure *measure, GError **error)
{
    static struct replay_observer nobody = {.next = G_MAXUINT64, .sample = replay_never_sample};
    struct replay_execution *execution = &session->execution;
    struct replay_allocator allocator;
    memset(session, 0, sizeof(*session));
    if (!replay_allocator_find(name, &allocator)) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND, "no backend is called %s",
                    name);
        return FALSE;
    }
    execution->backend = absent_open(name, options->page_size);
    gboolean ok = replay_session_prepare(session, options, reader, &nobody, progress, error);
    if (allocator.kind != REPLAY_BUDDYSLAB)
        execution->caches = NULL; /* others get sizes */
    ok = ok && run_process(session, options, &allocator, name, measure, error);
    for (guint i = 0; i <= REPLAY_BLOCKS; i++)
        execution->live_end += execution->account.live[i].count;
    return ok;
}
