/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that perf script prints, one event a line:
 *
 *      comm  tid [cpu]  seconds.fraction:  kmem:kmalloc: call_site=... ptr=...
 *
 * The command's name may hold spaces, digits, ':', '-' and brackets, so the
 * time stamp is looked for, and what stands before it is read backwards. The
 * CPU may be missing (perf script -F), the thread may be "pid/tid", and the
 * event's period may stand before its name.
 */
#include <string.h>

#include "import.h"
#include "kmem.h"

struct header {
    guint64 time_ns;
    guint32 thread;
    guint32 cpu;
    const char *event; /* its name, without the last ':'; or a PERF_RECORD_ */
    gsize event_length;
    const char *body; /* behind the name */
    gboolean record;  /* PERF_RECORD_..., not a tracepoint */
};

static gboolean is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static gboolean is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the digits begin that end at stop. */
static const char *digits_back(const char *start, const char *stop)
{
    while (stop > start && is_digit(stop[-1])) {
        stop--;
    }
    return stop;
}

static const char *blanks_back(const char *start, const char *stop)
{
    while (stop > start && is_blank(stop[-1])) {
        stop--;
    }
    return stop;
}

/* FALSE: no digits, or more of them than fit. */
static gboolean decimal(const char *text, const char *end, guint64 limit, guint64 *value)
{
    guint64 sum = 0;
    for (const char *p = text; p < end; p++) {
        guint64 digit = (guint64)(*p - '0');
        if (sum > (limit - digit) / 10) {
            return FALSE;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return text < end;
}

/* "seconds.fraction" that ends at colon, as nanoseconds. Where it begins; NULL: no time. */
static const char *time_back(const char *start, const char *colon, guint64 *time_ns)
{
    const char *fraction = digits_back(start, colon);
    gsize places = (gsize)(colon - fraction);
    if (places == 0 || places > 9 || fraction == start || fraction[-1] != '.') {
        return NULL;
    }
    const char *seconds = digits_back(start, fraction - 1);
    guint64 whole, part;
    if (!decimal(seconds, fraction - 1, G_MAXUINT64 / 1000000000 - 1, &whole) ||
        !decimal(fraction, colon, 999999999, &part) || seconds == start || !is_blank(seconds[-1])) {
        return NULL;
    }
    for (; places < 9; places++) {
        part *= 10;
    }
    *time_ns = whole * 1000000000 + part;
    return seconds;
}

/* "[cpu]" that ends at stop, blanks behind it allowed; stop itself where there is none. */
static const char *cpu_back(const char *start, const char *stop, guint32 *cpu)
{
    const char *bracket = blanks_back(start, stop);
    *cpu = 0;
    if (bracket == start || bracket[-1] != ']') {
        return stop;
    }
    const char *number = digits_back(start, bracket - 1);
    guint64 value;
    if (number == start || number[-1] != '[' ||
        !decimal(number, bracket - 1, TRACE_CPUS_MAX - 1, &value)) {
        return stop;
    }
    *cpu = (guint32)value;
    return number - 1;
}

/* "tid", "-1" or "pid/tid" that ends at stop. */
static gboolean thread_back(const char *start, const char *stop, guint32 *thread)
{
    stop = blanks_back(start, stop);
    const char *number = digits_back(start, stop);
    guint64 value;
    if (!decimal(number, stop, G_MAXUINT32, &value)) {
        return FALSE;
    }
    if (number > start && number[-1] == '-') {
        number--;
        value = 0 - value;
    } else if (number > start && number[-1] == '/') {
        number = digits_back(start, number - 1);
    }
    *thread = (guint32)value;
    return number == start || is_blank(number[-1]);
}

/* The event's name behind the time stamp's colon. */
static gboolean event_behind(const char *colon, const char *end, struct header *header)
{
    const char *text = colon + 1;
    if (text == end || !is_blank(*text)) {
        return FALSE;
    }
    for (int words = 0; words < 2; words++) {
        while (text < end && is_blank(*text)) {
            text++;
        }
        const char *digit = text;
        while (digit < end && is_digit(*digit)) {
            digit++;
        }
        if (digit == text || digit == end || !is_blank(*digit)) {
            break;
        }
        text = digit; /* the period: the name comes next */
    }
    const char *stop = text;
    while (stop < end && !is_blank(*stop)) {
        stop++;
    }
    header->record = stop - text > 12 && memcmp(text, "PERF_RECORD_", 12) == 0;
    if (!header->record && (stop - text < 2 || stop[-1] != ':' || !g_ascii_isalpha(*text))) {
        return FALSE;
    }
    header->event = text;
    header->event_length = (gsize)(stop - text) - (stop[-1] == ':' ? 1 : 0);
    header->body = stop;
    return TRUE;
}

static gboolean parse_header(const char *text, const char *end, struct header *header)
{
    const char *colon = text;
    while ((colon = memchr(colon, ':', (gsize)(end - colon))) != NULL) {
        const char *stop = time_back(text, colon, &header->time_ns);
        if (stop != NULL && event_behind(colon, end, header)) {
            stop = cpu_back(text, stop, &header->cpu);
            if (thread_back(text, stop, &header->thread)) {
                return TRUE;
            }
        }
        colon++;
    }
    return FALSE;
}

/* The number that stands behind word in the text, 0 where there is none. */
static gboolean number_behind(const char *text, const char *end, const char *word, guint64 *value)
{
    const char *found = g_strstr_len(text, end - text, word);
    if (found == NULL) {
        return FALSE;
    }
    found += strlen(word);
    while (found < end && is_blank(*found)) {
        found++;
    }
    const char *stop = found;
    while (stop < end && is_digit(*stop)) {
        stop++;
    }
    return decimal(found, stop, G_MAXUINT64, value);
}

/* What the recorder says it lost, in a line that is no event. */
static gboolean lost_line(struct trace_import *import, const char *text, const char *end)
{
    guint64 lost;
    if (number_behind(text, end, "LOST", &lost)) {
        import->hygiene->lost_events += lost; /* [LOST n EVENTS] */
    } else if (g_strstr_len(text, end - text, "EVENTS DROPPED]") != NULL &&
               number_behind(text, end, "[", &lost)) {
        import->hygiene->lost_events += lost; /* [n EVENTS DROPPED] */
    } else if (g_strstr_len(text, end - text, "LOST EVENTS") == NULL &&
               !(number_behind(text, end, " and lost ", &lost) &&
                 g_strstr_len(text, end - text, "chunks") != NULL)) {
        return FALSE; /* the last two forms tell that events are lost, not how many */
    }
    import->hygiene->lost_reports++;
    return TRUE;
}

/* A comment, an empty line, or a frame of an event's call chain: nothing to read, nothing odd. */
static gboolean is_filler(const char *text, const char *end)
{
    if (text == end || *text == '#') {
        return TRUE;
    }
    const char *p = text;
    while (p < end && is_blank(*p)) {
        p++;
    }
    const char *address = p;
    while (p < end && g_ascii_isxdigit(*p)) {
        p++;
    }
    return p == end ? p == address
                    : p - address >= 4 && address > text && is_blank(*p) && end[-1] == ')';
}

static void take_perf_record(struct trace_import *import, const struct header *header,
                             const char *end)
{
    guint64 lost = 0;
    if (header->event_length < 16 || memcmp(header->event, "PERF_RECORD_LOST", 16) != 0) {
        import->hygiene->other_events++;
        return;
    }
    number_behind(header->body, end, "lost", &lost);
    import->hygiene->lost_events += lost;
    import->hygiene->lost_reports++;
}

static gboolean take_event(struct trace_import *import, const struct trace_line *line,
                           const struct header *header, GError **error)
{
    struct trace_hygiene *hygiene = import->hygiene;
    enum trace_kmem_event event = trace_kmem_event(header->event, header->event_length);
    if (event == TRACE_KMEM_OTHER) {
        hygiene->other_events++;
        return TRUE;
    }
    if (event == TRACE_KMEM_PAGE_REPEAT) {
        hygiene->batched_repeats++;
        return TRUE;
    }
    struct trace_record record = TRACE_RECORD_INIT;
    record.time_ns = header->time_ns;
    record.line = line->number;
    record.thread = header->thread;
    record.cpu = (guint16)header->cpu;
    switch (
        trace_kmem_fields(event, header->body, line->text + line->length, import->names, &record)) {
    case TRACE_KMEM_RECORD:
        return trace_import_add(import, &record, error);
    case TRACE_KMEM_NULL:
        hygiene->null_frees++;
        break;
    case TRACE_KMEM_FAILED:
        hygiene->failed_allocs++;
        break;
    case TRACE_KMEM_BAD:
        trace_import_ignore(import, line->number);
        break;
    }
    return TRUE;
}

static gboolean take_line(struct trace_import *import, const struct trace_line *line,
                          GError **error)
{
    const char *end = line->text + line->length;
    struct header header;
    if (line->cut) {
        trace_import_ignore(import, line->number);
        return TRUE;
    }
    if (!parse_header(line->text, end, &header)) {
        if (is_filler(line->text, end)) {
            import->hygiene->filler_lines++;
        } else if (!lost_line(import, line->text, end)) {
            trace_import_ignore(import, line->number);
        }
        return TRUE;
    }
    trace_import_seen(import, header.cpu, header.time_ns);
    if (header.record) {
        take_perf_record(import, &header, end);
        return TRUE;
    }
    return take_event(import, line, &header, error);
}

static gboolean import_perf_script(struct trace_import *import, GError **error)
{
    struct trace_line line;
    int got;
    while ((got = trace_input_line(import->input, &line, error)) > 0) {
        import->hygiene->lines++;
        if (!take_line(import, &line, error)) {
            return FALSE;
        }
        trace_import_progress(import);
    }
    return got == 0;
}

/* One line of the first that has the header suffices: warnings and comments may stand before. */
static gboolean probe_perf_script(const char *bytes, gsize length)
{
    const char *end = bytes + length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (gsize)(end - bytes));
        const char *line_end = newline != NULL ? newline : end;
        struct header header;
        if (parse_header(bytes, line_end, &header)) {
            return TRUE;
        }
        bytes = newline != NULL ? newline + 1 : end;
    }
    return FALSE;
}

const struct trace_format trace_format_perf_script = {
    .name = "perf script",
    .kernel = TRUE,
    .probe = probe_perf_script,
    .import = import_perf_script,
};
