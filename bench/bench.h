/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of bsa-bench share.
 *
 *   row        a workload with its parameters, and how many times the reference's time it may take
 *   subject    an allocator as it is measured: the code that calls it, and what is preloaded
 *   cell       one row with one subject, measured by a process of its own
 *   pass       a few milliseconds of a workload; a cell is the median of its passes
 *   round      every cell once, those of a row one after the other
 *
 * rows.c and subjects.c are the tables, workloads.h the loops, cell.c measures one cell, runner.c
 * starts the processes, report.c prints. Sizes, slots and orders of free are drawn before the clock
 * starts.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <buddyslab.h>

enum {
    BENCH_THREADS_MAX = 2,
    BENCH_CACHE_LINE = 64,
    BENCH_PAGE = 4096,
    BENCH_ROWS_MAX = 64,
    BENCH_SUBJECTS_MAX = 16
};

/* Workloads ---------------------------------------------------------------------------------- */

enum bench_workload {
    BENCH_PAIR,      /* allocate, free */
    BENCH_BATCH,     /* allocate live objects, free them in random order */
    BENCH_CHURN,     /* free a random one of the live objects, allocate another in its place */
    BENCH_PAGE_PAIR, /* the same with 2^order pages */
    BENCH_PAGE_CHURN,
    BENCH_FILL, /* makes the live objects of a churn; not measured */
    BENCH_PAGE_FILL,
    BENCH_EMPTY, /* frees them, when all is done */
    BENCH_PAGE_EMPTY,
    BENCH_WORKLOADS
};

struct bench_row {
    const char *name;
    const char *group; /* rows whose geometric mean is a row of the table; NULL: none */
    enum bench_workload workload;
    size_t low, high; /* bytes, or orders of page rows; one value, or drawn between the two */
    size_t live;      /* objects or blocks that are live at a time */
    unsigned threads;
    double limit; /* most times the reference's time */
};

extern const struct bench_row bench_rows[];
extern const unsigned bench_row_count;
const struct bench_row *bench_find_row(const char *name);
/* Whether the row is meant by the name: its own, or its group's. */
bool bench_row_matches(const struct bench_row *row, const char *name);

struct bench_step {
    uint32_t slot;
    uint32_t size; /* bytes, or the order */
};

struct bench_live {
    void *p;
    size_t order;
};

/* What a thread does in a pass: steps says where it begins in the plan. */
struct bench_plan {
    const struct bench_row *row;
    struct bench_step *steps;
    size_t step_count;     /* in all */
    size_t steps_per_pass; /* a divisor of it */
};

/* Makes the plan of a row: the same one each time. */
void bench_plan_make(struct bench_plan *plan, const struct bench_row *row);

/* Subjects ----------------------------------------------------------------------------------- */

/* On cache lines of its own: threads may not share one. */
struct bench_thread {
    _Alignas(2 * BENCH_CACHE_LINE) unsigned index;
    bsa_heap *heap;
    bsa_cpu *cpu;
    struct bench_live *live;
};

/* Runs count steps of a workload. */
typedef void bench_loop(struct bench_thread *thread, const struct bench_row *row,
                        const struct bench_step *steps, size_t count);

struct bench_subject {
    const char *name;
    const char *what;
    bench_loop *const *loops; /* one for each workload */
    void (*attach)(struct bench_thread *thread);
    bool ours;
    unsigned cpus; /* of the heap; fewer than a row's threads: no such cell */
    unsigned flags;
    const char *preload; /* shared library that brings malloc; NULL: none */
    const char *mark;    /*   a symbol by which it is known to be there */
};

extern const struct bench_subject bench_subjects[];
extern const unsigned bench_subject_count;
/* The one that others are compared with, by its number in the table. */
extern const unsigned bench_reference;
const struct bench_subject *bench_find_subject(const char *name);

extern bench_loop *const bench_loops_malloc[], *const bench_loops_null[];
extern bench_loop *const bench_loops_handle[], *const bench_loops_hook[];
void bench_attach_handle(struct bench_thread *thread);
void bench_attach_hook(struct bench_thread *thread);

/* A heap in memory of its own. */
bsa_heap *bench_heap_open(const struct bench_subject *subject);
/* Ends the heap, and the process when the heap is not sound or something is left in it. */
void bench_heap_close(bsa_heap *heap);

/* Measuring ---------------------------------------------------------------------------------- */

/* Nanoseconds for each step of a row: an allocation and a free. seconds: at least so long. */
double bench_cell(const struct bench_row *row, const struct bench_subject *subject, double seconds);

struct bench_options {
    unsigned rounds;
    double seconds;
    const char *only[BENCH_ROWS_MAX]; /* rows and groups; none: all */
    unsigned only_count;
    const char *with[BENCH_SUBJECTS_MAX]; /* subjects; none: all */
    unsigned with_count;
    const char *tsv;
    int argc;
    char **argv;
};

/* Nanoseconds of every cell; 0: not measured. */
struct bench_results {
    bool row_chosen[BENCH_ROWS_MAX];
    bool subject_chosen[BENCH_SUBJECTS_MAX]; /* and there on this machine */
    char version[BENCH_SUBJECTS_MAX][64];
    unsigned rounds;
    double *ns; /* [round][row][subject] */
};

static inline double *bench_result(const struct bench_results *results, unsigned round,
                                   unsigned row, unsigned subject)
{
    return &results->ns[((size_t)round * BENCH_ROWS_MAX + row) * BENCH_SUBJECTS_MAX + subject];
}

/* Runs all rounds; writes to tsv, if there is one, as it goes. False when a cell failed. */
bool bench_run(const struct bench_options *options, struct bench_results *results, FILE *tsv);

/* What was measured on what: lines that begin with prefix. */
void bench_print_machine(FILE *to, const char *prefix, const struct bench_options *options,
                         const struct bench_results *results);
/* The tables. */
void bench_print_tables(const struct bench_results *results);
double bench_median(double *values, size_t count);

/* Prints a message and ends the process with status 1. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Zeroed memory that comes from no allocator under test. */
void *bench_memory(size_t bytes);

#endif
