/* SPDX-License-Identifier: Apache-2.0 */
#include "measured.h"

#include <string.h>

#include "../common/json.h"
#include "sweep.h"

/* Lines in a row of one backend and call. */
struct group {
    char *backend, *call;
    guint first, last;
    guint64 count;
};

static void group_clear(gpointer data)
{
    struct group *group = data;
    g_free(group->backend);
    g_free(group->call);
}

/* The text of the field-th field from the end, and what is before it. */
static char *field_before(char *line, guint fields)
{
    char *at = NULL;
    for (guint i = 0; i < fields; i++) {
        at = strrchr(line, ',');
        if (at == NULL)
            return NULL;
        *at = '\0';
    }
    return at + 1;
}

/* calls: the line is "backend,call,up_to,count"; else "backend" and four numbers. */
static void add_line(GArray *groups, char *line, guint row, gboolean calls)
{
    char *end = strrchr(line, ',');
    guint64 count = end == NULL ? 0 : g_ascii_strtoull(end + 1, NULL, 10);
    const char *call = field_before(line, calls ? 2 : 4) == NULL ? NULL : "";
    if (call != NULL && calls)
        call = field_before(line, 1);
    if (call == NULL)
        return;
    struct group *last =
        groups->len == 0 ? NULL : &g_array_index(groups, struct group, groups->len - 1);
    if (last == NULL || strcmp(last->backend, line) != 0 || strcmp(last->call, call) != 0) {
        struct group group = {g_strdup(line), g_strdup(call), row, row, 0};
        g_array_append_val(groups, group);
        last = &g_array_index(groups, struct group, groups->len - 1);
    }
    last->last = row;
    last->count += count;
}

static void put_table(JsonBuilder *json, const char *folder, const char *name, const char *file,
                      gboolean calls)
{
    char *path = g_build_filename(folder, file, NULL), *text = NULL;
    GArray *groups = g_array_new(FALSE, FALSE, sizeof(struct group));
    g_array_set_clear_func(groups, group_clear);
    char **lines = g_file_get_contents(path, &text, NULL, NULL) ? g_strsplit(text, "\n", -1) : NULL;
    for (guint i = 1; lines != NULL && lines[i] != NULL && lines[i][0] != '\0'; i++)
        add_line(groups, lines[i], i - 1, calls);
    begin_list(json, name);
    for (guint i = 0; i < groups->len; i++) {
        const struct group *group = &g_array_index(groups, struct group, i);
        json_builder_begin_object(json);
        put_text(json, "backend", group->backend);
        put_text(json, "call", group->call);
        put_count(json, "first", group->first);
        put_count(json, "last", group->last);
        put_count(json, "count", group->count);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    g_strfreev(lines);
    g_free(text);
    g_array_unref(groups);
    g_free(path);
}

static JsonNode *measured(const char *folder)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_table(json, folder, "latency", "latency.csv", TRUE);
    put_table(json, folder, "memory", "memory.csv", FALSE);
    json_builder_end_object(json);
    JsonNode *node = json_builder_get_root(json);
    g_object_unref(json);
    return node;
}

JsonNode *view_open(const char *folder, GError **error)
{
    JsonNode *root;
    gboolean report = view_lies_in(folder, "report.json");
    if (!report && view_lies_in(folder, "sweep.json"))
        return view_open_sweep(folder, error);
    if (!report && view_lies_in(folder, "recorded.json")) {
        root = view_load_recorded(folder, error);
    } else if (!report && view_lies_in(folder, "tune.json")) {
        root = view_load_tune(folder, error);
    } else if (!report && view_lies_in(folder, "backends.json")) {
        root = json_node_new(JSON_NODE_OBJECT);
        json_node_take_object(root, json_object_new());
    } else {
        root = view_load(folder, error);
    }
    if (root != NULL)
        json_object_set_member(json_node_get_object(root), "measured", measured(folder));
    return root;
}
