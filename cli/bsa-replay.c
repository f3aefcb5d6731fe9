/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay: a recorded memory trace on libbuddyslab, and a report of what it did. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/error.h"
#include "replay/execute.h"
#include "replay/options.h"
#include "replay/progress.h"
#include "report/report.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* One run, from the open trace to the report. */
struct run {
    struct replay_options options;
    struct replay_progress progress;
    trace_reader *reader;
    struct replay_regions regions;
    struct replay_schedule schedule;
    struct replay_execution execution;
    struct sampler sampler;
    struct report report;
};

static double seconds_since(gint64 start)
{
    return (double)(g_get_monotonic_time() - start) / 1e6;
}

static void on_read_progress(gpointer data, guint64 events, double fraction)
{
    replay_progress_fraction(data, events, fraction);
}

static gboolean open_trace(struct run *run, GError **error)
{
    struct trace_options options = {
        .layer = run->options.layer,
        .page_size = run->options.page_size,
        .progress = on_read_progress,
        .progress_data = &run->progress,
    };
    gint64 start = g_get_monotonic_time();
    replay_progress_start(&run->progress, "reading", 0);
    run->reader = trace_open(run->options.trace, &options, error);
    replay_progress_stop(&run->progress);
    run->report.timing.read_seconds = seconds_since(start);
    return run->reader != NULL;
}

static gboolean open_backend(struct run *run, GError **error)
{
    struct replay_execution *execution = &run->execution;
    const struct trace_summary *summary = trace_summary(run->reader);
    guint cpus = run->options.cpus != 0 ? run->options.cpus : CLAMP(summary->cpus, 1, 4096);
    if (!replay_regions_reserve(&run->regions, &run->options, summary, cpus, error))
        return FALSE;
    struct replay_region *first = &run->regions.region[0];
    execution->backend =
        replay_backend_buddyslab(first->start, first->bytes, cpus, run->options.page_size, error);
    if (execution->backend == NULL)
        return FALSE;
    run->regions.used = 1;
    run->report.allocator = execution->backend->ops->name;
    run->report.allocator_version = execution->backend->version;
    run->report.page_size = execution->backend->page_size;
    replay_schedule_init(&run->schedule, run->options.cpu_map, cpus, summary->threads);
    sampler_init(&run->sampler, run->options.samples, cpus, summary->events);
    execution->reader = run->reader;
    execution->summary = summary;
    execution->schedule = &run->schedule;
    execution->regions = &run->regions;
    execution->observer = &run->sampler.observer;
    execution->progress = &run->progress;
    execution->cpus = cpus;
    execution->default_align = summary->kernel ? 8 : 0; /* kmalloc's least alignment */
    return replay_execution_init(execution, error);
}

static gboolean replay(struct run *run, GError **error)
{
    struct replay_execution *execution = &run->execution;
    gint64 start = g_get_monotonic_time();
    replay_progress_start(&run->progress, "replaying", execution->summary->events);
    gboolean ok = sampler_begin(&run->sampler, execution, error) &&
                  (run->options.threads ? replay_run_threads(execution, error)
                                        : replay_run(execution, error));
    replay_progress_stop(&run->progress);
    run->report.timing.replay_seconds = seconds_since(start);
    return ok && sampler_end(&run->sampler, execution, error);
}

/* The counters of every CPU, the allocator's own check of itself, and its count of what is live. */
static gboolean close_backend(struct run *run, GError **error)
{
    struct replay_execution *execution = &run->execution;
    struct replay_backend *backend = execution->backend;
    guint64 live = 0;
    run->report.counters = g_new0(struct replay_cache_counters, execution->cpus);
    enum replay_status status = backend->ops->validate(backend);
    for (guint cpu = 0; cpu < execution->cpus && status == REPLAY_OK; cpu++)
        status = backend->ops->counters(backend, cpu, &run->report.counters[cpu]);
    if (status != REPLAY_OK) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "after the last event: %s",
                    backend->last_error);
        return FALSE;
    }
    for (guint i = 0; i <= REPLAY_MAX_CLASSES; i++)
        execution->live_end += execution->account.live[i].count;
    enum replay_status closed = backend->ops->close(backend, &live);
    execution->backend = NULL;
    if (closed == REPLAY_OK && live == execution->live_end)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "the books disagree: %" G_GUINT64_FORMAT " objects and blocks alive at the end, "
                "%" G_GUINT64_FORMAT " counted by the allocator",
                execution->live_end, live);
    return FALSE;
}

static gboolean write_report(struct run *run, GError **error)
{
    struct report *report = &run->report;
    const char *name = run->options.trace;
    report->trace_name =
        strcmp(name, "-") == 0 ? g_strdup("standard input") : g_filename_display_basename(name);
    report->options = &run->options;
    report->summary = trace_summary(run->reader);
    report->hygiene = trace_hygiene(run->reader);
    report->execution = &run->execution;
    report->sampler = &run->sampler;
    gint64 start = g_get_monotonic_time();
    if (!report_write(report, error))
        return FALSE;
    report->timing.write_seconds = seconds_since(start);
    start = g_get_monotonic_time();
    gboolean drawn = !run->options.plots || report_draw(report, error);
    report->timing.draw_seconds = seconds_since(start);
    return report_write_timing(report, drawn ? error : NULL) && drawn;
}

static void print_summary(const struct run *run)
{
    const struct replay_execution *execution = &run->execution;
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%" G_GUINT64_FORMAT " events on %u CPU%s, ", execution->events,
                           execution->cpus, execution->cpus == 1 ? "" : "s");
    append_bytes(line, execution->account.peak_requested);
    g_string_append(line, " requested at peak, ");
    append_bytes(line, execution->account.occupied.max_size);
    g_string_append_printf(line, " of pages, %" G_GUINT64_FORMAT " requests failed\nreport: %s",
                           execution->failed, run->options.directory);
    printf("%s\n", line->str);
    g_string_free(line, TRUE);
}

static void run_clear(struct run *run)
{
    g_free(run->report.trace_name);
    g_free(run->report.counters);
    if (run->execution.backend != NULL) {
        guint64 live; /* the run has failed: what is left of it does not matter */
        run->execution.backend->ops->close(run->execution.backend, &live);
    }
    sampler_clear(&run->sampler);
    replay_execution_clear(&run->execution);
    replay_schedule_clear(&run->schedule);
    replay_regions_release(&run->regions);
    if (run->reader != NULL)
        trace_close(run->reader);
    replay_options_clear(&run->options);
}

int main(int argc, char **argv)
{
    struct run run = {.reader = NULL};
    GError *error = NULL;
    setlocale(LC_CTYPE, ""); /* names in messages; numbers stay as they are in every language */
    enum replay_parse parse = replay_options_parse(&run.options, &argc, &argv, &error);
    int status = EXIT_DONE;
    if (parse == REPLAY_PARSE_FAILED) {
        fprintf(stderr, "bsa-replay: %s\nTry 'bsa-replay --help'.\n", error->message);
        status = EXIT_USAGE;
    } else if (parse == REPLAY_PARSE_RUN) {
        replay_progress_init(&run.progress, run.options.quiet);
        if (!report_prepare(run.options.directory, &error) || !open_trace(&run, &error) ||
            !open_backend(&run, &error) || !replay(&run, &error) || !close_backend(&run, &error) ||
            !write_report(&run, &error)) {
            fprintf(stderr, "bsa-replay: %s\n", error->message);
            status = EXIT_FAILED;
        } else if (!run.options.quiet) {
            print_summary(&run);
        }
    }
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        fprintf(stderr, "bsa-replay: cannot write to standard output: %s\n", g_strerror(errno));
        status = EXIT_FAILED;
    }
    g_clear_error(&error);
    run_clear(&run);
    return status;
}
