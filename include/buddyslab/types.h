/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that every other header needs: status values and the opaque types.
 *
 * A struct that crosses the API begins with its own size. Initialise it with the macro of its name
 * (BSA_HEAP_CONFIG_INIT ...), then set members. In every configuration 0 means "the default", so
 * that a struct can grow; a struct larger than the library's own is accepted while its tail is
 * zero, and unknown flags are refused, both with BSA_ERR_INVALID_PARAM.
 *
 * Addresses that a call hands out are written through an `out` pointer, which is set to NULL on
 * failure. A NULL handle is BSA_ERR_NOT_INITIALIZED, or 0 where a count is returned; a NULL pointer
 * to write to, or a struct to be filled whose size is not set, is BSA_ERR_INVALID_PARAM; neither is
 * told to the fault hook. "Takes" in the comments below names locks by rank, see lib/base/lock.h; a
 * caller needs them only to know that a call may spin.
 */
#ifndef BUDDYSLAB_TYPES_H
#define BUDDYSLAB_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BSA_API extern "C" __attribute__((visibility("default")))
#else
#define BSA_API __attribute__((visibility("default")))
#endif

enum bsa_status {
    BSA_OK = 0,
    BSA_ERR_INVALID_PARAM,       /* an argument is wrong, or disagrees with what is recorded */
    BSA_ERR_ALREADY_INITIALIZED, /* *handle was not NULL on entry */
    BSA_ERR_MEMORY_OVERLAP,      /* a region or range overlaps one that is there, or live pages */
    BSA_ERR_NO_MEMORY,           /* well formed, but memory does not suffice now, or ever */
    BSA_ERR_NOT_ALLOCATED,       /* the address is ours but not live: a double free */
    BSA_ERR_NOT_INITIALIZED,     /* NULL handle */
    BSA_ERR_NOT_FOUND            /* the address is not in memory that this allocator hands out */
};

/* A short English text for a status; for an unknown value too. Never NULL, never to be freed.
 * Takes no lock; any context. */
BSA_API const char *bsa_strerror(enum bsa_status status);

typedef struct bsa_buddy bsa_buddy;
typedef struct bsa_slab bsa_slab;
typedef struct bsa_heap bsa_heap;
typedef struct bsa_cpu bsa_cpu;
typedef struct bsa_cache bsa_cache;

/* A limit that is switched off, where 0 means "the default". */
#define BSA_NONE (~0u)

#define BSA_MAX_CPUS 4096u
#define BSA_MAX_ORDER 20u   /* free blocks are counted up to this order; larger ones as several */
#define BSA_MAX_CLASSES 64u /* size classes of a heap or slab */
#define BSA_MAX_CACHES 512u /* named caches of a heap */

/*
 * A table of size classes: at most BSA_MAX_CLASSES strictly ascending object sizes in bytes, each a
 * multiple of 8, the largest at most BSA_MAX_CLASS_SIZE; else it is refused with
 * BSA_ERR_INVALID_PARAM. Copied at init.
 *
 * Objects of a class are aligned to the largest power of two that divides its size, and a request
 * gets the smallest class whose size and alignment suffice: of 24 and 32 bytes, a request for 20
 * bytes at a multiple of 16 gets 32. If the largest class is no multiple of 16, requests at a
 * multiple of 16, bsa_malloc's from 16 bytes on among them, that are larger than the last class
 * that is one take pages.
 */
struct bsa_class_table {
    size_t size;
    unsigned count;
    const unsigned *object_sizes;
};
#define BSA_MAX_CLASS_SIZE 8192u

/* The tables that the library brings. */
enum bsa_class_set {
    BSA_CLASSES_NINE, /* powers of two, 8 16 32 ... 2048; what a configuration's NULL stands for */
    BSA_CLASSES_KMALLOC, /* the same, and 96 and 192, as Linux kmalloc has them: 11 */
    BSA_CLASSES_FINE     /* multiples of 8 up to 64, then four per doubling up to 2048: 28 */
};

/* One of them, constant: config.classes = bsa_standard_classes(BSA_CLASSES_FINE). Never NULL; for
 * an unknown set a table that is refused. Takes no lock; any context. */
BSA_API const struct bsa_class_table *bsa_standard_classes(enum bsa_class_set set);

#endif
