/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include <string.h>

#include <glib/gstdio.h>

#include "error.h"

/* How a whole picture ends. gnuplot does not always notice that a disk is full. */
static const struct {
    enum picture_format format;
    const char *suffix, *end;
    gsize length;
} pictures[] = {
    {PICTURE_PNG, ".png", "IEND\xae\x42\x60\x82", 8},
    {PICTURE_SVG, ".svg", "</svg>", 6},
};

static gboolean is_whole(const char *path, guint kind)
{
    char *data = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &data, &length, NULL))
        return FALSE;
    while (length > 0 && g_ascii_isspace(data[length - 1]))
        length--;
    gsize end = pictures[kind].length;
    gboolean whole = length >= end && memcmp(data + length - end, pictures[kind].end, end) == 0;
    g_free(data);
    return whole;
}

/* A part of a picture is worse than none. */
static gboolean check_picture(const char *folder, const char *name, guint kind,
                              const char *messages, GError **error)
{
    char *file = g_strconcat(name, pictures[kind].suffix, NULL);
    char *path = g_build_filename(folder, file, NULL);
    gboolean whole = is_whole(path, kind);
    if (!whole) {
        g_remove(path);
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_PLOT,
                    "gnuplot drew no whole picture %s; is there room? The rest of the report is "
                    "complete%s%s",
                    path, messages[0] != '\0' ? ". gnuplot says:\n" : "", messages);
    }
    g_free(path);
    g_free(file);
    return whole;
}

/* -d: the user's own start-up file may not change the pictures. drawn: what it prints, or NULL for
 * what it draws into files. */
static gboolean run(const char *folder, const char *script, char **drawn, char **messages,
                    GError **error)
{
    char *argv[] = {(char *)"gnuplot", (char *)"-d", (char *)script, NULL};
    GError *reason = NULL;
    int status;
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | (drawn == NULL ? G_SPAWN_STDOUT_TO_DEV_NULL : 0);
    gboolean ok =
        g_spawn_sync(folder, argv, NULL, flags, NULL, NULL, drawn, messages, &status, &reason);
    if (!ok) {
        g_set_error(
            error, VIEW_ERROR, VIEW_ERROR_PLOT,
            "cannot run gnuplot: %s; install it (gnuplot-nox) or give --no-plots. The rest of "
            "the report is complete",
            reason->message);
    } else if (!g_spawn_check_wait_status(status, &reason)) {
        ok = FALSE;
        g_set_error(error, VIEW_ERROR, VIEW_ERROR_PLOT,
                    "gnuplot %s: %s; the rest of the report is complete. gnuplot says:\n%s", script,
                    reason->message, g_strstrip(*messages));
    } else {
        g_strstrip(*messages);
    }
    g_clear_error(&reason);
    return ok;
}

static gboolean draw(const char *folder, const char *name, guint formats, GError **error)
{
    char *script = g_strconcat(name, ".gp", NULL), *messages = NULL;
    gboolean ok = run(folder, script, NULL, &messages, error);
    for (guint kind = 0; ok && kind < G_N_ELEMENTS(pictures); kind++) {
        if ((formats & pictures[kind].format) != 0)
            ok = check_picture(folder, name, kind, messages, error);
    }
    g_free(messages);
    g_free(script);
    return ok;
}

gboolean view_draw(const char *folder, JsonObject *report, guint formats, GError **error)
{
    for (guint i = 0; i < view_plot_count; i++) {
        if (view_plot_wanted(report, i) && !draw(folder, view_plots[i].name, formats, error))
            return FALSE;
    }
    return TRUE;
}

char *view_draw_terminal(const char *folder, JsonObject *report, guint columns, guint lines,
                         GError **error)
{
    GString *script = g_string_new(NULL);
    char *path = NULL, *drawn = NULL, *messages = NULL;
    int fd = g_file_open_tmp("bsa-replay-XXXXXX.gp", &path, error);
    gboolean ok = fd >= 0;
    view_plot_terminal(report, columns, lines, script);
    if (ok) {
        g_close(fd, NULL);
        ok = g_file_set_contents(path, script->str, (gssize)script->len, error) &&
             run(folder, path, &drawn, &messages, error);
        g_remove(path);
    }
    if (!ok)
        g_clear_pointer(&drawn, g_free);
    g_free(messages);
    g_free(path);
    g_string_free(script, TRUE);
    return drawn;
}
