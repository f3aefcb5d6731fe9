/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a report: its files written whole or not at all, and gnuplot run in it. */
#include <errno.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../replay/error.h"
#include "report.h"

static const char *const data_files[] = {"report.txt", "report.json", "timeline.csv", "curve.csv",
                                         "timing.json"};

static gboolean remove_old(const char *directory, const char *name, const char *suffix,
                           GError **error)
{
    char *file = g_strconcat(name, suffix, NULL);
    char *path = g_build_filename(directory, file, NULL);
    gboolean gone = g_remove(path) == 0 || errno == ENOENT;
    if (!gone)
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_OUTPUT,
                    "cannot replace %s: %s; name another folder with -o", path, g_strerror(errno));
    g_free(path);
    g_free(file);
    return gone;
}

/* Whole or not at all: a temporary file in the same folder takes the name when all of it is
 * written. */
static gboolean write_file(const char *directory, const char *name, const char *text, gsize length,
                           GError **error)
{
    char *path = g_build_filename(directory, name, NULL);
    GError *reason = NULL;
    gboolean ok = g_file_set_contents_full(path, text, (gssize)length,
                                           G_FILE_SET_CONTENTS_CONSISTENT, 0666, &reason);
    if (!ok) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_OUTPUT,
                    "cannot write %s: %s; make room there, or name another folder with -o", path,
                    reason->message);
        g_error_free(reason);
    }
    g_free(path);
    return ok;
}

/* Before an hour of replay, not after it: can files be made here? */
static gboolean try_folder(const char *directory, GError **error)
{
    char *path = g_build_filename(directory, ".bsa-replay-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    if (fd < 0) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_OUTPUT,
                    "cannot make files in %s: %s; name another folder with -o", directory,
                    g_strerror(errno));
    } else {
        g_close(fd, NULL);
        g_remove(path);
    }
    g_free(path);
    return fd >= 0;
}

gboolean report_prepare(const char *directory, GError **error)
{
    if (g_mkdir_with_parents(directory, 0777) != 0) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_OUTPUT,
                    "cannot make the folder %s: %s; name another one with -o", directory,
                    g_strerror(errno));
        return FALSE;
    }
    return try_folder(directory, error);
}

static gboolean remove_earlier(const char *directory, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(data_files); i++) {
        if (!remove_old(directory, data_files[i], "", error))
            return FALSE;
    }
    for (guint i = 0; i < report_plot_count; i++) {
        if (!remove_old(directory, report_plots[i].name, ".gp", error) ||
            !remove_old(directory, report_plots[i].name, ".png", error) ||
            !remove_old(directory, report_plots[i].name, ".svg", error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_string(const char *directory, const char *name, GString *text, GError **error)
{
    gboolean ok = write_file(directory, name, text->str, text->len, error);
    g_string_free(text, TRUE);
    return ok;
}

static gboolean write_scripts(const struct report *report, GError **error)
{
    for (guint i = 0; i < report_plot_count; i++) {
        if (!report_plot_wanted(report, i))
            continue;
        char *name = g_strconcat(report_plots[i].name, ".gp", NULL);
        GString *text = g_string_new(NULL);
        report_plots[i].script(report, text);
        gboolean ok = write_string(report->options->directory, name, text, error);
        g_free(name);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

gboolean report_write(const struct report *report, GError **error)
{
    const char *directory = report->options->directory;
    if (!remove_earlier(directory, error))
        return FALSE;
    GString *csv = g_string_new(NULL);
    report_csv(report, csv);
    if (!write_string(directory, "timeline.csv", csv, error))
        return FALSE;
    if (report->curve->count > 0) {
        csv = g_string_new(NULL);
        report_curve_csv(report, csv);
        if (!write_string(directory, "curve.csv", csv, error))
            return FALSE;
    }
    GString *text = g_string_new(NULL);
    report_text(report, text);
    if (!write_string(directory, "report.txt", text, error))
        return FALSE;
    char *json = report_json(report);
    gboolean ok = write_file(directory, "report.json", json, strlen(json), error);
    g_free(json);
    return ok && write_scripts(report, error);
}

gboolean report_write_timing(const struct report *report, GError **error)
{
    char *json = report_timing_json(report);
    gboolean ok = write_file(report->options->directory, "timing.json", json, strlen(json), error);
    g_free(json);
    return ok;
}

/* How a whole picture ends. gnuplot does not always notice that a disk is full. */
static const struct {
    const char *suffix, *end;
    gsize length;
} pictures[] = {
    {".png", "IEND\xae\x42\x60\x82", 8},
    {".svg", "</svg>", 6},
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
static gboolean check_picture(const char *directory, const char *name, guint kind,
                              const char *messages, GError **error)
{
    char *file = g_strconcat(name, pictures[kind].suffix, NULL);
    char *path = g_build_filename(directory, file, NULL);
    gboolean whole = is_whole(path, kind);
    if (!whole) {
        g_remove(path);
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_PLOT,
                    "gnuplot drew no whole picture %s; is there room? The rest of the report is "
                    "complete%s%s",
                    path, messages[0] != '\0' ? ". gnuplot says:\n" : "", messages);
    }
    g_free(path);
    g_free(file);
    return whole;
}

/* -d: the user's own start-up file may not change the pictures. */
static gboolean draw(const char *directory, const char *name, GError **error)
{
    char *script = g_strconcat(name, ".gp", NULL);
    char *argv[] = {(char *)"gnuplot", (char *)"-d", script, NULL};
    char *messages = NULL;
    GError *reason = NULL;
    int status;
    gboolean ok =
        g_spawn_sync(directory, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                     NULL, NULL, &messages, &status, &reason);
    if (!ok) {
        g_set_error(
            error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_PLOT,
            "cannot run gnuplot: %s; install it (gnuplot-nox) or give --no-plots. The rest of "
            "the report is complete",
            reason->message);
    } else if (!g_spawn_check_wait_status(status, &reason)) {
        ok = FALSE;
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_PLOT,
                    "gnuplot %s: %s; the rest of the report is complete. gnuplot says:\n%s", script,
                    reason->message, g_strstrip(messages));
    } else {
        g_strstrip(messages);
        ok = check_picture(directory, name, 0, messages, error) &&
             check_picture(directory, name, 1, messages, error);
    }
    g_clear_error(&reason);
    g_free(messages);
    g_free(script);
    return ok;
}

gboolean report_draw(const struct report *report, GError **error)
{
    for (guint i = 0; i < report_plot_count; i++) {
        if (report_plot_wanted(report, i) &&
            !draw(report->options->directory, report_plots[i].name, error))
            return FALSE;
    }
    return TRUE;
}
