/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, their CPU ids, and the door. internal.h has the theory. */
#include "fast.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Pages, several times a CPU's state. */
enum { ENOUGH_LEAST = 256 };

struct bsa_cpu bsam_nobody = {.inside = BSAM_AT_DOOR};
__thread struct bsam_thread bsam_self
    __attribute__((tls_model("initial-exec"))) = {.cpu = &bsam_nobody};

/* Order: registry, then shared. A thread that waits for either is AT_DOOR. */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER; /* owns CPU 0 */

/* Guarded by registry; the first four constant once there is a heap. */
static bsa_cpu *shared_cpu;
static unsigned cpus; /* ids from 1 up to this one may be had */
static pthread_key_t key;
static pthread_mutexattr_t robust;
static unsigned first_free = 1;   /* no id below it is free, */
static unsigned first_unused = 1; /*   and none from here on was ever taken */
static size_t starved;            /* regions of the heap when it last had no memory for a CPU, */
static size_t enough;             /*   and free pages with which it may have */
static size_t owned;              /* ids; read by anybody */

/* By id, guarded by registry. What was never used costs nothing. */
static struct owner {
    bsa_cpu *cpu;          /* NULL: nobody has the id */
    pthread_mutex_t alive; /* else that thread holds this, which is robust */
    bool unfit;            /* nor will anybody: a thread died in the CPU, or that has no memory */
} owners[BSA_MAX_CPUS];

/* Hooks of the heap. */

static unsigned cpu_id(void *ctx)
{
    (void)ctx;
    return bsam_self.id;
}

static void relax(void *ctx)
{
    (void)ctx;
    sched_yield();
}

static void fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx;
    (void)status;
    bsam_self.what = what; /* who called knows which function it was */
    bsam_self.where = addr;
}

BSAM_COLD void bsam_tell(void)
{
    bsam_misuse("free", bsam_self.where, bsam_self.what, NULL);
}

/* A mark that others may be looking at. */
static void mark(uint32_t *inside, enum bsam_inside where)
{
    __atomic_store_n(inside, where, __ATOMIC_RELAXED);
}

static void leave(void)
{
    struct bsam_thread *t = &bsam_self;
    __atomic_store_n(bsam_inside(t), BSAM_OUTSIDE, __ATOMIC_RELEASE);
    if (BSAM_UNLIKELY(t->what != NULL))
        bsam_tell();
    if (BSAM_UNLIKELY(t->deferred != NULL) && bsam_enter() != NULL)
        bsam_leave(); /* the thread may have no further call */
}

/* CPU ids. */

size_t bsam_threads(void)
{
    size_t threads = __atomic_load_n(&owned, __ATOMIC_RELAXED);
    return threads != 0 ? threads : 1;
}

static void set_owned(unsigned id, bsa_cpu *cpu)
{
    owners[id].cpu = cpu;
    __atomic_store_n(&owned, cpu != NULL ? owned + 1 : owned - 1, __ATOMIC_RELAXED);
}

/* The registry is locked, here and below. */
static void return_id(unsigned id)
{
    bsa_heap_cpu_offline(bsam_heap, id);
    set_owned(id, NULL);
    if (id < first_free)
        first_free = id;
}

static bool in_heap(const bsa_cpu *cpu)
{
    return __atomic_load_n(&cpu->inside, __ATOMIC_ACQUIRE) == BSAM_IN_HEAP;
}

/* Takes the id of a thread back that has gone without returning it. Where that one was in the heap
 * nobody touches its CPU again, which may be in the middle of a change. */
static void return_if_gone(unsigned id)
{
    bsa_cpu *cpu = owners[id].cpu;
    if (cpu == NULL || pthread_mutex_trylock(&owners[id].alive) != EOWNERDEAD)
        return;
    pthread_mutex_consistent(&owners[id].alive);
    pthread_mutex_unlock(&owners[id].alive);
    if (in_heap(cpu)) {
        owners[id].unfit = true;
        set_owned(id, NULL);
    } else {
        return_id(id);
    }
}

/* An id that nobody has, or 0. */
static unsigned find_id(void)
{
    while (first_free < cpus && (owners[first_free].cpu != NULL || owners[first_free].unfit))
        first_free++;
    return first_free < cpus ? first_free : 0;
}

/* The id of a thread that has gone, or 0. Each call looks after one of them. */
static unsigned find_gone(void)
{
    static unsigned suspect;
    if (first_unused == 1)
        return 0;
    suspect = suspect % (first_unused - 1) + 1;
    return_if_gone(suspect);
    return owners[suspect].cpu == NULL && !owners[suspect].unfit ? suspect : 0;
}

/*
 * The CPU of an id, or NULL. One without memory never gets any, and is passed over; the next is
 * asked for when the heap has grown or much more of it is free, lest one shortage use all of them
 * up. Where there was no memory for the table in which the CPU would be found, nothing has been
 * settled, and that id is asked for again.
 */
static bsa_cpu *find_cpu(unsigned id)
{
    size_t regions = bsa_heap_section_count(bsam_heap);
    size_t spare = bsai_buddy_free_pages(&bsam_heap->buddy);
    if (id == 0 || (id >= first_unused && regions == starved && spare < enough))
        return NULL;
    bsa_cpu *cpu = bsa_heap_cpu(bsam_heap, id);
    if (!cpu->locked)
        return cpu;
    owners[id].unfit = bsai_heap_peek_cpu(bsam_heap, id) != NULL;
    starved = regions;
    enough = 2 * spare + ENOUGH_LEAST;
    return NULL;
}

/* Gives the thread an id of its own, if there is one with memory for its CPU. */
static void take_id(struct bsam_thread *t)
{
    unsigned id = find_id();
    bsa_cpu *cpu = find_cpu(id);
    if (cpu == NULL)
        cpu = find_cpu(id = find_gone());
    if (cpu == NULL || pthread_setspecific(key, t) != 0)
        return;
    pthread_mutex_init(&owners[id].alive, &robust);
    pthread_mutex_lock(&owners[id].alive);
    bsa_heap_cpu_online(bsam_heap, id);
    set_owned(id, cpu);
    if (id >= first_unused)
        first_unused = id + 1;
    t->id = id;
    mark(&cpu->inside, BSAM_AT_DOOR); /* as t->inside is: a signal handler looks at either now */
    bsam_fence();
    t->own = t->cpu = cpu;
}

/*
 * The end of a thread. One that a signal handler ends in the middle of a call, or that has left a
 * call by way of a handler's longjmp, stays there: return_if_gone finds it. Destructors of other
 * keys may allocate and free still, without an id: to keep it until the last round of destructors
 * would lose it where a destructor's call was the thread's first, as nobody tells which round that
 * was.
 */
static void thread_ends(void *value)
{
    struct bsam_thread *t = value;
    unsigned id = t->id;
    if (*bsam_inside(t) != BSAM_OUTSIDE)
        return;
    mark(&t->inside, BSAM_AT_DOOR);
    mark(bsam_inside(t), BSAM_AT_DOOR);
    bsam_fence();
    pthread_mutex_lock(&registry);
    t->ended = true;
    t->cpu = &bsam_nobody;
    t->own = NULL;
    t->id = 0;
    pthread_mutex_unlock(&owners[id].alive);
    return_id(id);
    pthread_mutex_unlock(&registry);
    leave();
}

static bool barrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static void barrier_in_each_thread(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

/* The first call of all. */
static void make_heap(void)
{
    static const struct bsa_platform platform = {
        .size = sizeof(platform), .cpu_id = cpu_id, .fault = fault, .relax = relax};
    struct bsam_config config;
    int saved = errno;
    bsam_config_read(&config);
    bool alone = config.cpus > 1 && barrier_register() &&
                 pthread_key_create(&key, thread_ends) == 0 &&
                 pthread_mutexattr_init(&robust) == 0 &&
                 pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) == 0;
    if (!alone)
        config.cpus = 1;
    if (bsam_heap_make(&config, &platform)) {
        shared_cpu = bsa_heap_cpu(bsam_heap, 0);
        cpus = config.cpus;
        bsam_started(&config);
    }
    errno = saved;
}

/* The door. */

static void free_deferred(bsa_cpu *cpu)
{
    void *p = __atomic_exchange_n(&bsam_self.deferred, NULL, __ATOMIC_ACQUIRE);
    while (p != NULL) {
        void *next = *(void **)p;
        if (bsam_give(cpu, p) != BSA_OK)
            bsam_leave(); /* for good */
        p = next;
    }
}

bsa_cpu *bsam_enter(void)
{
    struct bsam_thread *t = &bsam_self;
    mark(bsam_inside(t), BSAM_AT_DOOR);
    bsam_fence();
    if (!t->ended) {
        pthread_mutex_lock(&registry);
        if (bsam_heap == NULL)
            make_heap();
        if (bsam_heap == NULL) {
            pthread_mutex_unlock(&registry);
            mark(bsam_inside(t), BSAM_OUTSIDE);
            return NULL;
        }
        if (t->own == NULL)
            take_id(t);
        if (t->own != NULL) {
            __atomic_store_n(&t->own->shut, 0, __ATOMIC_RELAXED);
            mark(&t->own->inside, BSAM_IN_HEAP);
        }
        pthread_mutex_unlock(&registry);
    }
    bsa_cpu *cpu = t->own;
    if (cpu == NULL) {
        pthread_mutex_lock(&shared);
        cpu = shared_cpu;
    }
    if (BSAM_UNLIKELY(t->deferred != NULL))
        free_deferred(cpu);
    return cpu;
}

void bsam_leave(void)
{
    if (bsam_self.own == NULL)
        pthread_mutex_unlock(&shared);
    leave();
}

void bsam_defer(struct bsam_thread *t, void *p)
{
    void *first = __atomic_load_n(&t->deferred, __ATOMIC_RELAXED);
    do {
        *(void **)p = first;
    } while (!__atomic_compare_exchange_n(&t->deferred, &first, p, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    if (t->own != NULL) /* the next call takes the slow path, as others do at any time */
        __atomic_store_n(&t->own->shut, 1, __ATOMIC_RELAXED);
}

/* Quiescence. */

bool bsam_quiesce(void)
{
    struct bsam_thread *t = &bsam_self;
    if (*bsam_inside(t) != BSAM_OUTSIDE || __atomic_load_n(&bsam_heap, __ATOMIC_ACQUIRE) == NULL)
        return false;
    mark(bsam_inside(t), BSAM_AT_DOOR);
    bsam_fence();
    pthread_mutex_lock(&registry);
    pthread_mutex_lock(&shared);
    for (unsigned id = 1; id < first_unused; id++) {
        return_if_gone(id);
        if (owners[id].cpu != NULL && id != t->id)
            __atomic_store_n(&owners[id].cpu->shut, 1, __ATOMIC_RELAXED);
    }
    if (cpus > 1)
        barrier_in_each_thread();
    for (unsigned id = 1; id < first_unused; id++) {
        while (owners[id].cpu != NULL && id != t->id && in_heap(owners[id].cpu)) {
            sched_yield();
            return_if_gone(id);
        }
    }
    /* A forked child, another thread, takes it for itself; one that was forked by a signal handler,
     * so that nobody was stopped, does so here. */
    if (t->id != 0 && pthread_mutex_unlock(&owners[t->id].alive) != 0)
        pthread_mutex_init(&owners[t->id].alive, &robust);
    return true;
}

void bsam_resume(void)
{
    if (bsam_self.id != 0)
        pthread_mutex_lock(&owners[bsam_self.id].alive);
    pthread_mutex_unlock(&shared);
    pthread_mutex_unlock(&registry);
    leave();
}

void bsam_drain_all(void)
{
    for (unsigned id = 0; id < first_unused; id++) {
        if (id == bsam_self.id) {
            bsa_heap_drain(bsam_heap, id);
        } else if (id == 0 || owners[id].cpu != NULL) {
            bsa_heap_cpu_offline(bsam_heap, id);
            bsa_heap_cpu_online(bsam_heap, id);
        }
    }
}

void bsam_forget_others(void)
{
    for (unsigned id = 1; id < first_unused; id++) {
        if (owners[id].cpu != NULL && id != bsam_self.id)
            return_id(id);
    }
    first_free = 1;
}
