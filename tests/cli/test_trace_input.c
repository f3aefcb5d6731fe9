/* SPDX-License-Identifier: Apache-2.0 */
/* Where traces come from: files, pipes, zstd; and all that is refused, with its message. */
#include "trace_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gio/gio.h>
#include <zstd.h>

#include "trace/input.h"
#include "trace/names.h"
#include "trace/spool.h"

#define LINE_A                                                                                     \
    "perf 7 [001] 1.000001: kmem:kmalloc: call_site=a ptr=0xffff888000001000 bytes_req=8 "         \
    "bytes_alloc=8\n"
#define LINE_B "perf 7 [001] 1.000002: kmem:kfree: call_site=b ptr=0xffff888000001000\n"

static gsize pack(const char *text, gsize length, char **packed)
{
    gsize room = ZSTD_compressBound(length);
    *packed = g_malloc(room);
    gsize size = ZSTD_compress(*packed, room, text, length, 3);
    ck_assert(!ZSTD_isError(size));
    return size;
}

static gsize pack_gzip(const char *text, gsize length, char **packed)
{
    GConverter *gzip = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6));
    gsize room = length + 100, taken, given;
    *packed = g_malloc(room);
    GConverterResult result = g_converter_convert(gzip, text, length, *packed, room,
                                                  G_CONVERTER_INPUT_AT_END, &taken, &given, NULL);
    ck_assert_int_eq(result, G_CONVERTER_FINISHED);
    ck_assert_uint_eq(taken, length);
    g_object_unref(gzip);
    return given;
}

/* Lines that differ, so that they do not vanish in compression. */
static GString *many_lines(guint count)
{
    GString *text = g_string_new(NULL);
    guint32 state = 1;
    for (guint i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        g_string_append_printf(text,
                               "perf %u [001] %u.%06u: kmem:kmalloc: call_site=a "
                               "ptr=0xffff8880%08x bytes_req=%u bytes_alloc=64\n",
                               state >> 20, 1 + i / 1000000, i % 1000000, 4096 + i * 64,
                               1 + (state >> 10) % 64);
    }
    return text;
}

START_TEST(compressed_file)
{
    struct told told;
    char *packed;
    gsize size = pack(LINE_A LINE_B, sizeof(LINE_A LINE_B) - 1, &packed);
    read_bytes(&told, packed, size, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    drop(&told);
    g_free(packed);
}
END_TEST

/* zstd files may be put one behind the other, with frames between them that hold no data. */
START_TEST(several_frames)
{
    static const char skippable[] = "\x50\x2a\x4d\x18\x03\0\0\0abc";
    struct told told;
    char *first, *second;
    gsize first_size = pack(LINE_A, sizeof LINE_A - 1, &first);
    gsize second_size = pack(LINE_B, sizeof LINE_B - 1, &second);
    GByteArray *all = g_byte_array_new();
    g_byte_array_append(all, (const guint8 *)skippable, sizeof skippable - 1);
    g_byte_array_append(all, (const guint8 *)first, (guint)first_size);
    g_byte_array_append(all, (const guint8 *)skippable, sizeof skippable - 1);
    g_byte_array_append(all, (const guint8 *)second, (guint)second_size);
    read_bytes(&told, all->data, all->len, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    drop(&told);
    g_byte_array_free(all, TRUE);
    g_free(first);
    g_free(second);
}
END_TEST

/* Cut anywhere, also inside the last bytes: an error that says where, and no events. */
START_TEST(compressed_file_cut)
{
    GString *text = many_lines(3000);
    char *packed;
    gsize size = pack(text->str, text->len, &packed);
    for (gsize cut = 5; cut < size; cut += size / 7) {
        char *where = g_strdup_printf("at byte %" G_GSIZE_FORMAT " of the file", cut);
        refuse_bytes(packed, cut, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, where);
        g_free(where);
    }
    refuse_bytes(packed, size - 1, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is cut off");
    g_free(packed);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(compressed_file_damaged)
{
    GString *text = many_lines(3000);
    char *packed;
    gsize size = pack(text->str, text->len, &packed);
    memset(packed + size / 2, 0xff, 64);
    refuse_bytes(packed, size, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is damaged");
    g_free(packed);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(bytes_behind_the_compressed_text)
{
    char *packed;
    gsize size = pack(LINE_A, sizeof LINE_A - 1, &packed);
    packed = g_realloc(packed, size + 8);
    memcpy(packed + size, "garbage!", 8);
    refuse_bytes(packed, size + 8, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is damaged");
    g_free(packed);
}
END_TEST

/* gzip files may be put one behind the other as well. */
START_TEST(gzip_file)
{
    struct told told;
    GString *text = many_lines(30000);
    char *first, *second;
    gsize first_size = pack_gzip(text->str, text->len, &first);
    gsize second_size = pack_gzip(LINE_A LINE_B, sizeof(LINE_A LINE_B) - 1, &second);
    first = g_realloc(first, first_size + second_size);
    memcpy(first + first_size, second, second_size);
    read_bytes(&told, first, first_size + second_size, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len - told.hygiene.implicit_frees, 30002);
    ck_assert_uint_eq(told.hygiene.lines, 30002);
    drop(&told);
    for (gsize cut = 4; cut < first_size; cut += first_size / 7) {
        char *where = g_strdup_printf("at byte %" G_GSIZE_FORMAT " of the file", cut);
        refuse_bytes(first, cut, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, where);
        g_free(where);
    }
    refuse_bytes(first, first_size - 1, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED,
                 "the gzip stream is cut off");
    refuse_bytes(first, first_size + 3, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is cut off");
    first[first_size - 6] ^= 1; /* of the checksum */
    refuse_bytes(first, first_size, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is damaged");
    memset(first + first_size, 'x', 4);
    first[first_size - 6] ^= 1;
    refuse_bytes(first, first_size + 4, TRACE_LAYER_SLAB, TRACE_ERROR_DAMAGED, "is damaged");
    g_free(first);
    g_free(second);
    g_string_free(text, TRUE);
}
END_TEST

/* Standard input becomes a pipe into which the bytes come in small pieces. */
static void feed_standard_input(const char *bytes, gsize length, gsize piece)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        for (gsize done = 0; done < length;) {
            gssize sent = write(ends[1], bytes + done, MIN(piece, length - done));
            if (sent <= 0) {
                _exit(1);
            }
            done += (gsize)sent;
        }
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
}

START_TEST(standard_input)
{
    struct told told;
    GString *text = many_lines(5000);
    char *packed = text->str;
    gsize size = text->len;
    if (_i > 0) {
        size = (_i == 1 ? pack : pack_gzip)(text->str, text->len, &packed);
    }
    feed_standard_input(packed, size, _i > 0 ? 1 : 1000);
    read_path(&told, "-", TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 5000);
    ck_assert_uint_eq(told.hygiene.lines, 5000);
    drop(&told);
    if (_i > 0) {
        g_free(packed);
    }
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(empty_standard_input)
{
    feed_standard_input("", 0, 1);
    char *message = refusal_of_path("-", TRACE_LAYER_SLAB, TRACE_ERROR_EMPTY);
    ck_assert(strstr(message, "standard input: is empty") != NULL);
    g_free(message);
}
END_TEST

/* More than the buffer holds: lines lie across its end, and none may be lost or doubled. */
START_TEST(long_file)
{
    struct told told;
    GString *text = many_lines(30000);
    ck_assert_uint_gt(text->len, 2 << 20);
    read_bytes(&told, text->str, text->len, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 30000);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    for (guint i = 0; i < told.events->len; i++) {
        ck_assert_uint_eq(event_at(&told, i)->line, i + 1);
        ck_assert_uint_eq(event_at(&told, i)->address - G_GUINT64_CONSTANT(0xffff888000000000),
                          4096 + i * 64);
    }
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(line_without_end)
{
    struct told told;
    GString *text = g_string_new(LINE_A);
    gsize length = _i == 0 ? TRACE_LINE_MAX : (gsize)5 << 20;
    for (gsize i = 0; i < length; i++) {
        g_string_append_c(text, 'x');
    }
    g_string_append(text, "\n" LINE_B);
    read_bytes(&told, text->str, text->len, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.lines, 3);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], 2);
    ck_assert_uint_eq(event_at(&told, 1)->line, 3);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(long_lines_have_bounded_memory)
{
    GError *error = NULL;
    GString *text = g_string_new(NULL);
    struct trace_line line;
    for (gsize i = 0; i < TRACE_LINE_MAX - 1; i++) {
        g_string_append_c(text, 'y');
    }
    g_string_append(text, "\n\nlast");
    char *name = make_file(text->str, text->len);
    trace_input *input = trace_input_open(name, &error);
    ck_assert(input != NULL);
    ck_assert_int_eq(trace_input_line(input, &line, &error), 1);
    ck_assert(!line.cut);
    ck_assert_uint_eq(line.length, TRACE_LINE_MAX - 1);
    ck_assert_int_eq(trace_input_line(input, &line, &error), 1);
    ck_assert_uint_eq(line.length, 0);
    ck_assert_int_eq(trace_input_line(input, &line, &error), 1);
    ck_assert(line.cut);
    ck_assert_uint_eq(line.number, 3);
    ck_assert_uint_eq(line.length, 4);
    ck_assert_int_eq(trace_input_line(input, &line, &error), 0);
    ck_assert_int_eq(trace_input_line(input, &line, &error), 0);
    ck_assert(trace_input_fraction(input) == 1.0);
    trace_input_close(input);
    drop_file(name);
    g_string_free(text, TRUE);
}
END_TEST

/* What is no trace: the first bytes of the file, and what the message must say. */
static const struct {
    const char *bytes;
    gsize length;
    const char *expected;
} foreign[] = {
    {"PERFILE2\0\0\0", 11, "run perf script"},
    {"\x17\x08\x44tracing6\0", 12, "trace-cmd"},
    {"\xfd\x37zXZ\0", 6, "xz"},
    {"BZh91AY", 7, "bzip2"},
    {"\x7f\x45LF\x02\x01", 6, "program"},
    {"\0\1\2\3\4\5", 6, "binary"},
    {"\xff\xfe\xfd\xfc", 4, "binary"},
    {"# tracer: nop\n#\n", 16, "tracefs"},
    {"cpus=2\n", 7, "trace-cmd report"},
    {"perf 7 [001] kmem:kfree: ptr=0x1\n", 33, "without times"},
    {" a-1 [000] ..... 15: kmalloc: ptr=0x1\n", 38, "no line begins as"},
    {"12 api->malloc(100, 0x7f) = 0x55\n", 33, "ltrace"},
    {"v 10400 3\nX ./api\nI 1000 5\ns 2 ab\n", 34, "heaptrack_interpret"},
    {"==12== Using Valgrind-3.19.0\n", 29, "--trace-malloc=yes"},
    {"v 10400 3\nX ./api\n", 18, "another kind"},
    {"Dear reader,\n", 13, "text of another kind"},
    {"\x28\xb5\x2f", 3, "binary"},
    {"{\n  \"program\" : \"bsa-replay\",\n", 30, "it is a report"},
};

START_TEST(foreign_file)
{
    refuse_bytes(foreign[_i].bytes, foreign[_i].length, TRACE_LAYER_SLAB, TRACE_ERROR_FORMAT,
                 foreign[_i].expected);
    refuse_bytes(foreign[_i].bytes, foreign[_i].length, TRACE_LAYER_SLAB, TRACE_ERROR_FORMAT,
                 "expected bsa-trace, perf script, trace-cmd report, ");
}
END_TEST

START_TEST(nothing_in_it)
{
    char *packed;
    gsize size = pack("", 0, &packed);
    refuse_text("", TRACE_LAYER_SLAB, TRACE_ERROR_EMPTY, "is empty;");
    refuse_bytes(packed, size, TRACE_LAYER_SLAB, TRACE_ERROR_EMPTY, "is empty when decompressed");
    g_free(packed);
    refuse_text("perf 7 [001] 1.5: sched:sched_switch: a=1\njunk\n", TRACE_LAYER_SLAB,
                TRACE_ERROR_EMPTY,
                "no allocation and no free in its 2 lines (1 events of other kinds, 1 lines not");
    refuse_text(LINE_A LINE_B, TRACE_LAYER_PAGE, TRACE_ERROR_EMPTY, "use --layer=slab");
    refuse_text("perf 7 [001] 1.5: kmem:mm_page_alloc: pfn=0x1 order=0\n", TRACE_LAYER_SLAB,
                TRACE_ERROR_EMPTY, "use --layer=page");
}
END_TEST

START_TEST(path_that_cannot_be_read)
{
    char *directory = g_dir_make_tmp("bsa-test-XXXXXX", NULL);
    char *missing = g_build_filename(directory, "missing", NULL);
    char *message = refusal_of_path(directory, TRACE_LAYER_SLAB, TRACE_ERROR_IO);
    ck_assert(strstr(message, "is a directory") != NULL);
    ck_assert(g_str_has_prefix(message, directory));
    g_free(message);
    message = refusal_of_path(missing, TRACE_LAYER_SLAB, TRACE_ERROR_IO);
    ck_assert(strstr(message, "cannot open it") != NULL);
    ck_assert(g_str_has_prefix(message, missing));
    g_free(message);
    g_rmdir(directory);
    g_free(missing);
    g_free(directory);
}
END_TEST

/* A spool of three records in memory: the rest goes through the file. */
START_TEST(spool_keeps_records)
{
    trace_spool *spool = trace_spool_new(3);
    const struct trace_record *record;
    guint count = (guint)_i;
    for (guint i = 0; i < count; i++) {
        struct trace_record in = {.time_ns = G_MAXUINT64 - i,
                                  .address = i,
                                  .size = G_MAXUINT64 / 3,
                                  .given = G_MAXUINT32 - i,
                                  .line = 10 + 3 * i,
                                  .thread = G_MAXUINT32,
                                  .cache = 1,
                                  .site = 2,
                                  .cpu = 65535,
                                  .kind = TRACE_PAGE_FREE,
                                  .order = 30,
                                  .migratetype = i % 2 == 0 ? 255 : 5};
        ck_assert(trace_spool_append(spool, &in, NULL));
    }
    ck_assert_uint_eq(trace_spool_count(spool), count);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert(trace_spool_rewind(spool, NULL));
        for (guint i = 0; i < count; i++) {
            ck_assert_int_eq(trace_spool_next(spool, &record, NULL), 1);
            ck_assert_uint_eq(record->time_ns, G_MAXUINT64 - i);
            ck_assert_uint_eq(record->address, i);
            ck_assert_uint_eq(record->size, G_MAXUINT64 / 3);
            ck_assert_uint_eq(record->given, G_MAXUINT32 - i);
            ck_assert_uint_eq(record->line, 10 + 3 * i);
            ck_assert_uint_eq(record->thread, G_MAXUINT32);
            ck_assert_uint_eq(record->cache, 1);
            ck_assert_uint_eq(record->site, 2);
            ck_assert_uint_eq(record->cpu, 65535);
            ck_assert_uint_eq(record->kind, TRACE_PAGE_FREE);
            ck_assert_uint_eq(record->order, 30);
            ck_assert_uint_eq(record->migratetype, i % 2 == 0 ? 255 : 5);
        }
        ck_assert_int_eq(trace_spool_next(spool, &record, NULL), 0);
    }
    trace_spool_free(spool);
}
END_TEST

/* The directory for temporary files is asked for once in a process: each case is its own. */
START_TEST(spool_without_a_directory)
{
    struct trace_record record = {.line = 1};
    GError *error = NULL;
    g_setenv("TMPDIR", "/nonexistent/directory", TRUE);
    trace_spool *spool = trace_spool_new(1);
    ck_assert(trace_spool_append(spool, &record, &error));
    ck_assert(!trace_spool_append(spool, &record, &error));
    ck_assert(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_IO));
    ck_assert(strstr(error->message, "/nonexistent/directory") != NULL);
    ck_assert(strstr(error->message, "TMPDIR") != NULL);
    g_error_free(error);
    trace_spool_free(spool);
}
END_TEST

/* A limit on file sizes stands for a full disk: what was written does not fit. */
START_TEST(spool_without_room)
{
    struct rlimit limit = {100000, 100000}; /* room for one buffer of records, not for two */
    struct trace_record record = TRACE_RECORD_INIT;
    GError *error = NULL;
    guint64 appended = 0;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    trace_spool *spool = trace_spool_new(1000);
    while (appended < 100000 && trace_spool_append(spool, &record, &error)) {
        appended++;
    }
    ck_assert_uint_eq(appended, 2000);
    ck_assert(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_IO));
    ck_assert(strstr(error->message, "set TMPDIR to a directory with more room") != NULL);
    g_error_free(error);
    trace_spool_free(spool);
}
END_TEST

/* Far more names than the table begins with: each keeps its index and its text. */
START_TEST(names_are_stored_once)
{
    trace_names *names = trace_names_new();
    ck_assert_uint_eq(trace_names_intern(names, "", 0), TRACE_NO_NAME);
    for (int pass = 0; pass < 2; pass++) {
        for (guint32 i = 0; i < 5000; i++) {
            char text[40];
            gsize length = (gsize)g_snprintf(text, sizeof text, "%u_symbol+0x%x", i % 7, i);
            ck_assert_uint_eq(trace_names_intern(names, text, length), i + 1);
            ck_assert_str_eq(trace_names_get(names, i + 1), text);
        }
        ck_assert_uint_eq(trace_names_count(names), 5001);
    }
    /* A name and its beginning are two names. */
    ck_assert_uint_eq(trace_names_intern(names, "dentry_cache", 6), 5001);
    ck_assert_uint_eq(trace_names_intern(names, "dentry_cache", 12), 5002);
    ck_assert_str_eq(trace_names_get(names, 5001), "dentry");
    trace_names_free(names);
}
END_TEST

/* However many long names there are, what is kept of them is bounded. */
START_TEST(names_have_bounded_memory)
{
    trace_names *names = trace_names_new();
    gsize length = TRACE_NAMES_BYTES_MAX / 100;
    char *text = g_malloc(length);
    memset(text, 'n', length);
    for (guint32 i = 1; i <= 110; i++) {
        memcpy(text, &(guint32){i + 0x01010101}, sizeof i);
        ck_assert_uint_eq(trace_names_intern(names, text, length), i <= 100 ? i : TRACE_NO_NAME);
    }
    ck_assert_uint_eq(trace_names_intern(names, text, 40), 101);
    ck_assert_uint_eq(trace_names_count(names), 102);
    g_free(text);
    trace_names_free(names);
}
END_TEST

struct seen {
    guint calls;
    double fraction;
};

static void note_progress(gpointer data, guint64 events, double fraction)
{
    struct seen *seen = data;
    (void)events;
    seen->calls++;
    ck_assert(fraction >= seen->fraction && fraction <= 1.0);
    seen->fraction = fraction;
}

START_TEST(progress_is_told)
{
    struct seen seen = {0, 0.0};
    struct trace_options options = {
        .layer = TRACE_LAYER_SLAB, .progress = note_progress, .progress_data = &seen};
    GString *text = many_lines(140000);
    char *name = make_file(text->str, text->len);
    trace_reader *reader = trace_open(name, &options, NULL);
    ck_assert(reader != NULL);
    ck_assert_uint_ge(seen.calls, 2);
    ck_assert(seen.fraction > 0.5);
    trace_close(reader);
    drop_file(name);
    g_string_free(text, TRUE);
}
END_TEST

Suite *trace_input_suite(void);

Suite *trace_input_suite(void)
{
    Suite *suite = suite_create("trace-input");
    TCase *sources = tcase_create("sources");
    tcase_add_test(sources, compressed_file);
    tcase_add_test(sources, several_frames);
    tcase_add_test(sources, gzip_file);
    tcase_add_loop_test(sources, standard_input, 0, 3);
    tcase_add_test(sources, long_file);
    tcase_add_loop_test(sources, line_without_end, 0, 2);
    tcase_add_test(sources, long_lines_have_bounded_memory);
    tcase_add_loop_test(sources, spool_keeps_records, 0, 8);
    tcase_add_test(sources, names_are_stored_once);
    tcase_add_test(sources, names_have_bounded_memory);
    tcase_add_test(sources, progress_is_told);
    suite_add_tcase(suite, sources);

    TCase *refused = tcase_create("refused");
    tcase_add_test(refused, compressed_file_cut);
    tcase_add_test(refused, compressed_file_damaged);
    tcase_add_test(refused, bytes_behind_the_compressed_text);
    tcase_add_test(refused, empty_standard_input);
    tcase_add_loop_test(refused, foreign_file, 0, G_N_ELEMENTS(foreign));
    tcase_add_test(refused, nothing_in_it);
    tcase_add_test(refused, path_that_cannot_be_read);
    tcase_add_test(refused, spool_without_a_directory);
    tcase_add_test(refused, spool_without_room);
    suite_add_tcase(suite, refused);
    return suite;
}

int main(void)
{
    return run_suite(trace_input_suite());
}
