/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "checksum.h"
#include "columns.h"
#include "error.h"
#include "fixed.h"
#include "numbers.h"
#include "temporary.h"

struct trace_file {
    const trace_input *input;
    struct trace_file_header header;
    int fd;
    gboolean own; /* fd is a temporary file */
    guint64 bytes;
    guint64 next; /* offset of the next chunk */
    guint32 count;
    gboolean trailer;  /* the last bytes are one */
    guint64 index;     /* by its word */
    gboolean complete; /* the index was where the trailer says */
    guint64 cut_bytes;
    ZSTD_DCtx *zstd;
};

gboolean trace_file_probe(const char *bytes, gsize length)
{
    return length >= 4 && memcmp(bytes, TRACE_FILE_MAGIC, MIN(length, 8)) == 0;
}

const struct trace_file_header *trace_file_header(const trace_file *file)
{
    return &file->header;
}

const char *trace_file_name(const trace_file *file)
{
    return trace_input_name(file->input);
}

guint64 trace_file_bytes(const trace_file *file)
{
    return file->bytes;
}

gboolean trace_file_complete(const trace_file *file)
{
    return file->complete;
}

guint64 trace_file_cut_bytes(const trace_file *file)
{
    return file->cut_bytes;
}

static gboolean fail(const trace_file *file, guint64 offset, const char *wrong, GError **error)
{
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_DAMAGED,
                "%s: byte %" G_GUINT64_FORMAT ": %s; copy or record it again",
                trace_file_name(file), offset, wrong);
    return FALSE;
}

gboolean trace_file_spoilt(const trace_file *file, const struct trace_chunk *chunk, guint64 event,
                           const char *wrong, GError **error)
{
    char *where = event == 0 ? g_strdup("") : g_strdup_printf(", event %" G_GUINT64_FORMAT, event);
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_DAMAGED,
                "%s: chunk %u at byte %" G_GUINT64_FORMAT "%s: %s; copy or record it again",
                trace_file_name(file), chunk->number, chunk->offset, where, wrong);
    g_free(where);
    return FALSE;
}

gboolean trace_file_read(trace_file *file, guint64 offset, gpointer to, gsize bytes, GError **error)
{
    gsize done = 0;
    while (done < bytes) {
        gssize got = pread(file->fd, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                        "%s: reading failed at byte %" G_GUINT64_FORMAT ": %s",
                        trace_file_name(file), offset + done,
                        got < 0 ? g_strerror(errno) : "the file has become shorter");
            return FALSE;
        }
        done += (gsize)got;
    }
    return TRUE;
}

/* The whole input into a temporary file. */
static gboolean copy_input(trace_file *file, trace_input *input, GError **error)
{
    gsize room = (gsize)1 << 16;
    gpointer buffer;
    gssize got;
    file->fd = trace_temporary_open(error);
    if (file->fd < 0) {
        return FALSE;
    }
    file->own = TRUE;
    buffer = g_malloc(room);
    while ((got = trace_input_read(input, buffer, room, error)) > 0) {
        if (!trace_temporary_write(file->fd, buffer, (gsize)got, error)) {
            got = -1;
            break;
        }
        file->bytes += (guint64)got;
    }
    g_free(buffer);
    return got == 0;
}

static gboolean check_header(trace_file *file, GError **error)
{
    struct trace_file_header *header = &file->header;
    if (file->bytes < sizeof *header) {
        return fail(file, file->bytes,
                    "it ends inside its header: the recorder was ended before the first event",
                    error);
    }
    if (!trace_file_read(file, 0, header, sizeof *header, error)) {
        return FALSE;
    }
    header->major = GUINT16_FROM_LE(header->major);
    header->minor = GUINT16_FROM_LE(header->minor);
    if (memcmp(header->magic, TRACE_FILE_MAGIC, sizeof header->magic) != 0) {
        return fail(file, 0, "it does not begin as a trace file does", error);
    }
    /* Of a newer version nothing but this is known, not even where the checksum is. */
    if (header->major > TRACE_FILE_MAJOR) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_FORMAT,
                    "%s: is a trace file of version %u.%u, and versions up to %u are known here; "
                    "use a newer release of this program",
                    trace_file_name(file), header->major, header->minor, TRACE_FILE_MAJOR);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_rest(trace_file *file, GError **error)
{
    struct trace_file_header *header = &file->header, as_stored;
    if (!trace_file_read(file, 0, &as_stored, sizeof as_stored, error)) {
        return FALSE;
    }
    header->bytes = GUINT16_FROM_LE(header->bytes);
    header->page_size = GUINT32_FROM_LE(header->page_size);
    if (GUINT64_FROM_LE(as_stored.checksum) != trace_header_checksum(&as_stored)) {
        return fail(file, 0, "the header's checksum is wrong", error);
    }
    if (header->major == 0 || header->bytes < sizeof *header ||
        header->level > TRACE_LEVEL_REPLAYABLE || header->kernel > 1 || header->page_size < 1024 ||
        header->page_size > 1u << 20 || (header->page_size & (header->page_size - 1)) != 0) {
        return fail(file, 0, "the header has values that make no sense", error);
    }
    return TRUE;
}

static gboolean find_trailer(trace_file *file, GError **error)
{
    struct trace_trailer trailer;
    if (file->bytes < sizeof file->header + sizeof trailer) {
        return TRUE;
    }
    if (!trace_file_read(file, file->bytes - sizeof trailer, &trailer, sizeof trailer, error)) {
        return FALSE;
    }
    file->trailer = memcmp(trailer.magic, TRACE_FILE_MAGIC, sizeof trailer.magic) == 0;
    file->index = GUINT64_FROM_LE(trailer.index_offset);
    if (file->trailer && GUINT64_FROM_LE(trailer.checksum) != trace_trailer_checksum(&trailer)) {
        return fail(file, file->bytes - sizeof trailer, "the trailer's checksum is wrong", error);
    }
    return TRUE;
}

trace_file *trace_file_open(trace_input *input, GError **error)
{
    trace_file *file = g_new0(trace_file, 1);
    file->input = input;
    file->fd = trace_input_file(input, &file->bytes);
    file->zstd = ZSTD_createDCtx();
    if (file->zstd == NULL) {
        g_error("out of memory");
    }
    if ((file->fd >= 0 || copy_input(file, input, error)) && check_header(file, error) &&
        check_rest(file, error) && find_trailer(file, error)) {
        trace_file_rewind(file);
        return file;
    }
    trace_file_close(file);
    return NULL;
}

void trace_file_close(trace_file *file)
{
    if (file == NULL) {
        return;
    }
    if (file->own) {
        close(file->fd);
    }
    ZSTD_freeDCtx(file->zstd);
    g_free(file);
}

void trace_file_rewind(trace_file *file)
{
    file->next = file->header.bytes;
    file->count = 0;
    file->complete = FALSE;
    file->cut_bytes = 0;
}

gboolean trace_file_grow(trace_file *file, GError **error)
{
    struct stat now;
    if (fstat(file->fd, &now) != 0) {
        return fail(file, file->bytes, g_strerror(errno), error);
    }
    file->bytes = MAX((guint64)now.st_size, file->next);
    file->cut_bytes = 0;
    return TRUE;
}

/* The file's end comes too early: a raw one may have it so. 0, or -1 and error. */
static int cut(trace_file *file, GError **error)
{
    if (file->trailer) {
        fail(file, file->next, "a chunk goes beyond the index", error);
        return -1;
    }
    if (file->header.level == TRACE_LEVEL_REPLAYABLE) {
        fail(file, file->bytes, "it is cut off: the index is missing", error);
        return -1;
    }
    file->cut_bytes = file->bytes - MIN(file->next, file->bytes);
    return 0;
}

/* NULL, or what is wrong with a header that is all there. */
static const char *check_chunk(const struct trace_chunk_header *header)
{
    gboolean packed = (header->flags & TRACE_CHUNK_ZSTD) != 0;
    if (memcmp(header->magic, TRACE_CHUNK_MAGIC, sizeof header->magic) != 0) {
        return "there is no chunk";
    }
    if (header->content_bytes > TRACE_CHUNK_BYTES_MAX) {
        return "its content is larger than a chunk may be";
    }
    if (packed ? header->stored_bytes > ZSTD_COMPRESSBOUND(TRACE_CHUNK_BYTES_MAX)
               : header->stored_bytes != header->content_bytes) {
        return "its size is not that of its content";
    }
    if (trace_fixed_bytes(header->type) != 0 &&
        !trace_fixed_fit(header->type, header->content_bytes, header->events)) {
        return "its size is not that of its events";
    }
    if (header->type == TRACE_CHUNK_COLUMNS &&
        (header->events == 0 || header->events > TRACE_COLUMNS_EVENTS_MAX)) {
        return "it has no events, or more than a chunk may have";
    }
    return NULL;
}

/* The header of the chunk at file->next: 1, 0 where the file ends before, -1 and error. */
static int read_header(trace_file *file, struct trace_chunk *chunk, GError **error)
{
    struct trace_chunk_header *header = &chunk->header;
    guint64 end = file->bytes - (file->trailer ? sizeof(struct trace_trailer) : 0);
    if (file->next > end || end - file->next < sizeof *header) {
        return cut(file, error);
    }
    if (!trace_file_read(file, file->next, header, sizeof *header, error)) {
        return -1;
    }
    header->type = GUINT16_FROM_LE(header->type);
    header->flags = GUINT16_FROM_LE(header->flags);
    header->stored_bytes = GUINT32_FROM_LE(header->stored_bytes);
    header->content_bytes = GUINT32_FROM_LE(header->content_bytes);
    header->events = GUINT32_FROM_LE(header->events);
    header->thread = GUINT32_FROM_LE(header->thread);
    header->clock_ticks = GUINT64_FROM_LE(header->clock_ticks);
    header->clock_ns = GUINT64_FROM_LE(header->clock_ns);
    header->checksum = GUINT64_FROM_LE(header->checksum);
    chunk->offset = file->next;
    chunk->number = file->count + 1;
    const char *wrong = check_chunk(header);
    if (wrong != NULL) {
        trace_file_spoilt(file, chunk, 0, wrong, error);
        return -1;
    }
    if (header->stored_bytes > end - file->next - sizeof *header) {
        return cut(file, error);
    }
    file->next += sizeof *header + header->stored_bytes;
    file->count++;
    return 1;
}

/* What has to be known to go on: 1 yes, 0 pass it over, -1 and error. */
static int is_wanted(trace_file *file, const struct trace_chunk *chunk, GError **error)
{
    guint known_flags = TRACE_CHUNK_OPTIONAL | TRACE_CHUNK_ZSTD;
    if (trace_chunk_is_known(chunk->header.type) &&
        (chunk->header.flags | known_flags) == known_flags) {
        return 1;
    }
    if ((chunk->header.flags & TRACE_CHUNK_OPTIONAL) != 0) {
        return 0;
    }
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_FORMAT,
                "%s: chunk %u at byte %" G_GUINT64_FORMAT
                " is of a kind (type %u, flags %u) that is not known here; use a newer release of "
                "this program",
                trace_file_name(file), chunk->number, chunk->offset, chunk->header.type,
                chunk->header.flags);
    return -1;
}

/* Behind the index is the trailer and nothing else. */
static int end_at_index(trace_file *file, const struct trace_chunk *chunk, GError **error)
{
    if (!file->trailer) {
        return cut(file, error);
    }
    if (chunk->offset != file->index || file->next + sizeof(struct trace_trailer) != file->bytes) {
        fail(file, file->next, "the trailer is not behind the index, or does not name it", error);
        return -1;
    }
    file->complete = TRUE;
    return 0;
}

int trace_file_next(trace_file *file, struct trace_chunk *chunk, GError **error)
{
    int got;
    do {
        got = file->complete ? 0 : read_header(file, chunk, error);
        if (got <= 0) {
            return got;
        }
        got = is_wanted(file, chunk, error);
    } while (got == 0);
    if (got > 0 && chunk->header.type == TRACE_CHUNK_INDEX) {
        return end_at_index(file, chunk, error);
    }
    return got;
}

static void make_room(guint8 **bytes, gsize *held, gsize needed)
{
    if (needed > *held) {
        *bytes = g_realloc(*bytes, needed);
        *held = needed;
    }
}

gboolean trace_file_content(trace_file *file, const struct trace_chunk *chunk,
                            struct trace_content *content, GError **error)
{
    struct trace_chunk_header as_stored;
    const struct trace_chunk_header *header = &chunk->header;
    gboolean packed = (header->flags & TRACE_CHUNK_ZSTD) != 0;
    make_room(&content->bytes, &content->bytes_held,
              (gsize)header->content_bytes + TRACE_NUMBERS_SLACK);
    if (packed) {
        make_room(&content->stored, &content->stored_held, (gsize)header->stored_bytes + 1);
    }
    guint8 *stored = packed ? content->stored : content->bytes;
    if (!trace_file_read(file, chunk->offset, &as_stored, sizeof as_stored, error) ||
        !trace_file_read(file, chunk->offset + sizeof as_stored, stored, header->stored_bytes,
                         error)) {
        return FALSE;
    }
    if (trace_chunk_checksum(&as_stored, stored) != header->checksum) {
        return trace_file_spoilt(file, chunk, 0, "its checksum is wrong", error);
    }
    if (packed) {
        size_t got = ZSTD_decompressDCtx(file->zstd, content->bytes, header->content_bytes, stored,
                                         header->stored_bytes);
        if (ZSTD_isError(got) || got != header->content_bytes) {
            return trace_file_spoilt(file, chunk, 0, "it cannot be decompressed to its size",
                                     error);
        }
    }
    memset(content->bytes + header->content_bytes, 0, TRACE_NUMBERS_SLACK);
    return TRUE;
}

void trace_content_free(struct trace_content *content)
{
    g_free(content->bytes);
    g_free(content->stored);
}
