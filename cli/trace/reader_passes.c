/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found out before the first event is handed out.
 *
 * A prelude takes two passes more over the records, to find what is older than
 * the trace and to learn of its sizes; both bounds of implicit frees take two
 * more over the events, where there are such frees.
 */
#include "reader_state.h"

/* Resolves all records for the summary's sake; learner: NULL, or a prelude that learns of them. */
static gboolean resolve_all(trace_reader *reader, struct trace_hygiene *hygiene,
                            struct trace_summary *summary, trace_prelude *learner, GError **error)
{
    struct trace_event events[TRACE_RESOLVE_EVENTS];
    int got, count;
    if (!trace_reader_restart(reader, hygiene, summary, error)) {
        return FALSE;
    }
    while ((got = trace_resolve_next(&reader->resolver, reader->spool, events, &count, error)) >
           0) {
        for (int i = 0; i < count; i++) {
            hygiene->incomplete_start += events[i].time_ns < reader->late_ns;
            if (learner != NULL) {
                trace_prelude_learn(learner, &events[i]);
            }
        }
    }
    trace_resolver_finish(&reader->resolver);
    return got == 0;
}

/* Finds what is older than the trace: once to see it, once to learn of its sizes. */
static gboolean find_prelude(trace_reader *reader, GError **error)
{
    struct trace_hygiene hygiene = {0};
    struct trace_summary summary = {0};
    trace_prelude *prelude = reader->prelude;
    gboolean ok = resolve_all(reader, &hygiene, &summary, NULL, error);
    reader->resolver.prelude = NULL;
    reader->prelude = NULL; /* the orphans have been seen */
    trace_prelude_begin_learning(prelude);
    hygiene = (struct trace_hygiene){0};
    ok = ok && resolve_all(reader, &hygiene, &summary, prelude, error);
    trace_prelude_settle(prelude, reader->names);
    reader->resolver.prelude = reader->prelude = prelude;
    reader->summary.prelude = trace_prelude_count(prelude);
    return ok;
}

gboolean trace_reader_summarise(trace_reader *reader, GError **error)
{
    if (reader->options.prelude) {
        reader->prelude = trace_prelude_new(reader->options.prelude_seed, reader->options.page_size,
                                            reader->summary.kernel);
        reader->resolver.prelude = reader->prelude;
        if (!find_prelude(reader, error)) {
            return FALSE;
        }
    }
    if (!resolve_all(reader, &reader->hygiene, &reader->summary, NULL, error) ||
        !trace_reader_restart(reader, &reader->second_hygiene, &reader->second_summary, error)) {
        return FALSE;
    }
    reader->summary.prelude_bytes = reader->resolver.live_bytes;
    return TRUE;
}

gboolean trace_reader_find_bounds(trace_reader *reader, GError **error)
{
    struct trace_summary *summary = &reader->summary;
    struct trace_implicit *implicit = &reader->implicit;
    struct trace_event event;
    int got;
    if (reader->hygiene.implicit_frees + reader->hygiene.implicit_page_frees == 0) {
        return TRUE;
    }
    while ((got = trace_next(reader, &event, error)) > 0) {
        trace_implicit_note(implicit, &event);
    }
    trace_implicit_settle(implicit);
    if (got < 0 || !trace_reader_rewind(reader, error)) {
        return FALSE;
    }
    reader->early = TRUE;
    while ((got = trace_next(reader, &event, error)) > 0) {
        trace_implicit_count(implicit, &event, reader->options.page_size);
    }
    summary->peak_early_bytes = implicit->peak_bytes;
    reader->early = reader->options.implicit == TRACE_BOUND_EARLY;
    if (reader->early) {
        summary->peak_live_bytes = implicit->peak_bytes;
        summary->peak_event = implicit->peak_event;
        summary->peak_live_pages = implicit->peak_pages;
    }
    return got == 0 && trace_reader_rewind(reader, error);
}
