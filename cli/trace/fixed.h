/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder's fixed record, as the record that all formats are turned into. */
#ifndef BSA_CLI_TRACE_FIXED_H
#define BSA_CLI_TRACE_FIXED_H

#include <glib.h>

#include "clock.h"
#include "format.h"
#include "spool.h"

/* fixed: as it stands in a file; thread: of its chunk. */
static inline void trace_fixed_record(const struct trace_fixed *fixed, guint32 thread,
                                      struct trace_clock *clock, struct trace_record *record)
{
    *record = (struct trace_record){
        .time_ns = trace_clock_ns(clock, GUINT64_FROM_LE(fixed->ticks)),
        .address = GUINT64_FROM_LE(fixed->address),
        .size = GUINT64_FROM_LE(fixed->size),
        .align = GUINT32_FROM_LE(fixed->align),
        .thread = thread,
        .cpu = GUINT16_FROM_LE(fixed->cpu),
        .node = TRACE_NO_NODE,
        .kind = fixed->kind,
        .flags = fixed->flags & TRACE_FAILED,
        .migratetype = TRACE_NO_MIGRATETYPE,
    };
}

/* NULL, or what is wrong with a record, whoever wrote it. pages: it may concern page blocks. */
static inline const char *trace_record_wrong(const struct trace_record *record, gboolean pages)
{
    if (record->kind >= TRACE_KINDS || (!pages && trace_kind_is_page(record->kind))) {
        return "a record is of a kind that is not known here";
    }
    return trace_record_has_object(record) && record->size > TRACE_SIZE_MAX
               ? "a size is no machine's"
               : NULL;
}

#endif
