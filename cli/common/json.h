/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is the same each time: members in the order in which they are put. */
#ifndef BSA_CLI_COMMON_JSON_H
#define BSA_CLI_COMMON_JSON_H

#include <json-glib/json-glib.h>

#include "../trace/reader.h"

void put_count(JsonBuilder *json, const char *name, guint64 value);
void put_counts(JsonBuilder *json, const char *name, const guint64 *value, guint count);
void put_flag(JsonBuilder *json, const char *name, gboolean value);
void put_text(JsonBuilder *json, const char *name, const char *value);
/* null where there is no value. */
void put_ratio(JsonBuilder *json, const char *name, double value);
void add_ratio(JsonBuilder *json, double value);

/* A member that is an object or an array; the builder's own functions end it. */
void begin_object(JsonBuilder *json, const char *name);
void begin_list(JsonBuilder *json, const char *name);

/* A member "hygiene" with all its counts. */
void put_hygiene(JsonBuilder *json, const struct trace_hygiene *hygiene);

/* The builder's tree as text, which ends with a line end and is g_free'd. The builder is gone. */
char *finish_json(JsonBuilder *json);

#endif
