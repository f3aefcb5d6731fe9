/* SPDX-License-Identifier: Apache-2.0 */
/* Several compressed files one behind the other are one, as zstd -d and gzip -d take them. */
#include "unpack.h"

#include <string.h>

#include <gio/gio.h>
#include <zstd.h>

struct trace_unpack {
    ZSTD_DStream *zstd; /* one of the two, the other is NULL */
    GConverter *gzip;
    gboolean between;
};

static gboolean starts_as_zstd(const char *bytes, gsize length)
{
    static const char frame[4] = {'\x28', '\xb5', '\x2f', '\xfd'};
    static const char skippable[3] = {'\x2a', '\x4d', '\x18'};
    return length >= 4 && (memcmp(bytes, frame, 4) == 0 || (((guint8)bytes[0] & 0xf0) == 0x50 &&
                                                            memcmp(bytes + 1, skippable, 3) == 0));
}

static gboolean starts_as_gzip(const char *bytes, gsize length)
{
    return length >= 3 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0;
}

trace_unpack *trace_unpack_new(const char *bytes, gsize length)
{
    gboolean zstd = starts_as_zstd(bytes, length);
    if (!zstd && !starts_as_gzip(bytes, length)) {
        return NULL;
    }
    trace_unpack *unpack = g_new0(trace_unpack, 1);
    if (zstd) {
        unpack->zstd = ZSTD_createDStream();
    } else {
        unpack->gzip = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    }
    if (unpack->zstd == NULL && unpack->gzip == NULL) {
        g_error("out of memory");
    }
    return unpack;
}

const char *trace_unpack_name(const trace_unpack *unpack)
{
    return unpack->zstd != NULL ? "zstd" : "gzip";
}

static char *run_zstd(trace_unpack *unpack, struct trace_piece *from, struct trace_piece *to)
{
    ZSTD_inBuffer in = {from->bytes, from->size, from->pos};
    ZSTD_outBuffer out = {to->bytes, to->size, to->pos};
    size_t wants = ZSTD_decompressStream(unpack->zstd, &out, &in);
    if (ZSTD_isError(wants)) {
        return g_strdup(ZSTD_getErrorName(wants));
    }
    unpack->between = wants == 0;
    from->pos = in.pos;
    to->pos = out.pos;
    return NULL;
}

static char *run_gzip(trace_unpack *unpack, struct trace_piece *from, struct trace_piece *to)
{
    GError *error = NULL;
    gsize taken = 0, given = 0;
    GConverterResult result = g_converter_convert(
        unpack->gzip, from->bytes + from->pos, from->size - from->pos, to->bytes + to->pos,
        to->size - to->pos, G_CONVERTER_NO_FLAGS, &taken, &given, &error);
    if (result == G_CONVERTER_ERROR &&
        !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT)) {
        char *what = g_strdup(error->message);
        g_error_free(error);
        return what;
    }
    g_clear_error(&error);
    from->pos += taken;
    to->pos += given;
    unpack->between = result == G_CONVERTER_FINISHED;
    if (unpack->between) {
        g_converter_reset(unpack->gzip);
    }
    return NULL;
}

char *trace_unpack_run(trace_unpack *unpack, struct trace_piece *from, struct trace_piece *to)
{
    return unpack->zstd != NULL ? run_zstd(unpack, from, to) : run_gzip(unpack, from, to);
}

gboolean trace_unpack_between(const trace_unpack *unpack)
{
    return unpack->between;
}

void trace_unpack_free(trace_unpack *unpack)
{
    if (unpack != NULL) {
        ZSTD_freeDStream(unpack->zstd);
        g_clear_object(&unpack->gzip);
        g_free(unpack);
    }
}
