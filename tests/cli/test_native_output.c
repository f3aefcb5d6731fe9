/* SPDX-License-Identifier: Apache-2.0 */
/* Writing trace files: what is refused, and files that are there whole or not at all. */
#include "native_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* What a caller may not write: an error, and no file. */
START_TEST(refused_events)
{
    static const struct trace_event bad[] = {
        {.kind = TRACE_FREE, .slot = 3},
        {.kind = TRACE_REALLOC, .slot = 3},
        {.kind = TRACE_REALLOC, .slot = TRACE_NO_SLOT},
        {.kind = TRACE_REALLOC_BEGIN, .slot = 0},
        {.kind = TRACE_KINDS, .slot = 0},
        {.kind = TRACE_ALLOC, .slot = 0},
        {.kind = TRACE_ALLOC, .slot = TRACE_NO_SLOT},
        {.kind = TRACE_ALLOC, .slot = 1, .size = TRACE_SIZE_MAX + 1},
    };
    struct trace_event first = {.kind = TRACE_ALLOC, .slot = 0};
    char *path = new_path();
    GError *error = NULL;
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, NULL);
    write_event(writer, &first);
    ck_assert(!trace_writer_event(writer, &bad[_i], &error));
    ck_assert_msg(strstr(error->message, "event 2 ") != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
    trace_writer_abandon(writer);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
    g_error_free(error);
    g_free(path);
}
END_TEST

static guint files_in(const char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    guint count = 0;
    while (g_dir_read_name(dir) != NULL) {
        count++;
    }
    g_dir_close(dir);
    return count;
}

/* A file that cannot be finished leaves the one that was there, and nothing beside it: also where
 * a thread finds that out. */
START_TEST(full_disk)
{
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    GRand *random = g_rand_new_with_seed(1);
    GError *error = NULL;
    char *directory = g_dir_make_tmp("bsa-test-XXXXXX", NULL);
    char *path = g_build_filename(directory, "trace", NULL);
    ck_assert(g_file_set_contents(path, "old", 3, NULL));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    trace_writer *writer =
        open_writer(path, _i == 0 ? TRACE_LEVEL_REPLAYABLE : TRACE_LEVEL_RAW, NULL);
    gboolean good = TRUE;
    if (_i > 0) {
        trace_writer_use_thread(writer);
    }
    for (guint32 i = 0; i < 300000 && good; i++) {
        struct trace_event event = {.slot = i, .size = random_word(random) >> 16};
        struct trace_record record = trace_record_of(&event);
        good = _i == 0 ? trace_writer_event(writer, &event, &error)
                       : trace_writer_record(writer, &record, &error);
    }
    ck_assert(!good);
    ck_assert_msg(strstr(error->message, "cannot grow beyond ") != NULL, "%s", error->message);
    trace_writer_abandon(writer);
    char *contents;
    ck_assert(g_file_get_contents(path, &contents, NULL, NULL));
    ck_assert_str_eq(contents, "old");
    ck_assert_uint_eq(files_in(directory), 1);
    g_unlink(path);
    g_rmdir(directory);
    g_error_free(error);
    g_free(contents);
    g_free(path);
    g_free(directory);
    g_rand_free(random);
}
END_TEST

START_TEST(unwritable_place)
{
    static const char *const places[] = {"/nowhere/trace", "/proc/trace", "/"};
    struct trace_writer_options options = {.level = TRACE_LEVEL_RAW, .page_size = 4096};
    GError *error = NULL;
    ck_assert(trace_writer_open(places[_i], &options, &error) == NULL);
    ck_assert_msg(g_str_has_prefix(error->message, places[_i]), "%s", error->message);
    ck_assert_msg(strstr(error->message, "cannot be written") != NULL, "%s", error->message);
    g_error_free(error);
}
END_TEST

/* A link stays one; a device is written as it is. */
START_TEST(links_and_devices)
{
    struct trace_event event = {.kind = TRACE_ALLOC, .slot = 0, .size = 5};
    struct told told;
    char *path = make_file("old", 3), *link = new_path();
    ck_assert_int_eq(symlink(path, link), 0);
    trace_writer *writer = open_writer(link, TRACE_LEVEL_REPLAYABLE, NULL);
    write_event(writer, &event);
    close_writer(writer);
    ck_assert(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    read_path(&told, path, TRACE_LAYER_ALL);
    ck_assert_uint_eq(told.events->len, 1);
    drop(&told);
    writer = open_writer("/dev/null", TRACE_LEVEL_REPLAYABLE, NULL);
    write_event(writer, &event);
    close_writer(writer);
    ck_assert(!g_file_test("/dev/null", G_FILE_TEST_IS_REGULAR));
    drop_file(link);
    drop_file(path);
}
END_TEST

/* Some chunks of records that are not in order of time, with names that come while it is written.
 */
static GByteArray *write_chunks(guint32 seed, gboolean thread)
{
    GRand *random = g_rand_new_with_seed(seed);
    trace_names *names = trace_names_new();
    char *path = new_path();
    trace_writer *writer = open_writer(path, TRACE_LEVEL_RAW, names);
    for (guint32 i = 0; i < 70000; i++) {
        struct trace_record record = TRACE_RECORD_INIT;
        char *name = g_strdup_printf("cache %u", i / 500);
        if (i == 1000 && thread) {
            trace_writer_use_thread(writer);
        }
        record.time_ns = (guint64)i * 10 + g_rand_int(random) % 100000;
        record.thread = g_rand_int(random) % 5;
        record.address = (g_rand_int(random) % 1000) * 16;
        record.kind = g_rand_int(random) % 2 == 0 ? TRACE_ALLOC : TRACE_FREE;
        record.size = g_rand_int(random) % 300;
        record.cache = trace_names_intern(names, name, strlen(name));
        write_record(writer, &record);
        g_free(name);
    }
    guint overlap = trace_writer_overlap(writer);
    ck_assert_uint_ge(overlap, 1);
    close_writer(writer);
    trace_names_free(names);
    g_rand_free(random);
    return take_file(path);
}

START_TEST(threads_write_the_same)
{
    GRand *random = seeded("threads_write_the_same");
    guint32 seed = g_rand_int(random);
    GByteArray *alone = write_chunks(seed, FALSE), *apart = write_chunks(seed, TRUE);
    ck_assert_uint_eq(alone->len, apart->len);
    ck_assert_int_eq(memcmp(alone->data, apart->data, alone->len), 0);
    g_byte_array_free(alone, TRUE);
    g_byte_array_free(apart, TRUE);
    g_rand_free(random);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("native-output");
    TCase *output = tcase_create("output");
    tcase_add_loop_test(output, refused_events, 0, 8);
    tcase_add_loop_test(output, full_disk, 0, 2);
    tcase_add_test(output, threads_write_the_same);
    tcase_add_loop_test(output, unwritable_place, 0, 3);
    tcase_add_test(output, links_and_devices);
    suite_add_tcase(suite, output);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
