/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What glibc's mtrace writes:
 *
 *      @ ./program:(function+0x1a)[0x13f7] + 0x561b155a92a0 0xc
 *
 * "+" allocates, "-" frees, "<" and ">" are a realloc's old and new object, "!" is a realloc that
 * failed and left its object as it was. A failed allocation is "+ (nil)", realloc(p, 0) is "-".
 * There are no threads, no times and no alignments.
 */
#include "import.h"
#include "scan.h"

/* Takes the caller off; where the call begins. The caller's file may hold spaces. */
static const char *take_caller(const char *text, const char *end, const char **caller,
                               gsize *length)
{
    *caller = text;
    *length = 0;
    if (!TRACE_BEGINS(text, end, "@ ")) {
        return text;
    }
    const char *stop = end;
    while (stop > text + 2 && !(stop[-1] == ']' && stop < end && *stop == ' ')) {
        stop--;
    }
    if (stop == text + 2) {
        return text;
    }
    *caller = text + 2;
    *length = (gsize)(stop - *caller);
    return stop + 1;
}

/* Letter, address and, where the letter asks for one, size. */
static gboolean parse_call(const char *text, const char *end, struct trace_record *record)
{
    struct trace_words words;
    trace_split(text, end, &words);
    if (words.count < 2 || words.end[0] - words.text[0] != 1) {
        return FALSE;
    }
    gboolean sized = strchr("+>!", *words.text[0]) != NULL;
    return (sized || *words.text[0] == '-' || *words.text[0] == '<') &&
           words.count == (sized ? 3u : 2u) &&
           trace_scan_pointer(words.text[1], words.end[1], &record->address) &&
           (!sized || trace_scan_number(words.text[2], words.end[2], &record->size));
}

static gboolean add_call(struct trace_import *import, char letter, struct trace_record *record,
                         GError **error)
{
    guint64 from = record->address;
    switch (letter) {
    case '+':
        record->kind = TRACE_ALLOC;
        record->flags = record->address == 0 ? TRACE_FAILED : 0;
        return trace_import_add(import, record, error);
    case '-':
        if (record->address == 0) {
            import->hygiene->null_frees++;
            return TRUE;
        }
        record->kind = TRACE_FREE;
        return trace_import_add(import, record, error);
    case '<':
        record->kind = TRACE_REALLOC_BEGIN;
        return trace_import_add(import, record, error);
    case '>':
        record->kind = TRACE_REALLOC;
        return trace_import_add(import, record, error);
    default:
        record->address = 0;
        record->flags = TRACE_FAILED;
        return trace_import_realloc(import, record, from, error);
    }
}

static gboolean take_line(struct trace_import *import, const struct trace_line *line,
                          GError **error)
{
    const char *end = line->text + line->length, *caller;
    struct trace_record record = TRACE_RECORD_INIT;
    gsize length;
    if (trace_skip_blanks(line->text, end) == end || *line->text == '=' || *line->text == '#') {
        import->hygiene->filler_lines++;
        return TRUE;
    }
    const char *text = take_caller(line->text, end, &caller, &length);
    gboolean good = parse_call(text, end, &record);
    char letter = good ? *trace_skip_blanks(text, end) : '\0';
    gboolean fails = letter == '!' || record.address == 0;
    if (!good || (record.size > TRACE_SIZE_MAX && !fails) ||
        (record.address == 0 && (letter == '<' || letter == '>'))) {
        trace_import_ignore(import, line->number);
        return TRUE;
    }
    record.time_ns = trace_import_next_ns(import);
    record.line = line->number;
    record.site = trace_names_intern(import->names, caller, length);
    return add_call(import, letter, &record, error);
}

static gboolean import_mtrace(struct trace_import *import, GError **error)
{
    struct trace_line line;
    int got;
    trace_import_untimed(import);
    while ((got = trace_import_line(import, &line, error)) > 0) {
        if (!take_line(import, &line, error)) {
            return FALSE;
        }
    }
    return got == 0;
}

/* It says where it starts; of a file whose start is missing the first whole line is looked at. */
static gboolean probe_mtrace(const char *bytes, gsize length)
{
    const char *end = bytes + length, *caller;
    const char *line_end = memchr(bytes, '\n', length);
    struct trace_record record = TRACE_RECORD_INIT;
    gsize caller_length;
    if (TRACE_BEGINS(bytes, end, "= Start")) {
        return TRUE;
    }
    if (line_end == NULL || !TRACE_BEGINS(bytes, end, "@ ")) {
        return FALSE;
    }
    return parse_call(take_caller(bytes, line_end, &caller, &caller_length), line_end, &record);
}

const struct trace_format trace_format_mtrace = {
    .name = "glibc mtrace",
    .kernel = FALSE,
    .probe = probe_mtrace,
    .import = import_mtrace,
};
