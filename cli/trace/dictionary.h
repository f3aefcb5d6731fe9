/* SPDX-License-Identifier: Apache-2.0 */
/* What chunks of a trace file refer to: names by their number in the file; and the metadata. */
#ifndef BSA_CLI_TRACE_DICTIONARY_H
#define BSA_CLI_TRACE_DICTIONARY_H

#include <glib.h>

#include "file.h"
#include "meta.h"
#include "names.h"

struct trace_dictionary {
    trace_names *names; /* ours; both are the caller's */
    trace_meta *meta;
    GArray *numbers; /* guint32: by a name's number in the file, ours */
    gsize bytes;     /* of metadata that was taken in */
};

void trace_dictionary_init(struct trace_dictionary *dictionary, trace_names *names,
                           trace_meta *meta);
void trace_dictionary_destroy(struct trace_dictionary *dictionary);

/* Takes in a TRACE_CHUNK_META or TRACE_CHUNK_NAMES; others are nothing to it. */
gboolean trace_dictionary_take(struct trace_dictionary *dictionary, trace_file *file,
                               const struct trace_chunk *chunk, struct trace_content *content,
                               GError **error);

const guint32 *trace_dictionary_names(const struct trace_dictionary *dictionary, guint32 *count);

#endif
