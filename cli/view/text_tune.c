/* SPDX-License-Identifier: Apache-2.0 */
/* tune.txt: a table of size classes made for traces, and what it is worth. */
#include <string.h>

#include "../common/figures.h"
#include "text.h"

static void append_list(JsonObject *object, const char *path, const char *between, GString *out)
{
    for (guint i = 0; i < view_length(object, path); i++)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, i == 0 ? "" : between,
                               view_count_at(object, path, i));
}

static void wrapped(GString *out, const char *name, GString *text)
{
    g_string_append_printf(out, "%-13s", name);
    view_wrap(out, text->str, 13);
    g_string_free(text, TRUE);
}

static void head(JsonObject *tune, GString *out)
{
    GString *sizes = g_string_new(NULL), *traces = g_string_new(NULL), *how = g_string_new(NULL);
    append_list(tune, "tune.object_sizes", ", ", sizes);
    for (guint i = 0; i < view_length(tune, "traces"); i++) {
        JsonObject *trace = view_row(tune, "traces", i);
        if (!view_flag(trace, "check"))
            g_string_append_printf(traces, "%s%s", traces->len == 0 ? "" : ", ",
                                   view_text(trace, "name"));
    }
    g_string_append_printf(how, "up to %" G_GUINT64_FORMAT " classes that waste least %s",
                           view_count(tune, "tune.classes"),
                           strcmp(view_text(tune, "tune.for"), "peak") == 0
                               ? "when most is requested"
                               : "over the events of a trace");
    if (!view_flag(tune, "tune.exact"))
        g_string_append(how, ", nearly: too many sizes at too many alignments for all tables");
    append_heading(out, "The table");
    wrapped(out, "Sizes", sizes);
    wrapped(out, "Made for", traces);
    wrapped(out, "Asked for", how);
    wrapped(out, "Replay with", g_string_new(view_text(tune, "tune.options")));
    wrapped(out, "To compile",
            g_string_new("tuned-classes.h; tuned-classes.txt is for "
                         "--classes=@FILE"));
}

static double percent(double part)
{
    return 100.0 * part;
}

static void table_row(JsonObject *row, GString *out)
{
    g_string_append_printf(
        out, "%-9s%8u%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT "%10" G_GUINT64_FORMAT,
        view_text(row, "name"), view_length(row, "object_sizes"), view_count(row, "class_rounding"),
        view_count(row, "slab_ends"), view_count(row, "page_rounding"));
    append_fixed(out, 9, percent(view_ratio(row, "waste_over_requested")), 1);
    g_string_append_printf(out, "%12" G_GUINT64_FORMAT "%12" G_GUINT64_FORMAT "\n",
                           view_count(row, "peak_occupied"), view_count(row, "mean_occupied"));
}

static void trace_table(JsonObject *trace, GString *out)
{
    char *title = g_strdup_printf("%s%s", view_text(trace, "name"),
                                  view_flag(trace, "check") ? " (check: not made for it)" : "");
    guint64 failed = 0;
    append_heading(out, title);
    g_free(title);
    g_string_append_printf(out, "%-9s%8s%10s%10s%10s%9s%12s%12s\n", "table", "classes", "rounding",
                           "ends", "pages", "waste %", "peak in use", "mean in use");
    for (guint i = 0; i < view_length(trace, "tables"); i++) {
        JsonObject *row = view_row(trace, "tables", i);
        table_row(row, out);
        failed = MAX(failed, view_count(row, "failed"));
    }
    g_string_append(out, "Asked for: ");
    append_bytes(out, view_count(trace, "requested"));
    g_string_append(out, " by objects up to 8 KiB; ");
    append_bytes(out, view_count(trace, "peak_requested"));
    g_string_append(out, " in all at peak.\n");
    if (failed > 0)
        g_string_append_printf(
            out, "%" G_GUINT64_FORMAT " requests failed: give a larger --region, or none.\n",
            failed);
}

static void explain(GString *out)
{
    g_string_append(
        out, "\nBytes, at the moment or over the time that the table is made for. rounding: size\n"
             "of the class less the request; ends: what ends and records of slabs take for the\n"
             "objects; pages: what whole pages give beyond the request where no class serves\n"
             "it; waste %: the three over what is asked for. In use: pages, by a replay with\n"
             "that table, with free slots, magazines and all else. left out: made from the\n"
             "other traces only. own best: made for this trace alone; no table of as many\n"
             "classes wastes less.\n");
}

static void limits(JsonObject *tune, GString *out)
{
    guint best = (guint)view_count(tune, "limits.best");
    append_heading(out, "Limits with this table, all traces it is made for");
    g_string_append_printf(out, "%-10s%-12s%14s%14s\n", "magazine", "keep-empty", "peak in use",
                           "slow calls");
    for (guint i = 0; i < view_length(tune, "limits.tried"); i++) {
        JsonObject *row = view_row(tune, "limits.tried", i);
        g_string_append_printf(out, "%-10s%-12s%14" G_GUINT64_FORMAT "%14" G_GUINT64_FORMAT "%s\n",
                               view_text(row, "magazine"), view_text(row, "keep_empty"),
                               view_count(row, "peak_occupied"), view_count(row, "slow_calls"),
                               i == best ? "  chosen" : "");
    }
    g_string_append(
        out, "slow calls: that a CPU's own magazines and page lists did not serve. Chosen is\n"
             "the least memory with at most ");
    append_fixed(out, 0, view_ratio(tune, "limits.slow_at_most"), 2);
    g_string_append(
        out, " times the slow calls of the first row.\n"
             "Limits of page lists are left as they are: what lies on them counts as free.\n");
}

static void by_classes(JsonObject *tune, GString *out)
{
    append_heading(out, "More or fewer classes");
    g_string_append_printf(out, "%7s%10s%14s\n", "classes", "waste %", "peak in use");
    for (guint i = 0; i < view_length(tune, "by_classes"); i++) {
        JsonObject *row = view_row(tune, "by_classes", i);
        if (!view_has(row, "peak_occupied"))
            continue;
        g_string_append_printf(out, "%7" G_GUINT64_FORMAT, view_count(row, "classes"));
        append_fixed(out, 10, percent(view_ratio(row, "waste_over_requested")), 1);
        g_string_append_printf(out, "%14" G_GUINT64_FORMAT "\n", view_count(row, "peak_occupied"));
    }
    g_string_append(
        out, "The best table of so many classes each. More classes waste less, and have "
             "more\nslabs that are partly used: what is in use at peak tells when it is enough.\n");
}

void view_tune_text(JsonObject *tune, GString *out)
{
    g_string_append(out, "bsa-replay --tune\n=================\n");
    head(tune, out);
    for (guint i = 0; i < view_length(tune, "traces"); i++)
        trace_table(view_row(tune, "traces", i), out);
    explain(out);
    limits(tune, out);
    by_classes(tune, out);
}
