/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel's own count of its free blocks, /proc/buddyinfo before and after a recording, beside
 * what the events in between add up to.
 */
#ifndef BSA_CLI_REPORT_BUDDYINFO_H
#define BSA_CLI_REPORT_BUDDYINFO_H

#include <glib.h>

#include "../trace/meta.h"

/* More than any kernel has; the last that it has is the largest block that it keeps. */
#define BUDDYINFO_ORDERS 16u

struct buddyinfo_count {
    gboolean there;
    guint orders;
    guint64 blocks[BUDDYINFO_ORDERS]; /* of all nodes and zones */
    guint64 pages;
};

struct buddyinfo {
    gboolean compared; /* both counts are there, and the trace has page blocks */
    struct buddyinfo_count start, end;
    guint64 allocated, freed; /* pages, by the events */
};

/* What the metadata has of it. */
void buddyinfo_read(struct buddyinfo *info, const trace_meta *meta);

/* The text of the file; FALSE where it is none. */
gboolean buddyinfo_parse(struct buddyinfo_count *count, const char *text);

#endif
