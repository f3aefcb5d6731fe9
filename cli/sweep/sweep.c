/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "../common/files.h"
#include "../replay/error.h"
#include "../replay/interrupt.h"
#include "../replay/jobs.h"
#include "../report/report.h"
#include "../trace/reader.h"
#include "../trace/temporary.h"
#include "../view/command.h"
#include "../view/write.h"
#include "collect.h"

#define COPY_BYTES ((gsize)1 << 16)

struct sweep {
    struct sweep_grid grid;
    struct replay_options first; /* options of the first run, and so of the sweep */
    struct progress progress;
    struct sweep_pool pool;
    int trace; /* the copy of standard input; -1: none */
    double seconds;
};

/* Each run reads the trace from its start: what can be read once is kept in a file. What no run
 * could read is refused before anything of an earlier sweep is gone. */
static gboolean prepare_input(struct sweep *sweep, GError **error)
{
    char *bytes = NULL;
    gssize got = 0;
    sweep->trace = -1;
    if (strcmp(sweep->first.trace, "-") != 0)
        return trace_probe(sweep->first.trace, error);
    sweep->trace = trace_temporary_open(error);
    gboolean ok = sweep->trace >= 0;
    bytes = g_malloc(COPY_BYTES);
    while (ok && (got = read(STDIN_FILENO, bytes, COPY_BYTES)) != 0) {
        if (got > 0)
            ok = trace_temporary_write(sweep->trace, bytes, (gsize)got, error);
        else if (errno != EINTR || replay_interrupted() != 0)
            break;
    }
    if (ok && got < 0) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE, "standard input: %s",
                    g_strerror(errno));
        ok = FALSE;
    }
    g_free(bytes);
    return ok;
}

static gboolean run(struct sweep *sweep, GError **error)
{
    const char *directory = sweep->first.directory;
    gint64 start = g_get_monotonic_time();
    sweep->pool = (struct sweep_pool){
        .grid = &sweep->grid,
        .directory = directory,
        .trace = sweep->trace,
        .progress = &sweep->progress,
        .run = g_new0(struct sweep_run, sweep->grid.runs),
    };
    for (guint i = 0; i < sweep->grid.runs; i++)
        sweep->pool.run[i].folder = sweep_grid_folder(&sweep->grid, i);
    progress_start(&sweep->progress, "sweeping", 0);
    gboolean ok = sweep_pool_run(&sweep->pool, error);
    progress_stop(&sweep->progress);
    sweep->seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    return ok;
}

/* A table of nothing is none. */
static gboolean check_reports(const struct sweep *sweep, GError **error)
{
    const struct sweep_run *first = &sweep->pool.run[0];
    if (sweep->pool.reports > 0 || replay_interrupted() != 0)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_TRACE,
                "none of %u runs left a report; %s: %s", sweep->grid.runs, first->folder,
                first->message);
    return FALSE;
}

static gboolean do_sweep(struct sweep *sweep, GError **error)
{
    const struct replay_options *options = &sweep->first;
    const char *directory = options->directory;
    replay_interrupt_catch();
    if (!files_try(directory, error) || !prepare_input(sweep, error) ||
        !files_make_folder(directory, error) || !view_remove(directory, error) ||
        !report_remove(directory, error) || !run(sweep, error) || !check_reports(sweep, error))
        return FALSE;
    const struct sweep_result result = {
        .grid = &sweep->grid,
        .run = sweep->pool.run,
        .directory = directory,
        .jobs = replay_jobs_at_once(),
        .seconds = sweep->seconds,
    };
    return sweep_collect(&result, error) &&
           view_make(directory, options->output.formats, options->plots, error);
}

static void print_table(const struct sweep *sweep)
{
    char *path = g_build_filename(sweep->first.directory, "sweep.txt", NULL), *text = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL))
        printf("%s\nreport: %s\n", text, sweep->first.directory);
    g_free(text);
    g_free(path);
}

/* All files have been written. */
static int status_of(const struct sweep *sweep)
{
    const struct sweep_run *bad = NULL;
    guint failed = 0, done = 0;
    for (guint i = sweep->grid.runs; i-- > 0;) {
        done += sweep->pool.run[i].state == SWEEP_DONE ? 1 : 0;
        if (sweep->pool.run[i].state != SWEEP_FAILED)
            continue;
        bad = &sweep->pool.run[i];
        failed++;
    }
    if (failed > 0)
        fprintf(stderr, "bsa-replay: %u of %u runs failed, the first with %s: %s\n", failed,
                sweep->grid.runs, bad->folder, bad->message);
    if (replay_interrupted() != 0) {
        fprintf(stderr, "bsa-replay: interrupted%s\n",
                done < sweep->grid.runs ? "; the table is of the runs that were done"
                                        : " when all runs were done; what is written is complete");
        return 128 + replay_interrupted();
    }
    return failed > 0 ? VIEW_FAILED : VIEW_DONE;
}

static void sweep_clear(struct sweep *sweep)
{
    for (guint i = 0; sweep->pool.run != NULL && i < sweep->grid.runs; i++) {
        g_free(sweep->pool.run[i].folder);
        g_free(sweep->pool.run[i].message);
    }
    g_free(sweep->pool.run);
    if (sweep->trace >= 0)
        close(sweep->trace);
    replay_options_clear(&sweep->first);
    sweep_grid_clear(&sweep->grid);
}

int sweep_command(const struct replay_sweep_options *options, char **words)
{
    struct sweep sweep = {.trace = -1};
    GError *error = NULL;
    int status;
    replay_jobs_limit(options->jobs);
    if (!sweep_grid_open(&sweep.grid, options, words, &error) ||
        !sweep_grid_options(&sweep.grid, 0, &sweep.first, &error)) {
        status = replay_options_refuse(error);
    } else {
        progress_init(&sweep.progress, sweep.first.quiet);
        if (sweep.first.output.progress_json)
            sweep.progress.mode = PROGRESS_JSON;
        if (do_sweep(&sweep, &error)) {
            if (!sweep.first.quiet)
                print_table(&sweep);
            status = status_of(&sweep);
        } else {
            fprintf(stderr, "bsa-replay: %s\n", error->message);
            status = replay_interrupted() != 0 ? 128 + replay_interrupted() : VIEW_FAILED;
        }
    }
    g_clear_error(&error);
    sweep_clear(&sweep);
    return status;
}
