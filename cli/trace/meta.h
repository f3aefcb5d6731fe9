/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace says of itself: command line, machine, clock, tool, counts, and for kernel captures
 * whole files of /proc. Keys are short words with dots; values are bytes, mostly text. bsa-trace(5)
 * lists the keys that have a meaning.
 */
#ifndef BSA_CLI_TRACE_META_H
#define BSA_CLI_TRACE_META_H

#include <glib.h>

/* Address of page frame 0 in the direct map of a kernel whose trace keeps addresses. */
#define TRACE_META_DIRECT_MAP "kernel.direct-map"

/* "clock" where the recording told no times: they are numbers of records. */
#define TRACE_CLOCK_RECORDS "records"

struct trace_meta_entry {
    char *key;
    GBytes *value;
};

typedef struct trace_meta trace_meta;

trace_meta *trace_meta_new(void);
/* A key that is there already gets the new value in its old place. */
void trace_meta_set(trace_meta *meta, const char *key, gconstpointer value, gsize bytes);
void trace_meta_set_text(trace_meta *meta, const char *key, const char *text);
void trace_meta_set_number(trace_meta *meta, const char *key, guint64 number); /* in decimal */
GBytes *trace_meta_get(const trace_meta *meta,
                       const char *key); /* NULL: not there; not a new reference */
char *trace_meta_text(const trace_meta *meta,
                      const char *key); /* NULL or a copy that is g_free'd */
guint trace_meta_count(const trace_meta *meta);
const struct trace_meta_entry *trace_meta_nth(const trace_meta *meta, guint index);
void trace_meta_free(trace_meta *meta);

#endif
