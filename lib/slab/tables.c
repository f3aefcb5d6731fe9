/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of size classes to choose from. */
#include "classes.h"

static const unsigned nine[] = {8, 16, 32, 64, 128, 256, 512, 1024, 2048};

static const unsigned kmalloc[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048};

static const unsigned fine[] = {
    8,   16,  24,  32,  40,  48,  56,  64,  80,  96,   112,  128,  160,  192,
    224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048,
};

#define TABLE(sizes)                                                                               \
    {                                                                                              \
        sizeof(struct bsa_class_table), sizeof(sizes) / sizeof(*(sizes)), sizes                    \
    }

static const struct bsa_class_table tables[] = {
    [BSA_CLASSES_NINE] = TABLE(nine),
    [BSA_CLASSES_KMALLOC] = TABLE(kmalloc),
    [BSA_CLASSES_FINE] = TABLE(fine),
};

/* What a set that is none of these gives: refused wherever a table is asked for. */
static const struct bsa_class_table unknown = {sizeof(unknown), 0, NULL};

const struct bsa_class_table *bsa_standard_classes(enum bsa_class_set set)
{
    return (unsigned)set < sizeof(tables) / sizeof(*tables) ? &tables[set] : &unknown;
}
