/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words behind the numbers in the kernel's events: function names of call sites, allocation
 * flags. Each number is looked up once.
 */
#ifndef BSA_CLI_RECORD_KERNEL_SYMBOLS_H
#define BSA_CLI_RECORD_KERNEL_SYMBOLS_H

#include <glib.h>

#include "../trace/names.h"

struct tep_handle;
struct tep_event;
struct tep_record;

typedef struct kernel_symbols kernel_symbols;

/*
 * functions: as /proc/kallsyms has them, for formats to keep; NULL: the kernel does not tell them.
 * Words go to names.
 */
kernel_symbols *kernel_symbols_new(struct tep_handle *formats, const char *functions,
                                   trace_names *names);

/* "function+0x1c", or the address where no function is known. */
guint32 kernel_symbols_site(kernel_symbols *symbols, guint64 address);

/* The flags of this event, as its format prints them. */
guint32 kernel_symbols_gfp(kernel_symbols *symbols, guint64 flags, struct tep_event *event,
                           struct tep_record *record);

/* A cache's name, of at most so many bytes. */
guint32 kernel_symbols_cache(kernel_symbols *symbols, const char *name, gsize bytes);

/* FALSE: all call sites are addresses. */
gboolean kernel_symbols_known(const kernel_symbols *symbols);
void kernel_symbols_free(kernel_symbols *symbols);

#endif
