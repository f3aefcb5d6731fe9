/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

#include <string.h>

#include "../replay/error.h"

static gboolean on_sample(gpointer data, struct replay_execution *execution, gboolean peak,
                          GError **error);

guint64 sampler_position(guint64 events, guint wanted, guint index)
{
    guint64 intervals = wanted - 1;
    return events / intervals * index + events % intervals * index / intervals;
}

static guint64 position(const struct sampler *sampler, guint index)
{
    return sampler_position(sampler->events, sampler->wanted, index);
}

/* The next position after the one reached; none behind the last. */
static void advance(struct sampler *sampler, guint64 reached)
{
    while (sampler->next_index < sampler->wanted &&
           position(sampler, sampler->next_index) <= reached)
        sampler->next_index++;
    sampler->observer.next = sampler->next_index < sampler->wanted
                                 ? position(sampler, sampler->next_index)
                                 : G_MAXUINT64;
}

static void on_event(gpointer data, const struct trace_event *event, guint cpu)
{
    objects_event(((struct sampler *)data)->objects, event, cpu);
}

void sampler_follow(struct sampler *sampler, struct objects *objects, struct page_map *map)
{
    sampler->objects = objects;
    sampler->map = map;
    sampler->observer.event = on_event;
}

void sampler_init(struct sampler *sampler, guint wanted, guint cpus, guint64 events)
{
    *sampler = (struct sampler){
        .wanted = wanted,
        .events = events,
        /* one for each event is enough; and the peak, and an end that comes early */
        .capacity = (guint)MIN(wanted, events + 1) + 2,
        .columns = MIN(cpus, SAMPLER_MAX_COLUMNS),
    };
    sampler->sample = g_new0(struct sample, sampler->capacity);
    sampler->cpus = g_new0(struct sampler_cpus, (gsize)sampler->capacity * sampler->columns);
    sampler->observer.data = sampler;
    sampler->observer.sample = on_sample;
    advance(sampler, 0);
}

void sampler_clear(struct sampler *sampler)
{
    g_free(sampler->sample);
    pins_clear(&sampler->peak.pins);
    pins_clear(&sampler->end.pins);
    g_free(sampler->cpus);
    sampler->sample = NULL;
    sampler->cpus = NULL;
}

void sampler_column(const struct sampler *sampler, guint cpus, guint column, guint *first,
                    guint *last)
{
    *first = (guint)((guint64)column * cpus / sampler->columns);
    *last = (guint)((guint64)(column + 1) * cpus / sampler->columns) - 1;
}

static gboolean look(struct sample *sample, struct replay_snapshot *snapshot,
                     struct replay_execution *execution, GError **error)
{
    const struct replay_account *account = &execution->account;
    struct replay_backend *backend = execution->backend;
    if (backend->ops->snapshot(backend, snapshot) != REPLAY_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                    "after event %" G_GUINT64_FORMAT ": %s", execution->events,
                    backend->last_error);
        return FALSE;
    }
    *sample = (struct sample){
        .event = execution->events,
        .time_ns = execution->time_ns,
        .given = account->given,
        .occupied = snapshot->managed - snapshot->free,
        .managed = snapshot->managed,
        .span = account->span_bytes,
        .live_blocks = account->live[REPLAY_BLOCKS].count,
        .failed = execution->failed,
    };
    for (guint i = 0; i < snapshot->classes + snapshot->caches; i++) {
        sample->live_objects += account->live[i].count;
        sample->pending += snapshot->size_class[i].remote_pending;
    }
    for (guint i = 0; i < snapshot->caches; i++)
        sample->cache_slabs += snapshot->size_class[snapshot->classes + i].slab_bytes;
    memcpy(sample->free_blocks, snapshot->free_blocks, sizeof(sample->free_blocks));
    if (backend->ops->occupied(backend) != sample->occupied) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                    "after event %" G_GUINT64_FORMAT ": the books disagree: %" G_GUINT64_FORMAT
                    " bytes of pages in use, %" G_GUINT64_FORMAT " by the statistics",
                    execution->events, backend->ops->occupied(backend), sample->occupied);
        return FALSE;
    }
    if (!split_compute(&sample->split, snapshot, account, error)) {
        g_prefix_error(error, "after event %" G_GUINT64_FORMAT ": ", execution->events);
        return FALSE;
    }
    return TRUE;
}

static void keep(struct moment *moment, const struct sample *sample,
                 const struct replay_snapshot *snapshot, const struct replay_account *account)
{
    moment->taken = TRUE;
    moment->sample = *sample;
    moment->snapshot = *snapshot;
    memcpy(moment->live, account->live, sizeof(moment->live));
    moment->page_bytes = account->page_bytes;
}

/* Looking for what pins pages takes time: where the peak is approached by samples, it waits until
 * they have grown by a twentieth. */
static void keep_peak(struct sampler *sampler, const struct sample *sample,
                      const struct replay_execution *execution)
{
    guint64 now = sample->split.part[SPLIT_REQUESTED];
    keep(&sampler->peak, sample, &sampler->now, &execution->account);
    if (sampler->objects == NULL)
        return;
    objects_peak(sampler->objects);
    if (sample->peak || now > sampler->pinned + sampler->pinned / 20) {
        pins_take(&sampler->peak.pins, execution, sampler->objects, &sampler->now);
        sampler->pinned = now;
    }
}

/* The map has fewer columns than there are samples: so many of them are taken, evenly. */
static void draw_column(struct sampler *sampler, const struct replay_execution *execution)
{
    guint64 index = sampler->next_index - 1;
    if (sampler->map != NULL && execution->events == position(sampler, (guint)index) &&
        index * sampler->map->columns / sampler->wanted >= sampler->map->filled)
        page_map_take(sampler->map, execution, &sampler->now);
}

static gboolean note_cpus(struct sampler *sampler, const struct replay_execution *execution,
                          GError **error)
{
    struct replay_backend *backend = execution->backend;
    struct sampler_cpus *row = &sampler->cpus[(gsize)sampler->count * sampler->columns];
    for (guint column = 0; column < sampler->columns; column++) {
        guint first, last;
        sampler_column(sampler, execution->cpus, column, &first, &last);
        row[column] = (struct sampler_cpus){0};
        for (guint cpu = first; cpu <= last; cpu++) {
            const struct replay_cpu *trace = &execution->cpu[cpu];
            struct replay_cache_counters counters = {0};
            if (trace->events == 0)
                continue;
            if (backend->ops->counters != NULL &&
                backend->ops->counters(backend, cpu, &counters) != REPLAY_OK) {
                g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "CPU %u: %s", cpu,
                            backend->last_error);
                return FALSE;
            }
            row[column].remote += trace->remote_out;
            row[column].objects += trace->allocs + trace->frees;
            row[column].misses += counters.refills + counters.flushes;
        }
    }
    return TRUE;
}

static gboolean on_sample(gpointer data, struct replay_execution *execution, gboolean peak,
                          GError **error)
{
    struct sampler *sampler = data;
    advance(sampler, execution->events);
    if (sampler->count == sampler->capacity)
        return TRUE; /* a stream longer than its summary said; the end is looked at anyway */
    struct sample *sample = &sampler->sample[sampler->count];
    if (!look(sample, &sampler->now, execution, error) || !note_cpus(sampler, execution, error))
        return FALSE;
    sample->peak = peak;
    sample->window = replay_account_look(&execution->account, sample->occupied);
    sampler->count++;
    draw_column(sampler, execution);
    /* Where requests fail, the trace's own peak is never reached; then the highest sample stands
     * for it. */
    const guint64 *highest = &sampler->peak.sample.split.part[SPLIT_REQUESTED];
    if (peak || !sampler->peak.taken ||
        (!sampler->peak_exact && sample->split.part[SPLIT_REQUESTED] > *highest)) {
        keep_peak(sampler, sample, execution);
        sampler->peak_exact = peak;
    }
    return TRUE;
}

gboolean sampler_begin(struct sampler *sampler, struct replay_execution *execution, GError **error)
{
    if (execution->summary->prelude > 0)
        return TRUE; /* the time line begins when it is there */
    return on_sample(sampler, execution, FALSE, error);
}

gboolean sampler_end(struct sampler *sampler, struct replay_execution *execution, GError **error)
{
    struct replay_backend *backend = execution->backend;
    struct replay_snapshot *now = &sampler->now;
    struct sample sample;
    guint64 last = sampler->count == 0 ? G_MAXUINT64 : sampler->sample[sampler->count - 1].event;
    if (last != execution->events && !on_sample(sampler, execution, FALSE, error))
        return FALSE;
    if (!look(&sample, now, execution, error))
        return FALSE;
    keep(&sampler->end, &sample, now, &execution->account);
    if (sampler->objects != NULL) {
        objects_end(sampler->objects);
        pins_take(&sampler->end.pins, execution, sampler->objects, now);
    }
    if (backend->ops->drain(backend) != REPLAY_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "draining the CPUs: %s",
                    backend->last_error);
        return FALSE;
    }
    if (!look(&sample, now, execution, error)) {
        g_prefix_error(error, "CPUs drained: ");
        return FALSE;
    }
    keep(&sampler->drained, &sample, now, &execution->account);
    return TRUE;
}

struct external_fragmentation sampler_mean(const struct sampler *sampler)
{
    struct external_fragmentation mean = {.largest_free_share = 0.0};
    guint count = 0;
    for (guint i = 0; i < sampler->count; i++) {
        const struct sample *sample = &sampler->sample[i];
        if (sample->peak)
            continue;
        for (guint order = 0; order < REPORT_ORDERS; order++)
            mean.unusable[order] += unusable_free_space_index(sample->free_blocks, order);
        mean.largest_free_share += largest_free_share(sample->free_blocks);
        count++;
    }
    for (guint order = 0; order < REPORT_ORDERS; order++)
        mean.unusable[order] /= MAX(count, 1);
    mean.largest_free_share /= MAX(count, 1);
    return mean;
}
