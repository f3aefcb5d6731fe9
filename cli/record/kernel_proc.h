/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of the kernel and of the machine's memory. */
#ifndef BSA_CLI_RECORD_KERNEL_PROC_H
#define BSA_CLI_RECORD_KERNEL_PROC_H

#include <glib.h>

#include "../trace/meta.h"

/* Bytes that programs can still have without swapping. */
guint64 kernel_memory_available(void);

/* The text of /proc/kallsyms, or NULL where the kernel keeps its addresses to itself. */
char *kernel_functions(void);

/*
 * Takes slabinfo, buddyinfo and pagetypeinfo as they are now, as slabinfo.MOMENT and so on.
 * What cannot be read is added to missing, with the reason.
 */
void kernel_take_proc(trace_meta *meta, const char *moment, GString *missing);

#endif
