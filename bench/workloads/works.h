/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops. Each allocator's file defines the functions below and includes this, so that the
 * compiler sees them whole: nothing but the allocator's own call is added to a step.
 *
 *   static inline void *get(struct bench_thread *, size_t size);
 *   static inline void put(struct bench_thread *, void *p);
 *   static inline void *get_pages(struct bench_thread *, size_t order);
 *   static inline void put_pages(struct bench_thread *, void *p, size_t order);
 *   static inline void *resize(struct bench_thread *, void *p, size_t size);
 *
 * They end the process on failure. The first byte of all that is allocated is written. An allocator
 * of pages alone defines only those for pages and includes pages.h; one that gives no memory leaves
 * out resize and includes touched.h.
 */
#ifndef BENCH_WORKLOADS_WORKS_H
#define BENCH_WORKLOADS_WORKS_H

#include "touched.h"
#include "written.h"

#define BENCH_WORKS                                                                                \
    BENCH_WORKS_TOUCHED, [BENCH_REALLOC] = {prepare_realloc, run_realloc, empty},                  \
                         [BENCH_OCCUPANCY] = {NULL, run_occupancy, empty}

#endif
