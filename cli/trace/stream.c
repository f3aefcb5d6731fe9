/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <string.h>

#include "columns.h"
#include "decode.h"
#include "slots.h"
#include "tally.h"

/*
 * What is known of a slot of the file, in a word, since a trace may have millions: the object's
 * size, the order of a block of pages, TRACE_SLAB_PAGES, and what it is. A size is TRACE_SIZE_MAX
 * at most.
 */
#define SIZE_SHIFT 12u
#define ORDER_SHIFT 4u
#define SLAB_FLAG ((guint64)1 << 2)
#define STATE_MASK ((guint64)3)

enum state { NOT_LIVE, OBJECT, PAGES };

G_STATIC_ASSERT(TRACE_SIZE_MAX <= G_MAXUINT64 >> SIZE_SHIFT);

struct trace_stream {
    trace_file *file;
    struct trace_dictionary dictionary;
    enum trace_layer layer;
    guint64 page_size;
    const struct trace_options *options;
    gboolean filtered; /* the layer is not all there is in the file */
    struct trace_content content;
    struct trace_chunk chunk;
    trace_decoder *decoder;
    struct trace_event block[TRACE_DECODE_BLOCK];
    guint32 next, ready; /* of the block */
    guint64 in_chunk;    /* events of the chunk before the block */
    guint64 number;      /* events handed out */
    guint64 first_ns;    /* time 0 of the layer */
    guint64 *objects;    /* by the file's slot */
    guint64 *addresses;  /* the same; NULL: the file has none */
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
    stream->page_size = trace_file_header(file)->page_size;
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
        g_free(stream->addresses);
        g_free(stream);
    }
}

/* event: in the block. */
static gboolean spoilt(const trace_stream *stream, guint32 event, const char *wrong, GError **error)
{
    return trace_file_spoilt(stream->file, &stream->chunk, stream->in_chunk + event + 1, wrong,
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
    if (!trace_file_content(stream->file, &stream->chunk, &stream->content, error)) {
        return -1;
    }
    const char *wrong =
        trace_decoder_begin(stream->decoder, stream->content.bytes, header->content_bytes,
                            header->events, names, name_count);
    if (wrong == NULL && trace_decoder_slots(stream->decoder) != stream->slots) {
        wrong = "it has another number of slots than the chunks before it";
    }
    return wrong == NULL || trace_file_spoilt(stream->file, &stream->chunk, 0, wrong, error) ? 1
                                                                                             : -1;
}

static void make_room(trace_stream *stream)
{
    guint32 held = MAX(1024, stream->objects_held * 2);
    gsize more = (gsize)(held - stream->objects_held) * sizeof(guint64);
    stream->objects = g_renew(guint64, stream->objects, held);
    memset(stream->objects + stream->objects_held, 0, more);
    if (stream->addresses != NULL) {
        stream->addresses = g_renew(guint64, stream->addresses, held);
        memset(stream->addresses + stream->objects_held, 0, more);
    }
    stream->objects_held = held;
}

static void set_address(trace_stream *stream, const struct trace_event *event)
{
    if (event->address != 0 && stream->addresses == NULL) {
        stream->addresses = g_new0(guint64, stream->objects_held);
    }
    if (stream->addresses != NULL) {
        stream->addresses[event->slot] = event->address;
    }
}

gboolean trace_stream_has_addresses(const trace_stream *stream)
{
    return stream->addresses != NULL;
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
    if ((stream->objects[event->slot] & STATE_MASK) != NOT_LIVE) {
        return "an object begins in a slot that has one";
    }
    if (page) {
        event->size = stream->page_size << event->order;
    }
    guint64 slab = (event->flags & TRACE_SLAB_PAGES) != 0 ? SLAB_FLAG : 0;
    stream->objects[event->slot] = event->size << SIZE_SHIFT |
                                   (guint64)event->order << ORDER_SHIFT | slab |
                                   (page ? PAGES : OBJECT);
    set_address(stream, event);
    return event->size > TRACE_SIZE_MAX ? "a size is no machine's" : NULL;
}

/* What is in the slot, if it was used already. */
static guint64 object_in(const trace_stream *stream, guint32 slot)
{
    return slot < stream->slots ? stream->objects[slot] : NOT_LIVE;
}

static const char *end_life(trace_stream *stream, struct trace_event *event)
{
    guint64 object = object_in(stream, event->slot);
    if ((object & STATE_MASK) != (event->kind == TRACE_PAGE_FREE ? PAGES : OBJECT)) {
        return "an object ends that does not live, or is of another kind";
    }
    event->size = object >> SIZE_SHIFT;
    event->order = object >> ORDER_SHIFT & 0xff;
    event->flags &= (guint8)~TRACE_SLAB_PAGES;
    event->flags |= (object & SLAB_FLAG) != 0 ? TRACE_SLAB_PAGES : 0;
    if (stream->addresses != NULL) {
        event->address = stream->addresses[event->slot];
    }
    stream->objects[event->slot] = NOT_LIVE;
    return NULL;
}

/* former: its size before. */
static const char *resize(trace_stream *stream, const struct trace_event *event, guint64 *former)
{
    guint64 object = object_in(stream, event->slot);
    if (event->slot == TRACE_NO_SLOT) {
        return NULL;
    }
    if ((object & STATE_MASK) != OBJECT) {
        return "an object is resized that does not live, or is of another kind";
    }
    if ((event->flags & TRACE_FAILED) != 0) {
        return NULL;
    }
    *former = object >> SIZE_SHIFT;
    stream->objects[event->slot] = event->size << SIZE_SHIFT | OBJECT;
    set_address(stream, event);
    return event->size > TRACE_SIZE_MAX ? "a size is no machine's" : NULL;
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

static void count(struct trace_import *import, struct trace_tally *tally, enum trace_layer layer,
                  const struct trace_event *event, gboolean out, guint64 former)
{
    if (trace_kind_has_slot(event->kind)) {
        *(trace_kind_is_page(event->kind) ? &import->page_records : &import->slab_records) += 1;
    }
    if (out) {
        trace_tally_left_out(tally, layer, event);
    } else {
        trace_tally_event(tally, event, former);
    }
}

/* Turns a block of the file's events into one of the layer's. tally: NULL, or what counts them. */
static gboolean take_block(trace_stream *stream, struct trace_import *import,
                           struct trace_tally *tally, guint32 events, GError **error)
{
    guint64 former = 0;
    stream->ready = 0;
    for (guint32 i = 0; i < events; i++) {
        struct trace_event *event = &stream->block[i];
        const char *wrong = follow(stream, event, &former);
        if (wrong != NULL) {
            return spoilt(stream, i, wrong, error);
        }
        gboolean out = stream->filtered && left_out(stream, event);
        if (stream->filtered && !out) {
            make_own(stream, event);
        }
        if (tally != NULL) {
            count(import, tally, stream->layer, event, out, former);
        }
        if (!out) {
            if (stream->ready != i) {
                stream->block[stream->ready] = *event;
            }
            stream->ready++;
        }
    }
    stream->in_chunk += events;
    return TRUE;
}

/* The next block that has events of the layer: 1, 0 at the end, -1 and error. */
static int next_block(trace_stream *stream, struct trace_import *import, struct trace_tally *tally,
                      GError **error)
{
    stream->next = stream->ready = 0;
    while (stream->ready == 0) {
        const char *wrong;
        guint32 events = trace_decoder_block(stream->decoder, stream->block, &wrong);
        if (wrong != NULL) {
            spoilt(stream, 0, wrong, error);
            return -1;
        }
        if (events > 0) {
            if (!take_block(stream, import, tally, events, error)) {
                return -1;
            }
            continue;
        }
        int got = next_chunk(stream, tally != NULL, error);
        if (got <= 0) {
            return got;
        }
    }
    return 1;
}

int trace_stream_next(trace_stream *stream, struct trace_event *event, GError **error)
{
    if (stream->next == stream->ready) {
        int got = next_block(stream, NULL, NULL, error);
        if (got <= 0) {
            return got;
        }
    }
    *event = stream->block[stream->next++];
    event->number = ++stream->number;
    return 1;
}

static void show_progress(const trace_stream *stream, guint64 events)
{
    const struct trace_options *options = stream->options;
    if (options->progress != NULL) {
        options->progress(options->progress_data, events,
                          (double)stream->chunk.offset / (double)trace_file_bytes(stream->file));
    }
}

static gboolean tally_all(trace_stream *stream, struct trace_import *import,
                          struct trace_tally *tally, GError **error)
{
    guint64 blocks = 0;
    int got;
    while ((got = next_block(stream, import, tally, error)) > 0) {
        if (++blocks % 256 == 0) {
            show_progress(stream, tally->summary->events);
        }
    }
    return got == 0;
}

/* The same from the beginning; what is known of the names stays. */
static void rewind_stream(trace_stream *stream)
{
    if (stream->objects_held > 0) {
        memset(stream->objects, 0, stream->objects_held * sizeof *stream->objects);
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
    trace_tally_init(&tally, summary, import->hygiene, stream->page_size);
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
