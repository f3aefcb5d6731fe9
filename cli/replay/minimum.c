/* SPDX-License-Identifier: Apache-2.0 */
#include "minimum.h"

#include "error.h"
#include "jobs.h"
#include "session.h"

#define MAX_REGION (G_GUINT64_CONSTANT(1) << 47)
#define MAX_TOGETHER 64u

static gboolean run(struct replay_session *session, struct replay_trial *trial, GError **error)
{
    struct replay_execution *execution = &session->execution;
    struct replay_snapshot snapshot;
    struct replay_backend *backend = execution->backend;
    if (backend->ops->snapshot(backend, &snapshot) != REPLAY_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "at the start: %s",
                    backend->last_error);
        return FALSE;
    }
    trial->managed = snapshot.managed;
    execution->failure_ends = TRUE;
    if (!replay_run(execution, error))
        return FALSE;
    trial->runs = execution->failed == 0;
    trial->failed_event = trial->runs ? 0 : execution->failure[0].number;
    trial->peak_occupied = execution->account.occupied.max_size;
    return TRUE;
}

/* The trace in one region of so many bytes. One that the allocator cannot start in is no error. */
static gboolean try_region(const struct replay_search *search, guint64 bytes,
                           struct replay_trial *trial, GError **error)
{
    struct replay_options options = *search->options;
    struct replay_observer nobody = {.next = G_MAXUINT64, .sample = replay_never_sample};
    struct progress silent = {.mode = PROGRESS_NONE};
    struct replay_session session;
    GError *reason = NULL;
    options.engine.order = REPLAY_STRICT; /* memory figures come from there */
    options.regions = 1;
    options.region[0] = bytes;
    *trial = (struct replay_trial){.region_bytes = bytes};
    gboolean ok = replay_session_open(&session, &options, search->reader, &nobody, &silent, &reason)
                      ? run(&session, trial, &reason)
                      : g_error_matches(reason, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TOO_SMALL);
    if (ok)
        g_clear_error(&reason);
    else
        g_propagate_error(error, reason);
    replay_session_clear(&session);
    return ok;
}

struct trials {
    const struct replay_search *search;
    guint64 bytes[MAX_TOGETHER];
};

static gboolean try_one(gconstpointer data, guint index, gpointer result, GError **error)
{
    const struct trials *trials = data;
    return try_region(trials->search, trials->bytes[index], result, error);
}

gboolean replay_minimum_ample(struct replay_minimum *minimum, const struct replay_search *search,
                              GError **error)
{
    const struct trace_summary *summary = trace_summary(search->reader);
    struct trials trials = {.search = search};
    guint cpus = replay_session_cpus(search->options, summary);
    *minimum = (struct replay_minimum){.searched = FALSE};
    for (guint64 bytes = replay_regions_ample(search->options, summary, cpus); bytes <= MAX_REGION;
         bytes *= 2) {
        trials.bytes[0] = bytes;
        if (!replay_jobs_run(try_one, &trials, 1, &minimum->ample, sizeof(minimum->ample), error))
            return FALSE;
        if (minimum->ample.runs)
            return TRUE;
    }
    g_set_error(
        error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
        "no region of up to 128 TiB is large enough for the trace, which has %" G_GUINT64_FORMAT
        " bytes alive at once",
        summary->peak_live_bytes);
    return FALSE;
}

/*
 * The bisection goes its way whatever the number of processors. With more than one of them, the
 * regions that may be asked about next are tried together with the one that is: first both halves'
 * middles, then the middles of these, and so on.
 */
struct bisection {
    guint64 page;
    guint64 low, high; /* pages: too few, enough */
    guint count;       /* of trial[]: what was tried together last */
    struct replay_trial trial[MAX_TOGETHER];
};

static const struct replay_trial *known(const struct bisection *b, guint64 pages)
{
    for (guint i = 0; i < b->count; i++) {
        if (b->trial[i].region_bytes == pages * b->page)
            return &b->trial[i];
    }
    return NULL;
}

/* Breadth first: intervals from which a middle may be asked for. How many regions to try. */
static guint guess(const struct bisection *b, guint most, guint64 *bytes)
{
    struct {
        guint64 low, high;
    } queue[2 * MAX_TOGETHER + 1] = {{b->low, b->high}};
    guint count = 0;
    for (guint head = 0, tail = 1; head < tail && count < most; head++) {
        guint64 low = queue[head].low, high = queue[head].high;
        guint64 middle = low + (high - low) / 2;
        if (high - low <= 1)
            continue;
        bytes[count++] = middle * b->page;
        queue[tail].low = low;
        queue[tail++].high = middle;
        queue[tail].low = middle;
        queue[tail++].high = high;
    }
    return count;
}

/* Goes as far as what is known leads. */
static void walk(struct bisection *b, struct replay_minimum *minimum)
{
    while (b->high - b->low > 1) {
        guint64 middle = b->low + (b->high - b->low) / 2;
        const struct replay_trial *trial = known(b, middle);
        if (trial == NULL)
            return;
        minimum->trials++;
        if (trial->runs) {
            b->high = middle;
            minimum->smallest = *trial;
        } else {
            b->low = middle;
            minimum->below = *trial;
        }
    }
}

static guint bits(guint64 number)
{
    guint count = 0;
    for (; number > 0; number /= 2)
        count++;
    return count;
}

gboolean replay_minimum_find(struct replay_minimum *minimum, const struct replay_search *search,
                             GError **error)
{
    guint64 page = search->options->page_size;
    struct trials trials = {.search = search};
    struct bisection b = {
        .page = page,
        .low = trace_summary(search->reader)->peak_live_bytes / page, /* metadata takes some */
        .high = minimum->ample.region_bytes / page,
    };
    guint together = MIN(replay_jobs_at_once(), MAX_TOGETHER);
    guint64 events = trace_summary(search->reader)->events;
    guint steps = bits(b.high - b.low);
    minimum->smallest = minimum->ample;
    minimum->below = (struct replay_trial){.region_bytes = b.low * page};
    progress_start(search->progress, "searching", 0);
    gboolean ok = TRUE;
    while (ok && b.high - b.low > 1) {
        b.count = guess(&b, together, trials.bytes);
        ok = replay_jobs_run(try_one, &trials, b.count, b.trial, sizeof(b.trial[0]), error);
        if (ok)
            walk(&b, minimum);
        progress_fraction(search->progress, minimum->trials * events,
                          1.0 - (double)bits(b.high - b.low) / (double)steps);
    }
    progress_stop(search->progress);
    minimum->searched = ok;
    return ok;
}
