/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of struct trace_hygiene with their names: for reports, JSON, metadata, --strict. */
#ifndef BSA_CLI_TRACE_HYGIENE_H
#define BSA_CLI_TRACE_HYGIENE_H

#include <glib.h>

#include "reader.h"

struct trace_hygiene_field {
    const char *key;  /* in JSON, and in metadata behind "hygiene." */
    const char *text; /* for people */
    gsize offset;     /* of the count in struct trace_hygiene */
    gboolean odd;     /* not 0: the trace is not all that happened; --strict refuses it */
};

extern const struct trace_hygiene_field trace_hygiene_fields[];
extern const guint trace_hygiene_field_count;

guint64 trace_hygiene_get(const struct trace_hygiene *hygiene,
                          const struct trace_hygiene_field *field);
void trace_hygiene_set(struct trace_hygiene *hygiene, const struct trace_hygiene_field *field,
                       guint64 value);

/* A line for each count that is not 0, and for each that is better 0. */
void trace_hygiene_text(const struct trace_hygiene *hygiene, GString *out);

/* FALSE and an error that lists them: counts that are better 0 are not. name is the trace's. */
gboolean trace_hygiene_clean(const struct trace_hygiene *hygiene, const char *name, GError **error);

#endif
