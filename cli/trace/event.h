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

/* The numbers stand in files: they never change, new ones come behind. */
enum trace_kind {
    TRACE_ALLOC = 0,         /* an object: kmalloc, kmem_cache_alloc, malloc ... */
    TRACE_CALLOC = 1,        /* the same, zeroed; size is the product */
    TRACE_ALIGNED_ALLOC = 2, /* the same, with an alignment of its own */
    TRACE_REALLOC = 3,       /* an object changes its size and keeps its slot */
    TRACE_FREE = 4,          /* an object goes */
    TRACE_PAGE_ALLOC = 5,    /* a block of 2^order pages */
    TRACE_PAGE_FREE = 6,     /* a block of pages goes */
    TRACE_THREAD_START = 7,  /* first event of a thread; this and all that follow have no slot */
    TRACE_THREAD_END = 8,
    TRACE_CPU_START = 9, /* a CPU comes online */
    TRACE_CPU_END = 10,
    TRACE_MARKER = 11, /* a place in the trace that has a name, in site */
    TRACE_LOST = 12,   /* the recorder lost size events of this thread or CPU up to here */
    /*
     * In records only: a realloc has begun and its object, at address, is in no other hands until
     * the TRACE_REALLOC of the same thread that ends it, whose address is where the object is then.
     */
    TRACE_REALLOC_BEGIN = 13
};
#define TRACE_KINDS 14u

enum trace_flag {
    /* a free that the trace does not show: its address was handed out again */
    TRACE_IMPLICIT = 1u << 0,
    /* the recorded call got nothing: no slot; a TRACE_REALLOC's object stays as it was */
    TRACE_FAILED = 1u << 1,
    /* a block of pages that held slab objects, which have events of their own */
    TRACE_SLAB_PAGES = 1u << 2,
    /* never in files: an object older than the trace begins, before event 1; its number is 0 */
    TRACE_PRELUDE = 1u << 7
};

/* No machine gives more at once; sums of sizes cannot overflow. */
#define TRACE_SIZE_MAX ((uint64_t)1 << 48)

#define TRACE_NO_SLOT UINT32_MAX
#define TRACE_NO_NAME 0u /* index 0 of the name table is the empty name */
#define TRACE_NO_NODE UINT16_MAX
#define TRACE_NO_MIGRATETYPE UINT8_MAX

struct trace_event {
    uint64_t number;     /* 1, 2, ... within this stream */
    uint64_t line;       /* line number in a text, 0 where there is none */
    uint64_t time_ns;    /* since the first event */
    uint64_t size;       /* bytes asked for; for pages, bytes of the block; frees: of what goes */
    uint64_t given;      /* bytes that the recorded allocator gave, 0 = unknown */
    uint64_t align;      /* bytes, 0 = the allocator's natural one */
    uint64_t address;    /* as recorded, 0 = unknown; page blocks: the page frame number */
    uint32_t slot;       /* identity, see above */
    uint32_t cpu;        /* recorded CPU */
    uint32_t thread;     /* recorded thread id */
    uint32_t cache;      /* kernel cache, index into the names; TRACE_NO_NAME = none */
    uint32_t site;       /* call site, index into the names; TRACE_NO_NAME = unknown */
    uint32_t gfp;        /* kernel's allocation flags as text, index into the names */
    uint16_t node;       /* NUMA node, TRACE_NO_NODE = unknown */
    uint8_t kind;        /* enum trace_kind */
    uint8_t flags;       /* enum trace_flag */
    uint8_t order;       /* page blocks */
    uint8_t migratetype; /* page blocks, TRACE_NO_MIGRATETYPE = unknown */
    uint16_t unused;     /* 0, in place of padding: events can be compared as bytes */
};

static inline int trace_kind_is_page(unsigned kind)
{
    return kind == TRACE_PAGE_ALLOC || kind == TRACE_PAGE_FREE;
}

/* Takes a slot, unless it failed. */
static inline int trace_kind_is_alloc(unsigned kind)
{
    return kind <= TRACE_ALIGNED_ALLOC || kind == TRACE_PAGE_ALLOC;
}

static inline int trace_kind_is_free(unsigned kind)
{
    return kind == TRACE_FREE || kind == TRACE_PAGE_FREE;
}

/* Concerns an object or block at all. */
static inline int trace_kind_has_slot(unsigned kind)
{
    return kind <= TRACE_PAGE_FREE;
}

#endif
