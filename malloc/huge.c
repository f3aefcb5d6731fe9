/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large requests have a mapping of their own: fresh from the system, resized by moving page tables
 * instead of bytes. One that is freed is kept for the next, as kept.c has it.
 *
 * They are found in a hash table with open addressing (linear probing). Writers hold the mutex;
 * readers need none, as a signal handler may be one: an entry's size is written before its address,
 * and a removed entry stays as a tombstone while entries may lie behind it.
 */
#include "internal.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOT_BITS = 16,
    SLOTS = 1 << SLOT_BITS,
    SLOTS_USED_MAX = SLOTS / 4 * 3,
    WAITS_MOST = 1 << 20 /* yields: a second or so */
};

#define EMPTY ((uintptr_t)0)
#define TOMBSTONE ((uintptr_t)1)

struct slot {
    uintptr_t addr;
    size_t bytes;
};
static struct slot slots[SLOTS]; /* untouched pages of it cost nothing */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static size_t slots_used; /* guarded by mutex, as the next ones and all of kept.c */
static size_t live_count, live_bytes;
static size_t live_most;    /* since bsam_huge_most was asked */
static size_t allowed;      /* bytes of what is live and kept together, whole pages of the system */
static size_t begun, ended; /* pieces of what was kept that go back to the system; that have gone */
static size_t grown_from = BSAM_GROWN;

size_t bsam_grown_from(void)
{
    return __atomic_load_n(&grown_from, __ATOMIC_RELAXED);
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
    if (allowed < live_bytes)
        allowed = live_bytes;
    if (live_most < live_bytes)
        live_most = live_bytes;
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

/* Gives back what is kept beyond the room for it. The system takes its time, so that nobody waits
 * for that. */
static void unmap_excess(void)
{
    size_t bytes = 0;
    void *p = NULL;
    do {
        if (bytes != 0)
            munmap(p, bytes);
        pthread_mutex_lock(&mutex);
        ended += bytes != 0;
        bytes = bsam_kept_cut(allowed - live_bytes, &p);
        begun += bytes != 0;
        pthread_mutex_unlock(&mutex);
    } while (bytes != 0);
}

/* What other threads are giving back is to be had when they have: as many pieces as there are now.
 * But a thread may be gone, in the child of a fork, or not get a processor. How many have ended,
 * ever. */
static size_t wait_for_others(void)
{
    size_t left;
    pthread_mutex_lock(&mutex);
    size_t last = begun;
    for (unsigned n = 0; n < WAITS_MOST && (left = last - ended) != 0 && left <= SIZE_MAX / 2;
         n++) {
        pthread_mutex_unlock(&mutex);
        sched_yield();
        pthread_mutex_lock(&mutex);
    }
    size_t now = ended;
    pthread_mutex_unlock(&mutex);
    return now;
}

size_t bsam_huge_drop(void)
{
    int saved = errno;
    pthread_mutex_lock(&mutex);
    size_t bytes = bsam_kept_bytes(), before = ended;
    allowed = live_bytes;
    pthread_mutex_unlock(&mutex);
    unmap_excess();
    size_t pieces = wait_for_others() - before; /* its own are among them */
    errno = saved;
    return bytes != 0 ? bytes : pieces;
}

void bsam_huge_ration(size_t bytes)
{
    int saved = errno;
    bytes &= ~(round_to_pages(1) - 1); /* the heap's pages may be smaller than the system's */
    pthread_mutex_lock(&mutex);
    allowed = bytes > live_bytes ? bytes : live_bytes;
    pthread_mutex_unlock(&mutex);
    unmap_excess();
    errno = saved;
}

/* Fresh memory, for which what is kept goes if need be. */
static void *take_fresh(size_t bytes, size_t align)
{
    void *p = map_aligned(bytes, align);
    if (p == NULL) {
        bsam_huge_drop(); /* or another thread has just done so */
        p = map_aligned(bytes, align);
    }
    return p;
}

/* The entry for it; false: there is no room. The mutex is held. */
static bool enter(void *p, size_t bytes)
{
    bool fits = slots_used < SLOTS_USED_MAX;
    if (fits)
        insert((uintptr_t)p, bytes);
    return fits;
}

/* Grows what was kept, *dirty bytes from p on, or maps all of it afresh. */
static void *take_slow(void *p, size_t bytes, size_t align, size_t *dirty)
{
    if (p != NULL && *dirty != bytes) {
        void *grown = mremap(p, *dirty, bytes, MREMAP_MAYMOVE);
        if (grown == MAP_FAILED)
            munmap(p, *dirty); /* it may be several mappings, which do not grow */
        p = grown == MAP_FAILED ? NULL : grown;
    }
    if (p == NULL) {
        *dirty = 0;
        p = take_fresh(bytes, align);
    }
    if (p == NULL)
        return NULL;
    pthread_mutex_lock(&mutex);
    bool fits = enter(p, bytes);
    pthread_mutex_unlock(&mutex);
    if (!fits) {
        munmap(p, bytes);
        p = NULL;
    }
    unmap_excess();
    return p;
}

void *bsam_huge_take(size_t size, size_t align, size_t *dirty)
{
    int saved = errno;
    size_t bytes = round_to_pages(size);
    pthread_mutex_lock(&mutex);
    void *p = bsam_kept_take(bytes, align, dirty);
    bool done = p != NULL && *dirty == bytes && enter(p, bytes);
    pthread_mutex_unlock(&mutex);
    if (!done)
        p = take_slow(p, bytes, align, dirty);
    errno = saved;
    return p;
}

enum bsa_status bsam_huge_give(void *p)
{
    if (((uintptr_t)p & (BSAM_PAGE - 1)) != 0 || find((uintptr_t)p) == SLOTS)
        return BSA_ERR_NOT_FOUND;
    int saved = errno;
    size_t bytes = 0;
    bool kept = false, exceeds = false;
    pthread_mutex_lock(&mutex);
    size_t at = find((uintptr_t)p);
    if (at != SLOTS) {
        bytes = slots[at].bytes;
        erase(at);
        if (bytes < BSAM_HUGE) /* realloc has made it: what grows as far is the heap's next time */
            __atomic_store_n(&grown_from, BSAM_HUGE, __ATOMIC_RELAXED);
        kept = bsam_kept_put(p, bytes);
        exceeds = kept && bsam_kept_exceeds(allowed - live_bytes);
    }
    pthread_mutex_unlock(&mutex);
    if (exceeds)
        unmap_excess();
    else if (bytes != 0 && !kept)
        munmap(p, bytes);
    errno = saved;
    return bytes != 0 ? BSA_OK : BSA_ERR_NOT_FOUND;
}

size_t bsam_huge_size(const void *p)
{
    size_t at = find((uintptr_t)p);
    return at == SLOTS ? 0 : __atomic_load_n(&slots[at].bytes, __ATOMIC_RELAXED);
}

/* Another size for the entry, at the same address if what is behind it serves or is given up. */
static void *resize_at(size_t at, size_t bytes)
{
    void *p = (void *)slots[at].addr, *moved = p;
    size_t old = slots[at].bytes;
    /* The old address may be mapped anew by another thread as soon as it is gone. */
    erase(at);
    if (bytes > old && !bsam_kept_extend((char *)p + old, bytes - old))
        moved = mremap(p, old, bytes, MREMAP_MAYMOVE);
    else if (bytes < old && !bsam_kept_put((char *)p + bytes, old - bytes))
        munmap((char *)p + bytes, old - bytes);
    if (moved == MAP_FAILED)
        insert((uintptr_t)p, old);
    else
        insert((uintptr_t)moved, bytes);
    return moved == MAP_FAILED ? NULL : moved;
}

void *bsam_huge_resize(void *p, size_t size)
{
    int saved = errno;
    size_t bytes = round_to_pages(size);
    void *moved = NULL;
    do {
        errno = 0;
        pthread_mutex_lock(&mutex);
        size_t at = find((uintptr_t)p);
        if (at != SLOTS)
            moved = slots[at].bytes == bytes ? p : resize_at(at, bytes);
        pthread_mutex_unlock(&mutex);
        /* Several mappings that were joined do not grow, whatever is given back. */
    } while (moved == NULL && errno == ENOMEM && bsam_huge_drop() != 0);
    unmap_excess();
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

size_t bsam_huge_most(void)
{
    pthread_mutex_lock(&mutex);
    size_t bytes = live_most;
    live_most = live_bytes;
    pthread_mutex_unlock(&mutex);
    return bytes;
}

void bsam_huge_count(size_t *count, size_t *bytes)
{
    pthread_mutex_lock(&mutex);
    *count = live_count;
    *bytes = live_bytes;
    pthread_mutex_unlock(&mutex);
}
