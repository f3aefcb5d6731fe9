/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of bsa-trace that no file can reach: what the readers would refuse first, and limits. */
#include "native_support.h"

#include "common/arguments.h"
#include "tool/check.h"
#include "tool/stats.h"
#include "tool/tool.h"

/* --- What check says of events ----------------------------------------------------------------- */

static const struct trace_event first_alloc = {.number = 1, .size = 10, .kind = TRACE_ALLOC};

/* A few events, as if a reader had promised two slots; how many problems there are. */
static guint64 problems_of(const struct trace_event *events, guint count, const char *expected)
{
    struct check_problems problems = {.text = g_string_new(NULL)};
    struct trace_summary summary = {.peak_slots = 2, .events = count};
    struct check_events check;
    check_events_init(&check, &summary, &problems);
    for (guint i = 0; i < count; i++)
        check_events_take(&check, &events[i], 1);
    struct trace_hygiene hygiene = {.never_freed = check.live};
    check_events_finish(&check, &summary, &hygiene);
    if (expected != NULL)
        ck_assert_msg(strstr(problems.text->str, expected) != NULL, "'%s' not in: %s", expected,
                      problems.text->str);
    g_string_free(problems.text, TRUE);
    return problems.count;
}

START_TEST(good_events_are_good)
{
    const struct trace_event events[] = {
        first_alloc,
        {.number = 2, .size = 30, .slot = 1, .kind = TRACE_CALLOC},
        {.number = 3, .size = 20, .kind = TRACE_REALLOC},
        {.number = 4, .size = 1, .kind = TRACE_REALLOC, .flags = TRACE_FAILED},
        {.number = 5, .size = 7, .slot = TRACE_NO_SLOT, .kind = TRACE_ALLOC, .flags = TRACE_FAILED},
        {.number = 6, .time_ns = 5, .size = 20, .kind = TRACE_FREE},
        {.number = 7, .time_ns = 5, .slot = TRACE_NO_SLOT, .kind = TRACE_THREAD_END},
    };
    ck_assert_uint_eq(problems_of(events, G_N_ELEMENTS(events), NULL), 0);
}
END_TEST

static const struct wrong {
    struct trace_event event; /* behind first_alloc */
    const char *told;
} wrongs[] = {
    {{.number = 2, .size = 4, .kind = TRACE_ALLOC}, "event 2, alloc: its slot has a live object"},
    {{.number = 2, .size = 4, .slot = 1, .kind = TRACE_FREE}, "no live object"},
    {{.number = 2, .size = 4, .slot = 1, .kind = TRACE_REALLOC}, "no live object"},
    {{.number = 2, .size = 4, .slot = 2, .kind = TRACE_ALLOC}, "beyond the trace's peak"},
    {{.number = 2, .size = 9, .kind = TRACE_FREE}, "its size is not that of what goes"},
    {{.number = 2, .size = 10, .kind = TRACE_PAGE_FREE}, "it is of an object"},
    {{.number = 3, .slot = 1, .kind = TRACE_ALLOC}, "its number is not the next"},
    {{.number = 2, .slot = 1, .kind = TRACE_REALLOC_BEGIN}, "no event is of this kind"},
    {{.number = 2, .slot = 1, .kind = TRACE_KINDS}, "event 2, unknown: no event is of this kind"},
    {{.number = 2, .kind = TRACE_FREE, .flags = TRACE_FAILED}, "it cannot have failed"},
    {{.number = 2, .slot = 1, .kind = TRACE_ALLOC, .flags = TRACE_FAILED}, "failed and has a slot"},
};

START_TEST(wrong_events_are_told)
{
    const struct trace_event events[] = {first_alloc, wrongs[_i].event};
    ck_assert_uint_ge(problems_of(events, 2, wrongs[_i].told), 1);
}
END_TEST

START_TEST(time_does_not_go_back)
{
    struct trace_event events[] = {first_alloc, {.number = 2, .slot = 1, .kind = TRACE_ALLOC}};
    events[0].time_ns = 3;
    ck_assert_uint_eq(problems_of(events, 2, "time is before"), 1);
}
END_TEST

START_TEST(few_problems_are_shown_and_all_counted)
{
    struct check_problems problems = {.text = g_string_new(NULL)};
    for (int i = 0; i < 100; i++)
        check_problem(&problems, "number %d", i);
    ck_assert_uint_eq(problems.count, 100);
    ck_assert_ptr_nonnull(strstr(problems.text->str, "number 7\n"));
    ck_assert_ptr_null(strstr(problems.text->str, "number 8"));
    g_string_free(problems.text, TRUE);
}
END_TEST

/* --- What stats counts ------------------------------------------------------------------------- */

static void take_object(struct stats *stats, guint64 size, guint32 slot)
{
    const struct trace_event event = {.size = size, .slot = slot, .kind = TRACE_ALLOC};
    stats_take(stats, &event);
}

START_TEST(buckets_have_their_limits)
{
    const guint64 sizes[] = {0, 1, 2, 3, 4, 5, 1023, 1024, 1025, G_MAXINT64, G_MAXUINT64};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        struct stats stats;
        guint bucket = 0;
        stats_init(&stats);
        take_object(&stats, sizes[i], 0);
        while (stats.sizes.count[bucket] == 0)
            bucket++;
        ck_assert_uint_le(sizes[i], stats_bucket_limit(bucket));
        ck_assert(bucket == 0 || sizes[i] > stats_bucket_limit(bucket - 1));
        stats_clear(&stats);
    }
}
END_TEST

START_TEST(hot_sizes_in_order)
{
    struct stats stats;
    struct stats_size hot[STATS_HOT_SIZES];
    guint32 slot = 0;
    stats_init(&stats);
    /* Size i * 4096, on both sides of STATS_SMALL, i % 10 + 1 times. */
    for (guint i = 1; i <= 40; i++) {
        for (guint j = 0; j <= i % 10; j++)
            take_object(&stats, (guint64)i * 4096, slot++);
    }
    ck_assert_uint_eq(stats_hot_sizes(&stats, hot), STATS_HOT_SIZES);
    for (guint i = 0; i < STATS_HOT_SIZES; i++) {
        ck_assert_uint_eq(hot[i].count, 10 - i / 4);
        ck_assert_uint_eq(hot[i].size, (9 - i / 4 + i % 4 * 10) * 4096);
    }
    stats_clear(&stats);
}
END_TEST

START_TEST(reallocs_change_what_is_live)
{
    struct stats stats;
    const struct trace_event events[] = {
        {.number = 1, .size = 100, .kind = TRACE_ALLOC},
        {.number = 2, .size = 300, .kind = TRACE_REALLOC},
        {.number = 3, .size = 50, .kind = TRACE_REALLOC, .time_ns = 7},
        {.number = 4, .size = 900, .kind = TRACE_REALLOC, .flags = TRACE_FAILED},
        {.number = 5, .size = 50, .kind = TRACE_FREE, .time_ns = 9, .thread = 3, .cpu = 1},
    };
    stats_init(&stats);
    for (guint i = 0; i < G_N_ELEMENTS(events); i++)
        stats_take(&stats, &events[i]);
    ck_assert_uint_eq(stats.grown_bytes, 200);
    ck_assert_uint_eq(stats.shrunk_bytes, 250);
    ck_assert_uint_eq(stats.peak.bytes, 300);
    ck_assert_uint_eq(stats.peak.event, 2);
    ck_assert_uint_eq(stats.now.bytes, 0);
    ck_assert_uint_eq(stats.cross_thread_frees, 1);
    ck_assert_uint_eq(stats.cross_cpu_frees, 1);
    ck_assert_uint_eq(stats.life_ns.count[5], 1); /* 9 ns: above 8, at most 16 */
    stats_clear(&stats);
}
END_TEST

/* --- Times of the command line ----------------------------------------------------------------- */

static const struct {
    const char *text;
    guint64 ns; /* G_MAXUINT64: refused */
} times[] = {
    {"0", 0},
    {"1", 1000000000},
    {"1.5", 1500000000},
    {".25s", 250000000},
    {"0.000000001", 1},
    {"1.123456789s", 1123456789},
    {"200ms", 200000000},
    {"1.5us", 1500},
    {"7ns", 7},
    {"2min", G_GUINT64_CONSTANT(120000000000)},
    {"1h", G_GUINT64_CONSTANT(3600000000000)},
    {"18446744073.8", G_MAXUINT64},
    {"18446744074", G_MAXUINT64},
    {"", G_MAXUINT64},
    {".", G_MAXUINT64},
    {"-1", G_MAXUINT64},
    {"1 s", G_MAXUINT64},
    {"1d", G_MAXUINT64},
};

START_TEST(times_of_the_command_line)
{
    guint64 ns = 0;
    GError *error = NULL;
    gboolean good = parse_time("from", times[_i].text, &ns, &error);
    ck_assert_msg(good == (times[_i].ns != G_MAXUINT64), "'%s'", times[_i].text);
    if (good) {
        ck_assert_uint_eq(ns, times[_i].ns);
    } else {
        ck_assert(g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE));
        g_error_free(error);
    }
}
END_TEST

/* --- What info says of a file that is not to be trusted ---------------------------------------- */

START_TEST(metadata_is_no_command_of_the_terminal)
{
    char *path = new_path(), *out = new_path(), *text = NULL;
    char *to = g_strconcat("--output=", out, NULL), *argv[] = {"info", to, path, NULL};
    struct tool tool = {.output = NULL};
    GError *error = NULL;
    trace_meta *meta = trace_meta_new();
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, NULL);
    trace_meta_set_text(meta, "red\033[31m\nkey\302\233\377", "value\033[0m\302\233");
    ck_assert(trace_writer_meta(writer, meta, &error));
    write_event(writer, &first_alloc);
    close_writer(writer);
    trace_meta_free(meta);
    ck_assert(tool_info.run(&tool, 3, argv, &error));
    tool_clear(&tool);
    ck_assert(g_file_get_contents(out, &text, NULL, NULL));
    ck_assert_ptr_nonnull(strstr(text, "\nred [31m key \357\277\275"));
    ck_assert_ptr_nonnull(strstr(text, "value [0m \n"));
    ck_assert_ptr_null(strchr(text, '\033'));
    unlink(path);
    unlink(out);
    g_free(path);
    g_free(out);
    g_free(to);
    g_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tool");
    TCase *check = tcase_create("check");
    tcase_add_test(check, good_events_are_good);
    tcase_add_loop_test(check, wrong_events_are_told, 0, G_N_ELEMENTS(wrongs));
    tcase_add_test(check, time_does_not_go_back);
    tcase_add_test(check, few_problems_are_shown_and_all_counted);
    suite_add_tcase(suite, check);
    TCase *figures = tcase_create("stats");
    tcase_add_test(figures, buckets_have_their_limits);
    tcase_add_test(figures, hot_sizes_in_order);
    tcase_add_test(figures, reallocs_change_what_is_live);
    suite_add_tcase(suite, figures);
    TCase *arguments = tcase_create("arguments");
    tcase_add_loop_test(arguments, times_of_the_command_line, 0, G_N_ELEMENTS(times));
    suite_add_tcase(suite, arguments);
    TCase *info = tcase_create("info");
    tcase_add_test(info, metadata_is_no_command_of_the_terminal);
    suite_add_tcase(suite, info);
    return run_suite(suite);
}
