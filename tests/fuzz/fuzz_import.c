/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a trace of any format: whatever they are, they are refused or read to their end, each
 * slot is taken before it is given back, the counts are those that were promised, and what is
 * exported is read again as the same requests.
 */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "trace/error.h"
#include "trace/export.h"

static void check_export(const char *path, const struct trace_options *options,
                         enum trace_export_format format, guint64 served)
{
    GError *error = NULL;
    char *text = NULL, again[FUZZ_PATH];
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    trace_reader *reader = trace_open(path, options, &error);
    /* Blocks of pages are objects there. */
    struct trace_options objects = {.layer = TRACE_LAYER_SLAB};
    CHECK(reader != NULL && out != NULL);
    CHECK(trace_export(format, reader, out, &error));
    fclose(out);
    trace_close(reader);
    if (format != TRACE_EXPORT_CSV && served > 0) {
        int fd = fuzz_file(text, length, again);
        reader = trace_open(again, &objects, &error);
        CHECK(reader != NULL);
        CHECK(fuzz_read_events(reader) == served);
        CHECK(trace_hygiene(reader)->ignored_lines == 0);
        CHECK(trace_hygiene(reader)->implicit_frees == 0);
        trace_close(reader);
        close(fd);
    }
    free(text);
}

/* Which layer and which export are tried is chosen by all bytes. */
gboolean fuzz_one(const uint8_t *data, size_t size)
{
    static const enum trace_layer layers[] = {TRACE_LAYER_ALL, TRACE_LAYER_BOTH, TRACE_LAYER_SLAB,
                                              TRACE_LAYER_PAGE};
    guint choice = 0;
    for (size_t i = 0; i < size; i++) {
        choice = choice * 31 + data[i];
    }
    struct trace_options options = {.layer = layers[choice % G_N_ELEMENTS(layers)]};
    char path[FUZZ_PATH];
    int fd = fuzz_file(data, size, path);
    GError *error = NULL;
    trace_reader *reader = trace_open(path, &options, &error);
    if (reader == NULL) {
        CHECK(error != NULL && g_utf8_validate(error->message, -1, NULL));
        gboolean other_layer = g_error_matches(error, TRACE_ERROR, TRACE_ERROR_LAYER) ||
                               strstr(error->message, "; use --layer=") != NULL;
        g_error_free(error);
        close(fd);
        return other_layer;
    }
    guint64 served = fuzz_read_events(reader);
    trace_close(reader);
    check_export(path, &options, (enum trace_export_format)(choice / 4 % 3), served);
    close(fd);
    return TRUE;
}
