/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel traces as text of perf script: what each kind of line becomes. */
#include "trace_support.h"

#define ALLOC_A                                                                                    \
    "perf 28558 [001] 10.000001: "                                                                 \
    "kmem:kmalloc: call_site=first+0x1c ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32 "       \
    "gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
#define FREE_A                                                                                     \
    "perf 28558 [001] 10.000002: kmem:kfree: call_site=last+0x160 ptr=0xffff888103062ba0\n"

START_TEST(object_fields)
{
    struct told told;
    read_text(&told,
              ALLOC_A "   kworker/0:2-eve 77 [003]  10.250001: kmem:kmem_cache_free: "
                      "call_site=last+0x1/0x2 [ext4] ptr=0xffff888103062ba0 name=kmalloc-32\n",
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    const struct trace_event *event = event_at(&told, 0);
    ck_assert_uint_eq(event->number, 1);
    ck_assert_uint_eq(event->line, 1);
    ck_assert_uint_eq(event->time_ns, 0);
    ck_assert_uint_eq(event->kind, TRACE_ALLOC);
    ck_assert_uint_eq(event->flags, 0);
    ck_assert_uint_eq(event->size, 24);
    ck_assert_uint_eq(event->given, 32);
    ck_assert_uint_eq(event->align, 0);
    ck_assert_uint_eq(event->address, G_GUINT64_CONSTANT(0xffff888103062ba0));
    ck_assert_uint_eq(event->cpu, 1);
    ck_assert_uint_eq(event->thread, 28558);
    ck_assert_uint_eq(event->cache, TRACE_NO_NAME);
    ck_assert_str_eq(trace_name(told.reader, event->site), "first+0x1c");
    ck_assert_str_eq(trace_name(told.reader, event->gfp), "GFP_KERNEL");
    ck_assert_uint_eq(event->node, TRACE_NO_NODE);
    const struct trace_event *end = event_at(&told, 1);
    ck_assert_uint_eq(end->number, 2);
    ck_assert_uint_eq(end->line, 2);
    ck_assert_uint_eq(end->time_ns, 250000000);
    ck_assert_uint_eq(end->kind, TRACE_FREE);
    ck_assert_uint_eq(end->slot, event->slot);
    ck_assert_uint_eq(end->size, 24);
    ck_assert_uint_eq(end->cpu, 3);
    ck_assert_uint_eq(end->thread, 77);
    ck_assert_str_eq(trace_name(told.reader, end->cache), "kmalloc-32");
    ck_assert_str_eq(trace_name(told.reader, end->site), "last+0x1/0x2");
    ck_assert_uint_eq(told.summary.cpus, 4);
    ck_assert_uint_eq(told.summary.threads, 2);
    ck_assert_uint_eq(told.summary.duration_ns, 250000000);
    ck_assert_uint_eq(told.summary.peak_slots, 1);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 24);
    ck_assert_uint_eq(told.summary.max_size, 24);
    ck_assert(told.summary.kernel);
    ck_assert_str_eq(told.summary.format, "perf script");
    ck_assert_uint_eq(told.hygiene.never_freed, 0);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

/* perf script -F without comm and tid, with nanoseconds. */
START_TEST(threads_not_told)
{
    struct told told;
    read_text(&told,
              "10.000000001: kmem:kmalloc: ptr=0xffff888000001000 bytes_req=8 node=3\n"
              "[002] 10.000000003: kmem:kfree: ptr=0xffff888000001000\n"
              "two words 10.000000004: kmem:kfree: ptr=(nil)\n"
              "swapper -1 [001] 10.000000005: kmem:kfree: ptr=(nil)\n",
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(event_at(&told, 0)->thread, 0);
    ck_assert_uint_eq(event_at(&told, 0)->node, 3);
    ck_assert_uint_eq(event_at(&told, 1)->cpu, 2);
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 2);
    ck_assert_uint_eq(told.hygiene.null_frees, 2);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    drop(&told);
}
END_TEST

START_TEST(page_fields)
{
    struct told told;
    read_text(&told,
              "perf 28558 [001] 5.1: kmem:mm_page_alloc: page=0x3a6d18 pfn=0x3a6d18 order=3 "
              "migratetype=2 "
              "gfp_flags=GFP_KERNEL\n"
              "perf 28558 [001] 5.2: kmem:mm_page_alloc: page=0x77 pfn=0x77 "
              "order=0 migratetype=1\n"
              "perf 28558 [001] 5.3: kmem:mm_page_free: page=0x3a6d18 pfn=0x3a6d18 order=3\n",
              TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.events->len, 3);
    const struct trace_event *event = event_at(&told, 0);
    ck_assert_uint_eq(event->kind, TRACE_PAGE_ALLOC);
    ck_assert_uint_eq(event->address, 0x3a6d18);
    ck_assert_uint_eq(event->order, 3);
    ck_assert_uint_eq(event->migratetype, 2);
    ck_assert_str_eq(trace_name(told.reader, event->gfp), "GFP_KERNEL");
    ck_assert_uint_eq(event->size, 32768);
    ck_assert_uint_ne(event->slot, event_at(&told, 1)->slot);
    const struct trace_event *end = event_at(&told, 2);
    ck_assert_uint_eq(end->kind, TRACE_PAGE_FREE);
    ck_assert_uint_eq(end->slot, event->slot);
    ck_assert_uint_eq(end->order, 3);
    ck_assert_uint_eq(end->migratetype, 255);
    ck_assert_uint_eq(end->size, 32768);
    ck_assert_uint_eq(end->time_ns, 200000000);
    ck_assert_uint_eq(told.summary.peak_live_pages, 9);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 36864);
    ck_assert_uint_eq(told.hygiene.pages_never_freed, 1);
    ck_assert_uint_eq(told.hygiene.never_freed, 0);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 0);
    drop(&told);
}
END_TEST

START_TEST(page_size_of_the_recorded_machine)
{
    struct trace_options options = {.layer = TRACE_LAYER_PAGE, .page_size = 65536};
    struct trace_event event;
    GError *error = NULL;
    static const char text[] =
        "perf 28558 [001] 5.1: kmem:mm_page_alloc: page=0x7 pfn=0x7 order=1\n";
    char *name = make_file(text, sizeof text - 1);
    trace_reader *reader = trace_open(name, &options, NULL);
    ck_assert_int_eq(trace_next(reader, &event, NULL), 1);
    ck_assert_uint_eq(event.size, 131072);
    trace_close(reader);
    options.page_size = 5000;
    ck_assert(trace_open(name, &options, &error) == NULL);
    ck_assert(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_OPTION));
    g_error_free(error);
    drop_file(name);
}
END_TEST

/* Lines that all mean: 24 bytes at ...2ba0. Older kernels, other options of perf script. */
static const char *const alloc_forms[] = {
    "perf 28558 [001] 1.5: kmem:kmalloc: call_site=ffffffff811b2c3d ptr=ffff888103062ba0 "
    "bytes_req=24 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL",
    "perf 28558 [001] 1.5: kmalloc: call_site=ffffffff811b2c3d ptr=0xffff888103062ba0 bytes_req=24 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL",
    "perf 28558 [001] 1.5: kmem:kmalloc_node: call_site=a ptr=0xffff888103062ba0 bytes_req=24 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL node=0",
    "perf 28558 [001] 1.5: kmem:kmem_cache_alloc: call_site=a ptr=0xffff888103062ba0 bytes_req=24 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL",
    "perf 28558 [001] 1.5: kmem:kmem_cache_alloc_node: call_site=a ptr=0xffff888103062ba0 "
    "bytes_req=24 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL node=-1",
    "perf 28558 [001] 1.500000000: kmem:kmalloc: (a+0x1) call_site=a+0x1/0x60 [nf_tables] (a+0x1) "
    "ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32",
    "perf 28558 1.500000: kmem:kmalloc: ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32",
    "perf 9/28558 [001] 1.500000: 1 kmem:kmalloc: ptr=0xffff888103062ba0 bytes_req=24",
    "28558 [001] 1.500000: kmem:kmalloc: ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32\r",
    "perf 28558 [001] 1.500000: kmem:kmalloc: ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32\n"
    "\tffffffff811b2c3d kmalloc_trace+0x2d ([kernel.kallsyms])\n"
    "\tffffffff811b2c3e [unknown]\n"
    "\t    7f3124000b70 main+0x1a (inlined)\n"
    "\t               0 [unknown] ([unknown])\n"
    "\t           ee137 sched_setaffinity@@GLIBC_2.3.4",
};

START_TEST(forms_of_allocations)
{
    struct told told;
    char *text = g_strdup_printf("%s\n" FREE_A, alloc_forms[_i]);
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(event_at(&told, 0)->kind, TRACE_ALLOC);
    ck_assert_uint_eq(event_at(&told, 0)->size, 24);
    ck_assert_uint_eq(event_at(&told, 0)->thread, 28558);
    ck_assert_uint_eq(event_at(&told, 1)->kind, TRACE_FREE);
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 8500002000);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    drop(&told);
    g_free(text);
}
END_TEST

/* Lines that all mean: block of 2 pages at frame 1234. */
static const char *const page_forms[] = {
    "perf 28558 [001] 1.5: kmem:mm_page_alloc: page=0xffffea0000013480 pfn=1234 order=1 "
    "migratetype=0",
    "perf 28558 [001] 1.5: mm_page_alloc: page=ffffea0000013480 pfn=1234 order=1 migratetype=0",
    "perf 28558 [001] 1.5: kmem:mm_page_alloc: page=0x4d2 pfn=0x4d2 order=1 migratetype=0 "
    "gfp_flags=0",
};

START_TEST(forms_of_pages)
{
    static const char *const ends[] = {"mm_page_free", "mm_page_free_direct", "kmem:mm_page_free"};
    struct told told;
    char *text = g_strdup_printf("%s\n"
                                 "perf 28558 [001] 2.5: %s: page=0x1 pfn=%s order=1\n",
                                 page_forms[_i], ends[_i], _i == 0 ? "1234" : "0x4d2");
    read_text(&told, text, TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(event_at(&told, 0)->address, 1234);
    ck_assert_uint_eq(event_at(&told, 0)->size, 8192);
    ck_assert_uint_eq(event_at(&told, 1)->slot, event_at(&told, 0)->slot);
    drop(&told);
    g_free(text);
}
END_TEST

/* A command's name is any 15 bytes. */
static const char *const commands[] = {
    "kworker/u8:1-fl", "memfd:sealed-91", ":19130",          "two words", "a [000] 1.5",
    "[001]",           "1 2.5: x",        "C1 CompilerThre", "-dash 7",   "3.25:",
    "tail 5 [001]",    "a:b: c:",         "kmem:kmalloc:",
};

START_TEST(names_of_commands)
{
    struct told told;
    char *text = g_strdup_printf(
        "%16s  4711 [002]  3.000005: kmem:kmalloc: call_site=a ptr=0xffff888000001000 bytes_req=8 "
        "bytes_alloc=8\n",
        commands[_i]);
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(event_at(&told, 0)->thread, 4711);
    ck_assert_uint_eq(event_at(&told, 0)->cpu, 2);
    drop(&told);
    g_free(text);
}
END_TEST

START_TEST(cache_names)
{
    struct told told;
    read_text(&told,
              "perf 28558 [001] 1.0: kmem:kmem_cache_alloc: call_site=a ptr=0xffff888000001000 "
              "name=io dentry 2 "
              "bytes_req=8 bytes_alloc=8\n"
              "perf 28558 [001] 1.1: kmem:kmem_cache_free: call_site=a ptr=0xffff888000001000 "
              "name=io dentry 2\n",
              TRACE_LAYER_SLAB);
    ck_assert_str_eq(trace_name(told.reader, event_at(&told, 0)->cache), "io dentry 2");
    ck_assert_uint_eq(event_at(&told, 0)->cache, event_at(&told, 1)->cache);
    ck_assert_uint_eq(event_at(&told, 0)->size, 8);
    ck_assert_uint_eq(trace_name_count(told.reader), 3);
    ck_assert_str_eq(trace_name(told.reader, TRACE_NO_NAME), "");
    ck_assert_str_eq(trace_name(told.reader, 999), "");
    drop(&told);
}
END_TEST

/* A line, and how many lost events it tells of; each is one report. */
static const struct {
    const char *line;
    guint64 lost;
    guint cpu;
} lost_lines[] = {
    {"       perf-exec 19115 [000]  3072.873461: PERF_RECORD_LOST lost 2", 2, 0},
    {"       perf-exec 19115 [000]  3072.873461: PERF_RECORD_LOST lost 18446744073709",
     18446744073709, 0},
    {"       perf-exec 19115 [000]  3072.873461: PERF_RECORD_LOST_SAMPLES lost 7", 7, 0},
    {"CPU:1 [LOST 123 EVENTS]", 123, 1},
    {"CPU:0 [LOST EVENTS]", 0, 0},
    {"LOST 5 events!", 5, 0},
    {"    [44 EVENTS DROPPED]", 44, 0},
    {"Processed 1000 events and lost 3 chunks!", 0, 0},
};

START_TEST(lost_events)
{
    struct told told;
    char *text = g_strdup_printf(ALLOC_A "%s\n" FREE_A, lost_lines[_i].line);
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 3);
    ck_assert_uint_eq(event_at(&told, 1)->kind, TRACE_LOST);
    ck_assert_uint_eq(event_at(&told, 1)->size, lost_lines[_i].lost);
    ck_assert_uint_eq(event_at(&told, 1)->slot, TRACE_NO_SLOT);
    ck_assert_uint_eq(event_at(&told, 1)->cpu, lost_lines[_i].cpu);
    ck_assert_uint_eq(told.summary.threads, 1);
    ck_assert_uint_eq(told.hygiene.lost_events, lost_lines[_i].lost);
    ck_assert_uint_eq(told.hygiene.lost_reports, 1);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(text);
}
END_TEST

START_TEST(lines_of_other_kinds)
{
    struct told told;
    read_text(
        &told,
        "# ========\n# captured on    : Sun\n\n" ALLOC_A
        "\tffffffff811b2c3d kmalloc_trace+0x2d ([kernel.kallsyms])\n   \n"
        "perf 28558 [001] 10.1: kmem:rss_stat: mm_id=31 curr=1 type=MM_FILEPAGES size=65536B\n"
        "perf 28558 [001] 10.2: sched:sched_switch: prev_comm=a prev_pid=1\n"
        "perf 28558 [001] 10.3: PERF_RECORD_COMM: perf:1/1\n"
        "perf 28558 [001] 10.4: kmem:mm_page_alloc_zone_locked: page=0x4 pfn=0x4 order=0\n" FREE_A,
        TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(event_at(&told, 0)->line, 4);
    ck_assert_uint_eq(told.hygiene.filler_lines, 5);
    ck_assert_uint_eq(told.hygiene.other_events, 4);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

/* Lines that are not understood: counted, named, and nothing else goes wrong. */
static const char *const odd_lines[] = {
    "what is this",
    "perf 28558 [001] 1.5: kmem:kmalloc: call_site=a bytes_req=8 bytes_alloc=8",
    "perf 28558 [001] 1.5: kmem:kmalloc: call_site=a ptr=0xffff888000001000",
    "perf 28558 [001] 1.5: kmem:kmalloc: call_site=a ptr=0xffff88800000zz00 bytes_req=8",
    "perf 28558 [001] 1.5: kmem:kmalloc: ptr=0xffff888000001000 bytes_req=99999999999999999999",
    "perf 28558 [001] 1.5: kmem:kmalloc: ptr=0xffff888000001000 bytes_req=-8",
    "perf 28558 [001] 1.5: kmem:kmalloc: call_site=a ptr=0xffff8880000010001 bytes_req=8",
    "perf 28558 [001] 1.5: kmem:kfree: call_site=a ptr=(____ptrval____)",
    "perf 28558 [001] 1.5: kmem:mm_page_alloc: page=0x4 order=0",
    "perf 28558 [001] 1.5: kmem:mm_page_alloc: page=0x4 pfn=0x4 order=31",
    "perf 28558 [001] 1.5: kmem:mm_page_free: page=0x4 pfn=0x4",
    "perf 28558 [001] 1.1234567890: kmem:kfree: call_site=a ptr=0xffff888000001000",
    "perf 28558 [001] 99999999999999999999.5: kmem:kfree: call_site=a ptr=0xffff888000001000",
    "perf 28558 [99999999] 1.5: kmem:kfree: call_site=a ptr=0xffff888000001000",
    "perf [001] 1.5: kfree: call_site=a ptr=0xffff888000001000",
    "perf 28558 [001] 1.5: kmem:kfree",
    "perf 28558 [001] 1.5: ",
};

START_TEST(lines_not_understood)
{
    struct told told;
    char *text = g_strdup_printf(ALLOC_A "%s\n" FREE_A, odd_lines[_i]);
    read_text(&told, text, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    ck_assert_uint_eq(told.hygiene.ignored_shown, 1);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], 2);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(text);
}
END_TEST

START_TEST(only_the_first_ignored_lines_are_named)
{
    struct told told;
    GString *text = g_string_new(ALLOC_A);
    for (int i = 0; i < 20; i++) {
        g_string_append(text, "nonsense\n");
    }
    read_text(&told, text->str, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 20);
    ck_assert_uint_eq(told.hygiene.ignored_shown, 8);
    ck_assert_uint_eq(told.hygiene.first_ignored[7], 9);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(last_line_cut)
{
    struct told told;
    /* An address whose end is missing is another address: nothing may be made of it. */
    read_text(&told, ALLOC_A FREE_A "perf 28558 [001] 11.0: kmem:kfree: call_site=a ptr=0xffff8881",
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.lines, 3);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], 3);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 0);
    drop(&told);
}
END_TEST

START_TEST(times)
{
    struct told told;
    read_text(&told,
              "a 1 [002] 9999999999.000000001: kmem:kmalloc: ptr=0xffff888000001000 bytes_req=1\n"
              "a 1 [000] 9999999999.000001: kmem:kmalloc: ptr=0xffff888000002000 bytes_req=1\n"
              "a 1 [001] 9999999999.000000999: kmem:kmalloc: ptr=0xffff888000003000 bytes_req=1\n"
              "a 1 [001] 9999999998.999999999: kmem:kmalloc: ptr=0xffff888000004000 bytes_req=1\n",
              TRACE_LAYER_SLAB);
    /* Time 0 is the earliest event, wherever it stands; the order is that of the file. */
    ck_assert_uint_eq(event_at(&told, 0)->time_ns, 2);
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 1001);
    ck_assert_uint_eq(event_at(&told, 2)->time_ns, 1000);
    ck_assert_uint_eq(event_at(&told, 3)->time_ns, 0);
    ck_assert_uint_eq(told.hygiene.out_of_order, 2);
    ck_assert_uint_eq(told.summary.duration_ns, 1001);
    /* CPU 0 begins last, at 1001: three events are earlier. */
    ck_assert_uint_eq(told.hygiene.incomplete_start, 3);
    ck_assert_uint_eq(told.summary.cpus, 3);
    drop(&told);
}
END_TEST

/* Counts that a script of other make found in the same files. */
START_TEST(real_excerpt)
{
    struct told told;
    char *path = data_path("good-kmem.txt");
    read_path(&told, path, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.lines, 400);
    ck_assert_uint_eq(told.hygiene.allocs, 195);
    ck_assert_uint_eq(told.hygiene.frees, 61);
    ck_assert_uint_eq(told.hygiene.page_allocs, 46);
    ck_assert_uint_eq(told.hygiene.page_frees, 3);
    ck_assert_uint_eq(told.hygiene.null_frees, 5);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 1);
    ck_assert_uint_eq(told.hygiene.orphan_page_frees, 17);
    ck_assert_uint_eq(told.hygiene.batched_repeats, 18);
    ck_assert_uint_eq(told.hygiene.other_events, 54);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    ck_assert_uint_eq(told.hygiene.never_freed, 134);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 44486);
    ck_assert_uint_eq(told.hygiene.pages_never_freed, 43);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 229166);
    ck_assert_uint_eq(told.summary.peak_live_pages, 45);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(path);
}
END_TEST

START_TEST(real_excerpt_with_losses)
{
    struct told told;
    char *path = data_path("good-lost.txt");
    read_path(&told, path, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.hygiene.lines, 21);
    ck_assert_uint_eq(told.hygiene.allocs, 9);
    ck_assert_uint_eq(told.hygiene.frees, 4);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 4);
    ck_assert_uint_eq(told.hygiene.lost_events, 2);
    ck_assert_uint_eq(told.hygiene.lost_reports, 1);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 4512);
    check_balance(&told.hygiene);
    drop(&told);
    g_free(path);
}
END_TEST

/* The trace that the project ships, with the counts that its README states. */
START_TEST(bundled_trace)
{
    const char *source = g_getenv("BSA_SRCDIR");
    char *path = g_build_filename(source != NULL ? source : ".", "traces",
                                  "kernel-phases.perf-script.zst", NULL);
    struct told told;
    read_path(&told, path, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.lines, 100187);
    ck_assert_uint_eq(told.hygiene.allocs, 35326);
    ck_assert_uint_eq(told.hygiene.frees, 32842);
    ck_assert_uint_eq(told.hygiene.implicit_frees, 3662);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 3057);
    ck_assert_uint_eq(told.hygiene.orphan_page_frees, 196);
    ck_assert_uint_eq(told.hygiene.null_frees, 5992);
    ck_assert_uint_eq(told.hygiene.batched_repeats, 7761);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 157);
    ck_assert_uint_eq(told.hygiene.slab_page_frees, 113);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 737270);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 17558364);
    ck_assert_uint_eq(told.summary.peak_live_pages, 3747);
    check_balance(&told.hygiene);
    drop(&told);
    read_path(&told, path, TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.hygiene.page_allocs, 9687);
    ck_assert_uint_eq(told.hygiene.page_frees, 9363);
    ck_assert_uint_eq(told.hygiene.implicit_page_frees, 375);
    ck_assert_uint_eq(told.hygiene.pages_never_freed, 454);
    drop(&told);
    g_free(path);
}
END_TEST

Suite *trace_suite(void);

Suite *trace_suite(void)
{
    Suite *suite = suite_create("trace");
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, object_fields);
    tcase_add_test(lines, threads_not_told);
    tcase_add_test(lines, page_fields);
    tcase_add_test(lines, page_size_of_the_recorded_machine);
    tcase_add_loop_test(lines, forms_of_allocations, 0, G_N_ELEMENTS(alloc_forms));
    tcase_add_loop_test(lines, forms_of_pages, 0, G_N_ELEMENTS(page_forms));
    tcase_add_loop_test(lines, names_of_commands, 0, G_N_ELEMENTS(commands));
    tcase_add_test(lines, cache_names);
    tcase_add_loop_test(lines, lost_events, 0, G_N_ELEMENTS(lost_lines));
    tcase_add_test(lines, lines_of_other_kinds);
    tcase_add_loop_test(lines, lines_not_understood, 0, G_N_ELEMENTS(odd_lines));
    tcase_add_test(lines, only_the_first_ignored_lines_are_named);
    tcase_add_test(lines, last_line_cut);
    tcase_add_test(lines, times);
    suite_add_tcase(suite, lines);

    TCase *real = tcase_create("real");
    tcase_add_test(real, real_excerpt);
    tcase_add_test(real, real_excerpt_with_losses);
    tcase_add_test(real, bundled_trace);
    suite_add_tcase(suite, real);
    return suite;
}

int main(void)
{
    return run_suite(trace_suite());
}
