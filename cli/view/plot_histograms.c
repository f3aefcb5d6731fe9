/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the trace's own sizes and lifetimes, by powers of two. */
#include "../common/figures.h"
#include "plot.h"

/* Tick labels at every so-manieth power: bytes, or a time. */
static void bytes_label(GString *out, guint power)
{
    append_bytes(out, G_GUINT64_CONSTANT(1) << power);
}

static void records_label(GString *out, guint power)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, G_GUINT64_CONSTANT(1) << power);
}

static void time_label(GString *out, guint power)
{
    append_duration(out, G_GUINT64_CONSTANT(1) << power);
}

/* tick: what the first one is less than; 0: it is as the others are. */
static void tics(GString *out, guint low, guint high, guint64 tick,
                 void (*label)(GString *out, guint power))
{
    guint step = 1 + (high - low) / 12;
    g_string_append(out, "set xtics (");
    for (guint power = low; power <= high; power += step) {
        g_string_append(out, power == low ? "\"" : ", \"");
        if (power == low && tick > 0) {
            g_string_append(out, "< ");
            append_duration(out, tick);
        } else {
            label(out, power);
        }
        g_string_append_printf(out, "\" %u", power);
    }
    g_string_append_printf(out, ") rotate by -30\nset xrange [%u-0.6:%u+0.6]\n", low, high);
}

/* First and last row of a list of powers; false when it is empty. */
static gboolean range(JsonObject *report, const char *path, guint *low, guint *high)
{
    guint rows = view_length(report, path);
    if (rows == 0)
        return FALSE;
    *low = (guint)view_count(view_row(report, path, 0), "power");
    *high = (guint)view_count(view_row(report, path, rows - 1), "power");
    return TRUE;
}

void view_plot_sizes(JsonObject *report, struct view_script *script)
{
    GString *out = script->settings;
    guint low = 0, high = 1;
    range(report, "sizes.powers", &low, &high);
    view_plot_title(report, out, "Sizes that were asked for", FALSE);
    g_string_append(out, "set ylabel \"% of all allocations, and of bytes\"\n"
                         "set xlabel \"bytes asked for, to twice as many\"\n"
                         "set yrange [0:*]\nset style fill solid noborder\n");
    tics(out, low, high, 0, bytes_label);
    g_string_append_printf(
        out,
        "allocs = %" G_GUINT64_FORMAT ".0 / 100\nbytes = %" G_GUINT64_FORMAT ".0 / 100\n"
        "peak = %" G_GUINT64_FORMAT ".0 / 100\n",
        MAX(view_count(report, "sizes.allocs"), 1), MAX(view_count(report, "sizes.bytes"), 1),
        MAX(view_count(report, "sizes.live_at_peak_bytes"), 1));
    g_string_append(
        script->plot,
        "\"sizes-by-power.csv\" using (column(\"power\") - 0.27):(column(\"allocs\") / allocs):"
        "(0.25) with boxes lc rgb \"#0072B2\" title \"allocations\", \\\n     "
        "\"sizes-by-power.csv\" using (column(\"power\")):(column(\"bytes\") / bytes):(0.25) with "
        "boxes lc rgb \"#E69F00\" title \"their bytes\", \\\n     "
        "\"sizes-by-power.csv\" using (column(\"power\") + 0.27):"
        "(column(\"live_at_peak_bytes\") / peak):(0.25) with boxes lc rgb \"#009E73\" title "
        "\"bytes alive at peak\"");
}

/* What ends in the trace or is censored by its end; what is older has no lifetime. */
static guint64 lifetimes(JsonObject *report, const char *freed, const char *censored)
{
    guint64 sum = 0;
    for (guint i = 0; i < view_length(report, "lifetimes.time"); i++) {
        JsonObject *row = view_row(report, "lifetimes.time", i);
        sum += view_count(row, freed) + view_count(row, censored);
    }
    return MAX(sum, 1);
}

void view_plot_lifetimes(JsonObject *report, struct view_script *script)
{
    GString *out = script->settings;
    guint low = 0, high = 1;
    guint64 tick = view_count(report, "lifetimes.clock_tick_ns");
    range(report, "lifetimes.time", &low, &high);
    gboolean times = !view_flag(report, "trace.untimed");
    gboolean below = times && low == 0 && tick > 1; /* shorter ones are 0 by such a clock */
    if (below) {
        low = g_bit_storage((gulong)tick) - 2;
        high = MAX(high, low);
    }
    view_plot_title(report, out, "Lifetimes of objects and blocks", FALSE);
    g_string_append(out, "set ylabel \"% of objects and blocks, and of bytes\"\n"
                         "set yrange [0:*]\nset style fill solid noborder\n");
    g_string_append_printf(out, "set xlabel \"lifetime%s, to twice as long\"\n",
                           times ? "" : " in records, as the trace tells no times");
    tics(out, low, high, below ? tick : 0, times ? time_label : records_label);
    g_string_append_printf(out, "at(power) = power < %u ? %u : power\n", low, low);
    g_string_append_printf(
        out, "objects = %" G_GUINT64_FORMAT ".0 / 100\nbytes = %" G_GUINT64_FORMAT ".0 / 100\n",
        lifetimes(report, "freed", "censored"), lifetimes(report, "freed_bytes", "censored_bytes"));
    g_string_append(
        script->plot,
        "\"lifetimes.csv\" using (at(column(\"power\")) - 0.2):"
        "((column(\"freed\") + column(\"censored\")) / objects):(0.36) with boxes "
        "lc rgb \"#999999\" title \"objects never freed, by age\", \\\n     "
        "\"lifetimes.csv\" using (at(column(\"power\")) - 0.2):(column(\"freed\") / "
        "objects):(0.36) "
        "with boxes lc rgb \"#0072B2\" title \"objects freed\", \\\n     "
        "\"lifetimes.csv\" using (at(column(\"power\")) + 0.2):"
        "((column(\"freed_bytes\") + column(\"censored_bytes\")) / bytes):(0.36) with boxes "
        "lc rgb \"#cccccc\" title \"bytes never freed, by age\", \\\n     "
        "\"lifetimes.csv\" using (at(column(\"power\")) + 0.2):(column(\"freed_bytes\") / "
        "bytes):(0.36) "
        "with boxes lc rgb \"#E69F00\" title \"bytes freed\"");
}
