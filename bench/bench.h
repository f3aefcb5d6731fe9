/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of bsa-bench share.
 *
 *   row        a workload with its parameters
 *   subject    an allocator as it is measured: the code that calls it, and what is preloaded
 *   peer       a subject that is somebody else's
 *   cell       one row with one subject, measured by a process of its own
 *   pass       a few milliseconds of a workload; a cell is the median of its passes
 *   round      every cell once, those of a row one after the other
 *
 * rows.c and subjects.c are the tables. workloads/ has the loops and what is drawn for them before
 * the clock starts, calls/ the allocators' functions that the loops are compiled for, measure/
 * makes a figure of a cell and the cells of a run, report/ prints.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <buddyslab.h>

enum {
    BENCH_THREADS_MAX = 64,
    BENCH_CACHE_LINE = 64,
    BENCH_PAGE = 4096,
    BENCH_ROWS_MAX = 128,
    BENCH_SUBJECTS_MAX = 24
};

/* Workloads ---------------------------------------------------------------------------------- */

enum bench_workload {
    BENCH_PAIR,   /* allocate, free */
    BENCH_BATCH,  /* allocate live objects, free them in the row's order */
    BENCH_CHURN,  /* free a random one of the live objects, allocate another in its place */
    BENCH_LARSON, /* the same, and in each pass with what another thread has allocated before */
    BENCH_REALLOC,
    BENCH_PRODUCE,   /* one thread allocates, another frees at the same time */
    BENCH_HAND_OVER, /* one thread allocates all, another frees all */
    BENCH_PAGE_PAIR,
    BENCH_PAGE_PAIR_MERGED, /* in a heap in which nothing else was ever allocated */
    BENCH_PAGE_CHURN,
    BENCH_BULK,      /* a handful allocated by one call, freed by another */
    BENCH_CACHE,     /* pairs from a named cache */
    BENCH_REMOTE,    /* allocate as one CPU, free as another, in one thread */
    BENCH_SLABS,     /* batches beside full slabs */
    BENCH_SECTIONS,  /* batches of pages behind full sections */
    BENCH_ODD_PAGES, /* batches of pages aligned to two, beside free pages that are not */
    BENCH_OCCUPANCY, /* a churn; not its time, but the memory it occupies */
    BENCH_USABLE,    /* the part of a slab that is objects */
    BENCH_METADATA,  /* bytes for each page */
    BENCH_CPU_BYTES, /* bytes for each CPU that is used */
    BENCH_WORKLOADS
};

enum bench_unit { BENCH_NS, BENCH_TIMES, BENCH_PERCENT, BENCH_BYTES };

enum bench_order { BENCH_RANDOM, BENCH_LAST_FIRST, BENCH_FIRST_FIRST };

struct bench_row {
    const char *name;
    const char *group; /* rows that are chosen and judged together */
    enum bench_workload workload;
    enum bench_order order; /* in which a batch is freed */
    size_t low, high;       /* bytes, or orders of page rows; one value, or drawn between the two */
    size_t live;            /* objects or blocks that are live at a time */
    size_t count;    /* of what the cost is measured against: full slabs, sections, odd pages */
    uint64_t region; /* bytes of the heap; 0: the usual */
    unsigned threads;
    bool scales;      /* one of several numbers of threads, timed by the clock */
    const char *only; /* the one subject that it is for; NULL: all that can do it */
    double crate;     /* what the crate takes, in times tcmalloc's time; 0: not known */
};

extern const struct bench_row bench_rows[];
extern const unsigned bench_row_count;
const struct bench_row *bench_find_row(const char *name);
/* Whether the row is meant by the name: its own, or its group's. */
bool bench_row_matches(const struct bench_row *row, const char *name);
enum bench_unit bench_row_unit(const struct bench_row *row);
const char *bench_unit_name(enum bench_unit unit);
/* Whether the figure is the same in every round. */
bool bench_row_is_exact(const struct bench_row *row);

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

struct bench_exchange;

/* On cache lines of its own: threads may not share one. */
struct bench_thread {
    _Alignas(2 * BENCH_CACHE_LINE) unsigned index;
    unsigned threads;
    size_t pass;
    bsa_heap *heap;
    bsa_cpu *cpu, *other_cpu;
    bsa_buddy *buddy;
    struct bench_live *live;         /* row->live of them */
    struct bench_exchange *exchange; /* of all threads */
};

/* Runs count steps of a workload. */
typedef void bench_loop(struct bench_thread *thread, const struct bench_row *row,
                        const struct bench_step *steps, size_t count);

struct bench_work {
    bench_loop *prepare; /* untimed; count is row->live. NULL: nothing */
    bench_loop *pass;    /* NULL: this subject has no such work */
    bench_loop *finish;  /* frees what prepare and the passes have left */
};

/* What the cell makes for the subject. */
enum bench_layer { BENCH_NO_LAYER, BENCH_HEAP, BENCH_BUDDY };

enum bench_kind { BENCH_PEER, BENCH_NO_ALLOCATOR, BENCH_OURS };

struct bench_subject {
    const char *name;
    const char *what;
    enum bench_kind kind;
    const struct bench_work *works; /* one for each workload */
    void (*attach)(struct bench_thread *thread);
    enum bench_layer layer;
    bool one_cpu;   /* the heap has one CPU; else two, or as many as there are threads */
    bool brackets;  /* the heap has enter and leave hooks */
    bool control;   /* for rows of several numbers of threads only */
    unsigned flags; /* of the heap */
    enum bsa_class_set classes; /* of the heap */
    const char *preload;        /* shared library that brings malloc; NULL: none */
    const char *or_preload;     /* where that is not there; NULL: none */
    const char *from;           /* where to get it */
};

extern struct bench_subject bench_subjects[];
extern unsigned bench_subject_count;
struct bench_subject *bench_find_subject(const char *name);
/* Adds NAME=LIBRARY; what is wrong with it, or NULL. */
const char *bench_add_peer(const char *text);
/* Counts the built-in ones, and finds what of them lies beside this program. */
void bench_subjects_prepare(void);
bool bench_has_cell(const struct bench_row *row, const struct bench_subject *subject);

extern const struct bench_work bench_works_malloc[], bench_works_null[], bench_works_control[],
    bench_works_locked[];
extern const struct bench_work bench_works_handle[], bench_works_hook[], bench_works_classes[];
extern const struct bench_work bench_works_buddy[];
void bench_attach_handle(struct bench_thread *thread);
void bench_attach_hook(struct bench_thread *thread);

/* What stands beside the measured: workloads/crowd.c. */
bench_loop bench_crowd_slabs, bench_crowd_sections, bench_crowd_odd_pages, bench_crowd_end;
bench_loop bench_crowd_page_batch;

/* Measuring ---------------------------------------------------------------------------------- */

struct bench_options {
    unsigned rounds;
    double seconds;
    unsigned passes;                  /* exactly so many, untimed; 0: as seconds says */
    const char *only[BENCH_ROWS_MAX]; /* rows and groups; none: all */
    unsigned only_count;
    const char *with[BENCH_SUBJECTS_MAX]; /* subjects; none: all */
    unsigned with_count;
    const char *peers[BENCH_SUBJECTS_MAX]; /* NAME=LIBRARY */
    unsigned peer_count;
    bool scaling;
    const char *tsv, *medians;
    int argc;
    char **argv;
};

/* A heap in memory of its own, for a row. */
bsa_heap *bench_heap_open(const struct bench_subject *subject, const struct bench_row *row);
/* Ends the heap, and the process when the heap is not sound or something is left in it. */
void bench_heap_close(bsa_heap *heap);
bsa_buddy *bench_buddy_open(void);
void bench_buddy_close(bsa_buddy *buddy);

/* The figure of a cell, in the row's unit. */
double bench_cell(const struct bench_row *row, const struct bench_subject *subject,
                  const struct bench_options *options);
/* With options->passes the number of steps instead. */
double bench_cell_time(const struct bench_row *row, const struct bench_subject *subject,
                       const struct bench_options *options);
double bench_cell_occupancy(const struct bench_row *row, const struct bench_subject *subject);
double bench_cell_layout(const struct bench_row *row, const struct bench_subject *subject);

/* Whether the subject's malloc is in this process, and which version of it. */
bool bench_preloaded(const struct bench_subject *subject, char *version, size_t bytes);
/* Runs this program with the arguments and the subject's malloc; its first line of output. False
 * when it fails. */
bool bench_run_self(const struct bench_subject *subject, char *const *args, bool silent, char *line,
                    size_t bytes);

/* Figures of every cell; 0: not measured. */
struct bench_results {
    bool row_chosen[BENCH_ROWS_MAX];
    bool subject_chosen[BENCH_SUBJECTS_MAX]; /* and there on this machine */
    char version[BENCH_SUBJECTS_MAX][96];
    unsigned rounds;
    double *figures; /* [round][row][subject] */
};

static inline double *bench_result(const struct bench_results *results, unsigned round,
                                   unsigned row, unsigned subject)
{
    return &results->figures[((size_t)round * BENCH_ROWS_MAX + row) * BENCH_SUBJECTS_MAX + subject];
}

/* Runs all rounds; writes to tsv, if there is one, as it goes. False when a cell has failed; there
 * is no figure of it. */
bool bench_run(const struct bench_options *options, struct bench_results *results, FILE *tsv);

/* Reporting ---------------------------------------------------------------------------------- */

/* What was measured on what: lines that begin with prefix. */
void bench_print_machine(FILE *to, const char *prefix, const struct bench_options *options,
                         const struct bench_results *results);
void bench_print_tables(const struct bench_results *results);
/* The targets, and whether each is held. */
void bench_print_verdict(const struct bench_results *results);
/* For the plot: a line for each cell. */
void bench_print_medians(FILE *to, const struct bench_results *results);

double bench_median(double *values, size_t count);
/* Over the rounds; 0: nothing measured. */
double bench_figure(const struct bench_results *results, unsigned row, unsigned subject);
/* The peer with the smallest figure; its number in *subject. 0: no peer was measured. */
double bench_best_peer(const struct bench_results *results, unsigned row, unsigned *subject);

/* Prints a message and ends the process with status 1. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Zeroed memory that comes from no allocator under test. */
void *bench_memory(size_t bytes);

#endif
