/* SPDX-License-Identifier: Apache-2.0 */
/* Names what a file is that no format recognises, so that the message can say what to do. */
#include "import.h"
#include "scan.h"

#define RECORD_ANEW "record it anew with bsa-record"

struct signature {
    const char *bytes; /* none of them 0 */
    const char *advice;
};

static const struct signature beginnings[] = {
    {"PERFILE2", "it is binary perf data: run perf script -i on it and give its output"},
    {"2ELIFREP", "it is binary perf data of a machine with the other byte order: run "
                 "perf script -i on it and give its output"},
    {"\x17\x08\x44tracing",
     "it is a trace.dat of trace-cmd: run trace-cmd report on it and give its output"},
    {"\xfd\x37zXZ", "it is compressed by xz: give it through xz -dc, or with zstd"},
    {"BZh", "it is compressed by bzip2: give it through bzip2 -dc, or with zstd"},
    {"\x04\x22\x4d\x18", "it is compressed by lz4: give it through lz4 -dc, or with zstd"},
    {"PK\x03\x04", "it is a zip archive: unpack it first"},
    {"\x7f\x45LF", "it is a program or a library, not a trace"},
    {"# tracer:", "it is text of tracefs in which no event was found: switch the kmem events on, "
                  "with a trace_clock that counts seconds (local, global, mono, boot)"},
    {"cpus=", "it is text of trace-cmd report in which no event was found: record the kmem events, "
              "with a clock that counts seconds (local, global, mono, boot)"},
};

/* In the first lines of a text, in this order. */
static const struct signature pieces[] = {
    {"->malloc(", "it is text of ltrace, which mixes decimal and hexadecimal numbers and splits "
                  "calls: " RECORD_ANEW},
    {"->free(", "it is text of ltrace, which mixes decimal and hexadecimal numbers and splits "
                "calls: " RECORD_ANEW},
    {" kmem:", "it looks like perf script without times: give perf script its field time (-F)"},
    {" mm_page_alloc:", "it has kmem events, but no line begins as perf script, trace-cmd report "
                        "or tracefs print it: comm, pid, [cpu] and seconds"},
    {" kmalloc:", "it has kmem events, but no line begins as perf script, trace-cmd report or "
                  "tracefs print it: comm, pid, [cpu] and seconds"},
    {"\"program\" : \"bsa-replay\"",
     "it is a report: bsa-replay show makes texts and pictures of it"},
    {"== Using Valgrind", "it is text of valgrind without calls: run valgrind --trace-malloc=yes"},
};

/* heaptrack_interpret keeps the first line, and makes strings and instructions of what follows. */
static gboolean is_interpreted_heaptrack(const char *bytes, gsize length)
{
    return TRACE_BEGINS(bytes, bytes + length, "v ") &&
           (g_strstr_len(bytes, (gssize)length, "\ns ") != NULL ||
            g_strstr_len(bytes, (gssize)length, "\ni ") != NULL);
}

const char *trace_describe_foreign(const char *bytes, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        const char *known = beginnings[i].bytes;
        if (trace_begins(bytes, bytes + length, known, strlen(known))) {
            return beginnings[i].advice;
        }
    }
    if (length > 262 && memcmp(bytes + 257, "ustar", 5) == 0) {
        return "it is a tar archive: unpack it first";
    }
    if (memchr(bytes, '\0', length) != NULL ||
        !g_utf8_validate(bytes, (gssize)MIN(length, 256), NULL)) {
        return "it is binary: " RECORD_ANEW;
    }
    if (is_interpreted_heaptrack(bytes, length)) {
        return "it is a file of heaptrack_interpret, which keeps no addresses: give the file that "
               "heaptrack --raw wrote, or " RECORD_ANEW;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        if (g_strstr_len(bytes, (gssize)length, pieces[i].bytes) != NULL) {
            return pieces[i].advice;
        }
    }
    return "it is text of another kind: " RECORD_ANEW;
}
