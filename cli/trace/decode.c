/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a chunk: what its events have in common. */
#include "decode_state.h"

#include <string.h>

#include "import.h"

/* Highest order that a block of pages can have. */
#define ORDER_MAX 30u

trace_decoder *trace_decoder_new(enum trace_level level, guint64 page_size)
{
    trace_decoder *decoder = g_new0(trace_decoder, 1);
    decoder->level = level;
    decoder->page_size = page_size;
    decoder->shapes = g_array_new(FALSE, FALSE, sizeof(struct shape));
    decoder->has = g_array_new(FALSE, FALSE, sizeof(guint64));
    decoder->places = g_array_new(FALSE, FALSE, sizeof(struct place));
    return decoder;
}

void trace_decoder_free(trace_decoder *decoder)
{
    if (decoder != NULL) {
        g_array_free(decoder->shapes, TRUE);
        g_array_free(decoder->has, TRUE);
        g_array_free(decoder->places, TRUE);
        g_free(decoder->begun);
        g_free(decoder->freed);
        g_free(decoder->lives);
        g_free(decoder->addresses);
        g_free(decoder);
    }
}

void trace_decoder_rewind(trace_decoder *decoder)
{
    if (decoder->lives != NULL) {
        memset(decoder->lives, 0, decoder->lives_held * sizeof *decoder->lives);
    }
    decoder->events = 0;
    decoder->slots = 0;
    decoder->number = 0;
}

guint32 trace_decoder_slots(const trace_decoder *decoder)
{
    return decoder->slots;
}

gboolean trace_decoder_has_addresses(const trace_decoder *decoder)
{
    return decoder->addresses != NULL;
}

static const char *open_columns(trace_decoder *decoder, const guint8 *content, gsize bytes)
{
    struct trace_columns_header header;
    if (bytes < sizeof header) {
        return "its columns have no header";
    }
    memcpy(&header, content, sizeof header);
    content += sizeof header;
    bytes -= sizeof header;
    guint32 columns = GUINT32_FROM_LE(header.columns);
    if (columns > bytes / sizeof(struct trace_column)) {
        return "it has fewer columns than it says";
    }
    decoder->time_ns = GUINT64_FROM_LE(header.time_ns);
    if (decoder->level == TRACE_LEVEL_REPLAYABLE &&
        GUINT32_FROM_LE(header.slots) != decoder->slots) {
        return "it has another number of slots than the chunks before it";
    }
    const guint8 *data = content + columns * sizeof(struct trace_column);
    bytes -= columns * sizeof(struct trace_column);
    memset(decoder->column, 0, sizeof decoder->column);
    decoder->told = decoder->level == TRACE_LEVEL_RAW;
    for (guint32 i = 0; i < columns; i++) {
        struct trace_column column;
        memcpy(&column, content + i * sizeof column, sizeof column);
        guint32 length = GUINT32_FROM_LE(column.bytes);
        if (length > bytes) {
            return "a column goes beyond its end";
        }
        if (column.id < TRACE_COLUMN_IDS &&
            !trace_numbers_open(&decoder->column[column.id], column.encoding,
                                GUINT32_FROM_LE(column.count), data, length)) {
            return "a column's numbers do not fit their lengths";
        }
        decoder->told = decoder->told || column.id == TRACE_COLUMN_ADDRESS;
        data += length;
        bytes -= length;
    }
    return NULL;
}

/* One number of each of the columns that describe shapes. */
struct shape_numbers {
    guint64 kind, flags, own, size, given, align, cache, site, gfp, node, order, migratetype;
};

static gboolean take_shape(trace_decoder *decoder, struct shape_numbers *numbers)
{
    struct trace_numbers *column = decoder->column;
    return trace_numbers_take(&column[TRACE_COLUMN_SHAPE_KIND], &numbers->kind, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_FLAGS], &numbers->flags, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_OWN], &numbers->own, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_SIZE], &numbers->size, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_GIVEN], &numbers->given, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_ALIGN], &numbers->align, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_CACHE], &numbers->cache, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_SITE], &numbers->site, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_GFP], &numbers->gfp, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_NODE], &numbers->node, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_ORDER], &numbers->order, 1) &&
           trace_numbers_take(&column[TRACE_COLUMN_SHAPE_MIGRATETYPE], &numbers->migratetype, 1);
}

static const char *check_shape(const trace_decoder *decoder, const struct shape_numbers *numbers,
                               guint32 name_count)
{
    if (numbers->kind >= TRACE_KINDS ||
        (decoder->level == TRACE_LEVEL_REPLAYABLE && numbers->kind == TRACE_REALLOC_BEGIN)) {
        return "it has events of a kind that is not known here";
    }
    if (numbers->flags > G_MAXUINT8 || numbers->own > (TRACE_OWN_SIZE | TRACE_OWN_GIVEN)) {
        return "a shape has flags that are not known here";
    }
    if (numbers->cache >= name_count || numbers->site >= name_count || numbers->gfp >= name_count) {
        return "a shape has a name that no chunk before it has";
    }
    if (numbers->order > ORDER_MAX || numbers->node > G_MAXUINT16 ||
        numbers->migratetype > G_MAXUINT8) {
        return "a shape's order, node or migrate type is out of range";
    }
    return NULL;
}

/* At TRACE_LEVEL_REPLAYABLE: what is known of its events' objects. */
static void describe_life(const trace_decoder *decoder, struct shape *shape)
{
    struct trace_event *event = &shape->event;
    guint64 state = trace_kind_is_page(event->kind) ? LIFE_PAGES : LIFE_OBJECT;
    if (!decoder->told && decoder->addresses == NULL) {
        shape->way = shape->reference == TRACE_REFERENCE_BEGINS ? WAY_BEGINS
                     : shape->reference == TRACE_REFERENCE_ENDS ? WAY_ENDS
                                                                : WAY_OTHER;
    }
    if (shape->reference == TRACE_REFERENCE_BEGINS && event->kind == TRACE_PAGE_ALLOC) {
        event->size = decoder->page_size << event->order;
        shape->sized = 1;
    } else if (shape->reference == TRACE_REFERENCE_ENDS) {
        event->flags &= (guint8)~TRACE_SLAB_PAGES;
    }
    shape->life = (guint64)event->order << LIFE_ORDER_SHIFT | (event->flags & LIFE_SLAB) | state;
}

static void add_shape(trace_decoder *decoder, const struct shape_numbers *numbers,
                      const guint32 *names)
{
    enum trace_reference reference =
        trace_reference_of(decoder->level, (guint)numbers->kind, (guint)numbers->flags);
    gboolean failed = (numbers->flags & TRACE_FAILED) != 0;
    gboolean raw = decoder->level == TRACE_LEVEL_RAW;
    struct shape shape = {
        .event =
            {
                .size = numbers->size,
                .given = numbers->given,
                .align = numbers->align,
                .slot = TRACE_NO_SLOT,
                .cache = names[numbers->cache],
                .site = names[numbers->site],
                .gfp = names[numbers->gfp],
                .node = (guint16)(numbers->node - 1),
                .kind = (guint8)numbers->kind,
                .flags = (guint8)numbers->flags,
                .order = (guint8)numbers->order,
                .migratetype = (guint8)(numbers->migratetype - 1),
            },
        .own = (guint8)numbers->own,
        .reference = (guint8)reference,
    };
    shape.coded = raw ? reference == TRACE_REFERENCE_ENDS : reference != TRACE_REFERENCE_NONE;
    shape.told = decoder->told && !failed &&
                 (reference == TRACE_REFERENCE_BEGINS || reference == TRACE_REFERENCE_STAYS);
    guint64 has = (shape.coded ? HAS_OBJECT : 0) | (shape.told ? HAS_ADDRESS : 0) |
                  ((shape.own & TRACE_OWN_SIZE) != 0 ? HAS_SIZE : 0) |
                  ((shape.own & TRACE_OWN_GIVEN) != 0 ? HAS_GIVEN : 0);
    if (!raw) {
        describe_life(decoder, &shape);
    }
    g_array_append_val(decoder->shapes, shape);
    g_array_append_val(decoder->has, has);
}

static const char *take_shapes(trace_decoder *decoder, const guint32 *names, guint32 name_count)
{
    guint32 count = decoder->column[TRACE_COLUMN_SHAPE_KIND].count;
    g_array_set_size(decoder->shapes, 0);
    g_array_set_size(decoder->has, 0);
    if (count > decoder->events) {
        return "it has more shapes than events";
    }
    for (guint32 i = 0; i < count; i++) {
        struct shape_numbers numbers;
        if (!take_shape(decoder, &numbers)) {
            return "it has more shapes than their columns have numbers";
        }
        const char *wrong = check_shape(decoder, &numbers, name_count);
        if (wrong != NULL) {
            return wrong;
        }
        add_shape(decoder, &numbers, names);
    }
    return NULL;
}

static const char *take_places(trace_decoder *decoder)
{
    struct trace_numbers *threads = &decoder->column[TRACE_COLUMN_PLACE_THREAD];
    struct trace_numbers *cpus = &decoder->column[TRACE_COLUMN_PLACE_CPU];
    guint32 count = MAX(1, MAX(threads->count, cpus->count));
    g_array_set_size(decoder->places, 0);
    if (count > decoder->events) {
        return "it has more places than events";
    }
    for (guint32 i = 0; i < count; i++) {
        guint64 thread, cpu;
        if (!trace_numbers_take(threads, &thread, 1) || !trace_numbers_take(cpus, &cpu, 1)) {
            return "its places have not as many threads as CPUs";
        }
        if (thread > G_MAXUINT32 || cpu >= TRACE_CPUS_MAX) {
            return "a thread or a CPU is out of range";
        }
        struct place place = {(guint32)thread, (guint32)cpu};
        g_array_append_val(decoder->places, place);
    }
    return NULL;
}

const char *trace_decoder_begin(trace_decoder *decoder, const guint8 *content, gsize bytes,
                                guint32 events, const guint32 *names, guint32 name_count)
{
    if (events == 0 || events > TRACE_COLUMNS_EVENTS_MAX) {
        return "it has no events, or more than a chunk may have";
    }
    const char *wrong = open_columns(decoder, content, bytes);
    decoder->events = events;
    decoder->run = 0;
    decoder->runs_next = decoder->runs_ready = 0;
    decoder->begun_count = 0;
    decoder->freed_count = 0;
    trace_recent_clear(&decoder->recent);
    decoder->last_address[0] = decoder->last_address[1] = 0;
    if (events > decoder->held) {
        decoder->begun = g_renew(guint64, decoder->begun, events);
        decoder->freed = g_renew(guint64, decoder->freed, events);
        decoder->held = events;
    }
    if (wrong == NULL) {
        wrong = take_shapes(decoder, names, name_count);
    }
    return wrong != NULL ? wrong : take_places(decoder);
}
