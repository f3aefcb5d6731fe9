/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds: each cell is a process of its own, this program again, so that no allocator meets
 * what another left behind and LD_PRELOAD can bring the peers. The cells of a row follow each other
 * at once, and each round begins with another subject: a disturbance meets all of them.
 */
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* The program's own name, the options of the one cell, and every --peer. */
enum { WORDS = 4 + BENCH_SUBJECTS_MAX, WORD_BYTES = 4096 };

static bool ask_self(const struct bench_options *options, const struct bench_subject *subject,
                     const char *what, const char *name, bool silent, char *line, size_t bytes)
{
    static char words[WORDS][WORD_BYTES];
    char *args[WORDS + 1];
    unsigned n = 0;
    snprintf(words[n++], WORD_BYTES, "bsa-bench");
    for (unsigned i = 0; i < options->peer_count; i++)
        snprintf(words[n++], WORD_BYTES, "--peer=%s", options->peers[i]);
    snprintf(words[n++], WORD_BYTES, "--%s=%s", what, name);
    snprintf(words[n++], WORD_BYTES, "--with=%s", subject->name);
    snprintf(words[n++], WORD_BYTES, "--seconds=%g", options->seconds);
    for (unsigned i = 0; i < n; i++)
        args[i] = words[i];
    args[n] = NULL;
    return bench_run_self(subject, args, silent, line, bytes);
}

static double run_cell(const struct bench_options *options, const struct bench_row *row,
                       const struct bench_subject *subject)
{
    char line[64], *end;
    if (!ask_self(options, subject, "cell", row->name, false, line, sizeof(line)))
        return 0;
    double figure = strtod(line, &end);
    return end != line && *end == '\0' && figure > 0 ? figure : 0;
}

/* Which version there is on this machine, which is preloaded from now on; false: none. */
static bool find_version(const struct bench_options *options, struct bench_subject *subject,
                         char *version, size_t bytes)
{
    unsigned v = bsa_version();
    if (subject->preload != NULL) {
        while (!ask_self(options, subject, "probe", subject->name, true, version, bytes)) {
            if (subject->or_preload == NULL)
                return false;
            subject->preload = subject->or_preload;
            subject->or_preload = NULL;
        }
        return true;
    }
    if (subject->kind == BENCH_OURS)
        snprintf(version, bytes, "libbuddyslab %u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    else if (subject->kind == BENCH_PEER)
        snprintf(version, bytes, "glibc %s", gnu_get_libc_version());
    else
        snprintf(version, bytes, "-");
    return true;
}

static bool is_named(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* More threads than two are for --scaling, as far as there are CPUs, or for who names the row. */
static bool is_chosen(const struct bench_options *options, const struct bench_row *row)
{
    long cpus = options->scaling ? sysconf(_SC_NPROCESSORS_ONLN) : 2;
    if (is_named(options->only, options->only_count, row->name))
        return true;
    if (row->scales ? (long)row->threads > cpus : options->scaling)
        return false;
    return options->only_count == 0 || is_named(options->only, options->only_count, row->group);
}

static void choose(const struct bench_options *options, struct bench_results *results)
{
    for (unsigned i = 0; i < bench_row_count; i++)
        results->row_chosen[i] = is_chosen(options, &bench_rows[i]);
    for (unsigned i = 0; i < bench_subject_count; i++) {
        struct bench_subject *subject = &bench_subjects[i];
        if (options->with_count != 0 &&
            !is_named(options->with, options->with_count, subject->name))
            continue;
        results->subject_chosen[i] =
            find_version(options, subject, results->version[i], sizeof(results->version[i]));
        if (!results->subject_chosen[i])
            fprintf(stderr, "bsa-bench: %s is left out: %s cannot be preloaded. It comes from %s\n",
                    subject->name, subject->preload, subject->from);
    }
}

/* The cells of one row, one round. False when one has failed: the others go on. */
static bool run_row(const struct bench_options *options, struct bench_results *results,
                    unsigned round, unsigned r, FILE *tsv)
{
    const struct bench_row *row = &bench_rows[r];
    const char *unit = bench_unit_name(bench_row_unit(row));
    bool done = true;
    for (unsigned k = 0; k < bench_subject_count; k++) {
        unsigned s = (k + round) % bench_subject_count;
        const struct bench_subject *subject = &bench_subjects[s];
        if (!results->subject_chosen[s] || !bench_has_cell(row, subject))
            continue;
        double figure = run_cell(options, row, subject);
        if (figure <= 0) {
            fprintf(stderr, "bsa-bench: row %s with %s failed, see above\n", row->name,
                    subject->name);
            done = false;
            continue;
        }
        *bench_result(results, round, r, s) = figure;
        if (tsv != NULL) {
            fprintf(tsv, "%u\t%s\t%s\t%.3f\t%s\n", round + 1, row->name, subject->name, figure,
                    unit);
            fflush(tsv);
        }
    }
    return done;
}

bool bench_run(const struct bench_options *options, struct bench_results *results, FILE *tsv)
{
    bool progress = isatty(STDERR_FILENO), done = true;
    results->rounds = options->rounds;
    results->figures = calloc((size_t)options->rounds * BENCH_ROWS_MAX * BENCH_SUBJECTS_MAX,
                              sizeof(*results->figures));
    if (results->figures == NULL)
        bench_fail("no memory for the results of %u rounds", options->rounds);
    choose(options, results);
    if (tsv != NULL) {
        bench_print_machine(tsv, "# ", options, results);
        fprintf(tsv, "round\trow\tsubject\tfigure\tunit\n");
    }
    for (unsigned round = 0; round < options->rounds; round++)
        for (unsigned row = 0; row < bench_row_count; row++) {
            if (!results->row_chosen[row] || (round > 0 && bench_row_is_exact(&bench_rows[row])))
                continue;
            if (progress)
                fprintf(stderr, "\rround %u of %u: %-16s", round + 1, options->rounds,
                        bench_rows[row].name);
            done = run_row(options, results, round, row, tsv) && done;
        }
    if (progress)
        fprintf(stderr, "\r%40s\r", "");
    return done;
}
