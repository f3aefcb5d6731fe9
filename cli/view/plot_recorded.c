/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded allocator's pages over the run, beside the replayed one's. */
#include "plot.h"

void view_plot_recorded(JsonObject *report, struct view_script *script)
{
    GString *out = script->settings;
    gboolean replayed = view_has(report, "result");
    g_string_append_printf(out, "set title \"{/:Bold %s}\\n",
                           replayed ? "Pages in use: recorded and replayed"
                                    : "Pages in use, by the recorded addresses");
    view_quote(out, view_text(report, "trace.name"));
    g_string_append_printf(out, ", layer %s; recorded: %s\"\n", view_text(report, "trace.layer"),
                           view_text(report, "recorded.allocator"));
    view_plot_over_events(view_count(report, "recorded.events"), out);
    g_string_append(out, "set ylabel \"MiB\"\nset yrange [0:*]\nset style fill solid noborder\n");
    g_string_append(script->plot,
                    "\"recorded.csv\" using (x(0)):(column(\"requested\") / MiB) with "
                    "filledcurves y1=0 lc rgb \"#D5E8F5\" title \"requested\"");
    if (view_count(report, "recorded.end.empty_slab_pages") +
            view_count(report, "recorded.peak.empty_slab_pages") >
        0)
        g_string_append(script->plot,
                        ", \\\n     \"recorded.csv\" using (x(0)):((column(\"occupied\") - "
                        "column(\"empty_slabs\")) / MiB) with lines lw 1.2 dt 3 lc rgb \"#D55E00\" "
                        "title \"recorded, less empty slabs\"");
    g_string_append(script->plot,
                    ", \\\n     \"recorded.csv\" using (x(0)):(column(\"occupied\") / MiB) with "
                    "lines lw 1.8 lc rgb \"#D55E00\" title \"recorded\"");
    if (replayed)
        g_string_append_printf(script->plot,
                               ", \\\n     \"%s\" using (x(0)):(column(\"occupied\") / MiB) with "
                               "lines lw 1.8 lc rgb \"#0072B2\" title \"replayed\"",
                               view_plot_timeline(report));
}
