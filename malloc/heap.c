/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap and its regions. They come from mmap, without access costs or memory until their pages
 * are touched; each new one is as large as all before it, so that there are few: a pointer's region
 * is found among the first four without a table.
 */
#include "fast.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

bsa_heap *bsam_heap;
static size_t grown_most; /* bytes in enlarged magazines, as the library thinks; constant */
uint8_t bsam_places[BSAM_OBJECT_MOST / 8];

enum {
    LIMIT_SHARE = 8, /* of a limited address space, a region takes 1/8 at most */
    REGION_LEAST = 1 << 22,
    LISTED_MOST = 4096,    /* pages on a CPU's lists, */
    LISTED_LEAST = 1024,   /*   and what it may have at any time; beyond, */
    LISTED_PART = 4,       /*   all threads have 1/4 of what is in use */
    GROWN_LEAST = 5 << 19, /* bytes of which half may lie in a thread's enlarged magazines; or */
    GROWN_PART = 16,       /*   of all threads together 1/16 of what is in use */
    TIDY_PACE = 4 << 20,   /* bytes between two decisions, and */
    TIDY_TURNS = 8,        /*   so many times those in use */
    TIDY_LEAST = 1 << 20,  /* dirty bytes that are worth it, and */
    TIDY_PART = 8,         /*   which part of those in use */
    TIDY_ROW = 32768       /* shorter rows of pages stay */
};

static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;

/* No more than a share of what the process may map. */
static size_t within_limits(size_t bytes)
{
    static const __rlimit_resource_t limits[] = {RLIMIT_AS, RLIMIT_DATA};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit limit;
        if (getrlimit(limits[i], &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
            limit.rlim_cur / LIMIT_SHARE < bytes)
            bytes = (size_t)(limit.rlim_cur / LIMIT_SHARE);
    }
    return bytes & ~(size_t)(BSAM_PAGE - 1);
}

/* A mapping of *bytes or, where so much is not to be had, less, but at least `least`; for which
 * what is kept for others goes if need be. */
static void *map_region(size_t *bytes, size_t least)
{
    for (size_t wanted = *bytes;; wanted = wanted / 2 & ~(size_t)(BSAM_PAGE - 1)) {
        if (wanted < least)
            wanted = least;
        void *p = mmap(NULL, wanted, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED) {
            *bytes = wanted;
            return p;
        }
        if (wanted == least && bsam_huge_drop() == 0)
            return NULL;
    }
}

/* The library's tables, as one: what has less than 16 bytes in the class of 16 loses nothing by its
 * alignment. */
static void note_places(const bsa_heap *heap)
{
    size_t none = BSAI_MAGAZINE_PLACE(heap->classes.count) / sizeof(struct bsai_magazine);
    size_t largest = heap->caller.plain ? heap->classes.largest : 0; /* else no fast path is open */
    for (size_t i = 0; i < sizeof(bsam_places); i++)
        bsam_places[i] = i >= largest / 8 ? (uint8_t)none : heap->fast.place[i != 0][i];
}

/* The regions are no measure for magazines, as most of them may never be used. */
static void ration_magazines(bsa_heap *heap, size_t used)
{
    size_t bytes = GROWN_LEAST * bsam_threads();
    if (bytes < used / GROWN_PART)
        bytes = used / GROWN_PART;
    bsai_magazines_ration(&heap->growth, bytes < grown_most ? bytes : grown_most);
}

bool bsam_heap_make(const struct bsam_config *config, const struct bsa_platform *platform)
{
    struct bsa_heap_config c = BSA_HEAP_CONFIG_INIT;
    unsigned sizes[BSA_MAX_CLASSES];
    struct bsa_class_table table = {
        .size = sizeof(table), .count = bsam_config_classes(config, sizes), .object_sizes = sizes};
    size_t bytes = within_limits(config->region);
    bsa_heap *heap = NULL;
    void *region = map_region(&bytes, REGION_LEAST);
    if (region == NULL)
        return false;
    c.page_size = BSAM_PAGE;
    c.cpus = config->cpus;
    c.flags = BSA_HEAP_EXCLUSIVE_CPUS | BSA_HEAP_ZEROED;
    c.platform = platform;
    c.classes = &table;
    c.caches = BSA_NONE;
    c.page_list_pages = LISTED_MOST;
    if (bsa_heap_init(&heap, region, bytes, &c) != BSA_OK) {
        munmap(region, bytes);
        return false;
    }
    note_places(heap);
    grown_most = heap->growth.most;
    ration_magazines(heap, 0);
    __atomic_store_n(&bsam_heap, heap, __ATOMIC_RELEASE);
    return true;
}

bool bsam_heap_grow(size_t bytes, size_t align, size_t seen)
{
    int saved = errno;
    size_t least, wanted = bsa_heap_managed_bytes(bsam_heap);
    bool grown = true;
    /* The request, the way to its alignment, and what a region keeps for itself: a few bytes for a
     * page. */
    if (__builtin_add_overflow(bytes, align, &least) ||
        __builtin_add_overflow(least, least / 64 + REGION_LEAST, &least))
        return false;
    least &= ~(size_t)(BSAM_PAGE - 1);
    wanted = within_limits(wanted);
    pthread_mutex_lock(&growing);
    if (bsa_heap_section_count(bsam_heap) == seen) { /* else somebody else has done it */
        void *region = map_region(&wanted, least);
        grown = region != NULL;
        if (grown && bsa_heap_add_region(bsam_heap, region, wanted) != BSA_OK) {
            munmap(region, wanted);
            grown = false;
        }
    }
    pthread_mutex_unlock(&growing);
    errno = saved;
    return grown;
}

/* Giving pages back. They stay with the heap, without contents. */

static void release(void *ctx, void *addr, size_t bytes)
{
    uintptr_t page = (uintptr_t)ctx, start = ((uintptr_t)addr + page - 1) & ~(page - 1),
              end = ((uintptr_t)addr + bytes) & ~(page - 1);
    if (start < end)
        madvise((void *)start, end - start, MADV_DONTNEED);
}

size_t bsam_heap_release(size_t least)
{
    int saved = errno;
    size_t bytes =
        bsa_heap_release(bsam_heap, least, release, (void *)(uintptr_t)sysconf(_SC_PAGESIZE));
    errno = saved;
    return bytes;
}

/*
 * Free pages are dirty until they are given back: at most as many as are free now and were not at
 * some time since. A look notes what is in use. Where it has been less than at that time by an
 * eighth, for as long as it takes to allocate eight times what is in use, the pages in long rows
 * go. A program pays for it with page faults when it needs them again; what goes up and down
 * meanwhile stays. Free mappings may be as many as were in use with what the heap has since that
 * time.
 */
static void look_after(size_t used, size_t bytes)
{
    static size_t most, recently; /* bytes in use: since pages were given back last, and */
    static size_t passed; /*   while so many were allocated. Threads may disturb each other */
    size_t before = __atomic_load_n(&most, __ATOMIC_RELAXED), now = used + bsam_huge_most();
    size_t high = __atomic_load_n(&recently, __ATOMIC_RELAXED);
    if (now > high)
        __atomic_store_n(&recently, high = now, __ATOMIC_RELAXED);
    if (now > before)
        __atomic_store_n(&most, before = now, __ATOMIC_RELAXED);
    bsam_huge_ration(before > used ? before - used : 0);
    size_t turned = __atomic_add_fetch(&passed, bytes, __ATOMIC_RELAXED);
    if (turned < TIDY_PACE || turned / TIDY_TURNS < now)
        return;
    __atomic_store_n(&passed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&recently, now, __ATOMIC_RELAXED);
    if (before < high + TIDY_LEAST || before < high + high / TIDY_PART)
        return;
    __atomic_store_n(&most, now, __ATOMIC_RELAXED);
    bsam_huge_ration(high > used ? high - used : 0);
    bsam_heap_release(TIDY_ROW);
}

/* A thread's lists may hold as much as is in proportion to the heap. */
static void ration_lists(struct bsam_thread *t, size_t used)
{
    size_t pages = used / BSAM_PAGE / LISTED_PART / bsam_threads();
    if (pages < LISTED_LEAST)
        pages = LISTED_LEAST;
    if (pages > LISTED_MOST)
        pages = LISTED_MOST;
    bsa_cpu *own = t->own;
    if (own != NULL && own->lists.count != 0 && own->lists.share != pages) /* else it is shared */
        bsai_page_lists_ration(&own->lists, pages);
}

BSAM_COLD void bsam_heap_tidy(struct bsam_thread *t)
{
    size_t bytes = (size_t)BSAM_LOOK - (size_t)t->left;
    size_t used = bsa_heap_allocated_bytes(bsam_heap);
    t->left = BSAM_LOOK;
    ration_magazines(bsam_heap, used);
    ration_lists(t, used);
    look_after(used, bytes);
}

void *bsam_take(bsa_cpu *cpu, size_t size, size_t align, bool zero)
{
    void *p = NULL;
    size_t dirty;
    if (size >= BSAM_HUGE && (p = bsam_huge_take(size, align, &dirty)) != NULL)
        return zero ? memset(p, 0, dirty < size ? dirty : size) : p;
    for (;;) {
        size_t seen = bsa_heap_section_count(bsam_heap);
        if (bsa_cpu_alloc(cpu, size, align, &p) == BSA_OK)
            break;
        if (!bsam_heap_grow(size, align, seen))
            return NULL;
    }
    if (zero)
        memset(p, 0, size);
    return p;
}

enum bsa_status bsam_give(bsa_cpu *cpu, void *p)
{
    /* The heap would look through all regions for what is in none. */
    return bsam_huge_give(p) == BSA_OK ? BSA_OK : bsa_cpu_free(cpu, p);
}

size_t bsam_usable_other(const void *p)
{
    size_t bytes = bsa_usable_size(__atomic_load_n(&bsam_heap, __ATOMIC_ACQUIRE), p);
    if (BSAM_UNLIKELY(bytes == 0))
        bytes = bsam_huge_size(p);
    return BSAM_LIKELY(bytes != 0) ? bytes : bsam_emergency_size(p);
}
