/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "stats.h"

/* Thread, CPU and cache; page blocks have no cache. */
#define PARTIES(page) ((page) ? 2u : 3u)

/* What is known of the object or block in a slot. */
struct stats_life {
    guint64 time_ns;
    guint64 clock;
    guint64 size;
    guint32 thread, cpu, cache; /* indices of the parties */
    guint8 page;
    guint8 slab_pages;
};

static GArray *new_parties(void)
{
    return g_array_new(FALSE, TRUE, sizeof(struct stats_party));
}

void stats_init(struct stats *stats)
{
    *stats = (struct stats){
        .small = g_new0(guint64, STATS_SMALL),
        .large = g_array_new(FALSE, FALSE, sizeof(struct stats_size)),
        .life = g_array_new(FALSE, TRUE, sizeof(struct stats_life)),
        .threads = new_parties(),
        .cpus = new_parties(),
        .caches = new_parties(),
    };
    trace_map_init(&stats->large_index);
    trace_map_init(&stats->thread_index);
    trace_map_init(&stats->cpu_index);
    trace_map_init(&stats->cache_index);
}

void stats_clear(struct stats *stats)
{
    g_free(stats->small);
    g_array_free(stats->large, TRUE);
    g_array_free(stats->life, TRUE);
    g_array_free(stats->threads, TRUE);
    g_array_free(stats->cpus, TRUE);
    g_array_free(stats->caches, TRUE);
    trace_map_destroy(&stats->large_index);
    trace_map_destroy(&stats->thread_index);
    trace_map_destroy(&stats->cpu_index);
    trace_map_destroy(&stats->cache_index);
}

guint64 stats_bucket_limit(guint bucket)
{
    return bucket == 0 ? 0 : bucket > 64 ? G_MAXUINT64 : G_GUINT64_CONSTANT(1) << (bucket - 1);
}

static guint bucket_of(guint64 value)
{
    return value <= 1 ? (guint)value : 65 - (guint)__builtin_clzll(value - 1);
}

static void histogram_add(struct stats_histogram *histogram, guint64 value)
{
    histogram->count[bucket_of(value)]++;
    histogram->total++;
    histogram->sum += (double)value;
}

static guint32 party(GArray *parties, struct trace_map *index, guint32 id)
{
    const guint32 *known = trace_map_find(index, id);
    if (known != NULL)
        return *known;
    struct stats_party new_party = {.id = id};
    g_array_append_val(parties, new_party);
    trace_map_insert(index, id, parties->len - 1);
    return parties->len - 1;
}

static struct stats_party *at(GArray *parties, guint32 index)
{
    return &g_array_index(parties, struct stats_party, index);
}

static void count_size(struct stats *stats, guint64 size)
{
    histogram_add(&stats->sizes, size);
    if (size < STATS_SMALL) {
        stats->small[size]++;
        return;
    }
    const guint32 *known = trace_map_find(&stats->large_index, size);
    if (known != NULL) {
        g_array_index(stats->large, struct stats_size, *known).count++;
    } else if (stats->large->len < STATS_LARGE_SIZES) {
        struct stats_size entry = {size, 1};
        g_array_append_val(stats->large, entry);
        trace_map_insert(&stats->large_index, size, stats->large->len - 1);
    } else {
        stats->large_more++;
    }
}

static void note_peak(struct stats *stats, const struct trace_event *event)
{
    stats->peak_objects = MAX(stats->peak_objects, stats->now.objects);
    if (stats->now.bytes > stats->peak.bytes) {
        stats->peak = stats->now;
        stats->peak.event = event->number;
        stats->peak.time_ns = event->time_ns;
    }
}

/* An object or block more or less. */
static void change_live(struct stats_peak *now, const struct stats_life *life, gint64 sign)
{
    guint64 bytes = (guint64)sign * life->size, one = (guint64)sign;
    if (life->slab_pages)
        return;
    now->bytes += bytes;
    *(life->page ? &now->pages_bytes : &now->object_bytes) += bytes;
    *(life->page ? &now->blocks : &now->objects) += one;
}

static void take_alloc(struct stats *stats, const struct trace_event *event, guint32 thread,
                       guint32 cpu)
{
    gboolean page = trace_kind_is_page(event->kind);
    guint32 cache = party(stats->caches, &stats->cache_index, event->cache);
    struct stats_life life = {
        .time_ns = event->time_ns,
        .clock = stats->clock,
        .size = event->size,
        .thread = thread,
        .cpu = cpu,
        .cache = cache,
        .page = (guint8)page,
        .slab_pages = (event->flags & TRACE_SLAB_PAGES) != 0,
    };
    if (event->slot >= stats->life->len)
        g_array_set_size(stats->life, MAX(event->slot + 1, stats->life->len * 2));
    g_array_index(stats->life, struct stats_life, event->slot) = life;
    struct stats_party *parties[] = {at(stats->threads, thread), at(stats->cpus, cpu),
                                     at(stats->caches, cache)};
    for (guint i = 0; i < PARTIES(page); i++) {
        *(page ? &parties[i]->page_allocs : &parties[i]->allocs) += 1;
        parties[i]->bytes += event->size;
    }
    stats->clock += life.slab_pages ? 0 : event->size;
    if (page) {
        stats->page_bytes += event->size;
        stats->order[MIN(event->order, STATS_ORDERS - 1)]++;
        stats->slab_blocks += life.slab_pages;
    } else {
        parties[2]->live++;
        parties[2]->peak = MAX(parties[2]->peak, parties[2]->live);
        stats->object_bytes += event->size;
        count_size(stats, event->size);
    }
    change_live(&stats->now, &life, 1);
    note_peak(stats, event);
}

static void take_free(struct stats *stats, const struct trace_event *event, guint32 thread,
                      guint32 cpu)
{
    const struct stats_life *life = &g_array_index(stats->life, struct stats_life, event->slot);
    struct stats_party *parties[] = {at(stats->threads, thread), at(stats->cpus, cpu),
                                     at(stats->caches, life->cache)};
    for (guint i = 0; i < PARTIES(life->page); i++)
        *(life->page ? &parties[i]->page_frees : &parties[i]->frees) += 1;
    parties[2]->live -= !life->page;
    change_live(&stats->now, life, -1);
    histogram_add(life->page ? &stats->block_ns : &stats->life_ns, event->time_ns - life->time_ns);
    if (!life->page)
        histogram_add(&stats->life_bytes, stats->clock - life->clock);
    if ((event->flags & TRACE_IMPLICIT) != 0) {
        stats->implicit_frees++; /* nobody is known to have freed it */
        return;
    }
    if (life->thread != thread) {
        stats->cross_thread_frees++;
        parties[0]->out++;
        at(stats->threads, life->thread)->in++;
    }
    if (life->cpu != cpu) {
        stats->cross_cpu_frees++;
        parties[1]->out++;
        at(stats->cpus, life->cpu)->in++;
    }
}

static void take_realloc(struct stats *stats, const struct trace_event *event, guint32 thread,
                         guint32 cpu)
{
    struct stats_life *life = &g_array_index(stats->life, struct stats_life, event->slot);
    guint64 old = life->size, grown = event->size > old ? event->size - old : 0;
    guint64 shrunk = event->size < old ? old - event->size : 0;
    *(grown > 0 ? &stats->grown : shrunk > 0 ? &stats->shrunk : &stats->same) += 1;
    stats->grown_bytes += grown;
    stats->shrunk_bytes += shrunk;
    stats->clock += grown;
    at(stats->threads, thread)->reallocs++;
    at(stats->cpus, cpu)->reallocs++;
    at(stats->caches, life->cache)->reallocs++;
    at(stats->threads, thread)->bytes += grown;
    at(stats->cpus, cpu)->bytes += grown;
    at(stats->caches, life->cache)->bytes += grown;
    change_live(&stats->now, life, -1);
    life->size = event->size;
    change_live(&stats->now, life, 1);
    count_size(stats, event->size);
    note_peak(stats, event);
}

void stats_take(struct stats *stats, const struct trace_event *event)
{
    guint32 thread = party(stats->threads, &stats->thread_index, event->thread);
    guint32 cpu = party(stats->cpus, &stats->cpu_index, event->cpu);
    stats->events++;
    stats->last_ns = event->time_ns;
    stats->kind[event->kind]++;
    if ((event->flags & TRACE_FAILED) != 0)
        stats->failed[event->kind]++;
    else if (trace_kind_is_alloc(event->kind))
        take_alloc(stats, event, thread, cpu);
    else if (trace_kind_is_free(event->kind))
        take_free(stats, event, thread, cpu);
    else if (event->kind == TRACE_REALLOC)
        take_realloc(stats, event, thread, cpu);
    else if (event->kind == TRACE_LOST)
        stats->lost += event->size;
}

static void offer(struct stats_size hot[STATS_HOT_SIZES], guint *count, struct stats_size size)
{
    guint at = *count;
    while (at > 0 && (hot[at - 1].count < size.count ||
                      (hot[at - 1].count == size.count && hot[at - 1].size > size.size)))
        at--;
    if (at == STATS_HOT_SIZES)
        return;
    guint kept = MIN(*count, STATS_HOT_SIZES - 1);
    memmove(&hot[at + 1], &hot[at], (kept - at) * sizeof hot[0]);
    hot[at] = size;
    *count = kept + 1;
}

guint stats_hot_sizes(const struct stats *stats, struct stats_size hot[STATS_HOT_SIZES])
{
    guint count = 0;
    for (guint size = 0; size < STATS_SMALL; size++) {
        if (stats->small[size] > 0)
            offer(hot, &count, (struct stats_size){size, stats->small[size]});
    }
    for (guint i = 0; i < stats->large->len; i++)
        offer(hot, &count, g_array_index(stats->large, struct stats_size, i));
    return count;
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    guint32 left = ((const struct stats_party *)a)->id, right = ((const struct stats_party *)b)->id;
    return (left > right) - (left < right);
}

static gint by_bytes(gconstpointer a, gconstpointer b)
{
    const struct stats_party *left = a, *right = b;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? 1 : -1;
    return by_id(a, b);
}

void stats_sort(struct stats *stats)
{
    g_array_sort(stats->threads, by_id);
    g_array_sort(stats->cpus, by_id);
    g_array_sort(stats->caches, by_bytes);
}
