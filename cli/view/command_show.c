/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay show DIR. */
#include <stdio.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "../common/arguments.h"
#include "command.h"
#include "draw.h"
#include "write.h"

struct show_options {
    char *formats, *terminal, **rest;
    gboolean no_plots;
};

gboolean view_print_terminal(const char *folder, GError **error)
{
    struct winsize size;
    guint columns = 80, lines = 24;
    JsonNode *root = view_load(folder, error);
    if (root == NULL)
        return FALSE;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 && size.ws_row >= 10) {
        columns = size.ws_col;
        lines = size.ws_row - 2u;
    }
    char *drawn = view_draw_terminal(folder, json_node_get_object(root), columns, lines, error);
    if (drawn != NULL)
        fputs(drawn, stdout);
    g_free(drawn);
    json_node_unref(root);
    return drawn != NULL;
}

static GOptionContext *make_context(struct show_options *options)
{
    const GOptionEntry entries[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &options->formats,
         "of pictures: png, svg or png,svg (default)", "FORMATS"},
        {"no-plots", 0, 0, G_OPTION_ARG_NONE, &options->no_plots, "draw no pictures", NULL},
        {"term", 0, 0, G_OPTION_ARG_STRING, &options->terminal,
         "dumb: draw memory in use here, write nothing", "TERM"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->rest, NULL, "DIR"},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(NULL);
    g_set_prgname("bsa-replay show"); /* in the first line of --help */
    g_option_context_set_summary(
        context, "bsa-replay show makes report.txt, report.html, scripts and pictures "
                 "again from\nthe data in DIR, without a replay. What was changed "
                 "in the scripts is lost.");
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

static int run(const struct show_options *options, GError **error)
{
    guint formats = PICTURE_PNG | PICTURE_SVG;
    gboolean dumb = FALSE;
    if (!parse_formats(options->formats, &formats, error) ||
        !parse_terminal(options->terminal, &dumb, error))
        return VIEW_USAGE;
    if (options->rest == NULL || g_strv_length(options->rest) != 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "give the folder of one report: bsa-replay show DIR");
        return VIEW_USAGE;
    }
    const char *folder = options->rest[0];
    if (dumb)
        return view_print_terminal(folder, error) ? VIEW_DONE : VIEW_FAILED;
    return view_make(folder, formats, !options->no_plots, error) ? VIEW_DONE : VIEW_FAILED;
}

int view_command_show(int argc, char **argv)
{
    struct show_options options = {.no_plots = FALSE};
    GOptionContext *context = make_context(&options);
    GError *error = NULL;
    int status = VIEW_USAGE;
    if (g_option_context_parse(context, &argc, &argv, &error))
        status = run(&options, &error);
    if (error != NULL)
        fprintf(stderr, "bsa-replay show: %s\n%s", error->message,
                status == VIEW_USAGE ? "Try 'bsa-replay show --help'.\n" : "");
    g_clear_error(&error);
    g_option_context_free(context);
    g_free(options.formats);
    g_free(options.terminal);
    g_strfreev(options.rest);
    return status;
}
