/* SPDX-License-Identifier: Apache-2.0 */
#include "observed.h"

#include <string.h>

static gboolean replay(struct observed *observed, gboolean threads, GError **error)
{
    struct replay_execution *execution = &observed->session.execution;
    gint64 start = g_get_monotonic_time();
    progress_start(execution->progress, "replaying", execution->summary->events);
    gboolean ok = sampler_begin(&observed->sampler, execution, error) &&
                  (threads ? replay_run_threads(execution, error) : replay_run(execution, error));
    progress_stop(execution->progress);
    observed->seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    return ok && sampler_end(&observed->sampler, execution, error);
}

gboolean observed_replay(struct observed *observed, const struct replay_options *options,
                         gboolean follow, trace_reader *reader, struct progress *progress,
                         GError **error)
{
    struct replay_session *session = &observed->session;
    const struct trace_summary *summary = trace_summary(reader);
    memset(observed, 0, sizeof(*observed));
    sampler_init(&observed->sampler, options->samples, replay_session_cpus(options, summary),
                 summary->events);
    if (!replay_session_open(session, options, reader, &observed->sampler.observer, progress,
                             error))
        return FALSE;
    if (follow) {
        if (!objects_init(&observed->objects, summary->peak_slots, error))
            return FALSE;
        page_map_init(&observed->map, options->samples, &session->regions, options->page_size);
        sampler_follow(&observed->sampler, &observed->objects, &observed->map);
    }
    observed->allocator = session->execution.backend->ops->name;
    observed->allocator_version = session->execution.backend->version;
    return replay(observed, options->threads, error) && replay_session_finish(session, error);
}

void observed_clear(struct observed *observed)
{
    sampler_clear(&observed->sampler);
    objects_clear(&observed->objects);
    page_map_clear(&observed->map);
    replay_session_clear(&observed->session);
}
