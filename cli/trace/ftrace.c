/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of the kernel's own tracer, from tracefs (trace, trace_pipe) and from trace-cmd report:
 *
 *      comm-pid  (tgid) [cpu] flags  seconds.fraction: kmalloc: call_site=... ptr=...
 *
 * The process and the flags may be missing, trace-cmd puts a buffer's name and ':' in front, and
 * a command's name may hold anything: what stands before the time is read backwards. tracefs hashes
 * pointers unless told otherwise: identities within the file still hold.
 */
#include "kerneltext.h"
#include "scan.h"

#define FLAGS_MAX 10 /* irqs-off, need-resched, hardirq, preempt-depth, migrate-disable ... */

/* "d..2." before stop; stop itself where there is none. */
static const char *flags_back(const char *start, const char *stop)
{
    const char *end = trace_blanks_back(start, stop);
    const char *flags = end;
    while (flags > start && end - flags <= FLAGS_MAX && !trace_is_blank(flags[-1])) {
        if (flags[-1] == ']') {
            return stop;
        }
        flags--;
    }
    return flags;
}

/* "(1234)" or "(-----)", the process of a thread, before stop. */
static const char *process_back(const char *start, const char *stop)
{
    const char *end = trace_blanks_back(start, stop);
    if (end == start || end[-1] != ')') {
        return stop;
    }
    const char *p = end - 1;
    while (p > start && (trace_is_digit(p[-1]) || trace_is_blank(p[-1]) || p[-1] == '-')) {
        p--;
    }
    return p > start && p[-1] == '(' ? p - 1 : stop;
}

/* "comm-pid" that ends at stop. */
static gboolean thread_back(const char *start, const char *stop, guint32 *thread)
{
    stop = trace_blanks_back(start, stop);
    const char *number = trace_digits_back(start, stop);
    guint64 value;
    if (number == start || number[-1] != '-' ||
        !trace_scan_digits(number, stop, 10, G_MAXUINT32, &value)) {
        return FALSE;
    }
    *thread = (guint32)value;
    return TRUE;
}

/* What is no tracepoint, a function for example, has no ':' behind its name. */
static gboolean event_behind(const char *colon, const char *end, struct trace_kernel_line *line)
{
    const char *text = trace_skip_blanks(colon + 1, end);
    const char *stop = trace_word_end(text, end);
    if (text == colon + 1 || text == end) {
        return FALSE;
    }
    line->event = text;
    line->event_length = stop[-1] == ':' ? (gsize)(stop - 1 - text) : 0;
    line->body = stop;
    return TRUE;
}

static gboolean parse_header(const char *text, const char *end, struct trace_kernel_line *line)
{
    const char *colon = text;
    while ((colon = memchr(colon, ':', (gsize)(end - colon))) != NULL) {
        const char *stamp = trace_kernel_time_back(text, colon, &line->time_ns);
        if (stamp != NULL && event_behind(colon, end, line)) {
            const char *flags = flags_back(text, stamp);
            const char *cpu = trace_kernel_cpu_back(text, flags, &line->cpu);
            if (cpu != flags && thread_back(text, process_back(text, cpu), &line->thread)) {
                return TRUE;
            }
        }
        colon++;
    }
    return FALSE;
}

static gboolean import_ftrace(struct trace_import *import, GError **error)
{
    return trace_kernel_import(import, parse_header, error);
}

static gboolean probe_tracefs(const char *bytes, gsize length)
{
    struct trace_kernel_line line;
    return trace_kernel_probe(bytes, length, parse_header, &line);
}

/* trace-cmd says how many CPUs there are, and aligns what stands behind the events' names. */
static gboolean probe_trace_cmd(const char *bytes, gsize length)
{
    const char *end = bytes + length;
    struct trace_kernel_line line;
    if (!trace_kernel_probe(bytes, length, parse_header, &line)) {
        return FALSE;
    }
    return TRACE_BEGINS(bytes, end, "cpus=") || TRACE_BEGINS(bytes, end, "version = ") ||
           trace_skip_blanks(line.body, end) - line.body > 1;
}

const struct trace_format trace_format_trace_cmd = {
    .name = "trace-cmd report",
    .kernel = TRUE,
    .probe = probe_trace_cmd,
    .import = import_ftrace,
};

const struct trace_format trace_format_tracefs = {
    .name = "tracefs text",
    .kernel = TRUE,
    .probe = probe_tracefs,
    .import = import_ftrace,
};
