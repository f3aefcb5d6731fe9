/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>

#include "error.h"

guint replay_session_cpus(const struct replay_options *options, const struct trace_summary *summary)
{
    return options->cpus != 0 ? options->cpus : CLAMP(summary->cpus, 1, 4096);
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
    struct replay_region *first = &session->regions.region[0];
    execution->backend = replay_backend_buddyslab(first->start, first->bytes, cpus,
                                                  options->page_size, FALSE, error);
    if (execution->backend == NULL)
        return FALSE;
    session->regions.used = 1;
    replay_schedule_init(&session->schedule, options->cpu_map, cpus, summary->threads);
    execution->reader = reader;
    execution->summary = summary;
    execution->schedule = &session->schedule;
    execution->regions = &session->regions;
    execution->observer = observer;
    execution->progress = progress;
    execution->cpus = cpus;
    execution->default_align = summary->kernel ? 8 : 0; /* kmalloc's least alignment */
    return replay_execution_init(execution, error);
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
    for (guint i = 0; i <= REPLAY_MAX_CLASSES; i++)
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
