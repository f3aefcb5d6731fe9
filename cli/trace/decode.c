/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <string.h>

#include "import.h"
#include "numbers.h"

/* Highest order that a block of pages can have. */
#define ORDER_MAX 30u

/* Objects that may live at once: an array by slot can double up to here. */
#define SLOTS_MAX ((guint32)1 << 31)

struct shape {
    struct trace_event event; /* what its events have in common */
    guint8 own;               /* enum trace_shape_own */
    guint8 reference;         /* enum trace_reference */
    guint8 told;              /* 1: its events' addresses are told */
    guint8 coded;             /* 1: its events' objects are */
};

/* How many numbers of some columns an event of a shape has, in one word that can be summed up. */
#define HAS_OBJECT ((guint64)1)
#define HAS_ADDRESS ((guint64)1 << 16)
#define HAS_SIZE ((guint64)1 << 32)
#define HAS_GIVEN ((guint64)1 << 48)

G_STATIC_ASSERT(TRACE_DECODE_BLOCK < 1u << 16);

struct place {
    guint32 thread, cpu;
};

struct trace_decoder {
    enum trace_level level;
    struct trace_numbers column[TRACE_COLUMN_IDS];
    gboolean addresses;
    guint32 events; /* of the chunk, left */
    guint64 time_ns;
    guint32 slots;
    guint32 slots_before;
    GArray *shapes; /* struct shape */
    GArray *has;    /* guint64 of each shape, sums of HAS_ words */
    GArray *places; /* struct place */
    struct place place;
    guint32 run;    /* events left of it */
    guint64 *begun; /* slots, or addresses, in the order of their beginning */
    guint64 *freed; /* slots, a stack */
    guint32 held;   /* room in both */
    guint32 begun_count, freed_count;
    guint64 last_address[2];
};

/* The columns of a block, as numbers. */
struct block {
    guint64 shape[TRACE_DECODE_BLOCK];
    guint64 step[TRACE_DECODE_BLOCK];
    guint64 object[TRACE_DECODE_BLOCK];
    guint64 address[TRACE_DECODE_BLOCK];
    guint64 size[TRACE_DECODE_BLOCK];
    guint64 given[TRACE_DECODE_BLOCK];
};

trace_decoder *trace_decoder_new(enum trace_level level)
{
    trace_decoder *decoder = g_new0(trace_decoder, 1);
    decoder->level = level;
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
        g_free(decoder);
    }
}

guint32 trace_decoder_slots(const trace_decoder *decoder)
{
    return decoder->slots_before;
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
    decoder->slots = decoder->slots_before = GUINT32_FROM_LE(header.slots);
    const guint8 *data = content + columns * sizeof(struct trace_column);
    bytes -= columns * sizeof(struct trace_column);
    memset(decoder->column, 0, sizeof decoder->column);
    decoder->addresses = decoder->level == TRACE_LEVEL_RAW;
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
        decoder->addresses = decoder->addresses || column.id == TRACE_COLUMN_ADDRESS;
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
    shape.told = decoder->addresses && !failed &&
                 (reference == TRACE_REFERENCE_BEGINS || reference == TRACE_REFERENCE_STAYS);
    guint64 has = (shape.coded ? HAS_OBJECT : 0) | (shape.told ? HAS_ADDRESS : 0) |
                  ((shape.own & TRACE_OWN_SIZE) != 0 ? HAS_SIZE : 0) |
                  ((shape.own & TRACE_OWN_GIVEN) != 0 ? HAS_GIVEN : 0);
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
    decoder->begun_count = 0;
    decoder->freed_count = 0;
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

/* Takes the numbers of the block's events; their shapes say how many there are of each column. */
static const char *take_block(trace_decoder *decoder, struct block *block, guint32 count)
{
    struct trace_numbers *column = decoder->column;
    const guint64 *has = (const guint64 *)(gconstpointer)decoder->has->data;
    guint64 shape_count = decoder->shapes->len, sums = 0;
    if (!trace_numbers_take(&column[TRACE_COLUMN_SHAPE], block->shape, count) ||
        !trace_numbers_take(&column[TRACE_COLUMN_TIME], block->step, count)) {
        return "it has fewer events than it says";
    }
    for (guint32 i = 0; i < count; i++) {
        if (block->shape[i] >= shape_count) {
            return "an event has a shape that is not there";
        }
        sums += has[block->shape[i]];
    }
    guint32 coded = (guint16)(sums / HAS_OBJECT), told = (guint16)(sums / HAS_ADDRESS);
    if (!trace_numbers_take(&column[TRACE_COLUMN_OBJECT], block->object, coded) ||
        !trace_numbers_take(&column[TRACE_COLUMN_SIZE], block->size, (guint16)(sums / HAS_SIZE)) ||
        !trace_numbers_take(&column[TRACE_COLUMN_GIVEN], block->given,
                            (guint16)(sums / HAS_GIVEN))) {
        return "it has fewer objects or sizes than events that have one";
    }
    /* At the raw level objects that are not named by their place in the chunk tell theirs too. */
    if (decoder->level == TRACE_LEVEL_RAW) {
        for (guint32 i = 0; i < coded; i++) {
            told += block->object[i] == TRACE_OBJECT_NONE;
        }
    }
    if (!trace_numbers_take(&column[TRACE_COLUMN_ADDRESS], block->address, told)) {
        return "it has fewer addresses than events that have one";
    }
    return NULL;
}

static gboolean next_run(trace_decoder *decoder)
{
    guint64 run, place;
    if (!trace_numbers_take(&decoder->column[TRACE_COLUMN_RUN], &run, 1) ||
        !trace_numbers_take(&decoder->column[TRACE_COLUMN_RUN_PLACE], &place, 1) || run == 0 ||
        run > TRACE_COLUMNS_EVENTS_MAX || place >= decoder->places->len) {
        return FALSE;
    }
    decoder->run = (guint32)run;
    decoder->place = g_array_index(decoder->places, struct place, place);
    return TRUE;
}

static guint64 next_address(trace_decoder *decoder, guint64 code, guint kind)
{
    guint64 *last = &decoder->last_address[trace_kind_is_page(kind)];
    *last += code >> 1 ^ (0 - (code & 1));
    return *last;
}

/* The slot of an object that begins; TRACE_NO_SLOT: there is none. */
static guint32 slot_that_begins(trace_decoder *decoder, guint64 code)
{
    guint64 slot;
    if (code >= TRACE_OBJECT_SLOT) {
        slot = code - TRACE_OBJECT_SLOT;
        if (slot >= decoder->slots) {
            return TRACE_NO_SLOT;
        }
    } else if (code == TRACE_OBJECT_NEW_SLOT) {
        if (decoder->slots >= SLOTS_MAX) {
            return TRACE_NO_SLOT;
        }
        slot = decoder->slots++;
    } else {
        if (decoder->freed_count == 0) {
            return TRACE_NO_SLOT;
        }
        slot = decoder->freed[--decoder->freed_count];
    }
    decoder->begun[decoder->begun_count++] = slot;
    return (guint32)slot;
}

/* The slot of an object that lives, for a code that is not TRACE_OBJECT_NONE. */
static guint32 slot_that_lives(const trace_decoder *decoder, guint64 code)
{
    code -= TRACE_OBJECT_BACK;
    if (code % 2 == 1) {
        return code / 2 < decoder->slots ? (guint32)(code / 2) : TRACE_NO_SLOT;
    }
    if (code / 2 >= decoder->begun_count) {
        return TRACE_NO_SLOT;
    }
    return (guint32)decoder->begun[decoder->begun_count - 1 - code / 2];
}

/* What of a block's columns comes next. */
struct cursor {
    const guint64 *object, *address, *size, *given;
};

/* FALSE: the event names an object that is not there. */
static gboolean set_slot(trace_decoder *decoder, const struct shape *shape, struct cursor *cursor,
                         struct trace_event *event)
{
    guint64 code = *cursor->object++;
    if (shape->reference == TRACE_REFERENCE_BEGINS) {
        event->slot = slot_that_begins(decoder, code);
    } else if (code == TRACE_OBJECT_NONE) {
        /* A realloc that failed, of an object that is older than the trace. */
        return shape->reference == TRACE_REFERENCE_STAYS && (event->flags & TRACE_FAILED) != 0;
    } else {
        event->slot = slot_that_lives(decoder, code);
        if (shape->reference == TRACE_REFERENCE_ENDS) {
            decoder->freed[decoder->freed_count++] = event->slot;
        }
    }
    if (shape->told) {
        event->address = next_address(decoder, *cursor->address++, event->kind);
    }
    return event->slot != TRACE_NO_SLOT;
}

static gboolean set_address(trace_decoder *decoder, const struct shape *shape,
                            struct cursor *cursor, struct trace_event *event)
{
    if (shape->coded && *cursor->object != TRACE_OBJECT_NONE) {
        guint64 back = *cursor->object++ - TRACE_OBJECT_BACK;
        if (back >= decoder->begun_count) {
            return FALSE;
        }
        event->address = decoder->begun[decoder->begun_count - 1 - back];
    } else if (shape->coded || shape->told) {
        cursor->object += shape->coded;
        event->address = next_address(decoder, *cursor->address++, event->kind);
        if (shape->told) {
            decoder->begun[decoder->begun_count++] = event->address;
        }
    }
    return TRUE;
}

static const char *fill_events(trace_decoder *decoder, const struct block *block,
                               struct trace_event *events, guint32 count)
{
    const struct shape *shapes = (const struct shape *)(gconstpointer)decoder->shapes->data;
    struct cursor cursor = {block->object, block->address, block->size, block->given};
    gboolean raw = decoder->level == TRACE_LEVEL_RAW;
    guint64 time_ns = decoder->time_ns;
    for (guint32 i = 0; i < count; i++) {
        const struct shape *shape = &shapes[block->shape[i]];
        struct trace_event *event = &events[i];
        if (decoder->run == 0 && !next_run(decoder)) {
            return "its runs of events in one place are not as many as its events";
        }
        decoder->run--;
        time_ns += block->step[i];
        *event = shape->event;
        event->time_ns = time_ns;
        event->thread = decoder->place.thread;
        event->cpu = decoder->place.cpu;
        if (shape->own != 0) {
            event->size = (shape->own & TRACE_OWN_SIZE) != 0 ? *cursor.size++ : event->size;
            event->given = (shape->own & TRACE_OWN_GIVEN) != 0 ? *cursor.given++ : event->given;
        }
        if (raw ? !set_address(decoder, shape, &cursor, event)
                : shape->coded && !set_slot(decoder, shape, &cursor, event)) {
            return "an event names an object that is not there";
        }
    }
    decoder->time_ns = time_ns;
    return NULL;
}

guint32 trace_decoder_block(trace_decoder *decoder, struct trace_event *events, const char **wrong)
{
    struct block block;
    guint32 count = MIN(decoder->events, TRACE_DECODE_BLOCK);
    *wrong = NULL;
    if (count == 0) {
        return 0;
    }
    *wrong = take_block(decoder, &block, count);
    if (*wrong == NULL) {
        *wrong = fill_events(decoder, &block, events, count);
    }
    decoder->events -= count;
    return *wrong == NULL ? count : 0;
}
