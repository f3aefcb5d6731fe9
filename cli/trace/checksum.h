/* SPDX-License-Identifier: Apache-2.0 */
/* The checksums of bsa-trace(5), for readers and for recorders; compiled in, without a library. */
#ifndef BSA_CLI_TRACE_CHECKSUM_H
#define BSA_CLI_TRACE_CHECKSUM_H

#include <stddef.h>

/* The include of <xxhash.h> is everything: no symbol of it is seen outside of the file. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format.h"

/* Headers as they stand in a file, little-endian. */
static inline uint64_t trace_header_checksum(const struct trace_file_header *header)
{
    return XXH3_64bits(header, offsetof(struct trace_file_header, checksum));
}

/* The header as it stands in a file, little-endian; stored: its stored_bytes of them. */
static inline uint64_t trace_chunk_checksum(const struct trace_chunk_header *header,
                                            const void *stored)
{
    const unsigned char *bytes = (const unsigned char *)&header->stored_bytes;
    size_t length =
        bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, header, offsetof(struct trace_chunk_header, checksum));
    XXH3_64bits_update(&state, stored, length);
    return XXH3_64bits_digest(&state);
}

static inline uint64_t trace_trailer_checksum(const struct trace_trailer *trailer)
{
    return XXH3_64bits(&trailer->index_offset, sizeof trailer->index_offset);
}

#endif
