/* SPDX-License-Identifier: Apache-2.0 */
/* From the pages of all CPUs to one trace file, in order of time. */
#ifndef BSA_CLI_RECORD_KERNEL_WRITE_H
#define BSA_CLI_RECORD_KERNEL_WRITE_H

#include <glib.h>

#include "kernel_instance.h"
#include "kernel_readers.h"
#include "record.h"
#include "../trace/meta.h"
#include "../trace/names.h"
#include "../trace/writer.h"

/* What was written, and what was not. */
struct kernel_written {
    guint64 slab, page;     /* events */
    guint64 lost;           /* on all CPUs */
    guint64 null_frees;     /* kfree(NULL): no events */
    guint64 not_understood; /* events whose bytes, or whose fields, make no sense */
    guint64 small;          /* left out by --min-size, with their frees */
};

struct kernel_recording {
    const struct record_options *options;
    const kernel_readers *readers; /* finished */
    guint cpus;
    struct kernel_counts *counts; /* of each CPU, when its last page had been read */
    struct tep_handle *formats;
    trace_names *names;
    trace_writer *writer;
    trace_meta *meta; /* gets what was lost and left out */
    struct kernel_written written;
};

/* What the pages do not tell to be lost and the counts do is lost at the end. */
gboolean kernel_write(struct kernel_recording *recording, GError **error);

#endif
