/* SPDX-License-Identifier: Apache-2.0 */
/* From what a recorder wrote in a hurry to a trace file that is small, complete and has an index.
 */
#ifndef BSA_CLI_RECORD_PACK_H
#define BSA_CLI_RECORD_PACK_H

#include <glib.h>

#include "../trace/meta.h"
#include "environment.h"

struct record_counts {
    guint64 events;
    guint64 threads;
    guint64 lost;  /* events that the recorder could not record */
    guint64 bytes; /* of the file */
    enum record_end end;
};

typedef struct record_packer record_packer;

/*
 * Of a file whose process may go on writing. What is packed is there when the packer has finished;
 * until then the raw file is all there is. counting: nothing is packed at all. NULL and error on
 * failure.
 */
record_packer *record_packer_new(const char *raw, gboolean counting, GError **error);

/* Packs the next chunk: 1, 0 when there is none yet, -1 and error. */
int record_packer_step(record_packer *packer, GError **error);

/*
 * Packs what is left, puts the file to target, which may be the raw one and is in its folder, and
 * removes the raw one. about: what else the metadata shall say. The packer is gone in either case.
 */
gboolean record_packer_finish(record_packer *packer, const char *target, const trace_meta *about,
                              struct record_counts *counts, GError **error);
void record_packer_free(record_packer *packer); /* gives up */

gboolean record_rename(const char *from, const char *to, GError **error);

#endif
