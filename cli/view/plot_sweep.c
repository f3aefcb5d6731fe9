/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of a sweep. Across goes one option, on a number axis where all its values are numbers,
 * else as groups of bars; the combinations of the others are lines or bars of a colour each.
 */
#include <math.h>
#include <string.h>

#include "../common/figures.h"
#include "plot.h"
#include "sweep.h"

#define PANELS 6u
#define SERIES_NAMED 12u /* names of more have no room */
#define LETTER 0.0062    /* width of a letter of the key, of the picture's */
#define SAMPLE_LETTERS 5 /* and of what stands beside it */

struct axis {
    guint key, count, stride;
    guint series; /* runs / count */
    gboolean numbers, logarithmic;
    double *at; /* of each value */
};

/* Figures by what matters most; those that are 0 in all runs have no panel. */
static const struct {
    const char *figure, *title;
    double unit;
} figures[] = {
    {"failed", "failed requests", 1.0},
    {"peak_occupied", "most pages in use, MiB", 1048576.0},
    {"unusable_9_mean", "unusable at order 9, mean", 1.0},
    {"internal_time", "internal fragmentation over events", 1.0},
    {"unusable_9_end", "unusable at order 9, end", 1.0},
    {"remote_frees", "remote frees", 1.0},
    {"metadata", "metadata at the peak, KiB", 1024.0},
};

/* "0.5", "8", "64M". */
static gboolean number_of(const char *text, double *value)
{
    static const char units[] = "KMGT";
    char *end;
    if (!g_ascii_isdigit(text[0]) && text[0] != '.')
        return FALSE;
    *value = g_ascii_strtod(text, &end);
    if (*end != '\0' && strchr(units, *end) != NULL) {
        *value *= ldexp(1.0, 10 * (int)(strchr(units, *end) - units + 1));
        end++;
    }
    return *end == '\0' && isfinite(*value);
}

static gboolean is_numbers(JsonObject *sweep, guint key)
{
    double value;
    for (guint i = 0; i < view_sweep_values(sweep, key); i++) {
        if (!number_of(view_sweep_value(sweep, key, i), &value))
            return FALSE;
    }
    return view_sweep_values(sweep, key) > 1;
}

/* Of the options whose values are numbers the one with most of them; else the first. */
static guint choose_key(JsonObject *sweep)
{
    guint best = 0;
    gboolean any = FALSE;
    for (guint i = 0; i < view_sweep_keys(sweep); i++) {
        if (!is_numbers(sweep, i))
            continue;
        if (!any || view_sweep_values(sweep, i) > view_sweep_values(sweep, best))
            best = i;
        any = TRUE;
    }
    return best;
}

static void axis_open(struct axis *axis, JsonObject *sweep)
{
    double least = INFINITY, most = 0.0;
    axis->key = choose_key(sweep);
    axis->count = MAX(view_sweep_values(sweep, axis->key), 1);
    axis->stride = view_sweep_stride(sweep, axis->key);
    axis->series = view_sweep_runs(sweep) / axis->count;
    axis->numbers = is_numbers(sweep, axis->key);
    axis->at = g_new(double, axis->count);
    for (guint i = 0; i < axis->count; i++) {
        axis->at[i] = i;
        if (axis->numbers)
            number_of(view_sweep_value(sweep, axis->key, i), &axis->at[i]);
        least = fmin(least, axis->at[i]);
        most = fmax(most, axis->at[i]);
    }
    axis->logarithmic = axis->numbers && least > 0.0 && most >= 8.0 * least;
}

/* The first run of a series: its rows in sweep.csv are a stride apart. */
static guint first_of(const struct axis *axis, guint series)
{
    return series / axis->stride * axis->stride * axis->count + series % axis->stride;
}

static void append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    view_quote(out, text);
    g_string_append_c(out, '"');
}

static void x_axis(JsonObject *sweep, const struct axis *axis, GString *out)
{
    g_string_append(out, "# where the values stand\nplaces = \"");
    for (guint i = 0; i < axis->count; i++) {
        g_string_append(out, i == 0 ? "" : " ");
        append_fixed(out, 0, axis->at[i], 6);
    }
    g_string_append(out, "\"\nset xtics (");
    for (guint i = 0; i < axis->count; i++) {
        g_string_append(out, i == 0 ? "" : ", ");
        append_quoted(out, view_sweep_value(sweep, axis->key, i));
        g_string_append_c(out, ' ');
        append_fixed(out, 0, axis->at[i], 6);
    }
    g_string_append(out, ")\n");
    if (axis->numbers)
        g_string_append_printf(out, "%sset offsets graph 0.05, graph 0.05, 0, 0\n",
                               axis->logarithmic ? "set logscale x\n" : "");
    else
        g_string_append_printf(out,
                               "set xrange [-0.6:%u.6]\nset style fill solid noborder\n"
                               "set boxwidth 0.8 / %u\n",
                               axis->count - 1, axis->series);
}

/* Names of the options that a series stands for, or their values in one, with commas between. */
static char *series_options(JsonObject *sweep, const struct axis *axis)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < view_sweep_keys(sweep); i++) {
        if (i != axis->key)
            g_string_append_printf(names, "%s%s", names->len == 0 ? "" : ", ",
                                   view_sweep_key(sweep, i));
    }
    return g_string_free(names, FALSE);
}

static char *series_name(JsonObject *sweep, const struct axis *axis, guint series)
{
    JsonObject *settings = view_object(view_sweep_run(sweep, first_of(axis, series)), "settings");
    GString *values = g_string_new(NULL);
    for (guint i = 0; i < view_sweep_keys(sweep); i++) {
        if (i != axis->key)
            g_string_append_printf(values, "%s%s", values->len == 0 ? "" : ", ",
                                   view_text(settings, view_sweep_key(sweep, i)));
    }
    return g_string_free(values, FALSE);
}

static gboolean has_key(const struct axis *axis)
{
    return axis->series > 1 && axis->series <= SERIES_NAMED;
}

/* The part of the picture's width that is left of the key. */
static double room(JsonObject *sweep, const struct axis *axis)
{
    char *options = series_options(sweep, axis);
    glong longest = g_utf8_strlen(options, -1);
    g_free(options);
    for (guint i = 0; i < axis->series; i++) {
        char *name = series_name(sweep, axis, i);
        longest = MAX(longest, g_utf8_strlen(name, -1) + SAMPLE_LETTERS);
        g_free(name);
    }
    return has_key(axis) ? fmax(0.97 - LETTER * (double)longest, 0.5) : 0.98;
}

static gboolean has_figure(JsonObject *sweep, const struct axis *axis, guint series,
                           const char *figure)
{
    for (guint i = 0; i < axis->count; i++) {
        if (isfinite(view_sweep_figure(sweep, first_of(axis, series) + i * axis->stride, figure)))
            return TRUE;
    }
    return FALSE;
}

static void series_line(JsonObject *sweep, const struct axis *axis, guint series, guint figure,
                        gboolean named, GString *out)
{
    guint first = first_of(axis, series);
    g_string_append_printf(out,
                           "\"sweep.csv\" every %u::%u::%u using (real(word(places, int($0) + 1))",
                           axis->stride, first, first + (axis->count - 1) * axis->stride);
    if (!axis->numbers) {
        g_string_append(out, " + ");
        append_fixed(out, 0, 0.8 * ((double)series + 0.5) / axis->series - 0.4, 6);
    }
    g_string_append_printf(out, "):(column(\"%s\") / ", figures[figure].figure);
    append_fixed(out, 0, figures[figure].unit, 1);
    g_string_append(out,
                    axis->numbers ? ") with linespoints pt 7 ps 0.7 lw 1.8 " : ") with boxes ");
    view_plot_colour(out, series, axis->series);
    char *name = named ? series_name(sweep, axis, series) : g_strdup("");
    g_string_append(out, " title ");
    append_quoted(out, name);
    g_free(name);
}

/* Bars begin at 0; points need not, but where all are equal. */
static void panel(JsonObject *sweep, const struct axis *axis, guint figure, gboolean first,
                  double least, double most, GString *out)
{
    const char *between = "";
    gboolean near = axis->numbers && most - least > 1e-6 * most;
    g_string_append_printf(out, "set title \"%s\"\nset yrange [%s]\n", figures[figure].title,
                           near ? "*:*" : "0:*");
    if (first && has_key(axis)) {
        char *options = series_options(sweep, axis);
        g_string_append(out, "set key at screen 0.995, graph 1 right top maxcols 1 samplen 1 "
                             "font \",10\" title ");
        append_quoted(out, options);
        g_string_append_c(out, '\n');
        g_free(options);
    } else {
        g_string_append(out, "unset key\n");
    }
    g_string_append(out, "plot ");
    for (guint i = 0; i < axis->series; i++) {
        if (!has_figure(sweep, axis, i, figures[figure].figure))
            continue;
        g_string_append(out, between);
        series_line(sweep, axis, i, figure, first, out);
        between = ", \\\n     ";
    }
    g_string_append_c(out, '\n');
}

static void title(JsonObject *sweep, const char *what, GString *out)
{
    g_string_append_printf(out, "\"{/:Bold %s}", what);
    if (view_has(sweep, "trace")) {
        g_string_append(out, "\\n");
        view_plot_name(out, view_text(sweep, "trace.name"));
    }
    g_string_append_c(out, '"');
}

void view_plot_sweep(JsonObject *sweep, struct view_script *script)
{
    struct axis axis;
    GString *out = script->panels;
    guint drawn = 0;
    axis_open(&axis, sweep);
    x_axis(sweep, &axis, script->settings);
    view_plot_palette(script->settings, TRUE);
    g_string_append(script->settings, "unset colorbox\nset tics font \",10\"\n");
    g_string_append(out, "set multiplot layout 2,3 margins 0.06,");
    append_fixed(out, 0, room(sweep, &axis), 3);
    g_string_append(out, ",0.06,0.84 spacing 0.06,0.14 title ");
    char *what =
        g_strdup_printf("The runs beside each other, by %s", view_sweep_key(sweep, axis.key));
    title(sweep, what, out);
    g_free(what);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < G_N_ELEMENTS(figures) && drawn < PANELS; i++) {
        double least, most;
        if (view_sweep_range(sweep, figures[i].figure, &least, &most) && most > 0.0)
            panel(sweep, &axis, i, drawn++ == 0, least, most, out);
    }
    g_free(axis.at);
}

static void over_time(JsonObject *run, const char *column, GString *out)
{
    g_string_append_printf(
        out, "'%s/%s.csv' using (column(\"event\")):(column(\"%s\") / MiB) with lines ",
        view_text(run, "folder"), view_flag(run, "thinned") ? "timeline-drawn" : "timeline",
        column);
}

static int by_occupied(gconstpointer a, gconstpointer b, gpointer sweep)
{
    guint x = *(const guint *)a, y = *(const guint *)b;
    double left = view_sweep_figure(sweep, x, "peak_occupied");
    double right = view_sweep_figure(sweep, y, "peak_occupied");
    return left < right ? -1 : left > right ? 1 : x < y ? -1 : x > y;
}

static int by_number(gconstpointer a, gconstpointer b)
{
    guint x = *(const guint *)a, y = *(const guint *)b;
    return x < y ? -1 : x > y;
}

static GArray *runs_with_figures(JsonObject *sweep, gboolean served)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < view_sweep_runs(sweep); i++) {
        if (view_has(view_sweep_run(sweep, i), "figures") &&
            (!served || !(view_sweep_figure(sweep, i, "failed") > 0.0)))
            g_array_append_val(runs, i);
    }
    return runs;
}

/* Of more runs than there are colours: those with the fewest and the most pages in use, and evenly
 * many from each to the next. Where requests fail, less is done: such runs are left out then. */
static GArray *choose_runs(JsonObject *sweep)
{
    GArray *runs = runs_with_figures(sweep, FALSE);
    if (runs->len <= VIEW_LINES_WITH_KEY)
        return runs;
    GArray *served = runs_with_figures(sweep, TRUE);
    if (served->len > 0) {
        g_array_unref(runs);
        runs = served;
    } else {
        g_array_unref(served);
    }
    guint count = MIN(runs->len, VIEW_LINES_WITH_KEY);
    g_array_sort_with_data(runs, by_occupied, sweep);
    for (guint i = 1; i < count; i++)
        g_array_index(runs, guint, i) =
            g_array_index(runs, guint, i * (runs->len - 1) / (count - 1));
    g_array_set_size(runs, count);
    g_array_sort(runs, by_number);
    return runs;
}

/* What was requested in the first run, in which requests did not fail if there is one, stands for
 * all. */
void view_plot_sweep_occupancy(JsonObject *sweep, struct view_script *script)
{
    GString *out = script->plot, *what = g_string_new("Pages in use over the run");
    JsonObject *first = NULL;
    gboolean all = FALSE; /* of its requests succeed */
    GArray *runs = choose_runs(sweep);
    if (runs->len < view_count(sweep, "overlaid"))
        g_string_append_printf(what, ", %u of %" G_GUINT64_FORMAT " runs", runs->len,
                               view_count(sweep, "overlaid"));
    g_string_append(script->settings, "set title ");
    title(sweep, what->str, script->settings);
    g_string_append(script->settings, "\nset xlabel \"events\"\nset ylabel \"MiB\"\n"
                                      "set yrange [0:*]\nMiB = 1048576.0\n"
                                      "set xrange [0:*] noextend\n");
    for (guint i = 0; i < runs->len; i++) {
        guint number = g_array_index(runs, guint, i);
        JsonObject *run = view_sweep_run(sweep, number);
        if (first == NULL || (!all && view_count(run, "figures.failed") == 0)) {
            first = run;
            all = view_count(run, "figures.failed") == 0;
        }
        GString *name = g_string_new(NULL);
        view_sweep_name(sweep, number, G_MAXUINT, name);
        over_time(run, "occupied", out);
        g_string_append_printf(out, "lw 1.4 lc rgb \"%s\" title ", view_colours[i]);
        append_quoted(out, name->str);
        g_string_append(out, ", \\\n     ");
        g_string_free(name, TRUE);
    }
    over_time(first, "requested", out);
    g_string_append(out, "lw 1.6 lc rgb \"#000000\" dt 3 title \"requested\"");
    g_array_unref(runs);
    g_string_free(what, TRUE);
}
