/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a trace file, as bsa-trace(5) describes them: for the recorder, which writes from
 * inside its target and knows no GLib, and for the reader and the writer of the other programs.
 *
 * A file is a header, chunks, an index, a trailer. Everything is little-endian. A chunk stands for
 * itself: it has a checksum, and what it holds is understood with the file's header, the names and
 * the metadata in chunks before it alone; a file that ends in the middle of a chunk keeps those
 * before it. The index and the trailer spare a reader the way from chunk to chunk; a recorder that
 * was killed has written neither.
 */
#ifndef BSA_CLI_TRACE_FORMAT_H
#define BSA_CLI_TRACE_FORMAT_H

#include <stdint.h>

/* Not text, not valid UTF-8, and spoilt by whatever changes line ends (as PNG's). */
#define TRACE_FILE_MAGIC "\x89\x42SAT\r\n\x1a" /* 8 bytes */
#define TRACE_FILE_MAJOR 1u                    /* a reader refuses a higher one */
/* It reads any of these; 1: short records; 2: addresses by what was freed, and in steps. */
#define TRACE_FILE_MINOR 2u

enum trace_level {
    TRACE_LEVEL_RAW = 0,       /* as recorded: addresses; chunks of several threads side by side */
    TRACE_LEVEL_REPLAYABLE = 1 /* one order in time, objects by slot */
};

struct trace_file_header {
    uint8_t magic[8];
    uint16_t major;
    uint16_t minor;
    uint8_t level;      /* enum trace_level */
    uint8_t kernel;     /* 1: a kernel's trace, with pages and named caches */
    uint16_t bytes;     /* of this header; a reader skips what it does not know */
    uint32_t page_size; /* bytes of a page frame of the recorded machine */
    uint32_t reserved;  /* 0 */
    uint64_t checksum;  /* XXH3, 64 bits, of the bytes before it */
};

/* A reader skips chunks whose type it does not know when they are marked optional. */
enum trace_chunk_type {
    TRACE_CHUNK_META = 1,    /* keys and values */
    TRACE_CHUNK_NAMES = 2,   /* names of caches, call sites, flags: numbered on from the last */
    TRACE_CHUNK_FIXED = 3,   /* struct trace_fixed, of one thread, in order of time */
    TRACE_CHUNK_COLUMNS = 4, /* events by columns */
    TRACE_CHUNK_INDEX = 5,
    TRACE_CHUNK_SHORT = 6 /* struct trace_short, else as TRACE_CHUNK_FIXED */
};

enum trace_chunk_flag {
    TRACE_CHUNK_OPTIONAL = 1u << 0,
    TRACE_CHUNK_ZSTD = 1u << 1 /* the content is one zstd frame */
};

#define TRACE_CHUNK_MAGIC "BSAc"
#define TRACE_CHUNK_BYTES_MAX (16u << 20) /* of the content: a reader refuses more */

struct trace_chunk_header {
    uint8_t magic[4];
    uint16_t type;          /* enum trace_chunk_type */
    uint16_t flags;         /* enum trace_chunk_flag */
    uint32_t stored_bytes;  /* that follow this header */
    uint32_t content_bytes; /* of them when decompressed */
    uint32_t events;        /* in it, 0 where there are none */
    uint32_t thread;        /* TRACE_CHUNK_FIXED and _SHORT: whose they are */
    /*
     * TRACE_CHUNK_FIXED and _SHORT: one moment on the clock of its records, and in nanoseconds of
     * CLOCK_MONOTONIC; two chunks give the rate. TRACE_CHUNK_COLUMNS: lowest and highest time of
     * its events.
     */
    uint64_t clock_ticks;
    uint64_t clock_ns;
    uint64_t checksum; /* XXH3, 64 bits, of this header up to here, then of the stored bytes */
};

/* What a recorder writes: no search, no compression. Everything that an event may have. */
struct trace_fixed {
    uint64_t ticks;   /* of the recorder's clock; metadata "clock" names it */
    uint64_t address; /* where the object is; 0 with TRACE_FAILED */
    uint64_t size;    /* bytes asked for */
    uint32_t align;   /* bytes, 0: natural; UINT32_MAX: that or more */
    uint16_t cpu;
    uint8_t kind;  /* enum trace_kind */
    uint8_t flags; /* enum trace_flag */
};

/*
 * The same in half the bytes, as most events have no more. One that has is two of these: first an
 * extension, with the upper bits of what the second has, and what is not in it at all. The upper
 * bits of the ticks hold until the next extension.
 */
struct trace_short {
    uint64_t object; /* kind: 4 bits; CPU: 12; address: 48 */
    uint64_t moment; /* size: 16 bits; ticks: 48 */
};
/* An extension: object is TRACE_EXTENSION, CPU: 4 bits, flags: 8, size: 48, moment is address: 16
 * bits, ticks: 16, alignment: 32. */
#define TRACE_EXTENSION 15u

/* The index is one of these for each chunk before it, in the order of the file. */
struct trace_index_entry {
    uint64_t offset;    /* of the chunk's header, from the file's first byte */
    uint64_t lowest_ns; /* TRACE_CHUNK_COLUMNS: time of its first event, and of its last */
    uint64_t highest_ns;
    uint32_t events;
    uint16_t type;     /* enum trace_chunk_type */
    uint16_t reserved; /* 0 */
};

struct trace_trailer {
    uint64_t index_offset; /* of the index's chunk header, from the file's first byte */
    uint64_t checksum;     /* XXH3, 64 bits, of index_offset */
    uint8_t magic[8];      /* TRACE_FILE_MAGIC again */
};

_Static_assert(sizeof(struct trace_file_header) == 32, "as in bsa-trace(5)");
_Static_assert(sizeof(struct trace_chunk_header) == 48, "as in bsa-trace(5)");
_Static_assert(sizeof(struct trace_fixed) == 32, "as in bsa-trace(5)");
_Static_assert(sizeof(struct trace_short) == 16, "as in bsa-trace(5)");
_Static_assert(sizeof(struct trace_index_entry) == 32, "as in bsa-trace(5)");
_Static_assert(sizeof(struct trace_trailer) == 24, "as in bsa-trace(5)");

#endif
