/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the trace reader share: texts as files, and a trace read to its end. */
#ifndef BSA_TESTS_CLI_TRACE_SUPPORT_H
#define BSA_TESTS_CLI_TRACE_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "trace/error.h"
#include "trace/hygiene.h"
#include "trace/reader.h"

/* A trace read to its end, and what was said about it. */
struct told {
    trace_reader *reader; /* open for its names */
    GArray *events;       /* struct trace_event */
    struct trace_hygiene hygiene;
    struct trace_summary summary;
};

/* A file with these bytes; its name is to be removed and freed by drop_file. */
static inline char *make_file(const void *bytes, gsize length)
{
    char *name = NULL;
    GError *error = NULL;
    int fd = g_file_open_tmp("bsa-test-XXXXXX", &name, &error);
    ck_assert_msg(fd >= 0, "%s", error != NULL ? error->message : "");
    g_close(fd, NULL);
    ck_assert(g_file_set_contents(name, bytes, (gssize)length, NULL));
    return name;
}

static inline void drop_file(char *name)
{
    g_unlink(name);
    g_free(name);
}

static inline const struct trace_event *event_at(const struct told *told, guint index)
{
    ck_assert_uint_lt(index, told->events->len);
    return &g_array_index(told->events, struct trace_event, index);
}

/* The counts of the second pass must be those that the summary promised. */
static inline void read_path(struct told *told, const char *path, enum trace_layer layer)
{
    struct trace_options options = {.layer = layer};
    struct trace_event event;
    GError *error = NULL;
    int got;
    told->reader = trace_open(path, &options, &error);
    ck_assert_msg(told->reader != NULL, "%s", error != NULL ? error->message : "no error");
    told->events = g_array_new(FALSE, FALSE, sizeof event);
    while ((got = trace_next(told->reader, &event, &error)) > 0) {
        g_array_append_val(told->events, event);
    }
    ck_assert_int_eq(got, 0);
    told->hygiene = *trace_hygiene(told->reader);
    told->summary = *trace_summary(told->reader);
    ck_assert_uint_eq(told->events->len, told->summary.events);
    ck_assert_uint_eq(told->events->len, told->hygiene.events);
}

static inline void read_bytes(struct told *told, const void *bytes, gsize length,
                              enum trace_layer layer)
{
    char *name = make_file(bytes, length);
    read_path(told, name, layer);
    drop_file(name);
}

static inline void read_text(struct told *told, const char *text, enum trace_layer layer)
{
    read_bytes(told, text, strlen(text), layer);
}

static inline void drop(struct told *told)
{
    g_array_free(told->events, TRUE);
    trace_close(told->reader);
}

/* The message with which the path is refused; to be freed. */
static inline char *refusal_of_path(const char *path, enum trace_layer layer, enum trace_error code)
{
    struct trace_options options = {.layer = layer};
    GError *error = NULL;
    trace_reader *reader = trace_open(path, &options, &error);
    ck_assert_msg(reader == NULL, "was not refused");
    ck_assert(error != NULL);
    ck_assert_msg(g_error_matches(error, TRACE_ERROR, (int)code), "%s", error->message);
    char *message = g_strdup(error->message);
    g_error_free(error);
    return message;
}

static inline void refuse_bytes(const void *bytes, gsize length, enum trace_layer layer,
                                enum trace_error code, const char *expected)
{
    char *name = make_file(bytes, length);
    char *message = refusal_of_path(name, layer, code);
    ck_assert_msg(strstr(message, expected) != NULL, "'%s' not in: %s", expected, message);
    ck_assert_msg(strstr(message, name) != NULL, "does not name the file: %s", message);
    g_free(message);
    drop_file(name);
}

static inline void refuse_text(const char *text, enum trace_layer layer, enum trace_error code,
                               const char *expected)
{
    refuse_bytes(text, strlen(text), layer, code, expected);
}

/* Each line of a kernel's text is accounted for by exactly one count. */
static inline void check_balance(const struct trace_hygiene *h)
{
    guint64 unseen = h->implicit_frees + h->implicit_page_frees;
    ck_assert_uint_eq(h->events, h->allocs + h->frees + h->page_allocs + h->page_frees +
                                     h->failed_allocs + h->lost_reports);
    ck_assert_uint_eq(h->lines, h->events - unseen + h->null_frees + h->orphan_frees +
                                    h->orphan_page_frees + h->batched_repeats +
                                    h->slab_page_allocs + h->slab_page_frees + h->other_events +
                                    h->other_layer + h->filler_lines + h->ignored_lines);
}

/* A file of the tests' own data; to be freed. */
static inline char *data_path(const char *name)
{
    const char *source = g_getenv("BSA_SRCDIR");
    return g_build_filename(source != NULL ? source : ".", "tests", "cli", "data", name, NULL);
}

static inline void read_data(struct told *told, const char *name, enum trace_layer layer)
{
    char *path = data_path(name);
    read_path(told, path, layer);
    g_free(path);
}

/* A count of hygiene and what it has to be. */
struct wanted {
    const char *key;
    guint64 value;
};

/* All counts that are wanted, up to one without a key. */
static inline void check_counts(const struct trace_hygiene *hygiene, const struct wanted *wanted)
{
    for (; wanted->key != NULL; wanted++) {
        guint i = 0;
        while (i < trace_hygiene_field_count &&
               strcmp(trace_hygiene_fields[i].key, wanted->key) != 0) {
            i++;
        }
        ck_assert_msg(i < trace_hygiene_field_count, "no count %s", wanted->key);
        guint64 value = trace_hygiene_get(hygiene, &trace_hygiene_fields[i]);
        ck_assert_msg(value == wanted->value,
                      "%s: %" G_GUINT64_FORMAT ", wanted %" G_GUINT64_FORMAT, wanted->key, value,
                      wanted->value);
    }
}

/* TAP on standard output unless the environment says where to. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    if (g_getenv("CK_TAP_LOG_FILE_NAME") == NULL) {
        srunner_set_tap(runner, "-");
    }
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
