/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <string.h>

#include <glib/gstdio.h>

gboolean files_remove(const char *folder, const char *name, const char *suffix, GError **error)
{
    char *file = g_strconcat(name, suffix, NULL);
    char *path = g_build_filename(folder, file, NULL);
    gboolean gone = g_remove(path) == 0 || errno == ENOENT;
    if (!gone)
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "cannot replace %s: %s; name another folder with -o", path, g_strerror(errno));
    g_free(path);
    g_free(file);
    return gone;
}

gboolean files_write(const char *folder, const char *name, const char *text, gsize length,
                     GError **error)
{
    char *path = g_build_filename(folder, name, NULL);
    GError *reason = NULL;
    gboolean ok = g_file_set_contents_full(path, text, (gssize)length,
                                           G_FILE_SET_CONTENTS_CONSISTENT, 0666, &reason);
    if (!ok) {
        g_set_error(error, G_FILE_ERROR, reason->code,
                    "cannot write %s: %s; make room there, or name another folder with -o", path,
                    reason->message);
        g_error_free(reason);
    }
    g_free(path);
    return ok;
}

gboolean files_write_string(const char *folder, const char *name, GString *text, GError **error)
{
    gboolean ok = files_write(folder, name, text->str, text->len, error);
    g_string_free(text, TRUE);
    return ok;
}

/* The folder, or the innermost one above it that is there. */
static char *existing(const char *folder)
{
    char *path = g_strdup(folder);
    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        char *above = g_path_get_dirname(path);
        gboolean top = strcmp(above, path) == 0;
        g_free(path);
        path = above;
        if (top)
            break;
    }
    return path;
}

gboolean files_try(const char *folder, GError **error)
{
    char *there = existing(folder);
    char *path = g_build_filename(there, ".bsa-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    if (fd < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "cannot make files in %s: %s; name another folder with -o", there,
                    g_strerror(errno));
    } else {
        g_close(fd, NULL);
        g_remove(path);
    }
    g_free(path);
    g_free(there);
    return fd >= 0;
}

gboolean files_make_folder(const char *folder, GError **error)
{
    if (g_mkdir_with_parents(folder, 0777) == 0)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                "cannot make the folder %s: %s; name another one with -o", folder,
                g_strerror(errno));
    return FALSE;
}
