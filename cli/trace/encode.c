/* SPDX-License-Identifier: Apache-2.0 */
#include "encode.h"

#include <string.h>

#include "map.h"
#include "numbers.h"
#include "shapes.h"

#define NONE G_MAXUINT32

/* An event, without what its shape has. */
struct gathered {
    guint64 time_ns;
    guint64 address;
    guint32 slot;
    guint32 shape; /* index into shapes */
    guint32 place;
    guint32 begins; /* 1: frees of others at the same time go before it */
};

/* Where a slot's object began in this chunk. */
struct birth {
    guint32 chunk;
    guint32 count; /* objects that had begun before it */
};

/* Where an address was handed out: an entry of another chunk is none. */
struct begun {
    guint64 address;
    struct birth birth;
};

#define BEGUN_BITS 16u
#define BEGUN_SIZE ((gsize)1 << BEGUN_BITS)
#define AHEAD 12u /* events whose entries are on their way from memory */
G_STATIC_ASSERT(BEGUN_SIZE >= 2 * TRACE_COLUMNS_EVENTS);

struct trace_encoder {
    enum trace_level level;
    gboolean addresses;
    struct gathered *events; /* TRACE_COLUMNS_EVENTS */
    struct gathered *sorted; /* as many, where they are not in order of time */
    guint32 count;
    gboolean unsorted;
    struct trace_shapes shapes;
    struct trace_map places; /* CPU and thread -> number */
    guint64 last_place;
    guint32 last_number; /* of last_place, which is one when there are places */
    guint32 chunk;
    guint32 slots; /* ever used */
    struct birth *births;
    guint32 births_held;
    struct begun *begun; /* raw: BEGUN_SIZE, by address */
    guint32 *freed;      /* slots freed in this chunk, a stack */
    guint32 freed_count;
    guint32 begun_count;
    guint64 last_address[2];           /* of an object; of pages */
    guint64 *column[TRACE_COLUMN_IDS]; /* TRACE_COLUMNS_EVENTS each */
    guint32 length[TRACE_COLUMN_IDS];
};

trace_encoder *trace_encoder_new(enum trace_level level, gboolean addresses)
{
    trace_encoder *encoder = g_new0(trace_encoder, 1);
    encoder->level = level;
    encoder->addresses = addresses || level == TRACE_LEVEL_RAW;
    encoder->events = g_new(struct gathered, TRACE_COLUMNS_EVENTS);
    encoder->sorted = g_new(struct gathered, TRACE_COLUMNS_EVENTS);
    encoder->freed = g_new(guint32, TRACE_COLUMNS_EVENTS);
    encoder->begun = g_new0(struct begun, level == TRACE_LEVEL_RAW ? BEGUN_SIZE : 1);
    encoder->chunk = 1;
    trace_shapes_init(&encoder->shapes);
    trace_map_init(&encoder->places);
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        encoder->column[id] = g_new(guint64, TRACE_COLUMNS_EVENTS);
    }
    return encoder;
}

void trace_encoder_free(trace_encoder *encoder)
{
    for (guint id = 0; id < TRACE_COLUMN_IDS; id++) {
        g_free(encoder->column[id]);
    }
    trace_map_destroy(&encoder->places);
    trace_shapes_destroy(&encoder->shapes);
    g_free(encoder->begun);
    g_free(encoder->births);
    g_free(encoder->freed);
    g_free(encoder->sorted);
    g_free(encoder->events);
    g_free(encoder);
}

guint32 trace_encoder_count(const trace_encoder *encoder)
{
    return encoder->count;
}

static void put(trace_encoder *encoder, enum trace_column_id id, guint64 value)
{
    encoder->column[id][encoder->length[id]++] = value;
}

/* Events ------------------------------------------------------------------------------------------ */

/* A thread on a CPU; most events are where the one before was. */
static guint32 number_of_place(trace_encoder *encoder, guint32 thread, guint32 cpu)
{
    guint64 place = (guint64)cpu << 32 | thread;
    if (encoder->places.count > 0 && place == encoder->last_place) {
        return encoder->last_number;
    }
    const guint32 *known = trace_map_find(&encoder->places, place);
    guint32 number = known != NULL ? *known : (guint32)encoder->places.count;
    if (known == NULL) {
        trace_map_insert(&encoder->places, place, number);
        put(encoder, TRACE_COLUMN_PLACE_THREAD, thread);
        put(encoder, TRACE_COLUMN_PLACE_CPU, cpu);
    }
    encoder->last_place = place;
    encoder->last_number = number;
    return number;
}

/* Most events have a shape that one before had, and then it is not written down. */
static G_NO_INLINE guint32 find_shape(trace_encoder *encoder, const struct trace_record *record)
{
    struct trace_shape shape = trace_shape_of(record, encoder->level);
    return trace_shapes_find(&encoder->shapes, &shape);
}

static guint32 number_of_shape(trace_encoder *encoder, const struct trace_record *record)
{
    struct trace_shape shape = trace_shape_of(record, encoder->level);
    guint32 *last = trace_shapes_last(&encoder->shapes, &shape);
    if (!trace_shapes_at(&encoder->shapes, *last, &shape)) {
        *last = find_shape(encoder, record);
    }
    encoder->shapes.use[*last].events++;
    return *last;
}

void trace_encoder_add(trace_encoder *encoder, const struct trace_record *record, guint32 slot)
{
    struct gathered *gathered = &encoder->events[encoder->count];
    if (encoder->count > 0 && record->time_ns < gathered[-1].time_ns) {
        encoder->unsorted = TRUE;
    }
    *gathered = (struct gathered){
        .time_ns = record->time_ns,
        .address = record->address,
        .slot = slot,
        .shape = number_of_shape(encoder, record),
        .place = number_of_place(encoder, record->thread, record->cpu),
        .begins = trace_kind_is_alloc(record->kind) || record->kind == TRACE_REALLOC,
    };
    encoder->count++;
}

/* Order of time ----------------------------------------------------------------------------------- */

/* As trace_merge has it: what one thread did stays in its order. */
static gboolean goes_before(const trace_encoder *encoder, const struct gathered *a,
                            const struct gathered *b)
{
    const guint64 *thread = encoder->column[TRACE_COLUMN_PLACE_THREAD];
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->begins < b->begins &&
                                       thread[a->place] != thread[b->place]);
}

/* Where the run of events in order of time that begins at from ends. */
static guint32 end_of_run(const trace_encoder *encoder, guint32 from)
{
    guint32 end = from;
    do {
        end++;
    } while (end < encoder->count &&
             encoder->events[end].time_ns >= encoder->events[end - 1].time_ns);
    return end;
}

/* Merges the runs [from, middle) and [middle, end). */
static void merge_runs(const trace_encoder *encoder, guint32 from, guint32 middle, guint32 end)
{
    const struct gathered *events = encoder->events;
    guint32 left = from, right = middle;
    for (guint32 at = from; at < end; at++) {
        gboolean take_right =
            right < end && (left == middle || goes_before(encoder, &events[right], &events[left]));
        encoder->sorted[at] = take_right ? events[right++] : events[left++];
    }
}

/* Runs are merged by twos until there is one: chunks of threads come as runs, and are few. */
static void sort_events(trace_encoder *encoder)
{
    guint32 runs;
    do {
        runs = 0;
        for (guint32 from = 0; from < encoder->count; runs++) {
            guint32 middle = end_of_run(encoder, from);
            guint32 end = middle < encoder->count ? end_of_run(encoder, middle) : middle;
            merge_runs(encoder, from, middle, end);
            from = end;
        }
        struct gathered *swapped = encoder->events;
        encoder->events = encoder->sorted;
        encoder->sorted = swapped;
    } while (runs > 1);
}

/* Shapes ------------------------------------------------------------------------------------------ */

/* A size that comes once is not worth a shape. */
static void share_shapes(trace_encoder *encoder)
{
    for (guint32 i = 0; i < encoder->count; i++) {
        struct trace_shape_use *use = &encoder->shapes.use[encoder->events[i].shape];
        struct trace_shape shape = use->shape;
        if (use->events > 1 || (shape.size == 0 && shape.given == 0)) {
            continue;
        }
        use->events = 0;
        if (shape.size != 0) {
            put(encoder, TRACE_COLUMN_SIZE, shape.size);
            shape.rest |= TRACE_OWN_SIZE << 16;
        }
        if (shape.given != 0) {
            put(encoder, TRACE_COLUMN_GIVEN, shape.given);
            shape.rest |= TRACE_OWN_GIVEN << 16;
        }
        shape.size = 0;
        shape.given = 0;
        encoder->events[i].shape = trace_shapes_find(&encoder->shapes, &shape);
        encoder->shapes.use[encoder->events[i].shape].events++;
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
    put(encoder, TRACE_COLUMN_SHAPE_CACHE, shape->names >> 32);
    put(encoder, TRACE_COLUMN_SHAPE_SITE, shape->names & G_MAXUINT32);
    put(encoder, TRACE_COLUMN_SHAPE_GFP, shape->gfp);
    put(encoder, TRACE_COLUMN_SHAPE_NODE, shape->rest >> 40);
    put(encoder, TRACE_COLUMN_SHAPE_ORDER, trace_shape_byte(shape, 3));
    put(encoder, TRACE_COLUMN_SHAPE_MIGRATETYPE, trace_shape_byte(shape, 4));
}

static void put_shapes(trace_encoder *encoder)
{
    guint32 count;
    share_shapes(encoder);
    guint32 *order = trace_shapes_number(&encoder->shapes, &count);
    for (guint32 i = 0; i < count; i++) {
        put_shape(encoder, &encoder->shapes.use[order[i]].shape);
    }
    g_free(order);
}

/* Runs of events in one place. */
static void put_runs(trace_encoder *encoder)
{
    guint32 begin = 0;
    for (guint32 i = 1; i <= encoder->count; i++) {
        if (i == encoder->count || encoder->events[i].place != encoder->events[begin].place) {
            put(encoder, TRACE_COLUMN_RUN, i - begin);
            put(encoder, TRACE_COLUMN_RUN_PLACE, encoder->events[begin].place);
            begin = i;
        }
    }
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

static void put_address(trace_encoder *encoder, guint64 address, guint kind)
{
    guint64 *last = &encoder->last_address[trace_kind_is_page(kind)];
    guint64 step = address - *last;
    put(encoder, TRACE_COLUMN_ADDRESS, step << 1 ^ (0 - (step >> 63)));
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

static void put_object(trace_encoder *encoder, const struct gathered *event,
                       const struct trace_shape *shape)
{
    switch (trace_reference_of(TRACE_LEVEL_REPLAYABLE, trace_shape_kind(shape),
                               trace_shape_flags(shape))) {
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
        if ((trace_shape_flags(shape) & TRACE_FAILED) != 0) {
            return;
        }
        break;
    }
    if (encoder->addresses) {
        put_address(encoder, event->address, trace_shape_kind(shape));
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
    while (encoder->begun[at].birth.chunk == encoder->chunk &&
           encoder->begun[at].address != address) {
        at = (at + 1) % BEGUN_SIZE;
    }
    return &encoder->begun[at];
}

/* Without slots: by how many have begun since, or else by its address. */
static void put_raw_object(trace_encoder *encoder, const struct gathered *event,
                           const struct trace_shape *shape)
{
    enum trace_reference reference =
        trace_reference_of(TRACE_LEVEL_RAW, trace_shape_kind(shape), trace_shape_flags(shape));
    if (reference == TRACE_REFERENCE_NONE) {
        return;
    }
    struct begun *begun = find_begun(encoder, event->address);
    if (reference != TRACE_REFERENCE_ENDS) {
        *begun = (struct begun){event->address, {encoder->chunk, encoder->begun_count++}};
        put_address(encoder, event->address, trace_shape_kind(shape));
    } else if (begun->birth.chunk == encoder->chunk) {
        put(encoder, TRACE_COLUMN_OBJECT,
            (guint64)(encoder->begun_count - 1 - begun->birth.count) + TRACE_OBJECT_BACK);
    } else {
        put(encoder, TRACE_COLUMN_OBJECT, TRACE_OBJECT_NONE);
        put_address(encoder, event->address, trace_shape_kind(shape));
    }
}

static void put_events(trace_encoder *encoder, guint64 *lowest_ns, guint64 *highest_ns)
{
    guint64 time_ns = encoder->events[0].time_ns;
    guint64 *shape = encoder->column[TRACE_COLUMN_SHAPE];
    guint64 *step = encoder->column[TRACE_COLUMN_TIME];
    encoder->length[TRACE_COLUMN_SHAPE] = encoder->length[TRACE_COLUMN_TIME] = encoder->count;
    *lowest_ns = *highest_ns = time_ns;
    for (guint32 i = 0; i < encoder->count; i++) {
        const struct gathered *event = &encoder->events[i];
        const struct trace_shape_use *use = &encoder->shapes.use[event->shape];
        shape[i] = use->number;
        step[i] = event->time_ns - time_ns;
        time_ns = event->time_ns;
        *lowest_ns = MIN(*lowest_ns, time_ns);
        *highest_ns = MAX(*highest_ns, time_ns);
        if (encoder->level == TRACE_LEVEL_RAW) {
            if (i + AHEAD < encoder->count) {
                __builtin_prefetch(&encoder->begun[home_of(event[AHEAD].address)], 1);
            }
            put_raw_object(encoder, event, &use->shape);
        } else {
            put_object(encoder, event, &use->shape);
        }
    }
}

/* Chunks ------------------------------------------------------------------------------------------ */

static gboolean has_numbers(const guint64 *values, guint32 count)
{
    guint32 i = 0;
    while (i < count && values[i] == 0) {
        i++;
    }
    return i < count;
}

/* The columns that are written, and bytes enough for all of it: those of zeros are left out. */
static guint choose_columns(const trace_encoder *encoder, guint8 *ids, gsize *bytes)
{
    guint count = 0;
    *bytes = sizeof(struct trace_columns_header);
    for (guint id = 1; id < TRACE_COLUMN_IDS; id++) {
        if (id == TRACE_COLUMN_SHAPE_KIND ||
            has_numbers(encoder->column[id], encoder->length[id])) {
            ids[count++] = (guint8)id;
            *bytes += sizeof(struct trace_column) + trace_numbers_bound(encoder->length[id]);
        }
    }
    return count;
}

static void append_columns(trace_encoder *encoder, guint64 time_ns, guint32 slots,
                           GByteArray *content)
{
    guint8 ids[TRACE_COLUMN_IDS];
    gsize bound, start = content->len;
    guint count = choose_columns(encoder, ids, &bound);
    struct trace_columns_header header = {
        .time_ns = GUINT64_TO_LE(time_ns),
        .slots = GUINT32_TO_LE(slots),
        .columns = GUINT32_TO_LE(count),
    };
    g_byte_array_set_size(content, (guint)(start + bound));
    guint8 *at = content->data + start;
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    guint8 *bytes = at + count * sizeof(struct trace_column);
    for (guint i = 0; i < count; i++) {
        enum trace_encoding encoding;
        guint32 length = encoder->length[ids[i]];
        gsize packed = trace_numbers_pack(bytes, encoder->column[ids[i]], length, &encoding);
        struct trace_column column = {
            .id = ids[i],
            .encoding = (guint8)encoding,
            .count = GUINT32_TO_LE(length),
            .bytes = GUINT32_TO_LE((guint32)packed),
        };
        memcpy(at, &column, sizeof column);
        at += sizeof column;
        bytes += packed;
    }
    g_byte_array_set_size(content, (guint)(bytes - content->data));
}

static void begin_chunk(trace_encoder *encoder)
{
    memset(encoder->length, 0, sizeof encoder->length);
    trace_shapes_clear(&encoder->shapes);
    trace_map_clear(&encoder->places);
    encoder->last_address[0] = encoder->last_address[1] = 0;
    encoder->begun_count = 0;
    encoder->freed_count = 0;
    encoder->count = 0;
    encoder->unsorted = FALSE;
    encoder->chunk++;
}

void trace_encoder_finish(trace_encoder *encoder, GByteArray *content, guint64 *lowest_ns,
                          guint64 *highest_ns)
{
    guint32 slots = encoder->slots;
    if (encoder->level == TRACE_LEVEL_RAW && encoder->unsorted) {
        sort_events(encoder);
    }
    put_shapes(encoder);
    put_runs(encoder);
    put_events(encoder, lowest_ns, highest_ns);
    append_columns(encoder, encoder->events[0].time_ns, slots, content);
    begin_chunk(encoder);
}
