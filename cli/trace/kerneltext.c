/* SPDX-License-Identifier: Apache-2.0 */
#include "kerneltext.h"

#include "kmem.h"
#include "scan.h"

const char *trace_kernel_time_back(const char *start, const char *colon, guint64 *time_ns)
{
    const char *fraction = trace_digits_back(start, colon);
    gsize places = (gsize)(colon - fraction);
    if (places == 0 || places > 9 || fraction == start || fraction[-1] != '.') {
        return NULL;
    }
    const char *seconds = trace_digits_back(start, fraction - 1);
    guint64 whole, part;
    if (!trace_scan_digits(seconds, fraction - 1, 10, G_MAXUINT64 / 1000000000 - 1, &whole) ||
        !trace_scan_digits(fraction, colon, 10, 999999999, &part) ||
        (seconds > start && !trace_is_blank(seconds[-1]))) {
        return NULL;
    }
    for (; places < 9; places++) {
        part *= 10;
    }
    *time_ns = whole * 1000000000 + part;
    return seconds;
}

const char *trace_kernel_cpu_back(const char *start, const char *stop, guint32 *cpu)
{
    const char *bracket = trace_blanks_back(start, stop);
    *cpu = 0;
    if (bracket == start || bracket[-1] != ']') {
        return stop;
    }
    const char *number = trace_digits_back(start, bracket - 1);
    guint64 value;
    if (number == start || number[-1] != '[' ||
        !trace_scan_digits(number, bracket - 1, 10, TRACE_CPUS_MAX - 1, &value)) {
        return stop;
    }
    *cpu = (guint32)value;
    return number - 1;
}

/* The number that stands behind word in the text. */
static gboolean number_behind(const char *text, const char *end, const char *word, guint64 *value)
{
    const char *found = g_strstr_len(text, end - text, word);
    if (found == NULL) {
        return FALSE;
    }
    found = trace_skip_blanks(found + strlen(word), end);
    const char *stop = found;
    while (stop < end && trace_is_digit(*stop)) {
        stop++;
    }
    return trace_scan_digits(found, stop, 10, G_MAXUINT64, value);
}

/* What the recorder says it lost, in a line that is no event. */
static gboolean is_lost_line(const char *text, const char *end, guint64 *lost)
{
    *lost = 0;
    if (number_behind(text, end, "LOST", lost)) {
        return TRUE; /* [LOST n EVENTS] */
    }
    if (g_strstr_len(text, end - text, "EVENTS DROPPED]") != NULL &&
        number_behind(text, end, "[", lost)) {
        return TRUE; /* [n EVENTS DROPPED] */
    }
    *lost = 0;
    if (g_strstr_len(text, end - text, "LOST EVENTS") != NULL ||
        g_strstr_len(text, end - text, "[EVENTS DROPPED]") != NULL) {
        return TRUE; /* nobody knows how many */
    }
    guint64 chunks;
    return number_behind(text, end, " and lost ", &chunks) &&
           g_strstr_len(text, end - text, "chunks") != NULL;
}

static gboolean add_lost(struct trace_import *import, const struct trace_line *line,
                         guint64 time_ns, guint64 cpu, guint64 lost, GError **error)
{
    struct trace_record record = TRACE_RECORD_INIT;
    record.kind = TRACE_LOST;
    record.time_ns = time_ns;
    record.line = line->number;
    record.size = lost;
    record.cpu = cpu < TRACE_CPUS_MAX ? (guint16)cpu : 0;
    return trace_import_add(import, &record, error);
}

/* A frame of an event's call chain: perf script begins it with a tab, tracefs with an arrow. */
static gboolean is_frame(const char *text, const char *end)
{
    const char *address = trace_skip_blanks(text, end);
    const char *p = address;
    if (*text == '\t' || TRACE_BEGINS(address, end, "=>")) {
        return TRUE;
    }
    while (p < end && g_ascii_isxdigit(*p)) {
        p++;
    }
    return address > text && p - address >= 8 && p < end && trace_is_blank(*p);
}

/* A comment, an empty line, what trace-cmd begins with, a call chain: nothing to read. */
static gboolean is_filler(const char *text, const char *end)
{
    return text == end || *text == '#' || trace_skip_blanks(text, end) == end ||
           is_frame(text, end) || TRACE_BEGINS(text, end, "cpus=") ||
           TRACE_BEGINS(text, end, "version = ") ||
           (TRACE_BEGINS(text, end, "CPU ") && TRACE_IS(MAX(text, end - 9), end, " is empty"));
}

static gboolean take_perf_record(struct trace_import *import, const struct trace_line *line,
                                 const struct trace_kernel_line *event, GError **error)
{
    guint64 lost = 0;
    if (!TRACE_BEGINS(event->event, event->event + event->event_length, "PERF_RECORD_LOST")) {
        import->hygiene->other_events++;
        return TRUE;
    }
    number_behind(event->body, line->text + line->length, "lost", &lost);
    return add_lost(import, line, event->time_ns, event->cpu, lost, error);
}

static gboolean take_event(struct trace_import *import, const struct trace_line *line,
                           const struct trace_kernel_line *event, GError **error)
{
    struct trace_hygiene *hygiene = import->hygiene;
    enum trace_kmem_event kind = trace_kmem_event(event->event, event->event_length);
    if (kind == TRACE_KMEM_OTHER) {
        hygiene->other_events++;
        return TRUE;
    }
    if (kind == TRACE_KMEM_PAGE_REPEAT) {
        hygiene->batched_repeats++;
        return TRUE;
    }
    struct trace_record record = TRACE_RECORD_INIT;
    record.time_ns = event->time_ns;
    record.line = line->number;
    record.thread = event->thread;
    record.cpu = (guint16)event->cpu;
    switch (
        trace_kmem_fields(kind, event->body, line->text + line->length, import->names, &record)) {
    case TRACE_KMEM_FAILED:
        record.flags = TRACE_FAILED;
        record.address = 0;
        record.given = 0;
        return trace_import_add(import, &record, error);
    case TRACE_KMEM_RECORD:
        return trace_import_add(import, &record, error);
    case TRACE_KMEM_NULL:
        hygiene->null_frees++;
        break;
    case TRACE_KMEM_BAD:
        trace_import_ignore(import, line->number);
        break;
    }
    return TRUE;
}

static gboolean take_other_line(struct trace_import *import, const struct trace_line *line,
                                GError **error)
{
    const char *end = line->text + line->length;
    guint64 lost, cpu = 0;
    if (is_filler(line->text, end)) {
        import->hygiene->filler_lines++;
    } else if (is_lost_line(line->text, end, &lost)) {
        number_behind(line->text, end, "CPU:", &cpu);
        return add_lost(import, line, import->last_ns, cpu, lost, error);
    } else {
        trace_import_ignore(import, line->number);
    }
    return TRUE;
}

gboolean trace_kernel_import(struct trace_import *import, trace_kernel_header header,
                             GError **error)
{
    struct trace_line line;
    int got;
    gboolean good = TRUE;
    while (good && (got = trace_import_line(import, &line, error)) != 0) {
        struct trace_kernel_line event = {0};
        if (got < 0) {
            return FALSE;
        }
        if (!header(line.text, line.text + line.length, &event)) {
            good = take_other_line(import, &line, error);
            continue;
        }
        trace_import_seen(import, event.cpu, event.time_ns);
        good = event.record ? take_perf_record(import, &line, &event, error)
                            : take_event(import, &line, &event, error);
    }
    return good;
}

gboolean trace_kernel_probe(const char *bytes, gsize length, trace_kernel_header header,
                            struct trace_kernel_line *line)
{
    const char *end = bytes + length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (gsize)(end - bytes));
        if (header(bytes, newline != NULL ? newline : end, line)) {
            return TRUE;
        }
        bytes = newline != NULL ? newline + 1 : end;
    }
    return FALSE;
}
