/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large requests have a mapping of their own: fresh from the system, which has zeroed it, resized
 * by moving page tables instead of bytes, and gone when it is freed. Large is a mebibyte or more,
 * until one of them is freed: a program that does so may do it again, and pays thousands of
 * nanoseconds each time, so that from then on its size is the heap's, as long as that is a small
 * part of a region.
 *
 * They are found in a hash table with open addressing (linear probing). Writers hold the mutex;
 * readers need none, as a signal handler may be one: an entry's size is written before its address,
 * and a removed entry stays as a tombstone while entries may lie behind it.
 */
#include "internal.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOT_BITS = 16, SLOTS = 1 << SLOT_BITS, SLOTS_USED_MAX = SLOTS / 4 * 3 };

#define EMPTY ((uintptr_t)0)
#define TOMBSTONE ((uintptr_t)1)

struct slot {
    uintptr_t addr;
    size_t bytes;
};
static struct slot slots[SLOTS]; /* untouched pages of it cost nothing */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static size_t slots_used; /* guarded by mutex, as the next two */
static size_t live_count, live_bytes;
static size_t from = BSAM_HUGE, from_most = BSAM_HUGE;

size_t bsam_huge_from(void)
{
    return __atomic_load_n(&from, __ATOMIC_RELAXED);
}

void bsam_huge_limit(size_t bytes)
{
    if (bytes > from_most)
        from_most = bytes;
}

static size_t slot_of(uintptr_t addr)
{
    return (size_t)((uint64_t)(addr / BSAM_PAGE) * UINT64_C(0x9e3779b97f4a7c15) >>
                    (64 - SLOT_BITS));
}

static size_t next(size_t at)
{
    return (at + 1) % SLOTS;
}

static size_t previous(size_t at)
{
    return (at + SLOTS - 1) % SLOTS;
}

static uintptr_t addr_at(size_t at)
{
    return __atomic_load_n(&slots[at].addr, __ATOMIC_ACQUIRE);
}

/* Where addr stands, or SLOTS. */
static size_t find(uintptr_t addr)
{
    uintptr_t there;
    for (size_t at = slot_of(addr); (there = addr_at(at)) != EMPTY; at = next(at)) {
        if (there == addr && addr != TOMBSTONE)
            return at;
    }
    return SLOTS;
}

static void insert(uintptr_t addr, size_t bytes)
{
    size_t at = slot_of(addr);
    while (addr_at(at) > TOMBSTONE)
        at = next(at);
    slots_used += addr_at(at) == EMPTY;
    __atomic_store_n(&slots[at].bytes, bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&slots[at].addr, addr, __ATOMIC_RELEASE);
    live_count++;
    live_bytes += bytes;
}

static void erase(size_t at)
{
    live_count--;
    live_bytes -= slots[at].bytes;
    __atomic_store_n(&slots[at].addr, TOMBSTONE, __ATOMIC_RELEASE);
    /* Tombstones with nothing behind them serve nobody. */
    for (; addr_at(next(at)) == EMPTY && addr_at(at) == TOMBSTONE; at = previous(at)) {
        __atomic_store_n(&slots[at].addr, EMPTY, __ATOMIC_RELEASE);
        slots_used--;
    }
}

static size_t round_to_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) & ~(page - 1);
}

/* Anonymous memory at a multiple of align; NULL: none. bytes: whole pages. */
static void *map_aligned(size_t bytes, size_t align)
{
    size_t page = round_to_pages(1), room;
    if (align <= page)
        align = page;
    if (__builtin_add_overflow(bytes, align - page, &room))
        return NULL;
    char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)p & (align - 1));
    if (before != 0)
        munmap(p, before);
    if (room - before != bytes)
        munmap(p + before + bytes, room - before - bytes);
    return p + before;
}

void *bsam_huge_take(size_t size, size_t align)
{
    int saved = errno;
    size_t bytes = round_to_pages(size);
    void *p = map_aligned(bytes, align);
    if (p != NULL) {
        pthread_mutex_lock(&mutex);
        bool room = slots_used < SLOTS_USED_MAX;
        if (room)
            insert((uintptr_t)p, bytes);
        pthread_mutex_unlock(&mutex);
        if (!room) {
            munmap(p, bytes);
            p = NULL;
        }
    }
    errno = saved;
    return p;
}

enum bsa_status bsam_huge_give(void *p)
{
    int saved = errno;
    size_t bytes = 0;
    pthread_mutex_lock(&mutex);
    size_t at = find((uintptr_t)p);
    if (at != SLOTS) {
        bytes = slots[at].bytes;
        erase(at);
        if (bytes >= from && bytes < from_most)
            __atomic_store_n(&from, bytes + 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&mutex);
    if (bytes != 0)
        munmap(p, bytes);
    errno = saved;
    return bytes != 0 ? BSA_OK : BSA_ERR_NOT_FOUND;
}

size_t bsam_huge_size(const void *p)
{
    size_t at = find((uintptr_t)p);
    return at == SLOTS ? 0 : __atomic_load_n(&slots[at].bytes, __ATOMIC_RELAXED);
}

void *bsam_huge_resize(void *p, size_t size)
{
    int saved = errno;
    size_t bytes = round_to_pages(size);
    void *moved = NULL;
    pthread_mutex_lock(&mutex);
    size_t at = find((uintptr_t)p);
    if (at != SLOTS && slots[at].bytes == bytes) {
        moved = p;
    } else if (at != SLOTS) {
        /* The old address may be mapped anew by another thread as soon as it is gone. */
        size_t old = slots[at].bytes;
        erase(at);
        moved = mremap(p, old, bytes, MREMAP_MAYMOVE);
        if (moved == MAP_FAILED) {
            moved = NULL;
            insert((uintptr_t)p, old);
        } else {
            insert((uintptr_t)moved, bytes);
        }
    }
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return moved;
}

bool bsam_huge_inside(const void *p)
{
    for (size_t at = 0; at < SLOTS; at++) {
        uintptr_t addr = addr_at(at);
        if (addr > TOMBSTONE && (uintptr_t)p - addr < slots[at].bytes)
            return true;
    }
    return false;
}

void bsam_huge_count(size_t *count, size_t *bytes)
{
    pthread_mutex_lock(&mutex);
    *count = live_count;
    *bytes = live_bytes;
    pthread_mutex_unlock(&mutex);
}
