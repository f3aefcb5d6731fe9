/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest region, the curve over regions, and the processes in which both are replayed. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "replay/error.h"
#include "replay/jobs.h"
#include "replay_support.h"

#define PAGE 4096

/* Jobs ------------------------------------------------------------------------------------------ */

struct answer {
    guint index;
    guint64 squared;
    char filler[1000];
};

static gboolean square(gconstpointer data, guint index, gpointer result, GError **error)
{
    const guint *bad = data;
    struct answer *answer = result;
    (void)error;
    if (index == bad[0]) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE, "job %u is bad", index);
        return FALSE;
    }
    if (index == bad[1])
        raise(SIGKILL);
    if (index == bad[2])
        _exit(7);
    if (answer->squared != 0)
        return FALSE; /* not zero before */
    answer->index = index;
    answer->squared = (guint64)index * index;
    return TRUE;
}

START_TEST(test_jobs_answer_in_order)
{
    static struct answer answer[50];
    const guint bad[] = {G_MAXUINT, G_MAXUINT, G_MAXUINT};
    GError *error = NULL;
    ck_assert(replay_jobs_run(square, bad, 50, answer, sizeof(answer[0]), &error));
    ck_assert_ptr_null(error);
    for (guint i = 0; i < 50; i++) {
        ck_assert_uint_eq(answer[i].index, i);
        ck_assert_uint_eq(answer[i].squared, (guint64)i * i);
    }
}
END_TEST

/* A child whose parent was gone before it could ask to end with it ends by itself. */
START_TEST(test_child_of_nobody_ends)
{
    pid_t parent = _i == 0 ? getpid() : getppid();
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        child_ends_with(parent);
        _exit(7);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), _i == 0 ? 7 : 1);
}
END_TEST

/* The first of the jobs that failed is heard, and no process is left behind. */
START_TEST(test_jobs_tell_what_went_wrong)
{
    static const struct {
        guint bad[3];
        enum replay_error code;
        const char *what;
    } tries[] = {
        {{4, 6, 8}, REPLAY_ERROR_TRACE, "job 4 is bad"},
        {{6, 4, 8}, REPLAY_ERROR_MEMORY, "signal 9"},
        {{8, 6, 4}, REPLAY_ERROR_MEMORY, "status 7"},
        {{9, 99, 99}, REPLAY_ERROR_TRACE, "job 9 is bad"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(tries); i++) {
        struct answer answer[10] = {{.index = 77}};
        GError *error = NULL;
        ck_assert(!replay_jobs_run(square, tries[i].bad, 10, answer, sizeof(answer[0]), &error));
        ck_assert_msg(g_error_matches(error, REPLAY_ERROR_DOMAIN, (int)tries[i].code), "%s",
                      error->message);
        ck_assert_ptr_nonnull(strstr(error->message, tries[i].what));
        ck_assert_uint_eq(answer[0].index, 77);
        g_error_free(error);
        ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    }
}
END_TEST

/* Traces ---------------------------------------------------------------------------------------- */

/* Single pages; then every second of each CPU's goes, and blocks of 2^order take the room, if it is
 * there. */
static GString *comb(guint pages, guint blocks, guint order)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < pages; i++)
        add_page_alloc(text, i / 2 % 2, i, 0x1000 + i, 0);
    for (guint i = 0; i < pages; i += 2)
        add_page_free(text, i / 2 % 2, pages + i, 0x1000 + i, 0);
    for (guint i = 0; i < blocks; i++)
        add_page_alloc(text, 0, 3 * pages + i, 0x100000 + (i << order), order);
    return text;
}

static gint64 failed_in(const char *text, gint64 region)
{
    struct ran ran;
    char *option = g_strdup_printf("--region=%" G_GINT64_FORMAT, region);
    replay_text(&ran, text, (const char *[]){option, NULL});
    gint64 failed = ran.status == 0 ? count_at(&ran, "result.failed") : -1;
    if (failed < 0)
        ck_assert_ptr_nonnull(strstr(ran.said, "give a larger --region"));
    g_free(option);
    forget(&ran);
    return failed;
}

/* In the region that is found no request fails, in one that is a page less one does. */
static gint64 check_minimum(const char *text, gint64 at_least)
{
    struct ran ran;
    replay_text(&ran, text, (const char *[]){"--find-min-region", NULL});
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    gint64 found = count_at(&ran, "smallest_region.smallest.region_bytes");
    gint64 below = count_at(&ran, "smallest_region.one_page_less.region_bytes");
    gint64 event = count_at(&ran, "smallest_region.one_page_less.failed_event");
    gint64 managed = count_at(&ran, "smallest_region.smallest.managed");
    gint64 peak = count_at(&ran, "smallest_region.ample.peak_occupied_bytes");
    double over = ratio_at(&ran, "smallest_region.over_peak_occupied");
    forget(&ran);
    ck_assert_int_eq(found % PAGE, 0);
    ck_assert_int_eq(below, found - PAGE);
    ck_assert_int_ge(managed, at_least);
    ck_assert_int_lt(managed, found);
    ck_assert_double_eq_tol(over, (double)found / (double)peak, 1e-9);
    ck_assert_int_eq(failed_in(text, found), 0);
    ck_assert_int_ne(failed_in(text, below), 0);
    ck_assert_int_eq(event != 0, failed_in(text, below) > 0);
    return found;
}

START_TEST(test_smallest_of_single_pages)
{
    for (guint pages = 1; pages < 2000; pages = pages * 3 + 1) {
        GString *text = comb(pages, 0, 0);
        check_minimum(text->str, (gint64)pages * PAGE);
        g_string_free(text, TRUE);
    }
}
END_TEST

/* The peak is that of the single pages, but the blocks do not fit between those that stay. */
START_TEST(test_smallest_of_a_comb)
{
    GString *text = comb(1000, 400, 0);
    GString *blocks = comb(1000, 25, 4);
    gint64 single = check_minimum(text->str, 1000 * PAGE);
    ck_assert_int_ge(check_minimum(blocks->str, 1000 * PAGE), single + 200 * PAGE);
    g_string_free(text, TRUE);
    g_string_free(blocks, TRUE);
}
END_TEST

START_TEST(test_smallest_of_objects)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 3000; i++)
        add_alloc(text, i % 2, 1 + i % 2, i, 0x100000 + i * 4096, 8 + i % 3000);
    check_minimum(text->str, 3000 * 8);
    g_string_free(text, TRUE);
}
END_TEST

/* Nothing is ever alive: the region in which the allocator just starts. */
START_TEST(test_smallest_of_nothing)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 10; i++)
        add_page_free(text, 0, i, 0x100 + i, 0);
    struct ran ran;
    replay_text(&ran, text->str, (const char *[]){"--find-min-region", "--curve", NULL});
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    gint64 found = count_at(&ran, "smallest_region.smallest.region_bytes");
    forget(&ran);
    ck_assert_int_eq(failed_in(text->str, found), 0);
    ck_assert_int_eq(failed_in(text->str, found - PAGE), -1);
    g_string_free(text, TRUE);
}
END_TEST

/* The curve ------------------------------------------------------------------------------------- */

static double element(const struct ran *ran, const char *path, guint index)
{
    char *full = g_strdup_printf("%s.%u", path, index);
    double value = ratio_at(ran, full);
    g_free(full);
    return value;
}

/* A point is what a replay in that region says by itself. */
static void check_point(const struct ran *ran, const char *text, guint point)
{
    struct ran alone;
    char *path = g_strdup_printf("curve.points.%u.region_bytes", point);
    char *option = g_strdup_printf("--region=%" G_GINT64_FORMAT, count_at(ran, path));
    replay_text(&alone, text, (const char *[]){option, NULL});
    static const char *const counts[][2] = {{"failed", "result.failed"},
                                            {"managed", "end.managed"},
                                            {"peak_occupied_bytes", "result.peak_occupied_bytes"}};
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_free(path);
        path = g_strdup_printf("curve.points.%u.%s", point, counts[i][0]);
        ck_assert_int_eq(count_at(ran, path), count_at(&alone, counts[i][1]));
    }
    static const char *const moments[] = {"peak", "end", "end_drained"};
    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_free(path);
        path = g_strdup_printf("curve.points.%u.%s.unusable_free_space_index", point, moments[i]);
        char *same = g_strdup_printf("%s.unusable_free_space_index", moments[i]);
        for (guint order = 0; order < 11; order++)
            ck_assert_double_eq(element(ran, path, order), element(&alone, same, order));
        g_free(same);
    }
    g_free(path);
    g_free(option);
    forget(&alone);
}

START_TEST(test_curve_is_that_of_single_replays)
{
    static const gint64 percent[] = {102, 110, 125, 150, 200};
    GString *text = comb(1000, 30, 4);
    struct ran ran;
    replay_text(&ran, text->str, (const char *[]){"--curve", NULL});
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    gint64 peak = count_at(&ran, "curve.peak_occupied_bytes");
    ck_assert_int_ge(peak, 1000 * PAGE);
    for (guint i = 0; i < G_N_ELEMENTS(percent); i++) {
        char *path = g_strdup_printf("curve.points.%u.region_bytes", i);
        gint64 region = count_at(&ran, path);
        ck_assert_int_eq(region, (peak * percent[i] + 100 * PAGE - 1) / (100 * PAGE) * PAGE);
        check_point(&ran, text->str, i);
        g_free(path);
    }
    ck_assert(!json_object_has_member(json_node_get_object(json_parser_get_root(ran.json)),
                                      "smallest_region"));
    g_string_free(text, TRUE);
    forget(&ran);
}
END_TEST

/* The mean over the samples is that of the time line. */
START_TEST(test_curve_mean_is_over_the_time_line)
{
    GString *text = comb(600, 0, 0);
    struct ran ran, alone;
    replay_text(&ran, text->str, (const char *[]){"--curve", "--samples=5", NULL});
    char *option = g_strdup_printf("--region=%" G_GINT64_FORMAT,
                                   count_at(&ran, "curve.points.1.region_bytes"));
    replay_text(&alone, text->str, (const char *[]){option, "--samples=5", NULL});
    char *csv = file_of(&alone, "timeline.csv");
    char **lines = g_strsplit(g_strchomp(csv), "\n", -1);
    char **names = g_strsplit(lines[0], ",", -1);
    guint column = 0, count = 0;
    while (strcmp(names[column], "unusable_3") != 0)
        column++;
    double sum = 0.0;
    for (guint i = 1; lines[i] != NULL; i++) {
        char **fields = g_strsplit(lines[i], ",", -1);
        if (strcmp(fields[2], "0") == 0) {
            sum += g_ascii_strtod(fields[column], NULL);
            count++;
        }
        g_strfreev(fields);
    }
    ck_assert_uint_ge(count, 4);
    ck_assert_double_gt(sum, 0.0);
    ck_assert_double_eq_tol(ratio_at(&ran, "curve.points.1.mean.unusable_free_space_index.3"),
                            sum / count, 1e-5);
    g_strfreev(names);
    g_strfreev(lines);
    g_free(csv);
    g_free(option);
    g_string_free(text, TRUE);
    forget(&ran);
    forget(&alone);
}
END_TEST

/* The report of the one replay does not change for the others that were made. */
START_TEST(test_regions_leave_the_rest_alone)
{
    GString *text = comb(500, 10, 3);
    struct ran with, without;
    replay_text(&with, text->str, (const char *[]){"--curve", "--find-min-region", NULL});
    replay_text(&without, text->str, (const char *[]){NULL});
    char *one = file_of(&with, "timeline.csv"), *other = file_of(&without, "timeline.csv");
    ck_assert_str_eq(one, other);
    ck_assert_int_eq(count_at(&with, "hygiene.events"), count_at(&without, "hygiene.events"));
    JsonObject *root = json_node_get_object(json_parser_get_root(without.json));
    ck_assert(!json_object_has_member(root, "curve"));
    ck_assert(!json_object_has_member(root, "smallest_region"));
    g_free(one);
    g_free(other);
    g_string_free(text, TRUE);
    forget(&with);
    forget(&without);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("regions");
    TCase *tc = tcase_create("regions");
    tcase_add_test(tc, test_jobs_answer_in_order);
    tcase_add_loop_test(tc, test_child_of_nobody_ends, 0, 2);
    tcase_add_test(tc, test_jobs_tell_what_went_wrong);
    tcase_add_test(tc, test_smallest_of_single_pages);
    tcase_add_test(tc, test_smallest_of_a_comb);
    tcase_add_test(tc, test_smallest_of_objects);
    tcase_add_test(tc, test_smallest_of_nothing);
    tcase_add_test(tc, test_curve_is_that_of_single_replays);
    tcase_add_test(tc, test_curve_mean_is_over_the_time_line);
    tcase_add_test(tc, test_regions_leave_the_rest_alone);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
