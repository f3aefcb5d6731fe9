/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of random tests. */
#ifndef BSA_TESTS_CLI_SEED_H
#define BSA_TESTS_CLI_SEED_H

#include <glib.h>

/* A seed from the environment or a new one; it is printed. */
static inline GRand *seeded(const char *test)
{
    const char *given = g_getenv("BSA_TEST_SEED");
    guint32 seed = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 0) : g_random_int();
    g_print("# %s: BSA_TEST_SEED=%u\n", test, seed);
    return g_rand_new_with_seed(seed);
}

#endif
