/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the replay share: bsa-replay run on a text, and its report.json looked into. */
#ifndef BSA_TESTS_CLI_REPLAY_SUPPORT_H
#define BSA_TESTS_CLI_REPLAY_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

/* One run of the program in a folder of its own; json is report.json, or else recorded.json. */
struct ran {
    char *folder;
    int status;
    char *said; /* on standard output and error */
    JsonParser *json;
};

static inline void add_alloc(GString *text, guint cpu, guint thread, guint us, guint64 address,
                             guint bytes)
{
    g_string_append_printf(text,
                           "worker %u [%03u] 1.%06u: kmem:kmalloc: call_site=f+0x1 "
                           "ptr=0x%" G_GINT64_MODIFIER "x bytes_req=%u bytes_alloc=%u "
                           "gfp_flags=GFP_KERNEL node=-1 accounted=false\n",
                           thread, cpu, us, address, bytes, bytes);
}

static inline void add_free(GString *text, guint cpu, guint thread, guint us, guint64 address)
{
    g_string_append_printf(
        text,
        "worker %u [%03u] 1.%06u: kmem:kfree: call_site=f+0x1 ptr=0x%" G_GINT64_MODIFIER "x\n",
        thread, cpu, us, address);
}

static inline void add_page_alloc(GString *text, guint cpu, guint us, guint pfn, guint order)
{
    g_string_append_printf(text,
                           "worker 1 [%03u] 1.%06u: kmem:mm_page_alloc: page=0x%x pfn=0x%x "
                           "order=%u migratetype=0 gfp_flags=GFP_KERNEL\n",
                           cpu, us, pfn, pfn, order);
}

static inline void add_page_free(GString *text, guint cpu, guint us, guint pfn, guint order)
{
    g_string_append_printf(
        text, "worker 1 [%03u] 1.%06u: kmem:mm_page_free: page=0x%x pfn=0x%x order=%u\n", cpu, us,
        pfn, pfn, order);
}

static inline char *in_folder(const struct ran *ran, const char *name)
{
    return g_build_filename(ran->folder, name, NULL);
}

/* A file of the report; to be freed. */
static inline char *file_of(const struct ran *ran, const char *name)
{
    char *path = in_folder(ran, name), *text = NULL;
    ck_assert_msg(g_file_get_contents(path, &text, NULL, NULL), "%s is missing: %s", name,
                  ran->said);
    g_free(path);
    return text;
}

static inline void spawn(struct ran *ran, char **argv)
{
    char *out = NULL, *err = NULL;
    GError *error = NULL;
    int status;
    gboolean ok = g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, &out, &err, &status, &error);
    ck_assert_msg(ok, "%s", ok ? "" : error->message);
    ck_assert_msg(g_spawn_check_wait_status(status, &error) || error->domain == G_SPAWN_EXIT_ERROR,
                  "ended by a signal: %s", err);
    ran->status = error == NULL ? 0 : error->code;
    g_clear_error(&error);
    ran->said = g_strconcat(out, err, NULL);
    g_free(out);
    g_free(err);
}

/* Replays a text with options that end with NULL; pictures are not drawn. */
static inline void replay_text(struct ran *ran, const char *text, const char *const *options)
{
    const char *program = g_getenv("BSA_REPLAY");
    ck_assert_msg(program != NULL, "set BSA_REPLAY to the program bsa-replay");
    memset(ran, 0, sizeof(*ran));
    ran->folder = g_dir_make_tmp("bsa-replay-test-XXXXXX", NULL);
    ck_assert(ran->folder != NULL);
    char *trace = in_folder(ran, "trace.txt");
    ck_assert(g_file_set_contents(trace, text, -1, NULL));

    GPtrArray *argv = g_ptr_array_new();
    g_ptr_array_add(argv, g_strdup(program));
    g_ptr_array_add(argv, g_strdup("--no-plots"));
    g_ptr_array_add(argv, g_strdup("-o"));
    g_ptr_array_add(argv, g_strdup(ran->folder));
    for (; *options != NULL; options++)
        g_ptr_array_add(argv, g_strdup(*options));
    g_ptr_array_add(argv, trace);
    g_ptr_array_add(argv, NULL);
    spawn(ran, (char **)argv->pdata);
    g_ptr_array_set_free_func(argv, g_free);
    g_ptr_array_free(argv, TRUE);
    if (ran->status == 0) {
        char *whole = in_folder(ran, "report.json");
        gboolean recorded = !g_file_test(whole, G_FILE_TEST_EXISTS);
        char *json = file_of(ran, recorded ? "recorded.json" : "report.json");
        g_free(whole);
        ran->json = json_parser_new();
        ck_assert(json_parser_load_from_data(ran->json, json, -1, NULL));
        g_free(json);
    }
}

static inline void forget(struct ran *ran)
{
    GDir *dir = g_dir_open(ran->folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        char *path = in_folder(ran, name);
        g_unlink(path);
        g_free(path);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_rmdir(ran->folder);
    g_free(ran->folder);
    g_free(ran->said);
    g_clear_object(&ran->json);
}

/* The value at a path as "cpus.1.frees": names of members, numbers of elements. */
static inline JsonNode *node_at(const struct ran *ran, const char *path)
{
    ck_assert_msg(ran->json != NULL, "no report: %s", ran->said);
    JsonNode *node = json_parser_get_root(ran->json);
    char **part = g_strsplit(path, ".", -1);
    for (guint i = 0; part[i] != NULL && node != NULL; i++) {
        if (JSON_NODE_HOLDS_OBJECT(node)) {
            node = json_object_get_member(json_node_get_object(node), part[i]);
        } else {
            guint index = (guint)strtoul(part[i], NULL, 10);
            JsonArray *array = json_node_get_array(node);
            node =
                index < json_array_get_length(array) ? json_array_get_element(array, index) : NULL;
        }
    }
    g_strfreev(part);
    ck_assert_msg(node != NULL, "report.json has no %s", path);
    return node;
}

static inline gint64 count_at(const struct ran *ran, const char *path)
{
    return json_node_get_int(node_at(ran, path));
}

static inline double ratio_at(const struct ran *ran, const char *path)
{
    return json_node_get_double(node_at(ran, path));
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    if (g_getenv("CK_TAP_LOG_FILE_NAME") == NULL)
        srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
