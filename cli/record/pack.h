/* SPDX-License-Identifier: Apache-2.0 */
/* From what a recorder wrote in a hurry to a trace file that is small, complete and has an index.
 */
#ifndef BSA_CLI_RECORD_PACK_H
#define BSA_CLI_RECORD_PACK_H

#include <glib.h>

#include "../trace/meta.h"

struct record_counts {
    guint64 events;
    guint64 threads;
    guint64 lost;   /* events that the recorder could not record */
    guint64 bytes;  /* of the file */
    gboolean whole; /* the process came to save its last events */
};

/* Writes the records of the file raw to the file target, which may be the same, and removes raw.
 * about: what else the metadata shall say. */
gboolean record_pack(const char *raw, const char *target, const trace_meta *about,
                     struct record_counts *counts, GError **error);

gboolean record_rename(const char *from, const char *to, GError **error);

/* The same figures of a file that stays as it is. */
gboolean record_count(const char *raw, struct record_counts *counts, GError **error);

#endif
