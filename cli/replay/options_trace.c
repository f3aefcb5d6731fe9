/* SPDX-License-Identifier: Apache-2.0 */
#include "options_trace.h"

#include "../common/arguments.h"

static const char *const bound_names[] = {"late", "early"};

const char *replay_bound_name(enum trace_bound bound)
{
    return bound_names[bound];
}

void replay_trace_entries(struct replay_trace_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"implicit", 0, 0, G_OPTION_ARG_STRING, &raw->implicit,
         "when unseen frees happen: late (default) or early", "BOUND"},
        {"prelude", 0, 0, G_OPTION_ARG_STRING, &raw->prelude,
         "place what is older than the trace before it", "SEED"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

gboolean replay_trace_convert(const struct replay_trace_raw *raw, struct replay_options *options,
                              GError **error)
{
    guint bound = TRACE_BOUND_LATE;
    options->prelude = raw->prelude != NULL;
    if (!parse_word("implicit", raw->implicit, bound_names, G_N_ELEMENTS(bound_names), &bound,
                    error))
        return FALSE;
    options->implicit = (enum trace_bound)bound;
    if (!options->prelude ||
        g_ascii_string_to_unsigned(raw->prelude, 10, 0, G_MAXUINT64, &options->prelude_seed, NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--prelude=%s: give a whole number, the seed of the order", raw->prelude);
    return FALSE;
}

struct trace_options replay_trace_options(const struct replay_options *options)
{
    return (struct trace_options){
        .layer = options->layer,
        .page_size = options->page_size,
        .implicit = options->implicit,
        .bounds = TRUE,
        .prelude = options->prelude,
        .prelude_seed = options->prelude_seed,
    };
}

gboolean replay_wants_caches(const struct replay_options *options, const trace_reader *reader)
{
    return !options->heap.general && options->layer != TRACE_LAYER_PAGE &&
           trace_summary(reader)->kernel;
}

void replay_trace_raw_clear(struct replay_trace_raw *raw)
{
    g_free(raw->implicit);
    g_free(raw->prelude);
}
