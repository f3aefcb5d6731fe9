/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"

#define RECORDS_IN_MEMORY ((gsize)1 << 16)

struct trace_spool {
    struct trace_record *buffer;
    gsize size;     /* records that the buffer holds */
    gsize used;     /* written to it, or read into it */
    gsize next;     /* to be handed out */
    guint64 count;  /* records in all */
    guint64 left;   /* of them not yet in the buffer while reading */
    guint64 offset; /* in the file, while reading */
    gboolean reading;
    int fd; /* -1: everything is in the buffer */
};

trace_spool *trace_spool_new(gsize records)
{
    trace_spool *spool = g_new0(trace_spool, 1);
    spool->size = records > 0 ? records : RECORDS_IN_MEMORY;
    spool->buffer = g_new(struct trace_record, spool->size);
    spool->fd = -1;
    return spool;
}

guint64 trace_spool_count(const trace_spool *spool)
{
    return spool->count;
}

static gboolean open_file(trace_spool *spool, GError **error)
{
    char *name = g_build_filename(g_get_tmp_dir(), "bsa-trace-XXXXXX", NULL);
    spool->fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    int code = errno;
    if (spool->fd >= 0) {
        g_unlink(name);
    } else {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                    "cannot make a temporary file in %s: %s; set TMPDIR to a directory that can be "
                    "written",
                    g_get_tmp_dir(), g_strerror(code));
    }
    g_free(name);
    return spool->fd >= 0;
}

static gboolean write_buffer(trace_spool *spool, GError **error)
{
    if (spool->fd < 0 && !open_file(spool, error)) {
        return FALSE;
    }
    const char *from = (const char *)spool->buffer;
    gsize bytes = spool->used * sizeof(struct trace_record);
    while (bytes > 0) {
        gssize written = write(spool->fd, from, bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                        "the temporary file in %s cannot grow beyond %" G_GUINT64_FORMAT
                        " MiB: %s; set TMPDIR to a directory with more room",
                        g_get_tmp_dir(), (spool->count * sizeof(struct trace_record)) >> 20,
                        g_strerror(written < 0 ? errno : ENOSPC));
            return FALSE;
        }
        from += written;
        bytes -= (gsize)written;
    }
    spool->used = 0;
    return TRUE;
}

gboolean trace_spool_append(trace_spool *spool, const struct trace_record *record, GError **error)
{
    if (spool->used == spool->size && !write_buffer(spool, error)) {
        return FALSE;
    }
    spool->buffer[spool->used++] = *record;
    spool->count++;
    return TRUE;
}

gboolean trace_spool_rewind(trace_spool *spool, GError **error)
{
    if (spool->fd >= 0 && !spool->reading && !write_buffer(spool, error)) {
        return FALSE;
    }
    spool->reading = TRUE;
    spool->next = 0;
    spool->offset = 0;
    spool->left = 0;
    if (spool->fd >= 0) {
        spool->used = 0;
        spool->left = spool->count;
    }
    return TRUE;
}

static gboolean read_buffer(trace_spool *spool, GError **error)
{
    gsize records = (gsize)MIN(spool->left, (guint64)spool->size);
    gsize bytes = records * sizeof(struct trace_record);
    gsize done = 0;
    while (done < bytes) {
        gssize got = pread(spool->fd, (char *)spool->buffer + done, bytes - done,
                           (off_t)(spool->offset + done));
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
    spool->offset += bytes;
    spool->left -= records;
    spool->used = records;
    spool->next = 0;
    return TRUE;
}

int trace_spool_next(trace_spool *spool, const struct trace_record **record, GError **error)
{
    if (spool->next == spool->used) {
        if (spool->left == 0) {
            return 0;
        }
        if (!read_buffer(spool, error)) {
            return -1;
        }
    }
    *record = &spool->buffer[spool->next++];
    return 1;
}

void trace_spool_free(trace_spool *spool)
{
    if (spool == NULL) {
        return;
    }
    if (spool->fd >= 0) {
        close(spool->fd);
    }
    g_free(spool->buffer);
    g_free(spool);
}
