/* SPDX-License-Identifier: Apache-2.0 */
/* The loops that write to no more than the first byte of what they get; see works.h. */
#ifndef BENCH_WORKLOADS_TOUCHED_H
#define BENCH_WORKLOADS_TOUCHED_H

#include "objects.h"
#include "pages.h"
#include "threads.h"

#define BENCH_WORKS_TOUCHED                                                                        \
    [BENCH_PAIR] = {NULL, run_pair, NULL}, [BENCH_BATCH] = {NULL, run_batch, NULL},                \
    [BENCH_CHURN] = {fill, run_churn, empty}, [BENCH_LARSON] = {fill, run_larson, empty},          \
    [BENCH_PRODUCE] = {NULL, run_produce, NULL}, [BENCH_HAND_OVER] = {NULL, run_hand_over, NULL},  \
    BENCH_WORKS_OF_PAGES

#endif
