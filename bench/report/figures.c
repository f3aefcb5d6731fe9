/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the single measurements: medians over the rounds, and the best peer's. */
#include <stdlib.h>

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

double bench_figure(const struct bench_results *results, unsigned row, unsigned subject)
{
    double values[results->rounds];
    size_t count = 0;
    for (unsigned round = 0; round < results->rounds; round++) {
        double value = *bench_result(results, round, row, subject);
        if (value > 0)
            values[count++] = value;
    }
    return bench_median(values, count);
}

double bench_best_peer(const struct bench_results *results, unsigned row, unsigned *subject)
{
    double best = 0;
    for (unsigned i = 0; i < bench_subject_count; i++) {
        double value = bench_subjects[i].kind == BENCH_PEER ? bench_figure(results, row, i) : 0;
        if (value > 0 && (best <= 0 || value < best)) {
            best = value;
            *subject = i;
        }
    }
    return best;
}

void bench_print_medians(FILE *to, const struct bench_results *results)
{
    fputs(
        "place\trow\tgroup\tsize\tunit\tsubject\tmedian\tleast\tmost\tbest_peer\ttimes_best_peer\n",
        to);
    unsigned place = 0; /* among the rows that have a peer */
    for (unsigned r = 0; r < bench_row_count; r++) {
        const struct bench_row *row = &bench_rows[r];
        unsigned peer = 0;
        double best = bench_best_peer(results, r, &peer);
        char at[16] = "-";
        if (best > 0)
            snprintf(at, sizeof(at), "%u", ++place);
        for (unsigned s = 0; s < bench_subject_count; s++) {
            double median = bench_figure(results, r, s), least = median, most = median;
            if (median <= 0)
                continue;
            for (unsigned round = 0; round < results->rounds; round++) {
                double value = *bench_result(results, round, r, s);
                least = value > 0 && value < least ? value : least;
                most = value > most ? value : most;
            }
            fprintf(to, "%s\t%s\t%s\t%zu\t%s\t%s\t%.3f\t%.3f\t%.3f\t%s\t", at, row->name,
                    row->group, row->scales ? row->threads : row->count,
                    bench_unit_name(bench_row_unit(row)), bench_subjects[s].name, median, least,
                    most, best > 0 ? bench_subjects[peer].name : "-");
            fprintf(to, best > 0 ? "%.3f\n" : "-\n", median / best);
        }
    }
}
