/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a ring buffer, made here byte by byte, and the records that come out of them. */
#include <event-parse.h>
#include <glib.h>
#include <string.h>

#include "../support.h"
#include "record/kernel_decode.h"

#define PAGE_BYTES 4096u
#define PAGE_HEADER 16u
#define MISSED_EVENTS (1u << 31)
#define MISSED_STORED (1u << 30)

#define COMMON                                                                                     \
    "format:\n"                                                                                    \
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                         \
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                         \
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                 \
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define SITE_POINTER                                                                               \
    "\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"                            \
    "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
#define FLAGS                                                                                      \
    "(REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", {0xcc0, \"GFP_KERNEL\"}, "            \
    "{0x100, \"__GFP_ZERO\"}) : \"none\""

/* The numbers of the events and the order of their fields are not those of any kernel. */
enum {
    KMALLOC = 71,
    KFREE = 72,
    CACHE_ALLOC = 73,
    PAGE_ALLOC = 74,
    PAGE_FREE = 75,
    RSS_STAT = 76,
    CACHE_FREE = 77,
    KMALLOC_NODE = 78
};

static const char *const formats[] = {
    "name: kmalloc\nID: 71\n" COMMON SITE_POINTER
    "\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"
    "\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long gfp_flags;\toffset:40;\tsize:8;\tsigned:0;\n"
    "\tfield:int node;\toffset:48;\tsize:4;\tsigned:1;\n\n"
    "print fmt: \"ptr=%p gfp_flags=%s node=%d\", REC->ptr, " FLAGS ", REC->node\n",
    "name: kfree\nID: 72\n" COMMON SITE_POINTER "\nprint fmt: \"ptr=%p\", REC->ptr\n",
    "name: kmem_cache_alloc\nID: 73\n" COMMON
    "\tfield:__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;\n"
    "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n\n"
    "print fmt: \"name=%s ptr=%p\", __get_str(name), REC->ptr\n",
    "name: mm_page_alloc\nID: 74\n" COMMON
    "\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n"
    "\tfield:int migratetype;\toffset:20;\tsize:4;\tsigned:1;\n\n"
    "print fmt: \"pfn=%lx\", REC->pfn\n",
    "name: mm_page_free\nID: 75\n" COMMON
    "\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n\n"
    "print fmt: \"pfn=%lx\", REC->pfn\n",
    "name: rss_stat\nID: 76\n" COMMON "\tfield:long size;\toffset:8;\tsize:8;\tsigned:1;\n\n"
    "print fmt: \"size=%ld\", REC->size\n",
    /* Of a kernel to come: a field that is no number, and one that has gone. */
    "name: kmem_cache_free\nID: 77\n" COMMON
    "\tfield:const void * ptr;\toffset:8;\tsize:16;\tsigned:0;\n\n"
    "print fmt: \"ptr=%p\", REC->ptr\n",
    "name: kmalloc_node\nID: 78\n" COMMON SITE_POINTER "\nprint fmt: \"ptr=%p\", REC->ptr\n",
};

static const char functions[] = "0000000000000000 A nothing\n"
                                "ffffffff81000000 T first\n"
                                "ffffffff81000100 T second\n"
                                "ffffffff81000200 T third\n";

static struct tep_handle *tep;
static trace_names *names;
static kernel_symbols *symbols;
static kernel_decoder *decoder;
static kernel_pages *pages;
static guint8 *page; /* being filled; NULL: none */
static gsize used;

static void set_up(void)
{
    tep = tep_alloc();
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
        ck_assert_int_eq(tep_parse_event(tep, formats[i], strlen(formats[i]), "kmem"), 0);
    names = trace_names_new();
    symbols = kernel_symbols_new(tep, functions, names);
    decoder = kernel_decoder_new(tep, symbols);
    pages = kernel_pages_new(PAGE_BYTES, 0);
    page = NULL;
}

static void tear_down(void)
{
    kernel_pages_free(pages);
    kernel_decoder_free(decoder);
    kernel_symbols_free(symbols);
    trace_names_free(names);
    tep_free(tep);
}

static void put(gsize offset, gconstpointer bytes, gsize length)
{
    memcpy(page + offset, bytes, length);
}

static void begin_page(guint64 time_ns)
{
    page = kernel_pages_room(pages, NULL);
    ck_assert_ptr_nonnull(page);
    memset(page, 0, PAGE_BYTES);
    put(0, &time_ns, sizeof time_ns);
    used = PAGE_HEADER;
}

/* flags: MISSED_EVENTS, and MISSED_STORED with how many. */
static void end_page(guint64 flags, guint64 missed)
{
    guint64 commit = (used - PAGE_HEADER) | flags;
    put(8, &commit, sizeof commit);
    put(used, &missed, sizeof missed);
    kernel_pages_keep(pages);
}

/* A header of five bits of length in words and 27 bits of time since the event before. */
static guint8 *put_event(guint32 delta_ns, guint16 id, gint32 pid, gsize bytes)
{
    guint32 header = (guint32)(bytes / 4) | delta_ns << 5;
    guint8 *event = page + used + sizeof header;
    put(used, &header, sizeof header);
    memcpy(event, &id, sizeof id);
    memcpy(event + 4, &pid, sizeof pid);
    used += sizeof header + bytes;
    return event;
}

static void put_u64(guint8 *event, gsize offset, guint64 value)
{
    memcpy(event + offset, &value, sizeof value);
}

static void put_u32(guint8 *event, gsize offset, guint32 value)
{
    memcpy(event + offset, &value, sizeof value);
}

static void put_kmalloc(guint32 delta_ns, guint64 pointer, guint64 bytes, guint64 flags)
{
    guint8 *event = put_event(delta_ns, KMALLOC, 4321, 52);
    put_u64(event, 8, G_GUINT64_CONSTANT(0xffffffff8100011c));
    put_u64(event, 16, pointer);
    put_u64(event, 24, bytes);
    put_u64(event, 32, bytes * 2);
    put_u64(event, 40, flags);
    put_u32(event, 48, (guint32)-1);
}

static void put_kfree(guint32 delta_ns, guint64 pointer)
{
    guint8 *event = put_event(delta_ns, KFREE, 0, 24);
    put_u64(event, 8, 0x10);
    put_u64(event, 16, pointer);
}

static void put_pages(guint32 delta_ns, guint16 id, guint64 frame, guint32 order)
{
    guint8 *event = put_event(delta_ns, id, 7, 24);
    put_u64(event, 8, frame);
    put_u32(event, 16, order);
    put_u32(event, 20, 2);
}

/* The records of all pages. */
static GArray *decode(void)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(struct trace_record));
    kernel_stream *stream = kernel_stream_new(decoder, 3, pages);
    struct trace_record record;
    int got;
    while ((got = kernel_stream_next(stream, &record, NULL)) > 0)
        g_array_append_val(records, record);
    ck_assert_int_eq(got, 0);
    kernel_stream_free(stream);
    return records;
}

#define RECORD(records, i) g_array_index(records, struct trace_record, i)

START_TEST(objects)
{
    begin_page(1000000);
    put_kmalloc(5, 0xffff888100000040, 24, 0xcc0 | 0x100);
    put_kmalloc(1, 0xffff888100000080, 100, 0);
    guint8 *event = put_event(10, CACHE_ALLOC, 8, 44);
    put_u32(event, 8, 32 | 12 << 16); /* the name is at 32, and has 12 bytes */
    put_u64(event, 16, 0xffff888100001000);
    put_u64(event, 24, 192);
    memcpy(event + 32, "kmalloc rcl", 12);
    put_kfree(4, 0xffff888100000040);
    end_page(0, 0);
    GArray *records = decode();
    ck_assert_uint_eq(records->len, 4);
    const struct trace_record *record = &RECORD(records, 0);
    ck_assert_uint_eq(record->kind, TRACE_ALLOC);
    ck_assert_uint_eq(record->time_ns, 1000005);
    ck_assert_uint_eq(record->cpu, 3);
    ck_assert_uint_eq(record->thread, 4321);
    ck_assert_uint_eq(record->address, 0xffff888100000040);
    ck_assert_uint_eq(record->size, 24);
    ck_assert_uint_eq(record->given, 48);
    ck_assert_uint_eq(record->node, TRACE_NO_NODE);
    ck_assert_uint_eq(record->cache, TRACE_NO_NAME);
    ck_assert_str_eq(trace_names_get(names, record->site), "second+0x1c");
    ck_assert_str_eq(trace_names_get(names, record->gfp), "GFP_KERNEL|__GFP_ZERO");
    ck_assert_str_eq(trace_names_get(names, RECORD(records, 1).gfp), "none");
    record = &RECORD(records, 2);
    ck_assert_uint_eq(record->kind, TRACE_ALLOC);
    ck_assert_uint_eq(record->time_ns, 1000016);
    ck_assert_uint_eq(record->size, 192);
    ck_assert_uint_eq(record->given, 0);
    ck_assert_str_eq(trace_names_get(names, record->cache), "kmalloc rcl");
    ck_assert_uint_eq(record->site, TRACE_NO_NAME);
    record = &RECORD(records, 3);
    ck_assert_uint_eq(record->kind, TRACE_FREE);
    ck_assert_uint_eq(record->thread, 0);
    ck_assert_uint_eq(record->time_ns, 1000020);
    ck_assert_uint_eq(record->size, 0);
    g_array_free(records, TRUE);
}
END_TEST

START_TEST(blocks_of_pages)
{
    begin_page(50);
    put_pages(1, PAGE_ALLOC, 0x1234, 3);
    put_pages(1, PAGE_FREE, 0x1234, 3);
    put_pages(1, PAGE_ALLOC, G_MAXUINT64, 9); /* got nothing */
    put_pages(1, PAGE_ALLOC, 0x1238, 31);     /* no machine has so much */
    end_page(0, 0);
    GArray *records = decode();
    ck_assert_uint_eq(records->len, 3);
    ck_assert_uint_eq(RECORD(records, 0).kind, TRACE_PAGE_ALLOC);
    ck_assert_uint_eq(RECORD(records, 0).address, 0x1234);
    ck_assert_uint_eq(RECORD(records, 0).order, 3);
    ck_assert_uint_eq(RECORD(records, 0).migratetype, 2);
    ck_assert_uint_eq(RECORD(records, 1).kind, TRACE_PAGE_FREE);
    ck_assert_uint_eq(RECORD(records, 1).migratetype, TRACE_NO_MIGRATETYPE);
    ck_assert_uint_eq(RECORD(records, 2).kind, TRACE_PAGE_ALLOC);
    ck_assert_uint_eq(RECORD(records, 2).flags, TRACE_FAILED);
    ck_assert_uint_eq(RECORD(records, 2).address, 0);
    ck_assert_uint_eq(kernel_decoder_skipped(decoder)->bad, 1);
    g_array_free(records, TRUE);
}
END_TEST

START_TEST(what_is_no_event)
{
    begin_page(50);
    put_kfree(1, 0);
    put_kfree(1, 16);              /* what kmalloc(0) returns */
    put_event(1, RSS_STAT, 1, 16); /* allocates nothing */
    put_event(1, 999, 1, 16);      /* has no format */
    put_event(1, KMALLOC, 1, 48);  /* shorter than its fields */
    put_kmalloc(1, 0, 24, 0);      /* got nothing */
    put_kmalloc(1, 0xffff888100000040, (guint64)1 << 60, 0);
    guint8 *event = put_event(10, CACHE_ALLOC, 8, 32);
    put_u32(event, 8, 4000 | 12 << 16); /* the name is not in the event */
    put_u64(event, 16, 0xffff888100001000);
    end_page(0, 0);
    GArray *records = decode();
    ck_assert_uint_eq(records->len, 2);
    ck_assert_uint_eq(RECORD(records, 0).flags, TRACE_FAILED);
    ck_assert_uint_eq(RECORD(records, 0).address, 0);
    ck_assert_uint_eq(RECORD(records, 0).size, 24);
    ck_assert_uint_eq(RECORD(records, 1).cache, TRACE_NO_NAME);
    ck_assert_uint_eq(kernel_decoder_skipped(decoder)->null_frees, 2);
    ck_assert_uint_eq(kernel_decoder_skipped(decoder)->bad, 4);
    g_array_free(records, TRUE);
}
END_TEST

START_TEST(other_fields)
{
    begin_page(50);
    guint8 *event = put_event(1, CACHE_FREE, 1, 24);
    put_u64(event, 8, 0xffff888100000040);
    event = put_event(1, KMALLOC_NODE, 1, 24);
    put_u64(event, 16, 0xffff888100000040);
    end_page(0, 0);
    GArray *records = decode();
    ck_assert_uint_eq(records->len, 0);
    ck_assert_uint_eq(kernel_decoder_skipped(decoder)->null_frees, 0);
    ck_assert_uint_eq(kernel_decoder_skipped(decoder)->bad, 2);
    g_array_free(records, TRUE);
}
END_TEST

/* Where events are missing, in front of the page that says so; how many, where it says that. */
START_TEST(losses)
{
    begin_page(100);
    put_kfree(1, 0x1000);
    end_page(0, 0);
    begin_page(200);
    put_kfree(1, 0x2000);
    end_page(MISSED_EVENTS | MISSED_STORED, 77);
    begin_page(300);
    put_kfree(1, 0x3000);
    end_page(MISSED_EVENTS, 0);
    begin_page(400);
    end_page(0, 0);
    begin_page(500);
    put_kfree(1, 0x4000);
    end_page(0, 0);
    GArray *records = decode();
    static const struct {
        guint8 kind;
        guint64 time_ns, size;
    } expected[] = {
        {TRACE_FREE, 101, 0}, {TRACE_LOST, 201, 77}, {TRACE_FREE, 201, 0},
        {TRACE_LOST, 301, 0}, {TRACE_FREE, 301, 0},  {TRACE_FREE, 501, 0},
    };
    ck_assert_uint_eq(records->len, G_N_ELEMENTS(expected));
    for (guint i = 0; i < records->len; i++) {
        ck_assert_uint_eq(RECORD(records, i).kind, expected[i].kind);
        ck_assert_uint_eq(RECORD(records, i).time_ns, expected[i].time_ns);
        ck_assert_uint_eq(RECORD(records, i).size, expected[i].size);
        ck_assert_uint_eq(RECORD(records, i).cpu, 3);
    }
    g_array_free(records, TRUE);
}
END_TEST

/* More pages than may stay in memory: they come back from the file in their order. */
START_TEST(pages_in_a_file)
{
    const guint count = 2000;
    for (guint i = 0; i < count; i++) {
        begin_page(1000 * (guint64)i);
        put_kfree(1, 0x1000 + i);
        end_page(0, 0);
    }
    GArray *records = decode();
    ck_assert_uint_eq(records->len, count);
    for (guint i = 0; i < count; i++) {
        ck_assert_uint_eq(RECORD(records, i).address, 0x1000 + i);
        ck_assert_uint_eq(RECORD(records, i).time_ns, 1000 * (guint64)i + 1);
    }
    g_array_free(records, TRUE);
}
END_TEST

START_TEST(no_functions)
{
    kernel_decoder_free(decoder);
    kernel_symbols_free(symbols);
    symbols = kernel_symbols_new(tep, NULL, names);
    decoder = kernel_decoder_new(tep, symbols);
    ck_assert(!kernel_symbols_known(symbols));
    begin_page(50);
    put_kmalloc(1, 0xffff888100000040, 24, 0);
    end_page(0, 0);
    GArray *records = decode();
    ck_assert_str_eq(trace_names_get(names, RECORD(records, 0).site), "0xffffffff8100011c");
    g_array_free(records, TRUE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel_decode");
    TCase *group = tcase_create("pages");
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_test(group, objects);
    tcase_add_test(group, blocks_of_pages);
    tcase_add_test(group, what_is_no_event);
    tcase_add_test(group, other_fields);
    tcase_add_test(group, losses);
    tcase_add_test(group, pages_in_a_file);
    tcase_add_test(group, no_functions);
    suite_add_tcase(suite, group);
    return run_suite(suite);
}
