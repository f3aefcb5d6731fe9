/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fuzz.h"

guint64 fuzz_read_events(trace_reader *reader)
{
    const struct trace_summary *summary = trace_summary(reader);
    GByteArray *taken = g_byte_array_new();
    struct trace_event event;
    GError *error = NULL;
    guint64 events = 0, served = 0;
    int got;
    g_byte_array_set_size(taken, (guint)summary->peak_slots + 1);
    memset(taken->data, 0, taken->len);
    while ((got = trace_next(reader, &event, &error)) > 0) {
        CHECK(event.number == ++events);
        CHECK(event.kind < TRACE_REALLOC_BEGIN);
        CHECK(event.time_ns <= summary->duration_ns);
        if (trace_kind_has_slot(event.kind) && (event.flags & TRACE_FAILED) == 0) {
            CHECK(event.slot < summary->peak_slots);
            CHECK(taken->data[event.slot] == !trace_kind_is_alloc(event.kind));
            taken->data[event.slot] = !trace_kind_is_free(event.kind);
            served++;
        }
    }
    CHECK(got == 0);
    CHECK(events == summary->events && events == trace_hygiene(reader)->events);
    g_byte_array_free(taken, TRUE);
    return served;
}
