/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "columns.h"
#include "decode.h"
#include "slots.h"
#include "tally.h"

/* What is known of a slot of the file. */
struct object {
    guint64 size;
    guint64 address;
    guint8 order;
    guint8 state; /* enum state */
    guint8 flags; /* TRACE_SLAB_PAGES */
};

enum state { NOT_LIVE, OBJECT, PAGES };

struct trace_stream {
    trace_file *file;
    struct trace_dictionary dictionary;
    enum trace_layer layer;
    const struct trace_options *options;
    gboolean filtered; /* the layer is not all there is in the file */
    struct trace_content content;
    struct trace_chunk chunk;
    trace_decoder *decoder;
    struct trace_event block[TRACE_DECODE_BLOCK];
    guint32 next, ready;    /* of the block */
    guint64 in_chunk;       /* events of the chunk before the block */
    guint64 number;         /* events handed out */
    guint64 first_ns;       /* time 0 of the layer */
    struct object *objects; /* by the file's slot */
    guint32 objects_held;
    guint32 slots;                  /* of the file, ever used */
    struct trace_slots layer_slots; /* of the layer, where it is filtered */
};

trace_stream *trace_stream_new(trace_file *file, const struct trace_dictionary *dictionary,
                               const struct trace_options *options)
{
    trace_stream *stream = g_new0(trace_stream, 1);
    stream->file = file;
    stream->dictionary = *dictionary;
    stream->layer = options->layer;
    stream->options = options;
    stream->filtered = options->layer != TRACE_LAYER_ALL && trace_file_header(file)->kernel != 0;
    stream->decoder = trace_decoder_new(TRACE_LEVEL_REPLAYABLE);
    trace_slots_init(&stream->layer_slots);
    return stream;
}

void trace_stream_free(trace_stream *stream)
{
    if (stream != NULL) {
        trace_decoder_free(stream->decoder);
        trace_slots_destroy(&stream->layer_slots);
        trace_content_free(&stream->content);
        trace_dictionary_destroy(&stream->dictionary);
        trace_file_close(stream->file);
        g_free(stream->objects);
        g_free(stream);
    }
}

static gboolean spoilt(const trace_stream *stream, const char *wrong, GError **error)
{
    return trace_file_spoilt(stream->file, &stream->chunk, stream->in_chunk + stream->next, wrong,
                             error);
}

/* The next chunk that has events: 1, 0 at the end, -1 and error. */
static int next_chunk(trace_stream *stream, gboolean first_pass, GError **error)
{
    int got;
    while ((got = trace_file_next(stream->file, &stream->chunk, error)) > 0) {
        guint type = stream->chunk.header.type;
        if (type == TRACE_CHUNK_COLUMNS) {
            break;
        }
        if (type == TRACE_CHUNK_FIXED) {
            trace_file_spoilt(stream->file, &stream->chunk, 0,
                              "a replayable trace has no records as recorded", error);
            return -1;
        }
        if (first_pass && !trace_dictionary_take(&stream->dictionary, stream->file, &stream->chunk,
                                                 &stream->content, error)) {
            return -1;
        }
    }
    if (got <= 0) {
        return got;
    }
    const struct trace_chunk_header *header = &stream->chunk.header;
    guint32 name_count;
    const guint32 *names = trace_dictionary_names(&stream->dictionary, &name_count);
    stream->in_chunk = 0;
    stream->next = stream->ready = 0;
    if (!trace_file_content(stream->file, &stream->chunk, &stream->content, error)) {
        return -1;
    }
    const char *wrong =
        trace_decoder_begin(stream->decoder, stream->content.bytes, header->content_bytes,
                            header->events, names, name_count);
    if (wrong == NULL && trace_decoder_slots(stream->decoder) != stream->slots) {
        wrong = "it has another number of slots than the chunks before it";
    }
    return wrong == NULL || spoilt(stream, wrong, error) ? 1 : -1;
}

/* The next event of the file: 1, 0 at the end, -1 and error. It stays where it is. */
static int next_event(trace_stream *stream, gboolean first_pass, struct trace_event **event,
                      GError **error)
{
    while (stream->next == stream->ready) {
        const char *wrong;
        stream->in_chunk += stream->ready;
        stream->next = 0;
        stream->ready = trace_decoder_block(stream->decoder, stream->block, &wrong);
        if (wrong != NULL) {
            spoilt(stream, wrong, error);
            return -1;
        }
        if (stream->ready == 0) {
            int got = next_chunk(stream, first_pass, error);
            if (got <= 0) {
                return got;
            }
        }
    }
    *event = &stream->block[stream->next++];
    return 1;
}

static void make_room(trace_stream *stream)
{
    guint32 held = MAX(1024, stream->objects_held * 2);
    stream->objects = g_renew(struct object, stream->objects, held);
    for (guint32 i = stream->objects_held; i < held; i++) {
        stream->objects[i] = (struct object){0};
    }
    stream->objects_held = held;
}

/* The slot begins to live. NULL, or what is wrong. */
static const char *begin_life(trace_stream *stream, struct trace_event *event)
{
    gboolean page = event->kind == TRACE_PAGE_ALLOC;
    if (event->slot >= stream->slots) {
        stream->slots = event->slot + 1;
        if (event->slot >= stream->objects_held) {
            make_room(stream);
        }
    }
    struct object *object = &stream->objects[event->slot];
    if (object->state != NOT_LIVE) {
        return "an object begins in a slot that has one";
    }
    if (page) {
        event->size = (guint64)trace_file_header(stream->file)->page_size << event->order;
    }
    *object = (struct object){event->size, event->address, event->order, page ? PAGES : OBJECT,
                              event->flags & TRACE_SLAB_PAGES};
    return event->size > TRACE_SIZE_MAX ? "a size is no machine's" : NULL;
}

/* NULL: no object was in the slot yet. */
static struct object *live_object(trace_stream *stream, guint32 slot)
{
    return slot < stream->slots ? &stream->objects[slot] : NULL;
}

static const char *end_life(trace_stream *stream, struct trace_event *event)
{
    struct object *object = live_object(stream, event->slot);
    if (object == NULL || object->state != (event->kind == TRACE_PAGE_FREE ? PAGES : OBJECT)) {
        return "an object ends that does not live, or is of another kind";
    }
    event->size = object->size;
    event->address = object->address;
    event->order = object->order;
    event->flags = (guint8)((event->flags & ~TRACE_SLAB_PAGES) | object->flags);
    object->state = NOT_LIVE;
    return NULL;
}

/* former: its size before. */
static const char *resize(trace_stream *stream, struct trace_event *event, guint64 *former)
{
    if (event->slot == TRACE_NO_SLOT) {
        return NULL;
    }
    struct object *object = live_object(stream, event->slot);
    if (object == NULL || object->state != OBJECT) {
        return "an object is resized that does not live, or is of another kind";
    }
    if ((event->flags & TRACE_FAILED) == 0) {
        *former = object->size;
        object->size = event->size;
        object->address = event->address;
        return event->size > TRACE_SIZE_MAX ? "a size is no machine's" : NULL;
    }
    return NULL;
}

/* What the slots say to the event, and it to them. */
static const char *follow(trace_stream *stream, struct trace_event *event, guint64 *former)
{
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_BEGINS:
        return begin_life(stream, event);
    case TRACE_REFERENCE_ENDS:
        return end_life(stream, event);
    case TRACE_REFERENCE_STAYS:
        return resize(stream, event, former);
    case TRACE_REFERENCE_NONE:
        break;
    }
    return NULL;
}

static gboolean left_out(const trace_stream *stream, const struct trace_event *event)
{
    gboolean page = trace_kind_is_page(event->kind);
    if (!trace_kind_has_slot(event->kind)) {
        return FALSE;
    }
    switch (stream->layer) {
    case TRACE_LAYER_SLAB:
        return page;
    case TRACE_LAYER_PAGE:
        return !page;
    case TRACE_LAYER_BOTH:
        return page && (event->flags & TRACE_SLAB_PAGES) != 0;
    case TRACE_LAYER_ALL:
        break;
    }
    return FALSE;
}

/* The layer alone has slots and times of its own, as if the rest had not been recorded. */
static void make_own(trace_stream *stream, struct trace_event *event)
{
    event->time_ns -= stream->first_ns;
    if (stream->layer == TRACE_LAYER_PAGE) {
        event->flags &= (guint8)~TRACE_SLAB_PAGES;
    }
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
    case TRACE_REFERENCE_BEGINS:
        event->slot = trace_slots_begin(&stream->layer_slots, event->slot);
        break;
    case TRACE_REFERENCE_ENDS:
        event->slot = trace_slots_end(&stream->layer_slots, event->slot);
        break;
    case TRACE_REFERENCE_STAYS:
        event->slot = trace_slots_find(&stream->layer_slots, event->slot);
        break;
    case TRACE_REFERENCE_NONE:
        break;
    }
}

/*
 * The next event of the file as the layer has it: 1, 0 at the end, -1 and error. former: the size
 * of an object before it is resized.
 */
static int step(trace_stream *stream, gboolean first_pass, struct trace_event **event,
                gboolean *is_left_out, guint64 *former, GError **error)
{
    int got = next_event(stream, first_pass, event, error);
    if (got <= 0) {
        return got;
    }
    const char *wrong = follow(stream, *event, former);
    if (wrong != NULL) {
        spoilt(stream, wrong, error);
        return -1;
    }
    *is_left_out = stream->filtered && left_out(stream, *event);
    if (stream->filtered && !*is_left_out) {
        make_own(stream, *event);
    }
    return 1;
}

int trace_stream_next(trace_stream *stream, struct trace_event *event, GError **error)
{
    struct trace_event *its;
    gboolean is_left_out;
    guint64 former;
    int got;
    do {
        got = step(stream, FALSE, &its, &is_left_out, &former, error);
    } while (got > 0 && is_left_out);
    if (got > 0) {
        its->number = ++stream->number;
        *event = *its;
    }
    return got;
}

static void show_progress(const trace_stream *stream, guint64 events)
{
    const struct trace_options *options = stream->options;
    if (options->progress != NULL && events % 65536 == 0) {
        options->progress(options->progress_data, events,
                          (double)stream->chunk.offset / (double)trace_file_bytes(stream->file));
    }
}

static gboolean tally_all(trace_stream *stream, struct trace_import *import,
                          struct trace_tally *tally, GError **error)
{
    struct trace_event *event;
    gboolean is_left_out;
    guint64 former = 0, events = 0;
    int got;
    while ((got = step(stream, TRUE, &event, &is_left_out, &former, error)) > 0) {
        if (trace_kind_has_slot(event->kind)) {
            *(trace_kind_is_page(event->kind) ? &import->page_records : &import->slab_records) += 1;
        }
        if (is_left_out) {
            trace_tally_left_out(tally, stream->layer, event);
        } else {
            trace_tally_event(tally, event, former);
        }
        show_progress(stream, ++events);
    }
    return got == 0;
}

/* The same from the beginning; what is known of the names stays. */
static void rewind_stream(trace_stream *stream)
{
    for (guint32 i = 0; i < stream->objects_held; i++) {
        stream->objects[i] = (struct object){0};
    }
    trace_file_rewind(stream->file);
    trace_slots_destroy(&stream->layer_slots);
    trace_slots_init(&stream->layer_slots);
    stream->slots = 0;
    stream->next = stream->ready = 0;
}

gboolean trace_stream_summarise(trace_stream *stream, struct trace_import *import,
                                struct trace_summary *summary, GError **error)
{
    struct trace_tally tally;
    trace_tally_init(&tally, summary, import->hygiene, trace_file_header(stream->file)->page_size);
    gboolean good = tally_all(stream, import, &tally, error);
    if (good) {
        trace_tally_finish(&tally);
        trace_tally_meta(import->hygiene, stream->dictionary.meta, stream->layer);
        summary->peak_slots = stream->filtered ? stream->layer_slots.used : stream->slots;
        if (stream->filtered && stream->layer != TRACE_LAYER_BOTH && summary->events > 0) {
            stream->first_ns = tally.first_ns;
            summary->duration_ns -= tally.first_ns;
        }
        rewind_stream(stream);
    }
    trace_tally_destroy(&tally);
    return good;
}
