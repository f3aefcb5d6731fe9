/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

#include <stddef.h>

static const char *const kinds[] = {
    [TRACE_ALLOC] = "alloc",
    [TRACE_CALLOC] = "calloc",
    [TRACE_ALIGNED_ALLOC] = "aligned_alloc",
    [TRACE_REALLOC] = "realloc",
    [TRACE_FREE] = "free",
    [TRACE_PAGE_ALLOC] = "page_alloc",
    [TRACE_PAGE_FREE] = "page_free",
    [TRACE_THREAD_START] = "thread_start",
    [TRACE_THREAD_END] = "thread_end",
    [TRACE_CPU_START] = "cpu_start",
    [TRACE_CPU_END] = "cpu_end",
    [TRACE_MARKER] = "marker",
    [TRACE_LOST] = "lost",
    [TRACE_REALLOC_BEGIN] = "realloc_begin",
};

_Static_assert(sizeof kinds / sizeof kinds[0] == TRACE_KINDS, "each kind has a word");

const char *trace_kind_name(unsigned kind)
{
    return kind < TRACE_KINDS ? kinds[kind] : "unknown";
}

const char *trace_flag_name(unsigned flag)
{
    switch (flag) {
    case TRACE_IMPLICIT:
        return "implicit";
    case TRACE_FAILED:
        return "failed";
    case TRACE_SLAB_PAGES:
        return "slab_pages";
    default:
        return NULL;
    }
}
