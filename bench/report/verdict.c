/* SPDX-License-Identifier: Apache-2.0 */
/* The targets: what was wanted, what it is, and whether that holds. A row that misses stays. */
#include <math.h>
#include <string.h>

#include "bench.h"

enum sense { AT_MOST, AT_LEAST };

/* Says nothing where nothing was measured. note: where the figure is from; may be empty. */
static void say(const char *what, double figure, enum sense sense, double wanted, const char *note)
{
    if (figure <= 0)
        return;
    bool held = sense == AT_MOST ? figure <= wanted : figure >= wanted;
    printf("%-4s %9.3f %s %6.2f  %s%s%s\n", held ? "ok" : "over", figure,
           sense == AT_MOST ? "<=" : ">=", wanted, what, note[0] == '\0' ? "" : ": ", note);
}

/* A figure that no target is about, but that others are read by. */
static void tell(const char *what, double figure)
{
    if (figure > 0)
        printf("     %9.*f            %s\n", figure < 1000 ? 1 : 0, figure, what);
}

static unsigned number_of(const char *subject)
{
    return (unsigned)(bench_find_subject(subject) - bench_subjects);
}

/* What rows a target is about. */
typedef bool is_meant(const struct bench_row *row);

static bool is_object_row(const struct bench_row *row)
{
    return row->workload == BENCH_PAIR && row->threads == 1 && !row->scales
               ? true
               : row->workload == BENCH_BATCH || (row->workload == BENCH_CHURN && !row->scales);
}

static bool is_small_page_row(const struct bench_row *row)
{
    bool pair = row->workload == BENCH_PAGE_PAIR || row->workload == BENCH_PAGE_PAIR_MERGED;
    return !row->scales && ((pair && row->low <= 6) || row->workload == BENCH_PAGE_CHURN);
}

static bool is_large_page_row(const struct bench_row *row)
{
    bool pair = row->workload == BENCH_PAGE_PAIR || row->workload == BENCH_PAGE_PAIR_MERGED;
    return pair && row->low > 6;
}

static bool is_time_row(const struct bench_row *row)
{
    return bench_row_unit(row) == BENCH_NS;
}

static bool is_occupancy_row(const struct bench_row *row)
{
    return row->workload == BENCH_OCCUPANCY;
}

static bool is_metadata_row(const struct bench_row *row)
{
    return row->workload == BENCH_METADATA;
}

/* What a figure is divided by. */
enum base { OF_BEST_PEER, OF_EXCLUSIVE, OF_NOTHING };

static double base_of(const struct bench_results *results, enum base base, unsigned row)
{
    unsigned peer;
    switch (base) {
    case OF_BEST_PEER:
        return bench_best_peer(results, row, &peer);
    case OF_EXCLUSIVE:
        return bench_figure(results, row, number_of("excl"));
    default:
        return 1;
    }
}

struct summary {
    double mean, worst; /* 0: nothing measured */
    char note[64];      /* the worst row */
};

static struct summary summarize(const struct bench_results *results, const char *subject,
                                is_meant *meant, enum base base)
{
    struct summary sum = {.note = ""};
    double logs = 0;
    unsigned count = 0;
    for (unsigned r = 0; r < bench_row_count; r++) {
        if (!meant(&bench_rows[r]))
            continue;
        double by = base_of(results, base, r);
        double figure = bench_figure(results, r, number_of(subject));
        if (figure <= 0 || by <= 0)
            continue;
        logs += log(figure / by);
        count++;
        if (figure / by > sum.worst) {
            sum.worst = figure / by;
            snprintf(sum.note, sizeof(sum.note), "%s", bench_rows[r].name);
        }
    }
    sum.mean = count == 0 ? 0 : exp(logs / count);
    return sum;
}

static double figure_of(const struct bench_results *results, const char *row, const char *subject)
{
    return bench_figure(results, (unsigned)(bench_find_row(row) - bench_rows), number_of(subject));
}

static void judge_objects(const struct bench_results *results)
{
    static const char *const exclusive[] = {"excl", "excl-1"};
    char what[96];
    for (unsigned i = 0; i < 2; i++) {
        struct summary sum = summarize(results, exclusive[i], is_object_row, OF_BEST_PEER);
        snprintf(what, sizeof(what), "pairs, batches, churns, %s, times the best peer's, mean",
                 exclusive[i]);
        say(what, sum.mean, AT_MOST, 1.00, "");
        snprintf(what, sizeof(what), "  the worst row");
        say(what, sum.worst, AT_MOST, 1.10, sum.note);
    }
    struct summary shared = summarize(results, "shared", is_object_row, OF_EXCLUSIVE);
    struct summary hook = summarize(results, "shared-hook", is_object_row, OF_EXCLUSIVE);
    say("the same, shared, times excl's, mean", shared.mean, AT_MOST, 1.3, "");
    say("  the worst row", shared.worst, AT_MOST, 1.3, shared.note);
    say("the same, shared-hook, times excl's, mean", hook.mean, AT_MOST, 1.8, "");
    say("  the worst row", hook.worst, AT_MOST, 1.8, hook.note);
    tell("ns: pair-64, one atomic exchange in each call and nothing else",
         figure_of(results, "pair-64", "locked"));
}

static void judge_pages(const struct bench_results *results)
{
    struct summary ratio = summarize(results, "excl", is_small_page_row, OF_BEST_PEER);
    struct summary small = summarize(results, "excl", is_small_page_row, OF_NOTHING);
    struct summary large = summarize(results, "excl", is_large_page_row, OF_NOTHING);
    say("pages, orders 0 to 6, excl, times the best peer's, worst row", ratio.worst, AT_MOST, 1.00,
        ratio.note);
    say("pages, orders 0 to 6, excl, ns, worst row", small.worst, AT_MOST, 10, small.note);
    say("pages, orders 7 to 9, excl, ns, worst row", large.worst, AT_MOST, 25, large.note);
}

static void judge_hand_over(const struct bench_results *results)
{
    static const char *const rows[] = {"producer", "hand-over", "larson"};
    char what[96];
    unsigned peer;
    for (unsigned i = 0; i < 3; i++) {
        unsigned row = (unsigned)(bench_find_row(rows[i]) - bench_rows);
        double figure = bench_figure(results, row, number_of("excl"));
        double best = bench_best_peer(results, row, &peer);
        snprintf(what, sizeof(what), "%s, excl, the best peer's time over its own", rows[i]);
        say(what, figure > 0 ? best / figure : 0, AT_LEAST, 1.00, "");
    }
}

/* How many times the work of one thread the most threads do. 0: not measured. */
static double scaling(const struct bench_results *results, const char *group, unsigned subject,
                      unsigned *threads)
{
    double one = 0, most = 0;
    *threads = 0;
    for (unsigned r = 0; r < bench_row_count; r++) {
        double figure = bench_figure(results, r, subject);
        if (figure <= 0 || strcmp(bench_rows[r].group, group) != 0)
            continue;
        one = bench_rows[r].threads == 1 ? figure : one;
        most = figure;
        *threads = bench_rows[r].threads;
    }
    return one > 0 && *threads > 1 ? one / most * *threads : 0;
}

static void judge_scaling(const struct bench_results *results)
{
    static const char *const groups[] = {"threads-64", "threads-page", "threads-churn"};
    static const char *const ours[] = {"excl", "shared"};
    char what[96], note[64];
    unsigned threads;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 2; k++) {
            double control = scaling(results, groups[i], number_of("control"), &threads);
            double mine = scaling(results, groups[i], number_of(ours[k]), &threads);
            snprintf(what, sizeof(what), "%s, %s, scaling in %% of the control's", groups[i],
                     ours[k]);
            snprintf(note, sizeof(note), "%.2f times one thread's work in %u, control %.2f", mine,
                     threads, control);
            say(what, control > 0 ? 100 * mine / control : 0, AT_LEAST, 95, note);
        }
}

static void judge_growth(const struct bench_results *results)
{
    static const char *const groups[] = {"slabs", "sections", "odd-pages"};
    char what[96], note[64];
    for (unsigned i = 0; i < 3; i++) {
        double first = 0, most = 0;
        size_t from = 0, to = 0;
        for (unsigned r = 0; r < bench_row_count; r++) {
            double figure = bench_figure(results, r, number_of("excl"));
            if (figure <= 0 || strcmp(bench_rows[r].group, groups[i]) != 0)
                continue;
            from = first > 0 ? from : bench_rows[r].count;
            first = first > 0 ? first : figure;
            most = figure > most ? figure : most;
            to = bench_rows[r].count;
        }
        snprintf(what, sizeof(what), "%s %zu to %zu, excl, the highest cost over the first",
                 groups[i], from, to);
        snprintf(note, sizeof(note), "%.1f ns over %.1f", most, first);
        say(what, to > from ? most / first : 0, AT_MOST, 1.3, note);
    }
}

static void judge_memory(const struct bench_results *results)
{
    static const struct {
        const char *row, *subject;
        double wanted;
    } occupied[] = {{"occupied-10K", "excl", 1.46},   {"occupied-100K", "excl", 1.41},
                    {"occupied-mixed", "excl", 1.07}, {"occupied-10K", "fine", 1.23},
                    {"occupied-100K", "fine", 1.14},  {"occupied-mixed", "fine", 1.07}};
    char what[96];
    for (unsigned i = 0; i < sizeof(occupied) / sizeof(occupied[0]); i++) {
        snprintf(what, sizeof(what), "%s, %s, peak occupied over peak live", occupied[i].row,
                 occupied[i].subject);
        say(what, figure_of(results, occupied[i].row, occupied[i].subject), AT_MOST,
            occupied[i].wanted, "");
    }
    for (unsigned r = 0; r < bench_row_count; r++) {
        const struct bench_row *row = &bench_rows[r];
        if (row->workload != BENCH_USABLE)
            continue;
        snprintf(what, sizeof(what), "a slab's usable share, records included, %% at %zu bytes",
                 row->low);
        say(what, bench_figure(results, r, number_of("excl")), AT_LEAST,
            row->low == 8    ? 96
            : row->low == 16 ? 97
                             : 98,
            "");
    }
    struct summary metadata = summarize(results, "excl", is_metadata_row, OF_NOTHING);
    say("metadata, bytes a page of 4096, worst region", metadata.worst, AT_MOST, 20, metadata.note);
    tell("bytes of state for each CPU that is used", figure_of(results, "cpu-state", "excl"));
}

static void judge_preload(const struct bench_results *results)
{
    struct summary time = summarize(results, "preload", is_time_row, OF_BEST_PEER);
    struct summary memory = summarize(results, "preload", is_occupancy_row, OF_BEST_PEER);
    say("preload, times the best peer's time, mean of all rows", time.mean, AT_MOST, 1.10, "");
    say("preload, times the best peer's memory, mean of all rows", memory.mean, AT_MOST, 1.25, "");
}

void bench_print_verdict(const struct bench_results *results)
{
    puts("\nTargets\n");
    judge_objects(results);
    judge_pages(results);
    judge_hand_over(results);
    judge_scaling(results);
    judge_growth(results);
    say("realloc between 1 MiB - 1 and 1 MiB, excl, ns", figure_of(results, "realloc-1M", "excl"),
        AT_MOST, 50, "");
    judge_memory(results);
    judge_preload(results);
}
