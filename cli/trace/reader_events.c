/* SPDX-License-Identifier: Apache-2.0 */
/* Events, from a stream or resolved from records, as recorded or with implicit frees early. */
#include "reader_state.h"

gboolean trace_reader_restart(trace_reader *reader, struct trace_hygiene *hygiene,
                              struct trace_summary *summary, GError **error)
{
    trace_resolver_restart(&reader->resolver, hygiene, summary);
    if (reader->prelude != NULL) {
        trace_resolver_prelude(&reader->resolver);
    }
    return trace_spool_rewind(reader->spool, error);
}

gboolean trace_reader_rewind(trace_reader *reader, GError **error)
{
    reader->next = reader->ready = 0;
    reader->late_next = reader->late_ready = 0;
    reader->placed = 0;
    trace_implicit_restart(&reader->implicit);
    if (reader->stream != NULL) {
        trace_stream_rewind(reader->stream);
        return TRUE;
    }
    reader->second_hygiene = (struct trace_hygiene){0};
    return trace_reader_restart(reader, &reader->second_hygiene, &reader->second_summary, error);
}

/* 1, 0 at the end, -1 and error. */
static int resolve_some(trace_reader *reader, GError **error)
{
    guint32 count = 0;
    while (count + TRACE_RESOLVE_EVENTS <= RESOLVED_EVENTS) {
        int more;
        int got = trace_resolve_next(&reader->resolver, reader->spool, &reader->resolved[count],
                                     &more, error);
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        count += (guint32)more;
    }
    reader->events = reader->resolved;
    reader->ready = count;
    return count > 0;
}

/* As recorded: implicit frees are late. */
static int fill_late(trace_reader *reader, GError **error)
{
    return reader->stream != NULL
               ? trace_stream_next(reader->stream, &reader->events, &reader->ready, error)
               : resolve_some(reader, error);
}

static int fill_early(trace_reader *reader, GError **error)
{
    guint32 count = 0;
    while (count + 2 <= RESOLVED_EVENTS && (count == 0 || reader->late_next < reader->late_ready)) {
        if (reader->late_next == reader->late_ready) {
            reader->ready = 0;
            int got = fill_late(reader, error);
            if (got <= 0) {
                return got;
            }
            reader->late = reader->events;
            reader->late_next = 0;
            reader->late_ready = reader->ready;
        }
        reader->made[count] = reader->late[reader->late_next++];
        if (trace_implicit_pass(&reader->implicit, &reader->made[count])) {
            count++;
            count += trace_implicit_due(&reader->implicit, &reader->made[count]) ? 1 : 0;
        }
    }
    reader->events = reader->made;
    reader->ready = count;
    return 1;
}

static int fill_prelude(trace_reader *reader)
{
    guint32 count = 0;
    for (; count < RESOLVED_EVENTS && reader->placed < reader->summary.prelude; count++) {
        reader->made[count] = trace_prelude_event(
            reader->prelude, trace_prelude_slot(reader->prelude, reader->placed++));
    }
    reader->events = reader->made;
    reader->ready = count;
    return 1;
}

/* Of events, so that there are some: as trace_next. */
static int fill(trace_reader *reader, GError **error)
{
    reader->next = reader->ready = 0;
    return reader->placed < reader->summary.prelude ? fill_prelude(reader)
           : reader->early                          ? fill_early(reader, error)
                                                    : fill_late(reader, error);
}

int trace_next_events(trace_reader *reader, const struct trace_event **events, guint32 *count,
                      GError **error)
{
    if (reader->next == reader->ready) {
        int got = fill(reader, error);
        if (got <= 0) {
            return got;
        }
    }
    *events = reader->events + reader->next;
    *count = reader->ready - reader->next;
    reader->next = reader->ready;
    return 1;
}

int trace_next(trace_reader *reader, struct trace_event *event, GError **error)
{
    if (reader->next == reader->ready) {
        int got = fill(reader, error);
        if (got <= 0) {
            return got;
        }
    }
    *event = reader->events[reader->next++];
    return 1;
}
