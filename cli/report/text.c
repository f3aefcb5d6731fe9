/* SPDX-License-Identifier: Apache-2.0 */
/* report.txt: for people, 80 columns. */
#include "report.h"

static void row(GString *out, const char *name)
{
    g_string_append_printf(out, "%-20s", name);
}

static void regions(const struct report *report, GString *out)
{
    const struct replay_regions *all = report->execution->regions;
    for (guint i = 0; i < all->used; i++) {
        row(out, i == 0 ? "Regions" : "");
        append_bytes(out, all->region[i].bytes);
        if (i > 0)
            g_string_append_printf(out, ", added after event %" G_GUINT64_FORMAT,
                                   all->region[i].added);
        else if (all->automatic)
            g_string_append(out, " (1.5 x peak + 6 MiB + 128 KiB per CPU)");
        g_string_append_c(out, '\n');
    }
    if (all->used < all->count && !all->automatic)
        g_string_append_printf(out, "%-20s%u more, never needed\n", "", all->count - all->used);
}

static void head(const struct report *report, GString *out)
{
    const struct replay_options *options = report->options;
    const struct trace_summary *summary = report->summary;
    const struct replay_execution *execution = report->execution;
    g_string_append(out, "bsa-replay report\n=================\n\n");
    row(out, "Trace");
    g_string_append_printf(out, "%s (%s, layer %s)\n", report->trace_name, summary->format,
                           replay_layer_name(options->layer));
    row(out, "Events");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " in ", execution->events);
    append_fixed(out, 0, (double)summary->duration_ns / 1e9, 3);
    g_string_append_printf(out, " s, %u threads on %u recorded CPUs\n", summary->threads,
                           summary->cpus);
    row(out, "Allocator");
    g_string_append_printf(out, "%s %s, pages of ", report->allocator, report->allocator_version);
    append_bytes(out, report->page_size);
    g_string_append_c(out, '\n');
    row(out, "Simulated CPUs");
    g_string_append_printf(out, "%u, CPU map %s, strict order, %" G_GUINT64_FORMAT " switches\n",
                           execution->cpus, replay_cpu_map_name(options->cpu_map),
                           execution->switches);
    regions(report, out);
}

static void brief(const struct report *report, GString *out)
{
    const struct replay_execution *execution = report->execution;
    const struct replay_account *account = &execution->account;
    append_heading(out, "In brief");
    row(out, "Failed requests");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "%s\n", execution->failed,
                           execution->failed > 0 ? " (listed below): the region is too small" : "");
    row(out, "Peak requested");
    append_bytes(out, account->peak_requested);
    g_string_append_printf(out, " at event %" G_GUINT64_FORMAT, account->peak_event);
    g_string_append(out, "; pages in use then ");
    append_bytes(out, account->occupied.size_at_peak);
    g_string_append_c(out, '\n');
    row(out, "Peak pages in use");
    append_bytes(out, account->occupied.max_size);
    g_string_append(out, " = ");
    append_fixed(out, 0, heap_ratios(account, &account->occupied).max_over_max, 3);
    g_string_append(out, " x peak requested\n");
    row(out, "Alive at the end");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " objects and blocks, ", execution->live_end);
    append_bytes(out, account->requested);
    g_string_append(out, " requested\n");
}

static void caveats(const struct report *report, GString *out)
{
    append_heading(out, "What a replay is");
    if (report->summary->kernel)
        g_string_append(
            out, "Counterfactual: the kernel's named caches have sizes of their own; here their\n"
                 "objects go to the general size classes, and rounding shows it.\n");
    g_string_append(
        out, "Open loop: a kernel short of memory would reclaim or compact; here the request\n"
             "fails, is counted, and its free is left out.\n"
             "Objects older than the trace are not there. Objects never freed are censored by\n"
             "the end of the trace, not leaked. A free that the trace does not show happens at\n"
             "the latest moment: when its address is handed out again.\n"
             "Simulated CPUs take turns in recorded order: memory figures are exact, but\n"
             "contention is not measured. A figure for one region size says little about\n"
             "another.\n");
}

static void files(const struct report *report, GString *out)
{
    append_heading(out, "Files beside this one");
    g_string_append(out,
                    "report.json         the same figures and more, for programs\n"
                    "timeline.csv        the samples that the pictures show\n"
                    "timing.json         times and rates of this run, which differ each time\n");
    if (report->curve->count > 0)
        g_string_append(out, "curve.csv           figures over the size of the region\n");
    for (guint i = 0; i < report_plot_count; i++) {
        if (!report_plot_wanted(report, i))
            continue;
        char *script = g_strconcat(report_plots[i].name, ".gp", NULL);
        g_string_append_printf(out, "%-19s draws %s.png and .svg\n", script, report_plots[i].name);
        g_free(script);
    }
    g_string_append(out,
                    "A script can be changed and run again: gnuplot NAME.gp in this folder.\n");
}

void report_text(const struct report *report, GString *out)
{
    head(report, out);
    brief(report, out);
    report_text_memory(report, out);
    report_text_external(report, out);
    report_text_regions(report, out);
    report_text_classes(report, out);
    report_text_cpus(report, out);
    report_text_trace(report, out);
    caveats(report, out);
    files(report, out);
}
