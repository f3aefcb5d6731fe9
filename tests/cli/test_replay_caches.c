/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's named caches: which objects are whose, exactly, by every way to run a trace. */
#include "replay_support.h"

#define BASE G_GUINT64_CONSTANT(0xffff888100000000)
#define NEAR 1e-9

struct trace {
    GString *text;
    guint events;
};

static void add_named(struct trace *trace, const char *name, guint bytes, guint given)
{
    guint event = trace->events++;
    g_string_append_printf(trace->text,
                           "worker 11 [%03u] 1.%06u: kmem:kmem_cache_alloc: call_site=f+0x1 "
                           "ptr=0x%" G_GINT64_MODIFIER "x name=%s bytes_req=%u bytes_alloc=%u "
                           "gfp_flags=GFP_KERNEL node=-1 accounted=false\n",
                           event % 2, event, BASE + 16384 * event, name, bytes, given);
}

/* Ten objects of five caches, one of them of large objects, and of kmalloc; the first is freed. */
static char *several(void)
{
    struct trace trace = {.text = g_string_new(NULL)};
    for (guint i = 0; i < 3; i++)
        add_named(&trace, "dentry", 184, 192);
    add_named(&trace, "filp", 184, 192);
    add_named(&trace, "odd, \"it\"", 50, 56);
    add_named(&trace, "dentry", 200, 208);
    add_named(&trace, "dentry", 200, 208);
    add_named(&trace, "kmalloc-64", 60, 64);
    add_named(&trace, "task_struct", 9000, 12288);
    add_alloc(trace.text, 0, 11, 50, BASE + 16384 * 50, 100);
    add_free(trace.text, 1, 12, 60, BASE);
    return g_string_free(trace.text, FALSE);
}

static void check_row(const struct ran *ran, const char *list, guint row, const char *name,
                      gint64 object, gint64 live, gint64 requested)
{
    char *path = g_strdup_printf("%s.%u", list, row);
    char *of = g_strconcat(path, ".name", NULL);
    ck_assert_str_eq(json_node_get_string(node_at(ran, of)), name);
    const struct {
        const char *member;
        gint64 value;
    } counts[] = {{".object_size", object}, {".live", live}, {".requested_bytes", requested}};
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_free(of);
        of = g_strconcat(path, counts[i].member, NULL);
        ck_assert_msg(count_at(ran, of) == counts[i].value, "%s is %" G_GINT64_FORMAT, of,
                      count_at(ran, of));
    }
    g_free(of);
    g_free(path);
}

static void check_rows(const struct ran *ran)
{
    ck_assert_msg(ran->status == 0, "%s", ran->said);
    check_row(ran, "end.caches", 0, "dentry", 192, 2, 368);
    check_row(ran, "end.caches", 1, "filp", 192, 1, 184);
    check_row(ran, "end.caches", 2, "odd, \"it\"", 56, 1, 50);
    check_row(ran, "end.caches", 3, "dentry", 208, 2, 400);
    check_row(ran, "end.caches", 4, "task_struct", 12288, 1, 9000);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(node_at(ran, "end.caches"))), 5);
    ck_assert_int_eq(count_at(ran, "end.caches.0.allocs"), 3);
    ck_assert_int_eq(count_at(ran, "end.caches.0.most_live"), 3);
    ck_assert_int_eq(count_at(ran, "end.split.requested"), 10346 - 184);
    ck_assert_int_eq(count_at(ran, "end.split.class_rounding"), 86 - 8 + 3288);
    ck_assert_int_eq(count_at(ran, "end.blocks.live"), 0);
}

START_TEST(rows)
{
    static const char *const plain[] = {NULL};
    struct ran ran;
    char *text = several();
    replay_text(&ran, text, plain);
    check_rows(&ran);
    check_row(&ran, "peak.caches", 0, "dentry", 192, 3, 552);
    ck_assert_int_eq(count_at(&ran, "peak.caches.0.slabs"), 2); /* one for each CPU */
    ck_assert_int_eq(count_at(&ran, "peak.caches.1.slabs"), 1);
    ck_assert_int_eq(count_at(&ran, "peak.split.class_rounding"), 86 + 3288);
    ck_assert_int_eq(count_at(&ran, "peak.split.block_rounding"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.caches"), 5);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.named"), 8);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.too_large"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.too_many"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.unnamed"), 2);
    ck_assert_str_eq(json_node_get_string(node_at(&ran, "replay.named_caches")),
                     "caches of their own");
    /* What size classes could do better is a matter of kmalloc's two objects. */
    ck_assert_int_eq(count_at(&ran, "class_fit.peak.requested"), 160);
    char *csv = file_of(&ran, "caches.csv");
    ck_assert_msg(strstr(csv, "\nend,\"odd, \"\"it\"\"\",56,") != NULL, "%s", csv);
    g_free(csv);
    forget(&ran);
    g_free(text);
}
END_TEST

/* What the kernel gave, by hand: 3 * 192 + 192 + 56 + 2 * 208 + 64 + 12288 + 100. */
START_TEST(recorded)
{
    static const char *const plain[] = {NULL};
    struct ran ran;
    char *text = several();
    replay_text(&ran, text, plain);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.all.objects"), 10);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.all.requested_bytes"), 10346);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.all.given_bytes"), 13692);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.peak.given_bytes"), 13692);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.end.objects"), 9);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.end.given_bytes"), 13692 - 192);
    ck_assert_double_eq_tol(ratio_at(&ran, "recorded_sizes.internal_fragmentation.live_at_peak"),
                            3346.0 / 13692, NEAR);
    ck_assert_double_eq_tol(ratio_at(&ran, "recorded_sizes.here.cumulative"),
                            (86.0 + 3288) / (10346 + 86 + 3288), NEAR);
    ck_assert_double_eq_tol(ratio_at(&ran, "recorded_sizes.here.live_at_end"),
                            (78.0 + 3288) / (10346 - 184 + 78 + 3288), NEAR);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Page events are in the readings of all, and not in those of objects. */
START_TEST(recorded_without_pages)
{
    static const char *const plain[] = {NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    char *objects = several();
    add_page_alloc(text, 0, 0, 7, 2);
    add_page_alloc(text, 0, 0, 9, 0);
    g_string_append(text, objects);
    add_page_free(text, 0, 70, 9, 0);
    replay_text(&ran, text->str, plain);
    ck_assert_double_eq_tol(ratio_at(&ran, "recorded_sizes.here.live_at_end"),
                            (78.0 + 3288) / (10346 - 184 + 78 + 3288), NEAR);
    ck_assert_double_eq_tol(ratio_at(&ran, "recorded_sizes.here.cumulative"),
                            (86.0 + 3288) / (10346 + 86 + 3288), NEAR);
    ck_assert_int_eq(count_at(&ran, "recorded_sizes.all.requested_bytes"), 10346);
    ck_assert_double_eq_tol(ratio_at(&ran, "internal_fragmentation.live_at_end"),
                            (78.0 + 3288) / (10346 - 184 + 78 + 3288 + 4 * 4096), NEAR);
    forget(&ran);
    g_free(objects);
    g_string_free(text, TRUE);
}
END_TEST

static const char *const ways[][5] = {
    {"--threads=yes", NULL},
    {"--verify", "--validate-every=1", NULL},
    {"--schedule=causal", "--cpus=2", "--cpu-map=hash", "--verify", NULL},
    {"--schedule=paced", "--latency=yes", NULL},
    {"--magazine=none", "--keep-empty=none", "--page-lists=none", NULL},
    {"--find-min-region", "--curve", "--cpus=3", NULL},
    {"--region=512K", "--region=1M@3", NULL},
    {"--classes=64,128", "--page-size=16K", NULL},
};

START_TEST(every_way)
{
    struct ran ran;
    char *text = several();
    replay_text(&ran, text, ways[_i]);
    if (_i < 7) {
        check_rows(&ran);
    } else {
        /* Larger pages and other classes change what pages give, and not what caches do. */
        check_row(&ran, "end.caches", 0, "dentry", 192, 2, 368);
        ck_assert_int_eq(count_at(&ran, "end.split.class_rounding"), 86 - 8 + 3288);
    }
    forget(&ran);
    g_free(text);
}
END_TEST

START_TEST(general)
{
    static const char *const options[] = {"--caches=general", NULL};
    struct ran ran;
    char *text = several();
    replay_text(&ran, text, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(node_at(&ran, "end.caches"))), 0);
    ck_assert_int_eq(count_at(&ran, "end.classes.3.object_size"), 64);
    ck_assert_int_eq(count_at(&ran, "end.classes.3.live"), 2); /* "odd", and kmalloc's */
    ck_assert_int_eq(count_at(&ran, "end.classes.5.object_size"), 256);
    ck_assert_int_eq(count_at(&ran, "end.classes.5.live"), 5);
    ck_assert_int_eq(count_at(&ran, "class_fit.peak.requested"), 1346);
    ck_assert_str_eq(json_node_get_string(node_at(&ran, "replay.caches")), "general");
    char *report = file_of(&ran, "report.txt");
    ck_assert(strstr(report, "Counterfactual") != NULL);
    ck_assert(strstr(report, "Named caches at peak") == NULL);
    g_free(report);
    forget(&ran);
    g_free(text);
}
END_TEST

/* 100 caches with an object each, and 500 with two: the rarest of them go to the classes. */
START_TEST(too_many)
{
    static const char *const plain[] = {NULL};
    struct trace trace = {.text = g_string_new(NULL)};
    struct ran ran;
    for (guint i = 0; i < 1100; i++) {
        char *name = g_strdup_printf("c%u", i % 600);
        add_named(&trace, name, 64, 64);
        g_free(name);
    }
    replay_text(&ran, trace.text->str, plain);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.caches"), 512);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.named"), 1100);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.too_many"), 88);
    ck_assert_int_eq(count_at(&ran, "end.classes.3.live"), 88);
    check_row(&ran, "end.caches", 0, "c0", 64, 2, 128);
    check_row(&ran, "end.caches", 511, "c511", 64, 1, 64);
    forget(&ran);
    g_string_free(trace.text, TRUE);
}
END_TEST

/* What no cache may have is a request for pages, which there are too few of here. */
START_TEST(too_large)
{
    static const char *const options[] = {"--region=1M", NULL};
    struct trace trace = {.text = g_string_new(NULL)};
    struct ran ran;
    add_named(&trace, "dentry", 184, 192);
    add_named(&trace, "giant", (1u << 30) + 8, (1u << 30) + 8);
    replay_text(&ran, trace.text->str, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.caches"), 1);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.named"), 2);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.too_large"), 1);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 1);
    forget(&ran);
    g_string_free(trace.text, TRUE);
}
END_TEST

/* A kernel's trace in which nothing names a cache has none. */
START_TEST(no_names)
{
    static const char *const plain[] = {NULL};
    GString *text = g_string_new(NULL);
    struct ran ran;
    add_alloc(text, 0, 11, 1, BASE, 100);
    replay_text(&ran, text->str, plain);
    ck_assert_int_eq(count_at(&ran, "replay.cache_objects.caches"), 0);
    ck_assert_int_eq(count_at(&ran, "end.classes.4.live"), 1);
    ck_assert_str_eq(json_node_get_string(node_at(&ran, "replay.named_caches")),
                     "none in the trace");
    char *report = file_of(&ran, "report.txt");
    ck_assert(strstr(report, "No allocation of the trace names a cache") != NULL);
    g_free(report);
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

static void check_refused(const char *const *options, const char *words)
{
    struct ran ran;
    char *text = several();
    replay_text(&ran, text, options);
    ck_assert_int_eq(ran.status, 2);
    ck_assert_msg(strstr(ran.said, words) != NULL, "%s", ran.said);
    forget(&ran);
    g_free(text);
}

START_TEST(refused)
{
    static const char *const unknown[] = {"--caches=some", NULL};
    static const char *const foreign[] = {"--caches=named", "--backend=null", NULL};
    check_refused(unknown, "named or general");
    check_refused(foreign, "--caches is for --backend=buddyslab");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("named caches of a trace");
    TCase *tcase = tcase_create("caches");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, rows);
    tcase_add_test(tcase, recorded);
    tcase_add_test(tcase, recorded_without_pages);
    tcase_add_loop_test(tcase, every_way, 0, (int)G_N_ELEMENTS(ways));
    tcase_add_test(tcase, general);
    tcase_add_test(tcase, too_many);
    tcase_add_test(tcase, too_large);
    tcase_add_test(tcase, no_names);
    tcase_add_test(tcase, refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
