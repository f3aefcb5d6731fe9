/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A harness is one function, which a fuzzer calls with bytes of its own making (libfuzzer.c) and
 * make check with the files of the harness's corpus (driver.c).
 */
#ifndef BSA_TESTS_FUZZ_FUZZ_H
#define BSA_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "trace/reader.h"

#define FUZZ_PATH 32 /* bytes of the name of a file that is made here */

/* Whether the bytes were taken; FALSE: refused. Anything else ends the program. */
gboolean fuzz_one(const uint8_t *data, size_t size);

/* A file without a name that holds the bytes; path is filled with one by which it can be opened
 * until the descriptor is closed. */
int fuzz_file(const void *data, size_t size, char path[FUZZ_PATH]);

/*
 * Reads to the end: each slot is taken before it is given back, and the counts are those that were
 * promised. Returns the requests that were served, which every format keeps.
 */
guint64 fuzz_read_events(trace_reader *reader);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
