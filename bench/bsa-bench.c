/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-bench: the library's speed beside its peers'. */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { EXIT_USAGE = 2, ROUNDS_MAX = 1000 };

static const char help[] =
    "usage: bsa-bench [OPTIONS]\n"
    "\n"
    "Measures libbuddyslab and other allocators on the same work, in turns, and prints how long "
    "an\n"
    "allocation and a free take, and how many times tcmalloc's time that is.\n"
    "\n"
    "  --rounds=N     times that everything is measured (7)\n"
    "  --seconds=S    length of each measurement (0.1)\n"
    "  --only=ROW     only this row, or group of rows; may be repeated\n"
    "  --with=NAME    only this allocator; may be repeated\n"
    "  --tsv=FILE     write every single measurement there\n"
    "  --list         the rows and allocators\n"
    "  --cell=ROW     measure one row here, in this process, with the allocator of --with, and\n"
    "                 print its nanoseconds: for profilers. What is to be preloaded must be\n"
    "  --help         this text\n"
    "\n"
    "Exit status: 0 measured (whatever the limits say), 1 failed, 2 wrong usage.\n";

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

static void list(void)
{
    puts("rows (the limit is in times tcmalloc's time)");
    for (unsigned i = 0; i < bench_row_count; i++)
        printf("  %-13s limit %4.1f%s%s\n", bench_rows[i].name, bench_rows[i].limit,
               bench_rows[i].group == NULL ? "" : "  in group ",
               bench_rows[i].group == NULL ? "" : bench_rows[i].group);
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

static unsigned read_rounds(const char *text)
{
    double value = read_number("rounds", text, 1, ROUNDS_MAX);
    if (value != (double)(unsigned)value)
        usage("--rounds=%s: not a whole number", text);
    return (unsigned)value;
}

static const char *read_row(const char *text)
{
    for (unsigned i = 0; i < bench_row_count; i++)
        if (bench_row_matches(&bench_rows[i], text))
            return text;
    usage("--only=%s: no such row; --list tells which there are", text);
}

static const char *read_subject(const char *text)
{
    if (bench_find_subject(text) == NULL)
        usage("--with=%s: no such allocator; --list tells which there are", text);
    return text;
}

/* The preloaded library's version, for the process that asks whether it can be preloaded. */
static int probe(const char *name)
{
    const struct bench_subject *subject = bench_find_subject(name);
    void *mark = NULL;
    if (subject == NULL || subject->mark == NULL)
        usage("--probe=%s: nothing is to be preloaded for it", name);
    mark = dlsym(RTLD_DEFAULT, subject->mark);
    if (mark == NULL)
        bench_fail("%s is not preloaded", subject->preload);
    Dl_info info;
    const char *file = dladdr(mark, &info) != 0 ? info.dli_fname : subject->preload;
    char *path = realpath(file, NULL);
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    puts(slash == NULL ? file : slash + 1);
    free(path);
    return EXIT_SUCCESS;
}

static int measure_cell(const char *name, const struct bench_options *options)
{
    const struct bench_row *row = bench_find_row(name);
    if (row == NULL)
        usage("--cell=%s: no such row; --list tells which there are", name);
    if (options->with_count != 1)
        usage("--cell wants one --with=NAME");
    const struct bench_subject *subject = bench_find_subject(options->with[0]);
    if (subject->ours && subject->cpus < row->threads)
        usage("--cell=%s: %u threads, and --with=%s has a heap of %u CPU", name, row->threads,
              subject->name, subject->cpus);
    if (subject->mark != NULL && dlsym(RTLD_DEFAULT, subject->mark) == NULL)
        bench_fail("--with=%s: %s is not preloaded; set LD_PRELOAD=%s", subject->name,
                   subject->preload, subject->preload);
    printf("%.3f\n", bench_cell(row, subject, options->seconds));
    return EXIT_SUCCESS;
}

static int measure_all(const struct bench_options *options)
{
    struct bench_results results = {.rounds = 0};
    FILE *tsv = NULL;
    if (options->tsv != NULL) {
        tsv = fopen(options->tsv, "w");
        if (tsv == NULL)
            bench_fail("%s cannot be written: %s", options->tsv, strerror(errno));
    }
    bool done = bench_run(options, &results, tsv);
    if (tsv != NULL) {
        bool broken = ferror(tsv) != 0;
        if (fclose(tsv) != 0 || broken)
            bench_fail("%s could not be written whole: %s", options->tsv, strerror(errno));
    }
    if (done) {
        bench_print_machine(stdout, "", options, &results);
        bench_print_tables(&results);
    }
    free(results.ns);
    return done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

enum {
    OPT_ROUNDS,
    OPT_SECONDS,
    OPT_ONLY,
    OPT_WITH,
    OPT_TSV,
    OPT_LIST,
    OPT_CELL,
    OPT_PROBE,
    OPT_HELP
};

static const struct option long_options[] = {
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"only", required_argument, NULL, OPT_ONLY},
    {"with", required_argument, NULL, OPT_WITH},
    {"tsv", required_argument, NULL, OPT_TSV},
    {"list", no_argument, NULL, OPT_LIST},
    {"cell", required_argument, NULL, OPT_CELL},
    {"probe", required_argument, NULL, OPT_PROBE}, /* the runner asks itself */
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 7, .seconds = 0.1, .argc = argc, .argv = argv};
    const char *cell = NULL;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case OPT_ROUNDS:
            options.rounds = read_rounds(optarg);
            break;
        case OPT_SECONDS:
            options.seconds = read_number("seconds", optarg, 0.001, 3600);
            break;
        case OPT_ONLY:
            if (options.only_count == BENCH_ROWS_MAX)
                usage("--only more than %d times", BENCH_ROWS_MAX);
            options.only[options.only_count++] = read_row(optarg);
            break;
        case OPT_WITH:
            if (options.with_count == BENCH_SUBJECTS_MAX)
                usage("--with more than %d times", BENCH_SUBJECTS_MAX);
            options.with[options.with_count++] = read_subject(optarg);
            break;
        case OPT_TSV:
            options.tsv = optarg;
            break;
        case OPT_LIST:
            list();
            return EXIT_SUCCESS;
        case OPT_CELL:
            cell = optarg;
            break;
        case OPT_PROBE:
            return probe(optarg);
        case OPT_HELP:
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE; /* getopt has said why */
        }
    }
    if (optind < argc)
        usage("'%s' is no option", argv[optind]);
    return cell != NULL ? measure_cell(cell, &options) : measure_all(&options);
}
