/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables. A time is the median over the rounds; a ratio is the median of the rounds' own
 * ratios, for what disturbs a round disturbs both of its sides. A group's figure is the geometric
 * mean of its rows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Over the rounds; divided by the reference's time where relative. 0: nothing measured. */
static double figure(const struct bench_results *results, unsigned row, unsigned subject,
                     bool relative)
{
    double values[results->rounds];
    size_t count = 0;
    for (unsigned round = 0; round < results->rounds; round++) {
        double ns = *bench_result(results, round, row, subject);
        double by = relative ? *bench_result(results, round, row, bench_reference) : 1;
        if (ns > 0 && by > 0)
            values[count++] = ns / by;
    }
    return bench_median(values, count);
}

/* One line of a table: a row, or a group. */
struct line {
    const char *name;
    double limit;
    unsigned first, last; /* rows */
};

static double line_figure(const struct bench_results *results, const struct line *line,
                          unsigned subject, bool relative)
{
    double sum = 0;
    unsigned count = 0;
    for (unsigned row = line->first; row <= line->last; row++) {
        double value = results->row_chosen[row] ? figure(results, row, subject, relative) : 0;
        if (value > 0) {
            sum += log(value);
            count++;
        }
    }
    return count == 0 ? 0 : exp(sum / count);
}

/* Whether a group's last chosen row is this one, and the group has several. */
static bool ends_group(const struct bench_results *results, unsigned row, struct line *line)
{
    const char *group = bench_rows[row].group;
    if (group == NULL)
        return false;
    unsigned chosen = 0;
    *line = (struct line){group, bench_rows[row].limit, row, row};
    for (unsigned i = 0; i < bench_row_count; i++) {
        if (!results->row_chosen[i] || bench_rows[i].group == NULL ||
            strcmp(bench_rows[i].group, group) != 0)
            continue;
        if (i > row)
            return false;
        line->first = chosen++ == 0 ? i : line->first;
    }
    return chosen > 1;
}

static void print_cell(double value, int decimals, bool over)
{
    char text[32] = "-";
    if (value > 0)
        snprintf(text, sizeof(text), "%.*f%s", decimals, value, over ? "!" : "");
    printf(" %11s", text);
}

/* over: counts the lines in which each subject is over the limit. */
static void print_line(const struct bench_results *results, const struct line *line, bool relative,
                       unsigned *over)
{
    bool any_over = false, any = false;
    printf("%-16s", line->name);
    for (unsigned i = 0; i < bench_subject_count; i++) {
        if (!results->subject_chosen[i] || (relative && i == bench_reference))
            continue;
        double value = line_figure(results, line, i, relative);
        bool is_over = relative && bench_subjects[i].ours && value > line->limit;
        print_cell(value, relative ? 2 : 1, is_over);
        over[i] += is_over;
        any_over |= is_over;
        any |= value > 0 && bench_subjects[i].ours;
    }
    if (relative)
        printf(" %6.1f  %s", line->limit, !any ? "-" : any_over ? "over" : "ok");
    putchar('\n');
}

static void print_table(const struct bench_results *results, bool relative, unsigned *over)
{
    struct line line;
    printf("%-16s", "row");
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (results->subject_chosen[i] && (!relative || i != bench_reference))
            printf(" %11s", bench_subjects[i].name);
    puts(relative ? "  limit" : "");
    for (unsigned row = 0; row < bench_row_count; row++) {
        if (!results->row_chosen[row])
            continue;
        line = (struct line){bench_rows[row].name, bench_rows[row].limit, row, row};
        print_line(results, &line, relative, over);
        if (ends_group(results, row, &line)) {
            char name[32];
            snprintf(name, sizeof(name), "%s, mean", line.name);
            line.name = name;
            print_line(results, &line, relative, over);
        }
    }
}

void bench_print_tables(const struct bench_results *results)
{
    const char *reference = bench_subjects[bench_reference].name;
    unsigned over[BENCH_SUBJECTS_MAX] = {0};
    printf("\nNanoseconds for an allocation and a free, median of %u rounds\n\n", results->rounds);
    print_table(results, false, over);
    if (!results->subject_chosen[bench_reference])
        return;
    printf("\nTimes %s's time in the same round, median; ! is over the limit\n\n", reference);
    print_table(results, true, over);
    printf("\nLines over their limit:");
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (results->subject_chosen[i] && bench_subjects[i].ours)
            printf(" %s %u", bench_subjects[i].name, over[i]);
    putchar('\n');
}

/* What follows key in the first line of a file that begins with it. */
static void read_line(const char *path, const char *key, char *text, size_t bytes)
{
    char line[256];
    FILE *file = fopen(path, "r");
    snprintf(text, bytes, "unknown");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *rest = line + strlen(key);
        rest += strspn(rest, " \t:");
        snprintf(text, bytes, "%.*s", (int)strcspn(rest, "\n"), rest);
        break;
    }
    if (file != NULL)
        fclose(file);
}

void bench_print_machine(FILE *to, const char *prefix, const struct bench_options *options,
                         const struct bench_results *results)
{
    struct utsname system;
    char date[64], processor[128], load[128], huge[128];
    time_t seconds = time(NULL);
    struct tm utc;

    uname(&system);
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc);
    read_line("/proc/cpuinfo", "model name", processor, sizeof(processor));
    read_line("/proc/loadavg", "", load, sizeof(load));
    read_line("/sys/kernel/mm/transparent_hugepage/enabled", "", huge, sizeof(huge));
    fprintf(to, "%sdate: %s\n", prefix, date);
    fprintf(to, "%scommand: bsa-bench", prefix);
    for (int i = 1; i < options->argc; i++)
        fprintf(to, " %s", options->argv[i]);
    fprintf(to, "\n%sprocessor: %s\n", prefix, processor);
    fprintf(to, "%ssystem: %s %s %s\n", prefix, system.sysname, system.release, system.machine);
    fprintf(to, "%scompiler: %s\n", prefix, __VERSION__);
    fprintf(to, "%sload before: %s\n", prefix, load);
    fprintf(to, "%stransparent huge pages: %s\n", prefix, huge);
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (results->subject_chosen[i])
            fprintf(to, "%s%s: %s; %s\n", prefix, bench_subjects[i].name, bench_subjects[i].what,
                    results->version[i]);
}
