/* SPDX-License-Identifier: Apache-2.0 */
#include "encode.h"

#include <string.h>

#include "checksum.h"
#include "map.h"
#include "numbers.h"

#define NONE G_MAXUINT32

/* Compared as bytes: no padding. */
struct shape {
    guint64 size, given, align;
    guint32 cache, site, gfp;
    guint32 node;
    guint32 own;
    guint8 kind, flags, order, migratetype;
};

G_STATIC_ASSERT(sizeof(struct shape) == 3 * 8 + 5 * 4 + 4);

struct shape_use {
    struct shape shape;
    guint32 events;
    guint32 number; /* in the chunk */
};

/* Where a slot's object began in this chunk. */
struct birth {
    guint32 chunk;
    guint32 count; /* objects that had begun before it */
};

struct trace_encoder {
    enum trace_level level;
    gboolean addresses;
    struct trace_event *events; /* TRACE_COLUMNS_EVENTS */
    guint32 *shape_of;          /* of each: index into shapes */
    guint32 count;
    GArray *shapes; /* struct shape_use, in the order of their coming */
    guint32 *table; /* by hash: index into shapes */
    guint32 chunk;
    guint64 time_ns;
    guint32 slots; /* ever used */
    struct birth *births;
    guint32 births_held;
    struct trace_map begun; /* raw: address -> births count */
    guint32 *freed;         /* slots freed in this chunk, a stack */
    guint32 freed_count;
    guint32 begun_count;
    guint64 last_address[2]; /* of an object; of pages */
    GArray *column[TRACE_COLUMN_IDS];
};

#define TABLE_SIZE (4 * TRACE_COLUMNS_EVENTS)

trace_encoder *trace_encoder_new(enum trace_level level, gboolean addresses)
{
    trace_encoder *encoder = g_new0(trace_encoder, 1);
    encoder->level = level;
    encoder->addresses = addresses || level == TRACE_LEVEL_RAW;
    encoder->events = g_new(struct trace_event, TRACE_COLUMNS_EVENTS);
    encoder->shape_of = g_new(guint32, TRACE_COLUMNS_EVENTS);
    encoder->freed = g_new(guint32, TRACE_COLUMNS_EVENTS);
    encoder->shapes = g_array_new(FALSE, FALSE, sizeof(struct shape_use));
    encoder->table = g_new(guint32, TABLE_SIZE);
    memset(encoder->table, 0xff, TABLE_SIZE * sizeof *encoder->table);
    trace_map_init(&encoder->begun);
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        encoder->column[id] = g_array_new(FALSE, FALSE, sizeof(guint64));
    }
    return encoder;
}

void trace_encoder_free(trace_encoder *encoder)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        g_array_free(encoder->column[id], TRUE);
    }
    trace_map_destroy(&encoder->begun);
    g_array_free(encoder->shapes, TRUE);
    g_free(encoder->births);
    g_free(encoder->table);
    g_free(encoder->freed);
    g_free(encoder->shape_of);
    g_free(encoder->events);
    g_free(encoder);
}

guint32 trace_encoder_count(const trace_encoder *encoder)
{
    return encoder->count;
}

void trace_encoder_add(trace_encoder *encoder, const struct trace_event *event)
{
    encoder->events[encoder->count++] = *event;
}

static void put(trace_encoder *encoder, enum trace_column_id id, guint64 value)
{
    g_array_append_val(encoder->column[id], value);
}

static struct shape_use *shape_at(const trace_encoder *encoder, guint32 index)
{
    return &g_array_index(encoder->shapes, struct shape_use, index);
}

/* What of an event its shape has; of an object that ends the reader knows the size and the order.
 */
static struct shape shape_of_event(const trace_encoder *encoder, const struct trace_event *event)
{
    struct shape shape = {
        .size = event->size,
        .given = event->given,
        .align = event->align,
        .cache = event->cache,
        .site = event->site,
        .gfp = event->gfp,
        .node = (guint16)(event->node + 1u),
        .kind = event->kind,
        .flags = event->flags,
        .order = event->order,
        .migratetype = (guint8)(event->migratetype + 1u),
    };
    if (encoder->level == TRACE_LEVEL_REPLAYABLE) {
        gboolean failed = (event->flags & TRACE_FAILED) != 0;
        if (trace_kind_is_free(event->kind)) {
            shape.size = 0;
            shape.order = 0;
        } else if (event->kind == TRACE_PAGE_ALLOC && !failed) {
            shape.size = 0;
        }
    }
    return shape;
}

static guint32 find_shape(trace_encoder *encoder, const struct shape *shape)
{
    guint32 at = (guint32)(XXH3_64bits(shape, sizeof *shape) % TABLE_SIZE);
    for (; encoder->table[at] != NONE; at = (at + 1) % TABLE_SIZE) {
        if (memcmp(&shape_at(encoder, encoder->table[at])->shape, shape, sizeof *shape) == 0) {
            return encoder->table[at];
        }
    }
    struct shape_use use = {*shape, 0, NONE};
    encoder->table[at] = encoder->shapes->len;
    g_array_append_val(encoder->shapes, use);
    return encoder->table[at];
}

static void count_shape(trace_encoder *encoder, guint32 event, const struct shape *shape)
{
    encoder->shape_of[event] = find_shape(encoder, shape);
    shape_at(encoder, encoder->shape_of[event])->events++;
}

/* A size that comes once is not worth a shape. */
static void find_shapes(trace_encoder *encoder)
{
    for (guint32 i = 0; i < encoder->count; i++) {
        struct shape shape = shape_of_event(encoder, &encoder->events[i]);
        count_shape(encoder, i, &shape);
    }
    for (guint32 i = 0; i < encoder->count; i++) {
        struct shape_use *use = shape_at(encoder, encoder->shape_of[i]);
        struct shape shape = use->shape;
        if (use->events > 1 || (shape.size == 0 && shape.given == 0)) {
            continue;
        }
        use->events = 0;
        shape.own =
            (shape.size != 0 ? TRACE_OWN_SIZE : 0u) | (shape.given != 0 ? TRACE_OWN_GIVEN : 0u);
        shape.size = 0;
        shape.given = 0;
        count_shape(encoder, i, &shape);
    }
}

static gint by_use(gconstpointer a, gconstpointer b, gpointer data)
{
    const trace_encoder *encoder = data;
    guint32 first = *(const guint32 *)a, second = *(const guint32 *)b;
    guint32 x = shape_at(encoder, first)->events, y = shape_at(encoder, second)->events;
    if (x != y) {
        return x > y ? -1 : 1;
    }
    return first < second ? -1 : first > second;
}

static void put_shape(trace_encoder *encoder, const struct shape *shape)
{
    put(encoder, TRACE_COLUMN_SHAPE_KIND, shape->kind);
    put(encoder, TRACE_COLUMN_SHAPE_FLAGS, shape->flags);
    put(encoder, TRACE_COLUMN_SHAPE_OWN, shape->own);
    put(encoder, TRACE_COLUMN_SHAPE_SIZE, shape->size);
    put(encoder, TRACE_COLUMN_SHAPE_GIVEN, shape->given);
    put(encoder, TRACE_COLUMN_SHAPE_ALIGN, shape->align);
    put(encoder, TRACE_COLUMN_SHAPE_CACHE, shape->cache);
    put(encoder, TRACE_COLUMN_SHAPE_SITE, shape->site);
    put(encoder, TRACE_COLUMN_SHAPE_GFP, shape->gfp);
    put(encoder, TRACE_COLUMN_SHAPE_NODE, shape->node);
    put(encoder, TRACE_COLUMN_SHAPE_ORDER, shape->order);
    put(encoder, TRACE_COLUMN_SHAPE_MIGRATETYPE, shape->migratetype);
}

/* The most frequent get the smallest numbers. */
static void number_shapes(trace_encoder *encoder)
{
    GArray *order = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint32 i = 0; i < encoder->shapes->len; i++) {
        if (shape_at(encoder, i)->events > 0) {
            g_array_append_val(order, i);
        }
    }
    g_array_sort_with_data(order, by_use, encoder);
    for (guint32 i = 0; i < order->len; i++) {
        struct shape_use *use = shape_at(encoder, g_array_index(order, guint32, i));
        use->number = i;
        put_shape(encoder, &use->shape);
    }
    g_array_free(order, TRUE);
}

/* Threads and CPUs: runs of events in one place. */
static void put_places(trace_encoder *encoder)
{
    struct trace_map places;
    guint64 place = 0;
    guint32 run = 0, number = 0;
    trace_map_init(&places);
    for (guint32 i = 0; i < encoder->count; i++) {
        const struct trace_event *event = &encoder->events[i];
        guint64 its = (guint64)event->cpu << 32 | event->thread;
        if (run > 0 && its == place) {
            run++;
            continue;
        }
        if (run > 0) {
            put(encoder, TRACE_COLUMN_RUN, run);
            put(encoder, TRACE_COLUMN_RUN_PLACE, number);
        }
        place = its;
        run = 1;
        const guint32 *known = trace_map_find(&places, its);
        number = known != NULL ? *known : (guint32)places.count;
        if (known == NULL) {
            trace_map_insert(&places, its, number);
            put(encoder, TRACE_COLUMN_PLACE_THREAD, event->thread);
            put(encoder, TRACE_COLUMN_PLACE_CPU, event->cpu);
        }
    }
    put(encoder, TRACE_COLUMN_RUN, run);
    put(encoder, TRACE_COLUMN_RUN_PLACE, number);
    trace_map_destroy(&places);
}

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

static void put_address(trace_encoder *encoder, const struct trace_event *event)
{
    guint64 *last = &encoder->last_address[trace_kind_is_page(event->kind)];
    guint64 step = event->address - *last;
    put(encoder, TRACE_COLUMN_ADDRESS, step << 1 ^ (0 - (step >> 63)));
    *last = event->address;
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

static void put_object(trace_encoder *encoder, const struct trace_event *event)
{
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, event->kind, event->flags)) {
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
        if ((event->flags & TRACE_FAILED) != 0) {
            return;
        }
        break;
    }
    if (encoder->addresses) {
        put_address(encoder, event);
    }
}

/* Without slots: by how many have begun since, or else by its address. */
static void put_raw_object(trace_encoder *encoder, const struct trace_event *event)
{
    guint32 *begun = NULL;
    switch (trace_reference_of(TRACE_LEVEL_RAW, event->kind, event->flags)) {
    case TRACE_REFERENCE_NONE:
        return;
    case TRACE_REFERENCE_ENDS:
        begun = trace_map_find(&encoder->begun, event->address);
        put(encoder, TRACE_COLUMN_OBJECT,
            begun == NULL ? TRACE_OBJECT_NONE
                          : (guint64)(encoder->begun_count - 1 - *begun) + TRACE_OBJECT_BACK);
        if (begun == NULL) {
            put_address(encoder, event);
        }
        return;
    case TRACE_REFERENCE_BEGINS:
    case TRACE_REFERENCE_STAYS:
        begun = trace_map_find(&encoder->begun, event->address);
        if (begun != NULL) {
            *begun = encoder->begun_count;
        } else {
            trace_map_insert(&encoder->begun, event->address, encoder->begun_count);
        }
        encoder->begun_count++;
        put_address(encoder, event);
        return;
    }
}

static void put_events(trace_encoder *encoder, guint64 *lowest_ns, guint64 *highest_ns)
{
    guint64 time_ns = encoder->events[0].time_ns;
    *lowest_ns = *highest_ns = time_ns;
    for (guint32 i = 0; i < encoder->count; i++) {
        const struct trace_event *event = &encoder->events[i];
        const struct shape_use *use = shape_at(encoder, encoder->shape_of[i]);
        put(encoder, TRACE_COLUMN_SHAPE, use->number);
        put(encoder, TRACE_COLUMN_TIME, event->time_ns - time_ns);
        time_ns = event->time_ns;
        *lowest_ns = MIN(*lowest_ns, time_ns);
        *highest_ns = MAX(*highest_ns, time_ns);
        if ((use->shape.own & TRACE_OWN_SIZE) != 0) {
            put(encoder, TRACE_COLUMN_SIZE, event->size);
        }
        if ((use->shape.own & TRACE_OWN_GIVEN) != 0) {
            put(encoder, TRACE_COLUMN_GIVEN, event->given);
        }
        if (encoder->level == TRACE_LEVEL_RAW) {
            put_raw_object(encoder, event);
        } else {
            put_object(encoder, event);
        }
    }
}

/* Columns of zeros are left out. */
static void append_columns(trace_encoder *encoder, const struct trace_columns_header *header,
                           GByteArray *content)
{
    GByteArray *packed = g_byte_array_new();
    struct trace_columns_header its = *header;
    guint start = content->len;
    g_byte_array_append(content, (const guint8 *)&its, sizeof its);
    for (guint id = 1; id < TRACE_COLUMN_IDS; id++) {
        const GArray *values = encoder->column[id];
        guint before = packed->len;
        enum trace_encoding encoding;
        gboolean zeros = TRUE;
        for (guint i = 0; i < values->len && zeros; i++) {
            zeros = g_array_index(values, guint64, i) == 0;
        }
        if (zeros && id != TRACE_COLUMN_SHAPE_KIND) {
            continue;
        }
        trace_numbers_pack(packed, (const guint64 *)(gconstpointer)values->data, values->len,
                           &encoding);
        struct trace_column column = {
            .id = (guint8)id,
            .encoding = (guint8)encoding,
            .count = GUINT32_TO_LE(values->len),
            .bytes = GUINT32_TO_LE(packed->len - before),
        };
        g_byte_array_append(content, (const guint8 *)&column, sizeof column);
        its.columns++;
    }
    its.columns = GUINT32_TO_LE(its.columns);
    memcpy(content->data + start, &its, sizeof its);
    g_byte_array_append(content, packed->data, packed->len);
    g_byte_array_free(packed, TRUE);
}

static void begin_chunk(trace_encoder *encoder)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        g_array_set_size(encoder->column[id], 0);
    }
    g_array_set_size(encoder->shapes, 0);
    memset(encoder->table, 0xff, TABLE_SIZE * sizeof *encoder->table);
    trace_map_clear(&encoder->begun);
    encoder->last_address[0] = encoder->last_address[1] = 0;
    encoder->begun_count = 0;
    encoder->freed_count = 0;
    encoder->count = 0;
    encoder->chunk++;
}

void trace_encoder_finish(trace_encoder *encoder, GByteArray *content, guint64 *lowest_ns,
                          guint64 *highest_ns)
{
    struct trace_columns_header header = {
        .time_ns = GUINT64_TO_LE(encoder->events[0].time_ns),
        .slots = GUINT32_TO_LE(encoder->slots),
    };
    find_shapes(encoder);
    number_shapes(encoder);
    put_places(encoder);
    put_events(encoder, lowest_ns, highest_ns);
    append_columns(encoder, &header, content);
    begin_chunk(encoder);
}
