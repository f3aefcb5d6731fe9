/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that perf script prints, one event a line:
 *
 *      comm  tid [cpu]  seconds.fraction:  kmem:kmalloc: call_site=... ptr=...
 *
 * The command's name may hold spaces, digits, ':', '-' and brackets, so the
 * time stamp is looked for, and what stands before it is read backwards. The
 * CPU and the thread may be missing (perf script -F), the thread may be
 * "pid/tid", and the event's period may stand before its name.
 */
#include "kerneltext.h"
#include "scan.h"

/* "tid", "-1" or "pid/tid" that ends at stop. */
static gboolean thread_back(const char *start, const char *stop, guint32 *thread)
{
    stop = trace_blanks_back(start, stop);
    const char *number = trace_digits_back(start, stop);
    guint64 value;
    if (!trace_scan_digits(number, stop, 10, G_MAXUINT32, &value)) {
        return FALSE;
    }
    if (value == 1 && number > start && number[-1] == '-') {
        number--;
        value = G_MAXUINT32;
    } else if (number > start && number[-1] == '/') {
        number = trace_digits_back(start, number - 1);
    }
    *thread = (guint32)value;
    return number == start || trace_is_blank(number[-1]);
}

/* The event's name behind the time stamp's colon. */
static gboolean event_behind(const char *colon, const char *end, struct trace_kernel_line *line)
{
    const char *text = colon + 1;
    if (text == end || !trace_is_blank(*text)) {
        return FALSE;
    }
    for (int words = 0; words < 2; words++) {
        text = trace_skip_blanks(text, end);
        const char *digit = text;
        while (digit < end && trace_is_digit(*digit)) {
            digit++;
        }
        if (digit == text || digit == end || !trace_is_blank(*digit)) {
            break;
        }
        text = digit; /* the period: the name comes next */
    }
    const char *stop = trace_word_end(text, end);
    line->record = stop - text > 12 && memcmp(text, "PERF_RECORD_", 12) == 0;
    if (!line->record && (stop - text < 2 || stop[-1] != ':' || !g_ascii_isalpha(*text))) {
        return FALSE;
    }
    line->event = text;
    line->event_length = (gsize)(stop - text) - (stop[-1] == ':' ? 1 : 0);
    line->body = stop;
    return TRUE;
}

/* "kmem:kfree", which no other tool prints, and before it at most a name: the thread may be
 * missing, but not what the brackets of a CPU hold. */
static gboolean may_lack_thread(const char *text, const char *stop,
                                const struct trace_kernel_line *line)
{
    stop = trace_blanks_back(text, stop);
    return TRACE_BEGINS(line->event, line->event + line->event_length, "kmem:") &&
           (stop == text || stop[-1] != ']');
}

/* The first place that has a thread before it; else the first that can do without. */
static gboolean parse_header(const char *text, const char *end, struct trace_kernel_line *line)
{
    struct trace_kernel_line without = {0};
    const char *colon = text;
    while ((colon = memchr(colon, ':', (gsize)(end - colon))) != NULL) {
        const char *stop = trace_kernel_time_back(text, colon, &line->time_ns);
        if (stop != NULL && event_behind(colon, end, line)) {
            stop = trace_kernel_cpu_back(text, stop, &line->cpu);
            if (thread_back(text, stop, &line->thread)) {
                return TRUE;
            }
            if (without.event == NULL && may_lack_thread(text, stop, line)) {
                without = *line;
                without.thread = 0;
            }
        }
        colon++;
    }
    *line = without;
    return line->event != NULL;
}

static gboolean import_perf_script(struct trace_import *import, GError **error)
{
    return trace_kernel_import(import, parse_header, error);
}

static gboolean probe_perf_script(const char *bytes, gsize length)
{
    struct trace_kernel_line line;
    return trace_kernel_probe(bytes, length, parse_header, &line);
}

const struct trace_format trace_format_perf_script = {
    .name = "perf script",
    .kernel = TRUE,
    .probe = probe_perf_script,
    .import = import_perf_script,
};
