/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds: each cell is a process of its own, this program again, so that no allocator meets
 * what another left behind and LD_PRELOAD can bring the peers. The cells of a row follow each other
 * at once, and each round begins with another subject: a disturbance meets all of them.
 */
#include <errno.h>
#include <gnu/libc-version.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* The environment with LD_PRELOAD as the subject wants it. */
static char **make_environment(const struct bench_subject *subject)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **made = calloc(count + 2, sizeof(*made));
    if (made == NULL)
        bench_fail("no memory");
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
            made[n++] = environ[i];
    if (subject->preload != NULL && asprintf(&made[n], "LD_PRELOAD=%s", subject->preload) < 0)
        bench_fail("no memory");
    return made;
}

static void free_environment(char **made, const struct bench_subject *subject)
{
    if (subject->preload != NULL) {
        size_t n = 0;
        while (made[n] != NULL)
            n++;
        free(made[n - 1]);
    }
    free(made);
}

/* Runs this program with the arguments; its first line of output. False when it fails. */
static bool run_self(const struct bench_subject *subject, char *const *args, bool silent,
                     char *line, size_t bytes)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child;
    if (pipe(ends) != 0)
        bench_fail("no pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    if (silent)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    char **made = make_environment(subject);
    int error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, args, made);
    free_environment(made, subject);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0)
        bench_fail("this program cannot be started again: %s", strerror(error));

    size_t got = 0;
    for (ssize_t n; (n = read(ends[0], line + got, bytes - 1 - got)) != 0;) {
        if (n < 0 && errno != EINTR)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    close(ends[0]);
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && got != 0;
}

static double run_cell(const struct bench_row *row, const struct bench_subject *subject,
                       double seconds)
{
    char given[32], line[64], *end;
    snprintf(given, sizeof(given), "--seconds=%g", seconds);
    char row_name[64], subject_name[64];
    snprintf(row_name, sizeof(row_name), "--cell=%s", row->name);
    snprintf(subject_name, sizeof(subject_name), "--with=%s", subject->name);
    char *args[] = {(char[]){"bsa-bench"}, row_name, subject_name, given, NULL};
    if (!run_self(subject, args, false, line, sizeof(line)))
        return 0;
    double ns = strtod(line, &end);
    return end != line && *end == '\0' && ns > 0 ? ns : 0;
}

/* Which version there is on this machine; false: none. */
static bool find_version(const struct bench_subject *subject, char *version, size_t bytes)
{
    unsigned v = bsa_version();
    char probe[64];
    snprintf(probe, sizeof(probe), "--probe=%s", subject->name);
    char *args[] = {(char[]){"bsa-bench"}, probe, NULL};
    if (subject->ours)
        snprintf(version, bytes, "libbuddyslab %u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    else if (subject->preload != NULL)
        return run_self(subject, args, true, version, bytes);
    else if (subject->loops == bench_loops_null)
        snprintf(version, bytes, "-");
    else
        snprintf(version, bytes, "glibc %s", gnu_get_libc_version());
    return true;
}

static bool named(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void choose(const struct bench_options *options, struct bench_results *results)
{
    for (unsigned i = 0; i < bench_row_count; i++) {
        results->row_chosen[i] = options->only_count == 0;
        for (unsigned k = 0; k < options->only_count; k++)
            if (bench_row_matches(&bench_rows[i], options->only[k]))
                results->row_chosen[i] = true;
    }
    for (unsigned i = 0; i < bench_subject_count; i++) {
        const struct bench_subject *subject = &bench_subjects[i];
        if (options->with_count != 0 && !named(options->with, options->with_count, subject->name))
            continue;
        bool there = find_version(subject, results->version[i], sizeof(results->version[i]));
        results->subject_chosen[i] = there;
        if (!there)
            fprintf(stderr,
                    "bsa-bench: %s is left out: %s cannot be preloaded here. Install it (on Debian "
                    "tcmalloc is in the package libtcmalloc-minimal4).\n",
                    subject->name, subject->preload);
        if (!there && i == bench_reference)
            fprintf(stderr,
                    "bsa-bench: without %s there are times, but no ratios and no verdicts.\n",
                    subject->name);
    }
}

/* The cells of one row, one round. */
static bool run_row(const struct bench_options *options, struct bench_results *results,
                    unsigned round, unsigned row, FILE *tsv)
{
    for (unsigned k = 0; k < bench_subject_count; k++) {
        unsigned i = (k + round) % bench_subject_count;
        const struct bench_subject *subject = &bench_subjects[i];
        if (!results->subject_chosen[i] ||
            (subject->ours && subject->cpus < bench_rows[row].threads))
            continue;
        double ns = run_cell(&bench_rows[row], subject, options->seconds);
        if (ns <= 0) {
            fprintf(stderr, "bsa-bench: row %s with %s failed, see above\n", bench_rows[row].name,
                    subject->name);
            return false;
        }
        *bench_result(results, round, row, i) = ns;
        if (tsv != NULL)
            fprintf(tsv, "%u\t%s\t%s\t%.3f\n", round + 1, bench_rows[row].name, subject->name, ns);
    }
    return true;
}

bool bench_run(const struct bench_options *options, struct bench_results *results, FILE *tsv)
{
    bool progress = isatty(STDERR_FILENO);
    results->rounds = options->rounds;
    results->ns =
        calloc((size_t)options->rounds * BENCH_ROWS_MAX * BENCH_SUBJECTS_MAX, sizeof(*results->ns));
    if (results->ns == NULL)
        bench_fail("no memory for the results of %u rounds", options->rounds);
    choose(options, results);
    if (tsv != NULL) {
        bench_print_machine(tsv, "# ", options, results);
        fprintf(tsv, "round\trow\tsubject\tns\n");
    }
    for (unsigned round = 0; round < options->rounds; round++)
        for (unsigned row = 0; row < bench_row_count; row++) {
            if (!results->row_chosen[row])
                continue;
            if (progress)
                fprintf(stderr, "\rround %u of %u: %-16s", round + 1, options->rounds,
                        bench_rows[row].name);
            if (!run_row(options, results, round, row, tsv))
                return false;
        }
    if (progress)
        fprintf(stderr, "\r%40s\r", "");
    return true;
}
