/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay from end to end, on traces whose figures can be computed by hand. */
#include "replay_support.h"

#define BASE G_GUINT64_CONSTANT(0xffff888100000000)
#define NEAR 1e-9

static const char *const slab_on_2[] = {"--layer=slab", "--cpus=2", NULL};

/* Ten objects of 100 bytes on CPU 0, the first four freed by CPU 1. */
static char *ten_objects(void)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 10; i++)
        add_alloc(text, 0, 11, 10 + i, BASE + 128 * i, 100);
    for (guint i = 0; i < 4; i++)
        add_free(text, 1, 12, 30 + i, BASE + 128 * i);
    return g_string_free(text, FALSE);
}

START_TEST(objects)
{
    struct ran ran;
    char *text = ten_objects();
    replay_text(&ran, text, slab_on_2);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "result.events"), 14);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 0);
    ck_assert_int_eq(count_at(&ran, "result.live_at_end"), 6);
    ck_assert_int_eq(count_at(&ran, "result.live_at_end_bytes"), 600);
    ck_assert_int_eq(count_at(&ran, "result.allocated_bytes"), 1000);
    ck_assert_int_eq(count_at(&ran, "result.given_bytes"), 1280);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_bytes"), 1000);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_event"), 10);
    ck_assert_int_eq(count_at(&ran, "result.cpu_switches"), 1);
    ck_assert(json_node_get_boolean(node_at(&ran, "peak_is_exact")));
    ck_assert_int_eq(count_at(&ran, "peak.event"), 10);
    ck_assert_int_eq(count_at(&ran, "peak.split.requested"), 1000);
    ck_assert_int_eq(count_at(&ran, "peak.split.class_rounding"), 280);
    ck_assert_int_eq(count_at(&ran, "end.split.requested"), 600);
    ck_assert_int_eq(count_at(&ran, "end.split.class_rounding"), 168);
    ck_assert_double_eq_tol(ratio_at(&ran, "internal_fragmentation.cumulative"), 28.0 / 128, NEAR);
    ck_assert_double_eq_tol(ratio_at(&ran, "internal_fragmentation.live_at_peak"), 28.0 / 128,
                            NEAR);
    /* All objects alike: every reading says the same. */
    ck_assert_double_eq_tol(ratio_at(&ran, "internal_fragmentation.over_events"), 28.0 / 128, NEAR);
    ck_assert_int_eq(count_at(&ran, "hygiene.never_freed"), 6);
    forget(&ran);
    g_free(text);
}
END_TEST

START_TEST(remote_frees)
{
    struct ran ran;
    char *text = ten_objects();
    replay_text(&ran, text, slab_on_2);
    ck_assert_int_eq(count_at(&ran, "cpus.0.allocs"), 10);
    ck_assert_int_eq(count_at(&ran, "cpus.0.frees"), 0);
    ck_assert_int_eq(count_at(&ran, "cpus.0.remote_frees_out"), 0);
    ck_assert_int_eq(count_at(&ran, "cpus.0.remote_frees_in"), 4);
    ck_assert_int_eq(count_at(&ran, "cpus.1.frees"), 4);
    ck_assert_int_eq(count_at(&ran, "cpus.1.remote_frees_out"), 4);
    ck_assert_int_eq(count_at(&ran, "cpus.1.remote_frees_in"), 0);
    forget(&ran);
    g_free(text);
}
END_TEST

/* What leaves a CPU's magazines when CPUs are drained is no longer in its split. */
START_TEST(drained)
{
    struct ran ran;
    char *text = ten_objects();
    replay_text(&ran, text, slab_on_2);
    gint64 live = 0;
    for (guint i = 0; i < 9; i++) {
        char path[64];
        g_snprintf(path, sizeof(path), "end_drained.classes.%u.in_magazines", i);
        ck_assert_int_eq(count_at(&ran, path), 0);
        g_snprintf(path, sizeof(path), "end_drained.classes.%u.live", i);
        live += count_at(&ran, path);
    }
    ck_assert_int_eq(live, 6);
    ck_assert_int_eq(count_at(&ran, "end_drained.split.requested"), 600);
    forget(&ran);
    g_free(text);
}
END_TEST

static const char *const split_parts[] = {
    "requested", "class_rounding", "block_rounding", "free_slots", "empty_slabs",
    "cached",    "remote_pending", "slab_records",   "metadata",   "free",
};

static gint64 split_sum(const struct ran *ran, const char *moment)
{
    gint64 sum = 0;
    for (guint i = 0; i < G_N_ELEMENTS(split_parts); i++) {
        char *path = g_strdup_printf("%s.split.%s", moment, split_parts[i]);
        sum += count_at(ran, path);
        g_free(path);
    }
    return sum;
}

/* Larger than the classes: whole pages, and the rest of the last one is block rounding. */
START_TEST(large_objects)
{
    static const char *const options[] = {"--layer=slab", "--region=4M", NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    add_alloc(text, 0, 1, 1, BASE, 5000);
    add_alloc(text, 0, 1, 2, BASE + 0x10000, 2049);
    add_alloc(text, 0, 1, 3, BASE + 0x20000, 2048);
    add_free(text, 0, 1, 4, BASE + 0x10000);
    replay_text(&ran, text->str, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "peak.split.block_rounding"), 8192 - 5000 + 4096 - 2049);
    ck_assert_int_eq(count_at(&ran, "end.split.block_rounding"), 8192 - 5000);
    ck_assert_int_eq(count_at(&ran, "end.blocks.live"), 1);
    ck_assert_int_eq(count_at(&ran, "end.split.class_rounding"), 0);
    ck_assert_int_eq(count_at(&ran, "end.region_bytes"), 4 << 20);
    ck_assert_int_eq(split_sum(&ran, "peak"), 4 << 20);
    ck_assert_int_eq(split_sum(&ran, "end"), 4 << 20);
    ck_assert_int_eq(split_sum(&ran, "end_drained"), 4 << 20);
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(pages)
{
    static const char *const options[] = {"--layer=page", "--page-size=8K", "--region=4M", NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    add_page_alloc(text, 0, 1, 0x1000, 3);
    add_page_alloc(text, 1, 2, 0x2000, 0);
    add_page_free(text, 1, 3, 0x1000, 3);
    replay_text(&ran, text->str, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_bytes"), 65536 + 8192);
    ck_assert_int_eq(count_at(&ran, "end.blocks.live"), 1);
    ck_assert_int_eq(count_at(&ran, "end.blocks.requested_bytes"), 8192);
    ck_assert_int_eq(count_at(&ran, "end.split.block_rounding"), 0);
    ck_assert_int_eq(count_at(&ran, "cpus.1.page_allocs"), 1);
    ck_assert_int_eq(count_at(&ran, "cpus.1.page_frees"), 1);
    ck_assert_int_eq(count_at(&ran, "cpus.1.remote_frees_out"), 1);
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

/* 1 MiB does not fit into a region of 1 MiB beside its metadata. */
static char *one_too_large(void)
{
    GString *text = g_string_new(NULL);
    add_page_alloc(text, 0, 1, 0x1000, 0);
    add_page_alloc(text, 0, 2, 0x2000, 8);
    add_page_free(text, 0, 3, 0x2000, 8);
    add_page_free(text, 0, 4, 0x1000, 0);
    return g_string_free(text, FALSE);
}

START_TEST(failed_requests)
{
    static const char *const options[] = {"--layer=page", "--region=1M", NULL};
    struct ran ran;
    char *text = one_too_large();
    replay_text(&ran, text, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 1);
    ck_assert_int_eq(count_at(&ran, "result.failed_bytes"), 1 << 20);
    ck_assert_int_eq(count_at(&ran, "result.frees_of_failed"), 1);
    ck_assert_int_eq(count_at(&ran, "result.live_at_end"), 0);
    ck_assert_int_eq(count_at(&ran, "result.first_failures.0.event"), 2);
    ck_assert_int_eq(count_at(&ran, "result.first_failures.0.bytes"), 1 << 20);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_bytes"), 4096);
    ck_assert(!json_node_get_boolean(node_at(&ran, "peak_is_exact")));
    char *report = file_of(&ran, "report.txt");
    ck_assert_ptr_nonnull(strstr(report, "event 2 (line 2) at 0.000001 s on CPU 0: 1 MiB"));
    g_free(report);
    forget(&ran);
    g_free(text);
}
END_TEST

START_TEST(regions_added)
{
    static const char *const options[] = {"--layer=page", "--region=1M", "--region=4M",
                                          "--region=2M", NULL};
    struct ran ran;
    char *text = one_too_large();
    replay_text(&ran, text, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.regions_used"), 2);
    ck_assert_int_eq(count_at(&ran, "replay.region_added_after_event.1"), 1);
    ck_assert_int_eq(count_at(&ran, "replay.region_bytes_used"), 5 << 20);
    ck_assert_int_eq(count_at(&ran, "end.region_bytes"), 5 << 20);
    ck_assert_int_eq(split_sum(&ran, "end"), 5 << 20);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Objects that classes double: the default region is too small for them, its reserve is not. */
START_TEST(default_region)
{
    static const char *const options[] = {"--layer=slab", NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 20000; i++)
        add_alloc(text, 0, 1, i, BASE + 2048 * (guint64)i, 1025);
    replay_text(&ran, text->str, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert(json_node_get_boolean(node_at(&ran, "replay.regions_from_trace")));
    ck_assert_int_eq(count_at(&ran, "result.failed"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.regions_used"), 2);
    /* 1.5 * 20000 * 1025 + 6 MiB + 128 KiB, rounded up to 2 MiB */
    ck_assert_int_eq(count_at(&ran, "replay.regions.0"), 36 << 20);
    ck_assert_int_gt(count_at(&ran, "replay.region_added_after_event.1"), 17000);
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

/* Threads 7, 3, 7, 5 on recorded CPUs 5, 6, 5, 2. */
static char *four_threads(void)
{
    GString *text = g_string_new(NULL);
    add_alloc(text, 5, 7, 1, BASE, 8);
    add_alloc(text, 6, 3, 2, BASE + 8, 8);
    add_alloc(text, 5, 7, 3, BASE + 16, 8);
    add_alloc(text, 2, 5, 4, BASE + 24, 8);
    return g_string_free(text, FALSE);
}

static void expect_events(const char *map, const gint64 *events, guint cpus)
{
    char *map_option = g_strconcat("--cpu-map=", map, NULL);
    char *cpus_option = g_strdup_printf("--cpus=%u", cpus);
    const char *const options[] = {"--layer=slab", map_option, cpus_option, NULL};
    struct ran ran;
    char *text = four_threads();
    replay_text(&ran, text, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    for (guint cpu = 0; cpu < cpus; cpu++) {
        char path[32];
        g_snprintf(path, sizeof(path), "cpus.%u.events", cpu);
        ck_assert_int_eq(count_at(&ran, path), events[cpu]);
    }
    forget(&ran);
    g_free(text);
    g_free(cpus_option);
    g_free(map_option);
}

START_TEST(cpu_maps)
{
    expect_events("recorded", (const gint64[]){0, 2, 2, 0}, 4);
    expect_events("recorded", (const gint64[]){2, 2}, 2);
    expect_events("round-robin", (const gint64[]){3, 1}, 2);
    expect_events("round-robin", (const gint64[]){2, 1, 1, 0}, 4);
    expect_events("thread", (const gint64[]){4}, 1);
}
END_TEST

/* As many CPUs as were recorded, the highest id counts. */
START_TEST(default_cpus)
{
    static const char *const options[] = {"--layer=slab", NULL};
    struct ran ran;
    char *text = four_threads();
    replay_text(&ran, text, options);
    ck_assert_int_eq(count_at(&ran, "replay.cpus"), 7);
    ck_assert_int_eq(count_at(&ran, "cpus.6.events"), 1);
    forget(&ran);
    g_free(text);
}
END_TEST

/* The peak is a line of its own between those at equal distances. */
START_TEST(timeline)
{
    static const char *const options[] = {"--layer=slab", "--samples=3", NULL};
    struct ran ran;
    char *text = ten_objects();
    replay_text(&ran, text, options);
    char *csv = file_of(&ran, "timeline.csv");
    char **lines = g_strsplit(csv, "\n", -1);
    ck_assert_uint_eq(g_strv_length(lines), 6); /* names, 0, 7, 10, 14, and behind the last one */
    ck_assert(g_str_has_prefix(lines[0], "event,seconds,peak,requested,"));
    ck_assert(g_str_has_prefix(lines[1], "0,0.000000000,0,0,"));
    ck_assert(g_str_has_prefix(lines[2], "7,0.000006000,0,700,"));
    ck_assert(g_str_has_prefix(lines[3], "10,0.000009000,1,1000,"));
    ck_assert(g_str_has_prefix(lines[4], "14,0.000023000,0,600,"));
    ck_assert(strstr(lines[4], ",0,4,10,4,") != NULL); /* remote frees, objects of CPU 0 and 1 */
    g_strfreev(lines);
    g_free(csv);
    forget(&ran);
    g_free(text);
}
END_TEST

/* More CPUs than columns of the time line, and than cores. */
START_TEST(many_cpus)
{
    static const char *const one[] = {"--layer=slab", "--cpus=300", "--cpu-map=round-robin", NULL};
    static const char *const more[] = {"--layer=slab", "--cpus=300", "--cpu-map=round-robin",
                                       "--threads=yes", NULL};
    struct ran single, threaded;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 2000; i++)
        add_alloc(text, i % 8, 100 + i % 300, i, BASE + 64 * (guint64)i, 1 + i % 64);
    for (guint i = 0; i < 2000; i++)
        add_free(text, i % 8, 100 + i % 7, 2000 + i, BASE + 64 * (guint64)i);
    replay_text(&single, text->str, one);
    replay_text(&threaded, text->str, more);
    ck_assert_msg(single.status == 0, "%s", single.said);
    ck_assert_msg(threaded.status == 0, "%s", threaded.said);
    ck_assert_int_eq(count_at(&single, "cpus.299.allocs"), 6);
    ck_assert_int_eq(count_at(&single, "result.live_at_end"), 0);
    static const char *const names[] = {"report.json", "report.txt", "timeline.csv"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        char *a = file_of(&single, names[i]), *b = file_of(&threaded, names[i]);
        ck_assert_msg(strcmp(a, b) == 0, "%s differs between the two executions", names[i]);
        g_free(a);
        g_free(b);
    }
    forget(&single);
    forget(&threaded);
    g_string_free(text, TRUE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *figures = tcase_create("figures");
    tcase_add_test(figures, objects);
    tcase_add_test(figures, remote_frees);
    tcase_add_test(figures, drained);
    tcase_add_test(figures, large_objects);
    tcase_add_test(figures, pages);
    tcase_add_test(figures, failed_requests);
    tcase_add_test(figures, regions_added);
    tcase_add_test(figures, default_region);
    tcase_add_test(figures, timeline);
    suite_add_tcase(suite, figures);
    TCase *cpus = tcase_create("cpus");
    tcase_add_test(cpus, cpu_maps);
    tcase_add_test(cpus, default_cpus);
    tcase_add_test(cpus, many_cpus);
    suite_add_tcase(suite, cpus);
    return run_suite(suite);
}
