/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run's figures are those that reports are compared by (bsa-replay diff), under the same names.
 * What the clock says is in timing.json alone, so that sweep.json and sweep.csv are the same each
 * time where the reports are.
 */
#include "collect.h"

#include <math.h>
#include <string.h>

#include "../common/figures.h"
#include "../common/files.h"
#include "../common/json.h"
#include "../common/schema.h"
#include "../view/diff.h"

static const char *const state_names[] = {"not run", "done", "failed"};

/* The report of each run, NULL where it left none. */
static JsonNode **load_reports(const struct sweep_result *result)
{
    JsonNode **reports = g_new0(JsonNode *, result->grid->runs);
    for (guint i = 0; i < result->grid->runs; i++) {
        char *folder = g_build_filename(result->directory, result->run[i].folder, NULL);
        reports[i] = view_load(folder, NULL);
        g_free(folder);
    }
    return reports;
}

static JsonObject *object_of(JsonNode *report)
{
    return report == NULL ? NULL : json_node_get_object(report);
}

static void put_trace(JsonBuilder *json, JsonNode **reports, guint count)
{
    guint i = 0;
    while (i < count && reports[i] == NULL)
        i++;
    if (i == count)
        return;
    JsonObject *report = object_of(reports[i]);
    begin_object(json, "trace");
    put_text(json, "name", view_text(report, "trace.name"));
    put_text(json, "format", view_text(report, "trace.format"));
    json_builder_end_object(json);
}

static void put_keys(JsonBuilder *json, const struct sweep_grid *grid)
{
    begin_list(json, "keys");
    for (guint i = 0; i < grid->keys->len; i++) {
        const struct sweep_key *key = sweep_grid_key(grid, i);
        json_builder_begin_object(json);
        put_text(json, "name", key->name);
        begin_list(json, "values");
        for (guint k = 0; k < key->count; k++)
            json_builder_add_string_value(json, key->values[k]);
        json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void put_figures(JsonBuilder *json, JsonObject *report)
{
    begin_object(json, "figures");
    for (guint i = 0; i < view_figure_count(); i++) {
        struct view_figure figure = view_figure(report, i);
        if (figure.whole && isfinite(figure.value) && figure.value == floor(figure.value))
            put_count(json, figure.key, (guint64)figure.value);
        else
            put_ratio(json, figure.key, figure.value);
    }
    json_builder_end_object(json);
}

static void put_run(JsonBuilder *json, const struct sweep_result *result, guint index,
                    JsonObject *report)
{
    const struct sweep_run *run = &result->run[index];
    json_builder_begin_object(json);
    begin_object(json, "settings");
    for (guint i = 0; i < result->grid->keys->len; i++)
        put_text(json, sweep_grid_key(result->grid, i)->name,
                 sweep_grid_value(result->grid, index, i));
    json_builder_end_object(json);
    put_text(json, "folder", run->folder);
    put_text(json, "state", state_names[run->state]);
    if (run->message != NULL)
        put_text(json, "message", run->message);
    if (report != NULL) {
        put_flag(json, "partial", view_flag(report, "result.partial"));
        put_flag(json, "thinned", view_flag(report, "timeline.thinned"));
        put_figures(json, report);
    }
    json_builder_end_object(json);
}

static char *to_json(const struct sweep_result *result, JsonNode **reports)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    put_trace(json, reports, result->grid->runs);
    put_keys(json, result->grid);
    begin_list(json, "runs");
    for (guint i = 0; i < result->grid->runs; i++)
        put_run(json, result, i, object_of(reports[i]));
    json_builder_end_array(json);
    json_builder_end_object(json);
    return finish_json(json);
}

static void append_quoted(GString *out, const char *text)
{
    char **parts = g_strsplit(text, "\"", -1);
    char *doubled = g_strjoinv("\"\"", parts);
    g_string_append_printf(out, "\"%s\",", doubled);
    g_free(doubled);
    g_strfreev(parts);
}

static void to_csv(const struct sweep_result *result, JsonNode **reports, GString *out)
{
    const struct sweep_grid *grid = result->grid;
    for (guint i = 0; i < grid->keys->len; i++)
        g_string_append_printf(out, "%s,", sweep_grid_key(grid, i)->name);
    g_string_append(out, "state");
    for (guint i = 0; i < view_figure_count(); i++)
        g_string_append_printf(out, ",%s", view_figure(NULL, i).key);
    g_string_append_c(out, '\n');
    for (guint run = 0; run < grid->runs; run++) {
        for (guint i = 0; i < grid->keys->len; i++)
            append_quoted(out, sweep_grid_value(grid, run, i));
        g_string_append(out, state_names[result->run[run].state]);
        for (guint i = 0; i < view_figure_count(); i++) {
            struct view_figure figure = view_figure(object_of(reports[run]), i);
            g_string_append_c(out, ',');
            if (isfinite(figure.value))
                append_fixed(out, 0, figure.value, figure.whole ? 0 : 6);
        }
        g_string_append_c(out, '\n');
    }
}

static char *timing_json(const struct sweep_result *result)
{
    static const char *const names[] = {"read_seconds", "regions_seconds", "replay_seconds",
                                        "write_seconds", "draw_seconds"};
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    put_count(json, "jobs", result->jobs);
    put_ratio(json, "seconds", result->seconds);
    begin_list(json, "runs");
    for (guint i = 0; i < result->grid->runs; i++) {
        char *path =
            g_build_filename(result->directory, result->run[i].folder, "timing.json", NULL);
        JsonParser *parser = json_parser_new();
        gboolean there = json_parser_load_from_file(parser, path, NULL);
        json_builder_begin_object(json);
        put_text(json, "folder", result->run[i].folder);
        for (guint k = 0; there && k < G_N_ELEMENTS(names); k++)
            put_ratio(json, names[k],
                      view_ratio(json_node_get_object(json_parser_get_root(parser)), names[k]));
        json_builder_end_object(json);
        g_object_unref(parser);
        g_free(path);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
    return finish_json(json);
}

static gboolean write_json(const struct sweep_result *result, const char *name, char *json,
                           GError **error)
{
    gboolean ok = files_write(result->directory, name, json, strlen(json), error);
    g_free(json);
    return ok;
}

gboolean sweep_collect(const struct sweep_result *result, GError **error)
{
    JsonNode **reports = load_reports(result);
    GString *table = g_string_new(NULL);
    to_csv(result, reports, table);
    gboolean ok = files_write_string(result->directory, "sweep.csv", table, error) &&
                  write_json(result, "sweep.json", to_json(result, reports), error) &&
                  write_json(result, "timing.json", timing_json(result), error);
    for (guint i = 0; i < result->grid->runs; i++)
        g_clear_pointer(&reports[i], json_node_unref);
    g_free(reports);
    return ok;
}
