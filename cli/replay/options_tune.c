/* SPDX-License-Identifier: Apache-2.0 */
#include "options_tune.h"

#include <string.h>

#include <buddyslab.h>

#include "../common/arguments.h"

static const char *const when_names[] = {"time", "peak"};

const char *replay_tune_when_name(enum demand_when when)
{
    return when_names[when];
}

void replay_tune_default(int argc, char **argv)
{
    static char with_value[] = "--tune=9";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--tune") == 0)
            argv[i] = with_value;
    }
}

void replay_tune_entries(struct replay_tune_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"tune", 0, 0, G_OPTION_ARG_STRING, &raw->classes,
         "make the best table of K size classes (--tune: 9)", "K"},
        {"tune-for", 0, 0, G_OPTION_ARG_STRING, &raw->when,
         "that wastes least over time (default), or at peak", "WHEN"},
        {"check", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->checks,
         "try the table on a trace that it is not made for", "TRACE"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

gboolean replay_tune_convert(const struct replay_tune_raw *raw, char **traces,
                             struct replay_tune_options *options, GError **error)
{
    guint when = DEMAND_TIME;
    *options = (struct replay_tune_options){.classes = 0};
    if (raw->classes == NULL && (raw->when != NULL || raw->checks != NULL)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s is for --tune, which makes a table of size classes",
                    raw->when != NULL ? "--tune-for" : "--check");
        return FALSE;
    }
    if (!parse_count("tune", raw->classes, 1, BSA_MAX_CLASSES, &options->classes, error) ||
        !parse_word("tune-for", raw->when, when_names, G_N_ELEMENTS(when_names), &when, error) ||
        !parse_traces(raw->checks, error))
        return FALSE;
    options->when = (enum demand_when)when;
    options->traces = g_strdupv(traces);
    options->checks = g_strdupv(raw->checks);
    return TRUE;
}

void replay_tune_raw_clear(struct replay_tune_raw *raw)
{
    g_free(raw->classes);
    g_free(raw->when);
    g_strfreev(raw->checks);
}

void replay_tune_options_clear(struct replay_tune_options *options)
{
    g_strfreev(options->traces);
    g_strfreev(options->checks);
}
