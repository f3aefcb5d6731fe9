/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of programs as text: glibc mtrace, MallocLab, heaptrack, valgrind. */
#include "trace_support.h"

/* Kinds, sizes and slots of all events, a word each: "a0:100" takes slot 0, "f0" gives it back. */
static char *outline(const struct told *told)
{
    static const char letters[] = "acmrfAF";
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < told->events->len; i++) {
        const struct trace_event *event = event_at(told, i);
        ck_assert_uint_lt(event->kind, sizeof letters);
        g_string_append_printf(text, "%s%c", i == 0 ? "" : " ", letters[event->kind]);
        if (event->slot != TRACE_NO_SLOT) {
            g_string_append_printf(text, "%u", event->slot);
        }
        if (event->kind != TRACE_FREE) {
            g_string_append_printf(text, ":%" G_GUINT64_FORMAT, event->size);
        }
        if (event->align != 0) {
            g_string_append_printf(text, "@%" G_GUINT64_FORMAT, event->align);
        }
        g_string_append(text, (event->flags & TRACE_FAILED) != 0     ? "!"
                              : (event->flags & TRACE_IMPLICIT) != 0 ? "?"
                                                                     : "");
    }
    return g_string_free(text, FALSE);
}

static void check_outline(const char *input, const char *format, const char *expected)
{
    struct told told;
    read_text(&told, input, TRACE_LAYER_BOTH);
    char *got = outline(&told);
    ck_assert_str_eq(got, expected);
    ck_assert_str_eq(told.summary.format, format);
    ck_assert(!told.summary.kernel);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    g_free(got);
    drop(&told);
}

static const struct {
    const char *input, *expected;
} mtrace[] = {
    {"= Start\n@ ./a:[0x123d] + 0x1000 0x64\n@ ./a:[0x123d] - 0x1000\n= End\n", "a0:100 f0"},
    {"= Start\n+ 0x1000 0x64\n- 0x1000\n", "a0:100 f0"},
    {"@ ./a b] c:(f+0x1)[0x9] + 0x1000 0\n@ [0x9] - 0x1000\n", "a0:0 f0"},
    /* A realloc that stays, one that moves, the old place handed out at once. */
    {"= Start\n+ 0x10 0x8\n< 0x10\n> 0x10 0x20\n< 0x10\n> 0x40 0x30\n+ 0x10 0x5\n- 0x40\n- 0x10\n",
     "a0:8 r0:32 r0:48 a1:5 f0 f1"},
    {"= Start\n+ 0x10 0x8\n! 0x10 0x1000000000000000\n- 0x10\n", "a0:8 r0:1152921504606846976! f0"},
    {"= Start\n+ (nil) 0x1000000000000000\n! (nil) 0x99\n", "a:1152921504606846976! a:153!"},
    {"= Start\n+ 0x10 0x8\n+ 0x10 0x9\n", "a0:8 f0? a0:9"},
    /* Objects older than the trace. */
    {"= Start\n< 0x10\n> 0x20 0x9\n- 0x30\n- (nil)\n- 0x20\n", "a0:9 f0"},
};

START_TEST(mtrace_lines)
{
    check_outline(mtrace[_i].input, "glibc mtrace", mtrace[_i].expected);
}
END_TEST

START_TEST(mtrace_fields)
{
    struct told told;
    read_text(&told,
              "= Start\n"
              "@ ./my prog:(main+0x1a)[0x123d] + 0x561b155a94a0 0x64\n"
              "@ [0x77] - 0x561b155a94a0\n"
              "@ ./a:[0x1] - 0x10\n",
              TRACE_LAYER_SLAB);
    const struct trace_event *event = event_at(&told, 0);
    ck_assert_uint_eq(event->line, 2);
    ck_assert_uint_eq(event->address, G_GUINT64_CONSTANT(0x561b155a94a0));
    ck_assert_str_eq(trace_name(told.reader, event->site), "./my prog:(main+0x1a)[0x123d]");
    ck_assert_str_eq(trace_name(told.reader, event_at(&told, 1)->site), "[0x77]");
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 1);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 1);
    ck_assert_uint_eq(told.summary.threads, 1);
    ck_assert_uint_eq(told.summary.cpus, 1);
    char *clock = trace_meta_text(trace_reader_meta(told.reader), "clock");
    ck_assert_str_eq(clock, "records");
    g_free(clock);
    drop(&told);
}
END_TEST

static const struct {
    const char *input, *expected;
} rep[] = {
    {"20000\n3\n8\n1\na 0 512\na 1 128\nr 0 640\na 2 128\nf 1\nr 0 768\nf 0\nf 2\n",
     "a0:512 a1:128 r0:640 a2:128 f1 r0:768 f0 f2"},
    {"20000\r\n1\r\n3\r\n1\r\n\r\na 0 512\r\nf -1\r\nf 0\r\n", "a0:512 f0"},
    /* The last line lacks its end: it is the last that the header told of. */
    {"0\n1\n2\n1\na 0 512\nf 0", "a0:512 f0"},
    {"0\n1\n3\n1\na 7 0\na 7 1\nr 8 5\n", "a0:0 f0? a0:1 a1:5"},
};

START_TEST(rep_lines)
{
    check_outline(rep[_i].input, "MallocLab .rep", rep[_i].expected);
}
END_TEST

START_TEST(rep_that_ends_early)
{
    struct told told;
    read_text(&told, "0\n2\n5\n1\na 0 512\na 1 8\nf 1", TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 3);
    ck_assert_uint_eq(event_at(&told, 2)->kind, TRACE_LOST);
    ck_assert_uint_eq(told.hygiene.lost_events, 2);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    drop(&told);
}
END_TEST

static const struct {
    const char *input, *expected;
} heaptrack[] = {
    {"v 10400 3\nx 5 /a/bc\nX ./api x\nI 1000 5e\nt 5633 0\n+ 11c00 1 1000\n- 1000\nc 0\nR 3e2\n",
     "a0:72704 f0"},
    {"v 10200 2\nX ./api\nm ./api 5633025aa000 0 910\n+ 0 9 1000\n+ 1 1 1000\n- 55\n",
     "a0:0 f0? a0:1"},
    {"v 10200\nX ./api\n# comment\nA\n+ 10 0 1000\n- 1000\n", "a0:16 f0"},
};

START_TEST(heaptrack_lines)
{
    check_outline(heaptrack[_i].input, "heaptrack raw", heaptrack[_i].expected);
}
END_TEST

START_TEST(heaptrack_fields)
{
    struct told told;
    read_text(&told,
              "v 10400 3\nx 5 /a/bc\nX ./api -v\nI 1000 5e\nt 5633 0\nt 77ab 1\nc a\n"
              "+ 10 2 1000\n+ 20 1 2000\nc 2\nc 14\n- 1000\n- 0\n",
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 3);
    ck_assert_str_eq(trace_name(told.reader, event_at(&told, 0)->site), "77ab");
    ck_assert_str_eq(trace_name(told.reader, event_at(&told, 1)->site), "5633");
    ck_assert_uint_eq(event_at(&told, 0)->time_ns, 0);
    ck_assert_uint_eq(event_at(&told, 1)->time_ns, 1);
    ck_assert_uint_eq(event_at(&told, 2)->time_ns, 10000000);
    ck_assert_uint_eq(told.hygiene.null_frees, 1);
    char *command = trace_meta_text(trace_reader_meta(told.reader), "command");
    ck_assert_str_eq(command, "./api -v");
    g_free(command);
    drop(&told);
}
END_TEST

START_TEST(heaptrack_of_tomorrow)
{
    refuse_text("v 20000 4\nx 5 /a/bc\n+ 10 1 1000\n", TRACE_LAYER_SLAB, TRACE_ERROR_FORMAT,
                "file version is 4");
}
END_TEST

static const struct {
    const char *input, *expected;
} valgrind[] = {
    {"--9-- malloc(100) = 0x4A45040\n--9-- free(0x4A45040)\n", "a0:100 f0"},
    {"--9-- calloc(3,111) = 0x4A51590\n--9-- calloc(4294967296,4294967296) = 0x0\n",
     "c0:333 c:18446744073709551615!"},
    {"--9-- memalign(al 64, size 640) = 0x4A51780\n", "m0:640@64"},
    {"--9-- _Znwm(40) = 0x50\n--9-- _ZdlPvm(0x50, 40)\n"
     "--9-- _ZnwmSt11align_val_t(size 64, al 32) = 0x80\n",
     "a0:40 f0 m0:64@32"},
    {"--9-- malloc(8) = 0x10\n--9-- realloc(0x10,16) = 0x20\n--9-- realloc(0x20,99) = 0x0\n"
     "--9-- free(0x20)\n",
     "a0:8 r0:16 r0:99! f0"},
    /* Glued and split lines. */
    {"--9-- realloc(0x0,700)malloc(700) = 0x10\n", "a0:700"},
    {"--9-- malloc(8) = 0x10\n--9-- realloc(0x10,0)free(0x10)\n--9--  = 0\n--9-- malloc(9) = "
     "0x10\n",
     "a0:8 f0 a0:9"},
    {"--9-- malloc(8) = 0x10\n--9-- realloc(0x10,0) = 0x0\n", "a0:8 f0"},
    {"--9-- malloc(8)free(0x10)\n--9--  = 0x20\n--9-- free(0x20)\n", "a0:8 f0"},
    {"--9-- malloc(8)--\n--9-- malloc(8) = 0x10\n", NULL},
    {"--9-- malloc_usable_size(0x10) = 24\n--9-- malloc(8) = 0x10\n", "a0:8"},
    {"--9-- REDIR: 0x1 (libc.so.6:malloc) redirected to 0x2 (malloc)\n==9== Command: a\n\n**9** x\n"
     "--9-- malloc(8) = 0x10\n",
     "a0:8"},
    {"--00:00:00:01.234 9-- malloc(8) = 0x10\n", "a0:8"},
    /* Two processes with the same addresses: the child's free of what it inherited is an orphan. */
    {"--9-- malloc(8) = 0x10\n--10-- free(0x10)\n--10-- malloc(9) = 0x10\n--9-- free(0x10)\n",
     "a0:8 a1:9 f0"},
    {"--9-- malloc(8)\n--10-- malloc(9) = 0x10\n--9--  = 0x10\n", "a0:9 a1:8"},
};

START_TEST(valgrind_lines)
{
    struct told told;
    if (valgrind[_i].expected != NULL) {
        check_outline(valgrind[_i].input, "valgrind --trace-malloc", valgrind[_i].expected);
        return;
    }
    read_text(&told, valgrind[_i].input, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    drop(&told);
}
END_TEST

START_TEST(valgrind_processes)
{
    struct told told;
    read_text(&told, "--9-- malloc(8) = 0x10\n--10-- malloc(9) = 0x10\n", TRACE_LAYER_SLAB);
    ck_assert_uint_eq(event_at(&told, 0)->thread, 9);
    ck_assert_uint_eq(event_at(&told, 0)->address, 0x10);
    ck_assert_uint_eq(event_at(&told, 1)->thread, 10);
    ck_assert_uint_eq(event_at(&told, 1)->address, G_GUINT64_CONSTANT(0x1000000000010));
    ck_assert_uint_eq(told.summary.threads, 2);
    drop(&told);
}
END_TEST

/* More calls that never end than wait for a result: the oldest give way. */
START_TEST(valgrind_calls_without_end)
{
    struct told told;
    GString *text = g_string_new(NULL);
    for (int i = 0; i < 1000; i++) {
        g_string_append_printf(text, "--9-- malloc(%d)\n", i);
    }
    g_string_append(text, "--9--  = 0x10\n");
    read_text(&told, text->str, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(event_at(&told, 0)->size, 999);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* In each format: a first line that makes it, and a line that is not understood. */
static const struct {
    const char *first, *odd;
} odd[] = {
    {"= Start\n+ 0x10 0x8\n", "+ 0x20"},
    {"= Start\n+ 0x10 0x8\n", "+ 0x20 0x8 0x9"},
    {"= Start\n+ 0x10 0x8\n", "* 0x20 0x8"},
    {"= Start\n+ 0x10 0x8\n", "- 0x20 0x8"},
    {"= Start\n+ 0x10 0x8\n", "+ 0x20 0xfffffffffffffff0"},
    {"= Start\n+ 0x10 0x8\n", "@ nothing"},
    {"= Start\n+ 0x10 0x8\n", "@ a:[0x1]"},
    {"= Start\n+ 0x10 0x8\n", "> (nil) 0x8"},
    {"= Start\n+ 0x10 0x8\n", "< 0xg"},
    {"0\n1\n0\n1\na 0 8\n", "a 1"},
    {"0\n1\n0\n1\na 0 8\n", "a -1 8"},
    {"0\n1\n0\n1\na 0 8\n", "b 1 8"},
    {"0\n1\n0\n1\na 0 8\n", "f 1 8"},
    {"0\n1\n0\n1\na 0 8\n", "a 18446744073709551615 8"},
    {"0\n1\n0\n1\na 0 8\n", "a 1 18446744073709551615"},
    {"0\n1\n0\n1\na 0 8\n", "12"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "+ 8 0"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "+ 8 0 0"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "+ ffffffffffffffff 0 20"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "- 0x10"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "t 1"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "c ffffffffffffffff"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "z 1"},
    {"v 1 3\nx 1 a\n+ 8 0 10\n", "hello"},
    {"--9-- malloc(8) = 0x10\n", "output of the program"},
    {"--9-- malloc(8) = 0x10\n", "--9-- malloc() = 0x20"},
    {"--9-- malloc(8) = 0x10\n", "--9-- malloc(8"},
    {"--9-- malloc(8) = 0x10\n", "--9-- calloc(8) = 0x20"},
    {"--9-- malloc(8) = 0x10\n", "--9-- realloc(0x10) = 0x20"},
    {"--9-- malloc(8) = 0x10\n", "--9--  = 0x20"},
    {"--9-- malloc(8) = 0x10\n", "--9-- malloc(8) = 0x20 and more"},
    {"--9-- malloc(8) = 0x10\n", "--9-- malloc(8) = 0xFFFFFFFFFFFFFFF0"},
    {"--9-- malloc(8) = 0x10\n", "--9-- malloc(1152921504606846976) = 0x20"},
    {"--9-- malloc(8) = 0x10\n", "--9-- free(0xFFFFFFFFFFFFFFF0)"},
};

START_TEST(lines_not_understood)
{
    struct told told;
    char *text = g_strdup_printf("%s%s\n", odd[_i].first, odd[_i].odd);
    guint64 line = 1;
    for (const char *p = odd[_i].first; *p != '\0'; p++) {
        line += *p == '\n';
    }
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    ck_assert_uint_eq(told.hygiene.first_ignored[0], line);
    drop(&told);
    g_free(text);
}
END_TEST

/* A line that is cut may end in the middle of a number. */
static const char *const cut[] = {
    "= Start\n+ 0x10 0x8\n+ 0x20 0x8",
    "v 1 3\nx 1 a\n+ 8 0 10\n+ 8 0 10",
    "--9-- malloc(8) = 0x10\n--9-- malloc(8) = 0x10",
};

START_TEST(last_line_cut)
{
    struct told told;
    read_text(&told, cut[_i], TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 1);
    drop(&told);
}
END_TEST

/*
 * One program, recorded by four tools; what each of them sees. valgrind's own totals are 17
 * allocations, 16 frees, 365 777 bytes, each realloc among both.
 */
static const struct {
    const char *name;
    struct wanted wanted[12];
} samples[] = {
    {"good-mtrace.txt",
     {{"allocs", 15},
      {"frees", 14},
      {"reallocs", 3},
      {"failed_allocs", 1},
      {"orphan_frees", 0},
      {"implicit_frees", 0},
      {"filler_lines", 2},
      {"never_freed", 1},
      {"never_freed_bytes", 4242}}},
    {"good-heaptrack-raw.txt",
     {{"allocs", 17},
      {"frees", 14},
      {"orphan_frees", 2},
      {"filler_lines", 79 - 17 - 16},
      {"never_freed", 3},
      {"never_freed_bytes", 4242 + 320 + 321}}},
    {"good-valgrind.txt",
     {{"allocs", 17 - 3},
      {"frees", 16 - 3},
      {"reallocs", 3},
      {"null_frees", 94},
      {"failed_allocs", 1},
      {"orphan_frees", 0},
      {"never_freed", 1},
      {"never_freed_bytes", 4242}}},
    {"good-malloclab.rep", {{"allocs", 3}, {"frees", 3}, {"reallocs", 2}, {"never_freed", 0}}},
};

START_TEST(real_excerpts)
{
    struct told told;
    read_data(&told, samples[_i].name, TRACE_LAYER_BOTH);
    check_counts(&told.hygiene, samples[_i].wanted);
    ck_assert_uint_eq(told.hygiene.ignored_lines, 0);
    drop(&told);
}
END_TEST

START_TEST(totals_of_valgrind)
{
    struct told told;
    guint64 bytes = 0;
    read_data(&told, "good-valgrind.txt", TRACE_LAYER_SLAB);
    for (guint i = 0; i < told.events->len; i++) {
        const struct trace_event *event = event_at(&told, i);
        gboolean failed = (event->flags & TRACE_FAILED) != 0;
        bytes += event->kind == TRACE_FREE || failed ? 0 : event->size;
    }
    ck_assert_uint_eq(bytes, 365777);
    drop(&told);
}
END_TEST

static const struct {
    const char *name, *expected;
} refused[] = {
    {"bad-heaptrack-interpreted.txt", "heaptrack --raw"},
    {"bad-ltrace.txt", "record it anew with bsa-record"},
};

START_TEST(texts_without_identities)
{
    char *path = data_path(refused[_i].name);
    char *message = refusal_of_path(path, TRACE_LAYER_SLAB, TRACE_ERROR_FORMAT);
    ck_assert_msg(strstr(message, refused[_i].expected) != NULL, "%s", message);
    g_free(message);
    g_free(path);
}
END_TEST

/* A program's trace has one layer. */
START_TEST(no_pages)
{
    refuse_text("= Start\n+ 0x10 0x8\n", TRACE_LAYER_PAGE, TRACE_ERROR_EMPTY, "use --layer=slab");
    refuse_text("= Start\n= End\n", TRACE_LAYER_SLAB, TRACE_ERROR_EMPTY, "record with bsa-record");
}
END_TEST

Suite *import_user_suite(void);

Suite *import_user_suite(void)
{
    Suite *suite = suite_create("import-user");
    TCase *lines = tcase_create("lines");
    tcase_add_loop_test(lines, mtrace_lines, 0, G_N_ELEMENTS(mtrace));
    tcase_add_test(lines, mtrace_fields);
    tcase_add_loop_test(lines, rep_lines, 0, G_N_ELEMENTS(rep));
    tcase_add_test(lines, rep_that_ends_early);
    tcase_add_loop_test(lines, heaptrack_lines, 0, G_N_ELEMENTS(heaptrack));
    tcase_add_test(lines, heaptrack_fields);
    tcase_add_test(lines, heaptrack_of_tomorrow);
    tcase_add_loop_test(lines, valgrind_lines, 0, G_N_ELEMENTS(valgrind));
    tcase_add_test(lines, valgrind_processes);
    tcase_add_test(lines, valgrind_calls_without_end);
    tcase_add_loop_test(lines, lines_not_understood, 0, G_N_ELEMENTS(odd));
    tcase_add_loop_test(lines, last_line_cut, 0, G_N_ELEMENTS(cut));
    suite_add_tcase(suite, lines);

    TCase *real = tcase_create("real");
    tcase_add_loop_test(real, real_excerpts, 0, G_N_ELEMENTS(samples));
    tcase_add_test(real, totals_of_valgrind);
    tcase_add_loop_test(real, texts_without_identities, 0, G_N_ELEMENTS(refused));
    tcase_add_test(real, no_pages);
    suite_add_tcase(suite, real);
    return suite;
}

int main(void)
{
    return run_suite(import_user_suite());
}
