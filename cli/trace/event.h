/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event model: what every trace format is turned into.
 *
 * A reader hands out events one at a time. Object identity is a slot: a small
 * dense number that is unique among the objects alive at that moment and is
 * used again after the object's free, so that a replay keeps its objects in a
 * plain array and needs memory for the peak of live objects only.
 */
#ifndef BSA_CLI_TRACE_EVENT_H
#define BSA_CLI_TRACE_EVENT_H

#include <stdint.h>

enum trace_kind {
    TRACE_ALLOC,      /* an object: kmalloc, kmem_cache_alloc, malloc ... */
    TRACE_FREE,       /* an object goes */
    TRACE_PAGE_ALLOC, /* a block of 2^order pages */
    TRACE_PAGE_FREE,  /* a block of pages goes */
    TRACE_CPU_START,  /* first event of a CPU; no slot */
    TRACE_CPU_END,
    TRACE_MARKER /* no slot; a place in the trace that has a name */
};

enum trace_flag {
    /* a free that the trace does not show: its address was handed out again */
    TRACE_IMPLICIT = 1u << 0
};

#define TRACE_NO_SLOT UINT32_MAX
#define TRACE_NO_NAME 0u /* index 0 of the name table is the empty name */

struct trace_event {
    uint64_t number;     /* 1, 2, ... within this stream */
    uint64_t line;       /* line number in a text, 0 where there is none */
    uint64_t time_ns;    /* since the first event */
    uint64_t size;       /* bytes asked for; for pages, bytes of the block */
    uint64_t given;      /* bytes that the recorded allocator gave, 0 = unknown */
    uint64_t align;      /* bytes, 0 = the allocator's natural one */
    uint64_t address;    /* as recorded; page blocks: the page frame number */
    uint32_t slot;       /* identity, see above */
    uint32_t cpu;        /* recorded CPU */
    uint32_t thread;     /* recorded thread id */
    uint32_t cache;      /* kernel cache, index into the reader's names; TRACE_NO_NAME = none */
    uint32_t site;       /* call site, index into the names; TRACE_NO_NAME = unknown */
    uint8_t kind;        /* enum trace_kind */
    uint8_t flags;       /* enum trace_flag */
    uint8_t order;       /* page blocks */
    uint8_t migratetype; /* page blocks, 255 = unknown */
};

#endif
