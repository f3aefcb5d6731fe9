/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, a block at a time: first the numbers of its columns, then everything about one event
 * after the other, so that each is touched once.
 */
#include "decode_state.h"

#include <string.h>

/* Objects that may live at once: an array by slot can double up to here. */
#define SLOTS_MAX ((guint32)1 << 31)

/* The columns of a block, as numbers. */
struct block {
    guint64 shape[TRACE_DECODE_BLOCK];
    guint64 step[TRACE_DECODE_BLOCK];
    guint64 object[TRACE_DECODE_BLOCK];
    guint64 recent[TRACE_DECODE_BLOCK];
    guint64 address[TRACE_DECODE_BLOCK];
    guint64 size[TRACE_DECODE_BLOCK];
    guint64 given[TRACE_DECODE_BLOCK];
    guint64 former[TRACE_DECODE_BLOCK]; /* where nobody asks for them */
};

/*
 * What comes next, of a block's columns and of the decoder. It is a copy so that it can be in
 * registers, which what others point to cannot.
 */
struct cursor {
    const guint64 *object, *recent, *address, *size, *given;
    guint64 *lives, *begun, *freed;
    guint64 slots;
    guint32 begun_count, freed_count;
};

#define NO_OBJECT "an event names an object that is not there"
#define SIZE_WRONG "a size is no machine's"

/*
 * At the raw level objects that are not named by their place in the chunk tell their addresses too,
 * and those that begin where one of their class was freed do not.
 */
static gboolean count_told(trace_decoder *decoder, struct block *block, guint32 coded,
                           guint32 *told)
{
    guint32 begin = *told;
    if (!trace_numbers_take(&decoder->column[TRACE_COLUMN_RECENT], block->recent, begin)) {
        return FALSE;
    }
    for (guint32 i = 0; i < begin; i++) {
        *told -= block->recent[i] != TRACE_RECENT_NONE;
    }
    for (guint32 i = 0; i < coded; i++) {
        *told += block->object[i] == TRACE_OBJECT_NONE;
    }
    return TRUE;
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
    if (decoder->level == TRACE_LEVEL_RAW && !count_told(decoder, block, coded, &told)) {
        return "it has fewer objects that begin than events that begin one";
    }
    if (!trace_numbers_take(&column[TRACE_COLUMN_ADDRESS], block->address, told)) {
        return "it has fewer addresses than events that have one";
    }
    return NULL;
}

static gboolean next_run(trace_decoder *decoder)
{
    struct trace_numbers *runs = &decoder->column[TRACE_COLUMN_RUN];
    struct trace_numbers *places = &decoder->column[TRACE_COLUMN_RUN_PLACE];
    if (decoder->runs_next == decoder->runs_ready) {
        guint32 count = MIN(trace_numbers_left(runs), trace_numbers_left(places));
        decoder->runs_next = 0;
        decoder->runs_ready = MIN(count, RUNS);
        if (count == 0 || !trace_numbers_take(runs, decoder->runs, decoder->runs_ready) ||
            !trace_numbers_take(places, decoder->run_places, decoder->runs_ready)) {
            return FALSE;
        }
    }
    guint64 run = decoder->runs[decoder->runs_next];
    guint64 place = decoder->run_places[decoder->runs_next++];
    if (run == 0 || run > TRACE_COLUMNS_EVENTS_MAX || place >= decoder->places->len) {
        return FALSE;
    }
    decoder->run = (guint32)run;
    decoder->place = g_array_index(decoder->places, struct place, place);
    return TRUE;
}

static guint64 next_address(trace_decoder *decoder, guint64 code, guint kind)
{
    guint64 *last = &decoder->last_address[trace_kind_is_page(kind)];
    *last += trace_numbers_difference(code);
    return *last;
}

/* --- TRACE_LEVEL_RAW: objects are addresses ---------------------------------------------------- */

static const char *begin_address(trace_decoder *decoder, struct cursor *cursor,
                                 struct trace_event *event)
{
    guint class = trace_recent_class(event->size, trace_kind_is_page(event->kind));
    guint64 code = *cursor->recent++;
    if (code == TRACE_RECENT_NONE) {
        event->address = next_address(decoder, *cursor->address++, event->kind);
    } else if (code - TRACE_RECENT_AFTER < decoder->recent.count[class]) {
        event->address =
            trace_recent_take(&decoder->recent, class, (guint)(code - TRACE_RECENT_AFTER));
    } else {
        return "an object begins where none of its class was freed";
    }
    cursor->freed[cursor->begun_count] = class;
    cursor->begun[cursor->begun_count++] = event->address;
    return NULL;
}

static const char *end_address(trace_decoder *decoder, struct cursor *cursor,
                               struct trace_event *event)
{
    guint64 code = *cursor->object++;
    if (code == TRACE_OBJECT_NONE) {
        event->address = next_address(decoder, *cursor->address++, event->kind);
        return NULL;
    }
    if (code - TRACE_OBJECT_BACK >= cursor->begun_count) {
        return NO_OBJECT;
    }
    guint64 birth = cursor->begun_count - code;
    event->address = cursor->begun[birth];
    trace_recent_put(&decoder->recent, (guint)cursor->freed[birth], event->address);
    return NULL;
}

static const char *find_address(trace_decoder *decoder, const struct shape *shape,
                                struct cursor *cursor, struct trace_event *event)
{
    return shape->coded  ? end_address(decoder, cursor, event)
           : shape->told ? begin_address(decoder, cursor, event)
                         : NULL;
}

/* --- TRACE_LEVEL_REPLAYABLE: objects are slots -------------------------------------------------- */

/* So many events more may all take new slots. */
static const char *make_room(trace_decoder *decoder, guint32 count)
{
    guint32 held = MAX(1024, decoder->lives_held);
    if (decoder->slots > SLOTS_MAX - count) {
        return "more objects live than can be told apart here";
    }
    while (held < decoder->slots + count) {
        held *= 2;
    }
    gsize more = (gsize)(held - decoder->lives_held) * sizeof(guint64);
    if (more > 0) {
        decoder->lives = g_renew(guint64, decoder->lives, held);
        memset(decoder->lives + decoder->lives_held, 0, more);
    }
    if (more > 0 && decoder->addresses != NULL) {
        decoder->addresses = g_renew(guint64, decoder->addresses, held);
        memset(decoder->addresses + decoder->lives_held, 0, more);
    }
    decoder->lives_held = held;
    if (decoder->told && decoder->addresses == NULL) {
        decoder->addresses = g_new0(guint64, held);
    }
    return NULL;
}

/* The slot of an object that begins; one that is not below cursor->slots: there is none. */
static inline guint64 slot_that_begins(struct cursor *cursor)
{
    guint64 code = *cursor->object++;
    if (code == TRACE_OBJECT_LAST_FREED) {
        return cursor->freed_count > 0 ? cursor->freed[--cursor->freed_count] : TRACE_NO_SLOT;
    }
    return code == TRACE_OBJECT_NEW_SLOT ? cursor->slots++ : code - TRACE_OBJECT_SLOT;
}

/* The same of an object that lives. */
static inline guint64 slot_that_lives(struct cursor *cursor)
{
    guint64 code = *cursor->object++ - TRACE_OBJECT_BACK;
    if (code % 2 == 1) {
        return code / 2;
    }
    return code / 2 < cursor->begun_count ? cursor->begun[cursor->begun_count - 1 - code / 2]
                                          : TRACE_NO_SLOT;
}

static inline const char *begin_life(const struct shape *shape, struct cursor *cursor,
                                     struct trace_event *event)
{
    guint64 slot = slot_that_begins(cursor);
    if (slot >= cursor->slots) {
        return NO_OBJECT;
    }
    if ((cursor->lives[slot] & LIFE_STATE) != LIFE_NONE) {
        return "an object begins in a slot that has one";
    }
    cursor->lives[slot] = event->size << LIFE_SIZE_SHIFT | shape->life;
    cursor->begun[cursor->begun_count++] = slot;
    event->slot = (guint32)slot;
    return event->size > TRACE_SIZE_MAX ? SIZE_WRONG : NULL;
}

static inline const char *end_life(const struct shape *shape, struct cursor *cursor,
                                   struct trace_event *event)
{
    guint64 slot = slot_that_lives(cursor);
    if (slot >= cursor->slots) {
        return NO_OBJECT;
    }
    guint64 life = cursor->lives[slot];
    if (((life ^ shape->life) & LIFE_STATE) != 0) {
        return "an object ends that does not live, or is of another kind";
    }
    cursor->lives[slot] = LIFE_NONE;
    cursor->freed[cursor->freed_count++] = slot;
    event->slot = (guint32)slot;
    event->size = life >> LIFE_SIZE_SHIFT;
    event->order = (guint8)(life >> LIFE_ORDER_SHIFT);
    event->flags |= life & LIFE_SLAB;
    return NULL;
}

/* A realloc, which may have failed and be of an object older than the trace. */
static const char *resize(struct cursor *cursor, struct trace_event *event, guint64 *former)
{
    gboolean failed = (event->flags & TRACE_FAILED) != 0;
    if (failed && *cursor->object == TRACE_OBJECT_NONE) {
        cursor->object++;
        return NULL;
    }
    guint64 slot = slot_that_lives(cursor);
    if (slot >= cursor->slots) {
        return NO_OBJECT;
    }
    guint64 life = cursor->lives[slot];
    if ((life & LIFE_STATE) != LIFE_OBJECT) {
        return "an object is resized that does not live, or is of another kind";
    }
    event->slot = (guint32)slot;
    if (failed) {
        return NULL;
    }
    *former = life >> LIFE_SIZE_SHIFT;
    cursor->lives[slot] = event->size << LIFE_SIZE_SHIFT | LIFE_OBJECT;
    return event->size > TRACE_SIZE_MAX ? SIZE_WRONG : NULL;
}

/* Behind its slot. */
static void follow_address(trace_decoder *decoder, const struct shape *shape, struct cursor *cursor,
                           struct trace_event *event)
{
    if (shape->told) {
        event->address = next_address(decoder, *cursor->address++, event->kind);
    }
    if (event->slot == TRACE_NO_SLOT) {
        return;
    }
    if (shape->reference == TRACE_REFERENCE_ENDS) {
        event->address = decoder->addresses[event->slot];
    } else if ((event->flags & TRACE_FAILED) == 0) {
        decoder->addresses[event->slot] = event->address;
    }
}

static const char *follow(trace_decoder *decoder, const struct shape *shape, struct cursor *cursor,
                          struct trace_event *event, guint64 *former)
{
    const char *wrong = NULL;
    if (shape->reference == TRACE_REFERENCE_BEGINS) {
        wrong = begin_life(shape, cursor, event);
    } else if (shape->reference == TRACE_REFERENCE_ENDS) {
        wrong = end_life(shape, cursor, event);
    } else if (shape->reference == TRACE_REFERENCE_STAYS) {
        wrong = resize(cursor, event, former);
    }
    if (wrong == NULL && decoder->addresses != NULL) {
        follow_address(decoder, shape, cursor, event);
    }
    return wrong;
}

/* --- Both ---------------------------------------------------------------------------------------- */

static inline void take_sizes(const struct shape *shape, struct cursor *cursor,
                              struct trace_event *event)
{
    if ((shape->own & TRACE_OWN_SIZE) != 0) {
        event->size = shape->sized ? event->size : *cursor->size;
        cursor->size++;
    }
    if ((shape->own & TRACE_OWN_GIVEN) != 0) {
        event->given = *cursor->given++;
    }
}

/* What an event does to its object; *cursor stays in registers if it is not one of the rare ones.
 */
static inline const char *take_object(trace_decoder *decoder, const struct shape *shape,
                                      struct cursor *cursor, struct trace_event *event,
                                      guint64 *former)
{
    if (shape->way == WAY_BEGINS) {
        return begin_life(shape, cursor, event);
    }
    if (shape->way == WAY_ENDS) {
        return end_life(shape, cursor, event);
    }
    struct cursor copy = *cursor;
    const char *wrong = decoder->level == TRACE_LEVEL_RAW
                            ? find_address(decoder, shape, &copy, event)
                            : follow(decoder, shape, &copy, event, former);
    *cursor = copy;
    return wrong;
}

static struct cursor begin_cursor(const trace_decoder *decoder, const struct block *block)
{
    return (struct cursor){
        .object = block->object,
        .recent = block->recent,
        .address = block->address,
        .size = block->size,
        .given = block->given,
        .lives = decoder->lives,
        .begun = decoder->begun,
        .freed = decoder->freed,
        .slots = decoder->slots,
        .begun_count = decoder->begun_count,
        .freed_count = decoder->freed_count,
    };
}

/* Events that were made; *wrong: NULL, or what is wrong with the one behind them. */
static guint32 make_events(trace_decoder *decoder, const struct block *block,
                           struct trace_event *events, guint64 *former, guint32 count,
                           const char **wrong)
{
    const struct shape *shapes = (const struct shape *)(gconstpointer)decoder->shapes->data;
    struct cursor cursor = begin_cursor(decoder, block);
    guint64 time_ns = decoder->time_ns, number = decoder->number + 1;
    for (guint32 i = 0; i < count;) {
        if (decoder->run == 0 && !next_run(decoder)) {
            *wrong = "its runs of events in one place are not as many as its events";
            return i;
        }
        guint32 end = i + MIN(decoder->run, count - i);
        struct place place = decoder->place;
        decoder->run -= end - i;
        for (; i < end; i++) {
            const struct shape *shape = &shapes[block->shape[i]];
            struct trace_event *event = &events[i];
            time_ns += block->step[i];
            *event = shape->event;
            event->number = number + i;
            event->time_ns = time_ns;
            event->thread = place.thread;
            event->cpu = place.cpu;
            if (shape->own != 0) {
                take_sizes(shape, &cursor, event);
            }
            *wrong = take_object(decoder, shape, &cursor, event, &former[i]);
            if (G_UNLIKELY(*wrong != NULL)) {
                return i;
            }
        }
    }
    decoder->time_ns = time_ns;
    decoder->number += count;
    decoder->slots = (guint32)cursor.slots;
    decoder->begun_count = cursor.begun_count;
    decoder->freed_count = cursor.freed_count;
    return count;
}

guint32 trace_decoder_block(trace_decoder *decoder, struct trace_event *events, guint64 *former,
                            const char **wrong)
{
    struct block block;
    guint32 count = MIN(decoder->events, TRACE_DECODE_BLOCK);
    *wrong = NULL;
    if (count == 0) {
        return 0;
    }
    decoder->events -= count;
    *wrong = take_block(decoder, &block, count);
    if (*wrong == NULL && decoder->level == TRACE_LEVEL_REPLAYABLE) {
        *wrong = make_room(decoder, count);
    }
    if (*wrong != NULL) {
        return 0;
    }
    return make_events(decoder, &block, events, former != NULL ? former : block.former, count,
                       wrong);
}
