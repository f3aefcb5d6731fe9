/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: a line for each row, a column for each allocator. */
#include <string.h>

#include "bench.h"

enum { COLUMN = 9 };

struct table {
    const struct bench_results *results;
    unsigned columns[BENCH_SUBJECTS_MAX]; /* subjects */
    unsigned column_count;
};

/* Subjects of these kinds that have a figure somewhere. */
static struct table make_table(const struct bench_results *results, bool ours)
{
    struct table table = {.results = results};
    for (unsigned s = 0; s < bench_subject_count; s++) {
        bool any = false;
        for (unsigned r = 0; r < bench_row_count && !any; r++)
            any = bench_figure(results, r, s) > 0;
        if (any && (bench_subjects[s].kind == BENCH_OURS) == ours)
            table.columns[table.column_count++] = s;
    }
    return table;
}

static bool has_figures(const struct table *table, unsigned row)
{
    for (unsigned i = 0; i < table->column_count; i++)
        if (bench_figure(table->results, row, table->columns[i]) > 0)
            return true;
    return false;
}

static void print_number(unsigned subject, double value, int decimals, const char *mark)
{
    char text[32] = "-";
    int width = (int)strlen(bench_subjects[subject].name) + 1;
    if (value > 0)
        snprintf(text, sizeof(text), "%.*f%s", decimals, value, mark);
    printf(" %*s", width > COLUMN ? width : COLUMN, text);
}

static void print_head(const struct table *table, const char *first)
{
    fputs(first, stdout);
    for (unsigned i = 0; i < table->column_count; i++) {
        const char *name = bench_subjects[table->columns[i]].name;
        printf(" %*s", strlen(name) < COLUMN ? COLUMN : (int)strlen(name) + 1, name);
    }
    putchar('\n');
}

static int decimals_of(unsigned row)
{
    return bench_row_unit(&bench_rows[row]) == BENCH_TIMES ? 2 : 1;
}

static void print_figures(const struct bench_results *results, bool ours)
{
    struct table table = make_table(results, ours);
    if (table.column_count == 0)
        return;
    printf("\n%s: medians of %u rounds\n\n",
           ours ? "libbuddyslab" : "Other allocators, and the driver alone", results->rounds);
    print_head(&table, "row               unit ");
    for (unsigned r = 0; r < bench_row_count; r++) {
        if (!has_figures(&table, r))
            continue;
        printf("%-17s %-5s", bench_rows[r].name, bench_unit_name(bench_row_unit(&bench_rows[r])));
        for (unsigned i = 0; i < table.column_count; i++)
            print_number(table.columns[i], bench_figure(results, r, table.columns[i]),
                         decimals_of(r), "");
        putchar('\n');
    }
}

static void print_ratios(const struct bench_results *results)
{
    struct table table = make_table(results, true);
    unsigned peer = 0;
    bool begun = false;
    for (unsigned r = 0; r < bench_row_count; r++) {
        double best = bench_best_peer(results, r, &peer);
        if (best <= 0 || !has_figures(&table, r))
            continue;
        if (!begun) {
            puts("\nlibbuddyslab: times the best peer's figure; ! is more than 1.00\n");
            print_head(&table, "row               best peer         ");
        }
        begun = true;
        printf("%-17s %-10s %6.*f ", bench_rows[r].name, bench_subjects[peer].name, decimals_of(r),
               best);
        for (unsigned i = 0; i < table.column_count; i++) {
            double ratio = bench_figure(results, r, table.columns[i]) / best;
            print_number(table.columns[i], ratio, 2, ratio > 1.005 ? "!" : " ");
        }
        putchar('\n');
    }
}

static void print_crate(const struct bench_results *results)
{
    struct table table = make_table(results, true);
    const struct bench_subject *reference = bench_find_subject("tcmalloc");
    unsigned tcmalloc = (unsigned)(reference - bench_subjects);
    bool begun = false;
    for (unsigned r = 0; r < bench_row_count; r++) {
        double by = bench_figure(results, r, tcmalloc);
        if (by <= 0 || bench_rows[r].crate <= 0 || !has_figures(&table, r))
            continue;
        if (!begun) {
            puts("\nlibbuddyslab: times tcmalloc's time; ! is more than the crate takes\n");
            print_head(&table, "row               crate");
        }
        begun = true;
        printf("%-17s %5.1f", bench_rows[r].name, bench_rows[r].crate);
        for (unsigned i = 0; i < table.column_count; i++) {
            double ratio = bench_figure(results, r, table.columns[i]) / by;
            print_number(table.columns[i], ratio, 2, ratio > bench_rows[r].crate ? "!" : " ");
        }
        putchar('\n');
    }
}

void bench_print_tables(const struct bench_results *results)
{
    print_figures(results, false);
    print_figures(results, true);
    print_ratios(results);
    print_crate(results);
}
