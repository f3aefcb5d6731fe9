/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MallocLab's traces: four numbers, a line each (suggested heap size, number of ids, number of
 * requests, weight), then "a ID SIZE", "r ID SIZE" and "f ID". An id is an object for as long as
 * it lives; as address it gets ID + 1. There is nothing else: no thread, no time.
 */
#include "import.h"
#include "scan.h"

#define HEADER_LINES 4u
#define REQUESTS_LINE 2u /* of the header, from 0 */
#define ID_MAX (G_MAXUINT64 - 1)

struct rep {
    guint lines; /* of the header, read so far */
    guint64 header[HEADER_LINES];
    guint64 requests;
};

static gboolean parse_header_line(const char *text, const char *end, guint64 *value)
{
    struct trace_words words;
    trace_split(text, end, &words);
    return words.count == 1 &&
           trace_scan_digits(words.text[0], words.end[0], 10, G_MAXUINT64, value);
}

/* FALSE: no request. The address stays 0 for "f -1", a free of NULL. */
static gboolean parse_request(const char *text, const char *end, struct trace_record *record)
{
    struct trace_words words;
    guint64 id;
    trace_split(text, end, &words);
    if (words.count < 2 || words.end[0] - words.text[0] != 1) {
        return FALSE;
    }
    char letter = *words.text[0];
    if (letter == 'f') {
        record->kind = TRACE_FREE;
        if (words.count == 2 && TRACE_IS(words.text[1], words.end[1], "-1")) {
            return TRUE;
        }
    } else if (letter == 'a' || letter == 'r') {
        record->kind = letter == 'a' ? TRACE_ALLOC : TRACE_REALLOC;
    } else {
        return FALSE;
    }
    if (!trace_scan_digits(words.text[1], words.end[1], 10, ID_MAX, &id)) {
        return FALSE;
    }
    record->address = id + 1;
    return letter == 'f' ? words.count == 2
                         : words.count == 3 && trace_scan_digits(words.text[2], words.end[2], 10,
                                                                 TRACE_SIZE_MAX, &record->size);
}

static gboolean take_request(struct trace_import *import, const struct trace_line *line,
                             GError **error)
{
    struct trace_record record = TRACE_RECORD_INIT;
    if (!parse_request(line->text, line->text + line->length, &record)) {
        trace_import_ignore(import, line->number);
        return TRUE;
    }
    record.time_ns = trace_import_next_ns(import);
    record.line = line->number;
    if (record.kind == TRACE_FREE && record.address == 0) {
        import->hygiene->null_frees++;
        return TRUE;
    }
    return record.kind == TRACE_REALLOC
               ? trace_import_realloc(import, &record, record.address, error)
               : trace_import_add(import, &record, error);
}

/* The header told of more requests than there are. */
static gboolean add_missing(struct trace_import *import, guint64 missing, GError **error)
{
    struct trace_record record = TRACE_RECORD_INIT;
    record.kind = TRACE_LOST;
    record.time_ns = import->last_ns;
    record.line = import->hygiene->lines;
    record.size = missing;
    return trace_import_add(import, &record, error);
}

/* A last line without its end is whole when it is the last request that the header told of. */
static gboolean take_line(struct trace_import *import, const struct trace_line *line,
                          struct rep *rep, GError **error)
{
    struct trace_hygiene *hygiene = import->hygiene;
    const char *end = line->text + line->length;
    hygiene->lines++;
    trace_import_progress(import);
    if (!line->cut && trace_skip_blanks(line->text, end) == end) {
        hygiene->filler_lines++;
        return TRUE;
    }
    if (rep->lines < HEADER_LINES && parse_header_line(line->text, end, &rep->header[rep->lines])) {
        hygiene->filler_lines++;
        rep->lines++;
        return TRUE;
    }
    rep->requests++;
    if (line->cut && rep->requests != rep->header[REQUESTS_LINE]) {
        trace_import_ignore(import, line->number);
        return TRUE;
    }
    return take_request(import, line, error);
}

static gboolean import_rep(struct trace_import *import, GError **error)
{
    struct rep rep = {0};
    struct trace_line line;
    int got;
    trace_import_untimed(import);
    while ((got = trace_input_line(import->input, &line, error)) > 0) {
        if (!take_line(import, &line, &rep, error)) {
            return FALSE;
        }
    }
    guint64 told = rep.header[REQUESTS_LINE];
    return got == 0 && (told <= rep.requests || add_missing(import, told - rep.requests, error));
}

/* The header and a first request; empty lines may stand between. */
static gboolean probe_rep(const char *bytes, gsize length)
{
    const char *end = bytes + length;
    guint lines = 0;
    while (lines <= HEADER_LINES && bytes < end) {
        const char *newline = memchr(bytes, '\n', (gsize)(end - bytes));
        const char *stop = newline != NULL ? newline : end;
        struct trace_record record = TRACE_RECORD_INIT;
        guint64 value;
        stop -= stop > bytes && stop[-1] == '\r' ? 1 : 0;
        if (trace_skip_blanks(bytes, stop) < stop) {
            if (lines < HEADER_LINES ? !parse_header_line(bytes, stop, &value)
                                     : !parse_request(bytes, stop, &record)) {
                return FALSE;
            }
            lines++;
        }
        bytes = newline != NULL ? newline + 1 : end;
    }
    return lines >= HEADER_LINES;
}

const struct trace_format trace_format_rep = {
    .name = "MallocLab .rep",
    .kernel = FALSE,
    .numbered = TRUE,
    .probe = probe_rep,
    .import = import_rep,
};
