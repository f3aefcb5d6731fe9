/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of slab records of one size.
 *
 * Records are carved from chunks of one page, aligned to a page, that the layer above brings and
 * gets back when no record of them is in use. Within a pool they are type-stable: a record's memory
 * is a record's until its chunk leaves.
 *
 * The CPU whose record is a chunk's first takes from one end of it, all others from the other end.
 * A CPU reads and writes its slabs' records all the time, and processors fetch the lines around
 * those that they miss: where records of two CPUs lay in turns, each took away what the other would
 * write next, although no line was in use by both.
 */
#ifndef BSAI_RECORDS_H
#define BSAI_RECORDS_H

#include "../base/lock.h"
#include "object.h"

struct bsai_chunk {
    struct bsai_chunk *next, *prev; /* chunks of the pool that have a free record */
    struct bsai_slab *end[2];       /* of the list of free records: the first, the last */
    size_t used;                    /* records */
    unsigned home;                  /* CPU that the first end is for */
};

struct bsai_records {
    struct bsai_lock lock; /* guards everything here, and the chunks' headers */
    uint32_t record_bytes; /* constant, as the next, while a cache has it; 0: no cache has it */
    uint32_t chunk_bytes;
    struct bsai_chunk *chunks; /* those with a free record, in no order; read anywhere */
    size_t idle;               /* chunks without a record in use */
    size_t chunk_count;
};

/* The pool for records of some size; where there is none yet, one that no cache has becomes it, or
 * pools[*count]. There are never more than caches at a time. */
struct bsai_records *bsai_records_of(struct bsai_records *pools, unsigned *count,
                                     size_t record_bytes, size_t chunk_bytes);

/* A record for a slab of the CPU, its contents undefined, or NULL: add a chunk and ask again. */
struct bsai_slab *bsai_records_get(struct bsai_records *pool, struct bsai_call *call, unsigned cpu);
void bsai_records_add(struct bsai_records *pool, struct bsai_call *call, void *memory);

/* Takes the record of a slab back. Returns a chunk that is no longer needed and is the caller's
 * again, or NULL: one idle chunk is kept, so that a slab coming and going does not cost a page each
 * time. */
void *bsai_records_put(struct bsai_records *pool, struct bsai_call *call, struct bsai_slab *record);

/* An idle chunk, kept or not, that is the caller's again; NULL when there is none. */
void *bsai_records_reclaim(struct bsai_records *pool, struct bsai_call *call);

#endif
