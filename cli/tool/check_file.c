/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../trace/file.h"
#include "check.h"

/* A trace file on its way through the checks. */
struct walk {
    trace_input *input;
    trace_file *file;
    GArray *chunks; /* struct trace_index_entry: as the index should have them */
    struct trace_content content;
    struct check_problems *problems;
};

static void take_chunk(struct walk *walk, const struct trace_chunk *chunk)
{
    GError *why = NULL;
    struct trace_index_entry entry = {
        .offset = chunk->offset, .events = chunk->header.events, .type = chunk->header.type};
    if (chunk->header.type == TRACE_CHUNK_COLUMNS) {
        entry.lowest_ns = chunk->header.clock_ticks;
        entry.highest_ns = chunk->header.clock_ns;
    }
    g_array_append_val(walk->chunks, entry);
    if (!trace_file_content(walk->file, chunk, &walk->content, &why)) {
        check_problem(walk->problems, "%s", why->message);
        g_error_free(why);
    }
}

/* Each chunk that was met stands in the index, in its place; others are of kinds not known here. */
static void compare_index(struct walk *walk, const struct trace_chunk *index)
{
    guint64 count = index->header.content_bytes / sizeof(struct trace_index_entry);
    guint met = 0;
    for (guint64 i = 0; i < count; i++) {
        struct trace_index_entry entry;
        memcpy(&entry, walk->content.bytes + i * sizeof entry, sizeof entry);
        if (!trace_chunk_is_known(GUINT16_FROM_LE(entry.type)))
            continue;
        const struct trace_index_entry *chunk =
            met < walk->chunks->len ? &g_array_index(walk->chunks, struct trace_index_entry, met)
                                    : NULL;
        met++;
        if (chunk == NULL || GUINT64_FROM_LE(entry.offset) != chunk->offset ||
            GUINT64_FROM_LE(entry.lowest_ns) != chunk->lowest_ns ||
            GUINT64_FROM_LE(entry.highest_ns) != chunk->highest_ns ||
            GUINT32_FROM_LE(entry.events) != chunk->events ||
            GUINT16_FROM_LE(entry.type) != chunk->type)
            check_problem(walk->problems,
                          "index: entry %" G_GUINT64_FORMAT
                          " is not that of the chunk at byte %" G_GUINT64_FORMAT,
                          i + 1, chunk != NULL ? chunk->offset : 0);
    }
    if (met != walk->chunks->len)
        check_problem(walk->problems, "index: has %u chunks, the file %u", met, walk->chunks->len);
}

static void check_end(struct walk *walk, const struct trace_chunk *last)
{
    GError *why = NULL;
    if (!trace_file_complete(walk->file)) {
        guint64 cut_bytes = trace_file_cut_bytes(walk->file);
        char *rest = cut_bytes == 0 ? g_strdup("")
                                    : g_strdup_printf(", and %" G_GUINT64_FORMAT
                                                      " bytes at the end are no whole chunk",
                                                      cut_bytes);
        check_problem(walk->problems,
                      "no index: not packed, as when a recorder is killed, or cut off%s; "
                      "bsa-trace convert makes a whole file",
                      rest);
        g_free(rest);
    } else if (trace_file_content(walk->file, last, &walk->content, &why)) {
        compare_index(walk, last);
    } else {
        check_problem(walk->problems, "%s", why->message);
        g_error_free(why);
    }
}

static gboolean check_chunks(struct walk *walk, GError **error)
{
    struct trace_chunk chunk;
    int got;
    walk->file = trace_file_open(walk->input, error);
    if (walk->file == NULL)
        return FALSE;
    while ((got = trace_file_next(walk->file, &chunk, error)) > 0)
        take_chunk(walk, &chunk);
    if (got == 0)
        check_end(walk, &chunk); /* the index, where the file is complete */
    trace_file_close(walk->file);
    return got == 0;
}

gboolean check_file(const char *path, gboolean *native, struct check_problems *problems,
                    GError **error)
{
    const char *bytes;
    gsize length;
    struct walk walk = {.input = trace_input_open(path, error), .problems = problems};
    if (walk.input == NULL)
        return FALSE;
    walk.chunks = g_array_new(FALSE, FALSE, sizeof(struct trace_index_entry));
    gboolean good = trace_input_peek(walk.input, &bytes, &length, error);
    *native = good && trace_file_probe(bytes, length);
    if (*native)
        good = check_chunks(&walk, error);
    trace_input_close(walk.input);
    trace_content_free(&walk.content);
    g_array_free(walk.chunks, TRUE);
    return good;
}
