/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer is filled by read(2), or decompressed from a second buffer; lines are
 * handed out where they stand in it. What is left of a line at the buffer's
 * end moves to the front before the next fill, so that a line is always whole;
 * one that exceeds TRACE_LINE_MAX is passed over and handed out as cut.
 */
#define _POSIX_C_SOURCE 200809L

#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "unpack.h"

#define BUFFER_BYTES ((gsize)1 << 20)

G_STATIC_ASSERT(BUFFER_BYTES >= 4 * TRACE_LINE_MAX);

struct trace_input {
    char *name;
    int fd;
    gboolean end;       /* no byte more will come into the buffer */
    gboolean file_end;  /* read(2) said so */
    guint64 file_bytes; /* its length, 0 where it is not known */
    guint64 bytes_read;
    guint64 lines;
    char *buffer;
    gsize first, last;         /* what is in it and not handed out yet */
    trace_unpack *unpack;      /* NULL: plain bytes */
    struct trace_piece packed; /* compressed bytes */
};

GQuark trace_error_quark(void)
{
    return g_quark_from_static_string("trace-error-quark");
}

const char *trace_input_name(const trace_input *input)
{
    return input->name;
}

gboolean trace_input_compressed(const trace_input *input)
{
    return input->unpack != NULL;
}

double trace_input_fraction(const trace_input *input)
{
    if (input->file_bytes == 0) {
        return -1.0;
    }
    guint64 done = input->bytes_read - (input->packed.size - input->packed.pos);
    return MIN(1.0, (double)done / (double)input->file_bytes);
}

/* One read(2) of the file: bytes, 0 at its end, -1 and error. */
static gssize read_file(trace_input *input, char *to, gsize room, GError **error)
{
    gssize got;
    do {
        got = read(input->fd, to, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                    "%s: reading failed after %" G_GUINT64_FORMAT " bytes: %s", input->name,
                    input->bytes_read, g_strerror(errno));
    } else if (got == 0) {
        input->file_end = TRUE;
    } else {
        input->bytes_read += (guint64)got;
    }
    return got;
}

static gboolean fail_packed(const trace_input *input, const char *what, GError **error)
{
    const char *name = trace_unpack_name(input->unpack);
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_DAMAGED,
                "%s: the %s stream %s at byte %" G_GUINT64_FORMAT
                " of the file, after line %" G_GUINT64_FORMAT
                " of the text; copy or record it again (%s -t checks a file)",
                input->name, name, what,
                input->bytes_read - (input->packed.size - input->packed.pos), input->lines, name);
    return FALSE;
}

/* Reads compressed bytes where none are left. */
static gboolean fill_packed(trace_input *input, GError **error)
{
    if (input->packed.pos < input->packed.size || input->file_end) {
        return TRUE;
    }
    gssize got = read_file(input, input->packed.bytes, BUFFER_BYTES, error);
    input->packed.size = (gsize)MAX(got, 0);
    input->packed.pos = 0;
    return got >= 0;
}

/* Decompresses until the buffer has something new or the input ends. */
static gboolean fill_unpacked(trace_input *input, GError **error)
{
    struct trace_piece out = {input->buffer, BUFFER_BYTES, input->last};
    while (out.pos == input->last) {
        if (!fill_packed(input, error)) {
            return FALSE;
        }
        gboolean last = input->packed.pos == input->packed.size && input->file_end;
        if (last && trace_unpack_between(input->unpack)) {
            input->end = TRUE;
            break;
        }
        char *wrong = trace_unpack_run(input->unpack, &input->packed, &out);
        if (wrong != NULL) {
            char *what = g_strdup_printf("is damaged (%s)", wrong);
            fail_packed(input, what, error);
            g_free(what);
            g_free(wrong);
            return FALSE;
        }
        if (last && out.pos == input->last) {
            return fail_packed(input, "is cut off: the file ends in the middle of it", error);
        }
    }
    input->last = out.pos;
    return TRUE;
}

/* Adds bytes behind those that are left; sets end when there are no more. */
static gboolean fill(trace_input *input, GError **error)
{
    if (input->first > 0) {
        memmove(input->buffer, input->buffer + input->first, input->last - input->first);
        input->last -= input->first;
        input->first = 0;
    }
    if (input->unpack != NULL) {
        return fill_unpacked(input, error);
    }
    gssize got = read_file(input, input->buffer + input->last, BUFFER_BYTES - input->last, error);
    if (got < 0) {
        return FALSE;
    }
    input->last += (gsize)got;
    input->end = got == 0;
    return TRUE;
}

/* Reads the first four bytes, which may come one by one from a pipe: are they compressed? */
static gboolean find_compression(trace_input *input, GError **error)
{
    while (!input->end && input->last < 4) {
        if (!fill(input, error)) {
            return FALSE;
        }
    }
    input->unpack = trace_unpack_new(input->buffer, input->last);
    if (input->unpack == NULL) {
        return TRUE;
    }
    /* What was read is compressed; the buffer starts anew with what comes out of it. */
    input->packed = (struct trace_piece){g_malloc(BUFFER_BYTES), input->last, 0};
    memcpy(input->packed.bytes, input->buffer, input->last);
    input->last = 0;
    input->end = FALSE;
    return TRUE;
}

static gboolean open_file(trace_input *input, const char *path, GError **error)
{
    gboolean standard = strcmp(path, "-") == 0;
    input->name = g_strdup(standard ? "standard input" : path);
    input->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO, "%s: cannot open it: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    struct stat status;
    if (fstat(input->fd, &status) != 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO, "%s: cannot read it: %s", input->name,
                    g_strerror(errno));
        return FALSE;
    }
    if (S_ISDIR(status.st_mode)) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                    "%s: is a directory; name the trace file in it", input->name);
        return FALSE;
    }
    input->file_bytes = S_ISREG(status.st_mode) ? (guint64)status.st_size : 0;
    return TRUE;
}

trace_input *trace_input_open(const char *path, GError **error)
{
    trace_input *input = g_new0(trace_input, 1);
    input->fd = -1;
    if (open_file(input, path, error)) {
        input->buffer = g_malloc(BUFFER_BYTES);
        if (find_compression(input, error)) {
            return input;
        }
    }
    trace_input_close(input);
    return NULL;
}

gboolean trace_input_peek(trace_input *input, const char **bytes, gsize *length, GError **error)
{
    while (!input->end && input->last - input->first < TRACE_LINE_MAX) {
        if (!fill(input, error)) {
            return FALSE;
        }
    }
    *bytes = input->buffer + input->first;
    *length = MIN(input->last - input->first, TRACE_LINE_MAX);
    return TRUE;
}

gssize trace_input_read(trace_input *input, gpointer to, gsize room, GError **error)
{
    while (input->first == input->last && !input->end) {
        if (!fill(input, error)) {
            return -1;
        }
    }
    gsize got = MIN(room, input->last - input->first);
    memcpy(to, input->buffer + input->first, got);
    input->first += got;
    return (gssize)got;
}

int trace_input_file(const trace_input *input, guint64 *bytes)
{
    off_t at = input->unpack == NULL && input->file_bytes > 0 ? lseek(input->fd, 0, SEEK_CUR) : -1;
    /* Standard input may have been read from before. */
    if (at < 0 || (guint64)at != input->bytes_read) {
        return -1;
    }
    *bytes = input->file_bytes;
    return input->fd;
}

/* Passes over the rest of a line that is too long to be one. */
static gboolean skip_line(trace_input *input, GError **error)
{
    for (;;) {
        char *start = input->buffer + input->first;
        char *newline = memchr(start, '\n', input->last - input->first);
        if (newline != NULL) {
            input->first = (gsize)(newline + 1 - input->buffer);
            return TRUE;
        }
        input->first = input->last;
        if (input->end) {
            return TRUE;
        }
        if (!fill(input, error)) {
            return FALSE;
        }
    }
}

int trace_input_line(trace_input *input, struct trace_line *line, GError **error)
{
    for (;;) {
        char *start = input->buffer + input->first;
        gsize held = input->last - input->first;
        char *newline = held > 0 ? memchr(start, '\n', MIN(held, TRACE_LINE_MAX)) : NULL;
        if (newline != NULL) {
            gsize length = (gsize)(newline - start);
            input->first += length + 1;
            if (length > 0 && start[length - 1] == '\r') {
                length--;
            }
            *line = (struct trace_line){start, length, ++input->lines, FALSE};
            return 1;
        }
        if (held >= TRACE_LINE_MAX) {
            *line = (struct trace_line){"", 0, ++input->lines, TRUE};
            return skip_line(input, error) ? 1 : -1;
        }
        if (input->end) {
            if (held == 0) {
                return 0;
            }
            input->first = input->last;
            *line = (struct trace_line){start, held, ++input->lines, TRUE};
            return 1;
        }
        if (!fill(input, error)) {
            return -1;
        }
    }
}

void trace_input_close(trace_input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->fd > STDIN_FILENO) {
        close(input->fd);
    }
    trace_unpack_free(input->unpack);
    g_free(input->packed.bytes);
    g_free(input->buffer);
    g_free(input->name);
    g_free(input);
}
