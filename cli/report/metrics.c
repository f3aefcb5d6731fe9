/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <math.h>

#include "../replay/error.h"

const struct split_name split_names[SPLIT_PARTS] = {
    [SPLIT_REQUESTED] = {"requested", "bytes asked for by what is live"},
    [SPLIT_CLASS_ROUNDING] = {"class_rounding", "live objects * size - bytes asked for"},
    [SPLIT_BLOCK_ROUNDING] = {"block_rounding", "bytes of live page blocks - bytes asked for"},
    [SPLIT_FREE_SLOTS] = {"free_slots", "free objects of slabs that have some out * size"},
    [SPLIT_EMPTY_SLABS] = {"empty_slabs", "objects of slabs that have none out * size"},
    [SPLIT_CACHED] = {"cached", "objects in magazines, depot * size + listed pages"},
    [SPLIT_REMOTE_PENDING] = {"remote_pending", "freed by other CPUs, not collected * size"},
    [SPLIT_SLAB_RECORDS] = {"slab_records", "record pages + what no object fills in slabs"},
    [SPLIT_METADATA] = {"metadata", "prefixes, part pages of regions + CPU pages"},
    [SPLIT_FREE] = {"free", "free pages that are on no CPU's list"},
};

static gboolean disagree(GError **error, const char *what, guint64 ours, guint64 theirs)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "the books disagree: %s: %" G_GUINT64_FORMAT " expected, %" G_GUINT64_FORMAT
                " counted by the allocator",
                what, ours, theirs);
    return FALSE;
}

/* One class: its objects are all accounted for, and as many are live as the replay holds. */
static gboolean check_class(const struct replay_class *class, guint64 live, GError **error)
{
    guint64 sum =
        class->live + class->in_magazines + class->in_depot + class->free + class->remote_pending;
    char what[64];
    if (sum != class->slots) {
        g_snprintf(what, sizeof(what), "objects in slabs of %" G_GUINT64_FORMAT " bytes",
                   class->object_size);
        return disagree(error, what, class->slots, sum);
    }
    if (class->live != live) {
        g_snprintf(what, sizeof(what), "live objects of %" G_GUINT64_FORMAT " bytes",
                   class->object_size);
        return disagree(error, what, live, class->live);
    }
    return TRUE;
}

static gboolean split_classes(struct memory_split *split, const struct replay_snapshot *snapshot,
                              const struct replay_account *account, GError **error)
{
    guint64 slab_bytes = 0;
    for (guint i = 0; i < snapshot->classes + snapshot->caches; i++) {
        const struct replay_class *class = &snapshot->size_class[i];
        const struct replay_live *live = &account->live[i];
        if (!check_class(class, live->count, error))
            return FALSE;
        guint64 size = class->object_size;
        guint64 empty = MIN(class->empty_slots, class->free);
        split->part[SPLIT_REQUESTED] += live->requested;
        split->part[SPLIT_CLASS_ROUNDING] += class->live * size - live->requested;
        split->part[SPLIT_EMPTY_SLABS] += empty * size;
        split->part[SPLIT_FREE_SLOTS] += (class->free - empty) * size;
        split->part[SPLIT_CACHED] += (class->in_magazines + class->in_depot) * size;
        split->part[SPLIT_REMOTE_PENDING] += class->remote_pending * size;
        split->part[SPLIT_SLAB_RECORDS] += class->slab_bytes - class->slots * size;
        slab_bytes += class->slab_bytes;
    }
    return slab_bytes == snapshot->slab_bytes ||
           disagree(error, "bytes of slabs", slab_bytes, snapshot->slab_bytes);
}

gboolean split_compute(struct memory_split *split, const struct replay_snapshot *snapshot,
                       const struct replay_account *account, GError **error)
{
    const struct replay_live *blocks = &account->live[REPLAY_BLOCKS];
    *split = (struct memory_split){{0}};
    if (!split_classes(split, snapshot, account, error))
        return FALSE;
    if (snapshot->blocks != blocks->count)
        return disagree(error, "live page blocks", blocks->count, snapshot->blocks);
    if (snapshot->block_bytes != blocks->given)
        return disagree(error, "bytes of page blocks", blocks->given, snapshot->block_bytes);

    /* Between the regions and what is managed lies metadata, and up to a part page at each end. */
    guint64 outside = snapshot->region_bytes - snapshot->managed;
    if (snapshot->managed > snapshot->region_bytes || outside < snapshot->metadata ||
        outside - snapshot->metadata >= 2 * snapshot->page_size * snapshot->regions)
        return disagree(error, "bytes of metadata", outside, snapshot->metadata);

    split->part[SPLIT_REQUESTED] += blocks->requested;
    split->part[SPLIT_BLOCK_ROUNDING] = blocks->given - blocks->requested;
    split->part[SPLIT_CACHED] += snapshot->listed;
    split->part[SPLIT_SLAB_RECORDS] += snapshot->record_bytes;
    split->part[SPLIT_METADATA] = outside + snapshot->cpu_bytes;
    split->part[SPLIT_FREE] = snapshot->free - snapshot->listed;
    guint64 sum = 0;
    for (guint i = 0; i < SPLIT_PARTS; i++)
        sum += split->part[i];
    return sum == snapshot->region_bytes ||
           disagree(error, "bytes of all parts", snapshot->region_bytes, sum);
}

guint64 free_pages(const guint64 counts[REPLAY_ORDERS])
{
    guint64 pages = 0;
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        pages += counts[order] << order;
    return pages;
}

double ratio(double part, double whole)
{
    if (whole == 0.0)
        return part == 0.0 ? 0.0 : HUGE_VAL;
    return part / whole;
}

double unusable_free_space_index(const guint64 counts[REPLAY_ORDERS], guint order)
{
    guint64 all = free_pages(counts);
    guint64 usable = 0;
    for (guint o = order; o < REPLAY_ORDERS; o++)
        usable += counts[o] << o;
    return all == 0 ? 1.0 : (double)(all - usable) / (double)all;
}

double fragmentation_index(const guint64 counts[REPLAY_ORDERS], guint order)
{
    guint64 blocks = 0;
    for (guint o = 0; o < REPLAY_ORDERS; o++) {
        if (o >= order && counts[o] > 0)
            return NAN;
        blocks += counts[o];
    }
    if (blocks == 0)
        return 0.0;
    double requests = (double)free_pages(counts) / (double)(G_GUINT64_CONSTANT(1) << order);
    return 1.0 - (1.0 + requests) / (double)blocks;
}

double largest_free_share(const guint64 counts[REPLAY_ORDERS])
{
    for (guint order = REPLAY_ORDERS; order-- > 0;) {
        if (counts[order] > 0)
            return (double)(G_GUINT64_CONSTANT(1) << order) / (double)free_pages(counts);
    }
    return 0.0;
}

struct external_fragmentation external_fragmentation(const guint64 counts[REPLAY_ORDERS])
{
    struct external_fragmentation external = {.largest_free_share = largest_free_share(counts)};
    for (guint order = 0; order < REPORT_ORDERS; order++) {
        external.unusable[order] = unusable_free_space_index(counts, order);
        external.fragmentation[order] = fragmentation_index(counts, order);
    }
    return external;
}

struct internal_fragmentation internal_fragmentation(const struct replay_account *account)
{
    return (struct internal_fragmentation){
        .cumulative = ratio((double)(account->given_ever - account->requested_ever),
                            (double)account->given_ever),
        .at_end = ratio((double)(account->given - account->requested), (double)account->given),
        .at_peak = ratio((double)(account->given_at_peak - account->peak_requested),
                         (double)account->given_at_peak),
        .over_events = ratio(account->sum_slack_events, account->sum_given_events),
        .over_bytes = ratio(account->sum_slack_bytes, account->sum_given_bytes),
    };
}

struct heap_ratios heap_ratios(const struct replay_account *account,
                               const struct replay_growth *growth)
{
    return (struct heap_ratios){
        .average = ratio(growth->sum_ratio, (double)growth->events),
        .at_max_live = ratio((double)growth->size_at_peak, (double)growth->max_live),
        .at_max_heap = ratio((double)growth->max_size, (double)growth->live_at_max),
        .max_over_max = ratio((double)growth->max_size, (double)account->peak_requested),
        .of_means = ratio(growth->sum_size, growth->sum_live),
    };
}
