/* SPDX-License-Identifier: Apache-2.0 */
#include "curve.h"

#include "../replay/error.h"
#include "../replay/jobs.h"
#include "observed.h"

static const guint percents[CURVE_POINTS] = {102, 110, 125, 150, 200};

struct curve_job {
    const struct replay_search *search;
    guint64 base;
};

static void fill(struct curve_point *point, const struct observed *observed)
{
    const struct replay_execution *execution = &observed->session.execution;
    const struct replay_account *account = &execution->account;
    const struct sampler *sampler = &observed->sampler;
    point->started = TRUE;
    point->managed = sampler->end.sample.managed;
    point->failed = execution->failed;
    point->failed_bytes = execution->failed_bytes;
    point->peak_requested = account->peak_requested;
    point->peak_occupied = account->occupied.max_size;
    point->internal = internal_fragmentation(account);
    point->pages = heap_ratios(account, &account->occupied);
    point->addresses = heap_ratios(account, &account->span);
    point->peak = external_fragmentation(sampler->peak.sample.free_blocks);
    point->end = external_fragmentation(sampler->end.sample.free_blocks);
    point->drained = external_fragmentation(sampler->drained.sample.free_blocks);
    point->mean = sampler_mean(sampler);
}

static gboolean replay_point(gconstpointer data, guint index, gpointer result, GError **error)
{
    const struct curve_job *job = data;
    struct curve_point *point = result;
    struct replay_options options = *job->search->options;
    struct progress silent = {.mode = PROGRESS_NONE};
    struct observed observed;
    GError *reason = NULL;
    guint64 page = options.page_size;
    guint64 pages = (job->base * percents[index] + 100 * page - 1) / (100 * page);
    options.threads = FALSE;
    options.engine.order = REPLAY_STRICT; /* memory figures come from there */
    options.engine.failure_ends = FALSE;
    options.regions = 1;
    options.region[0] = MAX(pages, 1) * page;
    point->percent = percents[index];
    point->region_bytes = options.region[0];
    gboolean ok =
        observed_replay(&observed, &options, FALSE, job->search->reader, &silent, &reason);
    if (ok)
        fill(point, &observed);
    observed_clear(&observed);
    /* Next to nothing alive: the metadata alone is more. */
    if (!ok && g_error_matches(reason, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TOO_SMALL)) {
        g_clear_error(&reason);
        return TRUE;
    }
    if (!ok)
        g_propagate_prefixed_error(error, reason,
                                   "in a region of %u %% of the peak: ", percents[index]);
    return ok;
}

gboolean curve_compute(struct curve *curve, const struct replay_search *search,
                       guint64 peak_occupied, GError **error)
{
    struct curve_job job = {.search = search, .base = peak_occupied};
    progress_start(search->progress, "replaying in several regions", 0);
    gboolean ok = replay_jobs_run(replay_point, &job, CURVE_POINTS, curve->point,
                                  sizeof(curve->point[0]), error);
    progress_stop(search->progress);
    curve->base = peak_occupied;
    curve->count = ok ? CURVE_POINTS : 0;
    return ok;
}
