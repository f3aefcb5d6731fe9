/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came out of one CPU's ring buffer, page by page, until the recording has ended: in memory as
 * long as there is enough of it, then in a temporary file. Memory comes in huge pages where the
 * system has them, as what is taken here is recorded like everything else.
 */
#ifndef BSA_CLI_RECORD_KERNEL_PAGES_H
#define BSA_CLI_RECORD_KERNEL_PAGES_H

#include <glib.h>

typedef struct kernel_pages kernel_pages;

/* page_bytes: a power of two; memory: bytes that may be held in memory. */
kernel_pages *kernel_pages_new(gsize page_bytes, gsize memory);

/* Where the next page goes; it counts when kernel_pages_keep is called. NULL and error: no room. */
void *kernel_pages_room(kernel_pages *pages, GError **error);
void kernel_pages_keep(kernel_pages *pages);

/* Reads them again, once: 1, 0 at the end, -1 and error. The page is valid until the next call. */
int kernel_pages_next(kernel_pages *pages, void **page, GError **error);
void kernel_pages_free(kernel_pages *pages);

#endif
