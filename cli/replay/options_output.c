/* SPDX-License-Identifier: Apache-2.0 */
#include "options_output.h"

#include "../common/arguments.h"

void replay_output_entries(struct replay_output_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &raw->formats,
         "of pictures: png, svg or png,svg (default)", "FORMATS"},
        {"term", 0, 0, G_OPTION_ARG_STRING, &raw->terminal,
         "dumb: also draw memory in use with characters", "TERM"},
        {"progress", 0, 0, G_OPTION_ARG_STRING, &raw->progress,
         "auto (default): a line on a terminal; json: lines", "HOW"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

gboolean replay_output_convert(const struct replay_output_raw *raw,
                               struct replay_output_options *options, GError **error)
{
    static const char *const progress_names[] = {"auto", "json"};
    guint progress = 0;
    *options = (struct replay_output_options){.formats = PICTURE_PNG | PICTURE_SVG};
    if (!parse_formats(raw->formats, &options->formats, error) ||
        !parse_terminal(raw->terminal, &options->terminal, error) ||
        !parse_word("progress", raw->progress, progress_names, G_N_ELEMENTS(progress_names),
                    &progress, error))
        return FALSE;
    options->progress_json = progress == 1;
    return TRUE;
}

void replay_output_raw_clear(struct replay_output_raw *raw)
{
    g_clear_pointer(&raw->formats, g_free);
    g_clear_pointer(&raw->terminal, g_free);
    g_clear_pointer(&raw->progress, g_free);
}
