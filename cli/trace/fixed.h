/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder's records, in either of their sizes, as the record that all formats are turned into.
 */
#ifndef BSA_CLI_TRACE_FIXED_H
#define BSA_CLI_TRACE_FIXED_H

#include <glib.h>
#include <string.h>

#include "clock.h"
#include "format.h"
#include "short.h"
#include "spool.h"

/* Bytes of a record in chunks of a type, 0: they have none. */
static inline guint trace_fixed_bytes(guint type)
{
    return type == TRACE_CHUNK_FIXED   ? sizeof(struct trace_fixed)
           : type == TRACE_CHUNK_SHORT ? sizeof(struct trace_short)
                                       : 0;
}

/* Whether so many bytes may be records of so many events. */
static inline gboolean trace_fixed_fit(guint type, guint32 bytes, guint32 events)
{
    guint32 records = bytes / trace_fixed_bytes(type);
    return bytes % trace_fixed_bytes(type) == 0 &&
           (records == events || (type == TRACE_CHUNK_SHORT && records > events));
}

/* Goes from record to record of a chunk, which is in memory as a whole or by parts. */
struct trace_fixed_reader {
    const guint8 *at, *end;
    guint type;
    guint32 events;               /* that were read */
    struct trace_short extension; /* what is known of the next record; object 0: its ticks only */
};

/* At the beginning of a chunk, or of what is behind the part before. */
static inline void trace_fixed_read(struct trace_fixed_reader *reader, gconstpointer bytes,
                                    guint64 count)
{
    reader->at = bytes;
    reader->end = reader->at + count;
}

static inline struct trace_fixed trace_fixed_long(const guint8 *at)
{
    struct trace_fixed stored;
    memcpy(&stored, at, sizeof stored);
    return (struct trace_fixed){
        .ticks = GUINT64_FROM_LE(stored.ticks),
        .address = GUINT64_FROM_LE(stored.address),
        .size = GUINT64_FROM_LE(stored.size),
        .align = GUINT32_FROM_LE(stored.align),
        .cpu = GUINT16_FROM_LE(stored.cpu),
        .kind = stored.kind,
        .flags = stored.flags,
    };
}

static inline struct trace_short trace_fixed_word(const guint8 *at)
{
    struct trace_short stored;
    memcpy(&stored, at, sizeof stored);
    return (struct trace_short){GUINT64_FROM_LE(stored.object), GUINT64_FROM_LE(stored.moment)};
}

/* The next one, in the machine's byte order. FALSE: there are no more bytes. */
static inline gboolean trace_fixed_next(struct trace_fixed_reader *reader,
                                        struct trace_fixed *record)
{
    guint bytes = trace_fixed_bytes(reader->type);
    while (reader->at < reader->end) {
        const guint8 *at = reader->at;
        reader->at += bytes;
        if (reader->type == TRACE_CHUNK_FIXED) {
            *record = trace_fixed_long(at);
        } else {
            struct trace_short word = trace_fixed_word(at);
            if (trace_short_is_extension(word)) {
                reader->extension = word;
                continue;
            }
            *record = trace_short_event(word, reader->extension);
            reader->extension = trace_short_upper_ticks(reader->extension);
        }
        reader->events++;
        return TRUE;
    }
    return FALSE;
}

/* NULL, or what is wrong with a chunk of so many events that was read to its end. */
static inline const char *trace_fixed_wrong(const struct trace_fixed_reader *reader, guint32 events)
{
    return reader->extension.object != 0 ? "an extension has no record behind it"
           : reader->events != events    ? "its events are not as many as it says"
                                         : NULL;
}

/* thread: of the record's chunk. */
static inline void trace_fixed_record(const struct trace_fixed *fixed, guint32 thread,
                                      struct trace_clock *clock, struct trace_record *record)
{
    *record = (struct trace_record){
        .time_ns = trace_clock_ns(clock, fixed->ticks),
        .address = fixed->address,
        .size = fixed->size,
        .align = fixed->align,
        .thread = thread,
        .cpu = fixed->cpu,
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
