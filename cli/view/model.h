/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report as a tree: what report.json holds, in memory or read back from its folder.
 *
 * All that people look at (report.txt, report.html, pictures, comparisons) is made from this tree
 * and from the tables beside report.json, and from nothing else: it can be made again at any time
 * without a replay, and shows nothing that programs cannot have.
 *
 * A path names members with points between, "peak.split.free"; rows of a list are objects of their
 * own. What is not there is 0, NaN, "" or NULL: members that depend on options are asked for with
 * view_has.
 */
#ifndef BSA_CLI_VIEW_MODEL_H
#define BSA_CLI_VIEW_MODEL_H

#include <json-glib/json-glib.h>

/* text as a tree that is json_node_unref'd; name is for messages. */
JsonNode *view_parse(const char *text, const char *name, GError **error);
/* Is there such a file in the folder? */
gboolean view_lies_in(const char *folder, const char *file);

/* The report in a folder, or a report.json itself. */
JsonNode *view_load(const char *path, GError **error);

/* The same of recorded.json, which tells of the recorded allocator alone. */
JsonNode *view_load_recorded(const char *folder, GError **error);
/* The table of a sweep, sweep.json, in a folder. */
JsonNode *view_load_sweep(const char *folder, GError **error);
/* The same of tune.json. */
JsonNode *view_load_tune(const char *folder, GError **error);

gboolean view_has(JsonObject *object, const char *path);
guint64 view_count(JsonObject *object, const char *path);
double view_ratio(JsonObject *object, const char *path);
const char *view_text(JsonObject *object, const char *path);
gboolean view_flag(JsonObject *object, const char *path);
JsonObject *view_object(JsonObject *object, const char *path);
/* Lists: of numbers, of texts, and of objects. */
guint view_length(JsonObject *object, const char *path);
guint64 view_count_at(JsonObject *object, const char *path, guint index);
double view_ratio_at(JsonObject *object, const char *path, guint index);
const char *view_text_at(JsonObject *object, const char *path, guint index);
JsonObject *view_row(JsonObject *object, const char *path, guint index);

/* Ran its events one at a time, so that memory is known after each? */
gboolean view_is_strict(JsonObject *report);

/* The named caches of a moment that ever had an object, those with most pages first; rows are the
 * report's, the array is the caller's. */
GPtrArray *view_caches_by_pages(JsonObject *moment);

#endif
