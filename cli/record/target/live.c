/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which objects are recorded, where small ones are left out: else the frees of those that are not
 * could not be told from the others. A bit for every address at which an object may begin, in
 * tables for a gigabyte each that come when they are needed, of pages that come when they are
 * written.
 */
#include "internal.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    GRANULE_SHIFT = 3, /* all allocators align to this at least */
    TABLE_SHIFT = 30,
    ADDRESS_BITS = 48,
    TABLES = 1 << (ADDRESS_BITS - TABLE_SHIFT),
    TABLE_BYTES = 1 << (TABLE_SHIFT - GRANULE_SHIFT - 3)
};

static uint32_t *tables[TABLES];

/* Zero pages, or NULL. */
static void *map(size_t bytes)
{
    long pages = syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages > 0 || pages < -4095 ? (void *)pages : NULL;
}

/* The word of p's bit, NULL where there is none. */
static uint32_t *find(const void *p, uint32_t *bit, bool make)
{
    uint64_t address = (uintptr_t)p;
    if (address >> ADDRESS_BITS != 0)
        return NULL;
    uint32_t **slot = &tables[address >> TABLE_SHIFT];
    uint32_t *table = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (table == NULL && make) {
        uint32_t *made = map(TABLE_BYTES);
        if (made == NULL)
            return NULL;
        if (__atomic_compare_exchange_n(slot, &table, made, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            table = made;
        else
            syscall(SYS_munmap, made, TABLE_BYTES);
    }
    uint64_t granule = (address & ((UINT64_C(1) << TABLE_SHIFT) - 1)) >> GRANULE_SHIFT;
    *bit = UINT32_C(1) << (granule & 31);
    return table != NULL ? &table[granule >> 5] : NULL;
}

void bsar_live_add(const void *p)
{
    uint32_t bit, *word = find(p, &bit, true);
    if (word != NULL)
        __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

bool bsar_live_remove(const void *p)
{
    uint32_t bit, *word = find(p, &bit, false);
    /* Most are not in it, and a look does not take the line from other CPUs. */
    if (word == NULL || (__atomic_load_n(word, __ATOMIC_RELAXED) & bit) == 0)
        return false;
    return (__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED) & bit) != 0;
}
