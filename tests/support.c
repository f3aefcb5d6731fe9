/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void check_status(enum bsa_status got, enum bsa_status expected, const char *call)
{
    if (got != expected)
        ck_abort_msg("%s: got \"%s\", expected \"%s\"", call, bsa_strerror(got),
                     bsa_strerror(expected));
}

/* A number from the environment, or otherwise. */
static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    char *end;
    if (text == NULL || *text == '\0')
        return otherwise;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0') {
        fprintf(stderr, "%s=%s: not a number; unset it or give one\n", name, text);
        exit(2);
    }
    return value;
}

static uint64_t seed(void)
{
    static uint64_t chosen; /* before the first fork, so that every test has the same */
    if (chosen == 0)
        chosen = env_number("BSA_TEST_SEED", (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid());
    if (chosen == 0)
        chosen = 1;
    return chosen;
}

struct rng rng_for(const char *test)
{
    struct rng rng = {seed()};
    for (; *test != '\0'; test++)
        rng.state = (rng.state ^ (unsigned char)*test) * UINT64_C(0x100000001b3);
    if (rng.state == 0)
        rng.state = 1;
    rng_next(&rng);
    return rng;
}

uint64_t rng_next(struct rng *rng)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return rng->state * UINT64_C(0x2545f4914f6cdd1d);
}

size_t rng_below(struct rng *rng, size_t n)
{
    return (size_t)(rng_next(rng) >> 11) % n;
}

size_t rng_between(struct rng *rng, size_t low, size_t high)
{
    return low + rng_below(rng, high - low + 1);
}

size_t scaled(size_t n)
{
    return n * (size_t)env_number("BSA_TEST_SCALE", 1);
}

struct region region_make(size_t bytes, size_t align, size_t offset)
{
    struct region region = {.bytes = bytes};
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    region.mapping_bytes = bytes + align + offset + 4 * guard;
    region.mapping = mmap(NULL, region.mapping_bytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region.mapping == MAP_FAILED)
        ck_abort_msg("mmap of %zu bytes: %s", region.mapping_bytes, strerror(errno));
    uintptr_t start = (uintptr_t)region.mapping + guard;
    start = ((start + align - 1) & ~(uintptr_t)(align - 1)) + offset;
    region.start = (unsigned char *)start;
    uintptr_t open = start & ~(uintptr_t)(guard - 1);
    uintptr_t close = (start + bytes + guard - 1) & ~(uintptr_t)(guard - 1);
    ck_assert_msg(mprotect((void *)open, close - open, PROT_READ | PROT_WRITE) == 0, "mprotect: %s",
                  strerror(errno));
    return region;
}

void region_free(struct region *region)
{
    munmap(region->mapping, region->mapping_bytes);
    region->start = NULL;
}

void faults_record(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    struct faults *faults = ctx;
    faults->count++;
    faults->status = status;
    faults->addr = addr;
    faults->what = what;
}

void faults_expect(struct faults *faults, enum bsa_status status, const void *addr,
                   const char *what)
{
    if (faults->count != 1 || faults->status != status || faults->addr != addr)
        ck_abort_msg("%u faults, the last \"%s\" at %p; expected one, \"%s\" at %p", faults->count,
                     bsa_strerror(faults->status), faults->addr, bsa_strerror(status), addr);
    if (strstr(faults->what, what) == NULL)
        ck_abort_msg("the fault says \"%s\", expected \"...%s...\"", faults->what, what);
    faults->count = 0;
}

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    printf("# BSA_TEST_SEED=%llu\n", (unsigned long long)seed());
    fflush(stdout);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
