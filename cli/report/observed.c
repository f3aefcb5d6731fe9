/* SPDX-License-Identifier: Apache-2.0 */
#include "observed.h"

#include <string.h>

/* Where events run by batches an allocator is looked at between two of them, which are not to
 * become much smaller by it. */
static guint sample_count(const struct replay_options *options, guint64 events)
{
    guint64 most = events / (REPLAY_BATCH_OPS / 4) + 2;
    return options->engine.order == REPLAY_STRICT ? options->samples
                                                  : (guint)MIN(options->samples, most);
}

static gboolean replay(struct observed *observed, const struct replay_options *options,
                       GError **error)
{
    struct replay_execution *execution = &observed->session.execution;
    gint64 start = g_get_monotonic_time();
    progress_start(execution->progress, "replaying", execution->summary->events);
    gboolean ok = sampler_begin(&observed->sampler, execution, error) &&
                  replay_session_run(&observed->session, options, &observed->measure, error);
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
    sampler_init(&observed->sampler, sample_count(options, summary->events),
                 replay_session_cpus(options, summary), summary->events);
    if (!replay_session_open(session, options, reader, &observed->sampler.observer, progress,
                             error))
        return FALSE;
    if (follow) {
        if (!objects_init(&observed->objects, summary->peak_slots, error))
            return FALSE;
        page_map_init(&observed->map, observed->sampler.wanted, &session->regions,
                      options->page_size);
        sampler_follow(&observed->sampler, &observed->objects, &observed->map);
    }
    observed->allocator = session->execution.backend->ops->name;
    observed->allocator_version = session->execution.backend->version;
    return replay(observed, options, error) && replay_session_finish(session, error);
}

void observed_clear(struct observed *observed)
{
    sampler_clear(&observed->sampler);
    objects_clear(&observed->objects);
    page_map_clear(&observed->map);
    replay_session_clear(&observed->session);
}
