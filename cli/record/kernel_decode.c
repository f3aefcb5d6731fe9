/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_decode.h"

#include <stdlib.h>
#include <string.h>

#include <event-parse.h>
#include <kbuffer.h>

#include "../trace/kmem.h"

#define EVENT_IDS 65536u /* the type of an event is a short */
#define LAYOUTS 16u

/* Where a number lies in an event; 0 bytes: it has no such field. */
struct place {
    guint16 offset;
    guint8 bytes;
    guint8 negative; /* it may be */
};

/* One type of event. */
struct layout {
    struct tep_event *event;
    enum trace_kmem_event kind;
    guint bytes; /* that an event has at least */
    struct place pid, pointer, requested, given, node, gfp, site, cache, frame, order, migratetype;
};

struct kernel_decoder {
    struct tep_handle *formats;
    kernel_symbols *symbols;
    struct kernel_skipped skipped;
    struct layout layout[LAYOUTS]; /* the first: of all other events */
    guint layouts;
    guint8 layout_of[EVENT_IDS];
};

struct kernel_stream {
    kernel_decoder *decoder;
    kernel_pages *pages;
    struct kbuffer *page;
    void *event; /* the next one, NULL: on the next page */
    unsigned long long time_ns;
    guint16 cpu;
};

static struct place find(struct layout *layout, const char *name)
{
    struct tep_format_field *field = tep_find_any_field(layout->event, name);
    struct place place = {0};
    gboolean number = field != NULL && (field->size == 1 || field->size == 2 || field->size == 4 ||
                                        field->size == 8);
    if (number && field->offset >= 0) {
        place.offset = (guint16)field->offset;
        place.bytes = (guint8)field->size;
        place.negative = (field->flags & TEP_FIELD_IS_SIGNED) != 0;
        layout->bytes = MAX(layout->bytes, (guint)(field->offset + field->size));
    }
    return place;
}

/* It has what a record cannot be without, in a kernel whose fields are those that are known. */
static gboolean is_known(const struct layout *layout)
{
    switch (layout->kind) {
    case TRACE_KMEM_ALLOC:
        return layout->pointer.bytes != 0 && layout->requested.bytes != 0;
    case TRACE_KMEM_FREE:
        return layout->pointer.bytes != 0;
    default:
        return layout->frame.bytes != 0 && layout->order.bytes != 0;
    }
}

static void learn(kernel_decoder *decoder, struct tep_event *event)
{
    enum trace_kmem_event kind = trace_kmem_event(event->name, strlen(event->name));
    if (kind == TRACE_KMEM_OTHER || kind == TRACE_KMEM_PAGE_REPEAT || event->id < 0 ||
        (guint)event->id >= EVENT_IDS || decoder->layouts == LAYOUTS) {
        return;
    }
    struct layout *layout = &decoder->layout[decoder->layouts];
    layout->event = event;
    layout->kind = kind;
    layout->pid = find(layout, "common_pid");
    layout->pointer = find(layout, "ptr");
    layout->requested = find(layout, "bytes_req");
    layout->given = find(layout, "bytes_alloc");
    layout->node = find(layout, "node");
    layout->gfp = find(layout, "gfp_flags");
    layout->site = find(layout, "call_site");
    layout->cache = find(layout, "name");
    layout->frame = find(layout, "pfn");
    layout->order = find(layout, "order");
    layout->migratetype = find(layout, "migratetype");
    if (is_known(layout)) {
        decoder->layout_of[event->id] = (guint8)decoder->layouts++;
    } else {
        *layout = (struct layout){0};
    }
}

kernel_decoder *kernel_decoder_new(struct tep_handle *formats, kernel_symbols *symbols)
{
    kernel_decoder *decoder = g_new0(kernel_decoder, 1);
    decoder->formats = formats;
    decoder->symbols = symbols;
    decoder->layouts = 1;
    for (int i = 0; i < tep_get_events_count(formats); i++) {
        struct tep_event *event = tep_get_event(formats, i);
        if (strcmp(event->system, "kmem") == 0) {
            learn(decoder, event);
        }
    }
    return decoder;
}

const struct kernel_skipped *kernel_decoder_skipped(const kernel_decoder *decoder)
{
    return &decoder->skipped;
}

void kernel_decoder_free(kernel_decoder *decoder)
{
    g_free(decoder);
}

kernel_stream *kernel_stream_new(kernel_decoder *decoder, guint cpu, kernel_pages *pages)
{
    kernel_stream *stream = g_new0(kernel_stream, 1);
    stream->decoder = decoder;
    stream->pages = pages;
    stream->cpu = (guint16)cpu;
    stream->page = kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST, KBUFFER_ENDIAN_SAME_AS_HOST);
    if (tep_is_old_format(decoder->formats)) {
        kbuffer_set_old_format(stream->page);
    }
    return stream;
}

void kernel_stream_free(kernel_stream *stream)
{
    kbuffer_free(stream->page);
    g_free(stream);
}

static guint64 number(const void *data, struct place place)
{
    const char *at = (const char *)data + place.offset;
    guint64 value = 0;
    switch (place.bytes) {
    case 1:
        return *(const guint8 *)at;
    case 2: {
        guint16 two;
        memcpy(&two, at, 2);
        return place.negative ? (guint64)(gint16)two : two;
    }
    case 4: {
        guint32 four;
        memcpy(&four, at, 4);
        return place.negative ? (guint64)(gint32)four : four;
    }
    case 8:
        memcpy(&value, at, 8);
        return value;
    default: /* no such field */
        return 0;
    }
}

/* The field says where in the event the text lies: length in the upper half, offset in the lower.
 */
static guint32 cache_name(const kernel_decoder *decoder, const void *data, guint bytes,
                          struct place place)
{
    guint32 where = (guint32)number(data, place);
    guint32 offset = where & 0xffff, length = where >> 16;
    if (place.bytes != 4 || offset >= bytes) {
        return TRACE_NO_NAME;
    }
    return kernel_symbols_cache(decoder->symbols, (const char *)data + offset,
                                MIN(length, bytes - offset));
}

static void take_pages(const struct layout *layout, const void *data, struct trace_record *record)
{
    guint64 migratetype = number(data, layout->migratetype);
    record->kind = layout->kind == TRACE_KMEM_PAGE_ALLOC ? TRACE_PAGE_ALLOC : TRACE_PAGE_FREE;
    record->address = number(data, layout->frame);
    record->order = (guint8)MIN(number(data, layout->order), G_MAXUINT8);
    if (layout->migratetype.bytes != 0 && migratetype < TRACE_NO_MIGRATETYPE) {
        record->migratetype = (guint8)migratetype;
    }
}

static void take_object(const kernel_decoder *decoder, const struct layout *layout,
                        const void *data, guint bytes, struct trace_record *record)
{
    guint64 node = number(data, layout->node);
    record->kind = layout->kind == TRACE_KMEM_ALLOC ? TRACE_ALLOC : TRACE_FREE;
    record->address = number(data, layout->pointer);
    record->size = number(data, layout->requested);
    record->given = number(data, layout->given);
    record->cache = cache_name(decoder, data, bytes, layout->cache);
    if (layout->node.bytes != 0 && node < TRACE_NO_NODE) {
        record->node = (guint16)node;
    }
}

/* FALSE: it becomes no record. */
static gboolean take(kernel_stream *stream, struct trace_record *record)
{
    kernel_decoder *decoder = stream->decoder;
    const void *data = stream->event;
    guint bytes = (guint)kbuffer_event_size(stream->page);
    guint16 id;
    if (bytes < sizeof id) {
        decoder->skipped.bad++;
        return FALSE;
    }
    memcpy(&id, data, sizeof id);
    const struct layout *layout = &decoder->layout[decoder->layout_of[id]];
    if (layout->event == NULL || bytes < layout->bytes) {
        decoder->skipped.bad++;
        return FALSE;
    }
    *record = (struct trace_record)TRACE_RECORD_INIT;
    record->time_ns = stream->time_ns;
    record->cpu = stream->cpu;
    record->thread = (guint32)number(data, layout->pid);
    if (layout->frame.bytes != 0) {
        take_pages(layout, data, record);
    } else {
        take_object(decoder, layout, data, bytes, record);
    }
    switch (trace_kmem_check(record)) {
    case TRACE_KMEM_NULL:
        decoder->skipped.null_frees++;
        return FALSE;
    case TRACE_KMEM_BAD:
        decoder->skipped.bad++;
        return FALSE;
    case TRACE_KMEM_FAILED:
        record->flags = TRACE_FAILED;
        record->address = 0;
        break;
    case TRACE_KMEM_RECORD:
        break;
    }
    if (layout->site.bytes != 0) {
        record->site = kernel_symbols_site(decoder->symbols, number(data, layout->site));
    }
    if (layout->gfp.bytes != 0) {
        struct tep_record text = {
            .ts = stream->time_ns, .cpu = stream->cpu, .size = (int)bytes, .data = stream->event};
        record->gfp =
            kernel_symbols_gfp(decoder->symbols, number(data, layout->gfp), layout->event, &text);
    }
    return TRUE;
}

/* The next page; lost when the kernel says that events before it are missing. As *_next. */
static int turn_page(kernel_stream *stream, gboolean *lost, GError **error)
{
    void *page;
    int got = kernel_pages_next(stream->pages, &page, error);
    *lost = FALSE;
    if (got > 0) {
        if (kbuffer_load_subbuffer(stream->page, page) != 0) {
            stream->decoder->skipped.bad++;
            return got;
        }
        *lost = kbuffer_missed_events(stream->page) != 0;
        stream->event = kbuffer_read_event(stream->page, &stream->time_ns);
    }
    return got;
}

int kernel_stream_next(kernel_stream *stream, struct trace_record *record, GError **error)
{
    for (;;) {
        if (stream->event == NULL) {
            gboolean lost;
            int got = turn_page(stream, &lost, error);
            if (got <= 0) {
                return got;
            }
            if (lost) {
                int missed = kbuffer_missed_events(stream->page);
                *record = (struct trace_record)TRACE_RECORD_INIT;
                record->kind = TRACE_LOST;
                record->cpu = stream->cpu;
                record->time_ns = stream->time_ns;
                record->size = missed > 0 ? (guint64)missed : 0;
                return 1;
            }
            continue;
        }
        gboolean good = take(stream, record);
        stream->event = kbuffer_next_event(stream->page, &stream->time_ns);
        if (good) {
            return 1;
        }
    }
}
