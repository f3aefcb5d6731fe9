/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's kmem trace events as text: which of them allocate and free, and
 * their fields. The same for every tool that prints them.
 */
#ifndef BSA_CLI_TRACE_KMEM_H
#define BSA_CLI_TRACE_KMEM_H

#include <glib.h>

#include "names.h"
#include "spool.h"

enum trace_kmem_event {
    TRACE_KMEM_OTHER, /* neither allocates nor frees */
    TRACE_KMEM_ALLOC, /* kmalloc, kmem_cache_alloc and their _node forms */
    TRACE_KMEM_FREE,  /* kfree, kmem_cache_free */
    TRACE_KMEM_PAGE_ALLOC,
    TRACE_KMEM_PAGE_FREE,
    TRACE_KMEM_PAGE_REPEAT /* mm_page_free_batched: tells an mm_page_free once more */
};

enum trace_kmem_result {
    TRACE_KMEM_RECORD,
    TRACE_KMEM_NULL,   /* a free of no object */
    TRACE_KMEM_FAILED, /* an allocation that got nothing */
    TRACE_KMEM_BAD     /* a field is missing or makes no sense */
};

/* name with or without "kmem:" before it. */
enum trace_kmem_event trace_kmem_event(const char *name, gsize length);

/* Fills all of the record but time, line, thread and CPU. */
enum trace_kmem_result trace_kmem_fields(enum trace_kmem_event event, const char *text,
                                         const char *end, trace_names *names,
                                         struct trace_record *record);

/* What a record of such an event is, by its kind, address, size and order. */
enum trace_kmem_result trace_kmem_check(const struct trace_record *record);

#endif
