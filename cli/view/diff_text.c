/* SPDX-License-Identifier: Apache-2.0 */
/* What a comparison prints. */
#include <math.h>
#include <string.h>

#include "../common/figures.h"
#include "../common/json.h"
#include "diff.h"

static const char *const verdicts[] = {[VIEW_BETTER] = "better",
                                       [VIEW_WORSE] = "worse",
                                       [VIEW_OTHER] = "other",
                                       [VIEW_EQUAL] = "equal"};

static void cell(GString *out, const struct view_change *change, double value)
{
    append_fixed(out, 15, value, change->whole ? 0 : 4);
}

static void row(GString *out, const struct view_change *change)
{
    g_string_append_printf(out, "  %-34s", change->title);
    cell(out, change, change->a);
    cell(out, change, change->b);
    /* Of an index near 0 a hundred times as much may still be nothing: what counts is how far. */
    if (!change->whole && isfinite(change->b - change->a)) {
        GString *difference = g_string_new(change->b > change->a ? "+" : "");
        append_fixed(difference, 0, change->b - change->a, 4);
        g_string_append_printf(out, "%12s", difference->str);
        g_string_free(difference, TRUE);
    } else if (change->a != 0.0 && isfinite(change->b / change->a)) {
        GString *percent = g_string_new(change->b > change->a ? "+" : "");
        append_fixed(percent, 0, 100.0 * (change->b / change->a - 1.0), 1);
        g_string_append_printf(out, "%10s %%", percent->str);
        g_string_free(percent, TRUE);
    }
    g_string_append_c(out, '\n');
}

static guint rows(GString *out, GArray *changes, enum view_verdict verdict)
{
    guint count = 0;
    for (guint i = 0; i < changes->len; i++) {
        const struct view_change *change = &g_array_index(changes, struct view_change, i);
        if (change->verdict != verdict)
            continue;
        if (count++ == 0 && verdict != VIEW_EQUAL)
            g_string_append_printf(out, "%s\n", verdicts[verdict]);
        if (verdict != VIEW_EQUAL)
            row(out, change);
    }
    return count;
}

static void differ(JsonObject *a, JsonObject *b, const char *path, const char *what, GString *out)
{
    if (strcmp(view_text(a, path), view_text(b, path)) != 0)
        g_string_append_printf(out, "%s: A %s, B %s\n", what, view_text(a, path),
                               view_text(b, path));
}

static void differ_count(JsonObject *a, JsonObject *b, const char *path, const char *what,
                         GString *out)
{
    if (view_count(a, path) != view_count(b, path))
        g_string_append_printf(out, "%s: A %" G_GUINT64_FORMAT ", B %" G_GUINT64_FORMAT "\n", what,
                               view_count(a, path), view_count(b, path));
}

/* What was not looked at may have been more. */
static void unseen(JsonObject *report, const char *name, GString *out)
{
    if (!view_is_strict(report))
        g_string_append_printf(out,
                               "memory: %s looked at it %" G_GUINT64_FORMAT
                               " times only, and lifetimes shifted; for what it took,\n"
                               "        compare strict replays\n",
                               name, view_count(report, "timeline.samples"));
}

void view_diff_text(JsonObject *a, JsonObject *b, GArray *changes, GString *out)
{
    differ(a, b, "trace.name", "trace", out);
    differ(a, b, "trace.layer", "layer", out);
    differ(a, b, "trace.implicit", "unseen frees", out);
    differ_count(a, b, "trace.prelude.objects", "objects of a prelude", out);
    differ_count(a, b, "trace.prelude.seed", "its seed", out);
    differ_count(a, b, "trace.events", "events of the trace", out);
    differ(a, b, "replay.allocator_version", "version of the allocator", out);
    differ(a, b, "replay.classes", "size classes", out);
    differ(a, b, "replay.caches", "the kernel's named caches", out);
    differ(a, b, "replay.magazine", "objects in a magazine", out);
    differ(a, b, "replay.page_lists", "pages on a CPU's lists", out);
    differ(a, b, "replay.keep_empty", "empty slabs kept", out);
    differ_count(a, b, "replay.low_bytes", "bytes below 4 GiB", out);
    differ_count(a, b, "replay.reclaim_every", "events between reclaims", out);
    differ(a, b, "replay.schedule", "schedule", out);
    differ(a, b, "replay.cpu_map", "CPU map", out);
    differ_count(a, b, "replay.cpus", "CPUs", out);
    differ_count(a, b, "replay.page_size", "bytes of a page", out);
    differ_count(a, b, "replay.region_bytes_used", "bytes of the regions", out);
    if (view_flag(a, "result.partial") || view_flag(b, "result.partial"))
        g_string_append_printf(out, "partial: %s\n",
                               !view_flag(b, "result.partial")   ? "A"
                               : !view_flag(a, "result.partial") ? "B"
                                                                 : "A and B");
    unseen(a, "A", out);
    unseen(b, "B", out);
    g_string_append_printf(out, "%-36s%15s%15s%12s\n", "", "A", "B", "change");
    guint changed = rows(out, changes, VIEW_WORSE) + rows(out, changes, VIEW_BETTER) +
                    rows(out, changes, VIEW_OTHER);
    g_string_append_printf(out, "%u figure%s equal%s\n", changes->len - changed,
                           changes->len - changed == 1 ? " is" : "s are",
                           changed == 0 ? ": nothing has changed." : ".");
    if (changed > 0)
        g_string_append(out, "Those that weigh most are first: by the difference over A's most "
                             "pages in use\n(bytes), over A's events (counts), or itself "
                             "(ratios).\n");
}

char *view_diff_json(GArray *changes, GArray *conditions, const gboolean *holds)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay diff");
    begin_list(json, "figures");
    for (guint i = 0; i < changes->len; i++) {
        const struct view_change *change = &g_array_index(changes, struct view_change, i);
        json_builder_begin_object(json);
        put_text(json, "key", change->key);
        put_text(json, "title", change->title);
        put_ratio(json, "a", change->a);
        put_ratio(json, "b", change->b);
        put_ratio(json, "change", change->b - change->a);
        put_ratio(json, "weight", change->weight);
        put_text(json, "verdict", verdicts[change->verdict]);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    begin_list(json, "conditions");
    for (guint i = 0; i < conditions->len; i++) {
        json_builder_begin_object(json);
        put_text(json, "fail_if", g_array_index(conditions, struct view_condition, i).text);
        put_flag(json, "holds", holds[i]);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
    return finish_json(json);
}
