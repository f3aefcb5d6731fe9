/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for signal handlers that interrupted malloc itself. Blocks of a page are claimed in a
 * bitmap, larger requests are mapped and noted in a small table; every step is one atomic
 * operation, so that any number of handlers and threads may be at it.
 */
#include "internal.h"

#include <sys/mman.h>

enum {
    BLOCK = 4096,
    WORD_BITS = 32,
    WORDS = 8,
    BLOCKS = WORDS * WORD_BITS, /* 1 MiB of them */
    MAPS = 64
};

static unsigned char blocks[BLOCKS][BLOCK] __attribute__((aligned(BLOCK)));
static uint32_t taken[WORDS];

struct map {
    uintptr_t addr; /* 0: free; 1: claimed, being filled or emptied */
    size_t bytes;
};
static struct map maps[MAPS];
static bool maps_used; /* ever: most programs never search the table */

static void *take_block(void)
{
    for (unsigned word = 0; word < WORDS; word++) {
        uint32_t seen = __atomic_load_n(&taken[word], __ATOMIC_RELAXED);
        while (seen != UINT32_MAX) {
            unsigned bit = (unsigned)__builtin_ctz(~seen);
            if (__atomic_compare_exchange_n(&taken[word], &seen, seen | UINT32_C(1) << bit, false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
                return blocks[word * WORD_BITS + bit];
        }
    }
    return NULL;
}

static void *take_map(size_t size, size_t align)
{
    size_t bytes;
    if (align > BLOCK || __builtin_add_overflow(size, (size_t)BLOCK - 1, &bytes))
        return NULL;
    for (unsigned i = 0; i < MAPS; i++) {
        uintptr_t nobody = 0;
        if (!__atomic_compare_exchange_n(&maps[i].addr, &nobody, 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&maps_used, true, __ATOMIC_RELEASE);
        bytes &= ~(size_t)(BLOCK - 1);
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        __atomic_store_n(&maps[i].bytes, bytes, __ATOMIC_RELAXED);
        __atomic_store_n(&maps[i].addr, p == MAP_FAILED ? 0 : (uintptr_t)p, __ATOMIC_RELEASE);
        return p == MAP_FAILED ? NULL : p;
    }
    return NULL;
}

static struct map *find_map(const void *p)
{
    if (!__atomic_load_n(&maps_used, __ATOMIC_ACQUIRE) || (uintptr_t)p <= 1)
        return NULL;
    for (unsigned i = 0; i < MAPS; i++) {
        if (__atomic_load_n(&maps[i].addr, __ATOMIC_ACQUIRE) == (uintptr_t)p)
            return &maps[i];
    }
    return NULL;
}

static bool is_block(const void *p)
{
    return (uintptr_t)p - (uintptr_t)blocks < sizeof(blocks);
}

void *bsam_emergency_take(size_t size, size_t align)
{
    void *p = size <= BLOCK && align <= BLOCK ? take_block() : NULL;
    return p != NULL ? p : take_map(size, align);
}

bool bsam_emergency_owns(const void *p)
{
    return is_block(p) || find_map(p) != NULL;
}

size_t bsam_emergency_size(const void *p)
{
    if (!is_block(p)) {
        const struct map *map = find_map(p);
        return map != NULL ? __atomic_load_n(&map->bytes, __ATOMIC_RELAXED) : 0;
    }
    size_t offset = (uintptr_t)p - (uintptr_t)blocks, block = offset / BLOCK;
    uint32_t word = __atomic_load_n(&taken[block / WORD_BITS], __ATOMIC_RELAXED);
    return offset % BLOCK == 0 && (word >> block % WORD_BITS & 1) != 0 ? BLOCK : 0;
}

static enum bsa_status give_block(const void *p)
{
    size_t offset = (uintptr_t)p - (uintptr_t)blocks, block = offset / BLOCK;
    uint32_t bit = UINT32_C(1) << block % WORD_BITS;
    if (offset % BLOCK != 0)
        return BSA_ERR_INVALID_PARAM;
    uint32_t before = __atomic_fetch_and(&taken[block / WORD_BITS], ~bit, __ATOMIC_ACQ_REL);
    return (before & bit) != 0 ? BSA_OK : BSA_ERR_NOT_ALLOCATED;
}

enum bsa_status bsam_emergency_give(void *p)
{
    if (is_block(p))
        return give_block(p);
    struct map *map = find_map(p);
    uintptr_t addr = (uintptr_t)p;
    if (map == NULL || !__atomic_compare_exchange_n(&map->addr, &addr, 1, false, __ATOMIC_ACQ_REL,
                                                    __ATOMIC_RELAXED))
        return BSA_ERR_NOT_ALLOCATED;
    munmap(p, map->bytes);
    __atomic_store_n(&map->addr, 0, __ATOMIC_RELEASE);
    return BSA_OK;
}
