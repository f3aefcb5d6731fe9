/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <unistd.h>

#include "temporary.h"

#define RECORDS_IN_MEMORY ((gsize)1 << 16)
#define RECORDS_AT_FIRST ((gsize)256)
#define RECORDS_OF_SOURCE ((gsize)512)

struct trace_spool {
    struct trace_record *buffer;
    gsize held; /* records that the buffer has room for: it grows up to size */
    gsize size;
    gsize used;     /* written to it, or read into it */
    gsize next;     /* to be handed out */
    guint64 count;  /* records in all */
    guint64 left;   /* of them not yet in the buffer while reading */
    guint64 offset; /* in the file, while reading */
    gboolean reading;
    int fd;                     /* -1: everything is in the buffer */
    struct trace_source source; /* read is NULL: there is none */
};

trace_spool *trace_spool_new(gsize records)
{
    trace_spool *spool = g_new0(trace_spool, 1);
    spool->size = records > 0 ? records : RECORDS_IN_MEMORY;
    spool->held = MIN(spool->size, RECORDS_AT_FIRST);
    spool->buffer = g_new(struct trace_record, spool->held);
    spool->fd = -1;
    return spool;
}

guint64 trace_spool_count(const trace_spool *spool)
{
    return spool->count;
}

void trace_spool_use(trace_spool *spool, const struct trace_source *source, guint64 records)
{
    spool->source = *source;
    spool->count = records;
    spool->held = RECORDS_OF_SOURCE;
    spool->buffer = g_renew(struct trace_record, spool->buffer, spool->held);
}

static gboolean write_buffer(trace_spool *spool, GError **error)
{
    gsize bytes = spool->used * sizeof(struct trace_record);
    if (spool->fd < 0) {
        spool->fd = trace_temporary_open(error);
    }
    if (spool->fd < 0 || !trace_temporary_write(spool->fd, spool->buffer, bytes, error)) {
        return FALSE;
    }
    spool->used = 0;
    return TRUE;
}

gboolean trace_spool_append(trace_spool *spool, const struct trace_record *record, GError **error)
{
    if (spool->used == spool->size && !write_buffer(spool, error)) {
        return FALSE;
    }
    if (spool->used == spool->held) {
        spool->held = MIN(spool->size, 2 * spool->held);
        spool->buffer = g_renew(struct trace_record, spool->buffer, spool->held);
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
    if (spool->source.read != NULL) {
        spool->source.rewind(spool->source.data);
    }
    if (spool->fd >= 0 || spool->source.read != NULL) {
        spool->used = 0;
        spool->left = spool->count;
    }
    return TRUE;
}

static int read_source(trace_spool *spool, GError **error)
{
    gssize got = spool->source.read(spool->source.data, spool->buffer, spool->held, error);
    spool->used = got > 0 ? (gsize)got : 0;
    spool->next = 0;
    return got > 0 ? 1 : (int)got;
}

static gboolean read_temporary(trace_spool *spool, GError **error)
{
    gsize records = (gsize)MIN(spool->left, (guint64)spool->size);
    gsize bytes = records * sizeof(struct trace_record);
    if (!trace_temporary_read(spool->fd, spool->buffer, bytes, spool->offset, error)) {
        return FALSE;
    }
    spool->offset += bytes;
    spool->left -= records;
    spool->used = records;
    spool->next = 0;
    return TRUE;
}

/* 1, 0 at the end, -1 and error. */
static int read_buffer(trace_spool *spool, GError **error)
{
    if (spool->source.read != NULL) {
        return read_source(spool, error);
    }
    if (spool->left == 0) {
        return 0;
    }
    return read_temporary(spool, error) ? 1 : -1;
}

int trace_spool_next(trace_spool *spool, const struct trace_record **record, GError **error)
{
    if (spool->next == spool->used) {
        int got = read_buffer(spool, error);
        if (got <= 0) {
            return got;
        }
    }
    *record = &spool->buffer[spool->next++];
    return 1;
}

const struct trace_record *trace_spool_ahead(const trace_spool *spool, gsize records)
{
    return records < spool->used - spool->next ? &spool->buffer[spool->next + records] : NULL;
}

void trace_spool_free(trace_spool *spool)
{
    if (spool == NULL) {
        return;
    }
    if (spool->fd >= 0) {
        close(spool->fd);
    }
    if (spool->source.read != NULL) {
        spool->source.free(spool->source.data);
    }
    g_free(spool->buffer);
    g_free(spool);
}
