/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel traces as text of tracefs and of trace-cmd report: their headers, losses and samples. */
#include "trace_support.h"

#define FIELDS "call_site=first+0x1c ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32"
#define FREE_LINE                                                                                  \
    "  kworker/0:2-77 [003] d..1.  10.250001: kfree: call_site=a ptr=0xffff888103062ba0\n"

/* Lines that all mean: 24 bytes at ...2ba0, thread 28558 on CPU 1. */
static const char *const headers[] = {
    "            perf-28558   [001] .....    10.000001: kmalloc: " FIELDS,
    "perf-28558 [001] 10.000001: kmalloc: " FIELDS,
    "perf-28558 [001] d..2 10.000001000: kmalloc: " FIELDS,
    "perf-28558   (  28558) [001] ....1.   10.000001: kmalloc: " FIELDS,
    "perf-28558   (-------) [001] ....   10.000001: kmalloc: " FIELDS,
    "<...>-28558 [001] dNZff2. 10.000001: kmalloc_node: " FIELDS " gfp_flags=GFP_KERNEL node=0",
    "name: with: colons:  perf-28558 [001]    10.000001: kmalloc:      (first+0x1c) " FIELDS,
    "two words [7] 1.5: x-28558 [001] 10.000001: kmem_cache_alloc: " FIELDS " name=io dentry",
    "-5 [000] 1.5:-28558 [001] 10.000001: kmalloc: " FIELDS,
    "a-b-c-28558 [001] ..... 10.000001: kmalloc: call_site=ffffffff811b2c3d "
    "ptr=ffff888103062ba0 bytes_req=24 bytes_alloc=32 gfp_flags=GFP_KERNEL",
};

START_TEST(forms_of_headers)
{
    struct told told;
    char *text = g_strdup_printf("%s\n" FREE_LINE, headers[_i]);
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    const struct trace_event *event = event_at(&told, 0);
    ck_assert_uint_eq(event->kind, TRACE_ALLOC);
    ck_assert_uint_eq(event->size, 24);
    ck_assert_uint_eq(event->thread, 28558);
    ck_assert_uint_eq(event->cpu, 1);
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 250000000);
    ck_assert_uint_eq(event_at(&told, 1)->cpu, 3);
    ck_assert_uint_eq(event_at(&told, 1)->thread, 77);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    ck_assert(told.summary.kernel);
    drop(&told);
    g_free(text);
}
END_TEST

/* Lines that all mean: block of 2 pages at frame 1234. Older kernels print decimal frames. */
static const char *const pages[] = {
    "a-1 [000] ..... 1.5: mm_page_alloc: page=00000000af242077 pfn=0x4d2 order=1 migratetype=1",
    "a-1 [000] .... 1.5: mm_page_alloc: page=ffffea0000013480 pfn=1234 order=1 migratetype=1",
    "a-1 [000] 1.5: mm_page_alloc:        page=0x4d2 pfn=0x4d2 order=1 migratetype=1 gfp_flags=0",
};

START_TEST(forms_of_frames)
{
    struct told told;
    char *text = g_strdup_printf("%s\n"
                                 "a-1 [000] ..... 1.6: mm_page_free: page=0x0 pfn=0x4d2 order=1\n"
                                 "a-1 [000] ..... 1.7: mm_page_free_batched: pfn=0x4d2 order=1\n",
                                 pages[_i]);
    read_text(&told, text, TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(event_at(&told, 0)->address, 1234);
    ck_assert_uint_eq(event_at(&told, 0)->size, 8192);
    ck_assert_uint_eq(event_at(&told, 1)->slot, event_at(&told, 0)->slot);
    ck_assert_uint_eq(told.hygiene.batched_repeats, 1);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(text);
}
END_TEST

/* The format is told by what only one of the tools prints. */
static const struct {
    const char *text, *format;
} tools[] = {
    {"# tracer: nop\n#\na-1 [000] ..... 1.5: kmalloc: " FIELDS "\n", "tracefs text"},
    {"a-1 [000] ..... 1.5: kmalloc: " FIELDS "\n", "tracefs text"},
    {"cpus=2\na-1 [000] 1.5: kmalloc: " FIELDS "\n", "trace-cmd report"},
    {"version = 6\ncpus=2\na-1 [000] 1.5: kmalloc: " FIELDS "\n", "trace-cmd report"},
    {"a-1 [000] 1.5: kmalloc:      (first+0x1c) " FIELDS "\n", "trace-cmd report"},
    {"a 1 [000] 1.5: kmem:kmalloc: " FIELDS "\n", "perf script"},
};

START_TEST(tools_told_apart)
{
    struct told told;
    read_text(&told, tools[_i].text, TRACE_LAYER_SLAB);
    ck_assert_str_eq(told.summary.format, tools[_i].format);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    drop(&told);
}
END_TEST

START_TEST(lines_between_the_events)
{
    static const struct wanted wanted[] = {
        {"allocs", 1},       {"frees", 1},        {"lost_events", 7 + 44}, {"lost_reports", 4},
        {"filler_lines", 8}, {"other_events", 4}, {"ignored_lines", 1},    {NULL, 0},
    };
    struct told told;
    read_text(&told,
              "# tracer: nop\n\n   \nversion = 6\ncpus=2\nCPU 0 is empty\n"
              "perf-28558 [001] ..... 10.000001: kmalloc: " FIELDS "\n"
              "perf-28558 [001] ..... 10.000002: <stack trace>\n"
              " => kmem_cache_alloc+0x1\n"
              "ffffffff811b2c3d => not a frame\n"
              "          ffffffff811b2c3d do_one+0x1\n"
              "perf-28558 [001] ..... 10.000003: rss_stat: mm_id=1 curr=1\n"
              "perf-28558 [001] ..... 10.000004: kfree <-single_release\n"
              "perf-28558 [001] ..... 10.000005: tracing_mark_write: kfree: ptr=0x1\n"
              "CPU:1 [LOST 7 EVENTS]\n"
              "buffer_of_mine: CPU:0 [44 EVENTS DROPPED]\n"
              "CPU:0 [LOST EVENTS]\nCPU:1 [EVENTS DROPPED]\n" FREE_LINE,
              TRACE_LAYER_SLAB);
    check_counts(&told.hygiene, wanted);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], 10);
    ck_assert_uint_eq(event_at(&told, 1)->kind, TRACE_LOST);
    ck_assert_uint_eq(event_at(&told, 1)->cpu, 1);
    ck_assert_uint_eq(event_at(&told, 1)->size, 7);
    ck_assert_uint_eq(told.summary.threads, 2);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

/* A header that is no header: one line that is not understood. */
static const char *const odd_lines[] = {
    "perf 28558 [001] ..... 1.5: kfree: call_site=a ptr=0x1000",
    "perf-28558 (001) ..... 1.5: kfree: call_site=a ptr=0x1000",
    "perf-28558 [99999999] ..... 1.5: kfree: call_site=a ptr=0x1000",
    "perf-99999999999 [001] ..... 1.5: kfree: call_site=a ptr=0x1000",
    "perf-28558 [001] ..... 15: kfree: call_site=a ptr=0x1000",
    "perf-28558 [001] a.flag.of.many.letters 1.5: kfree: call_site=a ptr=0x1000",
    "perf-28558 [001] ..... 1.5:kfree: call_site=a ptr=0x1000",
    "perf-28558 [001] ..... 1.5: kfree: call_site=a ptr=(efault)",
    "[001] ..... 1.5: kfree: call_site=a ptr=0x1000",
};

START_TEST(lines_not_understood)
{
    struct told told;
    char *text = g_strdup_printf("a-1 [000] ..... 1.5: kmalloc: " FIELDS "\n%s\n", odd_lines[_i]);
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], 2);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(text);
}
END_TEST

/* A zero in a text ends nothing: the name of an event goes on behind it. */
START_TEST(zero_in_a_name)
{
    static const char text[] =
        "a-1 [000] ..... 1.5: kmalloc: " FIELDS "\n"
        "a-1 [000] ..... 1.6: kfree\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0:"
        " ptr=0xffff888103062ba0\n";
    struct told told;
    read_bytes(&told, text, sizeof text - 1, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.other_events, 1);
    drop(&told);
}
END_TEST

/* Real captures, with the counts that a script of another make found in them. */
static const struct {
    const char *name, *format;
    enum trace_layer layer;
    struct wanted wanted[14];
} samples[] = {
    {"good-trace-cmd.txt",
     "trace-cmd report",
     TRACE_LAYER_BOTH,
     {{"lines", 135},
      {"allocs", 21},
      {"frees", 2},
      {"page_allocs", 14},
      {"page_frees", 1},
      {"null_frees", 4},
      {"orphan_frees", 40},
      {"orphan_page_frees", 7},
      {"batched_repeats", 11},
      {"other_events", 33},
      {"lost_events", 297486},
      {"ignored_lines", 0},
      {"never_freed_bytes", 8987}}},
    {"good-tracefs-hashed.txt",
     "tracefs text",
     TRACE_LAYER_SLAB,
     {{"lines", 140},
      {"allocs", 18},
      {"frees", 2},
      {"null_frees", 9},
      {"orphan_frees", 43},
      {"batched_repeats", 6},
      {"other_events", 31},
      {"filler_lines", 12},
      {"other_layer", 12 + 1 + 6},
      {"never_freed_bytes", 8587}}},
    {"good-tracefs-hashed.txt",
     "tracefs text",
     TRACE_LAYER_PAGE,
     {{"page_allocs", 12}, {"page_frees", 1}, {"orphan_page_frees", 6}}},
    {"good-tracefs-lost.txt",
     "tracefs text",
     TRACE_LAYER_SLAB,
     {{"lines", 16},
      {"allocs", 9},
      {"frees", 0},
      {"orphan_frees", 3},
      {"lost_events", 1089},
      {"lost_reports", 1},
      {"never_freed_bytes", 5424}}},
};

START_TEST(real_excerpts)
{
    struct told told;
    read_data(&told, samples[_i].name, samples[_i].layer);
    ck_assert_str_eq(told.summary.format, samples[_i].format);
    check_counts(&told.hygiene, samples[_i].wanted);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(hashed_pointers_tell_no_pages)
{
    char *path = data_path("good-tracefs-hashed.txt");
    char *message = refusal_of_path(path, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER);
    ck_assert(strstr(message, "are hashed") != NULL);
    ck_assert(strstr(message, "--layer=slab") != NULL);
    g_free(message);
    g_free(path);
}
END_TEST

START_TEST(hygiene_is_told)
{
    struct trace_hygiene hygiene = {.lines = 12, .other_events = 3};
    GError *error = NULL;
    GString *text = g_string_new(NULL);
    ck_assert(trace_hygiene_clean(&hygiene, "a.txt", &error));
    trace_hygiene_text(&hygiene, text);
    ck_assert(strstr(text->str, "events of other kinds") != NULL);
    ck_assert(strstr(text->str, "lines not understood") != NULL);
    ck_assert(strstr(text->str, "page blocks allocated") == NULL);
    hygiene.null_frees = 5;
    hygiene.ignored_lines = 10;
    hygiene.ignored_shown = 2;
    hygiene.first_ignored[0] = 3;
    hygiene.first_ignored[1] = 70;
    ck_assert(!trace_hygiene_clean(&hygiene, "a.txt", &error));
    ck_assert(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_HYGIENE));
    ck_assert(g_str_has_prefix(error->message, "a.txt: "));
    ck_assert(strstr(error->message, "null_frees = 5, ignored_lines = 10 (line 3, 70 ...)") !=
              NULL);
    trace_hygiene_text(&hygiene, text);
    ck_assert(strstr(text->str, "  not understood: line 3, 70 ...\n") != NULL);
    g_error_free(error);
    g_string_free(text, TRUE);
}
END_TEST

/* Each count is in the table once: a value set by key is found at its place alone. */
START_TEST(hygiene_counts_have_keys)
{
    const gsize others = G_STRUCT_OFFSET(struct trace_hygiene, first_ignored);
    for (gsize at = 0; at < sizeof(struct trace_hygiene); at += sizeof(guint64)) {
        guint found = 0;
        for (guint i = 0; i < trace_hygiene_field_count; i++) {
            struct trace_hygiene hygiene = {0};
            trace_hygiene_set(&hygiene, &trace_hygiene_fields[i], 7);
            ck_assert_uint_eq(trace_hygiene_get(&hygiene, &trace_hygiene_fields[i]), 7);
            found += G_STRUCT_MEMBER(guint64, &hygiene, at) == 7;
        }
        gboolean list =
            at >= others && at <= others + sizeof(((struct trace_hygiene *)0)->first_ignored);
        ck_assert_uint_eq(found, list ? 0 : 1);
    }
}
END_TEST

Suite *import_kernel_suite(void);

Suite *import_kernel_suite(void)
{
    Suite *suite = suite_create("import-kernel");
    TCase *lines = tcase_create("lines");
    tcase_add_loop_test(lines, forms_of_headers, 0, G_N_ELEMENTS(headers));
    tcase_add_loop_test(lines, forms_of_frames, 0, G_N_ELEMENTS(pages));
    tcase_add_loop_test(lines, tools_told_apart, 0, G_N_ELEMENTS(tools));
    tcase_add_test(lines, lines_between_the_events);
    tcase_add_test(lines, zero_in_a_name);
    tcase_add_loop_test(lines, lines_not_understood, 0, G_N_ELEMENTS(odd_lines));
    suite_add_tcase(suite, lines);

    TCase *real = tcase_create("real");
    tcase_add_loop_test(real, real_excerpts, 0, G_N_ELEMENTS(samples));
    tcase_add_test(real, hashed_pointers_tell_no_pages);
    suite_add_tcase(suite, real);

    TCase *hygiene = tcase_create("hygiene");
    tcase_add_test(hygiene, hygiene_is_told);
    tcase_add_test(hygiene, hygiene_counts_have_keys);
    suite_add_tcase(suite, hygiene);
    return suite;
}

int main(void)
{
    return run_suite(import_kernel_suite());
}
