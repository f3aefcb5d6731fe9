/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded allocator by its addresses: small traces, and every figure by hand. */
#include "replay_support.h"

#define NEAR 1e-9
#define DIRECT_MAP G_GUINT64_CONSTANT(0xffff888000000000)

static void replay_on(struct ran *ran, const char *text, const char *backend, const char *layer)
{
    const char *const options[] = {backend, layer, "--rounds=1", "--samples=4", NULL};
    const char *const alone[] = {backend, layer, "--samples=4", NULL};
    replay_text(ran, text, g_str_has_prefix(backend, "--backend") ? alone : options);
}

static void wanted_counts(const struct ran *ran, const char *object, ...)
{
    va_list arguments;
    const char *name;
    va_start(arguments, object);
    while ((name = va_arg(arguments, const char *)) != NULL) {
        char *path = g_strconcat(object, ".", name, NULL);
        gint64 wanted = va_arg(arguments, int), got = count_at(ran, path);
        ck_assert_msg(got == wanted, "%s: %" G_GINT64_FORMAT ", wanted %" G_GINT64_FORMAT, path,
                      got, wanted);
        g_free(path);
    }
    va_end(arguments);
}

static guint64 mapped(guint pfn, guint offset)
{
    return DIRECT_MAP + (guint64)pfn * 4096 + offset;
}

/*
 * A slab of pages 256 and 257 with an object on each, a block of four pages from 512 on; then the
 * second object goes, the block goes, and one of its pages is taken again:
 *   event                     requested   pages in use
 *   1  1000 bytes on 256           1000   256, 257 (an empty part of the slab)
 *   2  3000 bytes on 257           4000   256, 257
 *   3  block of order 2           20384   256, 257, 512 to 515
 *   4  the 3000 go                17384   the same
 *   5  the block goes              1000   256, 257
 *   6  513 alone                   5096   256, 257, 513
 */
static char *kernel_text(void)
{
    GString *text = g_string_new(NULL);
    add_page_alloc(text, 0, 1, 256, 1);
    add_alloc(text, 0, 1, 2, mapped(256, 0), 1000);
    add_alloc(text, 0, 1, 3, mapped(257, 0), 3000);
    add_page_alloc(text, 0, 4, 512, 2);
    add_free(text, 0, 1, 5, mapped(257, 0));
    add_page_free(text, 0, 6, 512, 2);
    add_page_alloc(text, 0, 7, 513, 0);
    return g_string_free(text, FALSE);
}

static void check_kernel_figures(const struct ran *ran)
{
    wanted_counts(ran, "recorded", "events", 6, "allocs", 4, "unplaced", 0, "given_told", 4,
                  "peak_requested_bytes", 20384, "peak_requested_event", 3, "peak_occupied_bytes",
                  24576, "occupied_at_peak_bytes", 24576, "peak_address_span_bytes", 260 * 4096,
                  NULL);
    wanted_counts(ran, "recorded.peak", "event", 3, "requested", 20384, "occupied", 24576,
                  "object_pages", 2, "block_pages", 4, "empty_slab_pages", 0,
                  "free_in_object_pages", 8192 - 4000, "free_in_block_pages", 0, "empty_slabs", 0,
                  "seen", 24576, "free_pages", 0, "live_objects", 2, "live_blocks", 1, NULL);
    wanted_counts(ran, "recorded.end", "event", 6, "requested", 5096, "occupied", 12288,
                  "object_pages", 1, "block_pages", 1, "empty_slab_pages", 1,
                  "free_in_object_pages", 4096 - 1000, "free_in_block_pages", 0, "empty_slabs",
                  4096, "seen", 24576, "address_span", 260 * 4096, "free_in_span", (260 - 3) * 4096,
                  "free_pages", 3, "free_blocks.0", 1, "free_blocks.1", 1, "free_blocks.2", 0,
                  NULL);
    /* F = 3: a page cannot serve order 1, and nothing order 2 */
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.end.unusable_free_space_index.1"), 1.0 / 3,
                            NEAR);
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.end.unusable_free_space_index.2"), 1.0, NEAR);
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.end.fragmentation_index.2"),
                            1.0 - (1.0 + 3.0 / 4) / 2, NEAR);
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.end.largest_free_share"), 2.0 / 3, NEAR);
    double live[] = {1000, 4000, 20384, 17384, 1000, 5096};
    double pages[] = {8192, 8192, 24576, 24576, 8192, 12288};
    double sum = 0;
    for (guint i = 0; i < 6; i++)
        sum += pages[i] / live[i];
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.heap_over_live.pages.average"), sum / 6, NEAR);
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.heap_over_live.pages.of_means"),
                            86016.0 / 48864, NEAR);
    ck_assert_double_eq_tol(ratio_at(ran, "recorded.heap_over_live.addresses.at_maximum_live"),
                            260.0 * 4096 / 20384, NEAR);
    ck_assert(json_node_get_boolean(node_at(ran, "recorded.direct_map_known")));
}

START_TEST(kernel_alone)
{
    struct ran ran;
    char *text = kernel_text();
    replay_on(&ran, text, "--backend=recorded", "--layer=both");
    check_kernel_figures(&ran);
    char *report = file_of(&ran, "report.txt");
    ck_assert_msg(strstr(report, "The recorded allocator, by its addresses") != NULL, "%s", report);
    ck_assert_msg(strstr(ran.said, "24 KiB of pages in use at most") != NULL, "%s", ran.said);
    g_free(report);
    forget(&ran);
    g_free(text);
}
END_TEST

/* The last field of the line of timeline.csv that begins so; to be freed. */
static char *last_field(char **lines, const char *begins)
{
    for (; *lines != NULL; lines++) {
        if (g_str_has_prefix(*lines, begins))
            return g_strdup(strrchr(*lines, ',') + 1);
    }
    ck_abort_msg("no line %s", begins);
    return NULL;
}

START_TEST(kernel_beside)
{
    static const struct {
        const char *begins, *occupied;
    } lines[] = {{"0,", "0"}, {"2,", "8192"}, {"3,", "24576"}, {"6,", "12288"}};
    struct ran ran;
    char *text = kernel_text();
    replay_on(&ran, text, "--against=recorded", "--layer=both");
    check_kernel_figures(&ran);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_bytes"), 20384);
    char *timeline = file_of(&ran, "timeline.csv");
    char **samples = g_strsplit(timeline, "\n", -1);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        char *field = last_field(samples, lines[i].begins);
        ck_assert_str_eq(field, lines[i].occupied);
        g_free(field);
    }
    char *backends = file_of(&ran, "backends.csv");
    ck_assert_msg(strstr(backends, "\nrecorded,6,0,1,-,-,-,-,24576,") != NULL, "%s", backends);
    g_free(backends);
    g_strfreev(samples);
    g_free(timeline);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Page blocks alone: the slab is a block like others. */
START_TEST(page_layer)
{
    struct ran ran;
    char *text = kernel_text();
    replay_on(&ran, text, "--backend=recorded", "--layer=page");
    wanted_counts(&ran, "recorded", "events", 4, "peak_requested_bytes", 6 * 4096,
                  "peak_occupied_bytes", 6 * 4096, NULL);
    wanted_counts(&ran, "recorded.end", "block_pages", 3, "object_pages", 0, "empty_slab_pages", 0,
                  "free_pages", 3, NULL);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Objects alone, by their own addresses: of the slab only what they touch. */
START_TEST(slab_layer)
{
    struct ran ran;
    char *text = kernel_text();
    replay_on(&ran, text, "--backend=recorded", "--layer=slab");
    wanted_counts(&ran, "recorded", "events", 3, "peak_occupied_bytes", 2 * 4096, NULL);
    wanted_counts(&ran, "recorded.end", "object_pages", 1, "empty_slab_pages", 0, "free_pages", 1,
                  NULL);
    forget(&ran);
    g_free(text);
}
END_TEST

/* An object of a program that a realloc moves from one page to two others. */
START_TEST(program)
{
    struct ran ran;
    replay_on(&ran,
              "= Start\n"
              "@ ./a:[0x1] + 0x10010 0x64\n"
              "@ ./a:[0x1] + 0x10080 0xc8\n"
              "@ ./a:[0x1] < 0x10010\n"
              "@ ./a:[0x1] > 0x11f00 0x400\n"
              "@ ./a:[0x1] - 0x10080\n"
              "= End\n",
              "--backend=recorded", "--layer=both");
    wanted_counts(&ran, "recorded", "events", 4, "given_told", 0, "peak_requested_bytes", 1224,
                  "peak_occupied_bytes", 3 * 4096, NULL);
    wanted_counts(&ran, "recorded.peak", "object_pages", 3, "free_in_object_pages", 3 * 4096 - 1224,
                  "live_objects", 2, NULL);
    wanted_counts(&ran, "recorded.end", "object_pages", 2, "requested", 1024, "seen", 3 * 4096,
                  "free_pages", 1, "free_in_span", 4096, NULL);
    ck_assert(strcmp(json_node_get_string(node_at(&ran, "recorded.allocator")),
                     "the program's own") == 0);
    forget(&ran);
}
END_TEST

struct refusal {
    const char *text, *layer, *says;
};

static const struct refusal refusals[] = {
    {"1000\n2\n4\n1\na 0 100\na 1 200\nf 0\nf 1\n", "--layer=both", "has no addresses"},
    {"worker 1 [000] 1.000001: kmem:kmalloc: call_site=f+0x1 ptr=0x12345678 bytes_req=8 "
     "bytes_alloc=8 gfp_flags=GFP_KERNEL node=-1 accounted=false\n",
     "--layer=slab", "are hashed"},
};

START_TEST(refused)
{
    const struct refusal *refusal = &refusals[_i];
    const char *const backends[] = {"--backend=recorded", "--against=recorded"};
    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        struct ran ran;
        replay_on(&ran, refusal->text, backends[i], refusal->layer);
        ck_assert_msg(ran.status == 1, "status %d: %s", ran.status, ran.said);
        ck_assert_msg(strstr(ran.said, refusal->says) != NULL, "%s", ran.said);
        forget(&ran);
    }
}
END_TEST

static const char *const wrong_usage[][2] = {
    {"--backend=recorded", "--schedule=causal"}, {"--against=recorded", "--schedule=paced"},
    {"--backend=recorded", "--verify"},          {"--backend=recorded", "--against=libc"},
    {"--backend=recorded", "--rounds=2"},        {"--backend=recorded", "--cpus=2"},
    {"--backend=recorded", "--region=1M"},       {"--backend=recorded", "--migrate=0.5"},
};

START_TEST(refused_options)
{
    struct ran ran;
    const char *const options[] = {wrong_usage[_i][0], wrong_usage[_i][1], NULL};
    char *name = g_strdup(wrong_usage[_i][1]);
    char *text = kernel_text();
    name[strcspn(name, "=")] = '\0';
    replay_text(&ran, text, options);
    ck_assert_msg(ran.status == 2, "status %d: %s", ran.status, ran.said);
    ck_assert_msg(strstr(ran.said, name) != NULL, "%s", ran.said);
    forget(&ran);
    g_free(text);
    g_free(name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recorded");
    TCase *tcase = tcase_create("recorded");
    tcase_add_test(tcase, kernel_alone);
    tcase_add_test(tcase, kernel_beside);
    tcase_add_test(tcase, page_layer);
    tcase_add_test(tcase, slab_layer);
    tcase_add_test(tcase, program);
    tcase_add_loop_test(tcase, refused, 0, (int)G_N_ELEMENTS(refusals));
    tcase_add_loop_test(tcase, refused_options, 0, (int)G_N_ELEMENTS(wrong_usage));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
