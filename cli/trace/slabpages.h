/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which page blocks of a kernel trace held slab objects at any time of their
 * life: a trace shows the pages of the kernel's own slabs as well, and both
 * layers together would count them twice.
 */
#ifndef BSA_CLI_TRACE_SLABPAGES_H
#define BSA_CLI_TRACE_SLABPAGES_H

#include <glib.h>

#include "spool.h"

/* One bit per page allocation, in the order of the trace; and one for each free of a block that the
 * trace did not see allocated. */
typedef struct trace_page_marks trace_page_marks;

/*
 * Goes over the records twice. Where the kernel's direct map begins is found from them; NULL and
 * error when it cannot be. name is the trace's, for messages.
 */
trace_page_marks *trace_page_marks_new(trace_spool *spool, guint64 page_size, const char *name,
                                       GError **error);
gboolean trace_page_marks_test(const trace_page_marks *marks, guint64 block);
guint64
trace_page_marks_base(const trace_page_marks *marks); /* as trace_find_direct_map tells it */
gboolean trace_page_marks_test_orphan(const trace_page_marks *marks, guint64 orphan);
void trace_page_marks_free(trace_page_marks *marks);

#endif
