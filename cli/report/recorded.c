/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded.h"

#include <string.h>

#include "../replay/error.h"
#include "sampler.h"

/* Programs reserve more than that and touch a part; it is not followed page by page. */
#define LARGEST ((guint64)64 << 30)

/* What is alive. */
struct thing {
    guint64 address; /* of its first byte; 0: it is not placed */
    guint64 bytes;   /* that it covers */
    guint64 requested, given;
    guint8 kind;  /* enum footprint_kind */
    guint8 pages; /* it is a page block */
};

struct pass {
    struct recorded *recorded;
    const struct replay_options *options;
    trace_reader *reader;
    struct progress *progress;
    struct footprint footprint;
    struct thing *thing; /* by slot */
    guint64 live_objects, live_blocks;
    guint64 objects_seen, highest; /* addresses of objects */
    guint64 time_ns;
    guint64 events; /* of all samples; the next of them: */
    guint next;
};

guint64 recorded_occupied(const struct recorded *recorded, const struct recorded_sample *sample)
{
    guint64 pages = 0;
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        pages += sample->pages[kind];
    return pages * recorded->page_size;
}

static void look(const struct pass *pass, struct recorded_sample *sample)
{
    const struct footprint *footprint = &pass->footprint;
    const struct replay_account *account = &pass->recorded->account;
    *sample = (struct recorded_sample){
        .event = pass->recorded->events,
        .time_ns = pass->time_ns,
        .requested = account->requested,
        .given = account->given,
        .live_objects = pass->live_objects,
        .live_blocks = pass->live_blocks,
        .seen = footprint->seen,
        .span = footprint->span,
    };
    memcpy(sample->pages, footprint->pages, sizeof(sample->pages));
    memcpy(sample->free_bytes, footprint->free_bytes, sizeof(sample->free_bytes));
    memcpy(sample->free_blocks, footprint->free.count, sizeof(sample->free_blocks));
}

static void sample_when_due(struct pass *pass)
{
    guint wanted = pass->options->samples;
    struct recorded_sample sample;
    if (pass->next == wanted ||
        pass->recorded->events < sampler_position(pass->events, wanted, pass->next))
        return;
    look(pass, &sample);
    g_array_append_val(pass->recorded->samples, sample);
    while (pass->next < wanted &&
           sampler_position(pass->events, wanted, pass->next) <= pass->recorded->events)
        pass->next++;
}

/* Where the event's object or block is, as far as that can be told. */
static void place(struct pass *pass, const struct trace_event *event, struct thing *thing)
{
    struct recorded *recorded = pass->recorded;
    gboolean slab = (event->flags & TRACE_SLAB_PAGES) != 0;
    if (thing->pages) {
        thing->kind = slab ? FOOTPRINT_SLAB : FOOTPRINT_BLOCK;
        thing->bytes = recorded->page_size << event->order;
        thing->address = recorded->direct_map + event->address * recorded->page_size;
    } else {
        thing->kind = event->size < recorded->page_size ? FOOTPRINT_OBJECT : FOOTPRINT_BLOCK;
        thing->bytes = MAX(MAX(event->size, event->given), 1);
        thing->address = event->address;
        pass->objects_seen++;
        pass->highest = MAX(pass->highest, event->address);
    }
    if (event->address == 0 || thing->bytes > LARGEST) {
        thing->address = 0;
        recorded->unplaced += slab ? 0 : 1;
    }
    /* Where frames and objects cannot be brought together, slabs are seen by their objects. */
    if (slab && recorded->direct_map == 0)
        thing->address = 0;
}

static void begin(struct pass *pass, const struct trace_event *event)
{
    struct recorded *recorded = pass->recorded;
    struct thing *thing = &pass->thing[event->slot];
    thing->pages = event->kind == TRACE_PAGE_ALLOC;
    place(pass, event, thing);
    if (thing->address != 0)
        footprint_add(&pass->footprint, thing->kind, thing->address, thing->bytes);
    if (thing->kind == FOOTPRINT_SLAB)
        return;
    thing->requested = event->size;
    thing->given = MAX(event->given, event->size);
    recorded->allocs++;
    recorded->given_told += thing->pages || event->given != 0;
    *(thing->pages ? &pass->live_blocks : &pass->live_objects) += 1;
    replay_account_alloc(&recorded->account, REPLAY_NO_CLASS, thing->requested, thing->given);
}

static void end(struct pass *pass, const struct trace_event *event)
{
    const struct thing *thing = &pass->thing[event->slot];
    if (thing->address != 0)
        footprint_remove(&pass->footprint, thing->kind, thing->address, thing->bytes);
    if (thing->kind == FOOTPRINT_SLAB)
        return;
    *(thing->pages ? &pass->live_blocks : &pass->live_objects) -= 1;
    replay_account_free(&pass->recorded->account, REPLAY_NO_CLASS, thing->requested, thing->given);
}

static void count_pages(struct buddyinfo *info, const struct trace_event *event)
{
    if (event->kind == TRACE_PAGE_ALLOC)
        info->allocated += (guint64)1 << event->order;
    else if (event->kind == TRACE_PAGE_FREE)
        info->freed += (guint64)1 << event->order;
}

static void take_event(struct pass *pass, const struct trace_event *event)
{
    struct recorded *recorded = pass->recorded;
    struct replay_account *account = &recorded->account;
    guint64 peak = account->peak_requested, allocated = 0;
    gboolean asks = (event->flags & TRACE_FAILED) == 0 && trace_kind_has_slot(event->kind);
    pass->time_ns = MAX(pass->time_ns, event->time_ns);
    if (asks) {
        gboolean frees = trace_kind_is_free(event->kind);
        if (frees || event->kind == TRACE_REALLOC)
            end(pass, event);
        if (!frees)
            begin(pass, event);
        allocated = frees ? 0 : event->size;
        count_pages(&recorded->buddyinfo, event);
    }
    if ((event->flags & TRACE_SLAB_PAGES) != 0)
        return; /* the replay does not have it */
    recorded->events++;
    account->span_bytes = pass->footprint.span * recorded->page_size;
    replay_account_tick(account, recorded->events, allocated,
                        footprint_occupied(&pass->footprint) * recorded->page_size);
    if (account->peak_requested > peak)
        look(pass, &recorded->peak);
    sample_when_due(pass);
}

/* What is older than the trace is there before its first event. */
static gboolean take_prelude(struct pass *pass, GError **error)
{
    struct recorded *recorded = pass->recorded;
    guint64 count = trace_summary(pass->reader)->prelude;
    struct trace_event event;
    for (guint64 i = 0; i < count; i++) {
        if (trace_next(pass->reader, &event, error) != 1)
            return FALSE;
        begin(pass, &event);
    }
    if (count > 0) {
        recorded->account.span_bytes = pass->footprint.span * recorded->page_size;
        replay_account_tick(&recorded->account, 0, 0,
                            footprint_occupied(&pass->footprint) * recorded->page_size);
        look(pass, &recorded->peak);
    }
    return TRUE;
}

static gboolean check_slot(const struct pass *pass, const struct trace_event *event, GError **error)
{
    if (!trace_kind_has_slot(event->kind) || event->slot == TRACE_NO_SLOT ||
        event->slot < trace_summary(pass->reader)->peak_slots)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE,
                "event %" G_GUINT64_FORMAT ": its slot is out of range; the trace reader "
                "contradicts itself",
                event->number);
    return FALSE;
}

static gboolean take_events(struct pass *pass, GError **error)
{
    const struct trace_event *events;
    guint32 count;
    guint64 read = 0;
    int got;
    if (!take_prelude(pass, error))
        return FALSE;
    sample_when_due(pass);
    while ((got = trace_next_events(pass->reader, &events, &count, error)) > 0) {
        for (guint32 i = 0; i < count; i++) {
            if (!check_slot(pass, &events[i], error))
                return FALSE;
            take_event(pass, &events[i]);
        }
        read += count;
        progress_update(pass->progress, read);
    }
    return got == 0;
}

/* The last sample is the end's, and the peak's is among them. */
static void finish_samples(struct pass *pass)
{
    struct recorded *recorded = pass->recorded;
    GArray *samples = recorded->samples;
    guint at = samples->len;
    look(pass, &recorded->end);
    if (at == 0 || g_array_index(samples, struct recorded_sample, at - 1).event != recorded->events)
        g_array_append_val(samples, recorded->end);
    if (recorded->peak.event == 0 || recorded_at(recorded, recorded->peak.event) != NULL)
        return;
    for (at = samples->len; at > 0; at--) {
        if (g_array_index(samples, struct recorded_sample, at - 1).event < recorded->peak.event)
            break;
    }
    g_array_insert_val(samples, at, recorded->peak);
}

static int by_event(gconstpointer a, gconstpointer b)
{
    guint64 left = ((const struct recorded_sample *)a)->event;
    guint64 right = ((const struct recorded_sample *)b)->event;
    return (left > right) - (left < right);
}

const struct recorded_sample *recorded_at(const struct recorded *recorded, guint64 event)
{
    struct recorded_sample wanted = {.event = event};
    guint place;
    if (!g_array_binary_search(recorded->samples, &wanted, by_event, &place))
        return NULL;
    return &g_array_index(recorded->samples, struct recorded_sample, place);
}

static gboolean refuse(const struct replay_options *options, const char *why, GError **error)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND,
                "%s: there is nothing to tell of the recorded allocator: %s", options->trace, why);
    return FALSE;
}

/* One address may be two programs' then. */
static gboolean is_merged(const trace_meta *meta)
{
    char *tools = trace_meta_text(meta, "tool");
    gboolean merged = tools != NULL && strstr(tools, "bsa-trace merge") != NULL;
    g_free(tools);
    return merged;
}

/* A trace of a kernel without addresses still tells how many pages came and went. */
static gboolean tells_enough(const struct pass *pass, GError **error)
{
    const struct recorded *recorded = pass->recorded;
    if (recorded->figures || recorded->buddyinfo.compared)
        return TRUE;
    if (recorded->kernel && trace_summary(pass->reader)->addresses)
        return refuse(pass->options,
                      "the addresses of the objects are hashed (or of a 32-bit machine); read the "
                      "trace of a kernel that shows them (trace option hash-ptr off), or use "
                      "--layer=page",
                      error);
    return refuse(
        pass->options,
        "it has no addresses (MallocLab's files number objects, and replayable ones are made "
        "without); give the recording itself, or what bsa-trace convert --addresses "
        "makes of it",
        error);
}

static gboolean take(struct pass *pass, GError **error)
{
    const struct trace_summary *summary = trace_summary(pass->reader);
    struct recorded *recorded = pass->recorded;
    struct buddyinfo *info = &recorded->buddyinfo;
    recorded->kernel = summary->kernel;
    recorded->format = summary->format;
    recorded->page_size = summary->page_size;
    recorded->direct_map = summary->direct_map;
    recorded->duration_ns = summary->duration_ns;
    recorded->hygiene = *trace_hygiene(pass->reader);
    recorded->samples = g_array_new(FALSE, FALSE, sizeof(struct recorded_sample));
    buddyinfo_read(info, trace_reader_meta(pass->reader));
    info->compared = info->start.there && info->end.there && recorded->hygiene.page_allocs > 0;
    if (!summary->addresses && !tells_enough(pass, error))
        return FALSE;
    if (summary->addresses && is_merged(trace_reader_meta(pass->reader)))
        return refuse(pass->options,
                      "it is several traces in one, whose addresses are not of one memory; give "
                      "them one by one",
                      error);
    pass->events = pass->events != 0 ? pass->events : summary->events;
    pass->thing = g_try_new0(struct thing, (gsize)MAX(summary->peak_slots, 1));
    if (pass->thing == NULL) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                    "no memory for a table of %" G_GUINT64_FORMAT
                    " objects, as many as the trace has alive at once",
                    summary->peak_slots);
        return FALSE;
    }
    footprint_init(&pass->footprint, recorded->page_size);
    progress_start(pass->progress, "recorded addresses", summary->events);
    gboolean ok = take_events(pass, error);
    progress_stop(pass->progress);
    if (ok)
        finish_samples(pass);
    gboolean hashed = recorded->kernel && pass->objects_seen > 0 && pass->highest <= G_MAXUINT32;
    recorded->figures = summary->addresses && !hashed;
    memcpy(recorded->all_blocks, pass->footprint.all.count, sizeof(recorded->all_blocks));
    return ok && tells_enough(pass, error);
}

gboolean recorded_take(struct recorded *recorded, const struct replay_options *options,
                       guint64 events, struct progress *progress, GError **error)
{
    struct pass pass = {
        .recorded = recorded,
        .options = options,
        .progress = progress,
        .events = events,
    };
    struct trace_options reading = replay_trace_options(options);
    reading.layer = options->layer == TRACE_LAYER_BOTH ? TRACE_LAYER_ALL : options->layer;
    reading.bounds = FALSE;
    recorded->layer = options->layer;
    pass.reader = progress_open_trace(progress, options->trace, reading, error);
    if (pass.reader == NULL)
        return FALSE;
    recorded->taken = take(&pass, error);
    footprint_clear(&pass.footprint);
    g_free(pass.thing);
    trace_close(pass.reader);
    return recorded->taken;
}

void recorded_clear(struct recorded *recorded)
{
    if (recorded->samples != NULL)
        g_array_free(recorded->samples, TRUE);
    recorded->samples = NULL;
}
