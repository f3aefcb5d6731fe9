/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"

struct trace_output {
    char *name;      /* for messages */
    char *place;     /* where the file goes in the end; NULL: it is written as it is */
    char *temporary; /* where it is until then; NULL: it has no name yet */
    int fd;
    guint64 bytes;
};

static gboolean fail(const trace_output *output, const char *what, int code, GError **error)
{
    g_set_error(error, TRACE_ERROR, code == EPIPE ? TRACE_ERROR_CLOSED : TRACE_ERROR_IO,
                "%s: cannot %s: %s", output->name, what, g_strerror(code));
    return FALSE;
}

/*
 * In the folder of place, so that nothing is left there of a program that is killed. -1 where the
 * file system has no such files, or where they could not get a name later.
 */
static int open_nameless(const char *place)
{
    int fd = -1;
#ifdef O_TMPFILE
    char *folder = g_path_get_dirname(place);
    if (g_access("/proc/self/fd", X_OK) == 0) {
        fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    }
    g_free(folder);
#else
    (void)place;
#endif
    return fd;
}

/* A file without a name gets one beside its place. */
static gboolean give_name(trace_output *output, GError **error)
{
    char *from = g_strdup_printf("/proc/self/fd/%d", output->fd);
    int code = EEXIST;
    while (output->temporary == NULL && code == EEXIST) {
        char *name = g_strdup_printf("%s.%08x", output->place, g_random_int());
        if (linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
            output->temporary = g_steal_pointer(&name);
        }
        code = errno;
        g_free(name);
    }
    g_free(from);
    return output->temporary != NULL || fail(output, "be put in its place", code, error);
}

/* A link stays a link: what it names is replaced. */
static char *find_place(const char *path)
{
    char *real = realpath(path, NULL);
    char *place = g_strdup(real != NULL ? real : path);
    free(real);
    return place;
}

static gboolean open_temporary(trace_output *output, const char *path, GError **error)
{
    output->place = find_place(path);
    output->fd = open_nameless(output->place);
    if (output->fd >= 0) {
        return TRUE;
    }
    output->temporary = g_strconcat(output->place, ".XXXXXX", NULL);
    output->fd = g_mkstemp_full(output->temporary, O_WRONLY | O_CLOEXEC, 0666);
    if (output->fd < 0) {
        int code = errno;
        g_free(output->temporary);
        output->temporary = NULL;
        return fail(output, "be written", code, error);
    }
    return TRUE;
}

trace_output *trace_output_open(const char *path, GError **error)
{
    struct stat status;
    gboolean good = TRUE;
    trace_output *output = g_new0(trace_output, 1);
    gboolean standard = strcmp(path, "-") == 0;
    output->name = g_strdup(standard ? "standard output" : path);
    if (standard) {
        output->fd = STDOUT_FILENO;
    } else if (g_stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC);
        good = output->fd >= 0 || fail(output, "be written", errno, error);
    } else {
        good = open_temporary(output, path, error);
    }
    if (!good) {
        trace_output_abandon(output);
        return NULL;
    }
    return output;
}

gboolean trace_output_write(trace_output *output, gconstpointer data, gsize bytes, GError **error)
{
    const char *from = data;
    while (bytes > 0) {
        gssize written = write(output->fd, from, bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            int code = written < 0 ? errno : ENOSPC;
            char *what = g_strdup_printf("grow beyond %" G_GUINT64_FORMAT " bytes", output->bytes);
            fail(output, what, code, error);
            g_free(what);
            return FALSE;
        }
        from += written;
        bytes -= (gsize)written;
        output->bytes += (guint64)written;
    }
    return TRUE;
}

guint64 trace_output_bytes(const trace_output *output)
{
    return output->bytes;
}

const char *trace_output_name(const trace_output *output)
{
    return output->name;
}

void trace_output_move(trace_output *output, const char *path)
{
    if (output->place != NULL) {
        g_free(output->place);
        g_free(output->name);
        output->place = find_place(path);
        output->name = g_strdup(path);
    }
}

/* Some file systems tell only now that there was no room. */
static gboolean close_file(trace_output *output, GError **error)
{
    int fd = output->fd;
    output->fd = -1;
    if (fd != STDOUT_FILENO && close(fd) != 0 && errno != EINTR) {
        return fail(output, "be written", errno, error);
    }
    return TRUE;
}

gboolean trace_output_close(trace_output *output, GError **error)
{
    gboolean good = output->place == NULL || output->temporary != NULL || give_name(output, error);
    good = good && close_file(output, error);
    if (good && output->place != NULL) {
        good = g_rename(output->temporary, output->place) == 0 ||
               fail(output, "be put in its place", errno, error);
        if (good) {
            g_free(output->temporary);
            output->temporary = NULL;
        }
    }
    trace_output_abandon(output);
    return good;
}

void trace_output_abandon(trace_output *output)
{
    if (output == NULL) {
        return;
    }
    if (output->fd > STDOUT_FILENO) {
        close(output->fd);
    }
    if (output->temporary != NULL) {
        g_unlink(output->temporary);
    }
    g_free(output->temporary);
    g_free(output->place);
    g_free(output->name);
    g_free(output);
}
