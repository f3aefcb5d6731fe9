/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the texts of kernel events have in common, whatever tool printed them: one event a line, a
 * header with time, CPU and thread, then the event's name and fields; between them lines of lost
 * events, comments and call chains.
 */
#ifndef BSA_CLI_TRACE_KERNELTEXT_H
#define BSA_CLI_TRACE_KERNELTEXT_H

#include <glib.h>

#include "import.h"

struct trace_kernel_line {
    guint64 time_ns;
    guint32 thread;
    guint32 cpu;
    const char *event; /* its name, without the last ':'; or a PERF_RECORD_ */
    gsize event_length;
    const char *body; /* behind the name */
    gboolean record;  /* PERF_RECORD_..., not a tracepoint */
};

/* Whether the line has the tool's header; only then is what it fills of value. */
typedef gboolean (*trace_kernel_header)(const char *text, const char *end,
                                        struct trace_kernel_line *line);

/* "seconds.fraction" that ends at colon, as nanoseconds. Where it begins; NULL: no time. */
const char *trace_kernel_time_back(const char *start, const char *colon, guint64 *time_ns);

/* "[cpu]" that ends at stop, blanks behind it allowed; stop itself where there is none. */
const char *trace_kernel_cpu_back(const char *start, const char *stop, guint32 *cpu);

/* One line of the first that has the header suffices: warnings and comments may stand before. */
gboolean trace_kernel_probe(const char *bytes, gsize length, trace_kernel_header header,
                            struct trace_kernel_line *line);
gboolean trace_kernel_import(struct trace_import *import, trace_kernel_header header,
                             GError **error);

#endif
