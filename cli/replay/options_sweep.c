/* SPDX-License-Identifier: Apache-2.0 */
#include "options_sweep.h"

#include "../common/arguments.h"

#define DEFAULT_MAX_RUNS 256
#define MAX_RUNS 100000
#define MAX_JOBS 1024

void replay_sweep_entries(struct replay_sweep_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"sweep", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->grid,
         "a run for each value of an option; again: a grid", "KEY=A,B,..."},
        {"jobs", 0, 0, G_OPTION_ARG_STRING, &raw->jobs,
         "replays side by side (default: processors)", "N"},
        {"max-runs", 0, 0, G_OPTION_ARG_STRING, &raw->max_runs,
         "of a sweep, else it is refused (default: 256)", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

gboolean replay_sweep_convert(const struct replay_sweep_raw *raw,
                              struct replay_sweep_options *options, GError **error)
{
    *options = (struct replay_sweep_options){.max_runs = DEFAULT_MAX_RUNS};
    if (!parse_count("jobs", raw->jobs, 1, MAX_JOBS, &options->jobs, error) ||
        !parse_count("max-runs", raw->max_runs, 1, MAX_RUNS, &options->max_runs, error))
        return FALSE;
    if (raw->max_runs != NULL && raw->grid == NULL) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--max-runs is for --sweep");
        return FALSE;
    }
    options->grid = g_strdupv(raw->grid);
    return TRUE;
}

void replay_sweep_raw_clear(struct replay_sweep_raw *raw)
{
    g_strfreev(raw->grid);
    g_free(raw->jobs);
    g_free(raw->max_runs);
}

void replay_sweep_options_clear(struct replay_sweep_options *options)
{
    g_strfreev(options->grid);
    options->grid = NULL;
}
