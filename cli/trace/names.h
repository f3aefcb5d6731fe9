/* SPDX-License-Identifier: Apache-2.0 */
/* Names of caches and call sites, each stored once; finding a known one allocates nothing. */
#ifndef BSA_CLI_TRACE_NAMES_H
#define BSA_CLI_TRACE_NAMES_H

#include <glib.h>

/* More distinct names than any kernel has call sites; further ones become the empty name. */
#define TRACE_NAMES_MAX ((guint32)1 << 20)
/* And so are those beyond so many bytes in all: a small compressed file may hold any number. */
#define TRACE_NAMES_BYTES_MAX ((gsize)64 << 20)

typedef struct trace_names trace_names;

trace_names *trace_names_new(void);
guint32 trace_names_intern(trace_names *names, const char *text, gsize length);
const char *trace_names_get(const trace_names *names, guint32 index); /* "" where there is none */
guint32 trace_names_count(const trace_names *names);                  /* the empty one included */
void trace_names_free(trace_names *names);

#endif
