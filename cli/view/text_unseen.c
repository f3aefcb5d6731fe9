/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: what became of what the trace does not show. */
#include <string.h>

#include "../common/figures.h"
#include "text.h"

static const struct {
    const char *key, *words;
} rules[] = {
    {"told", "as their frees tell"},
    {"address", "by an allocation at the same address"},
    {"cache", "by others of their caches"},
    {"page", "by others in their pages"},
    {"site", "by others freed at the same call sites"},
    {"drawn", "drawn from the sizes of the trace"},
};

void view_text_prelude(JsonObject *report, GString *out)
{
    JsonObject *prelude = view_object(report, "trace.prelude");
    if (prelude == NULL)
        return;
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%" G_GUINT64_FORMAT " objects and blocks, ",
                           view_count(prelude, "objects"));
    append_bytes(text, view_count(prelude, "bytes"));
    g_string_append_printf(text,
                           ", that are older than the trace lie there before event 1, in the order "
                           "of seed %" G_GUINT64_FORMAT "; sizes: ",
                           view_count(prelude, "seed"));
    guint said = 0;
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        guint64 count = view_count(view_object(prelude, "sizes_by"), rules[i].key);
        if (count > 0)
            g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " %s", said++ > 0 ? ", " : "",
                                   count, rules[i].words);
    }
    if (said == 0)
        g_string_append(text, "none");
    g_string_append_printf(out, "%-20s", "Prelude");
    view_wrap(out, text->str, 20);
    g_string_free(text, TRUE);
}

void view_text_bounds(JsonObject *report, GString *out)
{
    guint64 late = view_count(report, "trace.peak_late_bytes");
    guint64 early = view_count(report, "trace.peak_early_bytes");
    if (late == early)
        return;
    g_string_append_printf(out, "%-20s", "  unseen frees");
    g_string_append(out, "leave it between ");
    append_bytes(out, early);
    g_string_append(out, " (early) and ");
    append_bytes(out, late);
    g_string_append_printf(out, "; here %s\n", view_text(report, "trace.implicit"));
}

void view_text_unseen(JsonObject *report, GString *out)
{
    gboolean early = strcmp(view_text(report, "trace.implicit"), "early") == 0;
    gboolean prelude = view_object(report, "trace.prelude") != NULL;
    g_string_append(out, prelude
                             ? "Objects older than the trace are there as far as it frees them.\n"
                             : "Objects older than the trace are not there (--prelude).\n");
    g_string_append(out, "Objects never freed are censored by the end of the trace, not leaked.\n");
    g_string_append(out, early ? "A free that the trace does not show happens at the earliest "
                                 "moment: directly\nafter the last event of its object.\n"
                               : "A free that the trace does not show happens at the latest "
                                 "moment: when its\naddress is handed out again "
                                 "(--implicit=early).\n");
}
