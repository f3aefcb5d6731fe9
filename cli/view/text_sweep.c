/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.txt: a line for each run. */
#include <math.h>
#include <string.h>

#include "../common/figures.h"
#include "sweep.h"
#include "text.h"

static const struct column {
    const char *figure, *above, *head;
    double unit;
    int decimals;
} columns[] = {
    {"failed", "", "failed", 1.0, 0},
    {"peak_occupied", "pages in", "use MiB", 1048576.0, 2},
    {"heap_max", "over", "live", 1.0, 3},
    {"internal_time", "internal", "fragm.", 1.0, 4},
    {"unusable_9_end", "unusable", "at end", 1.0, 3},
    {"unusable_9_mean", "order 9", "mean", 1.0, 3},
    {"metadata", "metadata", "KiB", 1024.0, 0},
    {"remote_frees", "remote", "frees", 1.0, 0},
};

/* Cells of a table, row by row; the first two rows are its head. */
struct table {
    GPtrArray *cells;
    guint columns, left; /* the first columns are to the left, the others to the right */
};

static void add_cell(struct table *table, const char *text)
{
    g_ptr_array_add(table->cells, g_strdup(text));
}

static const char *cell(const struct table *table, guint row, guint column)
{
    return g_ptr_array_index(table->cells, row * table->columns + column);
}

static void append_table(const struct table *table, GString *out)
{
    guint rows = table->cells->len / table->columns;
    for (guint row = 0; row < rows; row++) {
        GString *line = g_string_new(NULL);
        for (guint column = 0; column < table->columns; column++) {
            glong width = 0, length = g_utf8_strlen(cell(table, row, column), -1);
            for (guint i = 0; i < rows; i++)
                width = MAX(width, g_utf8_strlen(cell(table, i, column), -1));
            int blanks = (int)(width - length);
            if (column < table->left)
                g_string_append_printf(line, "%s%*s", cell(table, row, column), blanks + 2, "");
            else
                g_string_append_printf(line, "%*s%s%s", blanks, "", cell(table, row, column),
                                       column + 1 < table->columns ? " " : "");
        }
        g_string_append_printf(out, "%s\n", g_strchomp(line->str));
        g_string_free(line, TRUE);
    }
}

static void add_run(struct table *table, JsonObject *sweep, guint run)
{
    JsonObject *settings = view_object(view_sweep_run(sweep, run), "settings");
    for (guint i = 0; i < view_sweep_keys(sweep); i++)
        add_cell(table, view_text(settings, view_sweep_key(sweep, i)));
    for (guint i = 0; i < G_N_ELEMENTS(columns); i++) {
        double value = view_sweep_figure(sweep, run, columns[i].figure);
        GString *text = g_string_new(NULL);
        append_fixed(text, 0, value / columns[i].unit, columns[i].decimals);
        add_cell(table, text->str);
        g_string_free(text, TRUE);
    }
}

static void runs(JsonObject *sweep, GString *out)
{
    guint keys = view_sweep_keys(sweep);
    struct table table = {
        .cells = g_ptr_array_new_with_free_func(g_free),
        .columns = keys + (guint)G_N_ELEMENTS(columns),
        .left = keys,
    };
    for (guint i = 0; i < keys; i++)
        add_cell(&table, "");
    for (guint i = 0; i < G_N_ELEMENTS(columns); i++)
        add_cell(&table, columns[i].above);
    for (guint i = 0; i < keys; i++)
        add_cell(&table, view_sweep_key(sweep, i));
    for (guint i = 0; i < G_N_ELEMENTS(columns); i++)
        add_cell(&table, columns[i].head);
    for (guint i = 0; i < view_sweep_runs(sweep); i++)
        add_run(&table, sweep, i);
    append_table(&table, out);
    g_ptr_array_unref(table.cells);
}

/* Runs that have no line of figures, or should not be trusted with it. */
static void messages(JsonObject *sweep, GString *out)
{
    for (guint i = 0; i < view_sweep_runs(sweep); i++) {
        JsonObject *run = view_sweep_run(sweep, i);
        const char *state = view_text(run, "state");
        if (strcmp(state, "done") == 0)
            continue;
        GString *line = g_string_new(NULL);
        view_sweep_name(sweep, i, G_MAXUINT, line);
        g_string_append_printf(line, " (%s)%s%s", state, view_has(run, "message") ? ": " : "",
                               view_text(run, "message"));
        view_wrap(out, line->str, 2);
        g_string_free(line, TRUE);
    }
}

/* Where requests fail, less is done: that is no effect on memory. */
static double comparable(JsonObject *sweep, guint run, const char *figure)
{
    return view_sweep_figure(sweep, run, "failed") > 0.0 ? NAN
                                                         : view_sweep_figure(sweep, run, figure);
}

/* The most that a figure changes when one key changes and the others stay: b - a, or b / a - 1. */
static double effect(JsonObject *sweep, guint key, const char *figure, gboolean relative)
{
    guint stride = view_sweep_stride(sweep, key), count = view_sweep_values(sweep, key);
    double most = NAN;
    for (guint run = 0; run < view_sweep_runs(sweep); run++) {
        double low = NAN, high = NAN;
        if (run / stride % count != 0)
            continue;
        for (guint i = 0; i < count; i++) {
            double value = comparable(sweep, run + i * stride, figure);
            low = fmin(low, value); /* NaN counts for nothing */
            high = fmax(high, value);
        }
        most = fmax(most, relative ? high / low - 1.0 : high - low);
    }
    return most;
}

static void effects(JsonObject *sweep, GString *out)
{
    double least, most;
    if (!view_sweep_range(sweep, "peak_occupied", &least, &most))
        return;
    append_heading(out, "What one option changes at most while the others stay");
    g_string_append_printf(out, "%-16s%14s%14s%16s%16s\n", "", "pages in use", "internal",
                           "unusable 9, end", "mean");
    for (guint i = 0; i < view_sweep_keys(sweep); i++) {
        g_string_append_printf(out, "%-16s", view_sweep_key(sweep, i));
        append_fixed(out, 12, 100.0 * effect(sweep, i, "peak_occupied", TRUE), 1);
        g_string_append(out, " %");
        append_fixed(out, 14, effect(sweep, i, "internal_time", FALSE), 4);
        append_fixed(out, 16, effect(sweep, i, "unusable_9_end", FALSE), 3);
        append_fixed(out, 16, effect(sweep, i, "unusable_9_mean", FALSE), 3);
        g_string_append_c(out, '\n');
    }
}

/* The run in which all requests succeed with the least, or the most, pages in use; the first of
 * several. False: there is none. */
static gboolean extreme(JsonObject *sweep, gboolean most, guint *found)
{
    double best = most ? -INFINITY : INFINITY;
    for (guint i = 0; i < view_sweep_runs(sweep); i++) {
        double value = comparable(sweep, i, "peak_occupied");
        if (!(most ? value > best : value < best))
            continue;
        best = value;
        *found = i;
    }
    return isfinite(best);
}

static void append_run(JsonObject *sweep, guint run, GString *out)
{
    append_bytes(out, (guint64)view_sweep_figure(sweep, run, "peak_occupied"));
    g_string_append(out, " with ");
    view_sweep_name(sweep, run, G_MAXUINT, out);
}

static void best(JsonObject *sweep, GString *out)
{
    guint least = 0, most = 0;
    if (!extreme(sweep, FALSE, &least) || !extreme(sweep, TRUE, &most))
        return;
    GString *line = g_string_new("Fewest pages in use: ");
    append_run(sweep, least, line);
    if (most != least) {
        g_string_append(line, "; most: ");
        append_run(sweep, most, line);
    }
    g_string_append_c(line, '.');
    view_wrap(out, line->str, 0);
    g_string_free(line, TRUE);
}

static void failures(JsonObject *sweep, GString *out)
{
    guint count = 0, runs = view_sweep_runs(sweep), first = runs;
    for (guint i = runs; i-- > 0;) {
        if (view_sweep_figure(sweep, i, "failed") > 0.0) {
            first = i;
            count++;
        }
    }
    if (count == 0)
        return;
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "Requests failed in %u of %u runs, the first with ", count, runs);
    view_sweep_name(sweep, first, G_MAXUINT, line);
    g_string_append(line, "; its memory is that of what succeeded.");
    view_wrap(out, line->str, 0);
    g_string_free(line, TRUE);
}

void view_sweep_text(JsonObject *sweep, GString *out)
{
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "Sweep of %s: %u run%s over",
                           view_has(sweep, "trace") ? view_text(sweep, "trace.name") : "a trace",
                           view_sweep_runs(sweep), view_sweep_runs(sweep) == 1 ? "" : "s");
    for (guint i = 0; i < view_sweep_keys(sweep); i++)
        g_string_append_printf(line, "%s %s", i == 0 ? "" : " and", view_sweep_key(sweep, i));
    view_wrap(out, line->str, 0);
    g_string_free(line, TRUE);
    failures(sweep, out);
    best(sweep, out);
    g_string_append_c(out, '\n');
    runs(sweep, out);
    messages(sweep, out);
    effects(sweep, out);
    g_string_append(
        out, "\nPages in use: most bytes at once; over live: over the most bytes requested at\n"
             "once. Internal fragmentation: (given - requested) / given, over events.\n"
             "Unusable: the part of free memory that a block of order 9 cannot be taken from.\n"
             "Metadata: at the peak. Each run's report is in its folder, all figures of all\n"
             "runs are in sweep.csv, and times in timing.json.\n");
}
