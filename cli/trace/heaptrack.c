/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What heaptrack --raw writes; all numbers are hexadecimal:
 *
 *      v VERSION FILE-VERSION      t ADDRESS PARENT    a frame of a call chain; numbered from 1
 *      + SIZE FRAME ADDRESS        - ADDRESS           c MILLISECONDS    since the start
 *
 * A realloc is a free and an allocation. There are no threads and no alignments, and memalign,
 * pvalloc and realloc(p, 0) are missing, so that frees without allocations occur. What
 * heaptrack_interpret makes of it has lost the addresses and is no trace any more.
 */
#include "error.h"
#include "import.h"
#include "scan.h"

#define FILE_VERSION_MAX 3u
#define FRAMES_MAX (1u << 24) /* further ones have no name */

struct heaptrack {
    struct trace_import *import;
    GArray *sites; /* guint32: the name of each frame */
    guint64 stamp_ns, last_ns;
};

static gboolean hexadecimal(const struct trace_words *words, guint word, guint64 *value)
{
    return trace_scan_digits(words->text[word], words->end[word], 16, G_MAXUINT64, value);
}

/* A nanosecond after the last record, or at the time stamp that came in between. */
static guint64 next_ns(struct heaptrack *heaptrack)
{
    heaptrack->last_ns = MAX(heaptrack->last_ns + 1, heaptrack->stamp_ns);
    return heaptrack->last_ns;
}

static guint32 site_of(const struct heaptrack *heaptrack, guint64 frame)
{
    return frame > 0 && frame <= heaptrack->sites->len
               ? g_array_index(heaptrack->sites, guint32, frame - 1)
               : TRACE_NO_NAME;
}

/* FALSE: the line is not understood. */
static gboolean take_words(struct heaptrack *heaptrack, const struct trace_words *words,
                           struct trace_record *record)
{
    guint64 value;
    switch (words->end[0] - words->text[0] == 1 ? *words->text[0] : '\0') {
    case '+':
        if (words->count != 4 || !hexadecimal(words, 1, &record->size) ||
            !hexadecimal(words, 2, &value) || !hexadecimal(words, 3, &record->address)) {
            return FALSE;
        }
        record->kind = TRACE_ALLOC;
        record->site = site_of(heaptrack, value);
        return record->address != 0 && record->size <= TRACE_SIZE_MAX;
    case '-':
        record->kind = TRACE_FREE;
        return words->count == 2 && hexadecimal(words, 1, &record->address);
    case 'c':
        if (words->count != 2 || !hexadecimal(words, 1, &value) || value > G_MAXINT64 / 1000000) {
            return FALSE;
        }
        heaptrack->stamp_ns = value * 1000000;
        return TRUE;
    case 't':
        if (words->count != 3 || !hexadecimal(words, 1, &value)) {
            return FALSE;
        }
        if (heaptrack->sites->len < FRAMES_MAX) {
            guint32 name = trace_names_intern(heaptrack->import->names, words->text[1],
                                              (gsize)(words->end[1] - words->text[1]));
            g_array_append_val(heaptrack->sites, name);
        }
        return TRUE;
    case '\0':
        return FALSE;
    default: /* modules, the command, memory of the process */
        return strchr("AIRSXmsvx#", *words->text[0]) != NULL;
    }
}

static void note_command(struct trace_import *import, const struct trace_line *line)
{
    if (TRACE_BEGINS(line->text, line->text + line->length, "X ")) {
        trace_meta_set(import->meta, "command", line->text + 2, line->length - 2);
    }
}

static gboolean take_line(struct heaptrack *heaptrack, const struct trace_line *line,
                          GError **error)
{
    struct trace_import *import = heaptrack->import;
    struct trace_record record = TRACE_RECORD_INIT;
    struct trace_words words;
    record.kind = TRACE_KINDS; /* none yet */
    trace_split(line->text, line->text + line->length, &words);
    if (words.count > 0 && !take_words(heaptrack, &words, &record)) {
        trace_import_ignore(import, line->number);
        return TRUE;
    }
    note_command(import, line);
    if (record.kind == TRACE_KINDS) {
        import->hygiene->filler_lines++;
        return TRUE;
    }
    if (record.address == 0) {
        import->hygiene->null_frees++;
        return TRUE;
    }
    record.time_ns = next_ns(heaptrack);
    record.line = line->number;
    return trace_import_add(import, &record, error);
}

static gboolean check_version(const struct trace_line *line, GError **error)
{
    struct trace_words words;
    guint64 version;
    trace_split(line->text, line->text + line->length, &words);
    if (words.count < 3 || !TRACE_IS(words.text[0], words.end[0], "v") ||
        !hexadecimal(&words, 2, &version) || version <= FILE_VERSION_MAX) {
        return TRUE;
    }
    g_set_error(error, TRACE_ERROR, TRACE_ERROR_FORMAT,
                "heaptrack's file version is %" G_GUINT64_FORMAT
                ", and versions up to %u are read; record it with bsa-record",
                version, FILE_VERSION_MAX);
    return FALSE;
}

static gboolean import_heaptrack(struct trace_import *import, GError **error)
{
    struct heaptrack heaptrack = {.import = import};
    struct trace_line line;
    gboolean good = TRUE;
    int got = 0;
    trace_meta_set_text(import->meta, "clock", "heaptrack, 10 ms");
    heaptrack.sites = g_array_new(FALSE, FALSE, sizeof(guint32));
    while (good && (got = trace_import_line(import, &line, error)) > 0) {
        good =
            (line.number > 1 || check_version(&line, error)) && take_line(&heaptrack, &line, error);
    }
    g_array_free(heaptrack.sites, TRUE);
    return good && got == 0;
}

/* The raw file has modules and frames where the interpreted one has strings and classes. */
static gboolean probe_heaptrack(const char *bytes, gsize length)
{
    const char *end = bytes + length;
    if (!TRACE_BEGINS(bytes, end, "v ")) {
        return FALSE;
    }
    for (const char *line = bytes; line != NULL && end - line > 2;) {
        struct trace_words words;
        const char *newline = memchr(line, '\n', (gsize)(end - line));
        const char *stop = newline != NULL ? newline : end;
        trace_split(line, stop, &words);
        if (TRACE_BEGINS(line, end, "x ") || TRACE_BEGINS(line, end, "m ")) {
            return TRUE;
        }
        if (TRACE_BEGINS(line, end, "s ") || TRACE_BEGINS(line, end, "i ") ||
            TRACE_BEGINS(line, end, "a ")) {
            return FALSE;
        }
        if (TRACE_BEGINS(line, end, "+ ") && newline != NULL) {
            return words.count == 4;
        }
        line = newline != NULL ? newline + 1 : NULL;
    }
    return FALSE;
}

const struct trace_format trace_format_heaptrack = {
    .name = "heaptrack raw",
    .kernel = FALSE,
    .probe = probe_heaptrack,
    .import = import_heaptrack,
};
