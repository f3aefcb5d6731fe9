/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <math.h>

#include "../trace/hygiene.h"

void put_count(JsonBuilder *json, const char *name, guint64 value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_int_value(json, (gint64)MIN(value, (guint64)G_MAXINT64));
}

void put_flag(JsonBuilder *json, const char *name, gboolean value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_boolean_value(json, value);
}

void put_text(JsonBuilder *json, const char *name, const char *value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_string_value(json, value);
}

void add_ratio(JsonBuilder *json, double value)
{
    if (isfinite(value))
        json_builder_add_double_value(json, value);
    else
        json_builder_add_null_value(json);
}

void put_ratio(JsonBuilder *json, const char *name, double value)
{
    json_builder_set_member_name(json, name);
    add_ratio(json, value);
}

void put_counts(JsonBuilder *json, const char *name, const guint64 *value, guint count)
{
    begin_list(json, name);
    for (guint i = 0; i < count; i++)
        json_builder_add_int_value(json, (gint64)value[i]);
    json_builder_end_array(json);
}

void begin_object(JsonBuilder *json, const char *name)
{
    json_builder_set_member_name(json, name);
    json_builder_begin_object(json);
}

void begin_list(JsonBuilder *json, const char *name)
{
    json_builder_set_member_name(json, name);
    json_builder_begin_array(json);
}

void put_hygiene(JsonBuilder *json, const struct trace_hygiene *hygiene)
{
    begin_object(json, "hygiene");
    for (guint i = 0; i < trace_hygiene_field_count; i++)
        put_count(json, trace_hygiene_fields[i].key,
                  trace_hygiene_get(hygiene, &trace_hygiene_fields[i]));
    put_counts(json, "first_ignored_lines", hygiene->first_ignored, (guint)hygiene->ignored_shown);
    json_builder_end_object(json);
}

char *finish_json(JsonBuilder *json)
{
    JsonGenerator *generator = json_generator_new();
    JsonNode *root = json_builder_get_root(json);
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    char *body = json_generator_to_data(generator, NULL);
    char *text = g_strconcat(body, "\n", NULL);
    g_free(body);
    json_node_unref(root);
    g_object_unref(generator);
    g_object_unref(json);
    return text;
}
