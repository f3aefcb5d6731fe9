/* SPDX-License-Identifier: Apache-2.0 */
/* The environment. A program with raised privileges is not configured by whoever started it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGION_DEFAULT (sizeof(void *) > 4 ? (size_t)1 << 31 : (size_t)64 << 20)
#define REGION_MIN ((size_t)4 << 20)
#define REGION_MAX (SIZE_MAX >> (sizeof(void *) > 4 ? 8 : 1))

static const char *const table_names[] = {
    [BSA_CLASSES_NINE] = "nine", [BSA_CLASSES_KMALLOC] = "kmalloc", [BSA_CLASSES_FINE] = "fine"};
enum { TABLES = sizeof(table_names) / sizeof(table_names[0]) };

/* The fine table goes on, as rounding to pages would waste a quarter of what is asked for here. */
static const unsigned beyond[] = {2560, 3072, 3584, 4096, 5120, 6144, BSAM_OBJECT_MOST};

unsigned bsam_config_classes(const struct bsam_config *config, unsigned *sizes)
{
    const struct bsa_class_table *table = bsa_standard_classes(config->classes);
    unsigned count = table->count;
    memcpy(sizes, table->object_sizes, count * sizeof(*sizes));
    if (config->classes == BSA_CLASSES_FINE) {
        memcpy(sizes + count, beyond, sizeof(beyond));
        count += sizeof(beyond) / sizeof(beyond[0]);
    }
    return count;
}

BSAM_COLD static void complain(const char *name, const char *value, const char *wanted)
{
    struct bsam_line line = {.used = 0};
    bsam_put(&line, "buddyslab-malloc: ");
    bsam_put(&line, name);
    bsam_put(&line, "=");
    bsam_put(&line, value);
    bsam_put(&line, ": ");
    bsam_put(&line, wanted);
    bsam_put(&line, "; the default is used");
    bsam_say(STDERR_FILENO, &line);
}

/* Digits, and K, M or G behind them where units is true. */
static bool parse(const char *text, bool units, size_t *number)
{
    size_t n = 0;
    if (*text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(n, (size_t)10, &n) ||
            __builtin_add_overflow(n, (size_t)(*text - '0'), &n))
            return false;
    }
    if (units && *text != '\0') {
        static const char letters[] = "KMG";
        const char *unit = strchr(letters, *text);
        if (unit == NULL || __builtin_mul_overflow(n, (size_t)1024 << 10 * (unit - letters), &n))
            return false;
        text++;
    }
    *number = n;
    return *text == '\0';
}

void bsam_config_read(struct bsam_config *config)
{
    size_t number;
    *config = (struct bsam_config){
        .region = REGION_DEFAULT, .cpus = BSAM_CPUS_DEFAULT, .classes = BSA_CLASSES_FINE};

    const char *value = secure_getenv("BSA_MALLOC_REGION");
    if (value != NULL) {
        if (parse(value, true, &number) && number >= REGION_MIN && number <= REGION_MAX)
            config->region = number;
        else
            complain("BSA_MALLOC_REGION", value, "not a size of 4M or more, such as 256M or 2G");
    }
    value = secure_getenv("BSA_MALLOC_CLASSES");
    if (value != NULL) {
        unsigned i = 0;
        while (i < TABLES && strcmp(value, table_names[i]) != 0)
            i++;
        if (i < TABLES)
            config->classes = (enum bsa_class_set)i;
        else
            complain("BSA_MALLOC_CLASSES", value, "not one of nine, kmalloc and fine");
    }
    value = secure_getenv("BSA_MALLOC_THREADS");
    if (value != NULL) {
        if (parse(value, false, &number) && number < BSA_MAX_CPUS)
            config->cpus = (unsigned)number + 1;
        else
            complain("BSA_MALLOC_THREADS", value, "not a number from 0 to 4095");
    }
    value = secure_getenv("BSA_MALLOC_STATS");
    if (value != NULL) {
        if (strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
            config->stats = *value == '1';
        else
            complain("BSA_MALLOC_STATS", value, "neither 0 nor 1");
    }
}
