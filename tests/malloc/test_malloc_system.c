/* SPDX-License-Identifier: Apache-2.0 */
/* What the malloc asks the system for: this program stands between them. */
#include "preloaded.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { MIB = 1 << 20, LARGE_PAGE = 65536 };

static size_t page = 4096; /* of the system, as the malloc sees it */
static size_t refused;
static uint32_t slow, waits; /* the next munmap of megabytes takes its time */

static size_t up(size_t bytes)
{
    return (bytes + page - 1) & ~(page - 1);
}

long sysconf(int name)
{
    static long (*next)(int);
    if (name == _SC_PAGESIZE)
        return (long)page;
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "sysconf");
    return next(name);
}

int munmap(void *start, size_t bytes)
{
    if ((uintptr_t)start % page != 0) {
        refused++;
        errno = EINVAL;
        return -1;
    }
    if (bytes >= 20 * MIB && __atomic_exchange_n(&slow, 0, __ATOMIC_ACQ_REL) != 0) {
        __atomic_store_n(&waits, 1, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < 20; i++)
            usleep(1000);
    }
    return (int)syscall(SYS_munmap, start, up(bytes));
}

#if defined(SYS_mmap) && !defined(SYS_mmap2) /* else its arguments are others */
void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
    if (at != NULL || file != -1 || page == 4096)
        return (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
    bytes = up(bytes);
    char *p = (char *)syscall(SYS_mmap, NULL, bytes + page, protection, flags, -1, 0);
    if (p == MAP_FAILED)
        return p;
    size_t before = up((uintptr_t)p) - (uintptr_t)p;
    if (before != 0)
        syscall(SYS_munmap, p, before);
    syscall(SYS_munmap, p + before + bytes, page - before);
    return p + before;
}
#endif

static size_t mapped(void)
{
    char line[128] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    must(file >= 0 && read(file, line, sizeof(line) - 1) > 0);
    close(file);
    return strtoul(line, NULL, 10) * 4096;
}

/* What is kept is cut where the system can cut it. */
START_TEST(system_pages_may_be_larger_than_the_heaps)
{
    enum { ROUNDS = 400, BLOCKS = 64 };
    static void *blocks[BLOCKS];
    struct rng rng = {.state = 1};
    page = LARGE_PAGE;
    for (unsigned i = 0; i < ROUNDS; i++) {
        void **block = &blocks[i % BLOCKS], *p = malloc(rng_between(&rng, MIB + 1, 8 * MIB));
        must(p != NULL);
        free(*block); /* so that what is left for it is no multiple of large pages */
        must((*block = malloc(rng_between(&rng, 1, 200) * 4096)) != NULL);
        free(p);
    }
    ck_assert_uint_eq(refused, 0);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}
END_TEST

static pthread_barrier_t turns;

static void *drop_slowly(void *arg)
{
    free(used(malloc(100)));
    pthread_barrier_wait(&turns);
    pthread_barrier_wait(&turns);
    __atomic_store_n(&slow, 1, __ATOMIC_RELEASE);
    void *p =
        aligned_alloc((size_t)1 << 30, 2 * MIB); /* in vain, but what is kept has to go for it */
    __atomic_store_n(&waits, 1, __ATOMIC_RELEASE);
    free(p);
    return arg;
}

/* No memory is said only when what others give back has been waited for. */
START_TEST(what_is_on_its_way_to_the_system_is_waited_for)
{
    struct rlimit limit, tight;
    pthread_t thread;
    void *kept = malloc(30 * MIB);
    must(kept != NULL && pthread_barrier_init(&turns, NULL, 2) == 0);
    must(pthread_create(&thread, NULL, drop_slowly, NULL) == 0);
    pthread_barrier_wait(&turns);
    free(used(kept));
    must(getrlimit(RLIMIT_AS, &limit) == 0);
    tight = limit;
    tight.rlim_cur = mapped() + MIB;
    must(setrlimit(RLIMIT_AS, &tight) == 0);
    pthread_barrier_wait(&turns);
    while (__atomic_load_n(&waits, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    void *p = used(malloc(20 * MIB));
    pthread_join(thread, NULL);
    must(setrlimit(RLIMIT_AS, &limit) == 0);
    must(p != NULL);
    free(p);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    run_with(argv, "BSA_MALLOC_REGION", "4M");
    Suite *suite = suite_create("malloc_system");
    TCase *tc = tcase_create("system");
#if defined(SYS_mmap) && !defined(SYS_mmap2) /* else its arguments are others */
    tcase_add_test(tc, system_pages_may_be_larger_than_the_heaps);
#endif
    tcase_add_test(tc, what_is_on_its_way_to_the_system_is_waited_for);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
