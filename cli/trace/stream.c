/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "columns.h"
#include "decode.h"
#include "fixed.h"
#include "slots.h"
#include "tally.h"

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
    guint64 former[TRACE_DECODE_BLOCK]; /* of a resized object: its size before */
    guint32 ready;                      /* events of the block */
    guint64 in_chunk;                   /* events of the chunk before the block */
    guint64 number;                     /* events handed out */
    guint64 first_ns;                   /* time 0 of the layer */
    struct trace_slots layer_slots;     /* of the layer, where it is filtered */
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
    stream->decoder = trace_decoder_new(TRACE_LEVEL_REPLAYABLE, trace_file_header(file)->page_size);
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
        g_free(stream);
    }
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
        if (trace_fixed_bytes(type) != 0) {
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
    return wrong == NULL || trace_file_spoilt(stream->file, &stream->chunk, 0, wrong, error) ? 1
                                                                                             : -1;
}

gboolean trace_stream_has_addresses(const trace_stream *stream)
{
    return trace_decoder_has_addresses(stream->decoder);
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

/* Turns the block into one of the layer's. tally: NULL, or what counts the others. */
static void filter(trace_stream *stream, struct trace_tally *tally, guint32 events)
{
    for (guint32 i = 0; i < events; i++) {
        struct trace_event *event = &stream->block[i];
        if (!left_out(stream, event)) {
            make_own(stream, event);
            stream->former[stream->ready] = stream->former[i];
            stream->block[stream->ready++] = *event;
        } else if (tally != NULL) {
            trace_tally_left_out(tally, event);
        }
    }
}

/* The next block that has events of the layer: 1, 0 at the end, -1 and error. */
static int next_block(trace_stream *stream, struct trace_tally *tally, GError **error)
{
    stream->ready = 0;
    while (stream->ready == 0) {
        const char *wrong;
        guint32 events =
            trace_decoder_block(stream->decoder, stream->block, stream->former, &wrong);
        if (wrong != NULL) {
            trace_file_spoilt(stream->file, &stream->chunk, stream->in_chunk + events + 1, wrong,
                              error);
            return -1;
        }
        stream->in_chunk += events;
        if (events > 0 && stream->filtered) {
            filter(stream, tally, events);
        } else if (events > 0) {
            stream->ready = events;
        } else {
            int got = next_chunk(stream, tally != NULL, error);
            if (got <= 0) {
                return got;
            }
        }
    }
    return 1;
}

int trace_stream_next(trace_stream *stream, const struct trace_event **events, guint32 *count,
                      GError **error)
{
    int got = next_block(stream, NULL, error);
    if (got <= 0) {
        return got;
    }
    if (stream->filtered) {
        for (guint32 i = 0; i < stream->ready; i++) {
            stream->block[i].number = ++stream->number;
        }
    }
    *events = stream->block;
    *count = stream->ready;
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

static gboolean tally_all(trace_stream *stream, struct trace_tally *tally, GError **error)
{
    guint64 blocks = 0;
    int got;
    while ((got = next_block(stream, tally, error)) > 0) {
        trace_tally_events(tally, stream->block, stream->former, stream->ready);
        if (++blocks % 256 == 0) {
            show_progress(stream, tally->summary->events);
        }
    }
    return got == 0;
}

/* The same from the beginning; what is known of the names stays. */
void trace_stream_rewind(trace_stream *stream)
{
    trace_decoder_rewind(stream->decoder);
    trace_file_rewind(stream->file);
    trace_slots_destroy(&stream->layer_slots);
    trace_slots_init(&stream->layer_slots);
}

gboolean trace_stream_summarise(trace_stream *stream, struct trace_import *import,
                                struct trace_summary *summary, GError **error)
{
    struct trace_tally tally;
    trace_tally_init(&tally, summary, import->hygiene, trace_file_header(stream->file)->page_size);
    gboolean good = tally_all(stream, &tally, error);
    if (good) {
        trace_tally_finish(&tally, stream->layer);
        import->slab_records = trace_tally_of_objects(&tally);
        import->page_records = trace_tally_of_pages(&tally);
        trace_tally_meta(import->hygiene, stream->dictionary.meta, stream->layer);
        summary->peak_slots =
            stream->filtered ? stream->layer_slots.used : trace_decoder_slots(stream->decoder);
        if (stream->filtered && stream->layer != TRACE_LAYER_BOTH && summary->events > 0) {
            stream->first_ns = tally.first_ns;
            summary->duration_ns -= tally.first_ns;
        }
        trace_stream_rewind(stream);
    }
    trace_tally_destroy(&tally);
    return good;
}
