/* SPDX-License-Identifier: Apache-2.0 */
#include "encode.h"

#include "encode_columns.h"
#include "map.h"
#include "numbers.h"
#include "order.h"
#include "recent.h"
#include "shapes.h"

#define NONE G_MAXUINT32

/* Where a slot's object began in this chunk. */
struct birth {
    guint32 chunk;
    guint32 count; /* objects that had begun before it */
};

/* Where an address was handed out last: an entry of another chunk is none. */
struct begun {
    guint64 address;
    guint32 chunk;
    guint16 count; /* objects that had begun before it */
    guint8 class;  /* of the object, see recent.h */
    guint8 freed;
};

/* Once for each level, so that no event asks for it. */
#define PER_EVENT inline __attribute__((always_inline))

#define NO_PLACE G_MAXUINT64
#define BEGUN_BITS 16u
#define BEGUN_SIZE ((gsize)1 << BEGUN_BITS)
#define AHEAD 12u /* events whose entries are on their way from memory */
G_STATIC_ASSERT(BEGUN_SIZE >= 2 * TRACE_COLUMNS_EVENTS);
G_STATIC_ASSERT(TRACE_COLUMNS_EVENTS <= G_MAXUINT16 && TRACE_RECENT_CLASSES <= G_MAXUINT8);

struct trace_encoder {
    enum trace_level level;
    gboolean addresses;
    struct trace_gathered *events; /* TRACE_COLUMNS_EVENTS, and AHEAD that are only looked at */
    guint32 count;
    struct trace_order order;
    struct trace_shapes shapes;
    struct trace_map places; /* CPU and thread -> number */
    guint64 last_place;
    guint32 last_number; /* of last_place */
    guint32 chunk;
    guint32 slots; /* ever used */
    struct birth *births;
    guint32 births_held;
    struct begun *begun; /* raw: BEGUN_SIZE, by address */
    struct trace_recent recent;
    guint32 *freed; /* slots freed in this chunk, a stack */
    guint32 freed_count;
    guint32 begun_count;
    guint64 last_address[2]; /* of an object; of pages */
    guint64 last_ns;         /* of the event that was put last */
    guint64 lowest_ns, highest_ns;
    guint32 run_place, run_events; /* events of one place that were put in a row */
    struct trace_columns columns;
};

trace_encoder *trace_encoder_new(enum trace_level level, gboolean addresses)
{
    trace_encoder *encoder = g_new0(trace_encoder, 1);
    encoder->level = level;
    encoder->addresses = addresses || level == TRACE_LEVEL_RAW;
    encoder->events = g_new0(struct trace_gathered, TRACE_COLUMNS_EVENTS + AHEAD);
    encoder->freed = g_new(guint32, TRACE_COLUMNS_EVENTS);
    encoder->begun = g_new0(struct begun, level == TRACE_LEVEL_RAW ? BEGUN_SIZE : 1);
    encoder->chunk = 1;
    encoder->last_place = NO_PLACE;
    trace_shapes_init(&encoder->shapes);
    trace_map_init(&encoder->places);
    trace_order_init(&encoder->order);
    trace_columns_init(&encoder->columns);
    return encoder;
}

void trace_encoder_free(trace_encoder *encoder)
{
    trace_columns_destroy(&encoder->columns);
    trace_order_destroy(&encoder->order);
    trace_map_destroy(&encoder->places);
    trace_shapes_destroy(&encoder->shapes);
    g_free(encoder->begun);
    g_free(encoder->births);
    g_free(encoder->freed);
    g_free(encoder->events);
    g_free(encoder);
}

guint32 trace_encoder_count(const trace_encoder *encoder)
{
    return encoder->count;
}

static void put(trace_encoder *encoder, enum trace_column_id id, guint64 value)
{
    trace_columns_put(&encoder->columns, id, value);
}

/* Events ------------------------------------------------------------------------------------------ */

static G_NO_INLINE guint32 find_place(trace_encoder *encoder, guint64 place)
{
    const guint32 *known = trace_map_find(&encoder->places, place);
    guint32 number = known != NULL ? *known : (guint32)encoder->places.count;
    if (known == NULL) {
        trace_map_insert(&encoder->places, place, number);
        put(encoder, TRACE_COLUMN_PLACE_THREAD, place & G_MAXUINT32);
        put(encoder, TRACE_COLUMN_PLACE_CPU, place >> 32);
    }
    encoder->last_place = place;
    encoder->last_number = number;
    return number;
}

/* A thread on a CPU; most events are where the one before was. */
static inline guint32 number_of_place(trace_encoder *encoder, guint32 thread, guint16 cpu)
{
    guint64 place = (guint64)cpu << 32 | thread;
    return place == encoder->last_place ? encoder->last_number : find_place(encoder, place);
}

/* Most events have a shape that one before had, and then it is not written down. */
static G_NO_INLINE guint32 find_shape(trace_encoder *encoder, const struct trace_record *record)
{
    struct trace_shape shape = trace_shape_of(record, encoder->level);
    return trace_shapes_find(&encoder->shapes, &shape);
}

static PER_EVENT guint32 number_of_shape(trace_encoder *encoder, const struct trace_record *record,
                                         enum trace_level level)
{
    struct trace_shape shape = trace_shape_of(record, level);
    guint32 *last = trace_shapes_last(&encoder->shapes, &shape), index = *last;
    if (!trace_shapes_at(&encoder->shapes, index, &shape)) {
        index = *last = find_shape(encoder, record);
    }
    encoder->shapes.use[index].events++;
    return index;
}

static PER_EVENT void gather(trace_encoder *encoder, const struct trace_record *record,
                             guint32 slot, enum trace_level level)
{
    guint32 index = encoder->count++;
    struct trace_gathered *gathered = &encoder->events[index];
    if (index == 0 || (level == TRACE_LEVEL_RAW && record->time_ns < gathered[-1].time_ns)) {
        trace_order_begin_run(&encoder->order, index);
    }
    *gathered = (struct trace_gathered){
        .time_ns = record->time_ns,
        .address = record->address,
        .slot = slot,
        .shape = number_of_shape(encoder, record, level),
        .place = number_of_place(encoder, record->thread, record->cpu),
        .begins = trace_kind_is_alloc(record->kind) || record->kind == TRACE_REALLOC,
    };
}

void trace_encoder_event(trace_encoder *encoder, const struct trace_record *event, guint32 slot)
{
    gather(encoder, event, slot, TRACE_LEVEL_REPLAYABLE);
}

guint32 trace_encoder_records(trace_encoder *encoder, const struct trace_record *records,
                              guint32 count)
{
    guint32 taken = MIN(count, TRACE_COLUMNS_EVENTS - encoder->count);
    for (guint32 i = 0; i < taken; i++) {
        gather(encoder, &records[i], TRACE_NO_SLOT, TRACE_LEVEL_RAW);
    }
    return taken;
}

/* Shapes ------------------------------------------------------------------------------------------ */

/* A size that comes once is not worth a shape: its event has another, and the size itself. */
static void share_shapes(struct trace_shapes *shapes)
{
    guint32 count = shapes->count;
    for (guint32 i = 0; i < count; i++) {
        struct trace_shape shape = shapes->use[i].shape;
        if (shapes->use[i].events != 1 || (shape.size == 0 && shape.given == 0)) {
            continue;
        }
        trace_shape_add_own(&shape, (shape.size != 0 ? TRACE_OWN_SIZE : 0) |
                                        (shape.given != 0 ? TRACE_OWN_GIVEN : 0));
        shape.size = 0;
        shape.given = 0;
        guint32 other = trace_shapes_find(shapes, &shape);
        shapes->use[other].events++;
        shapes->use[i].events = 0;
        shapes->use[i].number = other;
    }
}

static void put_shape(trace_encoder *encoder, const struct trace_shape *shape)
{
    put(encoder, TRACE_COLUMN_SHAPE_KIND, trace_shape_kind(shape));
    put(encoder, TRACE_COLUMN_SHAPE_FLAGS, trace_shape_flags(shape));
    put(encoder, TRACE_COLUMN_SHAPE_OWN, trace_shape_own(shape));
    put(encoder, TRACE_COLUMN_SHAPE_SIZE, shape->size);
    put(encoder, TRACE_COLUMN_SHAPE_GIVEN, shape->given);
    put(encoder, TRACE_COLUMN_SHAPE_ALIGN, shape->align);
    put(encoder, TRACE_COLUMN_SHAPE_CACHE, shape->names & G_MAXUINT32);
    put(encoder, TRACE_COLUMN_SHAPE_SITE, shape->names >> 32);
    put(encoder, TRACE_COLUMN_SHAPE_GFP, shape->gfp);
    put(encoder, TRACE_COLUMN_SHAPE_NODE, (guint16)((shape->rest >> 32) + 1));
    put(encoder, TRACE_COLUMN_SHAPE_ORDER, trace_shape_byte(shape, 2));
    put(encoder, TRACE_COLUMN_SHAPE_MIGRATETYPE, (guint8)(trace_shape_byte(shape, 3) + 1));
}

static void put_shapes(trace_encoder *encoder)
{
    guint32 count;
    share_shapes(&encoder->shapes);
    guint32 *order = trace_shapes_number(&encoder->shapes, &count);
    for (guint32 i = 0; i < count; i++) {
        struct trace_shape_use *use = &encoder->shapes.use[order[i]];
        guint kind = trace_shape_kind(&use->shape);
        put_shape(encoder, &use->shape);
        use->page = trace_kind_is_page(kind) != 0;
        use->reference =
            (guint8)trace_reference_of(encoder->level, kind, trace_shape_flags(&use->shape));
    }
    g_free(order);
}

/* The shape that the event has instead. */
static const struct trace_shape_use *put_own(trace_encoder *encoder,
                                             const struct trace_shape_use *use)
{
    if (use->shape.size != 0) {
        put(encoder, TRACE_COLUMN_SIZE, use->shape.size);
    }
    if (use->shape.given != 0) {
        put(encoder, TRACE_COLUMN_GIVEN, use->shape.given);
    }
    return &encoder->shapes.use[use->number];
}

/* Objects ----------------------------------------------------------------------------------------- */

static struct birth *birth_of(trace_encoder *encoder, guint32 slot)
{
    if (slot >= encoder->births_held) {
        guint32 held = MAX(MAX(1024, encoder->births_held * 2), slot + 1);
        encoder->births = g_renew(struct birth, encoder->births, held);
        for (guint32 i = encoder->births_held; i < held; i++) {
            encoder->births[i] = (struct birth){NONE, 0};
        }
        encoder->births_held = held;
    }
    return &encoder->births[slot];
}

static inline void put_address(trace_encoder *encoder, guint64 address, guint8 page)
{
    guint64 *last = &encoder->last_address[page];
    put(encoder, TRACE_COLUMN_ADDRESS, trace_numbers_step(address - *last));
    *last = address;
}

/* By how many have begun since, or else by its slot. */
static void put_living(trace_encoder *encoder, guint32 slot)
{
    guint64 code = TRACE_OBJECT_NONE;
    if (slot != TRACE_NO_SLOT) {
        const struct birth *birth = birth_of(encoder, slot);
        code = birth->chunk == encoder->chunk
                   ? (guint64)(encoder->begun_count - 1 - birth->count) * 2
                   : (guint64)slot * 2 + 1;
        code += TRACE_OBJECT_BACK;
    }
    put(encoder, TRACE_COLUMN_OBJECT, code);
}

static void put_slot(trace_encoder *encoder, guint32 slot)
{
    guint64 code = TRACE_OBJECT_SLOT + (guint64)slot;
    if (encoder->freed_count > 0 && encoder->freed[encoder->freed_count - 1] == slot) {
        code = TRACE_OBJECT_LAST_FREED;
        encoder->freed_count--;
    } else if (slot == encoder->slots) {
        code = TRACE_OBJECT_NEW_SLOT;
        encoder->slots++;
    }
    *birth_of(encoder, slot) = (struct birth){encoder->chunk, encoder->begun_count++};
    put(encoder, TRACE_COLUMN_OBJECT, code);
}

static void put_object(trace_encoder *encoder, const struct trace_gathered *event,
                       const struct trace_shape_use *use)
{
    switch ((enum trace_reference)use->reference) {
    case TRACE_REFERENCE_NONE:
        return;
    case TRACE_REFERENCE_BEGINS:
        put_slot(encoder, event->slot);
        break;
    case TRACE_REFERENCE_ENDS:
        put_living(encoder, event->slot);
        encoder->freed[encoder->freed_count++] = event->slot;
        return;
    case TRACE_REFERENCE_STAYS:
        put_living(encoder, event->slot);
        if ((trace_shape_flags(&use->shape) & TRACE_FAILED) != 0) {
            return;
        }
        break;
    }
    if (encoder->addresses) {
        put_address(encoder, event->address, use->page);
    }
}

static gsize home_of(guint64 address)
{
    return (gsize)((address * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> (64 - BEGUN_BITS));
}

/* The address's entry, or where it is to be. */
static struct begun *find_begun(const trace_encoder *encoder, guint64 address)
{
    gsize at = home_of(address);
    while (encoder->begun[at].chunk == encoder->chunk && encoder->begun[at].address != address) {
        at = (at + 1) % BEGUN_SIZE;
    }
    return &encoder->begun[at];
}

/* Without slots: by how many of its class were freed since, or else by its address. */
static PER_EVENT void put_raw_birth(trace_encoder *encoder, struct begun *begun, gboolean known,
                                    const struct trace_gathered *event, guint8 page, guint64 size)
{
    guint class = trace_recent_class(size, page);
    guint after = known && begun->freed ? trace_recent_find(&encoder->recent, class, event->address)
                                        : TRACE_RECENT_DEPTH;
    *begun = (struct begun){
        .address = event->address,
        .chunk = encoder->chunk,
        .count = (guint16)encoder->begun_count++,
        .class = (guint8) class,
    };
    if (after < TRACE_RECENT_DEPTH) {
        trace_recent_take(&encoder->recent, class, after);
        put(encoder, TRACE_COLUMN_RECENT, after + TRACE_RECENT_AFTER);
    } else {
        put(encoder, TRACE_COLUMN_RECENT, TRACE_RECENT_NONE);
        put_address(encoder, event->address, page);
    }
}

/* By how many have begun since, or else by its address. */
static PER_EVENT void put_raw_end(trace_encoder *encoder, struct begun *begun, gboolean known,
                                  const struct trace_gathered *event, guint8 page)
{
    if (known) {
        put(encoder, TRACE_COLUMN_OBJECT,
            (guint64)(encoder->begun_count - 1 - begun->count) + TRACE_OBJECT_BACK);
        trace_recent_put(&encoder->recent, begun->class, event->address);
        begun->freed = TRUE;
    } else {
        put(encoder, TRACE_COLUMN_OBJECT, TRACE_OBJECT_NONE);
        put_address(encoder, event->address, page);
    }
}

static PER_EVENT void put_raw_object(trace_encoder *encoder, const struct trace_gathered *event,
                                     const struct trace_shape_use *use, guint64 size)
{
    if (use->reference == TRACE_REFERENCE_NONE) {
        return;
    }
    struct begun *begun = find_begun(encoder, event->address);
    gboolean known = begun->chunk == encoder->chunk;
    if (use->reference == TRACE_REFERENCE_ENDS) {
        put_raw_end(encoder, begun, known, event, use->page);
    } else {
        put_raw_birth(encoder, begun, known, event, use->page, size);
    }
}

static void put_run(trace_encoder *encoder)
{
    if (encoder->run_events > 0) {
        put(encoder, TRACE_COLUMN_RUN, encoder->run_events);
        put(encoder, TRACE_COLUMN_RUN_PLACE, encoder->run_place);
    }
    encoder->run_events = 0;
}

static PER_EVENT void put_event(trace_encoder *encoder, const struct trace_gathered *event,
                                enum trace_level level)
{
    const struct trace_shape_use *use = &encoder->shapes.use[event->shape];
    guint64 size = use->shape.size;
    if (use->events == 0) {
        use = put_own(encoder, use);
    }
    if (event->place != encoder->run_place) {
        put_run(encoder);
        encoder->run_place = event->place;
    }
    encoder->run_events++;
    put(encoder, TRACE_COLUMN_SHAPE, use->number);
    put(encoder, TRACE_COLUMN_TIME, event->time_ns - encoder->last_ns);
    encoder->last_ns = event->time_ns;
    if (level == TRACE_LEVEL_RAW) {
        encoder->highest_ns = event->time_ns;
        __builtin_prefetch(&encoder->begun[home_of(event[AHEAD].address)], 1);
        put_raw_object(encoder, event, use, size);
    } else {
        encoder->lowest_ns = MIN(encoder->lowest_ns, event->time_ns);
        encoder->highest_ns = MAX(encoder->highest_ns, event->time_ns);
        put_object(encoder, event, use);
    }
}

/* What the first difference of times is from; the header has it. */
static guint64 put_events(trace_encoder *encoder)
{
    const struct trace_gathered *event;
    guint32 count = trace_order_next(&encoder->order, &event);
    guint64 first_ns = event->time_ns;
    encoder->last_ns = encoder->lowest_ns = encoder->highest_ns = first_ns;
    for (; count > 0; count = trace_order_next(&encoder->order, &event)) {
        for (guint32 i = 0; i < count; i++) {
            if (encoder->level == TRACE_LEVEL_RAW) {
                put_event(encoder, &event[i], TRACE_LEVEL_RAW);
            } else {
                put_event(encoder, &event[i], TRACE_LEVEL_REPLAYABLE);
            }
        }
    }
    put_run(encoder);
    return first_ns;
}

/* Chunks ------------------------------------------------------------------------------------------ */

static void begin_chunk(trace_encoder *encoder)
{
    trace_columns_clear(&encoder->columns);
    trace_order_clear(&encoder->order);
    trace_shapes_clear(&encoder->shapes);
    trace_map_clear(&encoder->places);
    encoder->last_place = NO_PLACE;
    encoder->last_address[0] = encoder->last_address[1] = 0;
    encoder->begun_count = 0;
    encoder->freed_count = 0;
    trace_recent_clear(&encoder->recent);
    encoder->count = 0;
    encoder->chunk++;
}

void trace_encoder_finish(trace_encoder *encoder, GByteArray *content, guint64 *lowest_ns,
                          guint64 *highest_ns)
{
    guint32 slots = encoder->slots;
    trace_order_ready(&encoder->order, encoder->events, encoder->count,
                      encoder->columns.column[TRACE_COLUMN_PLACE_THREAD].values);
    put_shapes(encoder);
    guint64 first_ns = put_events(encoder);
    *lowest_ns = encoder->lowest_ns;
    *highest_ns = encoder->highest_ns;
    trace_columns_append(&encoder->columns, first_ns, slots, content);
    begin_chunk(encoder);
}
