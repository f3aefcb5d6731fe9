/* SPDX-License-Identifier: Apache-2.0 */
#include "observed.h"

#include <string.h>

/* Where events run by batches the allocator is looked at between two of them; threads that begin
 * one after so many events take no longer for it. */
enum { EVENTS_BETWEEN_LOOKS = 1024 };

static guint sample_count(const struct replay_options *options, guint64 events)
{
    return options->engine.order == REPLAY_STRICT
               ? options->samples
               : (guint)MIN(options->samples, events / EVENTS_BETWEEN_LOOKS + 2);
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

static gboolean look_at_classes(struct observed *observed, const struct replay_options *options,
                                GError **error)
{
    const struct replay_execution *execution = &observed->session.execution;
    struct class_cost cost;
    if (observed->demand == NULL)
        return TRUE;
    if (!class_cost_ask(&cost, options->page_size, execution->regions->region[0].bytes, error))
        return FALSE;
    struct class_table own = class_table_of(&options->heap);
    demand_finish(observed->demand, execution->events);
    fit_compute(&observed->fit, observed->demand, &cost, &own);
    return TRUE;
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
        observed->demand = g_new0(struct demand, 1);
        session->execution.demand = observed->demand;
    }
    observed->allocator = session->execution.backend->ops->name;
    observed->allocator_version = session->execution.backend->version;
    return replay(observed, options, error) && look_at_classes(observed, options, error) &&
           replay_session_finish(session, error);
}

void observed_clear(struct observed *observed)
{
    sampler_clear(&observed->sampler);
    objects_clear(&observed->objects);
    page_map_clear(&observed->map);
    g_clear_pointer(&observed->demand, g_free);
    replay_session_clear(&observed->session);
}
