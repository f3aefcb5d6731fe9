/* SPDX-License-Identifier: Apache-2.0 */
#include "write.h"

#include "../common/files.h"
#include "draw.h"
#include "error.h"
#include "measured.h"
#include "page.h"
#include "sweep.h"
#include "text.h"

GQuark view_error_quark(void)
{
    return g_quark_from_static_string("bsa-view");
}

/* What is written for people: of a report, of the recorded allocator alone, of a sweep, or of a
 * tuning. Where only other allocators were measured there is none of it. */
static const struct kind {
    const char *needs, *text_name;
    const char *page_name; /* NULL: no page */
    void (*text)(JsonObject *report, GString *out);
    void (*page)(const char *folder, JsonObject *report, GString *out);
} kinds[] = {
    {"result", "report.txt", "report.html", view_report_text, view_page},
    {"recorded", "report.txt", "report.html", view_recorded_text, view_recorded_page},
    {"runs", "sweep.txt", "sweep.html", view_sweep_text, view_sweep_page},
    {"tune", "tune.txt", NULL, view_tune_text, NULL},
};

gboolean view_remove(const char *folder, GError **error)
{
    static const char *const suffixes[] = {".gp", ".png", ".svg"};
    for (guint i = 0; i < view_plot_count; i++) {
        for (guint k = 0; k < G_N_ELEMENTS(suffixes); k++) {
            if (!files_remove(folder, view_plots[i].name, suffixes[k], error))
                return FALSE;
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!files_remove(folder, kinds[i].text_name, "", error) ||
            (kinds[i].page_name != NULL && !files_remove(folder, kinds[i].page_name, "", error)))
            return FALSE;
    }
    return TRUE;
}

static const struct kind *kind_of(JsonObject *report)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (view_has(report, kinds[i].needs))
            return &kinds[i];
    }
    return NULL;
}

static gboolean write_texts(const char *folder, JsonObject *report, guint formats, GError **error)
{
    const struct kind *kind = kind_of(report);
    gboolean ok = TRUE;
    if (kind != NULL) {
        GString *text = g_string_new(NULL);
        kind->text(report, text);
        ok = files_write_string(folder, kind->text_name, text, error);
    }
    for (guint i = 0; ok && i < view_plot_count; i++) {
        if (!view_plot_wanted(report, i))
            continue;
        char *name = g_strconcat(view_plots[i].name, ".gp", NULL);
        GString *text = g_string_new(NULL);
        view_plot_script(report, i, formats, text);
        ok = files_write_string(folder, name, text, error);
        g_free(name);
    }
    return ok;
}

static gboolean write_page(const char *folder, JsonObject *report, GError **error)
{
    const struct kind *kind = kind_of(report);
    if (kind == NULL || kind->page == NULL)
        return TRUE;
    GString *text = g_string_new(NULL);
    kind->page(folder, report, text);
    return files_write_string(folder, kind->page_name, text, error);
}

gboolean view_make(const char *folder, guint formats, gboolean plots, GError **error)
{
    JsonNode *root = view_open(folder, error);
    if (root == NULL)
        return FALSE;
    JsonObject *report = json_node_get_object(root);
    gboolean ok = view_remove(folder, error) && write_texts(folder, report, formats, error);
    if (ok) {
        /* Where pictures cannot be drawn, the page is there without them. */
        gboolean drawn = !plots || view_draw(folder, report, formats, error);
        ok = write_page(folder, report, drawn ? error : NULL) && drawn;
    }
    json_node_unref(root);
    return ok;
}
