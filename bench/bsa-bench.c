/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-bench: the library's speed beside its peers'. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { EXIT_USAGE = 2, COUNT_MAX = 1000 };

static const char help[] =
    "usage: bsa-bench [OPTIONS]\n"
    "\n"
    "Measures libbuddyslab and other allocators on the same work, in turns; prints the figures, "
    "how\n"
    "many times the best peer's they are, and whether the targets are held.\n"
    "\n"
    "  --rounds=N        times that everything is measured (5)\n"
    "  --seconds=S       length of each measurement (0.05)\n"
    "  --quick           3 rounds of 0.01 seconds, to see that it works\n"
    "  --scaling         only the rows that have numbers of threads, up to that of this machine's\n"
    "                    CPUs\n"
    "  --only=ROW        only this row, or group of rows; may be repeated\n"
    "  --with=NAME       only this allocator; may be repeated\n"
    "  --peer=NAME=FILE  another allocator: a shared library that brings malloc; may be repeated\n"
    "  --tsv=FILE        write every single measurement there\n"
    "  --medians=FILE    write what is made of them there, for the pictures\n"
    "  --list            the rows and allocators\n"
    "  --cell=ROW        measure one row here, in this process, with the allocator of --with, and\n"
    "                    print its figure: for profilers. What is to be preloaded must be\n"
    "  --passes=N        with --cell: exactly so many passes; prints the steps that they had\n"
    "  --help            this text\n"
    "\n"
    "Exit status: 0 measured (whatever the targets say), 1 failed, 2 wrong usage.\n";

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bsa-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

static _Noreturn void usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bsa-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; --help tells more\n", stderr);
    va_end(args);
    exit(EXIT_USAGE);
}

/* Whether anybody can do it on this machine. */
static bool is_possible(const struct bench_row *row)
{
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (bench_has_cell(row, &bench_subjects[i]))
            return true;
    return false;
}

static void list(void)
{
    puts("rows, their groups and units");
    for (unsigned i = 0; i < bench_row_count; i++)
        if (is_possible(&bench_rows[i]))
            printf("  %-17s %-14s %s\n", bench_rows[i].name, bench_rows[i].group,
                   bench_unit_name(bench_row_unit(&bench_rows[i])));
    puts("allocators");
    for (unsigned i = 0; i < bench_subject_count; i++)
        printf("  %-13s %s\n", bench_subjects[i].name, bench_subjects[i].what);
}

static double read_number(const char *option, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(value >= least && value <= most))
        usage("--%s=%s: not a number from %g to %g", option, text, least, most);
    return value;
}

static unsigned read_count(const char *option, const char *text)
{
    double value = read_number(option, text, 1, COUNT_MAX);
    if (value != (double)(unsigned)value)
        usage("--%s=%s: not a whole number", option, text);
    return (unsigned)value;
}

static const char *read_row(const char *text)
{
    for (unsigned i = 0; i < bench_row_count; i++)
        if (bench_row_matches(&bench_rows[i], text))
            return text;
    usage("--only=%s: no such row; --list tells which there are", text);
}

/* Adds to a list of what stands on the command line. */
static void keep(const char *option, const char *text, const char **list, unsigned *count,
                 unsigned most)
{
    if (*count == most)
        usage("--%s more than %u times", option, most);
    list[(*count)++] = text;
}

/* After all --peer have been read. */
static void check_subjects(const struct bench_options *options)
{
    for (unsigned i = 0; i < options->with_count; i++)
        if (bench_find_subject(options->with[i]) == NULL)
            usage("--with=%s: no such allocator; --list tells which there are", options->with[i]);
}

/* The preloaded library's version, for the process that asks whether it can be preloaded. */
static int probe(const char *name)
{
    const struct bench_subject *subject = bench_find_subject(name);
    char version[96];
    if (subject == NULL || subject->preload == NULL)
        usage("--probe=%s: nothing is to be preloaded for it", name);
    if (!bench_preloaded(subject, version, sizeof(version)))
        bench_fail("%s is not preloaded", subject->preload);
    puts(version);
    return EXIT_SUCCESS;
}

static int measure_cell(const char *name, const struct bench_options *options)
{
    const struct bench_row *row = bench_find_row(name);
    char version[96];
    if (row == NULL)
        usage("--cell=%s: no such row; --list tells which there are", name);
    if (options->with_count != 1)
        usage("--cell wants one --with=NAME");
    const struct bench_subject *subject = bench_find_subject(options->with[0]);
    if (!bench_has_cell(row, subject))
        usage("--cell=%s: that is no work for --with=%s", name, subject->name);
    if (options->passes != 0 && bench_row_is_exact(row))
        usage("--cell=%s: a row without passes, as it is not timed", name);
    if (subject->preload != NULL && !bench_preloaded(subject, version, sizeof(version)))
        bench_fail("--with=%s: %s is not preloaded; set LD_PRELOAD=%s", subject->name,
                   subject->preload, subject->preload);
    printf("%.3f\n", bench_cell(row, subject, options));
    return EXIT_SUCCESS;
}

static FILE *open_output(const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (path != NULL && file == NULL)
        bench_fail("%s cannot be written: %s", path, strerror(errno));
    return file;
}

static void close_output(FILE *file, const char *path)
{
    if (file == NULL)
        return;
    bool broken = ferror(file) != 0;
    if (fclose(file) != 0 || broken)
        bench_fail("%s could not be written whole: %s", path, strerror(errno));
}

static int measure_all(const struct bench_options *options)
{
    struct bench_results results = {.rounds = 0};
    FILE *tsv = open_output(options->tsv), *medians = open_output(options->medians);
    bool done = bench_run(options, &results, tsv);
    close_output(tsv, options->tsv);
    if (medians != NULL)
        bench_print_medians(medians, &results);
    close_output(medians, options->medians);
    bench_print_machine(stdout, "", options, &results);
    bench_print_tables(&results);
    bench_print_verdict(&results);
    free(results.figures);
    return done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

enum {
    OPT_ROUNDS,
    OPT_SECONDS,
    OPT_QUICK,
    OPT_SCALING,
    OPT_ONLY,
    OPT_WITH,
    OPT_PEER,
    OPT_TSV,
    OPT_MEDIANS,
    OPT_LIST,
    OPT_CELL,
    OPT_PASSES,
    OPT_PROBE,
    OPT_HELP
};

static const struct option long_options[] = {
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"scaling", no_argument, NULL, OPT_SCALING},
    {"only", required_argument, NULL, OPT_ONLY},
    {"with", required_argument, NULL, OPT_WITH},
    {"peer", required_argument, NULL, OPT_PEER},
    {"tsv", required_argument, NULL, OPT_TSV},
    {"medians", required_argument, NULL, OPT_MEDIANS},
    {"list", no_argument, NULL, OPT_LIST},
    {"cell", required_argument, NULL, OPT_CELL},
    {"passes", required_argument, NULL, OPT_PASSES},
    {"probe", required_argument, NULL, OPT_PROBE}, /* the runner asks itself */
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* What is to be done instead of a run. */
struct task {
    const char *cell, *probe;
    bool list;
};

static void take_option(int option, struct bench_options *options, struct task *task)
{
    const char *wrong;
    switch (option) {
    case OPT_ROUNDS:
        options->rounds = read_count("rounds", optarg);
        break;
    case OPT_SECONDS:
        options->seconds = read_number("seconds", optarg, 0.001, 3600);
        break;
    case OPT_QUICK:
        options->rounds = 3;
        options->seconds = 0.01;
        break;
    case OPT_SCALING:
        options->scaling = true;
        break;
    case OPT_ONLY:
        keep("only", read_row(optarg), options->only, &options->only_count, BENCH_ROWS_MAX);
        break;
    case OPT_WITH:
        keep("with", optarg, options->with, &options->with_count, BENCH_SUBJECTS_MAX);
        break;
    case OPT_PEER:
        wrong = bench_add_peer(optarg);
        if (wrong != NULL)
            usage("--peer=%s: %s", optarg, wrong);
        keep("peer", optarg, options->peers, &options->peer_count, BENCH_SUBJECTS_MAX);
        break;
    case OPT_TSV:
        options->tsv = optarg;
        break;
    case OPT_MEDIANS:
        options->medians = optarg;
        break;
    case OPT_LIST:
        task->list = true;
        break;
    case OPT_CELL:
        task->cell = optarg;
        break;
    case OPT_PASSES:
        options->passes = read_count("passes", optarg);
        break;
    case OPT_PROBE:
        task->probe = optarg;
        break;
    case OPT_HELP:
        fputs(help, stdout);
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_USAGE); /* getopt has said why */
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 5, .seconds = 0.05, .argc = argc, .argv = argv};
    struct task task = {.cell = NULL};
    bench_subjects_prepare();
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        take_option(option, &options, &task);
    if (optind < argc)
        usage("'%s' is no option", argv[optind]);
    check_subjects(&options);
    if (options.passes != 0 && task.cell == NULL)
        usage("--passes wants --cell=ROW");
    if (task.list) {
        list();
        return EXIT_SUCCESS;
    }
    if (task.probe != NULL)
        return probe(task.probe);
    return task.cell != NULL ? measure_cell(task.cell, &options) : measure_all(&options);
}
