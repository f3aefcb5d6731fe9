/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"

int trace_temporary_open(GError **error)
{
    char *name = g_build_filename(g_get_tmp_dir(), "bsa-trace-XXXXXX", NULL);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    int code = errno;
    if (fd >= 0) {
        g_unlink(name);
    } else {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                    "cannot make a temporary file in %s: %s; set TMPDIR to a directory that can be "
                    "written",
                    g_get_tmp_dir(), g_strerror(code));
    }
    g_free(name);
    return fd;
}

gboolean trace_temporary_write(int fd, gconstpointer data, gsize bytes, GError **error)
{
    const char *from = data;
    while (bytes > 0) {
        gssize written = write(fd, from, bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            int code = written < 0 ? errno : ENOSPC;
            off_t end = lseek(fd, 0, SEEK_CUR);
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                        "the temporary file in %s cannot grow beyond %" G_GINT64_FORMAT
                        " MiB: %s; set TMPDIR to a directory with more room",
                        g_get_tmp_dir(), (gint64)end >> 20, g_strerror(code));
            return FALSE;
        }
        from += written;
        bytes -= (gsize)written;
    }
    return TRUE;
}

gboolean trace_temporary_read(int fd, gpointer data, gsize bytes, guint64 offset, GError **error)
{
    gsize done = 0;
    while (done < bytes) {
        gssize got = pread(fd, (char *)data + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                        "the temporary file in %s cannot be read again: %s", g_get_tmp_dir(),
                        got < 0 ? g_strerror(errno) : "it ends too early");
            return FALSE;
        }
        done += (gsize)got;
    }
    return TRUE;
}
