/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a tuning, each written whole or not at all. */
#include <string.h>

#include <buddyslab.h>

#include "../common/figures.h"
#include "../common/files.h"
#include "../common/schema.h"
#include "../report/json_fit.h"
#include "tune.h"

static void put_limits(JsonBuilder *json, const struct tune *tune)
{
    begin_object(json, "limits");
    put_ratio(json, "slow_at_most", TUNE_SLOW_LIMIT);
    put_count(json, "best", tune->limits_best);
    begin_list(json, "tried");
    for (guint i = 0; i < tune->limits; i++) {
        const struct tune_limits *limit = &tune->limit[i];
        json_builder_begin_object(json);
        put_limit(json, "magazine", limit->magazine);
        put_limit(json, "keep_empty", limit->keep_empty);
        put_count(json, "peak_occupied", limit->peak_occupied);
        put_count(json, "slow_calls", limit->slow);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void put_row(JsonBuilder *json, const struct tune_row *row, const char *name)
{
    json_builder_begin_object(json);
    put_text(json, "name", name);
    put_class_table(json, "object_sizes", &row->table);
    put_class_waste(json, &row->waste);
    put_count(json, "peak_occupied", row->figures.peak_occupied);
    put_count(json, "mean_occupied", row->figures.mean_occupied);
    put_count(json, "slow_calls", row->figures.slow);
    put_count(json, "failed", row->figures.failed);
    json_builder_end_object(json);
}

static void put_trace(JsonBuilder *json, const struct tune_trace *trace)
{
    json_builder_begin_object(json);
    put_text(json, "name", trace->name);
    put_flag(json, "check", trace->check);
    put_count(json, "events", trace_summary(trace->reader)->events);
    put_count(json, "requested", (guint64)(demand_load_bytes(&trace->load) + 0.5));
    put_count(json, "peak_requested", trace->row[TUNE_TUNED].figures.peak_requested);
    begin_list(json, "tables");
    for (guint i = 0; i < TUNE_TABLES; i++) {
        if (trace->row[i].there)
            put_row(json, &trace->row[i], tune_table_name((enum tune_table)i));
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

/* Waste of the best tables by their number of classes, and what replays of some of them took. */
static void put_curve(JsonBuilder *json, const struct tune *tune)
{
    begin_list(json, "by_classes");
    for (guint k = 1; k <= BSA_MAX_CLASSES; k++) {
        json_builder_begin_object(json);
        put_count(json, "classes", k);
        put_class_table(json, "object_sizes", &tune->best.table[k]);
        put_class_waste(json, &tune->waste[k]);
        for (guint i = 0; i < tune->tried; i++) {
            if (tune->tried_classes[i] == k)
                put_count(json, "peak_occupied", tune->tried_occupied[i]);
        }
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

char *tune_json(const struct tune *tune)
{
    const struct replay_options *options = tune->options;
    JsonBuilder *json = json_builder_new();
    GString *list = g_string_new(NULL);
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    begin_object(json, "tune");
    put_count(json, "classes", options->tune.classes);
    put_text(json, "for", replay_tune_when_name(options->tune.when));
    put_count(json, "page_size", options->page_size);
    put_text(json, "layer", replay_layer_name(options->layer));
    put_flag(json, "exact", tune->best.exact);
    put_class_table(json, "object_sizes", tune_made(tune));
    tune_option_string(tune, list);
    put_text(json, "options", list->str);
    json_builder_end_object(json);
    begin_list(json, "traces");
    for (guint i = 0; i < tune->traces; i++)
        put_trace(json, &tune->trace[i]);
    json_builder_end_array(json);
    put_limits(json, tune);
    put_curve(json, tune);
    json_builder_end_object(json);
    g_string_free(list, TRUE);
    return finish_json(json);
}

/* The sums of the traces that the table is made for, as parts of what they ask for. */
static guint64 requested_at_peak(const struct tune *tune)
{
    guint64 bytes = 0;
    for (guint i = 0; i < tune->traces; i++)
        bytes += tune->trace[i].check ? 0 : tune->trace[i].row[TUNE_TUNED].figures.peak_requested;
    return bytes;
}

static guint64 occupied_with(const struct tune *tune, enum tune_table table)
{
    guint64 bytes = 0;
    for (guint i = 0; i < tune->traces; i++)
        bytes += tune->trace[i].check ? 0 : tune->trace[i].row[table].figures.peak_occupied;
    return bytes;
}

static void csv_row(GString *out, const char *name, guint classes, const struct class_waste *waste,
                    guint64 occupied, guint64 requested)
{
    g_string_append_printf(out, "%s,%u,", name, classes);
    append_fixed(out, 0, waste->total / waste->requested, 6);
    g_string_append_c(out, ',');
    if (occupied > 0)
        append_fixed(out, 0, (double)occupied / (double)MAX(requested, 1), 6);
    g_string_append_c(out, '\n');
}

static void to_csv(const struct tune *tune, GString *out)
{
    guint64 requested = requested_at_peak(tune);
    g_string_append(out, "table,classes,waste_over_requested,peak_occupied_over_requested\n");
    for (guint k = 1, i = 0; k <= BSA_MAX_CLASSES; k++) {
        gboolean tried = i < tune->tried && tune->tried_classes[i] == k;
        csv_row(out, "best", k, &tune->waste[k], tried ? tune->tried_occupied[i] : 0, requested);
        i += tried ? 1 : 0;
    }
    for (guint set = BSA_CLASSES_NINE; set <= BSA_CLASSES_FINE; set++) {
        struct class_table table = class_table_standard((enum bsa_class_set)set);
        struct class_waste waste = class_waste_of(&tune->load, &tune->cost, &table);
        csv_row(out, tune_table_name(TUNE_NINE + set), table.count, &waste,
                occupied_with(tune, TUNE_NINE + set), requested);
    }
}

static const char *const names[] = {"tune.json", "tune.csv", "tuned-classes.h",
                                    "tuned-classes.txt"};

gboolean tune_remove(const char *folder, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!files_remove(folder, names[i], "", error))
            return FALSE;
    }
    return TRUE;
}

gboolean tune_write(const struct tune *tune, GError **error)
{
    const char *folder = tune->options->directory;
    char *json = tune_json(tune);
    GString *csv = g_string_new(NULL), *header = g_string_new(NULL), *list = g_string_new(NULL);
    to_csv(tune, csv);
    tune_header(tune, header);
    tune_list(tune, list);
    gboolean ok = files_write(folder, "tune.json", json, strlen(json), error);
    g_free(json);
    ok = files_write_string(folder, "tune.csv", csv, ok ? error : NULL) && ok;
    ok = files_write_string(folder, "tuned-classes.h", header, ok ? error : NULL) && ok;
    return files_write_string(folder, "tuned-classes.txt", list, ok ? error : NULL) && ok;
}
