/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsa-trace merge: several traces side by side in one, in order of time. Objects are kept apart by
 * slots that no two traces share, threads by new ids where two traces have the same, CPUs are the
 * same machine's, and so are names.
 */
#include <string.h>

#include "../trace/hygiene.h"
#include "../trace/map.h"
#include "result.h"
#include "tool.h"

/* Ids of threads that another trace has: from here on, above what Linux gives. */
#define FIRST_NEW_THREAD ((guint32)1 << 22)

struct source {
    const char *path;
    trace_reader *reader;
    struct trace_event event; /* the next one, in the merged trace's words but for its slot */
    guint64 start_ns;         /* on the merged trace's clock */
    GArray *names;            /* guint32, by the trace's: the merged trace's */
    struct trace_map threads; /* the trace's id -> the merged trace's */
    gboolean ended;
};

struct merge {
    struct result whole;
    gboolean same_threads;
    struct source *source;
    guint count;
    trace_names *names;
    struct trace_map owner; /* thread of the merged trace -> source */
    guint32 next_thread;
    guint64 renamed; /* threads */
    guint64 events;
};

static guint32 merged_name(struct merge *merge, struct source *source, guint32 name)
{
    while (source->names->len <= name) {
        const char *text = trace_name(source->reader, source->names->len);
        guint32 known = trace_names_intern(merge->names, text, strlen(text));
        g_array_append_val(source->names, known);
    }
    return g_array_index(source->names, guint32, name);
}

static guint32 merged_thread(struct merge *merge, struct source *source, guint32 thread)
{
    guint32 which = (guint32)(source - merge->source), merged = thread;
    const guint32 *known = trace_map_find(&source->threads, thread);
    if (merge->same_threads)
        return thread;
    if (known != NULL)
        return *known;
    if (trace_map_find(&merge->owner, merged) != NULL) {
        do
            merged = merge->next_thread++;
        while (trace_map_find(&merge->owner, merged) != NULL);
        merge->renamed++;
    }
    trace_map_insert(&merge->owner, merged, which);
    trace_map_insert(&source->threads, thread, merged);
    return merged;
}

static gboolean advance(struct merge *merge, struct source *source, GError **error)
{
    struct trace_event *event = &source->event;
    int got = trace_next(source->reader, event, error);
    source->ended = got == 0;
    if (got <= 0)
        return got == 0;
    event->time_ns += source->start_ns;
    event->thread = merged_thread(merge, source, event->thread);
    event->cache = merged_name(merge, source, event->cache);
    event->site = merged_name(merge, source, event->site);
    event->gfp = merged_name(merge, source, event->gfp);
    if (event->slot != TRACE_NO_SLOT)
        event->slot = event->slot * merge->count + (guint32)(source - merge->source);
    return TRUE;
}

/* The source whose next event is the earliest, the first of them among equals; NULL at the end. */
static struct source *earliest(struct merge *merge)
{
    struct source *best = NULL;
    for (guint i = 0; i < merge->count; i++) {
        struct source *source = &merge->source[i];
        if (!source->ended && (best == NULL || source->event.time_ns < best->event.time_ns))
            best = source;
    }
    return best;
}

static gboolean write_events(struct tool *tool, struct merge *merge, GError **error)
{
    struct source *source;
    guint64 total = 0;
    for (guint i = 0; i < merge->count; i++) {
        total += trace_summary(merge->source[i].reader)->events;
        if (!advance(merge, &merge->source[i], error))
            return FALSE;
    }
    progress_start(&tool->progress, "merging", total);
    while ((source = earliest(merge)) != NULL) {
        source->event.number = ++merge->events;
        if (!result_event(&merge->whole, &source->event, error) || !advance(merge, source, error))
            break;
        if (merge->events % 65536 == 0)
            progress_update(&tool->progress, merge->events);
    }
    progress_stop(&tool->progress);
    return source == NULL;
}

/* --- When each began --------------------------------------------------------------------------- */

/* "start", ISO 8601 with any number of decimals, in ns since 1970. */
static gboolean parse_start(const trace_meta *meta, guint64 *ns)
{
    char *text = trace_meta_text(meta, "start");
    GDateTime *time = text == NULL ? NULL : g_date_time_new_from_iso8601(text, NULL);
    gboolean good = time != NULL && g_date_time_to_unix(time) >= 0;
    if (good) {
        const char *point = strchr(text, '.');
        guint64 unit = 100000000;
        *ns = (guint64)g_date_time_to_unix(time) * 1000000000;
        for (; point != NULL && g_ascii_isdigit(point[1]); point++, unit /= 10)
            *ns += (guint64)(point[1] - '0') * unit;
    }
    if (time != NULL)
        g_date_time_unref(time);
    g_free(text);
    return good;
}

/* When the recording began on its clock, which is the same for all of one session. */
static guint64 clock_zero(const trace_reader *reader)
{
    guint64 zero = trace_summary(reader)->first_ns;
    result_meta_number(trace_reader_meta(reader), "zero-ns", &zero);
    return zero;
}

/* All of one session, so that they have one clock. */
static gboolean one_session(const struct merge *merge)
{
    GBytes *first = trace_meta_get(trace_reader_meta(merge->source[0].reader), "session");
    for (guint i = 0; i < merge->count; i++) {
        GBytes *own = trace_meta_get(trace_reader_meta(merge->source[i].reader), "session");
        if (own == NULL || !g_bytes_equal(own, first))
            return FALSE;
    }
    return TRUE;
}

/*
 * Puts the traces on one clock: that of their session; or the time of day when they say it; else
 * all begin together, which is FALSE. A part of a trace begins so much later as was cut off.
 */
static gboolean align(struct merge *merge)
{
    gboolean session = one_session(merge), dated = TRUE;
    guint64 first = G_MAXUINT64, start;
    for (guint i = 0; i < merge->count; i++)
        dated = dated && parse_start(trace_reader_meta(merge->source[i].reader), &start);
    for (guint i = 0; i < merge->count; i++) {
        const trace_reader *reader = merge->source[i].reader;
        guint64 offset = 0;
        start = session ? clock_zero(reader) : 0;
        if (!session && dated)
            parse_start(trace_reader_meta(reader), &start);
        result_meta_number(trace_reader_meta(reader), "offset-ns", &offset);
        merge->source[i].start_ns = start + offset;
        first = MIN(first, start + offset);
    }
    for (guint i = 0; i < merge->count; i++)
        merge->source[i].start_ns -= first;
    return session || dated;
}

/* --- What it says of itself -------------------------------------------------------------------- */

static void put_entry(trace_meta *meta, const char *key, GBytes *value)
{
    gsize bytes;
    gconstpointer data = g_bytes_get_data(value, &bytes);
    trace_meta_set(meta, key, data, bytes);
}

static gboolean all_say(const struct merge *merge, const struct trace_meta_entry *entry)
{
    for (guint i = 0; i < merge->count; i++) {
        GBytes *other = trace_meta_get(trace_reader_meta(merge->source[i].reader), entry->key);
        if (other == NULL || !g_bytes_equal(other, entry->value))
            return FALSE;
    }
    return TRUE;
}

/* What all traces say alike is said of the whole; the rest with the number of the trace before. */
static void add_meta(const struct merge *merge, trace_meta *meta)
{
    for (guint i = 0; i < merge->count; i++) {
        const trace_meta *own = trace_reader_meta(merge->source[i].reader);
        for (guint j = 0; j < trace_meta_count(own); j++) {
            const struct trace_meta_entry *entry = trace_meta_nth(own, j);
            char *key = g_strdup_printf("merged.%u.%s", i + 1, entry->key);
            if (!result_meta_is_own(entry->key))
                put_entry(meta, all_say(merge, entry) ? entry->key : key, entry->value);
            g_free(key);
        }
    }
}

/* Time 0 is that of the trace that began first. */
static void add_start(const struct merge *merge, trace_meta *meta)
{
    static const char *const keys[] = {"start", "offset-ns"};
    const struct source *first = merge->source;
    while (first->start_ns != 0)
        first++;
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        GBytes *value = trace_meta_get(trace_reader_meta(first->reader), keys[i]);
        if (value != NULL)
            put_entry(meta, keys[i], value);
    }
    if (clock_zero(first->reader) != 0)
        trace_meta_set_number(meta, "zero-ns", clock_zero(first->reader));
}

static void say_of_itself(struct merge *merge)
{
    struct trace_hygiene sum = {0};
    for (guint i = 0; i < merge->count; i++) {
        const struct trace_hygiene *own = trace_hygiene(merge->source[i].reader);
        for (guint j = 0; j < trace_hygiene_field_count; j++) {
            const struct trace_hygiene_field *field = &trace_hygiene_fields[j];
            trace_hygiene_set(&sum, field,
                              trace_hygiene_get(&sum, field) + trace_hygiene_get(own, field));
        }
    }
    add_meta(merge, merge->whole.meta);
    add_start(merge, merge->whole.meta);
    result_meta_chain(&merge->whole, &tool_merge);
    result_meta_hygiene(&merge->whole, &sum);
}

/* --- The whole --------------------------------------------------------------------------------- */

static gboolean open_sources(struct tool *tool, struct merge *merge, GError **error)
{
    for (guint i = 0; i < merge->count; i++) {
        struct source *source = &merge->source[i];
        source->path = tool->traces[i];
        source->reader = tool_open(tool, source->path, error);
        if (source->reader == NULL)
            return FALSE;
        gboolean kernel = trace_summary(source->reader)->kernel;
        if (trace_summary(merge->source[0].reader)->kernel != kernel) {
            g_set_error(error, TOOL_ERROR, TOOL_ERROR_INPUTS,
                        "%s: is a trace of a %s, %s one of a %s; merge traces of one kind",
                        tool_trace_name(source->path), kernel ? "kernel" : "program",
                        tool_trace_name(merge->source[0].path), kernel ? "program" : "kernel");
            return FALSE;
        }
        if (trace_summary(merge->source[0].reader)->page_size !=
            trace_summary(source->reader)->page_size) {
            g_set_error(error, TOOL_ERROR, TOOL_ERROR_INPUTS,
                        "%s: has pages of %u bytes, %s of %u; merge traces of one machine",
                        tool_trace_name(source->path), trace_summary(source->reader)->page_size,
                        tool_trace_name(merge->source[0].path),
                        trace_summary(merge->source[0].reader)->page_size);
            return FALSE;
        }
        if (trace_summary(source->reader)->peak_slots > (TRACE_NO_SLOT - 1) / merge->count) {
            g_set_error(error, TOOL_ERROR, TOOL_ERROR_INPUTS,
                        "%s: has too many live objects to be merged with %u other traces",
                        tool_trace_name(source->path), merge->count - 1);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean merge_sources(struct tool *tool, struct merge *merge, GError **error)
{
    if (!open_sources(tool, merge, error))
        return FALSE;
    gboolean known = align(merge);
    gboolean good = result_open(&merge->whole, tool, TRACE_LEVEL_REPLAYABLE,
                                trace_summary(merge->source[0].reader), merge->names, error) &&
                    write_events(tool, merge, error);
    if (good)
        say_of_itself(merge);
    good = result_close(&merge->whole, good, error);
    if (!good)
        return FALSE;
    tool_say(tool, "%" G_GUINT64_FORMAT " events of %u traces", merge->events, merge->count);
    if (!known)
        tool_say(tool, "not all say when they began (start): all begin at 0");
    if (merge->renamed > 0)
        tool_say(tool,
                 "%" G_GUINT64_FORMAT " threads have new ids, as another trace has theirs "
                 "(--same-threads keeps them)",
                 merge->renamed);
    return TRUE;
}

static void merge_init(struct merge *merge, struct tool *tool)
{
    merge->count = g_strv_length(tool->traces);
    merge->source = g_new0(struct source, merge->count);
    merge->names = trace_names_new();
    merge->next_thread = FIRST_NEW_THREAD;
    trace_map_init(&merge->owner);
    for (guint i = 0; i < merge->count; i++) {
        merge->source[i].names = g_array_new(FALSE, FALSE, sizeof(guint32));
        trace_map_init(&merge->source[i].threads);
    }
}

static void merge_clear(struct merge *merge)
{
    for (guint i = 0; i < merge->count; i++) {
        trace_close(merge->source[i].reader);
        g_array_free(merge->source[i].names, TRUE);
        trace_map_destroy(&merge->source[i].threads);
    }
    g_free(merge->source);
    trace_names_free(merge->names);
    trace_map_destroy(&merge->owner);
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct merge merge = {.count = 0};
    const GOptionEntry entries[] = {
        {"same-threads", 0, 0, G_OPTION_ARG_NONE, &merge.same_threads,
         "one id is one thread in all traces, as in parts of one", NULL},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_merge, entries, argc, argv, 2, G_MAXUINT, error);
    if (good) {
        merge_init(&merge, tool);
        good = merge_sources(tool, &merge, error);
        merge_clear(&merge);
    }
    return good;
}

const struct tool_command tool_merge = {
    .name = "merge",
    .arguments = "TRACE TRACE...",
    .summary = "makes one trace of several, in order of time",
    .writes = TRUE,
    .run = run,
};
