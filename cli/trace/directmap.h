/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the kernel's direct map of memory begins: a slab object at address a
 * lies on the page frame (a - base) / page size.
 */
#ifndef BSA_CLI_TRACE_DIRECTMAP_H
#define BSA_CLI_TRACE_DIRECTMAP_H

#include <glib.h>

#include "spool.h"

/*
 * Finds the base from the records. 0: no object can lie on a page block of this trace, whatever
 * the base is. FALSE and error when it cannot be told; name is the trace's, for the message.
 */
gboolean trace_find_direct_map(trace_spool *spool, guint64 page_size, const char *name,
                               guint64 *base, GError **error);

#endif
