/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>

#include "error.h"

guint replay_session_cpus(const struct replay_options *options, const struct trace_summary *summary)
{
    guint recorded = options->cpu_map == REPLAY_CPU_THREAD ? summary->threads : summary->cpus;
    return options->cpus != 0 ? options->cpus : CLAMP(recorded, 1, 4096);
}

/* A CPU that goes or comes has to be one. */
static gboolean check_switches(const struct replay_control *control, guint cpus, GError **error)
{
    for (guint i = 0; i < control->switches; i++) {
        const struct replay_cpu_switch *change = &control->cpu_switch[i];
        if (change->cpu < cpus)
            continue;
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_CPUS,
                    "--%s=%u@%" G_GUINT64_FORMAT ": there are CPUs 0 to %u",
                    change->online ? "online" : "offline", change->cpu, change->event, cpus - 1);
        return FALSE;
    }
    return TRUE;
}

gboolean replay_session_prepare(struct replay_session *session,
                                const struct replay_options *options, trace_reader *reader,
                                struct replay_observer *observer, struct progress *progress,
                                GError **error)
{
    struct replay_execution *execution = &session->execution;
    const struct trace_summary *summary = trace_summary(reader);
    const struct replay_engine_options *engine = &options->engine;
    guint cpus = replay_session_cpus(options, summary);
    replay_schedule_init(&session->schedule, options->cpu_map, cpus, summary->threads);
    replay_schedule_migrate(&session->schedule, engine->migrate, engine->seed);
    execution->reader = reader;
    replay_lowmem_init(&execution->low, reader, options->heap.low != 0);
    execution->summary = summary;
    execution->schedule = &session->schedule;
    execution->observer = observer;
    execution->progress = progress;
    execution->cpus = cpus;
    execution->default_align = summary->kernel ? 8 : 0; /* kmalloc's least alignment */
    execution->failure_ends = engine->failure_ends;
    execution->verify = engine->verify;
    execution->control = engine->control;
    execution->caches = options->heap.caches;
    execution->control.regions = execution->regions;
    return check_switches(&engine->control, cpus, error) && replay_execution_init(execution, error);
}

struct replay_backend *replay_session_backend(struct replay_session *session,
                                              const struct replay_options *options, guint cpus,
                                              GError **error)
{
    const struct replay_region *first = &session->regions.region[0];
    session->regions.used = 1;
    return replay_backend_buddyslab(first->start, first->bytes, cpus, &options->heap,
                                    options->page_size, options->engine.order != REPLAY_STRICT,
                                    error);
}

gboolean replay_session_open(struct replay_session *session, const struct replay_options *options,
                             trace_reader *reader, struct replay_observer *observer,
                             struct progress *progress, GError **error)
{
    struct replay_execution *execution = &session->execution;
    const struct trace_summary *summary = trace_summary(reader);
    guint cpus = replay_session_cpus(options, summary);
    memset(session, 0, sizeof(*session));
    if (!replay_regions_reserve(&session->regions, options, summary, cpus, error))
        return FALSE;
    execution->backend = replay_session_backend(session, options, cpus, error);
    execution->regions = &session->regions;
    return execution->backend != NULL &&
           replay_session_prepare(session, options, reader, observer, progress, error);
}

gboolean replay_session_finish(struct replay_session *session, GError **error)
{
    struct replay_execution *execution = &session->execution;
    struct replay_backend *backend = execution->backend;
    guint64 live = 0;
    session->counters = g_new0(struct replay_cache_counters, execution->cpus);
    enum replay_status status = backend->ops->validate(backend);
    for (guint cpu = 0; cpu < execution->cpus && status == REPLAY_OK; cpu++)
        status = backend->ops->counters(backend, cpu, &session->counters[cpu]);
    if (status != REPLAY_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "after the last event: %s",
                    backend->last_error);
        return FALSE;
    }
    for (guint i = 0; i <= REPLAY_BLOCKS; i++)
        execution->live_end += execution->account.live[i].count;
    enum replay_status closed = backend->ops->close(backend, &live);
    execution->backend = NULL;
    if (closed == REPLAY_OK && live == execution->live_end)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "the books disagree: %" G_GUINT64_FORMAT " objects and blocks alive at the end, "
                "%" G_GUINT64_FORMAT " counted by the allocator",
                execution->live_end, live);
    return FALSE;
}

void replay_session_clear(struct replay_session *session)
{
    if (session->stuck)
        return; /* runners are still at it: the end of the process clears it all */
    if (session->execution.backend != NULL) {
        guint64 live; /* the replay has failed: what is left of it does not matter */
        session->execution.backend->ops->close(session->execution.backend, &live);
    }
    g_free(session->counters);
    replay_execution_clear(&session->execution);
    replay_schedule_clear(&session->schedule);
    replay_regions_release(&session->regions);
    memset(session, 0, sizeof(*session));
}
