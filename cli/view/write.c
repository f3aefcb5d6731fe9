/* SPDX-License-Identifier: Apache-2.0 */
#include "write.h"

#include "../common/files.h"
#include "error.h"
#include "text.h"

GQuark view_error_quark(void)
{
    return g_quark_from_static_string("bsa-view");
}

gboolean view_remove(const char *folder, GError **error)
{
    static const char *const suffixes[] = {".gp", ".png", ".svg"};
    for (guint i = 0; i < view_plot_count; i++) {
        for (guint k = 0; k < G_N_ELEMENTS(suffixes); k++) {
            if (!files_remove(folder, view_plots[i].name, suffixes[k], error))
                return FALSE;
        }
    }
    return files_remove(folder, "report", ".txt", error) &&
           files_remove(folder, "report", ".html", error);
}

gboolean view_write(const char *folder, JsonObject *report, guint formats, GError **error)
{
    GString *text = g_string_new(NULL);
    view_report_text(report, text);
    gboolean ok = files_write_string(folder, "report.txt", text, error);
    for (guint i = 0; ok && i < view_plot_count; i++) {
        if (!view_plot_wanted(report, i))
            continue;
        char *name = g_strconcat(view_plots[i].name, ".gp", NULL);
        text = g_string_new(NULL);
        view_plot_script(report, i, formats, text);
        ok = files_write_string(folder, name, text, error);
        g_free(name);
    }
    return ok;
}
