/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <math.h>
#include <string.h>

#include "../common/schema.h"
#include "error.h"

/* result: a member that only a file of that kind has. */
static gboolean is_ours(JsonNode *root, const char *name, const char *result, GError **error)
{
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    guint64 schema = object == NULL ? 0 : view_count(object, "schema");
    if (object == NULL || strcmp(view_text(object, "program"), "bsa-replay") != 0 ||
        !view_has(object, result))
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT,
                    "%s is not a report of bsa-replay; name a folder that it wrote, or the "
                    "report.json in it",
                    name);
    else if (schema != REPORT_SCHEMA)
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT,
                    "%s has layout %" G_GUINT64_FORMAT ", this bsa-replay knows layout %d; replay "
                    "the trace again with it",
                    name, schema, REPORT_SCHEMA);
    else
        return TRUE;
    return FALSE;
}

static JsonNode *parse(const char *text, const char *name, const char *result, GError **error)
{
    GError *reason = NULL;
    JsonParser *parser = json_parser_new();
    JsonNode *root = NULL;
    if (!json_parser_load_from_data(parser, text, -1, &reason)) {
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT, "%s is no JSON: %s", name,
                    reason->message);
        g_error_free(reason);
    } else {
        root = json_parser_steal_root(parser);
    }
    g_object_unref(parser);
    if (root != NULL && !is_ours(root, name, result, error))
        g_clear_pointer(&root, json_node_unref);
    return root;
}

static JsonNode *load(const char *file, const char *result, GError **error)
{
    char *text = NULL;
    GError *reason = NULL;
    JsonNode *root = NULL;
    if (g_file_get_contents(file, &text, NULL, &reason)) {
        root = parse(text, file, result, error);
    } else {
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT,
                    "cannot read a report: %s; name a folder that bsa-replay wrote",
                    reason->message);
        g_error_free(reason);
    }
    g_free(text);
    return root;
}

JsonNode *view_parse(const char *text, const char *name, GError **error)
{
    return parse(text, name, "result", error);
}

static JsonNode *load_in(const char *folder, const char *name, const char *result, GError **error)
{
    char *file = g_build_filename(folder, name, NULL);
    JsonNode *root = load(file, result, error);
    g_free(file);
    return root;
}

/* Folders without a report, by what is in them. */
static const struct other {
    const char *file, *what;
} without_report[] = {
    {"sweep.json", "a sweep; name the folder of one of its runs"},
    {"tune.json", "a tuning; replay with its table, and name that report"},
    {"recorded.json", "the recorded allocator alone; replay without --backend"},
    {"backends.json", "other allocators alone; replay without --backend"},
};

gboolean view_lies_in(const char *folder, const char *file)
{
    char *path = g_build_filename(folder, file, NULL);
    gboolean there = g_file_test(path, G_FILE_TEST_EXISTS);
    g_free(path);
    return there;
}

JsonNode *view_load(const char *path, GError **error)
{
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        return load(path, "result", error);
    for (guint i = 0; !view_lies_in(path, "report.json") && i < G_N_ELEMENTS(without_report); i++) {
        if (!view_lies_in(path, without_report[i].file))
            continue;
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT, "%s has no report: it is of %s", path,
                    without_report[i].what);
        return NULL;
    }
    return load_in(path, "report.json", "result", error);
}

JsonNode *view_load_recorded(const char *folder, GError **error)
{
    return load_in(folder, "recorded.json", "recorded", error);
}

JsonNode *view_load_sweep(const char *folder, GError **error)
{
    return load_in(folder, "sweep.json", "runs", error);
}

JsonNode *view_load_tune(const char *folder, GError **error)
{
    return load_in(folder, "tune.json", "tune", error);
}

/* NULL: not there, or null. */
static JsonNode *find(JsonObject *object, const char *path)
{
    char name[64];
    while (object != NULL) {
        const char *point = strchr(path, '.');
        gsize length = point == NULL ? strlen(path) : (gsize)(point - path);
        g_assert(length < sizeof(name));
        memcpy(name, path, length);
        name[length] = '\0';
        JsonNode *node = json_object_get_member(object, name);
        if (point == NULL || node == NULL)
            return node == NULL || JSON_NODE_HOLDS_NULL(node) ? NULL : node;
        object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        path = point + 1;
    }
    return NULL;
}

static double number(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_double(node) : NAN;
}

static guint64 count(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? (guint64)json_node_get_int(node) : 0;
}

static const char *text_of(JsonNode *node)
{
    const char *text =
        node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
    return text == NULL ? "" : text;
}

gboolean view_has(JsonObject *object, const char *path)
{
    return find(object, path) != NULL;
}

guint64 view_count(JsonObject *object, const char *path)
{
    return count(find(object, path));
}

double view_ratio(JsonObject *object, const char *path)
{
    return number(find(object, path));
}

const char *view_text(JsonObject *object, const char *path)
{
    return text_of(find(object, path));
}

gboolean view_flag(JsonObject *object, const char *path)
{
    JsonNode *node = find(object, path);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_boolean(node);
}

JsonObject *view_object(JsonObject *object, const char *path)
{
    JsonNode *node = find(object, path);
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *list(JsonObject *object, const char *path)
{
    JsonNode *node = find(object, path);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

guint view_length(JsonObject *object, const char *path)
{
    JsonArray *array = list(object, path);
    return array == NULL ? 0 : json_array_get_length(array);
}

static JsonNode *element(JsonObject *object, const char *path, guint index)
{
    JsonArray *array = list(object, path);
    return array != NULL && index < json_array_get_length(array)
               ? json_array_get_element(array, index)
               : NULL;
}

guint64 view_count_at(JsonObject *object, const char *path, guint index)
{
    return count(element(object, path, index));
}

double view_ratio_at(JsonObject *object, const char *path, guint index)
{
    return number(element(object, path, index));
}

const char *view_text_at(JsonObject *object, const char *path, guint index)
{
    return text_of(element(object, path, index));
}

JsonObject *view_row(JsonObject *object, const char *path, guint index)
{
    JsonNode *node = element(object, path, index);
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

gboolean view_is_strict(JsonObject *report)
{
    return strcmp(view_text(report, "replay.schedule"), "strict") == 0;
}

static int by_pages(gconstpointer a, gconstpointer b)
{
    JsonObject *x = *(JsonObject *const *)a, *y = *(JsonObject *const *)b;
    guint64 bytes = view_count(x, "slab_bytes"), others = view_count(y, "slab_bytes");
    if (bytes != others)
        return bytes < others ? 1 : -1;
    int names = strcmp(view_text(x, "name"), view_text(y, "name"));
    guint64 size = view_count(x, "object_size"), other = view_count(y, "object_size");
    return names != 0 ? names : size < other ? -1 : size > other;
}

GPtrArray *view_caches_by_pages(JsonObject *moment)
{
    GPtrArray *rows = g_ptr_array_new();
    for (guint i = 0; i < view_length(moment, "caches"); i++) {
        JsonObject *cache = view_row(moment, "caches", i);
        if (view_count(cache, "allocs") > 0)
            g_ptr_array_add(rows, cache);
    }
    g_ptr_array_sort(rows, by_pages);
    return rows;
}
