/* SPDX-License-Identifier: Apache-2.0 */
/* Events as text of other tools: what was exported and is imported again is the same, as far as
 * the format can hold it. */
#include "trace_support.h"

#include <stdio.h>
#include <unistd.h>

#include "trace/export.h"

/* The trace in path as text of another format; to be freed. */
static char *exported(const char *path, enum trace_layer layer, enum trace_export_format format)
{
    struct trace_options options = {.layer = layer};
    GError *error = NULL;
    char *text = NULL;
    size_t length = 0;
    trace_reader *reader = trace_open(path, &options, &error);
    ck_assert_msg(reader != NULL, "%s", error != NULL ? error->message : "");
    FILE *out = open_memstream(&text, &length);
    ck_assert(out != NULL);
    gboolean good = trace_export(format, reader, out, &error);
    ck_assert_msg(good, "%s", error != NULL ? error->message : "");
    fclose(out);
    trace_close(reader);
    return text;
}

static char *exported_text(const char *input, enum trace_export_format format)
{
    char *name = make_file(input, strlen(input));
    char *text = exported(name, TRACE_LAYER_BOTH, format);
    drop_file(name);
    return text;
}

static const char kernel_text[] =
    "perf 7 [001] 1.000001: kmem:kmem_cache_alloc: call_site=a+0x1 ptr=0xffff888000001000 "
    "name=odd,\"name\" bytes_req=8 bytes_alloc=16 gfp_flags=GFP_KERNEL|__GFP_ZERO node=2\n"
    "perf 7 [001] 1.000002: kmem:kmalloc: call_site=b ptr=(nil) bytes_req=9 bytes_alloc=16\n"
    "perf 8 [000] 1.000003: kmem:mm_page_alloc: pfn=0x77 order=1 migratetype=1\n"
    "CPU:1 [LOST 7 EVENTS]\n"
    "perf 8 [000] 1.000004: kmem:kmalloc: call_site=c ptr=0xffff888000001000 bytes_req=0 "
    "bytes_alloc=8\n"
    "perf 8 [000] 1.000005: kmem:mm_page_free: pfn=0x77 order=1\n";

START_TEST(csv)
{
    char *text = exported_text(kernel_text, TRACE_EXPORT_CSV);
    ck_assert_str_eq(
        text,
        "number,time_ns,thread,cpu,kind,slot,address,size,given,align,order,cache,site,gfp,node,"
        "migratetype,flags,line\n"
        "1,0,7,1,alloc,0,0xffff888000001000,8,16,,,\"odd,\"\"name\"\"\",a+0x1,"
        "GFP_KERNEL|__GFP_ZERO,2,,,1\n"
        "2,1000,7,1,alloc,,,9,,,,,b,,,,failed,2\n"
        "3,2000,8,0,page_alloc,1,0x77,8192,8192,,1,,,,,1,,3\n"
        "4,2000,0,1,lost,,,7,,,,,,,,,,4\n"
        "5,3000,8,0,free,0,0xffff888000001000,8,,,,,,,,,implicit,5\n"
        "6,3000,8,0,alloc,0,0xffff888000001000,0,8,,,,c,,,,,5\n"
        "7,4000,8,0,page_free,1,0x77,8192,,,1,,,,,,,6\n");
    free(text);
}
END_TEST

START_TEST(rep)
{
    char *text = exported_text(kernel_text, TRACE_EXPORT_REP);
    ck_assert_str_eq(text, "8200\n2\n5\n1\na 0 8\na 1 8192\nf 0\na 0 0\nf 1\n");
    free(text);
}
END_TEST

START_TEST(mtrace)
{
    char *text = exported_text(kernel_text, TRACE_EXPORT_MTRACE);
    ck_assert_str_eq(text, "= Start\n"
                           "@ [a+0x1] + 0xffff888000001000 0x8\n"
                           "@ [b] + (nil) 0x9\n"
                           "+ 0x6000000000000010 0x2000\n"
                           "- 0xffff888000001000\n"
                           "@ [c] + 0xffff888000001000 0\n"
                           "- 0x6000000000000010\n"
                           "= End\n");
    free(text);
}
END_TEST

START_TEST(mtrace_of_reallocs)
{
    static const char input[] = "= Start\n@ ./a:[0x1] + 0x10 0x8\n@ ./a:[0x2] < 0x10\n"
                                "@ ./a:[0x2] > 0x40 0x30\n@ ./a:[0x3] ! 0x40 0xffffffffffff\n"
                                "- 0x40\n= End\n";
    char *text = exported_text(input, TRACE_EXPORT_MTRACE);
    ck_assert_str_eq(text, input);
    free(text);
}
END_TEST

/* The realloc's object has not arrived at its new place when another gets the old one. */
START_TEST(address_in_other_hands)
{
    char *text = exported_text("= Start\n+ 0x10 0x8\n< 0x10\n+ 0x10 0x9\n> 0x40 0x30\n- 0x10\n",
                               TRACE_EXPORT_MTRACE);
    ck_assert_str_eq(text, "= Start\n+ 0x10 0x8\n+ 0x6000000000000010 0x9\n< 0x10\n> 0x40 0x30\n"
                           "- 0x6000000000000010\n= End\n");
    free(text);
}
END_TEST

/* What a format cannot hold: which requests fail, and that blocks of pages are not objects. */
static gboolean is_kept(const struct trace_event *event, enum trace_export_format format)
{
    return trace_kind_has_slot(event->kind) &&
           (format == TRACE_EXPORT_MTRACE || (event->flags & TRACE_FAILED) == 0);
}

static guint plain_kind(const struct trace_event *event)
{
    if (trace_kind_is_alloc(event->kind)) {
        return TRACE_ALLOC;
    }
    return trace_kind_is_free(event->kind) ? TRACE_FREE : event->kind;
}

static void check_same(const struct told *before, const struct told *after,
                       enum trace_export_format format)
{
    guint next = 0;
    for (guint i = 0; i < before->events->len; i++) {
        const struct trace_event *event = event_at(before, i);
        if (!is_kept(event, format)) {
            continue;
        }
        const struct trace_event *again = event_at(after, next++);
        ck_assert_uint_eq(plain_kind(event), plain_kind(again));
        ck_assert_uint_eq(event->slot, again->slot);
        ck_assert_uint_eq(event->size, again->size);
        ck_assert_uint_eq(event->flags & TRACE_FAILED, again->flags & TRACE_FAILED);
        if (format == TRACE_EXPORT_MTRACE && event->address != 0 &&
            !trace_kind_is_page(event->kind)) {
            ck_assert_uint_eq(event->address, again->address);
        }
    }
    ck_assert_uint_eq(next, after->events->len);
    ck_assert_uint_eq(after->hygiene.ignored_lines, 0);
    ck_assert_uint_eq(after->hygiene.orphan_frees, 0);
    ck_assert_uint_eq(after->hygiene.implicit_frees, 0);
    ck_assert_uint_eq(after->hygiene.lost_events, 0);
    ck_assert_uint_eq(before->summary.peak_slots, after->summary.peak_slots);
    ck_assert_uint_eq(before->summary.peak_live_bytes, after->summary.peak_live_bytes);
}

static const struct {
    const char *name;
    enum trace_layer layer;
} samples[] = {
    {"good-mtrace.txt", TRACE_LAYER_BOTH},
    {"good-heaptrack-raw.txt", TRACE_LAYER_BOTH},
    {"good-valgrind.txt", TRACE_LAYER_BOTH},
    {"good-malloclab.rep", TRACE_LAYER_BOTH},
    {"good-trace-cmd.txt", TRACE_LAYER_BOTH},
    {"good-kmem.txt", TRACE_LAYER_BOTH},
    {"good-tracefs-hashed.txt", TRACE_LAYER_SLAB},
    {"good-tracefs-hashed.txt", TRACE_LAYER_PAGE},
    {"../../../traces/kernel-phases.perf-script.zst", TRACE_LAYER_BOTH},
};

static void round_trip(guint sample, enum trace_export_format format)
{
    struct told before, after;
    char *path = data_path(samples[sample].name);
    char *text = exported(path, samples[sample].layer, format);
    read_path(&before, path, samples[sample].layer);
    read_text(&after, text, TRACE_LAYER_BOTH);
    check_same(&before, &after, format);
    drop(&before);
    drop(&after);
    free(text);
    g_free(path);
}

START_TEST(mtrace_and_back)
{
    round_trip((guint)_i, TRACE_EXPORT_MTRACE);
}
END_TEST

START_TEST(rep_and_back)
{
    round_trip((guint)_i, TRACE_EXPORT_REP);
}
END_TEST

/* A program that reads no further, or a full disk. */
START_TEST(writing_fails)
{
    struct trace_options options = {.layer = TRACE_LAYER_BOTH};
    GError *error = NULL;
    char *path = data_path("good-kmem.txt");
    trace_reader *reader = trace_open(path, &options, NULL);
    FILE *out = fopen("/dev/full", "w");
    if (out != NULL) {
        ck_assert(!trace_export(TRACE_EXPORT_CSV, reader, out, &error));
        ck_assert(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_IO));
        ck_assert(strstr(error->message, "writing failed: ") != NULL);
        g_error_free(error);
        fclose(out);
    }
    trace_close(reader);
    g_free(path);
}
END_TEST

Suite *export_suite(void);

Suite *export_suite(void)
{
    Suite *suite = suite_create("export");
    TCase *formats = tcase_create("formats");
    tcase_add_test(formats, csv);
    tcase_add_test(formats, rep);
    tcase_add_test(formats, mtrace);
    tcase_add_test(formats, mtrace_of_reallocs);
    tcase_add_test(formats, address_in_other_hands);
    tcase_add_loop_test(formats, mtrace_and_back, 0, G_N_ELEMENTS(samples));
    tcase_add_loop_test(formats, rep_and_back, 0, G_N_ELEMENTS(samples));
    tcase_add_test(formats, writing_fails);
    suite_add_tcase(suite, formats);
    return suite;
}

int main(void)
{
    return run_suite(export_suite());
}
