/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <math.h>
#include <string.h>

#include "page.h"

JsonNode *view_open_sweep(const char *folder, GError **error)
{
    JsonNode *root = view_load_sweep(folder, error);
    JsonObject *sweep = root == NULL ? NULL : json_node_get_object(root);
    guint count = 0;
    for (guint i = 0; i < view_length(sweep, "runs"); i++)
        count += view_has(view_sweep_run(sweep, i), "figures") ? 1 : 0;
    if (sweep != NULL)
        json_object_set_int_member(sweep, "overlaid", count);
    return root;
}

guint view_sweep_runs(JsonObject *sweep)
{
    return view_length(sweep, "runs");
}

guint view_sweep_keys(JsonObject *sweep)
{
    return view_length(sweep, "keys");
}

JsonObject *view_sweep_run(JsonObject *sweep, guint run)
{
    return view_row(sweep, "runs", run);
}

const char *view_sweep_key(JsonObject *sweep, guint key)
{
    return view_text(view_row(sweep, "keys", key), "name");
}

guint view_sweep_values(JsonObject *sweep, guint key)
{
    return view_length(view_row(sweep, "keys", key), "values");
}

const char *view_sweep_value(JsonObject *sweep, guint key, guint index)
{
    return view_text_at(view_row(sweep, "keys", key), "values", index);
}

guint view_sweep_stride(JsonObject *sweep, guint key)
{
    guint stride = 1;
    for (guint i = key + 1; i < view_sweep_keys(sweep); i++)
        stride *= MAX(view_sweep_values(sweep, i), 1);
    return stride;
}

double view_sweep_figure(JsonObject *sweep, guint run, const char *figure)
{
    return view_ratio(view_object(view_sweep_run(sweep, run), "figures"), figure);
}

gboolean view_sweep_range(JsonObject *sweep, const char *figure, double *least, double *most)
{
    gboolean any = FALSE;
    for (guint i = 0; i < view_sweep_runs(sweep); i++) {
        double value = view_sweep_figure(sweep, i, figure);
        if (!isfinite(value))
            continue;
        *least = any ? fmin(*least, value) : value;
        *most = any ? fmax(*most, value) : value;
        any = TRUE;
    }
    return any;
}

void view_sweep_name(JsonObject *sweep, guint run, guint left_out, GString *out)
{
    const char *between = "";
    for (guint i = 0; i < view_sweep_keys(sweep); i++) {
        const char *key = view_sweep_key(sweep, i);
        if (i == left_out)
            continue;
        g_string_append_printf(out, "%s%s=%s", between, key,
                               view_text(view_object(view_sweep_run(sweep, run), "settings"), key));
        between = ",";
    }
}

static void link_to(JsonObject *run, GString *out)
{
    char *folder = g_uri_escape_string(view_text(run, "folder"), "=,", FALSE);
    g_string_append(out, "<a href=\"");
    view_page_text(out, folder);
    g_string_append(out, "/report.html\">");
    g_free(folder);
}

void view_sweep_page(const char *folder, JsonObject *sweep, GString *out)
{
    GString *text = g_string_new(NULL), *title = g_string_new("Sweep");
    if (view_has(sweep, "trace"))
        g_string_append_printf(title, " of %s", view_text(sweep, "trace.name"));
    view_page_head(title->str, out);
    view_sweep_text(sweep, text);
    g_string_append(out, "<pre>");
    view_page_text(out, text->str);
    g_string_append(out, "</pre>\n");
    view_page_pictures(folder, sweep, out);
    g_string_append(out, "<h2>The runs</h2>\n<ul>\n");
    for (guint i = 0; i < view_sweep_runs(sweep); i++) {
        JsonObject *run = view_sweep_run(sweep, i);
        gboolean report = view_has(run, "figures");
        g_string_append(out, "<li>");
        if (report)
            link_to(run, out);
        g_string_truncate(text, 0);
        view_sweep_name(sweep, i, G_MAXUINT, text);
        view_page_text(out, text->str);
        g_string_append(out, report ? "</a>" : "");
        if (strcmp(view_text(run, "state"), "done") != 0) {
            g_string_append_printf(out, " (%s) ", view_text(run, "state"));
            view_page_text(out, view_text(run, "message"));
        }
        g_string_append(out, "</li>\n");
    }
    g_string_append(out, "</ul>\n</body>\n</html>\n");
    g_string_free(title, TRUE);
    g_string_free(text, TRUE);
}
