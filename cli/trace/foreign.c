/* SPDX-License-Identifier: Apache-2.0 */
/* Names what a file is that no format recognises, so that the message can say what to do. */
#include <string.h>

#include "import.h"

/* All that the reader understands today; the way to get it is the same from everywhere. */
#define RECORD_WITH_PERF "record with perf record -a -e 'kmem:*' and give the output of perf script"

struct signature {
    const char *bytes; /* the first of the file, none of them 0 */
    const char *advice;
};

static const struct signature beginnings[] = {
    {"PERFILE2", "it is binary perf data: run perf script -i on it and give its output"},
    {"2ELIFREP", "it is binary perf data of a machine with the other byte order: run "
                 "perf script -i on it and give its output"},
    {"\x17\x08\x44tracing", "it is a trace.dat of trace-cmd: " RECORD_WITH_PERF},
    {"\x1f\x8b", "it is compressed by gzip: give it through gzip -dc, or with zstd"},
    {"\xfd\x37zXZ", "it is compressed by xz: give it through xz -dc, or with zstd"},
    {"BZh", "it is compressed by bzip2: give it through bzip2 -dc, or with zstd"},
    {"\x04\x22\x4d\x18", "it is compressed by lz4: give it through lz4 -dc, or with zstd"},
    {"PK\x03\x04", "it is a zip archive: unpack it first"},
    {"\x7f\x45LF", "it is a program or a library, not a trace"},
    {"# tracer:", "it is text of tracefs: " RECORD_WITH_PERF},
    {"cpus=", "it looks like trace-cmd report: " RECORD_WITH_PERF},
    {"= Start", "it looks like a glibc mtrace; only kernel traces are read"},
};

const char *trace_describe_foreign(const char *bytes, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        const struct signature *signature = &beginnings[i];
        gsize held = strlen(signature->bytes);
        if (length >= held && memcmp(bytes, signature->bytes, held) == 0) {
            return signature->advice;
        }
    }
    if (length > 262 && memcmp(bytes + 257, "ustar", 5) == 0) {
        return "it is a tar archive: unpack it first";
    }
    if (memchr(bytes, '\0', length) != NULL ||
        !g_utf8_validate(bytes, (gssize)MIN(length, 256), NULL)) {
        return "it is binary: " RECORD_WITH_PERF;
    }
    if (g_strstr_len(bytes, (gssize)length, " mm_page_alloc:") != NULL ||
        g_strstr_len(bytes, (gssize)length, " kmalloc:") != NULL ||
        g_strstr_len(bytes, (gssize)length, " kfree:") != NULL) {
        return "it looks like text of tracefs or trace-cmd: " RECORD_WITH_PERF;
    }
    return "it is text of another kind: " RECORD_WITH_PERF;
}
