/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short records, as bsa-trace(5) describes them: what an event needs becomes one, or two of them,
 * and back. For the recorder, too, which knows no GLib; everything is in the machine's byte order.
 */
#ifndef BSA_CLI_TRACE_SHORT_H
#define BSA_CLI_TRACE_SHORT_H

#include <stdbool.h>

#include "format.h"

static inline bool trace_short_is_extension(struct trace_short record)
{
    return (record.object & 0xf) == TRACE_EXTENSION;
}

/* Whether one record will do. ticks: of an earlier event, which had an extension. */
static inline bool trace_short_holds(const struct trace_fixed *event, uint64_t ticks)
{
    return ((event->address | (event->ticks ^ ticks)) >> 48 | event->size >> 16 |
            (uint64_t)event->cpu >> 12 | event->align | event->flags) == 0;
}

/* The one. */
static inline struct trace_short trace_short_of(const struct trace_fixed *event)
{
    return (struct trace_short){
        .object = event->address << 16 | (event->cpu & 0xfffu) << 4 | event->kind,
        .moment = event->ticks << 16 | (event->size & 0xffff),
    };
}

/* The one before it, where one will not do. */
static inline struct trace_short trace_short_extension(const struct trace_fixed *event)
{
    return (struct trace_short){
        .object = event->size >> 16 << 16 | (uint64_t)event->flags << 8 |
                  (uint64_t)(event->cpu >> 12) << 4 | TRACE_EXTENSION,
        .moment = (uint64_t)event->align << 32 | event->ticks >> 48 << 16 | event->address >> 48,
    };
}

/* The event again. upper: its extension; without one, trace_short_upper_ticks() of the last. */
static inline struct trace_fixed trace_short_event(struct trace_short record,
                                                   struct trace_short upper)
{
    return (struct trace_fixed){
        .ticks = record.moment >> 16 | (upper.moment & 0xffff0000) << 32,
        .address = record.object >> 16 | upper.moment << 48,
        .size = (record.moment & 0xffff) | (upper.object & ~(uint64_t)0xffff),
        .align = (uint32_t)(upper.moment >> 32),
        .cpu = (uint16_t)((record.object >> 4 & 0xfff) | (upper.object & 0xf0) << 8),
        .kind = (uint8_t)(record.object & 0xf),
        .flags = (uint8_t)(upper.object >> 8),
    };
}

static inline struct trace_short trace_short_upper_ticks(struct trace_short upper)
{
    return (struct trace_short){0, upper.moment & 0xffff0000};
}

#endif
