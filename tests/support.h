/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test programs share.
 *
 *   BSA_TEST_SEED   seed of every random test; printed as a TAP comment, else taken from the clock
 *   BSA_TEST_SCALE  factor on the number of random operations; default 1
 */
#ifndef BSA_TESTS_SUPPORT_H
#define BSA_TESTS_SUPPORT_H

#include <buddyslab/platform.h>

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A reproducible stream of numbers (Marsaglia's xorshift64*). */
struct rng {
    uint64_t state;
};

/* A stream of its own for each test, all from the one seed. */
struct rng rng_for(const char *test);
uint64_t rng_next(struct rng *rng);
/* Below n, n > 0. */
size_t rng_below(struct rng *rng, size_t n);
/* From low to high, both included. */
size_t rng_between(struct rng *rng, size_t low, size_t high);

/* n times the scale. */
size_t scaled(size_t n);

/* A piece of memory of its own, without access to the pages before and behind it as far as the
 * machine's page size allows: bytes long, at `offset` bytes behind a multiple of align (a power of
 * two). Its pages cost nothing until they are touched. Fails the test when there is no memory. */
struct region {
    unsigned char *start;
    size_t bytes;
    void *mapping;
    size_t mapping_bytes;
};
struct region region_make(size_t bytes, size_t align, size_t offset);
void region_free(struct region *region);

/* What the fault hook was told. */
struct faults {
    unsigned count;
    enum bsa_status status; /* of the last one, as the rest */
    const void *addr;
    const char *what;
};
/* Records into ctx, a struct faults, and does nothing else. */
void faults_record(void *ctx, enum bsa_status status, const void *addr, const char *what);

/* Fails unless there was exactly one fault since the last call, this one; looks for `what` in its
 * text. */
void faults_expect(struct faults *faults, enum bsa_status status, const void *addr,
                   const char *what);

/* An assertion for loops: libcheck's own notes its place in a file each time. */
#define must(condition) ((condition) ? (void)0 : ck_abort_msg("not so: %s", #condition))

#define assert_status(call, status) check_status((call), (status), #call)
void check_status(enum bsa_status got, enum bsa_status expected, const char *call);

/* Runs the suite, a TAP line for each test; what main returns. */
int run_suite(Suite *suite);

#endif
