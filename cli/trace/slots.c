/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include "event.h"

void trace_slots_init(struct trace_slots *slots)
{
    *slots = (struct trace_slots){0};
}

void trace_slots_destroy(struct trace_slots *slots)
{
    g_free(slots->own);
    g_free(slots->unused);
}

static void make_room(struct trace_slots *slots, guint32 slot)
{
    guint32 held = MAX(slot, MAX(1023, slots->own_held)) + 1;
    held = MAX(held, slots->own_held < G_MAXUINT32 / 2 ? slots->own_held * 2 : held);
    slots->own = g_renew(guint32, slots->own, held);
    for (guint32 i = slots->own_held; i < held; i++) {
        slots->own[i] = TRACE_NO_SLOT;
    }
    slots->own_held = held;
}

static guint32 take(struct trace_slots *slots)
{
    if (slots->unused_count > 0) {
        return slots->unused[--slots->unused_count];
    }
    if (slots->used == slots->unused_held) {
        slots->unused_held = MAX(1024, slots->unused_held * 2);
        slots->unused = g_renew(guint32, slots->unused, slots->unused_held);
    }
    return slots->used++;
}

guint32 trace_slots_begin(struct trace_slots *slots, guint32 slot)
{
    if (slot == TRACE_NO_SLOT) {
        return TRACE_NO_SLOT;
    }
    if (slot >= slots->own_held) {
        make_room(slots, slot);
    }
    if (slots->own[slot] != TRACE_NO_SLOT) {
        return TRACE_NO_SLOT;
    }
    slots->own[slot] = take(slots);
    return slots->own[slot];
}

guint32 trace_slots_find(const struct trace_slots *slots, guint32 slot)
{
    return slot < slots->own_held ? slots->own[slot] : TRACE_NO_SLOT;
}

guint32 trace_slots_end(struct trace_slots *slots, guint32 slot)
{
    guint32 own = trace_slots_find(slots, slot);
    if (own != TRACE_NO_SLOT) {
        slots->own[slot] = TRACE_NO_SLOT;
        slots->unused[slots->unused_count++] = own;
    }
    return own;
}
