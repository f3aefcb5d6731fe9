/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsa-trace cut: the part of a trace that lies between two moments, and that threads or CPUs began.
 *
 * A part has to be a trace in itself: an object is kept from its allocation on, with all that
 * happens to it whoever does it. What is older than the part is not there, so that its frees go; a
 * realloc of it is the object's first event here, an allocation. --keep-live puts such objects at
 * the beginning instead.
 */
#include <string.h>

#include "../common/arguments.h"
#include "result.h"
#include "tool.h"

/* A moment: a time, or the number of an event. */
struct moment {
    guint64 ns;
    guint64 number; /* not 0: this is what counts */
};

struct range {
    guint32 low, high;
};

/* What becomes of the object in a slot. */
enum fate { FATE_OLDER, FATE_KEPT, FATE_LEFT_OUT };

struct cut {
    struct moment from, to;
    GArray *threads, *cpus; /* struct range; empty: all */
    gboolean keep_live;
    gboolean begun;   /* the first event of the part has been seen */
    guint64 base_ns;  /* the time that is 0 in the part */
    GByteArray *fate; /* enum fate, by slot */
    GArray *live; /* struct trace_event, by slot: the allocation of what is older; --keep-live */
    struct result part;
    guint64 kept, older_frees, older_reallocs, older_kept;
};

static gboolean in_ranges(const GArray *ranges, guint32 value)
{
    for (guint i = 0; i < ranges->len; i++) {
        const struct range *range = &g_array_index(ranges, struct range, i);
        if (value >= range->low && value <= range->high)
            return TRUE;
    }
    return ranges->len == 0;
}

static gboolean is_asked_for(const struct cut *cut, const struct trace_event *event)
{
    return in_ranges(cut->threads, event->thread) && in_ranges(cut->cpus, event->cpu);
}

static gboolean is_before(const struct trace_event *event, const struct moment *moment)
{
    return moment->number != 0 ? event->number < moment->number : event->time_ns < moment->ns;
}

static gboolean put(struct cut *cut, const struct trace_event *event, GError **error)
{
    struct trace_event moved = *event;
    if (cut->kept++ == 0)
        cut->base_ns = event->time_ns; /* a trace's time is that since its first event */
    moved.time_ns -= cut->base_ns;
    moved.number = cut->kept;
    return result_event(&cut->part, &moved, error);
}

/* --- Before the part: what is live when it begins ---------------------------------------------- */

static struct trace_event *live_at(struct cut *cut, guint32 slot)
{
    if (slot >= cut->live->len)
        g_array_set_size(cut->live, MAX(slot + 1, cut->live->len * 2));
    return &g_array_index(cut->live, struct trace_event, slot);
}

static void note_older(struct cut *cut, const struct trace_event *event)
{
    if (!cut->keep_live || (event->flags & TRACE_FAILED) != 0 || !trace_kind_has_slot(event->kind))
        return;
    struct trace_event *live = live_at(cut, event->slot);
    if (trace_kind_is_alloc(event->kind)) {
        *live = *event;
    } else if (trace_kind_is_free(event->kind)) {
        live->number = 0;
    } else {
        live->size = event->size;
        live->given = event->given;
        live->address = event->address;
    }
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    guint64 left = ((const struct trace_event *)a)->number;
    guint64 right = ((const struct trace_event *)b)->number;
    return (left > right) - (left < right);
}

static guint8 *fate_of(struct cut *cut, guint32 slot)
{
    guint held = cut->fate->len;
    if (slot >= held) {
        g_byte_array_set_size(cut->fate, MAX(slot + 1, held * 2));
        memset(cut->fate->data + held, FATE_OLDER, cut->fate->len - held);
    }
    return &cut->fate->data[slot];
}

/* The part begins with this event, or, at the trace's end, with none. */
static gboolean begin(struct cut *cut, const struct trace_event *event, GError **error)
{
    gboolean good = TRUE;
    cut->begun = TRUE;
    g_array_sort(cut->live, by_number);
    for (guint i = 0; i < cut->live->len && good; i++) {
        struct trace_event *live = &g_array_index(cut->live, struct trace_event, i);
        if (live->number == 0)
            continue;
        if (!is_asked_for(cut, live)) {
            *fate_of(cut, live->slot) = FATE_LEFT_OUT;
            continue;
        }
        *fate_of(cut, live->slot) = FATE_KEPT;
        live->time_ns = cut->from.number != 0 ? event->time_ns : cut->from.ns;
        cut->older_kept++;
        good = put(cut, live, error);
    }
    g_array_set_size(cut->live, 0);
    return good;
}

/* --- The part ---------------------------------------------------------------------------------- */

static gboolean take_realloc(struct cut *cut, const struct trace_event *event, GError **error)
{
    struct trace_event first = *event;
    gboolean failed = (event->flags & TRACE_FAILED) != 0;
    if (event->slot != TRACE_NO_SLOT) {
        guint8 *fate = fate_of(cut, event->slot);
        if (*fate == FATE_KEPT)
            return put(cut, event, error);
        if (*fate == FATE_LEFT_OUT)
            return TRUE;
        if (!failed) {
            *fate = is_asked_for(cut, event) ? FATE_KEPT : FATE_LEFT_OUT;
            first.kind = TRACE_ALLOC;
            cut->older_reallocs += *fate == FATE_KEPT;
            return *fate == FATE_LEFT_OUT || put(cut, &first, error);
        }
    }
    first.slot = TRACE_NO_SLOT;
    return !is_asked_for(cut, event) || put(cut, &first, error);
}

static gboolean take_inside(struct cut *cut, const struct trace_event *event, GError **error)
{
    if (event->kind == TRACE_REALLOC)
        return take_realloc(cut, event, error);
    if (trace_kind_is_free(event->kind)) {
        guint8 *fate = fate_of(cut, event->slot), was = *fate;
        *fate = FATE_OLDER;
        cut->older_frees += was == FATE_OLDER;
        return was != FATE_KEPT || put(cut, event, error);
    }
    gboolean kept = is_asked_for(cut, event);
    if (event->slot != TRACE_NO_SLOT)
        *fate_of(cut, event->slot) = kept ? FATE_KEPT : FATE_LEFT_OUT;
    return !kept || put(cut, event, error);
}

static gboolean take(gpointer data, const struct trace_event *event, GError **error)
{
    struct cut *cut = data;
    if (is_before(event, &cut->from)) {
        note_older(cut, event);
        return TRUE;
    }
    if (!is_before(event, &cut->to))
        return FALSE;
    if (!cut->begun && !begin(cut, event, error))
        return FALSE;
    return take_inside(cut, event, error);
}

static void add_meta(struct cut *cut, const trace_reader *reader)
{
    guint64 offset = 0;
    result_meta_number(trace_reader_meta(reader), "offset-ns", &offset);
    result_meta_copy_whole(&cut->part, trace_reader_meta(reader));
    result_meta_chain(&cut->part, &tool_cut);
    if (trace_summary(reader)->first_ns != 0)
        trace_meta_set_number(cut->part.meta, "zero-ns", trace_summary(reader)->first_ns);
    trace_meta_set_number(cut->part.meta, "offset-ns", offset + cut->base_ns);
    trace_meta_set_number(cut->part.meta, "cut.frees-left-out", cut->older_frees);
}

static gboolean cut_trace(struct tool *tool, struct cut *cut, trace_reader *reader, GError **error)
{
    GError *why = NULL;
    if (!tool_each(tool, reader, "cutting", take, cut, &why) && why != NULL) {
        g_propagate_error(error, why);
        return FALSE;
    }
    if (trace_tally_begun(&cut->part.tally) == 0) {
        const struct trace_summary *summary = trace_summary(reader);
        g_set_error(error, TOOL_ERROR, TOOL_ERROR_INPUTS,
                    "%s: no object is left of its %" G_GUINT64_FORMAT " events in %.9g s",
                    tool_trace_name(tool->traces[0]), summary->events,
                    (double)summary->duration_ns / 1e9);
        return FALSE;
    }
    add_meta(cut, reader);
    return TRUE;
}

static void say(const struct tool *tool, const struct cut *cut, const trace_reader *reader)
{
    tool_say(tool, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " events kept", cut->kept,
             trace_summary(reader)->events);
    if (cut->older_kept > 0)
        tool_say(tool, "%" G_GUINT64_FORMAT " older objects put at the beginning", cut->older_kept);
    if (cut->older_frees > 0)
        tool_say(tool, "%" G_GUINT64_FORMAT " frees of older objects left out%s", cut->older_frees,
                 cut->keep_live ? "" : " (--keep-live keeps them and the objects)");
    if (cut->older_reallocs > 0)
        tool_say(tool, "%" G_GUINT64_FORMAT " older objects begin with a realloc",
                 cut->older_reallocs);
}

/* --- The command line -------------------------------------------------------------------------- */

static gboolean parse_moment(const char *option, const char *text, struct moment *moment,
                             GError **error)
{
    if (text == NULL || text[0] != '@')
        return parse_time(option, text, &moment->ns, error);
    if (g_ascii_string_to_unsigned(text + 1, 10, 1, G_MAXUINT64, &moment->number, NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--%s=%s: behind @ give the number of an event, from 1 on", option, text);
    return FALSE;
}

/* "1", "4-7", and several with commas between. */
static gboolean parse_ranges(const char *option, const char *text, GArray *ranges, GError **error)
{
    if (text == NULL)
        return TRUE;
    char **parts = g_strsplit(text, ",", 0);
    gboolean good = parts[0] != NULL;
    for (char **part = parts; *part != NULL && good; part++) {
        guint64 low = 0, high = 0;
        char *dash = strchr(*part, '-');
        if (dash != NULL)
            *dash = '\0';
        good = g_ascii_string_to_unsigned(*part, 10, 0, G_MAXUINT32, &low, NULL) &&
               g_ascii_string_to_unsigned(dash != NULL ? dash + 1 : *part, 10, low, G_MAXUINT32,
                                          &high, NULL);
        struct range range = {(guint32)low, (guint32)high};
        g_array_append_val(ranges, range);
    }
    g_strfreev(parts);
    if (!good)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--%s=%s: give numbers and ranges with commas between, as 0-3,8", option, text);
    return good;
}

struct texts {
    char *from, *to, *threads, *cpus;
};

static gboolean parse_texts(struct cut *cut, const struct texts *texts, GError **error)
{
    return parse_moment("from", texts->from, &cut->from, error) &&
           parse_moment("to", texts->to, &cut->to, error) &&
           parse_ranges("thread", texts->threads, cut->threads, error) &&
           parse_ranges("cpu", texts->cpus, cut->cpus, error);
}

static gboolean cut_input(struct tool *tool, struct cut *cut, GError **error)
{
    trace_reader *reader = tool_open(tool, tool->traces[0], error);
    if (reader == NULL)
        return FALSE;
    gboolean good = result_open(&cut->part, tool, TRACE_LEVEL_REPLAYABLE, trace_summary(reader),
                                trace_reader_names(reader), error) &&
                    cut_trace(tool, cut, reader, error);
    good = result_close(&cut->part, good, error);
    if (good)
        say(tool, cut, reader);
    trace_close(reader);
    return good;
}

static gboolean run(struct tool *tool, int argc, char **argv, GError **error)
{
    struct texts texts = {.from = NULL};
    struct cut cut = {
        .to = {.ns = G_MAXUINT64},
        .threads = g_array_new(FALSE, FALSE, sizeof(struct range)),
        .cpus = g_array_new(FALSE, FALSE, sizeof(struct range)),
        .fate = g_byte_array_new(),
        .live = g_array_new(FALSE, TRUE, sizeof(struct trace_event)),
    };
    const GOptionEntry entries[] = {
        {"from", 0, 0, G_OPTION_ARG_STRING, &texts.from,
         "seconds after the start (also 200ms, 5us ...) or @EVENT", "MOMENT"},
        {"to", 0, 0, G_OPTION_ARG_STRING, &texts.to, "what is there or later is left out",
         "MOMENT"},
        {"thread", 0, 0, G_OPTION_ARG_STRING, &texts.threads,
         "objects that these threads allocated, as 812,900-910", "LIST"},
        {"cpu", 0, 0, G_OPTION_ARG_STRING, &texts.cpus,
         "objects that these CPUs allocated, as 0-3,8", "LIST"},
        {"keep-live", 0, 0, G_OPTION_ARG_NONE, &cut.keep_live,
         "put what is live at the start at the beginning", NULL},
        G_OPTION_ENTRY_NULL,
    };
    gboolean good = tool_parse(tool, &tool_cut, entries, argc, argv, 1, 1, error) &&
                    parse_texts(&cut, &texts, error) && cut_input(tool, &cut, error);
    g_array_free(cut.threads, TRUE);
    g_array_free(cut.cpus, TRUE);
    g_byte_array_free(cut.fate, TRUE);
    g_array_free(cut.live, TRUE);
    g_free(texts.from);
    g_free(texts.to);
    g_free(texts.threads);
    g_free(texts.cpus);
    return good;
}

const struct tool_command tool_cut = {
    .name = "cut",
    .arguments = "TRACE",
    .summary = "keeps what lies between two moments, of some threads or CPUs",
    .writes = TRUE,
    .run = run,
};
