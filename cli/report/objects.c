/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

#include "../replay/error.h"

#define PAGE_SHIFT 12u

gboolean objects_init(struct objects *objects, guint64 slots, GError **error)
{
    *objects = (struct objects){.slots = slots, .tick_ns = 1000000000};
    objects->size = g_new0(struct object_size, OBJECTS_SIZES);
    if (slots <= G_MAXSIZE / sizeof(struct object_birth))
        objects->birth = g_try_new0(struct object_birth, (gsize)MAX(slots, 1));
    if (objects->birth != NULL)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "no memory for the births of %" G_GUINT64_FORMAT
                " objects, as many as the trace has alive at once",
                slots);
    return FALSE;
}

void objects_clear(struct objects *objects)
{
    g_free(objects->size);
    g_free(objects->birth);
    *objects = (struct objects){.slots = 0};
}

static guint row_of(guint64 size)
{
    if (size <= OBJECTS_EXACT)
        return (guint)size;
    guint64 pages = (size >> PAGE_SHIFT) + ((size & ((1u << PAGE_SHIFT) - 1)) != 0 ? 1 : 0);
    return OBJECTS_EXACT + (guint)MIN(pages, OBJECTS_PAGES + 1);
}

void objects_range(guint row, guint64 *low, guint64 *high)
{
    guint64 pages = row <= OBJECTS_EXACT ? 0 : row - OBJECTS_EXACT;
    *low = pages == 0 ? row : MAX(((pages - 1) << PAGE_SHIFT) + 1, OBJECTS_EXACT + 1);
    *high = pages == 0 ? row : pages > OBJECTS_PAGES ? 0 : pages << PAGE_SHIFT;
}

static struct object_size *size_of(struct objects *objects, const struct object_birth *birth)
{
    if (birth->pages)
        return &objects->order[MIN(birth->order, OBJECTS_ORDERS - 1)];
    return &objects->size[row_of(birth->size)];
}

static void add(struct object_live *live, guint64 bytes)
{
    live->count++;
    live->bytes += bytes;
}

static void take(struct object_live *live, guint64 bytes)
{
    live->count--;
    live->bytes -= bytes;
}

static guint power_of(guint64 value)
{
    return value <= 1 ? 0 : 63u - (guint)__builtin_clzll(value);
}

static void given_add(struct object_given *given, const struct object_birth *birth)
{
    given->count++;
    given->requested += birth->size;
    given->given += birth->given;
}

static void given_take(struct object_given *given, const struct object_birth *birth)
{
    given->count--;
    given->requested -= birth->size;
    given->given -= birth->given;
}

/* What was asked for is not asked for any more. */
static void unask(struct objects *objects, const struct object_birth *birth)
{
    take(&size_of(objects, birth)->live, birth->size);
    if (birth->given != 0)
        given_take(&objects->given_live, birth);
}

/* A request for so many bytes for what birth tells. */
static void ask(struct objects *objects, struct object_birth *birth, guint64 size, guint64 given)
{
    birth->size = size;
    birth->given = birth->pages || given < size ? 0 : given;
    if (birth->given != 0) {
        given_add(&objects->given, birth);
        given_add(&objects->given_live, birth);
    }
    struct object_size *row = size_of(objects, birth);
    add(&row->asked, size);
    add(&row->live, size);
    objects->allocated += size;
}

static void born(struct objects *objects, const struct trace_event *event, guint cpu)
{
    struct object_birth *birth = &objects->birth[event->slot];
    *birth = (struct object_birth){
        .event = objects->events,
        .time_ns = objects->time_ns,
        .allocated = objects->allocated,
        .thread = event->thread,
        .site = event->site,
        .cache = event->cache,
        .cpu = (guint16)cpu,
        .order = event->order,
        .pages = event->kind == TRACE_PAGE_ALLOC,
        .live = 1,
        .older = (event->flags & TRACE_PRELUDE) != 0,
    };
    ask(objects, birth, event->size, event->given);
}

static void freed(struct objects *objects, struct object_birth *birth)
{
    guint64 ns = objects->time_ns - birth->time_ns;
    guint64 bytes = objects->allocated - birth->allocated - birth->size;
    if (!birth->older) {
        add(&objects->time[power_of(ns)].freed, birth->size);
        add(&objects->bytes[power_of(bytes)].freed, birth->size);
    }
    unask(objects, birth);
    birth->live = 0;
}

void objects_event(struct objects *objects, const struct trace_event *event, guint cpu)
{
    objects->events += (event->flags & TRACE_PRELUDE) == 0 ? 1 : 0;
    objects->time_ns = MAX(objects->time_ns, event->time_ns);
    while (event->time_ns % objects->tick_ns != 0)
        objects->tick_ns /= 10;
    if ((event->flags & TRACE_FAILED) != 0 || !trace_kind_has_slot(event->kind) ||
        event->slot >= objects->slots)
        return; /* the replay itself says what is wrong with a slot */
    struct object_birth *birth = &objects->birth[event->slot];
    if (trace_kind_is_alloc(event->kind)) {
        born(objects, event, cpu);
    } else if (birth->live && event->kind == TRACE_REALLOC) {
        /* An object that changes its size lives on. */
        unask(objects, birth);
        ask(objects, birth, event->size, event->given);
    } else if (birth->live) {
        freed(objects, birth);
    }
}

void objects_peak(struct objects *objects)
{
    objects->given_at_peak = objects->given_live;
    for (guint i = 0; i < OBJECTS_SIZES; i++)
        objects->size[i].at_peak = objects->size[i].live;
    for (guint i = 0; i < OBJECTS_ORDERS; i++)
        objects->order[i].at_peak = objects->order[i].live;
}

void objects_end(struct objects *objects)
{
    for (guint64 slot = 0; slot < objects->slots; slot++) {
        const struct object_birth *birth = &objects->birth[slot];
        if (!birth->live || birth->older)
            continue;
        guint64 ns = objects->time_ns - birth->time_ns;
        guint64 bytes = objects->allocated - birth->allocated - birth->size;
        add(&objects->time[power_of(ns)].censored, birth->size);
        add(&objects->bytes[power_of(bytes)].censored, birth->size);
    }
}
